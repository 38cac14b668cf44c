//! The verification card: the only thing on the page before the caller is verified, the same for known and unknown
//! numbers (SCREENS.md §3 and §6).

use super::work::{self, Note};
use crate::locale::Words;
use crate::page::Unavailable;
use crate::staff::{Agent, House};
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use book::{Language, parse_subscriber_id};
use control::{CallError, Digits};
use identity::CallRefusal;
use serde::Deserialize;

/// What was chosen or typed on the card.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Card {
    language: String,
    digits: String,
    book: String,
}

pub async fn send_code(
    State(house): State<House>,
    Agent(agent): Agent,
    w: Words,
    Path(c): Path<String>,
    Form(card): Form<Card>,
) -> Result<Response, Unavailable> {
    let language = Language::from_tag(&card.language).unwrap_or(w.0);
    let sent = house.control.send_call_code(&c, &agent, language).await;
    match sent {
        Ok(_) => Ok(to(&c)),
        Err(error) => refused(&house, &agent, w, &c, error).await,
    }
}

pub async fn spoken(
    State(house): State<House>,
    Agent(agent): Agent,
    w: Words,
    Path(c): Path<String>,
    Form(card): Form<Card>,
) -> Result<Response, Unavailable> {
    match house.control.spoken_code(&c, &agent, &card.digits).await {
        Ok(Digits { level: 0, .. }) => {
            let note = Note::wrong(w.say("desk-wrong"));
            work::draw(&house, &agent, w, &c, note).await
        }
        Ok(_) => Ok(to(&c)),
        Err(error) => refused(&house, &agent, w, &c, error).await,
    }
}

pub async fn choose(
    State(house): State<House>,
    Agent(agent): Agent,
    w: Words,
    Path(c): Path<String>,
    Form(card): Form<Card>,
) -> Result<Response, Unavailable> {
    let Some(subscriber) = parse_subscriber_id(&card.book) else {
        return Ok(to(&c));
    };
    match house.control.choose_book(&c, &agent, subscriber).await {
        Ok(_) => Ok(to(&c)),
        Err(error) => refused(&house, &agent, w, &c, error).await,
    }
}

/// Says why on the same page.
async fn refused(
    house: &House,
    agent: &identity::Session,
    w: Words,
    c: &str,
    error: CallError,
) -> Result<Response, Unavailable> {
    let sentence = match error {
        CallError::Store(error) => return Err(error.into()),
        CallError::NotFound => return Ok(Redirect::to("/desk").into_response()),
        CallError::Locked(until) => work::locked(w, until),
        CallError::Refused(CallRefusal::NoMoreCodes) => w.say("desk-no-more-codes"),
        CallError::Refused(CallRefusal::KeyedOnly) => w.say("desk-keyed-only"),
        // The call moved on meanwhile: the page shows how it is now.
        CallError::Refused(_) => return Ok(to(c)),
    };
    work::draw(house, agent, w, c, Note::wrong(sentence)).await
}

pub(super) fn to(c: &str) -> Response {
    Redirect::to(&format!("/desk/calls/{c}")).into_response()
}
