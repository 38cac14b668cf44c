//! Until when a node may send for a slice (ARCHITECTURE.md, “Many nodes”, protocol 5). It travels with every part, so
//! that whoever writes to a socket can look at it last; renewals move it for all parts that wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// The fence of one slice at one epoch. Clones are the same fence.
#[derive(Debug, Clone)]
pub struct Fence(Arc<AtomicU64>);

impl Fence {
    /// Open until the monotonic clock says `until`, ms.
    pub fn until(until: u64) -> Self {
        Self(Arc::new(AtomicU64::new(until)))
    }

    /// Whether something may be sent when the monotonic clock says `monotonic`, ms.
    pub fn open(&self, monotonic: u64) -> bool {
        monotonic < self.0.load(SeqCst)
    }

    /// Open until then, after a renewal. Gives whether it had been open without a break, looked at from `monotonic`:
    /// else something may have been thrown away at it.
    pub fn extend(&self, until: u64, monotonic: u64) -> bool {
        let unbroken = self.open(monotonic);
        self.0.store(until, SeqCst);
        unbroken
    }

    /// Closed for good: the slice is another's.
    pub fn close(&self) {
        self.0.store(0, SeqCst);
    }
}

/// The same fence.
impl PartialEq for Fence {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
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
}
