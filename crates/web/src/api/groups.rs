//! `/subscribers/{s}/groups`.

use super::auth::Caller;
use super::ids;
use super::problem::{Body, Problem};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use book::{
    Book, Edit, FriendNo, GroupNo, SubscriberId, friend_id, group_id, parse_friend_id,
    parse_group_id,
};
use control::{Control, EditOptions};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    name: Option<String>,
    friends: Option<Vec<String>>,
}

pub async fn list(
    State(control): State<Control>,
    caller: Caller,
    Path(s): Path<String>,
) -> Result<Json<Value>, Problem> {
    let book = book_of(&control, caller.reads(ids::subscriber(&s)?)?.subscriber()).await?;
    let items: Vec<_> = book.groups.keys().map(|no| view(&book, *no)).collect();
    Ok(Json(json!({"items": items, "next": null})))
}

pub async fn add(
    State(control): State<Control>,
    caller: Caller,
    Path(s): Path<String>,
    Body(draft): Body<Draft>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let grant = caller.writes(ids::subscriber(&s)?)?;
    let friends = members(grant.subscriber(), draft.friends.unwrap_or_default())?;
    let edit = Edit::AddGroup {
        name: draft.name.unwrap_or_default(),
        friends,
    };
    let edited = control.edit(&grant, edit, EditOptions::default()).await?;
    let book = book_of(&control, grant.subscriber()).await?;
    let no = edited.group.ok_or_else(Problem::not_found)?;
    Ok((StatusCode::CREATED, Json(view(&book, no))))
}

pub async fn show(
    State(control): State<Control>,
    caller: Caller,
    Path((s, g)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let grant = caller.reads(ids::subscriber(&s)?)?;
    let no = group_of(grant.subscriber(), &g)?;
    let book = book_of(&control, grant.subscriber()).await?;
    if !book.groups.contains_key(&no) {
        return Err(Problem::not_found());
    }
    Ok(Json(view(&book, no)))
}

pub async fn change(
    State(control): State<Control>,
    caller: Caller,
    Path((s, g)): Path<(String, String)>,
    Body(draft): Body<Draft>,
) -> Result<Json<Value>, Problem> {
    let grant = caller.writes(ids::subscriber(&s)?)?;
    let group = group_of(grant.subscriber(), &g)?;
    let friends = draft.friends.map(|list| members(grant.subscriber(), list));
    let edit = Edit::ChangeGroup {
        group,
        name: draft.name,
        friends: friends.transpose()?,
    };
    control.edit(&grant, edit, EditOptions::default()).await?;
    Ok(Json(view(
        &book_of(&control, grant.subscriber()).await?,
        group,
    )))
}

pub async fn remove(
    State(control): State<Control>,
    caller: Caller,
    Path((s, g)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let grant = caller.writes(ids::subscriber(&s)?)?;
    let edit = Edit::RemoveGroup(group_of(grant.subscriber(), &g)?);
    control.edit(&grant, edit, EditOptions::default()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn book_of(control: &Control, id: SubscriberId) -> Result<Book, Problem> {
    let book = control.store().book(id).await?;
    book.ok_or_else(Problem::not_found)
}

fn group_of(subscriber: SubscriberId, g: &str) -> Result<GroupNo, Problem> {
    let found = parse_group_id(g).filter(|(owner, _)| *owner == subscriber);
    found.map(|(_, no)| no).ok_or_else(Problem::not_found)
}

fn members(subscriber: SubscriberId, list: Vec<String>) -> Result<BTreeSet<FriendNo>, Problem> {
    list.iter()
        .map(|id| {
            let found = parse_friend_id(id).filter(|(owner, _)| *owner == subscriber);
            let wrong = || Problem::wrong("friends", format!("“{id}” is no friend of this book."));
            found.map(|(_, no)| no).ok_or_else(wrong)
        })
        .collect()
}

fn view(book: &Book, no: GroupNo) -> Value {
    let friends = book.friends.values().filter(|f| f.groups.contains(&no));
    let friends: Vec<_> = friends.map(|f| friend_id(book.subscriber, f.no)).collect();
    json!({
        "id": group_id(book.subscriber, no),
        "name": book.groups.get(&no).map(|group| &group.name),
        "friends": friends,
    })
}
