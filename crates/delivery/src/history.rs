//! The last hour of a gateway or network, a bucket a minute: for lines in the console, shares and rules. Bounded.
//! Its `now` is ms of a clock that nobody sets: one set back by an hour would hide all that goes wrong in that hour.

use std::collections::VecDeque;

/// Minutes that are kept.
pub const MINUTES: usize = 60;
/// One minute, ms.
const MINUTE: i64 = 60_000;

/// What happened in one minute. A gateway takes and refuses messages and brings receipts; in a network they arrive,
/// fail, or their terminals are away.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Minute {
    /// Messages that the gateway took; those that went to the network.
    pub taken: u32,
    /// Refused by the gateway, or without answer; given up by the network.
    pub failed: u32,
    /// Receipts of the gateway; messages that arrived in the network.
    pub arrived: u32,
    /// Messages whose terminal was off or away.
    pub absent: u32,
    /// Sum of the times measured, ms: submit to answer, hand-over to receipt.
    pub waited: f64,
    /// How many were measured.
    pub measured: u32,
}

impl Minute {
    /// The mean time, ms; none when nothing was measured.
    pub fn mean(&self) -> Option<f64> {
        (self.measured > 0).then(|| self.waited / f64::from(self.measured))
    }

    /// One more measurement, ms.
    pub fn measure(&mut self, ms: f64) {
        self.waited += ms;
        self.measured += 1;
    }

    fn add(&mut self, other: &Self) {
        self.taken += other.taken;
        self.failed += other.failed;
        self.arrived += other.arrived;
        self.absent += other.absent;
        self.waited += other.waited;
        self.measured += other.measured;
    }
}

/// The last 60 minutes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// The number of the newest bucket, in minutes of the steady clock.
    newest: i64,
    /// Oldest first.
    minutes: VecDeque<Minute>,
}

impl History {
    /// The bucket of this moment; of an earlier one, the newest.
    pub fn at(&mut self, now: i64) -> &mut Minute {
        let minute = now.div_euclid(MINUTE);
        if self.minutes.is_empty() {
            self.newest = minute;
            self.minutes.push_back(Minute::default());
        }
        let passed = usize::try_from(minute - self.newest).unwrap_or(0);
        if passed > 0 {
            self.newest = minute;
        }
        for _ in 0..passed.min(MINUTES) {
            if self.minutes.len() >= MINUTES {
                self.minutes.pop_front();
            }
            self.minutes.push_back(Minute::default());
        }
        let last = self.minutes.len() - 1;
        &mut self.minutes[last]
    }

    /// The hour before `now`, oldest first: as long as something is known, and to the present minute.
    pub fn hour(&self, now: i64) -> Vec<Minute> {
        let quiet = usize::try_from(now.div_euclid(MINUTE) - self.newest).unwrap_or(0);
        let quiet = if self.minutes.is_empty() { 0 } else { quiet };
        let known = self.minutes.iter().copied();
        let all: Vec<_> = known
            .chain(std::iter::repeat_n(Minute::default(), quiet.min(MINUTES)))
            .collect();
        let first = all.len().saturating_sub(MINUTES);
        all.get(first..).unwrap_or_default().to_vec()
    }

    /// The sum of the last `minutes` and the present one.
    pub fn recent(&self, now: i64, minutes: i64) -> Minute {
        let mut sum = Minute::default();
        let oldest = now.div_euclid(MINUTE) - minutes;
        for (back, minute) in (0_i64..).zip(self.minutes.iter().rev()) {
            if self.newest - back < oldest {
                break;
            }
            sum.add(minute);
        }
        sum
    }

    /// Adds another's minutes: one network, reached by two gateways.
    pub fn merge(&mut self, other: &Self) {
        if other.minutes.is_empty() {
            return;
        }
        self.at(other.newest * MINUTE);
        for (back, minute) in (0_i64..).zip(other.minutes.iter().rev()) {
            let Ok(back) = usize::try_from(self.newest - (other.newest - back)) else {
                continue;
            };
            while self.minutes.len() <= back && self.minutes.len() < MINUTES {
                self.minutes.push_front(Minute::default());
            }
            let place = self.minutes.len().checked_sub(back + 1);
            if let Some(own) = place.and_then(|place| self.minutes.get_mut(place)) {
                own.add(minute);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(taken: &[(i64, u32)]) -> History {
        let mut history = History::default();
        for (minute, taken) in taken {
            history.at(minute * MINUTE + 7).taken += taken;
        }
        history
    }

    fn line(history: &History, now: i64) -> Vec<u32> {
        let hour = history.hour(now * MINUTE);
        hour.iter().map(|minute| minute.taken).collect()
    }

    #[test]
    fn minutes_without_anything_are_there_and_an_hour_is_kept() {
        assert_eq!(line(&History::default(), 5), [] as [u32; 0]);
        let history = of(&[(10, 1), (10, 2), (13, 4)]);
        assert_eq!(line(&history, 14), [3, 0, 0, 4, 0]);
        assert_eq!(line(&history, 10 + 60).len(), MINUTES);
        assert_eq!(line(&history, 13 + 60), [0; MINUTES]);
        let long = of(&(0..500).map(|m| (m, 1)).collect::<Vec<_>>());
        assert_eq!(long.minutes.len(), MINUTES);
        assert_eq!(
            of(&[(10, 1), (9_999, 2)])
                .minutes
                .iter()
                .map(|m| m.taken)
                .sum::<u32>(),
            2
        );
    }

    #[test]
    fn what_comes_after_its_minute_is_not_lost() {
        assert_eq!(line(&of(&[(10, 1), (3, 2)]), 10), [3]);
    }

    #[test]
    fn the_recent_minutes_are_summed() {
        let history = of(&[(10, 1), (13, 4), (14, 8)]);
        let recent = |minutes| history.recent(14 * MINUTE, minutes).taken;
        assert_eq!((recent(0), recent(1), recent(4)), (8, 12, 13));
        assert_eq!(history.recent(90 * MINUTE, 15), Minute::default());
    }

    #[test]
    fn two_histories_of_one_network_are_one() {
        type Taken = &'static [(i64, u32)];
        let rows: &[(Taken, Taken, &[u32])] = &[
            (&[(10, 1), (12, 2)], &[(11, 4), (12, 8)], &[1, 4, 10]),
            (&[(12, 2)], &[(10, 4)], &[4, 0, 2]),
            (&[(10, 4)], &[(12, 2)], &[4, 0, 2]),
            (&[], &[(11, 4), (12, 1)], &[4, 1]),
        ];
        for (a, b, sum) in rows {
            let mut merged = of(a);
            merged.merge(&of(b));
            assert_eq!(line(&merged, 12), *sum, "{a:?} and {b:?}");
        }
    }
}
