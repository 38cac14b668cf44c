//! A handset's call to the service number: the lab is the carrier's telephone system and tells the server.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Body, Lab, Problem};
use crate::telephone::Call;

/// How often the server is asked what has become of a call.
const LOOK_EVERY: Duration = Duration::from_millis(700);

pub async fn ring(
    State(lab): State<Arc<Lab>>,
    Path(msisdn): Path<String>,
) -> Result<(StatusCode, Json<Call>), Problem> {
    let radio = lab.radio(&msisdn)?;
    if !radio.is_on() {
        return Err(Problem::new(409, "this phone is off: switch it on first"));
    }
    if lab.calls().contains_key(&radio.msisdn) {
        return Err(Problem::new(409, "this phone is in a call: hang up first"));
    }
    let call = lab
        .line
        .ring(&format!("+{}", radio.msisdn), &lab.service_number)
        .await?;
    lab.calls().insert(radio.msisdn.clone(), call.clone());
    lab.carrier.tell("call", &radio.msisdn);
    tokio::spawn(follow(lab.clone(), radio.msisdn.clone(), call.id.clone()));
    Ok((StatusCode::CREATED, Json(call)))
}

#[derive(Deserialize)]
pub struct Keys {
    digits: String,
    #[serde(rename = "for")]
    purpose: Option<String>,
}

pub async fn keys(
    State(lab): State<Arc<Lab>>,
    Path(msisdn): Path<String>,
    Body(keys): Body<Keys>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let (msisdn, call) = under_way(&lab, &msisdn)?;
    let purpose = keys.purpose.as_deref().unwrap_or("code");
    if !matches!(purpose, "code" | "pin") {
        return Err(Problem::new(
            422,
            format!("“for” is “code” or “pin”, not “{purpose}”"),
        ));
    }
    let answer = lab.line.key(&call.id, &keys.digits, purpose).await?;
    lab.carrier.tell("call", &msisdn);
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

pub async fn hang_up(
    State(lab): State<Arc<Lab>>,
    Path(msisdn): Path<String>,
) -> Result<Json<Value>, Problem> {
    let (msisdn, call) = under_way(&lab, &msisdn)?;
    // The caller has gone, whether or not the server could be told.
    lab.calls().remove(&msisdn);
    lab.carrier.tell("call", &msisdn);
    lab.line.hang_up(&call.id).await?;
    Ok(Json(json!({"state": "ended"})))
}

fn under_way(lab: &Lab, msisdn: &str) -> Result<(String, Call), Problem> {
    let radio = lab.radio(msisdn)?;
    let call = lab.calls().get(&radio.msisdn).cloned();
    let call = call.ok_or_else(|| {
        Problem::new(
            409,
            "this phone is in no call: ring the service number first",
        )
    })?;
    Ok((radio.msisdn.clone(), call))
}

/// Watches one call until it ends on either side.
async fn follow(lab: Arc<Lab>, msisdn: String, id: String) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(known) = lab
            .calls()
            .get(&msisdn)
            .filter(|call| call.id == id)
            .cloned()
        else {
            return;
        };
        // A server that is silent for a while does not end a call; the caller may.
        let Ok(now) = lab.line.look(&id).await else {
            continue;
        };
        if now == known {
            continue;
        }
        let ended = now.state == "ended";
        {
            let mut calls = lab.calls();
            if calls.get(&msisdn).is_none_or(|call| call.id != id) {
                return;
            }
            if ended {
                calls.remove(&msisdn);
            } else {
                calls.insert(msisdn.clone(), now);
            }
        }
        lab.carrier.tell("call", &msisdn);
        if ended {
            return;
        }
    }
}
