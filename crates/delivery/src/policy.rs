//! Times and limits of delivery (DECISIONS.md, “waits” and “when edits go”); all are configuration.

use serde::{Deserialize, Serialize};

/// How long delivery waits for what. All in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Quiet time after the last edit before its terminals are planned.
    pub quiet: i64,
    /// The longest that edits are coalesced.
    pub longest: i64,
    /// First wait for a proof.
    pub proof_wait: i64,
    /// The longest wait for a proof; it is doubled up to here and never given up.
    pub proof_wait_most: i64,
    /// Wait after a gateway could not take a message.
    pub gateway_wait: i64,
    /// Validity of a message, seconds.
    pub validity_s: u32,
}

impl Policy {
    /// What `serve` starts with.
    pub const SERVE: Self = Self {
        quiet: 8_000,
        longest: 60_000,
        proof_wait: 600_000,
        proof_wait_most: 6 * 3_600_000,
        gateway_wait: 5_000,
        validity_s: 86_400,
    };
    /// What `demo` starts with.
    pub const DEMO: Self = Self {
        quiet: 3_000,
        proof_wait: 3_000,
        proof_wait_most: 20_000,
        gateway_wait: 1_000,
        validity_s: 600,
        ..Self::SERVE
    };

    /// The wait for a proof after `tries` tries without one: doubled each time, up to the most.
    pub fn proof_wait(&self, tries: u32) -> i64 {
        self.proof_wait
            .saturating_mul(1_i64 << tries.min(30))
            .min(self.proof_wait_most)
            .max(self.proof_wait)
    }

    /// When an edit at `now` makes its terminal due, if the first of the coalesced edits came at `since`.
    pub fn due_at(&self, since: i64, now: i64) -> i64 {
        (now + self.quiet).min(since + self.longest)
    }
}
