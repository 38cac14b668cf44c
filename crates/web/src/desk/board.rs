//! The waiting room: calls that ring at all free agents, one's own calls, and “New call” for a desk without a telephone
//! system. No name stands here: nobody is verified yet.

use crate::locale::Words;
use crate::page::{Unavailable, other, page};
use crate::staff::{Agent, House};
use askama::Template;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use control::CallError;
use identity::CallState;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "desk/board.html")]
struct Board {
    w: Words,
    other: &'static str,
    base: &'static str,
    agent: String,
    ringing: Vec<Ringing>,
    mine: Vec<Ringing>,
    service: String,
    taken: bool,
}

struct Ringing {
    id: String,
    caller: String,
    began: i64,
}

#[derive(Deserialize)]
pub struct NewCall {
    #[serde(default)]
    number: String,
}

#[derive(Deserialize)]
pub struct After {
    /// The call was answered by another agent first.
    taken: Option<String>,
}

pub async fn show(
    State(house): State<House>,
    Agent(agent): Agent,
    w: Words,
    axum::extract::Query(after): axum::extract::Query<After>,
) -> Result<Response, Unavailable> {
    let calls = house.control.open_calls().await?;
    let list = |wanted: &dyn Fn(&identity::Call) -> bool| {
        let some = calls.iter().filter(|call| wanted(call));
        some.map(|call| Ringing {
            id: call.id.clone(),
            caller: call.caller.clone(),
            began: call.began,
        })
        .collect()
    };
    Ok(page(&Board {
        w,
        other: other(w),
        base: "/desk",
        ringing: list(&|call| call.state == CallState::Ringing),
        mine: list(&|call| call.state != CallState::Ringing && call.is_with(&agent.login)),
        agent: agent.name,
        service: house.control.settings().service_number.clone(),
        taken: after.taken.is_some(),
    }))
}

/// A call without a telephone system: rung and answered at once.
pub async fn new_call(
    State(house): State<House>,
    Agent(agent): Agent,
    Form(new): Form<NewCall>,
) -> Result<Response, Unavailable> {
    let called = house.control.settings().service_number.clone();
    let call = house.control.ring(&new.number, &called, false).await?;
    answered(&house, &agent, &call.id).await
}

pub async fn answer(
    State(house): State<House>,
    Agent(agent): Agent,
    Path(c): Path<String>,
) -> Result<Response, Unavailable> {
    answered(&house, &agent, &c).await
}

async fn answered(
    house: &House,
    agent: &identity::Session,
    c: &str,
) -> Result<Response, Unavailable> {
    match house.control.answer(c, agent).await {
        Ok(call) => Ok(Redirect::to(&format!("/desk/calls/{}", call.id)).into_response()),
        Err(CallError::Store(error)) => Err(error.into()),
        Err(_) => Ok(Redirect::to("/desk?taken=1").into_response()),
    }
}
