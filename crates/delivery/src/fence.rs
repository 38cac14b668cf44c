//! Until when a node may send for a slice (ARCHITECTURE.md, “Many nodes”, protocol 5). It travels with every part, so
//! that whoever writes to a socket can look at it last; renewals move it for all parts that wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// The fence of one slice at one epoch. Clones are the same fence.
#[derive(Debug, Clone)]
pub struct Fence {
    until: Arc<AtomicU64>,
    /// What this clone is not open beyond, whatever is renewed.
    limit: u64,
}

impl Fence {
    /// Open until the monotonic clock says `until`, ms.
    pub fn until(until: u64) -> Self {
        Self {
            until: Arc::new(AtomicU64::new(until)),
            limit: u64::MAX,
        }
    }

    /// One that nobody closes.
    pub fn always() -> Self {
        Self::until(u64::MAX)
    }

    /// The same fence, and closed at `limit` in any case.
    pub fn no_later_than(&self, limit: u64) -> Self {
        Self {
            until: Arc::clone(&self.until),
            limit: self.limit.min(limit),
        }
    }

    /// Whether something may be sent when the monotonic clock says `monotonic`, ms.
    pub fn open(&self, monotonic: u64) -> bool {
        monotonic < self.until.load(SeqCst).min(self.limit)
    }

    /// Open until then, after a renewal. Gives whether it had been open without a break, looked at from `monotonic`:
    /// else something may have been thrown away at it.
    pub fn extend(&self, until: u64, monotonic: u64) -> bool {
        let unbroken = self.open(monotonic);
        self.until.store(until, SeqCst);
        unbroken
    }

    /// Closed for good: the slice is another's.
    pub fn close(&self) {
        self.until.store(0, SeqCst);
    }
}

/// The same fence.
impl PartialEq for Fence {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.until, &other.until) && self.limit == other.limit
    }
}

impl Eq for Fence {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_closes_by_itself_moves_with_a_renewal_and_stays_closed() {
        let fence = Fence::until(8_000);
        let part = fence.clone();
        assert!(part.open(7_999) && !part.open(8_000));
        assert!(fence.extend(11_000, 3_000), "in time");
        assert!(part.open(10_999));
        assert!(!fence.extend(20_000, 11_000), "it was closed meanwhile");
        assert!(part.open(11_000));
        fence.close();
        assert!(!part.open(0));
    }

    #[test]
    fn a_limit_holds_through_renewals_and_the_fence_before_it() {
        let fence = Fence::until(8_000);
        let part = fence.no_later_than(5_000);
        assert!(part.open(4_999) && !part.open(5_000));
        assert!(fence.extend(11_000, 4_000));
        assert!(!part.open(5_000) && fence.open(5_000));
        fence.close();
        assert!(!part.open(0));
    }
}
