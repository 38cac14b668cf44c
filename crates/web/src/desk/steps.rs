//! Sending now, ending, and the agent's word after a caller hung up.

use super::verify::to;
use crate::page::Unavailable;
use crate::staff::{Agent, House};
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use control::{CallError, UndoInCall};
use identity::Call;
use serde::Deserialize;

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Word {
    undo: String,
}

/// F9.
pub async fn send(
    State(house): State<House>,
    Agent(agent): Agent,
    Path(c): Path<String>,
) -> Result<Response, Unavailable> {
    done(&c, house.control.send_in_call(&c, &agent).await)
}

/// The end card's yes.
pub async fn end(
    State(house): State<House>,
    Agent(agent): Agent,
    Path(c): Path<String>,
) -> Result<Response, Unavailable> {
    done(&c, house.control.end_call(&c, Some(&agent)).await)
}

/// What becomes of changes that were not read back.
pub async fn decide(
    State(house): State<House>,
    Agent(agent): Agent,
    Path(c): Path<String>,
    Form(word): Form<Word>,
) -> Result<Response, Unavailable> {
    let undo = match word.undo.as_str() {
        "nothing" => UndoInCall::Nothing,
        "everything" => UndoInCall::Everything,
        _ => UndoInCall::Unconfirmed,
    };
    done(&c, house.control.decide_call(&c, &agent, undo).await)
}

fn done(c: &str, step: Result<Call, CallError>) -> Result<Response, Unavailable> {
    match step {
        Err(CallError::Store(error)) => Err(error.into()),
        Err(CallError::NotFound) => Ok(Redirect::to("/desk").into_response()),
        // A call that has moved on is shown as it is now.
        Ok(_) | Err(_) => Ok(to(c)),
    }
}
