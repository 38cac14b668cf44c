//! Shipments, newest first: what is on its way, by which packets and parts, and how far each is proven.

use super::Frame;
use crate::locale::Words;
use crate::page::{Unavailable, instant, page};
use crate::staff::{Admin, House};
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use control::Control;
use delivery::{PacketState, PartState, Shipment, ShipmentKind, ShipmentState, TerminalId};
use serde::Deserialize;
use store::{ShipmentFilter, StoreError};
use terminals::Proof;

/// Rows of a page.
const PAGE: u32 = 50;

#[derive(Template)]
#[template(path = "console/shipments.html")]
struct Page {
    f: Frame,
    state: String,
    states: Vec<(&'static str, String)>,
    shipments: Vec<Row>,
}

/// A shipment with its packets.
pub struct Row {
    pub terminal: String,
    pub terminal_id: String,
    pub state: &'static str,
    pub word: String,
    pub kind: String,
    pub at: String,
    pub revision: u64,
    pub gateway: String,
    pub packets: Vec<Packet>,
}

/// A packet with its parts.
pub struct Packet {
    pub n: u16,
    pub counter: String,
    pub state: String,
    pub sendings: u16,
    pub proof: String,
    pub outcome: String,
    pub parts: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Asked {
    state: String,
}

const STATES: [ShipmentState; 6] = [
    ShipmentState::Queued,
    ShipmentState::Sending,
    ShipmentState::Waiting,
    ShipmentState::Proven,
    ShipmentState::Failed,
    ShipmentState::Superseded,
];

pub async fn show(
    State(house): State<House>,
    Admin(admin): Admin,
    w: Words,
    Query(asked): Query<Asked>,
) -> Result<Response, Unavailable> {
    let state = STATES.into_iter().find(|state| name(*state) == asked.state);
    Ok(page(&Page {
        f: Frame::new(w, &admin, "shipments"),
        shipments: of(&house.control, w, None, state).await?,
        states: STATES.map(|state| (name(state), word(w, state))).into(),
        state: asked.state,
    }))
}

/// A page of shipments as rows.
pub async fn of(
    control: &Control,
    w: Words,
    terminal: Option<TerminalId>,
    state: Option<ShipmentState>,
) -> Result<Vec<Row>, StoreError> {
    let filter = ShipmentFilter {
        terminal,
        state,
        after: None,
        limit: PAGE,
    };
    let mut rows = Vec::new();
    for shipment in control.store().shipments(filter).await? {
        let full = control.store().terminal(shipment.terminal).await?;
        let msisdn = full.map(|full| full.terminal.msisdn).unwrap_or_default();
        rows.push(row(w, shipment, msisdn));
    }
    Ok(rows)
}

fn row(w: Words, shipment: Shipment, msisdn: String) -> Row {
    let kind = match shipment.kind {
        ShipmentKind::Write => "kind-of-write",
        ShipmentKind::Read => "kind-of-read",
        ShipmentKind::Verify => "kind-of-verify",
        ShipmentKind::Test => "kind-of-test",
    };
    Row {
        terminal: msisdn,
        terminal_id: super::phones::id_of(shipment.terminal),
        state: name(shipment.state),
        word: word(w, shipment.state),
        kind: w.say(kind),
        at: instant(shipment.at),
        revision: shipment.revision.0,
        gateway: shipment.gateway.unwrap_or_default(),
        packets: shipment.packets.iter().map(|p| packet(w, p)).collect(),
    }
}

fn packet(w: Words, packet: &delivery::Packet) -> Packet {
    let state = match packet.state {
        PacketState::Queued => "packet-queued",
        PacketState::Sending => "packet-sending",
        PacketState::Waiting => "packet-waiting",
        PacketState::Proven => "packet-proven",
        PacketState::Failed => "packet-failed",
        PacketState::Unknown => "packet-unknown",
    };
    let parts = packet.parts.iter().map(|part| {
        let state = match part.state {
            PartState::Queued => "part-queued",
            PartState::Sent => "part-sent",
            PartState::Accepted => "part-accepted",
            PartState::Delivered => "part-delivered",
            PartState::Failed => "part-failed",
        };
        let id = part.message_id.as_deref().unwrap_or("–");
        format!(
            "{}: {} ({}, {id})",
            part.n,
            w.say(state),
            part.user_data.len()
        )
    });
    Packet {
        n: packet.n,
        counter: packet.counter.map(|c| c.to_string()).unwrap_or_default(),
        state: w.say(state),
        sendings: packet.sendings,
        proof: w.say(&format!("proof-{}", proof(packet.proof))),
        outcome: w.told(packet.outcome.as_deref().unwrap_or_default()),
        parts: parts.collect::<Vec<_>>().join(" · "),
    }
}

fn name(state: ShipmentState) -> &'static str {
    match state {
        ShipmentState::Queued => "queued",
        ShipmentState::Sending => "sending",
        ShipmentState::Waiting => "waiting",
        ShipmentState::Proven => "proven",
        ShipmentState::Failed => "failed",
        ShipmentState::Superseded => "superseded",
    }
}

fn word(w: Words, state: ShipmentState) -> String {
    w.say(&format!("shipment-{}", name(state)))
}

/// The API's word of a proof.
pub(super) fn proof(proof: Proof) -> &'static str {
    match proof {
        Proof::None => "none",
        Proof::Accepted => "accepted",
        Proof::Delivered => "delivered",
        Proof::Applied => "applied",
        Proof::Verified => "verified",
    }
}
