//! The heart of Kith: what happened, what is known and what time it is go in; ordered effects come out. Whoever carries
//! them out records first and sends then, and may die after any of them. No clock, no store, no socket.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod alert;
pub mod audit;
pub mod breaker;
pub mod campaign;
pub mod counter;
pub mod decide;
pub mod event;
pub mod fence;
pub mod history;
pub mod network;
pub mod offer;
pub mod outbound;
pub mod ownership;
pub mod pace;
pub mod policy;
pub mod route;
pub mod schedule;
pub mod slices;
pub mod state;

pub use audit::{Stored, Violation, audit, audit_at};
pub use campaign::{Campaign, CampaignNo, CampaignState, Carried, Layer, Progress, Step};
pub use counter::{CounterEnd, Recheck, after_restore, goes_on_at, new_card, next_counter};
pub use decide::{Action, Answer, Happening, World, decide, decide_not_before};
pub use event::{Class, Event, NetworkError, ReceiptState};
pub use fence::Fence;
pub use outbound::{Lane, Outbound, PartRef, Target};
pub use ownership::{Clocks, Decision, Outcome, Owned, Ownership, Times};
pub use policy::Policy;
pub use slices::{Lease, NodeId, SLICES, Slices};
pub use state::{
    Due, Hold, HoldState, Need, Notice, Packet, PacketState, Part, PartState, Record, Shipment,
    ShipmentId, ShipmentKind, ShipmentState, Terminal, TerminalId, Trouble,
};
