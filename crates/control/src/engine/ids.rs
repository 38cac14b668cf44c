//! Shipments' ids.

use delivery::{ShipmentId, TerminalId};

/// The last id given, so that ids of one millisecond differ.
#[derive(Default)]
pub(super) struct Ids(u64);

impl Ids {
    /// 0 ‖ slice(8) ‖ ms since 1970 (41) ‖ sequence (14): in the order of planning (DECISIONS.md, “slice, ids”).
    pub(super) fn next(&mut self, terminal: TerminalId, now: i64) -> ShipmentId {
        let time = (u64::try_from(now).unwrap_or(0) & ((1 << 41) - 1)) << 14;
        self.0 = time.max(self.0 + 1);
        ShipmentId(u64::from(terminal.subscriber.slice()) << 55 | self.0)
    }
}
