//! What is looked after once a second, beside delivery's steps and never in their way: terminals after a restore, calls
//! that ended by themselves, departures, what expired, figures, the clock and the disk.

use crate::{Control, recheck::Recheck};
use std::time::Duration;
use store::StoreError;

/// Between two looks, ms.
const EVERY: i64 = 1_000;

/// What it remembers.
pub(crate) struct Upkeep {
    recheck: Recheck,
    /// When it last looked, ms UTC.
    looked: i64,
}

impl Default for Upkeep {
    fn default() -> Self {
        Self {
            recheck: Recheck::default(),
            looked: i64::MIN,
        }
    }
}

impl Control {
    /// Looks once a second, until it is dropped; what is broken off anywhere is taken up by the next look.
    pub(crate) async fn keep_up(&self) {
        loop {
            if let Err(error) = self.look_after().await {
                tracing::warn!(%error, "calls, departures and figures could not be looked after; trying again");
            }
            tokio::time::sleep(Duration::from_millis(EVERY.unsigned_abs())).await;
        }
    }

    /// One look, when it is time.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn look_after(&self) -> Result<(), StoreError> {
        let upkeep = &mut *self.0.upkeep.lock().await;
        let now = self.now();
        if (upkeep.looked..upkeep.looked.saturating_add(EVERY)).contains(&now) {
            return Ok(());
        }
        upkeep.looked = now;
        self.watch();
        let owned = self.0.owner.holdings().slices();
        // What is nobody's in particular is done by one node.
        let one = self.is_first();
        // What fails keeps nothing else from being done.
        let mut done = vec![self.recheck(&mut upkeep.recheck, owned).await];
        if one {
            done.push(self.keep_calls().await);
            done.push(self.see_all_off().await);
        }
        done.push(self.beat(one).await);
        done.into_iter().collect()
    }
}
