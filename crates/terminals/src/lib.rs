//! Terminals: what a terminal can hold (profiles), what it should hold (desired entries), what is proven to be on it
//! (shadow), the cheapest way from one to the other (plan, with reasons), and a file a channel. Pure.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod channel;
pub mod desired;
pub mod plan;
pub mod profile;
pub mod shadow;

pub use channel::{ChannelKind, Proof};
pub use desired::{Content, Desired, EntryKey, LeftOut, LeftOutReason, Wanted};
pub use plan::{Plan, PlanInput, PlannedPacket, Purpose, ShownEntry, Write};
pub use profile::{CardProfile, TerminalProfile};
pub use shadow::{Owner, Shadow, SlotNo, SlotState};
