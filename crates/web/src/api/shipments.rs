//! `/shipments`: what is on its way, packet by packet, part by part.

use super::auth::Caller;
use super::ids;
use super::openapi::Reads;
use super::params::{List, Paging, Params};
use super::problem::Problem;
use super::tag::Tagged;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use book::{friend_id, number_id};
use control::Control;
use delivery::network::Price;
use delivery::{
    Packet, PacketState, Part, PartState, Shipment, ShipmentKind, ShipmentState, TerminalId,
};
use serde::Serialize;
use store::ShipmentFilter;
use terminals::{Proof, Write};
use utoipa::ToSchema;

/// One plan on its way.
#[derive(Serialize, ToSchema)]
#[schema(as = Shipment)]
pub struct View {
    pub id: String,
    terminal: String,
    #[schema(schema_with = super::openapi::shipment_kind)]
    kind: ShipmentKind,
    revision: u64,
    #[schema(schema_with = super::openapi::shipment_state)]
    state: ShipmentState,
    writes: Vec<WriteView>,
    packets: Vec<PacketView>,
    /// What the messages that were handed over cost; absent when the gateway has no price.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cost: Option<Cost>,
    /// That of its least proven packet.
    #[schema(schema_with = super::openapi::proof)]
    proof: Proof,
    /// When it was planned.
    #[schema(format = DateTime)]
    at: Option<String>,
    gateway: Option<String>,
}

/// One slot's new content.
#[derive(Serialize, ToSchema)]
#[schema(as = Write)]
pub struct WriteView {
    slot: u16,
    /// The whole record, hex.
    content: String,
    /// Whose entry it is; null when the slot is cleared.
    friend: Option<String>,
    number_id: Option<String>,
}

/// One secured command or business card.
#[derive(Serialize, ToSchema)]
#[schema(as = Packet)]
pub struct PacketView {
    n: u16,
    /// The security counter.
    counter: Option<u64>,
    #[schema(schema_with = super::openapi::packet_state)]
    state: PacketState,
    #[schema(schema_with = super::openapi::proof)]
    proof: Proof,
    /// What it came to, a sentence.
    outcome: Option<String>,
    parts: Vec<PartView>,
}

/// One short message.
#[derive(Serialize, ToSchema)]
#[schema(as = Part)]
pub struct PartView {
    n: u8,
    octets: usize,
    #[schema(schema_with = super::openapi::part_state)]
    state: PartState,
    /// Its id at the gateway.
    message_id: Option<String>,
    #[schema(format = DateTime)]
    at: Option<String>,
}

/// Money.
#[derive(Serialize, ToSchema)]
pub struct Cost {
    /// Millionths of the currency.
    micros: u64,
    /// ISO 4217.
    currency: String,
}

impl From<Price> for Cost {
    fn from(price: Price) -> Self {
        Self {
            micros: price.micros,
            currency: price.currency,
        }
    }
}

/// Shipments, newest first.
#[utoipa::path(get, path = "/shipments", tag = "terminals", operation_id = "list_shipments",
    params(
        ("terminal" = Option<String>, Query, description = "Only to this terminal."),
        ("state" = Option<String>, Query, description = "Only in this state."),
        Paging,
    ),
    responses((status = 200, body = List<View>), Reads))]
pub async fn list(
    State(control): State<Control>,
    caller: Caller,
    params: Params,
) -> Result<Json<List<View>>, Problem> {
    caller.needs(identity::Scope::BooksRead)?;
    let page = params.page(|cursor| ids::shipment(cursor).ok())?;
    let filter = ShipmentFilter {
        terminal: params.get("terminal").map(ids::terminal).transpose()?,
        state: params.get("state").map(state).transpose()?,
        after: page.after,
        limit: page.ask(),
    };
    let shipments = control.store().shipments(filter).await?;
    for shipment in &shipments {
        // A grant a book (rule 10): a shipment's writes are its content.
        caller.reads(shipment.terminal.subscriber)?;
    }
    let id = |shipment: &Shipment| ids::of_shipment(shipment.id);
    Ok(Json(page.list(shipments, id, |s| view(&control, &s))))
}

/// A shipment.
#[utoipa::path(get, path = "/shipments/{id}", tag = "terminals", operation_id = "show_shipment",
    responses((status = 200, body = View, headers(("ETag" = String))), Reads))]
pub async fn show(
    State(control): State<Control>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Tagged<View>, Problem> {
    caller.needs(identity::Scope::BooksRead)?;
    let shipment = control.store().shipment(ids::shipment(&id)?).await?;
    let shipment = shipment.ok_or_else(Problem::not_found)?;
    caller.reads(shipment.terminal.subscriber)?;
    Ok(Tagged(StatusCode::OK, view(&control, &shipment)))
}

fn state(word: &str) -> Result<ShipmentState, Problem> {
    serde_json::from_value(word.into()).map_err(|_| {
        let detail = "A state is queued, sending, waiting, proven, failed or superseded.";
        Problem::wrong("state", detail)
    })
}

/// A shipment as API.md has it.
pub fn view(control: &Control, shipment: &Shipment) -> View {
    let terminal = shipment.terminal;
    let writes = shipment.writes.iter().map(|w| write(terminal, w));
    let proof = shipment.packets.iter().map(|packet| packet.proof).min();
    View {
        id: ids::of_shipment(shipment.id),
        terminal: ids::of_terminal(terminal),
        kind: shipment.kind,
        revision: shipment.revision.0,
        state: shipment.state,
        writes: writes.collect(),
        packets: shipment.packets.iter().map(packet).collect(),
        cost: cost(control, shipment),
        proof: proof.unwrap_or_default(),
        at: ids::instant(shipment.at),
        gateway: shipment.gateway.clone(),
    }
}

/// A slot's new content as API.md has it.
pub fn write(terminal: TerminalId, write: &Write) -> WriteView {
    let of = terminal.subscriber;
    WriteView {
        slot: write.slot.0,
        content: data_encoding::HEXLOWER.encode(&write.content),
        friend: write.entry.map(|key| friend_id(of, key.friend)),
        number_id: write.entry.map(|key| number_id(of, key.number)),
    }
}

fn packet(packet: &Packet) -> PacketView {
    PacketView {
        n: packet.n,
        counter: packet.counter,
        state: packet.state,
        proof: packet.proof,
        outcome: packet.outcome.clone(),
        parts: packet.parts.iter().map(part).collect(),
    }
}

fn part(part: &Part) -> PartView {
    PartView {
        n: part.n,
        octets: part.user_data.len(),
        state: part.state,
        message_id: part.message_id.clone(),
        at: part.at.and_then(ids::instant),
    }
}

/// What the parts of a shipment cost, each as often as its packet went out.
fn cost(control: &Control, shipment: &Shipment) -> Option<Cost> {
    let sent = shipment.packets.iter().map(|packet| {
        let parts = packet.parts.iter().filter(|p| p.state != PartState::Queued);
        u64::try_from(parts.count()).unwrap_or(u64::MAX) * u64::from(packet.sendings)
    });
    let price = price(control, shipment.gateway.as_deref())?;
    let micros = price.micros.saturating_mul(sent.sum());
    Some(Price { micros, ..price }.into())
}

/// A gateway's price; that of the first when nobody knows which.
fn price(control: &Control, gateway: Option<&str>) -> Option<Price> {
    let gateways = control.network().gateways;
    let row = match gateway {
        Some(name) => gateways.get(name),
        None => gateways.values().next(),
    };
    row?.price.clone()
}
