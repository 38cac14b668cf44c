//! Shipments' ids.

use delivery::{ShipmentId, TerminalId};

/// What makes ids differ.
#[derive(Default)]
pub(super) struct Ids {
    /// The last one given, so that those of one millisecond differ.
    last: u64,
    /// Where a millisecond begins to count in this process: one that was lived through before, by a clock that was set
    /// back, gives other ids.
    begin: Option<u64>,
}

impl Ids {
    /// 0 ‖ slice(8) ‖ ms since 1970 (41) ‖ sequence (14): in the order of planning (DECISIONS.md, “slice, ids”).
    pub(super) fn next(
        &mut self,
        terminal: TerminalId,
        now: i64,
        random: impl FnOnce() -> u64,
    ) -> ShipmentId {
        let begin = *self.begin.get_or_insert_with(|| random() >> (64 - 13));
        let time = (u64::try_from(now).unwrap_or(0) & ((1 << 41) - 1)) << 14;
        self.last = (time | begin).max(self.last + 1);
        ShipmentId(u64::from(terminal.subscriber.slice()) << 55 | self.last)
    }
}
