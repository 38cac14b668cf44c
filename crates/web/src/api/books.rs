//! Friends, the journal and holds of a book.

use super::auth::Caller;
use super::ids;
use super::problem::{Body, Problem};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use book::{
    Book, Change, Edit, Entry, Friend, FriendDraft, FriendPatch, Revision, SubscriberId, change_id,
    decode_in, encode_in, friend_id, group_id, number_id, parse_change_id, parse_friend_id,
};
use control::{Control, EditOptions};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
pub struct OfSubscriber {
    subscriber: Option<String>,
}

pub async fn friends(
    State(control): State<Control>,
    caller: Caller,
    Path(s): Path<String>,
) -> Result<Json<Value>, Problem> {
    let grant = caller.reads(ids::subscriber(&s)?)?;
    let book = book_of(&control, grant.subscriber()).await?;
    let items: Vec<_> = book
        .friends
        .values()
        .map(|f| view(book.subscriber, f))
        .collect();
    Ok(Json(json!({"items": items, "next": null})))
}

pub async fn add_friend(
    State(control): State<Control>,
    caller: Caller,
    Path(s): Path<String>,
    headers: HeaderMap,
    Body(draft): Body<FriendDraft>,
) -> Result<Response, Problem> {
    let grant = caller.writes(ids::subscriber(&s)?)?;
    let options = options(&headers)?;
    let edited = control
        .edit(&grant, Edit::AddFriend(draft), options)
        .await?;
    let book = book_of(&control, grant.subscriber()).await?;
    let friend = edited.friend.and_then(|no| book.friends.get(&no));
    let friend = friend.ok_or_else(Problem::not_found)?;
    let tag = [(header::ETAG, etag(edited.revision))];
    let view = view(book.subscriber, friend);
    Ok((StatusCode::CREATED, tag, Json(view)).into_response())
}

pub async fn friend(
    State(control): State<Control>,
    caller: Caller,
    Path((s, f)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let grant = caller.reads(ids::subscriber(&s)?)?;
    let no = friend_of(grant.subscriber(), &f)?;
    let book = book_of(&control, grant.subscriber()).await?;
    let friend = book.friends.get(&no).ok_or_else(Problem::not_found)?;
    let tag = [(header::ETAG, etag(book.revision))];
    Ok((tag, Json(view(book.subscriber, friend))).into_response())
}

pub async fn change_friend(
    State(control): State<Control>,
    caller: Caller,
    Path((s, f)): Path<(String, String)>,
    headers: HeaderMap,
    Body(patch): Body<FriendPatch>,
) -> Result<Response, Problem> {
    let grant = caller.writes(ids::subscriber(&s)?)?;
    let friend = friend_of(grant.subscriber(), &f)?;
    let edit = Edit::ChangeFriend {
        friend,
        patch,
        based_on: None,
    };
    let edited = control.edit(&grant, edit, options(&headers)?).await?;
    let book = book_of(&control, grant.subscriber()).await?;
    let friend = book.friends.get(&friend).ok_or_else(Problem::not_found)?;
    let tag = [(header::ETAG, etag(edited.revision))];
    Ok((tag, Json(view(book.subscriber, friend))).into_response())
}

pub async fn remove_friend(
    State(control): State<Control>,
    caller: Caller,
    Path((s, f)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let grant = caller.writes(ids::subscriber(&s)?)?;
    let friend = friend_of(grant.subscriber(), &f)?;
    let edit = Edit::RemoveFriend(friend);
    control.edit(&grant, edit, options(&headers)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn changes(
    State(control): State<Control>,
    caller: Caller,
    Path(s): Path<String>,
) -> Result<Json<Value>, Problem> {
    let grant = caller.reads(ids::subscriber(&s)?)?;
    let changes = control
        .store()
        .changes(grant.subscriber(), None, 200)
        .await?;
    let items: Vec<_> = changes.iter().map(change).collect();
    Ok(Json(json!({"items": items, "next": null})))
}

pub async fn undo(
    State(control): State<Control>,
    caller: Caller,
    Path((s, c)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let grant = caller.writes(ids::subscriber(&s)?)?;
    let revision = parse_change_id(&c)
        .filter(|(owner, _)| *owner == grant.subscriber())
        .map(|(_, revision)| revision)
        .ok_or_else(Problem::not_found)?;
    let edited = control.undo(&grant, revision).await?;
    Ok(Json(edited.changes.first().map_or(Value::Null, change)))
}

pub async fn holds(
    State(control): State<Control>,
    caller: Caller,
    Query(of): Query<OfSubscriber>,
) -> Result<Json<Value>, Problem> {
    let subscriber = of.subscriber.as_deref().map(ids::subscriber).transpose()?;
    caller.needs(identity::Scope::BooksRead)?;
    let holds = control.store().holds(subscriber, true).await?;
    let mut items = Vec::new();
    for held in &holds {
        // A grant a book (rule 10): a hold shows what is in it.
        caller.reads(held.subscriber)?;
        items.push(hold(held));
    }
    Ok(Json(json!({"items": items, "next": null})))
}

pub async fn release(
    State(control): State<Control>,
    caller: Caller,
    Path(h): Path<String>,
) -> Result<Json<Value>, Problem> {
    decide(&control, &caller, &h, true).await
}

pub async fn refuse(
    State(control): State<Control>,
    caller: Caller,
    Path(h): Path<String>,
) -> Result<Json<Value>, Problem> {
    decide(&control, &caller, &h, false).await
}

async fn decide(
    control: &Control,
    caller: &Caller,
    h: &str,
    release: bool,
) -> Result<Json<Value>, Problem> {
    let (subscriber, no) = decode_in('h', h).ok_or_else(Problem::not_found)?;
    let grant = caller.writes(subscriber)?;
    Ok(Json(hold(&control.decide_hold(&grant, no, release).await?)))
}

async fn book_of(control: &Control, id: SubscriberId) -> Result<Book, Problem> {
    let book = control.store().book(id).await?;
    book.ok_or_else(Problem::not_found)
}

fn friend_of(subscriber: SubscriberId, f: &str) -> Result<book::FriendNo, Problem> {
    parse_friend_id(f)
        .filter(|(owner, _)| *owner == subscriber)
        .map(|(_, no)| no)
        .ok_or_else(Problem::not_found)
}

fn etag(revision: Revision) -> String {
    format!("\"{}\"", revision.0)
}

/// `Idempotency-Key` and `If-Match` of a write.
fn options(headers: &HeaderMap) -> Result<EditOptions, Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let if_revision = match text("if-match") {
        None | Some("*") => None,
        Some(tag) => {
            let revision = tag.trim_matches('"').parse().map(Revision);
            // A tag that we never gave matches nothing (RFC 9110 §13.1.1).
            Some(revision.unwrap_or(Revision(u64::MAX)))
        }
    };
    Ok(EditOptions {
        request: text("idempotency-key").map(str::to_owned),
        if_revision,
    })
}

fn view(subscriber: SubscriberId, friend: &Friend) -> Value {
    let numbers: Vec<_> = friend
        .numbers
        .iter()
        .map(|number| {
            json!({
                "id": number_id(subscriber, number.no),
                "number": number.main(),
                "typed": number.typed,
                "post_dial": number.post_dial,
                "label": number.label,
            })
        })
        .collect();
    let groups: Vec<_> = friend
        .groups
        .iter()
        .map(|g| group_id(subscriber, *g))
        .collect();
    json!({
        "id": friend_id(subscriber, friend.no),
        "name": friend.name,
        "sort_as": friend.sort_as,
        "numbers": numbers,
        "note": friend.note,
        "speed_dial": friend.speed_dial,
        "emergency": friend.emergency,
        "keep_off_phone": friend.keep_off_phone,
        "groups": groups,
    })
}

fn change(change: &Change) -> Value {
    let entry = |entry: &Option<Entry>| match entry {
        Some(Entry::Friend(friend)) => view(change.subscriber, friend),
        Some(Entry::Group { group, .. }) => json!({
            "id": group_id(change.subscriber, group.no), "name": group.name,
        }),
        None => Value::Null,
    };
    json!({
        "id": change_id(change.subscriber, change.revision),
        "at": ids::instant(change.at_ms),
        "by": {"kind": change.actor.kind, "name": change.actor.name},
        "way": change.way,
        "call": change.call,
        "sitting": change.sitting.to_string(),
        "friend": change.body.friend.map(|no| friend_id(change.subscriber, no)),
        "before": entry(&change.body.before),
        "after": entry(&change.body.after),
    })
}

fn hold(hold: &delivery::Hold) -> Value {
    let changes: Vec<_> = hold
        .changes
        .iter()
        .map(|revision| change_id(hold.subscriber, *revision))
        .collect();
    let before: Vec<_> = hold
        .released
        .iter()
        .map(|(_, friend)| view(hold.subscriber, friend))
        .collect();
    json!({
        "id": encode_in('h', hold.subscriber, hold.no),
        "subscriber": book::subscriber_id(hold.subscriber),
        "reason": hold.reason,
        "changes": changes,
        "before": before,
        "state": hold.state,
        "since": ids::instant(hold.since),
    })
}
