//! `/subscribers/{s}/friends`.

use super::auth::Caller;
use super::ids;
use super::openapi::{Reads, Writes};
use super::params::{List, Paging, Params};
use super::problem::{Body, Problem};
use super::tag::{Conditions, Tagged};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use book::{
    Book, Edit, Friend, FriendDraft, FriendNo, FriendPatch, GroupNo, Label, NumberDraft, NumberNo,
    SubscriberId, friend_id, group_id, number_id, parse_friend_id, parse_group_id, parse_number_id,
};
use control::Control;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};
use utoipa::ToSchema;

/// A friend.
#[derive(Serialize, ToSchema)]
#[schema(as = Friend)]
pub struct View {
    id: String,
    name: String,
    sort_as: Option<String>,
    numbers: Vec<NumberView>,
    note: Option<String>,
    #[schema(minimum = 2, maximum = 9)]
    speed_dial: Option<u8>,
    emergency: bool,
    keep_off_phone: bool,
    /// Ids of groups.
    groups: Vec<String>,
}

/// A friend's number.
#[derive(Serialize, ToSchema)]
#[schema(as = Number)]
pub struct NumberView {
    id: String,
    /// The normal form, `+…`, where the number has one.
    number: String,
    /// As typed.
    typed: String,
    /// Digits sent after the call is answered.
    post_dial: Option<String>,
    #[schema(schema_with = super::openapi::label)]
    label: Option<Label>,
}

/// A friend to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewFriend)]
pub struct New {
    /// As the phone should show it, 1 to 64 characters.
    #[schema(min_length = 1)]
    name: String,
    /// Where to sort it, if not by its name.
    sort_as: Option<String>,
    /// In order of importance.
    #[schema(min_items = 1, max_items = 10)]
    numbers: Vec<NewNumber>,
    note: Option<String>,
    /// A key.
    #[schema(minimum = 2, maximum = 9)]
    speed_dial: Option<u8>,
    #[serde(default)]
    emergency: bool,
    /// On no terminal.
    #[serde(default)]
    keep_off_phone: bool,
    /// Ids of groups.
    #[serde(default)]
    groups: Vec<String>,
}

/// A number as typed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewNumber)]
pub struct NewNumber {
    #[schema(min_length = 1)]
    number: String,
    #[schema(schema_with = super::openapi::label)]
    label: Option<Label>,
    /// Keep it as it is: no question about its length or its readings.
    #[serde(default)]
    keep: bool,
    /// The id of the friend's number that this one replaces; found by itself when absent.
    id: Option<String>,
}

/// What to change of a friend: what is absent stays, null empties.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FriendPatch)]
pub struct Patch {
    #[schema(min_length = 1)]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    sort_as: Option<Option<String>>,
    #[schema(max_items = 10)]
    numbers: Option<Vec<NewNumber>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    note: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u8>, minimum = 2, maximum = 9)]
    speed_dial: Option<Option<u8>>,
    emergency: Option<bool>,
    keep_off_phone: Option<bool>,
    /// Ids of groups.
    groups: Option<Vec<String>>,
}

/// A `null` that is there empties the field; one that is absent leaves it.
pub fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    json: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(json).map(Some)
}

/// The friends of a book.
#[utoipa::path(get, path = "/subscribers/{s}/friends", tag = "books", operation_id = "list_friends", params(Paging),
    responses((status = 200, body = List<View>), Reads))]
pub async fn list(
    State(control): State<Control>,
    caller: Caller,
    Path(s): Path<String>,
    params: Params,
) -> Result<Json<List<View>>, Problem> {
    let grant = caller.reads(ids::subscriber(&s)?)?;
    let page = params.page(|cursor| friend_of(grant.subscriber(), cursor).ok())?;
    let book = book_of(&control, grant.subscriber()).await?;
    let after = page.after.map_or(Unbounded, Excluded);
    let friends = book.friends.range((after, Unbounded));
    Ok(Json(page.list(
        friends,
        |(no, _)| friend_id(book.subscriber, **no),
        |(_, friend)| view(book.subscriber, friend),
    )))
}

/// Adds a friend.
#[utoipa::path(post, path = "/subscribers/{s}/friends", tag = "books", operation_id = "add_friend", request_body = New,
    responses((status = 201, body = View, headers(("ETag" = String))), Writes))]
pub async fn add(
    State(control): State<Control>,
    caller: Caller,
    Path(s): Path<String>,
    conditions: Conditions,
    Body(new): Body<New>,
) -> Result<Tagged<View>, Problem> {
    let grant = caller.writes(ids::subscriber(&s)?)?;
    let edit = Edit::AddFriend(new.draft(grant.subscriber())?);
    let edited = control.edit(&grant, edit, conditions.options(None)).await;
    let no = edited.map_err(group_missing)?.friend;
    let book = book_of(&control, grant.subscriber()).await?;
    let friend = no.and_then(|no| see(&book, no));
    Ok(Tagged(
        StatusCode::CREATED,
        friend.ok_or_else(Problem::not_found)?,
    ))
}

/// A friend.
#[utoipa::path(get, path = "/subscribers/{s}/friends/{f}", tag = "books", operation_id = "show_friend",
    responses((status = 200, body = View, headers(("ETag" = String))), Reads))]
pub async fn show(
    State(control): State<Control>,
    caller: Caller,
    Path((s, f)): Path<(String, String)>,
) -> Result<Tagged<View>, Problem> {
    let grant = caller.reads(ids::subscriber(&s)?)?;
    let no = friend_of(grant.subscriber(), &f)?;
    let book = book_of(&control, grant.subscriber()).await?;
    let friend = see(&book, no).ok_or_else(Problem::not_found)?;
    Ok(Tagged(StatusCode::OK, friend))
}

/// Changes a friend.
#[utoipa::path(patch, path = "/subscribers/{s}/friends/{f}", tag = "books", operation_id = "change_friend", request_body = Patch,
    responses((status = 200, body = View, headers(("ETag" = String))), Writes))]
pub async fn change(
    State(control): State<Control>,
    caller: Caller,
    Path((s, f)): Path<(String, String)>,
    conditions: Conditions,
    Body(patch): Body<Patch>,
) -> Result<Tagged<View>, Problem> {
    let grant = caller.writes(ids::subscriber(&s)?)?;
    let friend = friend_of(grant.subscriber(), &f)?;
    let edit = Edit::ChangeFriend {
        friend,
        patch: patch.patch(grant.subscriber())?,
        based_on: None,
    };
    let edited = conditions.edit(&control, &grant, edit, |book| see(book, friend));
    edited.await.map_err(group_missing)?;
    let book = book_of(&control, grant.subscriber()).await?;
    let friend = see(&book, friend).ok_or_else(Problem::not_found)?;
    Ok(Tagged(StatusCode::OK, friend))
}

/// Deletes a friend.
#[utoipa::path(delete, path = "/subscribers/{s}/friends/{f}", tag = "books", operation_id = "remove_friend",
    responses((status = 204, description = "It is gone."), Writes))]
pub async fn remove(
    State(control): State<Control>,
    caller: Caller,
    Path((s, f)): Path<(String, String)>,
    conditions: Conditions,
) -> Result<StatusCode, Problem> {
    let grant = caller.writes(ids::subscriber(&s)?)?;
    let friend = friend_of(grant.subscriber(), &f)?;
    let edit = Edit::RemoveFriend(friend);
    let edited = conditions.edit(&control, &grant, edit, |book| see(book, friend));
    edited.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The book of a subscriber.
pub async fn book_of(control: &Control, id: SubscriberId) -> Result<Book, Problem> {
    let book = control.store().book(id).await?;
    book.ok_or_else(Problem::not_found)
}

/// A friend of this book, by id.
pub fn friend_of(subscriber: SubscriberId, f: &str) -> Result<FriendNo, Problem> {
    let found = parse_friend_id(f).filter(|(owner, _)| *owner == subscriber);
    found.map(|(_, no)| no).ok_or_else(Problem::not_found)
}

/// A friend that names a group which is not there: the value is wrong, not the friend missing.
fn group_missing(error: impl Into<Problem>) -> Problem {
    let problem = error.into();
    if problem.is_a("no-group") {
        return Problem::wrong("groups", "A group that is named is not in this book.");
    }
    problem
}

fn see(book: &Book, no: FriendNo) -> Option<View> {
    let friend = book.friends.get(&no)?;
    Some(view(book.subscriber, friend))
}

/// A friend as API.md has it.
pub fn view(subscriber: SubscriberId, friend: &Friend) -> View {
    let numbers = friend.numbers.iter().map(|number| NumberView {
        id: number_id(subscriber, number.no),
        number: number.main(),
        typed: number.typed.clone(),
        post_dial: number.post_dial.clone(),
        label: number.label,
    });
    let groups = friend.groups.iter();
    View {
        id: friend_id(subscriber, friend.no),
        name: friend.name.clone(),
        sort_as: friend.sort_as.clone(),
        numbers: numbers.collect(),
        note: friend.note.clone(),
        speed_dial: friend.speed_dial,
        emergency: friend.emergency,
        keep_off_phone: friend.keep_off_phone,
        groups: groups.map(|no| group_id(subscriber, *no)).collect(),
    }
}

impl New {
    fn draft(self, subscriber: SubscriberId) -> Result<FriendDraft, Problem> {
        Ok(FriendDraft {
            name: self.name,
            sort_as: self.sort_as,
            numbers: drafts(subscriber, self.numbers)?,
            note: self.note,
            speed_dial: self.speed_dial,
            emergency: self.emergency,
            keep_off_phone: self.keep_off_phone,
            groups: groups_of(subscriber, &self.groups, "groups")?,
        })
    }
}

impl NewNumber {
    /// Of a shared friend: its numbers are found by themselves, they have no ids.
    pub fn shared(self) -> Result<NumberDraft, Problem> {
        if self.id.is_some() {
            let detail = "The numbers of a shared friend have no ids: leave it out.";
            return Err(Problem::wrong("numbers", detail));
        }
        Ok(NumberDraft {
            number: self.number,
            label: self.label,
            keep: self.keep,
            no: None,
        })
    }
}

impl Patch {
    fn patch(self, subscriber: SubscriberId) -> Result<FriendPatch, Problem> {
        let groups = self.groups;
        let groups = groups.map(|ids| groups_of(subscriber, &ids, "groups"));
        let numbers = self.numbers.map(|numbers| drafts(subscriber, numbers));
        Ok(FriendPatch {
            name: self.name,
            sort_as: self.sort_as,
            numbers: numbers.transpose()?,
            note: self.note,
            speed_dial: self.speed_dial,
            emergency: self.emergency,
            keep_off_phone: self.keep_off_phone,
            groups: groups.transpose()?,
        })
    }
}

fn drafts(subscriber: SubscriberId, numbers: Vec<NewNumber>) -> Result<Vec<NumberDraft>, Problem> {
    let draft = |(at, new): (usize, NewNumber)| {
        let no = new
            .id
            .map(|id| number_of(subscriber, &id, at))
            .transpose()?;
        Ok(NumberDraft {
            number: new.number,
            label: new.label,
            keep: new.keep,
            no,
        })
    };
    numbers.into_iter().enumerate().map(draft).collect()
}

fn number_of(subscriber: SubscriberId, id: &str, at: usize) -> Result<NumberNo, Problem> {
    let found = parse_number_id(id).filter(|(owner, _)| *owner == subscriber);
    found.map(|(_, no)| no).ok_or_else(|| {
        let field = format!("numbers[{at}].id");
        Problem::wrong(&field, format!("“{id}” is no number of this book."))
    })
}

/// Groups of a book, by id.
pub fn groups_of(
    subscriber: SubscriberId,
    ids: &[String],
    field: &str,
) -> Result<BTreeSet<GroupNo>, Problem> {
    let group = |id: &String| {
        let own = parse_group_id(id).filter(|(owner, _)| *owner == subscriber);
        let wrong = || Problem::wrong(field, format!("“{id}” is no group of this book."));
        let shared = book::parse_shared_group_id(id);
        own.map(|(_, no)| no).or(shared).ok_or_else(wrong)
    };
    ids.iter().map(group).collect()
}
