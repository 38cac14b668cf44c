//! Calls, for a telephone system: its token has `calls` and opens no book.

use super::auth::Caller;
use super::ids;
use super::openapi::{Reads, Writes};
use super::problem::{Body, Problem};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use control::{CallError, Control};
use identity::{Call, CallRefusal, CallState, Face, Role, Scope, Session};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a telephone system says of a call.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CallDraft)]
pub struct Draft {
    caller: Option<String>,
    called: Option<String>,
    agent: Option<String>,
    state: Option<Reported>,
}

/// A call's state, as the telephone system sees it.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CallState)]
pub enum Reported {
    Ringing,
    Answered,
    Ended,
}

/// Digits as keyed by the caller.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Keyed {
    digits: String,
    #[serde(rename = "for", default)]
    purpose: Purpose,
}

/// What they are for.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DigitsFor)]
pub enum Purpose {
    #[default]
    Code,
    Pin,
}

/// A call.
#[derive(Serialize, ToSchema)]
#[schema(as = Call)]
pub struct View {
    id: String,
    #[schema(value_type = Reported)]
    state: &'static str,
    /// How sure it is who calls.
    #[schema(minimum = 0, maximum = 2)]
    level: u8,
    caller: String,
    called: String,
    /// Her login at the desk.
    agent: Option<String>,
}

/// What the digits came to.
#[derive(Serialize, ToSchema)]
pub struct Tried {
    #[schema(minimum = 0, maximum = 2)]
    level: u8,
    tries_left: u8,
    #[schema(format = DateTime)]
    locked_until: Option<String>,
}

/// A call rings.
#[utoipa::path(post, path = "/calls", tag = "calls", request_body = Draft,
    operation_id = "add_call", responses((status = 201, body = View), Writes))]
pub async fn create(
    State(control): State<Control>,
    caller: Caller,
    Body(draft): Body<Draft>,
) -> Result<(StatusCode, Json<View>), Problem> {
    caller.needs(Scope::Calls)?;
    let from = draft.caller.unwrap_or_default();
    let called = draft.called.unwrap_or_default();
    let call = control.ring(&from, &called, true).await?;
    let call = moved(&control, call, draft.state, draft.agent).await?;
    Ok((StatusCode::CREATED, Json(view(&call))))
}

/// A call.
#[utoipa::path(get, path = "/calls/{c}", tag = "calls", operation_id = "show_call",
    responses((status = 200, body = View), Reads))]
pub async fn show(
    State(control): State<Control>,
    caller: Caller,
    Path(c): Path<String>,
) -> Result<Json<View>, Problem> {
    caller.needs(Scope::Calls)?;
    let call = control.call(&c).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(view(&call)))
}

/// A call is answered, or ends.
#[utoipa::path(patch, path = "/calls/{c}", tag = "calls", request_body = Draft,
    operation_id = "change_call", responses((status = 200, body = View), Writes))]
pub async fn change(
    State(control): State<Control>,
    caller: Caller,
    Path(c): Path<String>,
    Body(draft): Body<Draft>,
) -> Result<Json<View>, Problem> {
    caller.needs(Scope::Calls)?;
    for (field, given) in [("caller", &draft.caller), ("called", &draft.called)] {
        if given.is_some() {
            return Err(Problem::wrong(field, "A call's numbers do not change."));
        }
    }
    let call = control.call(&c).await?.ok_or_else(Problem::not_found)?;
    let call = moved(&control, call, draft.state, draft.agent).await?;
    Ok(Json(view(&call)))
}

/// Digits as the caller keys them.
#[utoipa::path(post, path = "/calls/{c}/digits", tag = "calls", request_body = Keyed,
    operation_id = "key_digits", responses((status = 202, body = Tried), Writes))]
pub async fn digits(
    State(control): State<Control>,
    caller: Caller,
    Path(c): Path<String>,
    Body(keyed): Body<Keyed>,
) -> Result<(StatusCode, Json<Tried>), Problem> {
    caller.needs(Scope::Calls)?;
    let done = match keyed.purpose {
        Purpose::Code => control.code_digits(&c, &keyed.digits).await?,
        Purpose::Pin => control.pin_digits(&c, &keyed.digits).await?,
    };
    let answer = Tried {
        level: done.level,
        tries_left: done.tries_left,
        locked_until: done.locked_until.and_then(ids::instant),
    };
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

/// Takes a call to the state that the telephone system reports.
async fn moved(
    control: &Control,
    call: Call,
    state: Option<Reported>,
    agent: Option<String>,
) -> Result<Call, Problem> {
    match state {
        Some(Reported::Answered) => {
            let login = agent.or_else(|| call.agent.as_ref().map(|agent| agent.login.clone()));
            let login = login.ok_or_else(|| {
                Problem::wrong("agent", "Say which agent answered: her login at the desk.")
            })?;
            let agent = agent_named(control, &login).await?;
            Ok(control.answer(&call.id, &agent).await?)
        }
        Some(Reported::Ended) => Ok(control.end_call(&call.id, None).await?),
        Some(Reported::Ringing) if call.state != CallState::Ringing => Err(Problem::new(
            StatusCode::CONFLICT,
            "conflict",
            "A call that was answered does not ring again.",
        )),
        Some(Reported::Ringing) | None => Ok(call),
    }
}

/// The agent whom the telephone system names; he still has to be logged in at the desk to see the call.
async fn agent_named(control: &Control, login: &str) -> Result<Session, Problem> {
    let login = identity::account::login(login);
    let account = control.account(&login).await?;
    let account = account
        .filter(|account| !account.disabled && account.role.opens(Face::Desk))
        .ok_or_else(|| Problem::wrong("agent", format!("There is no agent “{login}”.")))?;
    Ok(Session {
        face: Face::Desk,
        login: account.login,
        name: account.name,
        role: Role::Agent,
        subscribers: Vec::new(),
        expires: control.now(),
    })
}

fn view(call: &Call) -> View {
    View {
        id: call.id.clone(),
        state: call.state.as_str(),
        level: call.level,
        caller: call.caller.clone(),
        called: call.called.clone(),
        agent: call.agent.as_ref().map(|agent| agent.login.clone()),
    }
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        let sentence = format!("{error}.");
        match error {
            CallError::Refused(CallRefusal::NoChoice) => Self::wrong("subscriber", sentence),
            CallError::Refused(_) => Self::new(StatusCode::CONFLICT, "conflict", sentence),
            CallError::Locked(until) => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "locked", sentence).retry_at(until)
            }
            CallError::NotFound => Self::not_found(),
            CallError::Store(error) => error.into(),
        }
    }
}
