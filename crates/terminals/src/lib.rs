//! Terminals: what a terminal can hold (profiles), what it should hold (desired entries), what is proven to be on it
//! (shadow), the cheapest way from one to the other (plan, with reasons), and a file a channel. Pure.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod card_sms;
pub mod channel;
pub mod desired;
pub mod encode;
pub mod entries;
pub mod plan;
pub mod profile;
pub mod shadow;
pub mod sim;

pub use channel::{ChannelKind, Proof};
pub use desired::{Content, Desired, EntryKey, LeftOut, LeftOutReason, Wanted, desired};
pub use encode::{PacketError, ProofError, UserData, encode_packet, read_proof};
pub use entries::{EntryState, EntryView, TerminalStatus, Was, entries};
pub use plan::{
    Plan, PlanError, PlanInput, PlannedPacket, Purpose, ShownEntry, Write, applied, plan,
};
pub use profile::{CardProfile, ProfileError, TerminalProfile};
pub use shadow::{Owner, Shadow, SlotNo, SlotState};
