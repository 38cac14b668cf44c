//! `/shipments`: what is on its way, packet by packet, part by part.

use super::auth::Caller;
use super::ids;
use super::problem::Problem;
use axum::Json;
use axum::extract::{Path, Query, State};
use control::Control;
use delivery::{Shipment, ShipmentState};
use serde::Deserialize;
use serde_json::{Value, json};
use store::ShipmentFilter;
use terminals::Proof;

/// Shipments a page.
const PAGE: u32 = 100;

#[derive(Deserialize)]
pub struct Filter {
    terminal: Option<String>,
    state: Option<ShipmentState>,
    after: Option<String>,
}

pub async fn list(
    State(control): State<Control>,
    caller: Caller,
    Query(filter): Query<Filter>,
) -> Result<Json<Value>, Problem> {
    caller.needs(identity::Scope::BooksRead)?;
    let shipments = control
        .store()
        .shipments(ShipmentFilter {
            terminal: filter.terminal.as_deref().map(ids::terminal).transpose()?,
            state: filter.state,
            after: filter.after.as_deref().map(ids::shipment).transpose()?,
            limit: PAGE,
        })
        .await?;
    let full = shipments.len() == usize::try_from(PAGE).unwrap_or(usize::MAX);
    let next = shipments
        .last()
        .filter(|_| full)
        .map(|s| ids::of_shipment(s.id));
    let mut items = Vec::new();
    for shipment in &shipments {
        // A grant a book (rule 10): a shipment's writes are its content.
        caller.reads(shipment.terminal.subscriber)?;
        items.push(view(shipment));
    }
    Ok(Json(json!({"items": items, "next": next})))
}

pub async fn show(
    State(control): State<Control>,
    caller: Caller,
    Path(p): Path<String>,
) -> Result<Json<Value>, Problem> {
    caller.needs(identity::Scope::BooksRead)?;
    let shipment = control.store().shipment(ids::shipment(&p)?).await?;
    let shipment = shipment.ok_or_else(Problem::not_found)?;
    caller.reads(shipment.terminal.subscriber)?;
    Ok(Json(view(&shipment)))
}

fn view(shipment: &Shipment) -> Value {
    let packets: Vec<_> = shipment
        .packets
        .iter()
        .map(|packet| {
            let parts: Vec<_> = packet
                .parts
                .iter()
                .map(|part| {
                    json!({
                        "n": part.n,
                        "octets": part.user_data.len(),
                        "state": part.state,
                        "message_id": part.message_id,
                        "at": part.at.and_then(ids::instant),
                    })
                })
                .collect();
            json!({
                "n": packet.n,
                "counter": packet.counter,
                "state": packet.state,
                "proof": packet.proof.as_str(),
                "outcome": packet.outcome,
                "parts": parts,
            })
        })
        .collect();
    // A shipment is proven as far as its least proven packet.
    let proof = shipment.packets.iter().map(|packet| packet.proof).min();
    json!({
        "id": ids::of_shipment(shipment.id),
        "terminal": ids::of_terminal(shipment.terminal),
        "kind": shipment.kind,
        "revision": shipment.revision.0,
        "state": shipment.state,
        "writes": shipment.writes,
        "packets": packets,
        "proof": proof.unwrap_or(Proof::None).as_str(),
        "at": ids::instant(shipment.at),
    })
}
