//! The list (SCREENS.md §4): one sentence of the whole, then everybody with the state of her entry.

use super::{Frame, Owner, Unavailable, page, refused};
use crate::locale::Words;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use book::{Friend, FriendNo, friend_id, listed, spaced};
use control::{BookView, Control};
use futures_util::stream;
use identity::Face;
use serde::Deserialize;
use std::convert::Infallible;
use std::time::Duration;
use terminals::{EntryState, EntryView};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

#[derive(Template)]
#[template(path = "list.html")]
struct List {
    f: Frame,
    heading: String,
    sum: String,
    mood: &'static str,
    undo: Option<u64>,
    rows: Vec<Row>,
    capacity: Option<String>,
}

struct Row {
    link: Option<String>,
    initial: String,
    name: String,
    number: Vec<String>,
    badges: Vec<String>,
    state: &'static str,
    word: String,
    reason: Option<String>,
}

#[derive(Deserialize)]
pub struct After {
    /// The change that was just made, to offer its undoing.
    saved: Option<u64>,
}

pub async fn show(
    State(control): State<Control>,
    Owner { grant, .. }: Owner,
    f: Frame,
    Query(after): Query<After>,
) -> Result<Response, Unavailable> {
    let view = match control.read(&grant).await {
        Ok(view) => view,
        Err(error) => return refused(f, "lost", error),
    };
    let w = f.w;
    let mut rows: Vec<Row> = listed(&view.book)
        .into_iter()
        .map(|friend| row(w, &view, friend))
        .collect();
    rows.extend(others(w, &view));
    let (sum, mood) = sum(w, &view, &rows);
    let capacity = view.terminals.first().filter(|t| t.of < u16::MAX).map(|t| {
        w.with2(
            "capacity",
            ("used", i64::from(t.used)),
            ("of", i64::from(t.of)),
        )
    });
    Ok(page(&List {
        f,
        heading: w.with("book-of", "name", view.subscriber.name.clone()),
        sum,
        mood,
        undo: after.saved,
        rows,
        capacity,
    }))
}

/// How long a listening page goes unasked for its session.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// Tells the page that something of its book or terminals changed; the page fetches the truth. Ends with the session.
pub async fn live(
    State(control): State<Control>,
    Owner { grant, secret }: Owner,
) -> impl IntoResponse {
    let events = control.subscribe();
    let start = (events, control, secret, grant.subscriber());
    let stream = stream::unfold(start, |(mut events, control, secret, id)| async move {
        loop {
            let concerned = match timeout(ASK_AGAIN, events.recv()).await {
                Ok(Ok(emitted)) => match &emitted.event {
                    control::Event::Change { subscriber, .. } => *subscriber == id,
                    control::Event::Terminal { id: terminal, .. } => terminal.subscriber == id,
                    _ => false,
                },
                // Some were missed: the truth is fetched anyway.
                Ok(Err(RecvError::Lagged(_))) => true,
                Ok(Err(RecvError::Closed)) => return None,
                Err(_) => {
                    control
                        .session(Face::Portal, &secret)
                        .await
                        .ok()
                        .flatten()?;
                    false
                }
            };
            if concerned {
                control
                    .session(Face::Portal, &secret)
                    .await
                    .ok()
                    .flatten()?;
                let changed = Event::default().data("changed");
                return Some((Ok::<_, Infallible>(changed), (events, control, secret, id)));
            }
        }
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}

/// The worst of a friend's entries over all terminals: the least settled one.
fn worst(view: &BookView, friend: FriendNo) -> Option<&EntryView> {
    let rank = |state: EntryState| match state {
        EntryState::Trouble => 0,
        EntryState::LeftOut => 1,
        EntryState::Held => 2,
        EntryState::Waiting => 3,
        EntryState::Sending => 4,
        EntryState::Saved => 5,
        EntryState::Removing => 6,
        EntryState::Sent => 7,
        EntryState::Delivered => 8,
        EntryState::OnTerminal | EntryState::Foreign => 9,
    };
    let entries = view.terminals.iter().flat_map(|terminal| &terminal.entries);
    entries
        .filter(|entry| entry.key.is_some_and(|key| key.friend == friend))
        .min_by_key(|entry| rank(entry.state))
}

fn row(w: Words, view: &BookView, friend: &Friend) -> Row {
    let entry = worst(view, friend.no);
    let state = entry.map_or(EntryState::Saved, |entry| entry.state);
    let number = friend.numbers.first();
    let mut badges = Vec::new();
    if let Some(key) = friend.speed_dial {
        badges.push(w.with("key", "key", i64::from(key)));
    }
    if friend.emergency {
        badges.push(w.say("emergency"));
    }
    Row {
        link: Some(format!(
            "/people/{}",
            friend_id(view.subscriber.id, friend.no)
        )),
        initial: initial(friend),
        name: friend.name.clone(),
        number: number
            .map(|n| groups(&spaced(n, &view.subscriber.region)))
            .unwrap_or_default(),
        badges,
        state: state.as_str(),
        word: w.say(&format!("state-{}", state.as_str())),
        reason: entry.and_then(|entry| entry.reason.clone()),
    }
}

/// Entries that are on the phone and not in the book: being removed, or her own.
fn others(w: Words, view: &BookView) -> Vec<Row> {
    let entries = view.terminals.iter().flat_map(|terminal| &terminal.entries);
    let outside =
        entries.filter(|entry| matches!(entry.state, EntryState::Removing | EntryState::Foreign));
    outside
        .map(|entry| Row {
            link: None,
            initial: entry
                .name_shown
                .chars()
                .next()
                .map(String::from)
                .unwrap_or_default(),
            name: entry.name_shown.clone(),
            number: groups(&entry.number_shown),
            badges: Vec::new(),
            state: entry.state.as_str(),
            word: w.say(&format!("state-{}", entry.state.as_str())),
            reason: entry.reason.clone(),
        })
        .collect()
}

fn sum(w: Words, view: &BookView, rows: &[Row]) -> (String, &'static str) {
    if rows.is_empty() {
        return (w.say("sum-empty"), "");
    }
    if view
        .terminals
        .iter()
        .any(|terminal| terminal.trouble.is_some())
    {
        return (w.say("sum-trouble"), "bad");
    }
    let settled = ["on_terminal", "delivered", "sent", "foreign"];
    let left = rows
        .iter()
        .filter(|row| !settled.contains(&row.state))
        .count();
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    match left {
        0 => (w.say("sum-all"), "good"),
        _ => (
            w.with2("sum-some", ("left", count(left)), ("of", count(rows.len()))),
            "busy",
        ),
    }
}

/// The first character of the name as it is sorted.
fn initial(friend: &Friend) -> String {
    let text = match &friend.sort_as {
        Some(sort_as) => sort_as.clone(),
        None => friend.name.clone(),
    };
    text.chars()
        .next()
        .map(|c| c.to_uppercase().collect())
        .unwrap_or_default()
}

/// A number in groups for the eye; CSS sets the gaps, so that a copied number has none.
fn groups(number: &str) -> Vec<String> {
    number.split(' ').map(str::to_owned).collect()
}
