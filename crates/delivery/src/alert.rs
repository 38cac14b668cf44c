//! What an operator must hear of: raised once, cleared once. Pure: the table and the clock go in, changes come out. The
//! clock is the steady one: a wall clock that is set back ends no alert while its cause lasts.

use crate::Lane;
use crate::breaker::Circuit;
use crate::history::Minute;
use crate::network::{GatewayRow, Health, NetworkTable};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// A gateway may be down for so long unheard, ms: it reconnects by itself.
const DOWN: i64 = 30_000;
/// Minutes that a share of errors is taken over, and the fewest messages that say something.
const ERRORS: i64 = 5;
const FEW: u32 = 20;
/// Receipts of messages that were taken between 10 and 3 minutes ago should be there.
const RECEIPTS: (i64, i64) = (10, 2);
const RECEIPTS_FEW: u32 = 50;
/// A gateway's count (`GatewayRow::errors`) of receipts that match two messages, and for how long one is told of, ms.
pub const AMBIGUOUS: &str = "receipt matches two messages";
const AMBIGUOUS_TOLD: i64 = 15 * 60_000;
/// Messages that somebody waits for: fewer in a queue are no matter; growing for so many minutes they are.
const QUEUE: u32 = 100;
const GROWING: usize = 5;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A gateway has been down for more than half a minute.
    GatewayDown,
    /// A gateway's circuit breaker has opened and not closed yet.
    CircuitOpen,
    /// A gateway refuses half of the messages, or does not answer.
    Errors,
    /// A gateway takes messages, and their receipts do not come.
    ReceiptsMissing,
    /// A gateway's receipts match two messages, and count for none.
    ReceiptsAmbiguous,
    /// What somebody waits for is queued, and the queue grows.
    QueueGrowing,
    /// Half of the messages to a network fail, or their terminals are away.
    NetworkFailing,
}

impl What {
    /// Its name in logs, metrics and texts' keys.
    pub fn name(self) -> &'static str {
        match self {
            Self::GatewayDown => "gateway-down",
            Self::CircuitOpen => "circuit-open",
            Self::Errors => "errors",
            Self::ReceiptsMissing => "receipts-missing",
            Self::ReceiptsAmbiguous => "receipts-ambiguous",
            Self::QueueGrowing => "queue-growing",
            Self::NetworkFailing => "network-failing",
        }
    }
}

/// One thing that is wrong now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// What.
    pub what: What,
    /// The gateway or network; `router` for the queue.
    pub gateway: String,
    /// Since when, ms UTC.
    pub since: i64,
    /// The same as a sentence.
    pub sentence: String,
}

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is wrong since now.
    Raised(Alert),
    /// It is over.
    Cleared(Alert),
}

/// Looks at the table now and then, and remembers what it said.
#[derive(Debug, Default)]
pub struct Watch {
    raised: BTreeMap<(What, String), Alert>,
    /// By gateway that is down, since when by its row (ms UTC), and when that was first seen.
    down: BTreeMap<String, (i64, i64)>,
    /// By gateway, how many receipts matched two messages, and when the last did.
    ambiguous: BTreeMap<String, (u64, i64)>,
    /// What waited at the end of the last minutes, oldest first, and the minute of the newest.
    queue: VecDeque<u32>,
    minute: i64,
}

impl Watch {
    /// What is wrong now, worst first.
    pub fn current(&self) -> Vec<Alert> {
        self.raised.values().cloned().collect()
    }

    /// What changed since the last look; `now` is ms of the steady clock.
    pub fn look(&mut self, table: &NetworkTable, now: i64) -> Vec<Change> {
        let wall = now.saturating_add(table.ahead);
        let mut found = BTreeMap::new();
        for (name, row) in &table.gateways {
            if let Some(sentence) = self.is_down(name, row, now) {
                let what = What::GatewayDown;
                found.insert((what, name.clone()), (row.since, sentence));
            }
            for (what, sentence) in self.gateway(name, row, now) {
                found.insert((what, name.clone()), (wall, sentence));
            }
            if let Some(sentence) = self.ambiguous(name, row, now) {
                let what = What::ReceiptsAmbiguous;
                found.insert((what, name.clone()), (wall, sentence));
            }
        }
        for prefix in table.networks.keys() {
            if table.retry_after(prefix, Lane::Bulk, wall).is_some() {
                let sentence =
                    format!("Most messages to {prefix} fail, or their terminals are away.");
                found.insert((What::NetworkFailing, prefix.clone()), (wall, sentence));
            }
        }
        if let Some(sentence) = self.growing(table, now) {
            found.insert((What::QueueGrowing, "router".to_owned()), (wall, sentence));
        }
        let mut changes = Vec::new();
        self.raised.retain(|key, alert| {
            let stays = found.contains_key(key);
            if !stays {
                changes.push(Change::Cleared(alert.clone()));
            }
            stays
        });
        for ((what, gateway), (since, sentence)) in found {
            let key = (what, gateway.clone());
            if let Some(known) = self.raised.get_mut(&key) {
                known.sentence = sentence;
                continue;
            }
            let alert = Alert {
                what,
                gateway,
                since,
                sentence,
            };
            changes.push(Change::Raised(alert.clone()));
            self.raised.insert(key, alert);
        }
        changes
    }

    fn is(&self, what: What, name: &str) -> bool {
        self.raised.contains_key(&(what, name.to_owned()))
    }

    fn is_down(&mut self, name: &str, row: &GatewayRow, now: i64) -> Option<String> {
        if row.state != Health::Down {
            self.down.remove(name);
            return None;
        }
        let known = self.down.entry(name.to_owned()).or_insert((row.since, now));
        if known.0 != row.since {
            *known = (row.since, now);
        }
        (now.saturating_sub(known.1) > DOWN).then(|| format!("{name} is down: {}", row.reason))
    }

    fn gateway(&self, name: &str, row: &GatewayRow, now: i64) -> Vec<(What, String)> {
        let mut found = Vec::new();
        if row.circuit != Circuit::Closed {
            let sentence = format!("{name} gets no messages: {}", row.reason);
            found.push((What::CircuitOpen, sentence));
        }
        let Minute { taken, failed, .. } = row.history.recent(now, ERRORS);
        // Raised at a half, cleared under a quarter: an alert does not flicker.
        let parts = if self.is(What::Errors, name) { 4 } else { 2 };
        if taken + failed >= FEW && failed * parts >= taken + failed {
            let all = taken + failed;
            let sentence = format!(
                "{name} refused or did not answer {failed} of {all} messages in {ERRORS} minutes."
            );
            found.push((What::Errors, sentence));
        }
        let (long, short) = RECEIPTS;
        let recent = row.history.recent(now, long);
        let taken = recent.taken - row.history.recent(now, short).taken;
        let parts = if self.is(What::ReceiptsMissing, name) {
            2
        } else {
            10
        };
        if taken >= RECEIPTS_FEW && recent.arrived * parts < taken {
            let arrived = recent.arrived;
            let sentence = format!("{name} took {taken} messages and brought {arrived} receipts.");
            found.push((What::ReceiptsMissing, sentence));
        }
        found
    }

    /// Each such receipt is one too many (CASES C60): which message arrived, nobody knows.
    fn ambiguous(&mut self, name: &str, row: &GatewayRow, now: i64) -> Option<String> {
        let count = row.errors.get(AMBIGUOUS).copied().unwrap_or(0);
        if count == 0 {
            return None;
        }
        let known = self.ambiguous.entry(name.to_owned()).or_insert((0, now));
        if known.0 != count {
            *known = (count, now);
        }
        (now.saturating_sub(known.1) < AMBIGUOUS_TOLD).then(|| {
            let ask = "ask its operator whether ids come twice, or in two forms";
            format!("{count} receipts of {name} match two messages each and count for none: {ask}.")
        })
    }

    fn growing(&mut self, table: &NetworkTable, now: i64) -> Option<String> {
        let rows = table.gateways.values();
        let queued = rows.map(|row| row.queued.saturating_sub(row.queued_bulk));
        let queued = queued.fold(table.waiting.interactive, u32::saturating_add);
        let minute = now.div_euclid(60_000);
        if minute != self.minute {
            self.minute = minute;
            self.queue.push_back(queued);
            if self.queue.len() > GROWING + 1 {
                self.queue.pop_front();
            }
        }
        let grew = self.queue.iter().zip(self.queue.iter().skip(1));
        let grew = self.queue.len() > GROWING && grew.into_iter().all(|(a, b)| a < b);
        // Over when hardly anything waits.
        let raised = self.is(What::QueueGrowing, "router");
        (queued >= QUEUE && (grew || raised))
            .then(|| format!("{queued} messages that somebody waits for are queued."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const MINUTE: i64 = 60_000;

    /// Looks once a second; what was said, as `+what gateway second` and `-what gateway second`.
    fn told(seconds: i64, mut table: impl FnMut(i64) -> NetworkTable) -> Vec<String> {
        let mut watch = Watch::default();
        let mut said = Vec::new();
        for second in 0..seconds {
            for change in watch.look(&table(second), second * 1_000) {
                let (sign, alert) = match change {
                    Change::Raised(alert) => ('+', alert),
                    Change::Cleared(alert) => ('-', alert),
                };
                assert!(alert.sentence.ends_with('.'), "{}", alert.sentence);
                said.push(format!(
                    "{sign}{} {} {second}",
                    alert.what.name(),
                    alert.gateway
                ));
            }
        }
        said
    }

    fn gateway(row: GatewayRow) -> NetworkTable {
        let mut table = NetworkTable::default();
        table.gateways.insert("a".into(), row);
        table
    }

    fn up() -> GatewayRow {
        GatewayRow {
            state: Health::Up,
            reason: "Bound.".into(),
            ..GatewayRow::default()
        }
    }

    #[test]
    fn a_gateway_that_is_down_for_more_than_half_a_minute_is_told_once_and_its_end_once() {
        let row = |down: bool, since: i64| GatewayRow {
            state: if down { Health::Down } else { Health::Up },
            since: since * 1_000,
            ..up()
        };
        let said = told(300, |second| match second {
            0..100 => gateway(row(false, 0)),
            100..120 => gateway(row(true, 100)),
            120..150 => gateway(row(false, 120)),
            150..200 => gateway(row(true, 150)),
            _ => gateway(row(false, 200)),
        });
        assert_eq!(said, ["+gateway-down a 181", "-gateway-down a 200"]);
    }

    #[test]
    fn a_wall_clock_that_is_set_ends_no_alert_and_begins_none() {
        for set in [-60 * MINUTE, 60 * MINUTE] {
            let said = told(300, |second| {
                let mut table = gateway(GatewayRow {
                    state: Health::Down,
                    ..up()
                });
                let row = GatewayRow {
                    state: if second < 170 {
                        Health::Up
                    } else {
                        Health::Down
                    },
                    since: if second < 170 { 0 } else { 170_000 + set },
                    ..up()
                };
                table.gateways.insert("b".into(), row);
                table.ahead = if second < 160 { 0 } else { set };
                table
            });
            assert_eq!(said, ["+gateway-down a 31", "+gateway-down b 201"], "{set}");
        }
    }

    #[test]
    fn an_open_circuit_is_over_when_it_is_closed_and_not_when_one_message_tries() {
        let row = |circuit| gateway(GatewayRow { circuit, ..up() });
        let said = told(30, |second| match second {
            5..10 => row(Circuit::Open { until: 0 }),
            10..20 => row(Circuit::HalfOpen { trying: true }),
            _ => row(Circuit::Closed),
        });
        assert_eq!(said, ["+circuit-open a 5", "-circuit-open a 20"]);
    }

    /// A history of `(minutes ago, taken, failed, arrived)`, at minute 30.
    #[track_caller]
    fn check(minutes: &[(i64, u32, u32, u32)], expected: &[&str]) {
        let mut row = up();
        for (ago, taken, failed, arrived) in minutes {
            let minute = Arc::make_mut(&mut row.history).at((30 - ago) * MINUTE);
            minute.taken += taken;
            minute.failed += failed;
            minute.arrived += arrived;
        }
        let mut watch = Watch::default();
        watch.look(&gateway(row), 30 * MINUTE);
        let found: Vec<_> = watch
            .current()
            .iter()
            .map(|alert| alert.what.name())
            .collect();
        assert_eq!(found, expected, "{minutes:?}");
    }

    #[test]
    fn errors_and_missing_receipts_are_seen_by_their_shares() {
        check(&[], &[]);
        check(&[(1, 0, 19, 0)], &[]);
        check(&[(1, 10, 10, 0)], &["errors"]);
        check(&[(1, 30, 10, 0)], &[]);
        check(&[(9, 0, 100, 0), (1, 30, 0, 0)], &[]);
        check(&[(5, 50, 0, 0)], &["receipts-missing"]);
        check(&[(5, 49, 0, 0)], &[]);
        check(&[(5, 50, 0, 0), (1, 0, 0, 5)], &[]);
        // What was taken a moment ago may still come.
        check(&[(1, 500, 0, 0)], &[]);
    }

    /// CASES C60.
    #[test]
    fn a_receipt_that_matches_two_messages_is_told_for_a_while() {
        let said = told(3_000, |second| {
            let count = match second {
                0..100 => 0,
                100..200 => 1,
                _ => 2,
            };
            let mut row = up();
            row.errors.insert("no answer".into(), 7);
            if count > 0 {
                row.errors.insert(AMBIGUOUS.into(), count);
            }
            gateway(row)
        });
        assert_eq!(
            said,
            ["+receipts-ambiguous a 100", "-receipts-ambiguous a 1100"]
        );
    }

    #[test]
    fn an_alert_does_not_flicker() {
        let said = told(40, |second| {
            let mut row = up();
            let minute = Arc::make_mut(&mut row.history).at(0);
            minute.taken = 50;
            minute.failed = match second {
                0..10 => 10,
                10..20 => 50,
                20..30 => 40,
                _ => 10,
            };
            gateway(row)
        });
        assert_eq!(said, ["+errors a 10", "-errors a 30"]);
    }

    #[test]
    fn a_queue_that_grows_for_minutes_is_told() {
        let queue = |second: i64, grows: bool, bulk: bool| {
            let minute = u32::try_from(second / 60).unwrap();
            let mut table = NetworkTable::default();
            let waiting = if grows { 80 + minute * 10 } else { 500 };
            match bulk {
                true => table.waiting.bulk = waiting,
                false => table.waiting.interactive = waiting,
            }
            if second >= 900 {
                table.waiting.interactive = 3;
            }
            table
        };
        let said = told(1_000, |second| queue(second, true, false));
        assert_eq!(
            said,
            ["+queue-growing router 360", "-queue-growing router 900"]
        );
        assert_eq!(
            told(1_000, |second| queue(second, false, false)),
            [] as [&str; 0]
        );
        // A campaign's queue is control's to pace.
        assert_eq!(
            told(1_000, |second| queue(second, true, true)),
            [] as [&str; 0]
        );
    }

    #[test]
    fn a_network_in_trouble_is_told() {
        let said = told(10, |second| {
            let mut table = NetworkTable::default();
            let row = table.networks.entry("+86".into()).or_default();
            Arc::make_mut(&mut row.history).at(0).failed = if second < 5 { 30 } else { 0 };
            table
        });
        assert_eq!(said, ["+network-failing +86 0", "-network-failing +86 5"]);
    }
}
