//! The network state table.

use super::auth::Caller;
use super::ids;
use super::openapi::Reads;
use super::problem::Problem;
use super::shipments::Cost;
use axum::Json;
use axum::extract::State;
use control::Control;
use delivery::breaker::Circuit;
use delivery::network::{GatewayRow, Health, NetworkRow};
use delivery::{Due, Terminal};
use identity::Scope;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Terminals that are told of: those that wait, are tried again, or need a person.
const TERMINALS: usize = 500;
/// Terminals read together.
const PAGE: u32 = 500;

/// The network state table.
#[derive(Serialize, ToSchema)]
pub struct Table {
    /// By name.
    gateways: BTreeMap<String, Gateway>,
    /// Destination networks, by prefix.
    networks: BTreeMap<String, Network>,
    /// Terminals that are not at rest, at most 500.
    terminals: Vec<Row>,
    /// Messages at the router that no gateway can take now: those that somebody waits for.
    waiting_interactive: u32,
    /// And those of campaigns.
    waiting_bulk: u32,
    /// What an operator must hear of, worst first.
    alerts: Vec<Alert>,
}

/// Something that is wrong now.
#[derive(Serialize, ToSchema)]
pub struct Alert {
    /// What.
    what: &'static str,
    /// The gateway or network; `router` for the queue.
    gateway: String,
    #[schema(format = DateTime)]
    since: Option<String>,
    sentence: String,
}

/// A gateway; the counts are since Kith started.
#[derive(Serialize, ToSchema)]
pub struct Gateway {
    #[schema(schema_with = super::openapi::health)]
    state: Health,
    #[schema(format = DateTime)]
    since: Option<String>,
    /// A sentence.
    reason: String,
    /// Messages without answer now.
    window: u32,
    /// The most allowed.
    window_most: u32,
    /// Messages taken in the last second.
    rate: f64,
    /// Most a second that is sent now; null when not limited.
    pace: Option<f64>,
    /// Refusals by class and status, in words.
    errors: BTreeMap<String, u64>,
    /// Submit and answer, ms, smoothed.
    round_trip_ms: Option<f64>,
    /// Messages waiting to be handed over.
    queued: u32,
    /// Those of them that are bulk.
    queued_bulk: u32,
    /// Whether messages go, by its circuit breaker: `closed`, `open` or `half_open`.
    #[schema(value_type = String)]
    circuit: &'static str,
    accepted: u64,
    refused: u64,
    receipts: u64,
    /// Messages from terminals.
    mobile: u64,
    binds: u64,
    /// What one part costs.
    price: Option<Cost>,
}

/// A destination network; the counts are since Kith started.
#[derive(Serialize, ToSchema)]
pub struct Network {
    #[schema(schema_with = super::openapi::health)]
    state: Health,
    #[schema(format = DateTime)]
    since: Option<String>,
    /// A sentence.
    reason: String,
    sent: u64,
    delivered: u64,
    failed: u64,
    /// Terminals that were off or away.
    absent: u64,
    /// Hand-over to receipt, ms, smoothed.
    delay_ms: Option<f64>,
    /// Messages for it that gateways refused for the moment.
    refused: u64,
    /// Most messages a second of campaigns that go there now, or of all by configuration; null when not limited.
    pace: Option<f64>,
    /// Messages that wait for that pace.
    waiting: u32,
}

impl From<GatewayRow> for Gateway {
    fn from(row: GatewayRow) -> Self {
        Self {
            state: row.state,
            since: ids::instant(row.since),
            reason: row.reason,
            window: row.window.0,
            window_most: row.window.1,
            rate: row.rate,
            pace: row.pace,
            errors: row.errors,
            round_trip_ms: row.round_trip_ms,
            queued: row.queued,
            queued_bulk: row.queued_bulk,
            circuit: match row.circuit {
                Circuit::Closed => "closed",
                Circuit::Open { .. } => "open",
                Circuit::HalfOpen { .. } => "half_open",
            },
            accepted: row.accepted,
            refused: row.refused,
            receipts: row.receipts,
            mobile: row.mobile,
            binds: row.binds,
            price: row.price.map(Cost::from),
        }
    }
}

impl From<NetworkRow> for Network {
    fn from(row: NetworkRow) -> Self {
        Self {
            state: row.state,
            since: ids::instant(row.since),
            reason: row.reason,
            sent: row.sent,
            delivered: row.delivered,
            failed: row.failed,
            absent: row.absent,
            delay_ms: row.delay_ms,
            refused: row.refused,
            pace: row.pace,
            waiting: row.waiting,
        }
    }
}

/// A terminal that is not at rest.
#[derive(Serialize, ToSchema)]
#[schema(as = TerminalRow)]
pub struct Row {
    id: String,
    #[schema(value_type = String)]
    state: &'static str,
    /// Since when, where that is known.
    #[schema(format = DateTime)]
    since: Option<String>,
    /// A sentence.
    reason: Option<String>,
    #[schema(format = DateTime)]
    next_try: Option<String>,
    #[schema(format = DateTime)]
    last_heard: Option<String>,
}

/// The network state table: gateways, destination networks, terminals.
#[utoipa::path(get, path = "/network", tag = "network", operation_id = "show_network",
    responses((status = 200, body = Table), Reads))]
pub async fn table(State(control): State<Control>, caller: Caller) -> Result<Json<Table>, Problem> {
    caller.needs(Scope::Network)?;
    let table = control.network();
    let mut terminals = Vec::new();
    let mut after = None;
    loop {
        let page = control.store().terminals(after, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.id);
        terminals.extend(page.iter().filter_map(row));
        if terminals.len() >= TERMINALS {
            terminals.truncate(TERMINALS);
            break;
        }
    }
    let alerts = table.alerts.into_iter().map(|alert| Alert {
        what: alert.what.name(),
        gateway: alert.gateway,
        since: ids::instant(alert.since),
        sentence: alert.sentence,
    });
    Ok(Json(Table {
        waiting_interactive: table.waiting.interactive,
        waiting_bulk: table.waiting.bulk,
        alerts: alerts.collect(),
        gateways: named(table.gateways),
        networks: named(table.networks),
        terminals,
    }))
}

/// The gateways, by name.
#[utoipa::path(get, path = "/gateways", tag = "network", operation_id = "show_gateways",
    responses((status = 200, body = BTreeMap<String, Gateway>), Reads))]
pub async fn gateways(
    State(control): State<Control>,
    caller: Caller,
) -> Result<Json<BTreeMap<String, Gateway>>, Problem> {
    caller.needs(Scope::Network)?;
    Ok(Json(named(control.network().gateways)))
}

fn named<R, V: From<R>>(rows: BTreeMap<String, R>) -> BTreeMap<String, V> {
    rows.into_iter()
        .map(|(name, row)| (name, row.into()))
        .collect()
}

/// From the stored row alone: no book is opened for it (rule 10).
fn row((terminal, due): &(Terminal, Option<Due>)) -> Option<Row> {
    let trouble = terminal.trouble.as_ref();
    let late = terminal.absent || terminal.tries > 0 || terminal.next_try.is_some();
    let state = match (trouble, terminal.in_flight) {
        _ if terminal.retired => return None,
        (Some(_), _) => "trouble",
        (None, _) if late => "waiting",
        (None, Some(_)) => "sending",
        (None, None) if due.is_some() => "due",
        (None, None) => return None,
    };
    Some(Row {
        id: ids::of_terminal(terminal.id),
        state,
        since: due.and_then(|due| ids::instant(due.since)),
        reason: trouble
            .map(|trouble| trouble.sentence.clone())
            .or_else(|| terminal.last_outcome.clone()),
        next_try: terminal.next_try.and_then(ids::instant),
        last_heard: terminal.last_heard.and_then(ids::instant),
    })
}
