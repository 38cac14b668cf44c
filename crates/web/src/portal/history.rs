//! What changed, by whom, by which way, and how to undo it.

use super::edit::done;
use super::{Frame, Owner, Unavailable, page, refused};
use crate::locale::Words;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use book::{Change, Entry, Friend, Revision, Way, changed_fields};
use control::Control;

#[derive(Template)]
#[template(path = "history.html")]
struct History {
    f: Frame,
    items: Vec<Item>,
}

struct Item {
    what: String,
    /// What differs, field by field.
    lines: Vec<String>,
    who: String,
    at: String,
    /// What undo takes back; none when what stood there is not kept any more.
    revision: Option<u64>,
}

pub async fn show(
    State(control): State<Control>,
    Owner { grant, .. }: Owner,
    f: Frame,
) -> Result<Response, Unavailable> {
    let changes = control
        .store()
        .changes(grant.subscriber(), None, 100)
        .await?;
    let items = changes.iter().map(|change| item(f.w, change)).collect();
    Ok(page(&History { f, items }))
}

pub async fn undo(
    State(control): State<Control>,
    Owner { grant, .. }: Owner,
    f: Frame,
    Path(revision): Path<u64>,
) -> Result<Response, Unavailable> {
    match control.undo(&grant, Revision(revision)).await {
        Ok(edited) => Ok(done(&edited)),
        Err(error) => refused(f, "undo-refused", error),
    }
}

fn item(w: Words, change: &Change) -> Item {
    let name = |entry: &Option<Entry>| match entry {
        Some(_) if change.body.forgotten => w.say("history-forgotten"),
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
    Item {
        what: w.with(verb, "name", names),
        lines: lines(w, change),
        who: w.with2(
            "by-way",
            ("who", change.actor.name.clone()),
            ("way", w.say(way(change.way))),
        ),
        at: jiff::Timestamp::from_millisecond(change.at_ms)
            .map(|at| at.strftime("%Y-%m-%d %H:%MZ").to_string())
            .unwrap_or_default(),
        revision: (!change.body.forgotten).then_some(change.revision.0),
    }
}

fn lines(w: Words, change: &Change) -> Vec<String> {
    let (Some(before), Some(after)) = (change.body.friend_before(), change.body.friend_after())
    else {
        return Vec::new();
    };
    let fields = changed_fields(before, after).into_iter();
    fields
        .filter(|field| *field != "name")
        .map(|field| match (shown(before, field), shown(after, field)) {
            (Some(before), Some(after)) => {
                format!("{}: {before} → {after}", w.field(field))
            }
            _ => w.field(field),
        })
        .collect()
}

/// A field's content, where it is short enough to be shown.
fn shown(friend: &Friend, field: &str) -> Option<String> {
    let or_none = |text: String| {
        if text.is_empty() {
            "–".to_owned()
        } else {
            text
        }
    };
    match field {
        "numbers" => {
            let numbers: Vec<_> = friend.numbers.iter().map(|n| n.typed.as_str()).collect();
            Some(or_none(numbers.join(", ")))
        }
        "speed_dial" => Some(or_none(
            friend
                .speed_dial
                .map(|key| key.to_string())
                .unwrap_or_default(),
        )),
        "sort_as" => Some(or_none(friend.sort_as.clone().unwrap_or_default())),
        _ => None,
    }
}

fn way(way: Way) -> &'static str {
    match way {
        Way::Desk => "way-desk",
        Way::Portal => "way-portal",
        Way::Api => "way-api",
        Way::CardDav => "way-carddav",
        Way::Terminal => "way-terminal",
        Way::Cli | Way::Console => "way-cli",
        Way::Import => "way-import",
    }
}
