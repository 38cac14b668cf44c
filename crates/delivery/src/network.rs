//! The network state table (网络状态表): what is known of every gateway and destination network. The rules are here;
//! comms feeds and shows it. Terminals' rows are their stored state (`Terminal`).

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that the communication module knows, as one value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NetworkTable {
    /// A row a gateway, by name.
    pub gateways: BTreeMap<String, GatewayRow>,
    /// A row a destination network, by prefix (`+44`).
    pub networks: BTreeMap<String, NetworkRow>,
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
    /// Hand-over to receipt, ms, smoothed.
    pub delay_ms: Option<f64>,
}
