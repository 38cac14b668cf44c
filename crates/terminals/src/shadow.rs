//! The shadow: what is proven to be in every slot of a terminal. It moves only on proof (rule 4).

use crate::{EntryKey, Proof};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A place for one entry: on a SIM the record number of EF_ADN (1–254); EF_EXT1 record *n* is `0x100 + n`; on
/// channels without slots a number that Kith gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SlotNo(pub u16);

impl SlotNo {
    /// EF_EXT1 record `n`.
    pub fn ext1(n: u8) -> Self {
        Self(0x100 + u16::from(n))
    }
    /// The EF_EXT1 record, when this slot is one.
    pub fn ext1_record(self) -> Option<u8> {
        self.0
            .checked_sub(0x100)
            .and_then(|n| u8::try_from(n).ok())
            .filter(|n| *n > 0)
    }
}

/// Whose content a slot holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// Nobody's: proven (or by a blank card's nature) free.
    #[default]
    Free,
    /// Written by Kith for this entry.
    Ours(EntryKey),
    /// The owner's own, typed on the phone, or an odd record: never touched, kept octet for octet.
    Foreign,
    /// Never read on a card in use: must be read before it is written.
    Unknown,
}

/// What is known of one slot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotState {
    /// The proven octets; empty when free or unknown.
    #[serde(with = "hex::serde")]
    pub content: Vec<u8>,
    /// Whose it is.
    pub owner: Owner,
    /// How well `content` is proven.
    pub proof: Proof,
    /// When that proof came, ms UTC.
    pub since: Option<i64>,
    /// A write to this slot went out and its fate is not known: whatever is wanted must be written again (rule 5).
    pub doubt: bool,
}

/// Every slot of a terminal that is not in its blank state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shadow {
    /// The known slots; a slot that is missing is `Free` on a blank card and `Unknown` on a card in use.
    pub slots: BTreeMap<SlotNo, SlotState>,
    /// Whether slots that are missing here are unknown (a card in use) rather than free.
    pub in_use: bool,
}

impl Shadow {
    /// What is known of `slot`.
    pub fn get(&self, slot: SlotNo) -> SlotState {
        self.slots.get(&slot).cloned().unwrap_or_else(|| SlotState {
            owner: if self.in_use {
                Owner::Unknown
            } else {
                Owner::Free
            },
            ..SlotState::default()
        })
    }
}
