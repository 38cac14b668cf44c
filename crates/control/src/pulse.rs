//! The console's figures over time, and how late edits reach the wire. Kept in memory: a restart begins anew.

use crate::{Control, locked};
use std::collections::VecDeque;
use store::{Counts, StoreError};

/// Between two samples, ms.
const BEAT: i64 = 10_000;
/// Samples that are kept: ten minutes.
const SAMPLES: usize = 60;
/// To count is cheap when it takes less than this, ms: then it is done whenever somebody asks.
const CHEAP: u64 = 200;
/// Edits whose way to the wire is remembered.
const EDITS: usize = 1000;

/// The figures at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// When, ms UTC.
    pub at: i64,
    /// What the store counted.
    pub counts: Counts,
}

/// What was counted last, by the monotonic clock, ms.
pub(crate) struct Counted {
    counts: Counts,
    /// When counting began: that is how new it is.
    begun: u64,
    /// So long it will do.
    until: u64,
}

/// How long figures will do that were counted between these two, ms of the monotonic clock.
fn fresh_until(begun: u64, ended: u64) -> u64 {
    match ended.saturating_sub(begun) {
        took if took < CHEAP => ended,
        took => ended.saturating_add(took.saturating_mul(99)),
    }
}

#[derive(Default)]
pub(crate) struct Pulse {
    /// When the last sample was begun, ms UTC.
    beat: Option<i64>,
    samples: VecDeque<Sample>,
    late: VecDeque<i64>,
}

impl Control {
    /// Takes a sample when one is due; one node `tidies` up.
    pub(crate) async fn beat(&self, tidies: bool) -> Result<(), StoreError> {
        let now = self.now();
        {
            let pulse = &mut *locked(&self.0.pulse);
            if pulse.beat.is_some_and(|at| now - at < BEAT) {
                return Ok(());
            }
            pulse.beat = Some(now);
        }
        // Answers, codes and sessions whose time is over (DECISIONS.md, “retention”).
        if tidies {
            self.store().expire(now).await?;
        }
        let counts = self.counts().await?;
        push(
            &mut locked(&self.0.pulse).samples,
            Sample { at: now, counts },
            SAMPLES,
        );
        Ok(())
    }

    /// The console's figures. To count is to walk through whole tables: where that takes long, they are as old as it
    /// keeps one connection busy for a hundredth of the time, and while they cannot be counted they are the last ones.
    ///
    /// # Errors
    /// The store's, when they were never counted.
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        let asked = self.clocks().monotonic;
        let counted = &mut *self.0.counted.lock().await;
        let begun = self.clocks().monotonic;
        // Those who ask meanwhile get the same.
        let new = |counted: &&mut Counted| begun < counted.until || asked < counted.begun;
        if let Some(counted) = counted.as_mut().filter(new) {
            return Ok(counted.counts);
        }
        let found = self.store().counts(self.now()).await;
        let until = fresh_until(begun, self.clocks().monotonic);
        match (found, counted) {
            (Ok(counts), counted) => {
                *counted = Some(Counted {
                    counts,
                    begun,
                    until,
                });
                Ok(counts)
            }
            (Err(_), Some(counted)) => {
                counted.until = until;
                Ok(counted.counts)
            }
            (Err(error), None) => Err(error),
        }
    }

    /// What was due at `due` was handed to a gateway at `now`.
    pub(crate) fn handed_over(&self, due: i64, now: i64) {
        push(&mut locked(&self.0.pulse).late, (now - due).max(0), EDITS);
    }

    /// The last ten minutes, oldest first.
    pub fn samples(&self) -> Vec<Sample> {
        locked(&self.0.pulse).samples.iter().copied().collect()
    }

    /// Of a hundred edits that were due, ninety-nine were handed to a gateway within so many ms.
    pub fn wire_p99(&self) -> Option<i64> {
        let mut late: Vec<i64> = locked(&self.0.pulse).late.iter().copied().collect();
        late.sort_unstable();
        late.get((late.len() * 99).div_ceil(100).checked_sub(1)?)
            .copied()
    }
}

fn push<T>(kept: &mut VecDeque<T>, new: T, most: usize) {
    if kept.len() == most {
        kept.pop_front();
    }
    kept.push_back(new);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_takes_a_hundredth_of_the_time_at_most() {
        assert_eq!(fresh_until(1_000, 1_199), 1_199);
        assert_eq!(fresh_until(1_000, 1_200), 1_000 + 100 * 200);
        assert_eq!(fresh_until(5_000, 15_000), 5_000 + 1_000_000);
        assert_eq!(fresh_until(7, u64::MAX), u64::MAX);
    }
}
