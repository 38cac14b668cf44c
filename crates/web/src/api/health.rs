//! `/health`, `/ready` and `/metrics`, as everybody expects; no token is asked for them.

use super::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use control::{Alarm, Control, Event};
use delivery::breaker::Circuit;
use delivery::network::{Health, NetworkRow, NetworkTable};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use tokio::sync::broadcast::error::RecvError;
use utoipa::ToSchema;

/// Whether Kith can take edits.
#[derive(Serialize, ToSchema)]
pub struct Ready {
    ready: bool,
    /// A sentence.
    detail: String,
    /// The state of every gateway.
    #[schema(value_type = BTreeMap<String, String>)]
    gateways: BTreeMap<String, Health>,
}

/// The process answers.
#[utoipa::path(get, path = "/health", tag = "network", operation_id = "health", security(()),
    responses((status = 200, content_type = "text/plain", body = String)))]
pub async fn health() -> &'static str {
    "ok"
}

/// Whether the store can be read and written, and its disk has room for more; what was wrong with it is tried again first.
/// One of several databases that is away is said, and stops nobody whose book lies on another.
async fn able(control: &Control) -> Result<(), Problem> {
    let store = control.store();
    let tried = match store.ills().is_empty() {
        true => store.home_answers().await,
        false => store.probe().await,
    };
    let status = axum::http::StatusCode::SERVICE_UNAVAILABLE;
    match (store.ill_at_home(), tried) {
        (Some(ill), _) => Err(Problem::new(status, "the store is away", ill.sentence)),
        (None, tried) => Ok(tried?),
    }?;
    match control.filling() {
        // Before anything is refused, so that somebody can see to it.
        Some(sentence) => Err(Problem::new(status, "the disk is nearly full", sentence)),
        None => Ok(()),
    }
}

/// The store answers, so edits are taken; whether they can go out is said, too.
#[utoipa::path(get, path = "/ready", tag = "network", operation_id = "ready", security(()),
    responses(
        (status = 200, body = Ready),
        (status = 503, description = "The store does not answer, or its disk is nearly full.",
            content_type = "application/problem+json", body = Problem),
    ))]
pub async fn ready(State(control): State<Control>) -> Result<Json<Ready>, Problem> {
    able(&control).await?;
    let gateways = control.network().gateways;
    let gateways: BTreeMap<_, _> = gateways
        .into_iter()
        .map(|(n, row)| (n, row.state))
        .collect();
    let bound = gateways.values().any(|state| *state != Health::Down);
    let detail = match (gateways.is_empty(), bound) {
        (true, _) => "No gateway is configured: edits are taken, and nothing goes out.",
        (false, false) => "No gateway is bound: edits are taken, and go out once one is.",
        (false, true) => "The store answers and a gateway is bound.",
    };
    let ills = control.store().ills().into_iter().map(|ill| ill.sentence);
    let detail: Vec<_> = ills.chain([detail.to_owned()]).collect();
    Ok(Json(Ready {
        ready: true,
        detail: detail.join(" "),
        gateways,
    }))
}

type Labels = Vec<(&'static str, String)>;

/// What is counted as it happens, for the scrapes between.
#[derive(Clone, Default)]
pub struct Counts {
    edits: Counter,
    shipments: Family<Labels, Counter>,
}

impl Counts {
    /// Counts until Kith ends.
    pub fn of(control: &Control) -> Self {
        let counts = Self::default();
        let (mut events, mine) = (control.subscribe(), counts.clone());
        let counting = async move {
            loop {
                match events.recv().await {
                    Ok(emitted) if emitted.here => mine.count(&emitted.event),
                    // Another node counts its own.
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(counting);
        }
        counts
    }

    fn count(&self, event: &Event) {
        match event {
            Event::Change { .. } => drop(self.edits.inc()),
            Event::Shipment { state, .. } if state.is_final() => {
                let state = format!("{state:?}").to_lowercase();
                self.shipments.get_or_create(&vec![("state", state)]).inc();
            }
            _ => {}
        }
    }
}

type Gauges = Family<Labels, Gauge<f64, AtomicU64>>;

/// The figures in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "network", operation_id = "metrics", security(()),
    responses(
        (status = 200, content_type = "application/openmetrics-text", body = String),
    ))]
pub async fn metrics(
    State(control): State<Control>,
    counts: axum::Extension<Counts>,
) -> Result<impl IntoResponse, Problem> {
    let mut registry = Registry::with_prefix("kith");
    registry.register("edits", "Edits since Kith started", counts.edits.clone());
    let help = "Shipments that ended since Kith started, by how";
    registry.register("shipments_ended", help, counts.shipments.clone());
    let up = Gauge::<i64>::default();
    up.set(i64::from(control.store().ills().is_empty()));
    let help = "Whether the database answers and can be written";
    registry.register("store_up", help, up);
    // Where they cannot be counted, or take long and never came, the rest is here all the same.
    if let Some(counts) = control.counts_soon().await {
        stored(&counts, &mut registry);
    }
    let table = control.network();
    gateways(&table, &mut registry);
    networks(&table, &mut registry);
    alerts(&table, &control.alarms(), &mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|_| {
        let status = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
        Problem::new(status, "a mistake", "The figures cannot be written.")
    })?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text))
}

/// What the store counts.
fn stored(counts: &store::Counts, registry: &mut Registry) {
    let mut gauge = |name: &str, help: &str, value: u64| {
        let gauge = Gauge::<i64>::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    };
    gauge("subscribers", "Subscribers", counts.subscribers);
    gauge(
        "terminals",
        "Terminals that are not retired",
        counts.terminals,
    );
    gauge(
        "terminals_due",
        "Terminals with something to be sent",
        counts.due,
    );
    let help = "Terminals that a person must look after";
    gauge("terminals_in_trouble", help, counts.in_trouble);
    let help = "Terminals with a shipment on its way";
    gauge("terminals_in_flight", help, counts.in_flight);
    let help = "Shipments planned in the last hour and proven since";
    gauge("shipments_proven_last_hour", help, counts.proven_last_hour);
    let shipments = Gauges::default();
    for (state, count) in ["queued", "sending", "waiting"]
        .into_iter()
        .zip(counts.unfinished)
    {
        let row = shipments.get_or_create(&vec![("state", state.to_owned())]);
        #[allow(clippy::cast_precision_loss)]
        row.set(count as f64);
    }
    registry.register("shipments", "Shipments on their way, by state", shipments);
}

/// The gateways' rows of the network state table.
fn gateways(table: &NetworkTable, registry: &mut Registry) {
    let rows = &table.gateways;
    let mut gauges = |name: &str, help: &str, value: fn(&delivery::network::GatewayRow) -> f64| {
        let gauges = Gauges::default();
        for (gateway, row) in rows {
            gauges
                .get_or_create(&vec![("gateway", gateway.clone())])
                .set(value(row));
        }
        registry.register(name, help, gauges);
    };
    let help = "Whether messages go out by a gateway";
    gauges("gateway_up", help, |row| {
        f64::from(u8::from(row.state != Health::Down))
    });
    gauges("gateway_window", "Messages without answer now", |row| {
        f64::from(row.window.0)
    });
    gauges("gateway_rate", "Messages taken in the last second", |row| {
        row.rate
    });
    gauges(
        "gateway_queued",
        "Messages waiting to be handed over",
        |row| f64::from(row.queued),
    );
    let help = "Bulk messages waiting to be handed over";
    gauges("gateway_queued_bulk", help, |row| {
        f64::from(row.queued_bulk)
    });
    let help = "Whether a gateway's circuit breaker lets messages go";
    gauges("gateway_circuit_closed", help, |row| {
        f64::from(u8::from(row.circuit == Circuit::Closed))
    });
    gauges(
        "gateway_round_trip_ms",
        "Submit and answer, ms, smoothed",
        |row| row.round_trip_ms.unwrap_or(0.0),
    );
    gauges(
        "gateway_accepted",
        "Messages taken since Kith started",
        |row| float(row.accepted),
    );
    gauges(
        "gateway_refused",
        "Messages refused since Kith started",
        |row| float(row.refused),
    );
    gauges("gateway_receipts", "Receipts since Kith started", |row| {
        float(row.receipts)
    });
    let help = "Messages from terminals since Kith started";
    gauges("gateway_mobile", help, |row| float(row.mobile));
    gauges("gateway_binds", "Binds since Kith started", |row| {
        float(row.binds)
    });
}

/// The networks' rows, and what waits at the router. A network's label is a calling code, never a number.
fn networks(table: &NetworkTable, registry: &mut Registry) {
    let mut gauges = |name: &str, help: &str, value: fn(&NetworkRow) -> f64| {
        let gauges = Gauges::default();
        for (network, row) in &table.networks {
            let labels = vec![("network", network.clone())];
            gauges.get_or_create(&labels).set(value(row));
        }
        registry.register(name, help, gauges);
    };
    let help = "Messages handed over since Kith started";
    gauges("network_sent", help, |row| float(row.sent));
    let help = "Messages delivered since Kith started";
    gauges("network_delivered", help, |row| float(row.delivered));
    let help = "Messages given up since Kith started";
    gauges("network_failed", help, |row| float(row.failed));
    let help = "Terminals reported away since Kith started";
    gauges("network_absent", help, |row| float(row.absent));
    let help = "Hand-over to receipt, ms, smoothed";
    gauges("network_delay_ms", help, |row| row.delay_ms.unwrap_or(0.0));
    let help = "Messages that wait for the pace of their network";
    gauges("network_waiting", help, |row| f64::from(row.waiting));
    let paces = Gauges::default();
    for (network, row) in &table.networks {
        if let Some(pace) = row.pace {
            let labels = vec![("network", network.clone())];
            paces.get_or_create(&labels).set(pace);
        }
    }
    let help = "Most messages a second that go there now; absent when not limited";
    registry.register("network_pace", help, paces);
    let waiting = Gauges::default();
    for (lane, count) in [
        ("interactive", table.waiting.interactive),
        ("bulk", table.waiting.bulk),
    ] {
        let labels = vec![("lane", lane.to_owned())];
        waiting.get_or_create(&labels).set(f64::from(count));
    }
    let help = "Messages that no gateway can take now, by lane";
    registry.register("router_waiting", help, waiting);
}

/// What is wrong: with gateways and networks, and with store, disk and clock.
fn alerts(table: &NetworkTable, alarms: &[Alarm], registry: &mut Registry) {
    let alerts = Gauges::default();
    for alert in &table.alerts {
        let what = alert.what.name().to_owned();
        let labels = vec![("what", what), ("gateway", alert.gateway.clone())];
        alerts.get_or_create(&labels).set(1.0);
    }
    for alarm in alarms {
        let labels = vec![("what", alarm.what.name().to_owned())];
        alerts.get_or_create(&labels).set(1.0);
    }
    registry.register("alert", "What is wrong now, or was a while ago", alerts);
}

/// Counts are far below 2^53.
#[allow(clippy::cast_precision_loss)]
fn float(count: u64) -> f64 {
    count as f64
}
