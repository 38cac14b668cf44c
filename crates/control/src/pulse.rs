//! The console's figures over time, and how late edits reach the wire. Kept in memory: a restart begins anew.

use crate::{Control, locked};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
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

/// How long a page waits for figures that are being counted.
const SOON: Duration = Duration::from_secs(2);

/// The last count, by the monotonic clock, ms.
#[derive(Default)]
pub(crate) struct Counted {
    /// What was found, or why nothing was; none: nobody ever counted.
    found: Option<Result<Counts, StoreError>>,
    /// When counting began: that is how new it is.
    begun: u64,
    /// So long it will do.
    until: u64,
}

impl Counted {
    /// What somebody gets who asked at `asked` and whose turn it is `now`; none: count.
    fn answer(&self, asked: u64, now: u64) -> Option<Result<Counts, StoreError>> {
        // Those who ask while it is counted get the same.
        let fresh = now < self.until || asked < self.begun;
        self.found.clone().filter(|_| fresh)
    }

    /// Notes what a count came to. One that failed leaves the figures before it, and is not begun again sooner.
    fn note(&mut self, found: Result<Counts, StoreError>, begun: u64, ended: u64) {
        self.until = fresh_until(begun, ended);
        let before = matches!(self.found, Some(Ok(_)));
        if found.is_ok() || !before {
            self.found = Some(found);
            self.begun = begun;
        }
    }
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
    /// The last figures, for whoever does not wait for newer ones.
    last: Option<Counts>,
}

impl Control {
    /// Takes a sample when one is due; one node `tidies` up.
    pub(crate) async fn beat(&self, tidies: bool) -> Result<(), StoreError> {
        let now = self.now();
        {
            let pulse = &mut *locked(&self.0.pulse);
            // A clock that was set back keeps nobody waiting until it has caught up.
            let early = |at: i64| (at..at.saturating_add(BEAT)).contains(&now);
            if pulse.beat.is_some_and(early) {
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
    /// What was begun is counted to its end, though nobody waits for it any more.
    ///
    /// # Errors
    /// The store's, when they were never counted.
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        let asked = self.clocks().monotonic;
        let mut counted = Arc::clone(&self.0.counted).lock_owned().await;
        let begun = self.clocks().monotonic;
        if let Some(answer) = counted.answer(asked, begun) {
            return answer;
        }
        let (control, now) = (self.clone(), self.now());
        let store = self.store().for_counts();
        let count = store.read(move |reads| {
            let found = reads.counts(now);
            if let Ok(counts) = &found {
                locked(&control.0.pulse).last = Some(*counts);
            }
            counted.note(found, begun, control.clocks().monotonic);
            counted.found.clone().unwrap_or(Err(StoreError::Closed))
        });
        let found = count.await;
        found.or_else(|error| locked(&self.0.pulse).last.ok_or(error))
    }

    /// The same for a page, which does not wait for long: the last figures where counting takes its time; none when they
    /// were never counted, or cannot be.
    pub async fn counts_soon(&self) -> Option<Counts> {
        let counts = tokio::time::timeout(SOON, self.counts()).await;
        let last = || locked(&self.0.pulse).last;
        counts.ok().and_then(Result::ok).or_else(last)
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
    use crate::Settings;
    use crate::testing::{Clock, house_at};
    use store::{DocumentWrite, Job};

    #[tokio::test]
    async fn a_clock_that_was_set_back_puts_off_no_sample() {
        let clock = Clock::default();
        let control = house_at(clock.clone(), Settings::default());
        let samples = async |passed| {
            clock.pass(passed);
            control.beat(true).await.unwrap();
            control.samples().len()
        };
        assert_eq!(samples(0).await, 1);
        assert_eq!(samples(BEAT - 1).await, 1);
        assert_eq!(samples(1).await, 2);
        clock.set(-86_400_000);
        let over = DocumentWrite::put("code", "1", &0).until(control.now());
        let over = Job::Documents(vec![over]);
        control.store().run(over).await.unwrap();
        assert_eq!(samples(0).await, 3);
        assert_eq!(control.store().document("code", "1").await.unwrap(), None);
        assert_eq!(samples(BEAT - 1).await, 3);
    }

    #[test]
    fn counting_takes_a_hundredth_of_the_time_at_most() {
        assert_eq!(fresh_until(1_000, 1_199), 1_199);
        assert_eq!(fresh_until(1_000, 1_200), 1_000 + 100 * 200);
        assert_eq!(fresh_until(5_000, 15_000), 5_000 + 1_000_000);
        assert_eq!(fresh_until(7, u64::MAX), u64::MAX);
    }

    #[test]
    fn a_count_that_fails_slowly_is_not_begun_again_at_once() {
        let failed = || Err(StoreError::Away { why: "slow".into() });
        let mut counted = Counted::default();
        assert!(counted.answer(5, 5).is_none());
        // Never counted, and given up after a minute: who asks is told so, and nothing is begun for a hundred.
        counted.note(failed(), 1_000, 61_000);
        assert!(matches!(counted.answer(70_000, 70_000), Some(Err(_))));
        assert!(counted.answer(6_002_000, 6_002_000).is_none());
        // Counted at last; the next that fails leaves these figures.
        let counts = Counts {
            subscribers: 7,
            ..Counts::default()
        };
        counted.note(Ok(counts), 6_002_000, 6_010_000);
        counted.note(failed(), 7_000_000, 7_060_000);
        let last = counted.answer(7_061_000, 7_061_000);
        assert!(matches!(last, Some(Ok(Counts { subscribers: 7, .. }))));
        // Who asked before it was begun gets it, too.
        assert!(counted.answer(6_001_999, i64::MAX.unsigned_abs()).is_some());
    }
}
