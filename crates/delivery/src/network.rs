//! The network state table (网络状态表): what is known of every gateway and destination network. The rules are here;
//! comms feeds and shows it. Terminals' rows are their stored state (`Terminal`).

use crate::Lane;
use crate::alert::Alert;
use crate::breaker::Circuit;
use crate::history::History;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Minutes that a share is taken over.
pub const RECENT: i64 = 15;
/// Fewer outcomes than this say nothing about a network.
pub const FEW: u32 = 20;
/// A shipment to a network where most messages fail, and where all but a few do, is tried again after this, ms.
const RETRY_MOST: i64 = 15 * 60_000;
const RETRY_ALL: i64 = 60 * 60_000;
/// Messages that may wait at a gateway beyond its window, and for how long at its pace, seconds: enough to keep it
/// busy, few enough to go elsewhere soon.
const AHEAD: u32 = 32;
const AHEAD_S: f64 = 2.0;
/// Messages that may wait for slowed networks before campaigns elsewhere are held up too: what is in memory is bounded.
const HELD: u32 = 5_000;

/// Everything that the communication module knows, as one value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NetworkTable {
    /// A row a gateway, by name.
    pub gateways: BTreeMap<String, GatewayRow>,
    /// A row a destination network, by prefix (`+44`).
    pub networks: BTreeMap<String, NetworkRow>,
    /// Messages at the router that no gateway can take now.
    #[serde(default)]
    pub waiting: Waiting,
    /// What an operator must hear of.
    #[serde(default)]
    pub alerts: Vec<Alert>,
    /// How far the wall clock (ms UTC) is ahead of the steady one, which histories go by: it may be set at any time.
    #[serde(skip)]
    pub ahead: i64,
}

/// Messages that wait, by lane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Somebody waits for them.
    pub interactive: u32,
    /// A campaign's.
    pub bulk: u32,
    /// Those of a campaign's that wait for the pace of a network that is slowed.
    #[serde(default)]
    pub held: u32,
}

impl NetworkTable {
    /// Bulk messages that are planned and not handed over, at the router and at every gateway: above some of these, more
    /// are better planned later. The first thousands that wait for one slow network do not count: a campaign goes on
    /// elsewhere.
    pub fn bulk_queued(&self) -> u32 {
        let queued = self.gateways.values().map(|row| row.queued_bulk);
        let held = self.waiting.held.min(HELD);
        queued.fold(self.waiting.bulk.saturating_sub(held), u32::saturating_add)
    }

    /// What the steady clock says when the wall clock says `wall`, ms UTC.
    pub fn steady(&self, wall: i64) -> i64 {
        wall.saturating_sub(self.ahead)
    }

    /// The row of the network that a number belongs to: the longest prefix.
    pub fn network_of(&self, destination: &str) -> Option<&NetworkRow> {
        let rows = self.networks.iter();
        let rows = rows.filter(|(prefix, _)| destination.starts_with(prefix.as_str()));
        rows.max_by_key(|(prefix, _)| prefix.len())
            .map(|(_, row)| row)
    }

    /// The least time before a shipment there is tried again, ms, when messages fail or terminals are away en masse;
    /// none where nothing is wrong, or too little is known. Only a campaign's waits: a row is a whole calling code, and
    /// a campaign to many dead SIMs says nothing about the one phone that somebody waits for (rule 6). Its own schedule
    /// grows by itself, and such shipments are few.
    /// `now` is ms UTC.
    pub fn retry_after(&self, destination: &str, lane: Lane, now: i64) -> Option<i64> {
        if lane == Lane::Interactive {
            return None;
        }
        let arrived = self.network_of(destination)?.arrived(self.steady(now))?;
        match arrived {
            share if share <= 0.1 => Some(RETRY_ALL),
            share if share <= 0.5 => Some(RETRY_MOST),
            _ => None,
        }
    }
}

/// How a gateway or network is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Messages go out.
    Up,
    /// Messages go out more slowly than asked, or some fail.
    Slow,
    /// Nothing goes out.
    #[default]
    Down,
    /// Held back for a moment (throttled) or by an administrator.
    Paused,
}

/// One gateway's row.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GatewayRow {
    /// How it is.
    pub state: Health,
    /// Since when, ms UTC.
    pub since: i64,
    /// Why, a sentence (“0x58 throttled – sending slower, 40/s”).
    pub reason: String,
    /// Messages without answer now, and the most allowed.
    pub window: (u32, u32),
    /// Messages taken in the last second.
    pub rate: f64,
    /// Most a second that is sent now; none when not limited.
    pub pace: Option<f64>,
    /// Refusals by class and status in words, since the start.
    pub errors: BTreeMap<String, u64>,
    /// Round trip of submit and answer, ms, smoothed.
    pub round_trip_ms: Option<f64>,
    /// Messages waiting to be handed over.
    pub queued: u32,
    /// Those of them that are bulk.
    #[serde(default)]
    pub queued_bulk: u32,
    /// Whether messages go, by its circuit breaker.
    #[serde(default)]
    pub circuit: Circuit,
    /// Networks where too few of the messages that went by it arrived lately, by prefix: the share (0–1) that did.
    #[serde(default)]
    pub weak: BTreeMap<String, f64>,
    /// Its last hour, by the steady clock.
    #[serde(skip)]
    pub history: Arc<History>,
    /// Taken, refused, receipts and messages from terminals since the start.
    pub accepted: u64,
    /// Refused.
    pub refused: u64,
    /// Receipts.
    pub receipts: u64,
    /// From terminals.
    pub mobile: u64,
    /// Binds since the start.
    pub binds: u64,
    /// What one part costs, when a price is set.
    #[serde(default)]
    pub price: Option<Price>,
}

impl GatewayRow {
    /// One more message waits: the next choice counts on it.
    pub fn count(&mut self, lane: Lane) {
        self.queued = self.queued.saturating_add(1);
        self.queued_bulk += u32::from(lane == Lane::Bulk);
        if let Circuit::HalfOpen { trying } = &mut self.circuit {
            *trying = true;
        }
    }

    /// Whether it can take one more message of this lane. Bulk leaves room for what somebody waits for.
    pub fn room(&self, lane: Lane) -> bool {
        let window = self.window.1.max(1);
        let by_window = window.saturating_mul(2).saturating_add(AHEAD);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let by_pace = self
            .pace
            .map_or(u32::MAX, |pace| (pace * AHEAD_S).ceil().max(1.0) as u32);
        let most = by_window.min(by_pace);
        match lane {
            Lane::Bulk => self.queued < most,
            Lane::Interactive => self.queued < most.saturating_mul(2),
        }
    }
}

/// Money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Millionths of the currency.
    pub micros: u64,
    /// ISO 4217.
    pub currency: String,
}

/// One destination network's row.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NetworkRow {
    /// How it is.
    pub state: Health,
    /// Since when, ms UTC.
    pub since: i64,
    /// Why, a sentence.
    pub reason: String,
    /// Messages handed over, delivered, failed, and reported absent, since the start.
    pub sent: u64,
    /// Delivered.
    pub delivered: u64,
    /// Failed.
    pub failed: u64,
    /// Absent.
    pub absent: u64,
    /// Messages for it that gateways refused for the moment (throttled, queue full, a temporary error).
    #[serde(default)]
    pub refused: u64,
    /// Most messages of campaigns a second that go there now; none when not limited.
    #[serde(default)]
    pub pace: Option<f64>,
    /// Messages that wait for that pace.
    #[serde(default)]
    pub waiting: u32,
    /// Hand-over to receipt, ms, smoothed.
    pub delay_ms: Option<f64>,
    /// When something was last known of it, ms of the steady clock.
    #[serde(default)]
    pub heard: i64,
    /// Its last hour, by the steady clock.
    #[serde(skip)]
    pub history: Arc<History>,
}

impl NetworkRow {
    /// The share (0–1) of the last minutes' outcomes that were arrivals; none when there were few. `now` is of the steady
    /// clock.
    pub fn arrived(&self, now: i64) -> Option<f64> {
        let recent = self.history.recent(now, RECENT);
        let outcomes = recent.arrived + recent.failed + recent.absent;
        (outcomes >= FEW).then(|| f64::from(recent.arrived) / f64::from(outcomes))
    }

    /// One network as two gateways know it: counts are added; how it is says who heard of it last.
    pub fn merge(&mut self, other: &Self) {
        if other.heard >= self.heard {
            self.state = other.state;
            self.since = other.since;
            self.reason.clone_from(&other.reason);
            self.delay_ms = other.delay_ms.or(self.delay_ms);
            self.heard = other.heard;
        }
        self.sent += other.sent;
        self.delivered += other.delivered;
        self.failed += other.failed;
        self.absent += other.absent;
        self.refused += other.refused;
        Arc::make_mut(&mut self.history).merge(&other.history);
    }
}
