//! When each shipment on its way is looked at again, in memory: rebuilt from the store at a start.

use delivery::{ShipmentId, Slices};
use std::collections::{BTreeSet, HashMap};

#[derive(Default)]
pub(super) struct Deadlines {
    by_time: BTreeSet<(i64, ShipmentId)>,
    of: HashMap<ShipmentId, i64>,
}

impl Deadlines {
    /// `id` is looked at again at `at`, ms UTC, and not at the time that stood there before.
    pub(super) fn set(&mut self, id: ShipmentId, at: i64) {
        if let Some(before) = self.of.insert(id, at) {
            self.by_time.remove(&(before, id));
        }
        self.by_time.insert((at, id));
    }

    pub(super) fn remove(&mut self, id: ShipmentId) {
        if let Some(at) = self.of.remove(&id) {
            self.by_time.remove(&(at, id));
        }
    }

    /// Forgets what lies in these slices.
    pub(super) fn forget(&mut self, slices: &Slices) {
        self.of.retain(|id, _| !slices.contains(id.slice()));
        self.by_time.retain(|(_, id)| !slices.contains(id.slice()));
    }

    /// Takes out what is overdue at `now`, the oldest first, at most so many.
    pub(super) fn take(&mut self, now: i64, most: usize) -> Vec<ShipmentId> {
        let late = self.by_time.iter().take_while(|(at, _)| *at <= now);
        let late: Vec<_> = late.take(most).map(|(_, id)| *id).collect();
        late.iter().for_each(|id| self.remove(*id));
        late
    }

    /// The next time, ms UTC.
    pub(super) fn next(&self) -> Option<i64> {
        self.by_time.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_come_first_and_a_new_time_replaces_the_old_one() {
        let mut deadlines = Deadlines::default();
        for (id, at) in [(1, 30), (2, 20), (3, 10), (1, 5)] {
            deadlines.set(ShipmentId(id), at);
        }
        deadlines.remove(ShipmentId(3));
        assert_eq!(deadlines.next(), Some(5));
        assert_eq!(deadlines.take(4, 9), []);
        assert_eq!(deadlines.take(20, 1), [ShipmentId(1)]);
        assert_eq!(deadlines.take(20, 9), [ShipmentId(2)]);
        assert_eq!(deadlines.next(), None);
    }
}
