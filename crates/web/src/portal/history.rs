//! What changed, by whom, by which way, and how to undo it.

use super::guard::Owner;
use super::{Unavailable, other, page};
use crate::locale::Words;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use book::{Change, Entry, Revision};
use control::{Control, EditError};

#[derive(Template)]
#[template(path = "history.html")]
struct History {
    w: Words,
    other: &'static str,
    service: String,
    items: Vec<Item>,
}

struct Item {
    what: String,
    who: String,
    at: String,
    revision: u64,
}

pub async fn show(
    State(control): State<Control>,
    Owner(grant): Owner,
    w: Words,
) -> Result<Response, Unavailable> {
    let changes = control
        .store()
        .changes(grant.subscriber(), None, 100)
        .await?;
    Ok(page(&History {
        w,
        other: other(w),
        service: control.settings().service_number.clone(),
        items: changes.iter().map(|change| item(w, change)).collect(),
    }))
}

pub async fn undo(
    State(control): State<Control>,
    Owner(grant): Owner,
    Path(revision): Path<u64>,
) -> Result<Response, Unavailable> {
    match control.undo(&grant, Revision(revision)).await {
        Err(EditError::Store(error)) => Err(error.into()),
        // Changed since, or gone: the list shows how things are.
        Ok(_) | Err(_) => Ok(Redirect::to("/").into_response()),
    }
}

fn item(w: Words, change: &Change) -> Item {
    let name = |entry: &Option<Entry>| match entry {
        Some(Entry::Friend(friend)) => friend.name.clone(),
        Some(Entry::Group { group, .. }) => group.name.clone(),
        None => String::new(),
    };
    let (before, after) = (name(&change.body.before), name(&change.body.after));
    let (verb, names) = match (&change.body.before, &change.body.after) {
        (None, _) => ("history-added", after),
        (_, None) => ("history-removed", before),
        _ if before == after => ("history-changed", after),
        _ => ("history-changed", format!("{before} → {after}")),
    };
    let way = serde_json::to_value(change.way).ok();
    let way = way
        .and_then(|way| way.as_str().map(str::to_owned))
        .unwrap_or_default();
    Item {
        what: format!("{}: {names}", w.say(verb)),
        who: w.with2("by-way", ("who", change.actor.name.clone()), ("way", way)),
        at: jiff::Timestamp::from_millisecond(change.at_ms)
            .map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
            .unwrap_or_default(),
        revision: change.revision.0,
    }
}
