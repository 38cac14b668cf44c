//! `/subscribers/{s}/groups`.

use super::auth::Caller;
use super::friends::{book_of, friend_of};
use super::ids;
use super::openapi::{Reads, Writes};
use super::params::{List, Paging, Params};
use super::problem::{Body, Problem};
use super::tag::{Conditions, Tagged};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use book::{Book, Edit, FriendNo, GroupNo, SubscriberId, friend_id, group_id, parse_group_id};
use control::Control;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};
use utoipa::ToSchema;

/// A group.
#[derive(Serialize, ToSchema)]
#[schema(as = Group)]
pub struct View {
    id: String,
    name: String,
    /// Ids of friends.
    friends: Vec<String>,
}

/// A group to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewGroup)]
pub struct New {
    /// 1 to 64 characters, no other group's.
    #[schema(min_length = 1)]
    name: String,
    /// Ids of friends.
    #[serde(default)]
    friends: Vec<String>,
}

/// What to change of a group: what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GroupPatch)]
pub struct Patch {
    #[schema(min_length = 1)]
    name: Option<String>,
    /// Ids of friends.
    friends: Option<Vec<String>>,
}

/// The groups of a book.
#[utoipa::path(get, path = "/subscribers/{s}/groups", tag = "books", params(Paging),
    operation_id = "list_groups", responses((status = 200, body = List<View>), Reads))]
pub async fn list(
    State(control): State<Control>,
    caller: Caller,
    Path(s): Path<String>,
    params: Params,
) -> Result<Json<List<View>>, Problem> {
    let grant = caller.reads(ids::subscriber(&s)?)?;
    let page = params.page(|cursor| group_of(grant.subscriber(), cursor).ok())?;
    let book = book_of(&control, grant.subscriber()).await?;
    let after = page.after.map_or(Unbounded, Excluded);
    let groups = book.groups.range((after, Unbounded));
    let groups = groups.filter_map(|(no, _)| see(&book, *no));
    Ok(Json(page.list(
        groups,
        |group| group.id.clone(),
        |group| group,
    )))
}

/// Adds a group.
#[utoipa::path(post, path = "/subscribers/{s}/groups", tag = "books", request_body = New,
    operation_id = "add_group",
    responses((status = 201, body = View, headers(("ETag" = String))), Writes))]
pub async fn add(
    State(control): State<Control>,
    caller: Caller,
    Path(s): Path<String>,
    conditions: Conditions,
    Body(new): Body<New>,
) -> Result<Tagged<View>, Problem> {
    let grant = caller.writes(ids::subscriber(&s)?)?;
    let edit = Edit::AddGroup {
        name: new.name,
        friends: members(grant.subscriber(), &new.friends)?,
    };
    let edited = control.edit(&grant, edit, conditions.options(None)).await;
    let no = edited.map_err(friend_missing)?.group;
    let book = book_of(&control, grant.subscriber()).await?;
    let group = no.and_then(|no| see(&book, no));
    Ok(Tagged(
        StatusCode::CREATED,
        group.ok_or_else(Problem::not_found)?,
    ))
}

/// A group.
#[utoipa::path(get, path = "/subscribers/{s}/groups/{g}", tag = "books",
    operation_id = "show_group",
    responses((status = 200, body = View, headers(("ETag" = String))), Reads))]
pub async fn show(
    State(control): State<Control>,
    caller: Caller,
    Path((s, g)): Path<(String, String)>,
) -> Result<Tagged<View>, Problem> {
    let grant = caller.reads(ids::subscriber(&s)?)?;
    let no = group_of(grant.subscriber(), &g)?;
    let book = book_of(&control, grant.subscriber()).await?;
    let group = see(&book, no).ok_or_else(Problem::not_found)?;
    Ok(Tagged(StatusCode::OK, group))
}

/// Changes a group.
#[utoipa::path(patch, path = "/subscribers/{s}/groups/{g}", tag = "books", request_body = Patch,
    operation_id = "change_group",
    responses((status = 200, body = View, headers(("ETag" = String))), Writes))]
pub async fn change(
    State(control): State<Control>,
    caller: Caller,
    Path((s, g)): Path<(String, String)>,
    conditions: Conditions,
    Body(patch): Body<Patch>,
) -> Result<Tagged<View>, Problem> {
    let grant = caller.writes(ids::subscriber(&s)?)?;
    let group = group_of(grant.subscriber(), &g)?;
    let friends = patch.friends;
    let friends = friends.map(|ids| members(grant.subscriber(), &ids));
    let edit = Edit::ChangeGroup {
        group,
        name: patch.name,
        friends: friends.transpose()?,
    };
    let edited = conditions.edit(&control, &grant, edit, |book| see(book, group));
    edited.await.map_err(friend_missing)?;
    let book = book_of(&control, grant.subscriber()).await?;
    let group = see(&book, group).ok_or_else(Problem::not_found)?;
    Ok(Tagged(StatusCode::OK, group))
}

/// Deletes a group; its friends stay.
#[utoipa::path(delete, path = "/subscribers/{s}/groups/{g}", tag = "books",
    operation_id = "remove_group",
    responses((status = 204, description = "It is gone."), Writes))]
pub async fn remove(
    State(control): State<Control>,
    caller: Caller,
    Path((s, g)): Path<(String, String)>,
    conditions: Conditions,
) -> Result<StatusCode, Problem> {
    let grant = caller.writes(ids::subscriber(&s)?)?;
    let group = group_of(grant.subscriber(), &g)?;
    let edit = Edit::RemoveGroup(group);
    let edited = conditions.edit(&control, &grant, edit, |book| see(book, group));
    edited.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A group of this book, by id.
fn group_of(subscriber: SubscriberId, g: &str) -> Result<GroupNo, Problem> {
    let found = parse_group_id(g).filter(|(owner, _)| *owner == subscriber);
    found.map(|(_, no)| no).ok_or_else(Problem::not_found)
}

fn members(subscriber: SubscriberId, ids: &[String]) -> Result<BTreeSet<FriendNo>, Problem> {
    let member = |id: &String| {
        let wrong = |_| Problem::wrong("friends", format!("“{id}” is no friend of this book."));
        friend_of(subscriber, id).map_err(wrong)
    };
    ids.iter().map(member).collect()
}

/// A group that names a friend who is not there: the value is wrong, not the group missing.
fn friend_missing(error: impl Into<Problem>) -> Problem {
    let problem = error.into();
    if problem.is_a("no-friend") {
        return Problem::wrong("friends", "A friend that is named is not in this book.");
    }
    problem
}

fn see(book: &Book, no: GroupNo) -> Option<View> {
    let group = book.groups.get(&no)?;
    let friends = book.friends.values().filter(|f| f.groups.contains(&no));
    Some(View {
        id: group_id(book.subscriber, no),
        name: group.name.clone(),
        friends: friends.map(|f| friend_id(book.subscriber, f.no)).collect(),
    })
}
