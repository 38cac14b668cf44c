//! Whether the clock may be believed. What it makes old goes for good: a machine that starts with its clock years ahead must
//! not empty its store.

use crate::{Control, alarms::Wrong};
use serde::{Deserialize, Serialize};
use store::{DocumentWrite, Job, StoreError};

/// The document that keeps what was seen of it.
const KIND: &str = "forgetting";
const KEY: &str = "clock";
const DAY: i64 = 86_400_000;
/// So far past the last round, ms, it is not believed at once: the machine was off for long, or its clock is wrong.
const FAR: i64 = 60 * DAY;
/// But when it has gone on steadily for so long since, ms.
const STEADY: i64 = 7 * DAY;

/// What was seen of the clocks of all nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    /// When a round began, ms UTC, to the day.
    round: i64,
    /// Since when the clock is far past it, ms UTC of that clock.
    doubted: Option<i64>,
}

impl Seen {
    /// After a look at the clock. A store that never forgot anything says nothing against it.
    fn look(before: Option<Self>, now: i64) -> Self {
        let round = Self {
            round: now,
            doubted: None,
        };
        let Some(before) = before else {
            return round;
        };
        let within = |since: i64, from, to| {
            (since.saturating_add(from)..since.saturating_add(to)).contains(&now)
        };
        match before.doubted {
            None if within(before.round, 0, DAY) => before,
            _ if now <= before.round.saturating_add(FAR) => round,
            Some(since) if within(since, 0, STEADY) => before,
            Some(since) if within(since, STEADY, FAR) => round,
            _ => Self {
                doubted: Some(now),
                ..before
            },
        }
    }
}

impl Control {
    /// Whether anything may be forgotten by what the clock says now. If not, the log says what to do.
    pub(super) async fn clock_is_believed(&self, now: i64) -> Result<bool, StoreError> {
        let ahead = |wrong: &Wrong| matches!(wrong, Wrong::ClockJumped(by) if *by > DAY);
        if self.alarms().iter().any(|alarm| ahead(&alarm.what)) {
            return Ok(false);
        }
        let document = self.store().document(KIND, KEY).await?;
        let before = document.and_then(|document| serde_json::from_str(&document.value).ok());
        let seen = Seen::look(before, now);
        if before != Some(seen) {
            let write = DocumentWrite::put(KIND, KEY, &seen);
            self.store().run(Job::Documents(vec![write])).await?;
        }
        if seen.doubted.is_some() {
            let days = now.saturating_sub(seen.round) / DAY;
            tracing::warn!(
                target: "alert",
                what = "clock-far-ahead",
                days,
                "by this machine's clock nothing was looked through for what is not kept any longer for many days; if the clock is wrong, set it right; else wait: nothing is forgotten until it has gone on steadily for seven days"
            );
        }
        Ok(seen.doubted.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;
    use crate::testing::{Clock, house_at};

    const START: i64 = 1_800_000_000_000;

    /// Whether it is believed at each of these days, one after another.
    fn believed<const N: usize>(days: [i64; N]) -> [bool; N] {
        let mut seen = None;
        days.map(|day| {
            let now = Seen::look(seen, START + day * DAY);
            seen = Some(now);
            now.doubted.is_none()
        })
    }

    #[test]
    fn a_clock_far_ahead_is_believed_once_it_was_steady() {
        assert_eq!(believed([0, 1, 60, 120]), [true; 4]);
        // Off for three months: after a week it goes on, and then as ever.
        assert_eq!(
            believed([0, 90, 91, 96, 97, 98]),
            [true, false, false, false, true, true]
        );
        // Years ahead, and set right in time; and again.
        assert_eq!(
            believed([0, 9_000, 9_006, 1, 9_007, 9_013, 2]),
            [true, false, false, true, false, false, true]
        );
        // One that leaps on is not steady.
        assert_eq!(
            believed([0, 100, 200, 300, 307]),
            [true, false, false, false, true]
        );
        // Set back: fewer things are old then.
        assert_eq!(believed([0, -9_000, -8_999]), [true; 3]);
    }

    #[tokio::test]
    async fn nothing_is_forgotten_while_it_is_shown_that_it_leapt() {
        let clock = Clock::default();
        let control = house_at(clock.clone(), Settings::default());
        let believed = async |passed, set| {
            clock.pass(passed);
            clock.set(set);
            control.watch();
            control.clock_is_believed(control.now()).await.unwrap()
        };
        assert!(believed(0, 0).await);
        // An hour makes nothing old; a month does.
        assert!(believed(1_000, 3_600_000).await);
        assert!(!believed(1_000, 30 * DAY).await);
        assert!(!believed(3_599_000, 0).await);
        assert!(believed(1_000, 0).await);
        // Years ahead it is doubted beyond that hour.
        assert!(!believed(1_000, 9_000 * DAY).await);
        assert!(!believed(3_600_000, 0).await);
        assert!(believed(STEADY, 0).await);
    }

    #[test]
    fn it_is_written_down_once_a_day() {
        let first = Seen::look(None, START);
        assert_eq!(Seen::look(Some(first), START + DAY - 1), first);
        assert_eq!(Seen::look(Some(first), START + DAY).round, START + DAY);
    }
}
