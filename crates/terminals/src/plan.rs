//! A plan: the difference between desired entries and shadow, immutable, with the planner's reasons.

use crate::profile::ProfileError;
use crate::{
    CardProfile, ChannelKind, Desired, EntryKey, LeftOut, Shadow, SlotNo, TerminalProfile,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// Everything a plan depends on. The same input gives the same plan.
#[derive(Debug, Clone)]
pub struct PlanInput<'a> {
    /// How the terminal is reached.
    pub channel: ChannelKind,
    /// How its card is written (SIM OTA).
    pub card: Option<&'a CardProfile>,
    /// What the phone can hold and show.
    pub terminal: &'a TerminalProfile,
    /// What it should hold.
    pub desired: &'a Desired,
    /// What it is proven to hold.
    pub shadow: &'a Shadow,
    /// Where entries were placed before: it sticks.
    pub placement: &'a BTreeMap<EntryKey, SlotNo>,
    /// Slots freed before, oldest first: reused last.
    pub freed: &'a [SlotNo],
    /// Write everything again, whatever the shadow says.
    pub everything: bool,
}

/// One slot's new content, absolute (rule 3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// Where.
    pub slot: SlotNo,
    /// The whole record; all FF clears it.
    #[serde(with = "hex::serde")]
    pub content: Vec<u8>,
    /// Whose entry it is; none when the slot is cleared or is an EF_EXT1 record.
    pub entry: Option<EntryKey>,
}

/// What a packet is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Writes slots.
    Write,
    /// Reads one slot back, or for the first time.
    Read(SlotNo),
    /// A harmless exchange that proves keys, route and answer.
    Test,
}

/// One secured command (or one business card) of a plan, before it has a counter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPacket {
    /// What for.
    pub purpose: Purpose,
    /// The compact command script (SIM OTA) or the vCard (business card).
    #[serde(with = "hex::serde")]
    pub payload: Vec<u8>,
    /// For every command of the script, in order, the index in `Plan::writes` that it carries out (none: SELECT, READ).
    pub commands: Vec<Option<usize>>,
    /// SMS parts it takes.
    pub parts: u8,
    /// Octets of user data in all parts, headers included.
    pub octets: u16,
}

/// An entry as this phone will show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownEntry {
    /// Whose.
    pub key: EntryKey,
    /// Where.
    pub slot: SlotNo,
    /// The name as shown.
    pub name: String,
    /// The number as shown.
    pub number: String,
    /// The name was cut.
    pub cut: bool,
    /// The octets that stand for it (without EF_EXT1), to compare with the shadow.
    #[serde(with = "hex::serde")]
    pub content: Vec<u8>,
}

/// The cheapest way from the shadow to the desired entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What is written, in order.
    pub writes: Vec<Write>,
    /// How it is sent, in order.
    pub packets: Vec<PlannedPacket>,
    /// Slots that must be read before the rest can be planned (a card in use). When not empty, `packets` are these reads only.
    pub reads: Vec<SlotNo>,
    /// Where every entry stands once the plan is done. Entries that are not wanted now keep the place they had, as long
    /// as nobody else took it, so that an undone deletion comes back to it.
    pub placement: BTreeMap<EntryKey, SlotNo>,
    /// Slots that this plan frees.
    pub freed: BTreeSet<SlotNo>,
    /// Every desired entry that fits, as the phone will show it, in order of importance.
    pub shown: Vec<ShownEntry>,
    /// What does not fit, with reasons.
    pub left_out: Vec<LeftOut>,
    /// Entries the terminal can hold for Kith, as far as is known.
    pub capacity: u16,
    /// Why the plan is what it is: sentences.
    pub reasons: Vec<String>,
}

impl Plan {
    /// SMS parts in all.
    pub fn parts(&self) -> u32 {
        self.packets.iter().map(|p| u32::from(p.parts)).sum()
    }
    /// Octets of user data in all.
    pub fn octets(&self) -> u32 {
        self.packets.iter().map(|p| u32::from(p.octets)).sum()
    }
}

/// Why there can be no plan.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// SIM OTA without a card profile.
    #[error("This terminal is written over its SIM and names no card profile: give it one.")]
    NoCard,
    /// The card profile is wrong.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// One write does not fit a packet of the most parts allowed.
    #[error(
        "One record does not fit a command of {max_parts} parts: raise max_parts in the card profile."
    )]
    Room {
        /// The card profile's most.
        max_parts: u8,
    },
}

/// The cheapest way from the shadow to the desired entries: first the fewest writes, then the fewest SMS parts.
///
/// # Errors
/// [`PlanError`] when the profile does not allow any plan; what merely does not fit is in [`Plan::left_out`].
pub fn plan(input: &PlanInput) -> Result<Plan, PlanError> {
    match input.channel {
        ChannelKind::SimOta => crate::sim::plan(input),
        ChannelKind::SmsCard => Ok(crate::card_sms::plan(input)),
    }
}

/// The indices of `Plan::writes` that are proven by an answer saying that `executed` commands of this packet ran, the
/// last one with status word `sw`. The count includes a command that failed (ETSI TS 102 226 §5.2.1.2).
pub fn applied(packet: &PlannedPacket, executed: u8, sw: u16) -> Vec<usize> {
    // 90xx and 91xx (a proactive command waits) are success; so is 61xx (data waits), from older cards.
    let ok = matches!(sw >> 8, 0x90 | 0x91 | 0x61);
    let done = usize::from(executed).saturating_sub(usize::from(!ok));
    packet
        .commands
        .iter()
        .take(done)
        .filter_map(|write| *write)
        .collect()
}
