//! The console's figures over time, and how late edits reach the wire. Kept in memory: a restart begins anew.

use crate::{Control, locked};
use std::collections::VecDeque;
use store::{Counts, StoreError};

/// Between two samples, ms.
const BEAT: i64 = 10_000;
/// Samples that are kept: ten minutes.
const SAMPLES: usize = 60;
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

#[derive(Default)]
pub(crate) struct Pulse {
    samples: VecDeque<Sample>,
    late: VecDeque<i64>,
}

impl Control {
    /// Takes a sample when one is due; one node `tidies` up.
    pub(crate) async fn beat(&self, tidies: bool) -> Result<(), StoreError> {
        let now = self.now();
        let last = locked(&self.0.pulse).samples.back().map(|sample| sample.at);
        if last.is_some_and(|at| now - at < BEAT) {
            return Ok(());
        }
        // Answers, codes and sessions whose time is over (DECISIONS.md, “retention”).
        if tidies {
            self.store().expire(now).await?;
        }
        let counts = self.store().counts(now).await?;
        push(
            &mut locked(&self.0.pulse).samples,
            Sample { at: now, counts },
            SAMPLES,
        );
        Ok(())
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
