//! The network state table.

use super::auth::Caller;
use super::problem::Problem;
use axum::Json;
use axum::extract::State;
use control::Control;
use identity::Scope;
use serde_json::{Value, json};

pub async fn table(State(control): State<Control>, caller: Caller) -> Result<Json<Value>, Problem> {
    caller.needs(Scope::Network)?;
    Ok(Json(json!(control.network())))
}

pub async fn gateways(
    State(control): State<Control>,
    caller: Caller,
) -> Result<Json<Value>, Problem> {
    caller.needs(Scope::Network)?;
    Ok(Json(json!(control.network().gateways)))
}
