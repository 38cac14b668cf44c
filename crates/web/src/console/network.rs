//! Gateways and networks as the console shows them, with their last hour as a small line.

use crate::locale::Words;
use crate::page::clock;
use delivery::history::{History, MINUTES, Minute};
use delivery::network::{GatewayRow, Health, NetworkRow};
use std::collections::BTreeMap;

/// The last hour: two lines in a box of 100 × 24, the newest minute at the right.
pub struct Hour {
    /// Messages taken; empty when nothing happened.
    pub taken: String,
    /// Messages that failed; empty when none did.
    pub failed: String,
    /// The same in words.
    pub text: String,
}

pub struct Gateway {
    pub name: String,
    pub state: &'static str,
    pub word: String,
    pub since: String,
    pub reason: String,
    pub hour: Hour,
    pub window: String,
    pub rate: String,
    pub trip: String,
    pub queued: u32,
    pub accepted: u64,
    pub refused: u64,
    pub receipts: u64,
    pub mobile: u64,
    pub errors: Vec<(String, u64)>,
}

pub struct Network {
    pub prefix: String,
    pub state: &'static str,
    pub word: String,
    pub since: String,
    pub reason: String,
    pub hour: Hour,
    pub row: NetworkRow,
    pub delay: String,
    /// Most of a campaign's messages a second, where they are slowed.
    pub pace: String,
}

/// The gateways' rows.
pub fn gateways(w: Words, rows: BTreeMap<String, GatewayRow>, now: i64) -> Vec<Gateway> {
    let rows = rows.into_iter();
    rows.map(|row| gateway(w, row, now)).collect()
}

/// The destination networks' rows.
pub fn networks(w: Words, rows: BTreeMap<String, NetworkRow>, now: i64) -> Vec<Network> {
    let rows = rows.into_iter();
    rows.map(|row| network(w, row, now)).collect()
}

fn gateway(w: Words, (name, row): (String, GatewayRow), now: i64) -> Gateway {
    let (state, word) = health(w, row.state);
    let pace = row
        .pace
        .map(|pace| format!(" / {pace:.0}"))
        .unwrap_or_default();
    Gateway {
        name,
        state,
        word,
        since: clock(row.since),
        reason: w.told(&row.reason),
        hour: hour(w, "hour-gateway", &row.history, now),
        window: format!("{} / {}", row.window.0, row.window.1),
        rate: format!("{:.0}{pace}", row.rate),
        trip: milliseconds(row.round_trip_ms),
        queued: row.queued,
        accepted: row.accepted,
        refused: row.refused,
        receipts: row.receipts,
        mobile: row.mobile,
        errors: errors(w, row.errors),
    }
}

/// What went wrong, and how often.
fn errors(w: Words, of: BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let of = of.into_iter();
    of.map(|(what, count)| (w.told(&what), count)).collect()
}

fn network(w: Words, (prefix, row): (String, NetworkRow), now: i64) -> Network {
    let (state, word) = health(w, row.state);
    Network {
        prefix,
        state,
        word,
        since: clock(row.since),
        reason: w.told(&row.reason),
        hour: hour(w, "hour-network", &row.history, now),
        delay: milliseconds(row.delay_ms),
        pace: row
            .pace
            .map_or_else(|| "–".to_owned(), |pace| format!("{pace:.1}")),
        row,
    }
}

fn health(w: Words, health: Health) -> (&'static str, String) {
    let state = match health {
        Health::Up => "up",
        Health::Slow => "slow",
        Health::Down => "down",
        Health::Paused => "paused",
    };
    (state, w.say(&format!("health-{state}")))
}

fn milliseconds(ms: Option<f64>) -> String {
    match ms {
        Some(ms) if ms < 10.0 => format!("{ms:.1} ms"),
        Some(ms) => format!("{ms:.0} ms"),
        None => "–".to_owned(),
    }
}

fn hour(w: Words, key: &str, history: &History, now: i64) -> Hour {
    let minutes = history.hour(now);
    let sum = history.recent(now, 60);
    let most = minutes
        .iter()
        .map(|minute| minute.taken.max(failed(minute)));
    let most = most.max().unwrap_or(0);
    let line = |of: fn(&Minute) -> u32, any: bool| {
        if any {
            line(&minutes, of, most)
        } else {
            String::new()
        }
    };
    let bad = failed(&sum);
    Hour {
        taken: line(|minute| minute.taken, sum.taken > 0),
        failed: line(failed, bad > 0),
        text: w.with4(
            key,
            [
                ("taken", sum.taken.to_string()),
                ("failed", bad.to_string()),
                ("arrived", sum.arrived.to_string()),
                ("time", milliseconds(sum.mean())),
            ],
        ),
    }
}

fn failed(minute: &Minute) -> u32 {
    minute.failed + minute.absent
}

/// The points of a line in a box of 100 × 24; what is not known is not drawn.
fn line(minutes: &[Minute], of: fn(&Minute) -> u32, most: u32) -> String {
    let first = MINUTES.saturating_sub(minutes.len());
    let points = minutes.iter().enumerate().map(|(at, minute)| {
        let x = (first + at) * 100 / (MINUTES - 1);
        let y = 22 - u64::from(of(minute)) * 20 / u64::from(most.max(1));
        format!("{x},{y}")
    });
    points.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use book::Language;

    #[test]
    fn what_went_wrong_is_told_in_the_pages_language() {
        let of = || {
            BTreeMap::from([
                ("0x58 throttled".to_owned(), 3),
                ("no answer".to_owned(), 1),
            ])
        };
        let told = |language| {
            let told = errors(Words(language), of()).into_iter();
            told.map(|(what, count)| format!("{count} × {what}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(told(Language::En), ["3 × 0x58 throttled", "1 × no answer"]);
        assert_eq!(
            told(Language::ZhHans),
            ["3 × 0x58 流量受限", "1 × 没有应答"]
        );
    }

    #[test]
    fn an_hour_is_drawn_with_the_present_minute_at_the_right() {
        let mut history = History::default();
        history.at(0).taken = 5;
        history.at(60_000).taken = 10;
        history.at(60_000).failed = 5;
        let minutes = history.hour(60_000);
        assert_eq!(line(&minutes, |m| m.taken, 10), "98,12 100,2");
        assert_eq!(line(&minutes, failed, 10), "98,22 100,12");
        let whole = history.hour(59 * 60_000);
        assert!(line(&whole, |m| m.taken, 10).starts_with("0,12 1,2 3,22 "));
    }
}
