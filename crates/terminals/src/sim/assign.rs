//! Which entry goes to which record: the fewest writes, then the fewest surprises.

use super::record::Record;
use crate::{CardProfile, Owner, PlanInput, SlotNo, SlotState, Wanted};
use std::collections::{BTreeMap, BTreeSet};

/// An entry that is to be on the card.
#[derive(Debug, Clone)]
pub(crate) struct Item<'a> {
    pub wanted: &'a Wanted,
    pub record: Record,
}

/// Where an entry goes and what must be written for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub slot: SlotNo,
    pub write_adn: bool,
    /// The end of a long number.
    pub ext1: Tail,
}

/// An EF_EXT1 record and whether it must be written; none for a short number.
type Tail = Option<(u8, bool)>;

/// The outcome.
#[derive(Debug, Clone, Default)]
pub(crate) struct Assignment {
    /// A place for every item, in their order. Where `reads` is not empty some are still a guess.
    pub places: Vec<Place>,
    /// Records of ours that nobody wants any more.
    pub clears: Vec<SlotNo>,
    /// Records that must be read first.
    pub reads: BTreeSet<SlotNo>,
    /// Items for whose long number no EF_EXT1 record is left: nothing else here counts then.
    pub no_ext1: BTreeSet<usize>,
}

/// The records that Kith may write, and what is known of each (the owner's own are not among them).
pub(crate) fn usable(card: &CardProfile, input: &PlanInput) -> BTreeMap<SlotNo, SlotState> {
    let (first, last) = card.usable();
    (first..=last)
        .map(|n| SlotNo(n.into()))
        .map(|slot| (slot, input.shadow.get(slot)))
        .filter(|(_, state)| state.owner != Owner::Foreign)
        .collect()
}

/// A record of ours, or one that a write of unknown fate went to: whatever is wanted must be written (rule 5).
fn must_be_right(state: &SlotState) -> bool {
    matches!(state.owner, Owner::Ours(_)) || (state.doubt && state.owner == Owner::Free)
}

pub(crate) fn assign(card: &CardProfile, input: &PlanInput, items: &[Item]) -> Assignment {
    let mut work = Work::new(card, input, items);
    work.keys();
    work.standing(Work::stands, |_, _| true);
    // Who finds the end of the number in another record can do without this one: those who cannot are asked first.
    work.standing(Work::stands_but_for_ext1, |work, i| !work.tail_stands(i));
    work.standing(Work::stands_but_for_ext1, |_, _| true);
    work.stale();
    work.free();
    work.ext1();
    work.done()
}

struct Work<'a> {
    card: &'a CardProfile,
    input: &'a PlanInput<'a>,
    items: &'a [Item<'a>],
    slots: BTreeMap<SlotNo, SlotState>,
    /// Records that an item must have (speed dial = record).
    forced: BTreeMap<SlotNo, usize>,
    taken: BTreeMap<SlotNo, usize>,
    places: Vec<Option<Place>>,
    ext1_taken: BTreeSet<u8>,
    reads: BTreeSet<SlotNo>,
    no_ext1: BTreeSet<usize>,
}

impl<'a> Work<'a> {
    fn new(card: &'a CardProfile, input: &'a PlanInput<'a>, items: &'a [Item<'a>]) -> Self {
        Self {
            card,
            input,
            items,
            slots: usable(card, input),
            forced: BTreeMap::new(),
            taken: BTreeMap::new(),
            places: vec![None; items.len()],
            ext1_taken: BTreeSet::new(),
            reads: BTreeSet::new(),
            no_ext1: BTreeSet::new(),
        }
    }

    /// Where the key is the record number, the record is not ours to choose.
    fn keys(&mut self) {
        if !self.card.speed_dial_is_record {
            return;
        }
        for (i, item) in self.items.iter().enumerate() {
            let slot = item.wanted.speed_dial.map(|key| SlotNo(key.into()));
            if let Some(slot) = slot.filter(|slot| self.slots.contains_key(slot)) {
                self.forced.entry(slot).or_insert(i);
            }
        }
    }

    fn may_have(&self, i: usize, slot: SlotNo) -> bool {
        let must = self
            .forced
            .iter()
            .find(|(_, who)| **who == i)
            .map(|(slot, _)| *slot);
        !self.taken.contains_key(&slot)
            && match must {
                Some(must) => must == slot,
                None => !self.forced.contains_key(&slot),
            }
    }

    fn own(&self, i: usize) -> Option<SlotNo> {
        self.items
            .get(i)
            .and_then(|item| self.input.placement.get(&item.wanted.key))
            .copied()
    }

    fn open(&self) -> Vec<usize> {
        (0..self.items.len())
            .filter(|i| self.places.get(*i).is_some_and(Option::is_none))
            .collect()
    }

    fn put(&mut self, i: usize, slot: SlotNo, write_adn: bool, ext1: Tail) {
        self.taken.insert(slot, i);
        if let Some((record, _)) = ext1 {
            self.ext1_taken.insert(record);
        }
        if let Some(place) = self.places.get_mut(i) {
            *place = Some(Place {
                slot,
                write_adn,
                ext1,
            });
        }
    }

    /// Entries whose octets stand already stay there: at their own place first, then wherever the same octets stand.
    fn standing(
        &mut self,
        stands: fn(&Self, usize, SlotNo) -> Option<Tail>,
        who: fn(&Self, usize) -> bool,
    ) {
        if self.input.everything {
            return;
        }
        for own_only in [true, false] {
            for i in self.open() {
                if !who(self, i) {
                    continue;
                }
                let own = self.own(i);
                let slots: Vec<SlotNo> = self.slots.keys().rev().copied().collect();
                let found = slots.into_iter().find_map(|slot| {
                    let mine = own == Some(slot)
                        || self.slots.get(&slot).is_some_and(|s| {
                            self.items
                                .get(i)
                                .is_some_and(|item| s.owner == Owner::Ours(item.wanted.key))
                        });
                    ((mine || !own_only) && self.may_have(i, slot))
                        .then(|| stands(self, i, slot))
                        .flatten()
                        .map(|ext1| (slot, ext1))
                });
                if let Some((slot, ext1)) = found {
                    self.put(i, slot, false, ext1);
                }
            }
        }
    }

    /// The EF_EXT1 octet of the record at `slot`, when the rest of it is proven to be what item `i` wants.
    fn base_stands(&self, i: usize, slot: SlotNo) -> Option<u8> {
        let state = self.slots.get(&slot)?;
        let (pointer, base) = state.content.split_last()?;
        let (_, wanted) = self.items.get(i)?.record.adn.split_last()?;
        (matches!(state.owner, Owner::Ours(_)) && !state.doubt && base == wanted)
            .then_some(*pointer)
    }

    fn stands(&self, i: usize, slot: SlotNo) -> Option<Tail> {
        let pointer = self.base_stands(i, slot)?;
        match &self.items.get(i)?.record.ext1 {
            None => (pointer == 0xFF).then_some(None),
            Some(tail) => {
                let right = self.ext1_usable(pointer) && self.ext1_holds(pointer, tail);
                right.then_some(Some((pointer, false)))
            }
        }
    }

    /// The record is right, what it points to is not: one write of EF_EXT1 moves the number from old to new at once.
    fn stands_but_for_ext1(&self, i: usize, slot: SlotNo) -> Option<Tail> {
        let pointer = self.base_stands(i, slot)?;
        self.items.get(i)?.record.ext1.as_ref()?;
        self.ext1_usable(pointer).then_some(Some((pointer, true)))
    }

    /// Some record of EF_EXT1 holds the end of the number of item `i`, and is free to be pointed to.
    fn tail_stands(&self, i: usize) -> bool {
        let tail = self.items.get(i).and_then(|item| item.record.ext1.as_ref());
        tail.is_some_and(|tail| {
            (1..=self.card.ext1_records).any(|r| self.ext1_usable(r) && self.ext1_holds(r, tail))
        })
    }

    /// Entries without a standing record take records that must be written anyway: one write instead of two.
    fn stale(&mut self) {
        let forced: Vec<(SlotNo, usize)> =
            self.forced.iter().map(|(slot, i)| (*slot, *i)).collect();
        for (slot, i) in forced {
            if self.places.get(i).is_some_and(Option::is_none) {
                if self
                    .slots
                    .get(&slot)
                    .is_some_and(|s| s.owner == Owner::Unknown)
                {
                    self.reads.insert(slot);
                }
                self.put(i, slot, true, None);
            }
        }
        let is_stale = |work: &Self, slot: SlotNo| work.slots.get(&slot).is_some_and(must_be_right);
        for i in self.open() {
            if let Some(own) = self
                .own(i)
                .filter(|own| is_stale(self, *own) && self.may_have(i, *own))
            {
                self.put(i, own, true, None);
            }
        }
        // Those whose own place is free would rather go there: they are asked last.
        let mut open = self.open();
        open.sort_by_key(|i| {
            self.own(*i)
                .is_some_and(|own| self.is_free(own) && self.may_have(*i, own))
        });
        for i in open {
            let slot = self
                .slots
                .keys()
                .rev()
                .copied()
                .find(|slot| is_stale(self, *slot) && self.may_have(i, *slot));
            if let Some(slot) = slot {
                self.put(i, slot, true, None);
            }
        }
    }

    fn is_free(&self, slot: SlotNo) -> bool {
        self.slots
            .get(&slot)
            .is_some_and(|s| s.owner == Owner::Free && !s.doubt)
    }

    /// The others go to free records: their own, else from the last one down (phones fill from the first), those freed
    /// before last of all. Where none is left, a record of a card in use is read.
    fn free(&mut self) {
        for i in self.open() {
            if let Some(own) = self
                .own(i)
                .filter(|own| self.is_free(*own) && self.may_have(i, *own))
            {
                self.put(i, own, true, None);
            }
        }
        let freed = |slot: SlotNo| {
            self.input
                .freed
                .iter()
                .position(|f| *f == slot)
                .map_or(0, |at| at + 1)
        };
        let mut free: Vec<SlotNo> = self
            .slots
            .keys()
            .rev()
            .copied()
            .filter(|slot| self.is_free(*slot))
            .collect();
        free.sort_by_key(|slot| freed(*slot));
        let unknown = self
            .slots
            .iter()
            .rev()
            .filter(|(_, s)| s.owner == Owner::Unknown)
            .map(|(slot, _)| *slot);
        free.extend(unknown);
        for i in self.open() {
            if let Some(slot) = free.iter().copied().find(|slot| self.may_have(i, *slot)) {
                if self
                    .slots
                    .get(&slot)
                    .is_some_and(|s| s.owner == Owner::Unknown)
                {
                    self.reads.insert(slot);
                }
                self.put(i, slot, true, None);
            }
        }
    }

    /// Every entry with a long number gets an EF_EXT1 record to itself: one that holds the right digits already, else one
    /// that no record points to, else one whose record is rewritten by this very plan.
    fn ext1(&mut self) {
        let need: Vec<usize> = (0..self.items.len())
            .filter(|i| {
                self.items
                    .get(*i)
                    .is_some_and(|item| item.record.ext1.is_some())
            })
            .filter(|i| {
                self.places
                    .get(*i)
                    .is_some_and(|p| p.is_some_and(|p| p.ext1.is_none()))
            })
            .collect();
        let records: Vec<u8> = (1..=self.card.ext1_records).rev().collect();
        for own_only in [true, false] {
            for &i in &need {
                let Some(tail) = self.items.get(i).and_then(|item| item.record.ext1.as_ref())
                else {
                    continue;
                };
                let holds = |r: &u8| self.ext1_usable(*r) && self.ext1_holds(*r, tail);
                let found = records
                    .iter()
                    .copied()
                    .find(|r| holds(r) && (!own_only || self.points_here(i, *r)));
                if let Some(record) = found.filter(|_| {
                    self.places
                        .get(i)
                        .is_some_and(|p| p.is_some_and(|p| p.ext1.is_none()))
                }) {
                    self.give_ext1(i, record, self.input.everything);
                }
            }
        }
        for i in need {
            if self
                .places
                .get(i)
                .is_some_and(|p| p.is_some_and(|p| p.ext1.is_some()))
            {
                continue;
            }
            let usable = |r: &u8| self.ext1_usable(*r);
            let found = records
                .iter()
                .copied()
                .find(|r| usable(r) && !self.pointed_to(*r))
                .or_else(|| records.iter().copied().find(usable));
            let unread = || records.iter().copied().find(|r| self.ext1_unread(*r));
            if let Some(record) = found {
                self.give_ext1(i, record, true);
            } else if let Some(record) = unread() {
                self.reads.insert(SlotNo::ext1(record));
                self.give_ext1(i, record, true);
            } else {
                self.no_ext1.insert(i);
            }
        }
    }

    fn give_ext1(&mut self, i: usize, record: u8, write: bool) {
        self.ext1_taken.insert(record);
        if let Some(Some(place)) = self.places.get_mut(i) {
            place.ext1 = Some((record, write));
        }
    }

    fn ext1_state(&self, record: u8) -> SlotState {
        self.input.shadow.get(SlotNo::ext1(record))
    }

    /// Whether Kith may use this EF_EXT1 record for one more entry.
    fn ext1_usable(&self, record: u8) -> bool {
        (1..=self.card.ext1_records).contains(&record)
            && !self.ext1_taken.contains(&record)
            && !matches!(
                self.ext1_state(record).owner,
                Owner::Foreign | Owner::Unknown
            )
            && !self
                .pointers(record)
                .any(|(_, state)| state.owner == Owner::Foreign)
    }

    fn ext1_unread(&self, record: u8) -> bool {
        !self.ext1_taken.contains(&record)
            && self.ext1_state(record).owner == Owner::Unknown
            && !self
                .pointers(record)
                .any(|(_, state)| state.owner == Owner::Foreign)
    }

    fn ext1_holds(&self, record: u8, tail: &[u8]) -> bool {
        let state = self.ext1_state(record);
        !state.doubt && state.content == tail
    }

    /// The records known to point to this EF_EXT1 record.
    fn pointers(&self, record: u8) -> impl Iterator<Item = (&SlotNo, &SlotState)> {
        let shadow = self.input.shadow.slots.iter();
        shadow.filter(move |(slot, state)| {
            slot.ext1_record().is_none() && state.content.last() == Some(&record)
        })
    }

    fn pointed_to(&self, record: u8) -> bool {
        self.pointers(record).next().is_some()
    }

    fn points_here(&self, i: usize, record: u8) -> bool {
        let own = self.own(i);
        let key = self.items.get(i).map(|item| Owner::Ours(item.wanted.key));
        self.pointers(record)
            .any(|(slot, state)| own == Some(*slot) || key == Some(state.owner))
    }

    fn done(self) -> Assignment {
        let records = self.card.records.into();
        // Also records outside the range (it may have been narrowed): what is ours there goes.
        let outside = self.input.shadow.slots.iter().filter(|(slot, state)| {
            slot.0 >= 1
                && slot.0 <= records
                && !self.slots.contains_key(slot)
                && must_be_right(state)
        });
        let inside = self
            .slots
            .iter()
            .filter(|(slot, state)| must_be_right(state) && !self.taken.contains_key(slot));
        let clears: BTreeSet<SlotNo> = inside.chain(outside).map(|(slot, _)| *slot).collect();
        Assignment {
            places: self.places.into_iter().flatten().collect(),
            clears: clears.into_iter().collect(),
            reads: self.reads,
            no_ext1: self.no_ext1,
        }
    }
}
