//! Lock-outs: failures in a row over all codes and doors of a subject; a new code does not reset them.

use serde::{Deserialize, Serialize};

/// Failures in a row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    count: u32,
    until: i64,
}

const MINUTE: i64 = 60_000;

impl Failures {
    /// One more: 5 lock for 15 minutes, 8 for an hour, 10 until somebody unlocks.
    pub fn fail(&mut self, now: i64) {
        self.count = self.count.saturating_add(1);
        self.until = match self.count {
            0..5 => 0,
            5..8 => now + 15 * MINUTE,
            8..10 => now + 60 * MINUTE,
            10.. => i64::MAX,
        };
    }

    /// A success: the row ends.
    pub fn succeed(&mut self) {
        *self = Self::default();
    }

    /// Failures left before the next lock.
    pub fn left(&self) -> u8 {
        match self.count {
            0..5 => 5 - u8::try_from(self.count).unwrap_or(5),
            _ => 0,
        }
    }

    /// Until when nothing may be tried, ms UTC.
    pub fn locked(&self, now: i64) -> Option<i64> {
        (self.until > now).then_some(self.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_eight_and_ten() {
        let mut failures = Failures::default();
        let rows = [
            (4, None),
            (5, Some(15 * MINUTE)),
            (8, Some(60 * MINUTE)),
            (10, Some(i64::MAX)),
        ];
        let mut done = 0;
        for (count, locked) in rows {
            while done < count {
                failures.fail(0);
                done += 1;
            }
            assert_eq!(failures.locked(0), locked, "{count}");
        }
        failures.succeed();
        assert_eq!(failures.locked(0), None);
    }
}
