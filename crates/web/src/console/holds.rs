//! What the brake holds: before and after, and a person's yes or no.

use super::Frame;
use crate::locale::Words;
use crate::page::{Unavailable, instant, page};
use crate::staff::{Admin, House};
use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use book::Friend;
use control::EditError;
use identity::Grant;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "console/holds.html")]
struct Page {
    f: Frame,
    holds: Vec<Row>,
    refused: bool,
}

struct Row {
    id: String,
    owner: String,
    since: String,
    reason: String,
    entries: Vec<(String, String)>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Asked {
    refused: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Word {
    yes: String,
}

pub async fn show(
    State(house): State<House>,
    Admin(admin): Admin,
    w: Words,
    Query(asked): Query<Asked>,
) -> Result<Response, Unavailable> {
    let store = house.control.store();
    let mut holds = Vec::new();
    for hold in store.holds(None, true).await? {
        let owner = store.subscriber(hold.subscriber).await?;
        let book = store.book(hold.subscriber).await?;
        let now = |no| book.as_ref().and_then(|book| book.friends.get(&no));
        let removed = hold.released.iter().filter(|(no, _)| now(*no).is_none());
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        holds.push(Row {
            id: book::encode_in('h', hold.subscriber, hold.no),
            owner: owner.map(|owner| owner.name).unwrap_or_default(),
            since: instant(hold.since),
            reason: w.with2(
                "holds-why",
                ("count", count(hold.released.len())),
                ("removed", count(removed.count())),
            ),
            entries: hold
                .released
                .iter()
                .map(|(no, before)| (said(before), now(*no).map(said).unwrap_or_default()))
                .collect(),
        });
    }
    Ok(page(&Page {
        f: Frame::new(w, &admin, "holds"),
        holds,
        refused: !asked.refused.is_empty(),
    }))
}

/// Yes: the changes go to the terminals. No: they are undone.
pub async fn decide(
    State(house): State<House>,
    Admin(admin): Admin,
    Path(h): Path<String>,
    Form(word): Form<Word>,
) -> Result<Response, Unavailable> {
    let there = |query: &str| Redirect::to(&format!("/console/holds{query}")).into_response();
    let Some((subscriber, no)) = book::decode_in('h', &h) else {
        return Ok(there(""));
    };
    let Some(grant) = Grant::of_console(&admin, subscriber) else {
        return Ok(there(""));
    };
    match house.control.decide_hold(&grant, no, word.yes == "1").await {
        Ok(_) | Err(EditError::NotFound) => Ok(there("")),
        Err(EditError::Store(error)) => Err(error.into()),
        Err(_) => Ok(there("?refused=1")),
    }
}

fn said(friend: &Friend) -> String {
    let numbers: Vec<_> = friend.numbers.iter().map(|n| n.typed.as_str()).collect();
    format!("{} {}", friend.name, numbers.join(" · "))
}
