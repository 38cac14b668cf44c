//! Short messages (3GPP TS 23.040, alphabets of TS 23.038): parts, headers, alphabets, and the business card.
//!
//! The way out: [`split_text`], [`split_8bit`] or [`card::Card::split`] make [`Part`]s. The way back: [`join`] for parts at hand,
//! [`Reassembler`] for parts that arrive one by one. Nothing here panics on outside input.

pub mod card;
mod dcs;
pub mod gsm7;
mod join;
mod reassembly;
mod split;
pub mod udh;

pub use dcs::{Alphabet, alphabet};
pub use join::{JoinError, Joined, Received, join};
pub use reassembly::{Limits, Reassembler, Taken};
pub use split::{Part, SplitError, Text, split_8bit, split_text};
pub use udh::Reference;
