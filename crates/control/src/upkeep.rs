//! What is looked after once a second, beside delivery's steps and never in their way: terminals after a restore, calls
//! that ended by themselves, departures, what expired, what is not kept any longer, figures, the clock and the disk.

use crate::{Control, departures::Departures, recheck::Recheck, retention::Forgetting};
use futures_util::future::join;
use std::time::Duration;
use store::StoreError;

/// Between two looks, ms.
const EVERY: i64 = 1_000;

/// What it remembers.
pub(crate) struct Upkeep {
    recheck: Recheck,
    departures: Departures,
    forgetting: Forgetting,
    /// When it last looked, ms UTC.
    looked: i64,
}

impl Default for Upkeep {
    fn default() -> Self {
        Self {
            recheck: Recheck::default(),
            departures: Departures::default(),
            forgetting: Forgetting::default(),
            looked: i64::MIN,
        }
    }
}

impl Control {
    /// Looks once a second, until it is dropped; what is broken off anywhere is taken up by the next look. Counting may
    /// take long, and keeps nothing else waiting.
    pub(crate) async fn keep_up(&self) {
        const WAIT: Duration = Duration::from_millis(EVERY.unsigned_abs());
        let looks = async {
            loop {
                if let Some(Err(error)) = self.look_round().await {
                    tracing::warn!(%error, "calls and departures could not be looked after; trying again");
                }
                tokio::time::sleep(WAIT).await;
            }
        };
        let beats = async {
            loop {
                if let Err(error) = self.beat(self.is_first()).await {
                    tracing::warn!(%error, "the figures could not be counted; trying again");
                }
                tokio::time::sleep(WAIT).await;
            }
        };
        join(looks, beats).await;
    }

    /// One look, when it is time, and the figures.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn look_after(&self) -> Result<(), StoreError> {
        let Some(looked) = self.look_round().await else {
            return Ok(());
        };
        let counted = self.beat(self.is_first()).await;
        looked.and(counted)
    }

    /// What came of it; none when it is not time.
    async fn look_round(&self) -> Option<Result<(), StoreError>> {
        let upkeep = &mut *self.0.upkeep.lock().await;
        let now = self.now();
        if (upkeep.looked..upkeep.looked.saturating_add(EVERY)).contains(&now) {
            return None;
        }
        upkeep.looked = now;
        self.watch();
        let holdings = self.0.owner.holdings();
        // What fails keeps nothing else from being done.
        let mut done = vec![self.recheck(&mut upkeep.recheck).await];
        // What is nobody's in particular is done by one node.
        if self.is_first() {
            done.push(self.keep_calls().await);
            done.push(self.see_all_off(&mut upkeep.departures).await);
        }
        done.push(self.forget(&mut upkeep.forgetting, &holdings).await);
        Some(done.into_iter().collect())
    }
}
