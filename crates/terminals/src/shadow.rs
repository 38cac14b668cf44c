//! The shadow: what is proven to be in every slot of a terminal. It moves only on proof (rule 4).

use crate::{EntryKey, Proof, Write};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

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

impl Shadow {
    /// Moves on proof that `write` stands (rule 4): cleared records are free, EF_EXT1 records nobody's with their content.
    pub fn apply(&mut self, write: &Write, proof: Proof, at: i64) {
        let cleared = crate::sim::is_blank(&write.content);
        let state = SlotState {
            content: if cleared {
                Vec::new()
            } else {
                write.content.clone()
            },
            owner: write.entry.map_or(Owner::Free, Owner::Ours),
            proof,
            since: Some(at),
            doubt: false,
        };
        self.slots.insert(write.slot, state);
    }

    /// A write to `slot` went out and its fate is not known (rule 5). What was proven before stays on record.
    pub fn doubt(&mut self, slot: SlotNo) {
        let state = self.get(slot);
        self.slots.entry(slot).or_insert(state).doubt = true;
    }

    /// The store is an older copy, and may have forgotten writes: no record of ours stands for certain any more. On a card
    /// that began blank these are all from `first` to `last`, but for those read to be the owner's; on a card in use what
    /// was free then may hold what its owner typed since, and nothing on it says who wrote it. Gives the slots.
    pub fn doubt_ours(&mut self, first: u8, last: u8) -> Vec<SlotNo> {
        let known = self.slots.iter().filter(|(slot, state)| {
            // Records of EF_EXT1 are nobody's by name.
            let tail = slot.ext1_record().is_some() && state.owner == Owner::Free;
            matches!(state.owner, Owner::Ours(_)) || (tail && !state.content.is_empty())
        });
        let mut ours: BTreeSet<SlotNo> = known.map(|(slot, _)| *slot).collect();
        if !self.in_use {
            let range = (first..=last).map(|n| SlotNo(n.into()));
            ours.extend(range.filter(|slot| self.get(*slot).owner == Owner::Free));
        }
        ours.iter().for_each(|slot| self.doubt(*slot));
        ours.into_iter().collect()
    }

    /// What `slot` was read to hold.
    ///
    /// A record that was never read is free when blank and the owner's otherwise. One of ours with other octets is the
    /// owner's now, unless a write of unknown fate went there: then it stays ours, and is written again if it is wrong.
    pub fn read(&mut self, slot: SlotNo, octets: &[u8], at: i64) {
        let before = self.get(slot);
        let found = crate::sim::owner_of_read(slot, octets);
        let owner = match before.owner {
            _ if found == Owner::Free => Owner::Free,
            Owner::Ours(_) if before.doubt || before.content == octets => before.owner,
            // EF_EXT1 records of ours, and doubted free ones, carry no key.
            Owner::Free if before.doubt || before.content == octets => Owner::Free,
            _ => Owner::Foreign,
        };
        let content = if found == Owner::Free {
            Vec::new()
        } else {
            octets.to_vec()
        };
        // A doubted free record that is not blank holds our late write, whoever it was for: it must still be put right.
        let doubt = owner == Owner::Free && before.doubt && !content.is_empty();
        self.slots.insert(
            slot,
            SlotState {
                content,
                owner,
                proof: Proof::Verified,
                since: Some(at),
                doubt,
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use book::{FriendNo, NumberNo};

    const KEY: EntryKey = EntryKey {
        friend: FriendNo(1),
        number: NumberNo(1),
    };

    #[track_caller]
    fn check(before: Owner, content: &[u8], doubt: bool, octets: &[u8], after: Owner) {
        let mut shadow = Shadow {
            in_use: true,
            ..Shadow::default()
        };
        let state = SlotState {
            content: content.to_vec(),
            owner: before,
            doubt,
            ..SlotState::default()
        };
        shadow.slots.insert(SlotNo(7), state);
        shadow.read(SlotNo(7), octets, 5);
        assert_eq!(shadow.get(SlotNo(7)).owner, after);
        assert_eq!(shadow.get(SlotNo(7)).proof, Proof::Verified);
    }

    #[test]
    fn of_an_older_copy_everything_of_ours_is_in_doubt() {
        for (in_use, want) in [(false, vec![1, 2, 4, 9, 0x101]), (true, vec![2, 9, 0x101])] {
            let mut shadow = Shadow {
                in_use,
                ..Shadow::default()
            };
            let known = [
                (2, Owner::Ours(KEY)),
                (3, Owner::Foreign),
                (9, Owner::Ours(KEY)),
                (0x101, Owner::Free),
                (0x102, Owner::Foreign),
            ];
            for (slot, owner) in known {
                let state = SlotState {
                    content: vec![1],
                    owner,
                    ..SlotState::default()
                };
                shadow.slots.insert(SlotNo(slot), state);
            }
            let want: Vec<_> = want.into_iter().map(SlotNo).collect();
            assert_eq!(shadow.doubt_ours(1, 4), want);
            assert!(want.iter().all(|slot| shadow.get(*slot).doubt));
        }
    }

    #[test]
    fn a_read_tells_whose_a_record_is() {
        check(Owner::Unknown, &[], false, &[0xFF; 28], Owner::Free);
        check(Owner::Unknown, &[], false, &[0xFF, 0xFF, 7], Owner::Foreign);
        check(Owner::Ours(KEY), &[1, 2], false, &[1, 2], Owner::Ours(KEY));
        check(Owner::Ours(KEY), &[1, 2], false, &[1, 3], Owner::Foreign);
        check(Owner::Ours(KEY), &[1, 2], true, &[1, 3], Owner::Ours(KEY));
        check(Owner::Ours(KEY), &[1, 2], true, &[0xFF, 0xFF], Owner::Free);
        check(Owner::Foreign, &[1, 2], false, &[1, 3], Owner::Foreign);
    }
}
