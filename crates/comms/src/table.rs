//! One gateway's rows of the network state table, kept as things happen.

use delivery::alert::AMBIGUOUS;
use delivery::network::{GatewayRow, Health, NetworkRow};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What one link knows, for the table. Its `now` is the link's, ms of a clock that only goes forward; what people see has
/// the wall clock's time.
#[derive(Debug, Default, Clone)]
pub struct Rows {
    /// The gateway's row.
    pub gateway: GatewayRow,
    /// Rows of the networks that it reached, by calling code.
    pub networks: BTreeMap<String, NetworkRow>,
    /// Networks whose rows changed since they were asked for.
    changed: BTreeSet<String>,
    taken: (i64, u64),
    /// How far the wall clock (ms UTC) is ahead of the link's.
    pub(crate) ahead: i64,
}

/// Different errors that are counted by name: what a peer invents must not fill the memory.
const ERRORS: usize = 64;

/// How much of a new measurement goes into a smoothed one.
const SMOOTH: f64 = 0.2;

impl Rows {
    /// A new state with its reason; `since` moves only when the state does.
    pub fn set(&mut self, state: Health, reason: &str, now: i64) {
        if self.gateway.state != state {
            self.gateway.since = self.wall(now);
        }
        self.gateway.state = state;
        reason.clone_into(&mut self.gateway.reason);
    }

    /// What the wall clock says then, ms UTC.
    pub fn wall(&self, now: i64) -> i64 {
        now.saturating_add(self.ahead)
    }

    /// One more of this error; those beyond the first 64 kinds are “other”, but for the one that an alert goes by.
    pub fn count(&mut self, what: &str) {
        let errors = &mut self.gateway.errors;
        let known = errors.len() < ERRORS || errors.contains_key(what) || what == AMBIGUOUS;
        *errors
            .entry(if known { what } else { "other" }.to_owned())
            .or_default() += 1;
    }

    /// A message was taken after `round_trip` ms.
    pub fn accepted(&mut self, round_trip: i64, now: i64) {
        self.gateway.accepted += 1;
        let before = self.gateway.round_trip_ms;
        let value = f64::from(i32::try_from(round_trip).unwrap_or(i32::MAX));
        self.gateway.round_trip_ms = Some(before.map_or(value, |b| b + (value - b) * SMOOTH));
        let minute = Arc::make_mut(&mut self.gateway.history).at(now);
        minute.taken += 1;
        minute.measure(value);
        self.taken.1 += 1;
        self.rate(now);
    }

    /// A message was refused, or got no answer.
    pub fn failed(&mut self, now: i64) {
        Arc::make_mut(&mut self.gateway.history).at(now).failed += 1;
    }

    /// A receipt came.
    pub fn receipt(&mut self, now: i64) {
        self.gateway.receipts += 1;
        Arc::make_mut(&mut self.gateway.history).at(now).arrived += 1;
    }

    /// A message is in its network's hands.
    pub fn sent(&mut self, number: &str, now: i64) {
        let row = self.network(number, now);
        row.sent += 1;
        Arc::make_mut(&mut row.history).at(now).taken += 1;
    }

    /// A gateway refused a message for its network for the moment.
    pub fn refused(&mut self, number: &str, now: i64) {
        self.network(number, now).refused += 1;
    }

    /// The networks whose rows changed since the last call.
    pub fn changed(&mut self) -> Vec<(String, NetworkRow)> {
        let changed = std::mem::take(&mut self.changed).into_iter();
        let rows = changed.filter_map(|prefix| {
            let row = self.networks.get(&prefix)?.clone();
            Some((prefix, row))
        });
        rows.collect()
    }

    /// Messages a second, over the last whole second.
    pub fn rate(&mut self, now: i64) {
        let (since, count) = self.taken;
        if now - since >= 1000 {
            let seconds = f64::from(i32::try_from(now - since).unwrap_or(i32::MAX)) / 1000.0;
            self.gateway.rate = if since == 0 {
                0.0
            } else {
                f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / seconds
            };
            self.taken = (now, 0);
        }
    }

    /// The row of the network that `number` belongs to.
    pub fn network(&mut self, number: &str, now: i64) -> &mut NetworkRow {
        let wall = self.wall(now);
        let prefix = calling_code(number);
        if !self.changed.contains(prefix) {
            self.changed.insert(prefix.to_owned());
        }
        let row = self.networks.entry(prefix.to_owned());
        let row = row.or_insert_with(|| NetworkRow {
            state: Health::Up,
            since: wall,
            reason: ARRIVE.into(),
            ..NetworkRow::default()
        });
        row.heard = now;
        row
    }

    /// A message's fate in its network.
    pub fn fate(&mut self, number: &str, fate: Fate, now: i64) {
        let wall = self.wall(now);
        let row = self.network(number, now);
        let minute = Arc::make_mut(&mut row.history).at(now);
        match fate {
            Fate::Delivered { after, .. } => {
                minute.arrived += 1;
                minute.measure(f64::from(i32::try_from(after).unwrap_or(i32::MAX)));
            }
            Fate::Failed => minute.failed += 1,
            Fate::Absent => minute.absent += 1,
            Fate::Repeated => {}
        }
        let (state, reason) = match fate {
            Fate::Delivered { after, overtook } => {
                row.delivered += 1;
                let usual = late(row.delay_ms);
                let value = f64::from(i32::try_from(after).unwrap_or(i32::MAX));
                let before = row.delay_ms.unwrap_or(value);
                row.delay_ms = Some(before + (value - before) * SMOOTH);
                if after > usual {
                    let reason = format!("Receipts come late: after {}.", seconds(after));
                    (Health::Slow, reason)
                } else if overtook {
                    let reason = "Messages arrive, but not in the order they were sent.";
                    (Health::Up, reason.into())
                } else {
                    (Health::Up, ARRIVE.into())
                }
            }
            Fate::Failed => {
                row.failed += 1;
                let reason = "The last message was not delivered.";
                (Health::Slow, reason.into())
            }
            Fate::Absent => {
                row.absent += 1;
                let reason = "The last terminal was off or away.";
                (Health::Slow, reason.into())
            }
            Fate::Repeated => (row.state, "A receipt came more than once.".into()),
        };
        set(row, state, reason, wall);
        let arrived = row.arrived(now).filter(|share| *share < GOOD);
        let prefix = calling_code(number);
        match arrived {
            Some(share) => drop(self.gateway.weak.insert(prefix.to_owned(), share)),
            None => drop(self.gateway.weak.remove(prefix)),
        }
        match fate {
            Fate::Delivered { overtook: true, .. } => self.count("message overtaken"),
            Fate::Repeated => self.count("receipt repeated"),
            _ => {}
        }
    }

    /// A message to this network has waited for a receipt longer than is usual there.
    pub fn silent(&mut self, network: &str, waited: i64, now: i64) {
        let wall = self.wall(now);
        if let Some(row) = self.networks.get_mut(network) {
            let reason = format!("No receipt for a message after {}.", seconds(waited));
            row.heard = now;
            set(row, Health::Slow, reason, wall);
            self.changed.insert(network.to_owned());
        }
    }
}

/// Where at least this share arrives, nothing is wrong.
const GOOD: f64 = 0.9;

const ARRIVE: &str = "Messages arrive.";

fn set(row: &mut NetworkRow, state: Health, reason: String, wall: i64) {
    if row.state != state {
        row.since = wall;
    }
    row.state = state;
    row.reason = reason;
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrived.
    Delivered {
        /// This long after the gateway took it, ms.
        after: i64,
        /// Before one to the same number that went out earlier.
        overtook: bool,
    },
    /// The network gave up.
    Failed,
    /// The terminal is away; the network keeps trying.
    Absent,
    /// Its fate was known already.
    Repeated,
}

/// A receipt later than this is late, ms: four times what is usual, and never less than half a second.
pub fn late(usual: Option<f64>) -> i64 {
    #[allow(clippy::cast_possible_truncation)]
    let usual = (usual.unwrap_or_default() * 4.0) as i64;
    usual.max(500)
}

/// `1.5 s`.
pub fn seconds(ms: i64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

/// The calling code (E.164): one digit for zones 1 and 7, two for the old large countries, else three.
pub fn calling_code(number: &str) -> &str {
    const TWO: &str = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98";
    let digits = number.strip_prefix('+').unwrap_or(number);
    let length = match digits.get(..2) {
        Some(two) if two.starts_with(['1', '7']) => 1,
        Some(two) if TWO.split(' ').any(|code| code == two) => 2,
        _ => 3,
    };
    number
        .get(..number.len() - digits.len() + length)
        .unwrap_or(number)
}
