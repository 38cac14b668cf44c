//! The list (SCREENS.md §4): one sentence of the whole, then everybody with the state of her entry.

use super::phone::{Capacity, capacity};
use super::rows::{self, Row};
use super::{Frame, Owner, Unavailable, page, refused};
use crate::states::SETTLED;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use book::Revision;
use control::{BookView, Control};
use delivery::HoldState;
use serde::Deserialize;

/// With fewer people there is nothing to search.
const SEARCH_FROM: usize = 8;

#[derive(Template)]
#[template(path = "list.html")]
struct List {
    f: Frame,
    heading: String,
    sum: Sum,
    undo: Option<u64>,
    /// Whether what was just saved waits for somebody's yes.
    held: bool,
    /// What is searched for, when there is a search.
    query: Option<String>,
    /// How many it found.
    found: Option<String>,
    rows: Vec<Row>,
    empty: bool,
    capacity: Vec<Capacity>,
}

/// One sentence of the whole, with the icon of the worst state.
struct Sum {
    icon: &'static str,
    mood: &'static str,
    sentence: String,
}

#[derive(Deserialize)]
pub struct Asked {
    /// The change that was just made, to offer its undoing.
    saved: Option<u64>,
    /// What to search for.
    #[serde(default)]
    q: String,
}

pub async fn show(
    State(control): State<Control>,
    Owner { grant, .. }: Owner,
    f: Frame,
    Query(Asked { saved, q }): Query<Asked>,
) -> Result<Response, Unavailable> {
    let view = match control.read(&grant).await {
        Ok(view) => view,
        Err(error) => return refused(f, "lost", error),
    };
    let all = rows::all(&f, &view);
    let (sum, empty) = (sum(&f, &view, &all), all.is_empty());
    let query = q.trim();
    let searched = (!query.is_empty()).then(|| rows::found(&f, &view, query));
    let found = searched.as_ref().map(|rows| count(rows.len()));
    let phones = view.terminals.iter().filter(|t| !t.full.terminal.retired);
    let capacity = phones.filter_map(|phone| capacity(&f, phone)).collect();
    Ok(page(&List {
        heading: f.w.with("book-of", "name", view.subscriber.name.clone()),
        sum,
        undo: saved,
        held: saved.is_some_and(|revision| {
            let mut open = view.holds.iter().filter(|h| h.state == HoldState::Held);
            open.any(|hold| hold.changes.contains(&Revision(revision)))
        }),
        query: (searched.is_some() || all.len() >= SEARCH_FROM).then(|| query.to_owned()),
        found: found.map(|n| f.w.with("found", "count", n)),
        rows: searched.unwrap_or(all),
        empty,
        capacity,
        f,
    }))
}

fn sum(f: &Frame, view: &BookView, rows: &[Row]) -> Sum {
    let Some(worst) = rows
        .iter()
        .map(|row| &row.said)
        .min_by_key(|said| said.rank)
    else {
        return Sum {
            icon: "",
            mood: "",
            sentence: f.w.say("sum-empty"),
        };
    };
    let left = rows.iter().filter(|row| row.said.rank < SETTLED).count();
    let some = |key: &str| {
        f.w.with2(key, ("left", count(left)), ("of", count(rows.len())))
    };
    let trouble = view.terminals.iter().any(|t| t.trouble.is_some());
    let full = |row: &Row| row.said.rank == worst.rank || row.said.rank >= SETTLED;
    let (icon, mood, sentence) = match worst.state {
        _ if view.terminals.is_empty() => ("", "", f.w.say("sum-no-phone")),
        _ if trouble => {
            let sentence = f.w.with("sum-trouble", "number", f.service.clone());
            ("trouble", "bad", sentence)
        }
        "left_out" if worst.rank < SETTLED && rows.iter().all(full) => {
            ("left_out", "bad", some("sum-full"))
        }
        "removing" => (
            worst.icon,
            "busy",
            f.w.with("sum-removing", "left", count(left)),
        ),
        "waiting" | "held" => (worst.icon, "wait", some("sum-some")),
        _ if worst.rank < SETTLED => (worst.icon, "busy", some("sum-some")),
        "delivered" => ("delivered", "busy", f.w.say("sum-delivered")),
        "sent" => ("sent", "busy", f.w.say("sum-sent")),
        _ => ("on_terminal", "good", f.w.say("sum-all")),
    };
    Sum {
        icon,
        mood,
        sentence,
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
