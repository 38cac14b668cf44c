//! `/lab/v1/faults`, `/smsc`, `/messages`: the network itself.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::{Body, Lab, Problem};
use crate::faults::Faults;

pub async fn faults(State(lab): State<Arc<Lab>>) -> Json<Faults> {
    Json((*lab.carrier.faults.get()).clone())
}

pub async fn set_faults(
    State(lab): State<Arc<Lab>>,
    Body(faults): Body<Faults>,
) -> Result<Json<Faults>, Problem> {
    faults
        .check()
        .map_err(|error| Problem::new(422, error.to_string()))?;
    lab.carrier.set_faults(faults.clone());
    Ok(Json(faults))
}

pub async fn smsc(State(lab): State<Arc<Lab>>) -> Json<Value> {
    let counts = &lab.carrier.counts;
    Json(json!({
        "bound": counts.bound.load(Relaxed),
        "submitted": counts.submitted.load(Relaxed),
        "receipts": counts.receipts.load(Relaxed),
        "responses_by_status": counts.responses_by_status(),
        "connections": counts.connections.load(Relaxed),
    }))
}

/// The message log, newest first, with what a part costs.
pub async fn messages(State(lab): State<Arc<Lab>>) -> Json<Value> {
    let price = lab
        .price_micros
        .map(|micros| json!({"micros": micros, "currency": lab.currency}));
    Json(json!({"price": price, "items": lab.carrier.trail.lines()}))
}
