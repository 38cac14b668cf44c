//! `/organisations` and `/shared-groups`: what many books carry at once.

use super::auth::Caller;
use super::friends::{NewNumber, given};
use super::ids;
use super::journal::By;
use super::openapi::{Reads, Writes};
use super::params::{List, Paging, Params};
use super::problem::{Body, Problem};
use super::tag::{Conditions, Tagged};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use book::{
    Friend, FriendDraft, FriendNo, FriendPatch, GroupNo, Label, Language, NumberDraft,
    Organisation, OrganisationNo, organisation_id, parse_organisation_id, parse_shared_friend_id,
    parse_shared_group_id, shared_friend_id, shared_group_id,
};
use control::{Control, EditError, SharedChange, SharedEdit, SharedState};
use identity::OrganisationGrant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How often a change is made again when another one comes at the same moment.
const ATTEMPTS: u32 = 8;

/// An organisation.
#[derive(Serialize, ToSchema)]
#[schema(as = Organisation)]
pub struct View {
    id: String,
    name: String,
    #[schema(schema_with = super::openapi::language)]
    language: Language,
    /// ISO 3166, two letters: how numbers without a country are read.
    region: String,
}

/// An organisation to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewOrganisation)]
pub struct New {
    /// As the owners of the phones know it, 1 to 64 characters.
    #[schema(min_length = 1)]
    name: String,
    #[serde(default)]
    #[schema(schema_with = super::openapi::language)]
    language: Language,
    #[schema(pattern = "^[A-Za-z]{2}$")]
    region: String,
}

/// What to change of an organisation: what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OrganisationPatch)]
pub struct Patch {
    #[schema(min_length = 1)]
    name: Option<String>,
    #[schema(schema_with = super::openapi::language)]
    language: Option<Language>,
}

/// A shared group.
#[derive(Serialize, ToSchema)]
#[schema(as = SharedGroup)]
pub struct GroupView {
    id: String,
    organisation: String,
    name: String,
    /// Grows with every change.
    revision: u64,
    /// Ids of its friends.
    friends: Vec<String>,
    /// The campaign that waits to be started.
    planned: Option<String>,
    /// The last one that was started.
    newest: Option<String>,
}

/// The name of a shared group; no terminal shows it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SharedGroupName)]
pub struct GroupName {
    /// 1 to 64 characters.
    #[schema(min_length = 1)]
    name: String,
}

/// A friend of a shared group.
#[derive(Serialize, ToSchema)]
#[schema(as = SharedFriend)]
pub struct FriendView {
    id: String,
    name: String,
    sort_as: Option<String>,
    numbers: Vec<NumberView>,
    note: Option<String>,
}

/// A number of a shared friend.
#[derive(Serialize, ToSchema)]
#[schema(as = SharedNumber)]
pub struct NumberView {
    /// The normal form, `+…`, where the number has one.
    number: String,
    /// As typed.
    typed: String,
    /// Digits sent after the call is answered.
    post_dial: Option<String>,
    #[schema(schema_with = super::openapi::label)]
    label: Option<Label>,
}

/// A friend to add to a shared group.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSharedFriend)]
pub struct NewFriend {
    /// As the phones should show it, 1 to 64 characters.
    #[schema(min_length = 1)]
    name: String,
    sort_as: Option<String>,
    /// In order of importance.
    #[schema(min_items = 1, max_items = 10)]
    numbers: Vec<NewNumber>,
    note: Option<String>,
}

/// What to change of a shared friend: what is absent stays, null empties.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SharedFriendPatch)]
pub struct FriendChange {
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
}

/// One change of a shared group.
#[derive(Serialize, ToSchema)]
#[schema(as = SharedChange)]
pub struct ChangeView {
    /// The group's revision after it.
    revision: u64,
    #[schema(format = DateTime)]
    at: Option<String>,
    by: By,
    #[schema(schema_with = super::openapi::way)]
    way: book::Way,
    before: Option<FriendView>,
    after: Option<FriendView>,
}

/// The organisations.
#[utoipa::path(get, path = "/organisations", tag = "organisations", operation_id = "list_organisations",
    params(Paging), responses((status = 200, body = List<View>), Reads))]
pub async fn list(
    State(control): State<Control>,
    caller: Caller,
    params: Params,
) -> Result<Json<List<View>>, Problem> {
    let grant = caller.organisations()?;
    let page = params.page(parse_organisation_id)?;
    let found = control
        .organisations(&grant, page.after, page.ask())
        .await?;
    Ok(Json(page.list(found, |o| organisation_id(o.no), view)))
}

/// Adds an organisation.
#[utoipa::path(post, path = "/organisations", tag = "organisations", operation_id = "add_organisation",
    request_body = New, responses((status = 201, body = View, headers(("ETag" = String))), Writes))]
pub async fn add(
    State(control): State<Control>,
    caller: Caller,
    conditions: Conditions,
    Body(new): Body<New>,
) -> Result<Tagged<View>, Problem> {
    let grant = caller.organisations()?;
    let letters = new.region.bytes().all(|b| b.is_ascii_alphabetic());
    if new.region.len() != 2 || !letters {
        return Err(Problem::wrong("region", "A region is two letters, as GB."));
    }
    let made = control.add_organisation(
        &grant,
        &new.name,
        new.language,
        &new.region,
        conditions.request(),
    );
    Ok(Tagged(StatusCode::CREATED, view(made.await?)))
}

/// An organisation.
#[utoipa::path(get, path = "/organisations/{o}", tag = "organisations", operation_id = "show_organisation",
    responses((status = 200, body = View, headers(("ETag" = String))), Reads))]
pub async fn show(
    State(control): State<Control>,
    caller: Caller,
    Path(o): Path<String>,
) -> Result<Tagged<View>, Problem> {
    let grant = caller.organisations()?;
    let found = control.organisation(&grant, organisation(&o)?).await?;
    Ok(Tagged(
        StatusCode::OK,
        view(found.ok_or_else(Problem::not_found)?),
    ))
}

/// Changes an organisation.
#[utoipa::path(patch, path = "/organisations/{o}", tag = "organisations", operation_id = "change_organisation",
    request_body = Patch, responses((status = 200, body = View, headers(("ETag" = String))), Writes))]
pub async fn change(
    State(control): State<Control>,
    caller: Caller,
    Path(o): Path<String>,
    conditions: Conditions,
    Body(patch): Body<Patch>,
) -> Result<Tagged<View>, Problem> {
    let grant = caller.organisations()?;
    let no = organisation(&o)?;
    let there = control.organisation(&grant, no).await?;
    if !conditions.met(&view(there.ok_or_else(Problem::not_found)?)) {
        return Err(Problem::stale());
    }
    let changed = control.change_organisation(&grant, no, patch.name.as_deref(), patch.language);
    Ok(Tagged(StatusCode::OK, view(changed.await?)))
}

/// The shared groups of an organisation.
#[utoipa::path(get, path = "/organisations/{o}/shared-groups", tag = "organisations",
    operation_id = "list_shared_groups", params(Paging), responses((status = 200, body = List<GroupView>), Reads))]
pub async fn groups(
    State(control): State<Control>,
    caller: Caller,
    Path(o): Path<String>,
    params: Params,
) -> Result<Json<List<GroupView>>, Problem> {
    let grant = caller.organisations()?;
    let no = organisation(&o)?;
    let known = control.organisation(&grant, no).await?;
    known.ok_or_else(Problem::not_found)?;
    let page = params.page(parse_shared_group_id)?;
    let mut found = control.shared_groups(&grant, no).await?;
    found.retain(|state| page.after.is_none_or(|after| state.group.no > after));
    let id = |state: &SharedState| shared_group_id(state.group.no);
    Ok(Json(page.list(found, id, |state| group_view(&state))))
}

/// Adds a shared group, without friends and members.
#[utoipa::path(post, path = "/organisations/{o}/shared-groups", tag = "organisations",
    operation_id = "add_shared_group", request_body = GroupName,
    responses((status = 201, body = GroupView, headers(("ETag" = String))), Writes))]
pub async fn add_group(
    State(control): State<Control>,
    caller: Caller,
    Path(o): Path<String>,
    conditions: Conditions,
    Body(new): Body<GroupName>,
) -> Result<Tagged<GroupView>, Problem> {
    let grant = caller.organisations()?;
    let no = organisation(&o)?;
    let made = control.add_shared_group(&grant, no, &new.name, conditions.request());
    Ok(Tagged(StatusCode::CREATED, group_view(&made.await?)))
}

/// A shared group.
#[utoipa::path(get, path = "/shared-groups/{q}", tag = "organisations", operation_id = "show_shared_group",
    responses((status = 200, body = GroupView, headers(("ETag" = String))), Reads))]
pub async fn show_group(
    State(control): State<Control>,
    caller: Caller,
    Path(q): Path<String>,
) -> Result<Tagged<GroupView>, Problem> {
    let (_, state) = shared(&control, &caller, &q).await?;
    Ok(Tagged(StatusCode::OK, group_view(&state)))
}

/// Renames a shared group; no terminal shows its name.
#[utoipa::path(patch, path = "/shared-groups/{q}", tag = "organisations", operation_id = "rename_shared_group",
    request_body = GroupName, responses((status = 200, body = GroupView, headers(("ETag" = String))), Writes))]
pub async fn rename_group(
    State(control): State<Control>,
    caller: Caller,
    Path(q): Path<String>,
    conditions: Conditions,
    Body(new): Body<GroupName>,
) -> Result<Tagged<GroupView>, Problem> {
    let see = |state: &SharedState| Some(group_view(state));
    let edit = SharedEdit::Rename(new.name);
    let state = edit_when(&control, &caller, &q, &conditions, edit, see).await?;
    Ok(Tagged(StatusCode::OK, group_view(&state.0)))
}

/// The friends of a shared group as it was last edited: its members have them once the campaign has reached them.
#[utoipa::path(get, path = "/shared-groups/{q}/friends", tag = "organisations",
    operation_id = "list_shared_friends", params(Paging), responses((status = 200, body = List<FriendView>), Reads))]
pub async fn friends(
    State(control): State<Control>,
    caller: Caller,
    Path(q): Path<String>,
    params: Params,
) -> Result<Json<List<FriendView>>, Problem> {
    let (_, state) = shared(&control, &caller, &q).await?;
    let page = params.page(parse_shared_friend_id)?;
    let friends = state.group.book.friends.values();
    let friends = friends.filter(|f| page.after.is_none_or(|after| f.no > after));
    let id = |friend: &&Friend| shared_friend_id(friend.no);
    Ok(Json(page.list(friends, id, friend_view)))
}

/// Adds a friend to a shared group. Its members get her once the planned campaign is started.
#[utoipa::path(post, path = "/shared-groups/{q}/friends", tag = "organisations",
    operation_id = "add_shared_friend", request_body = NewFriend,
    responses((status = 201, body = FriendView, headers(("ETag" = String))), Writes))]
pub async fn add_friend(
    State(control): State<Control>,
    caller: Caller,
    Path(q): Path<String>,
    conditions: Conditions,
    Body(new): Body<NewFriend>,
) -> Result<Tagged<FriendView>, Problem> {
    let draft = FriendDraft {
        name: new.name,
        sort_as: new.sort_as,
        numbers: drafts(new.numbers)?,
        note: new.note,
        ..FriendDraft::default()
    };
    let grant = caller.organisations()?;
    let edit = SharedEdit::Add(draft);
    let edited = control.edit_shared_group(&grant, group(&q)?, edit, conditions.options(None));
    let friend = edited.await?.friend;
    let (_, state) = shared(&control, &caller, &q).await?;
    let friend = friend.and_then(|no| state.group.book.friends.get(&no));
    let friend = friend.ok_or_else(Problem::not_found)?;
    Ok(Tagged(StatusCode::CREATED, friend_view(friend)))
}

/// A friend of a shared group.
#[utoipa::path(get, path = "/shared-groups/{q}/friends/{e}", tag = "organisations",
    operation_id = "show_shared_friend",
    responses((status = 200, body = FriendView, headers(("ETag" = String))), Reads))]
pub async fn show_friend(
    State(control): State<Control>,
    caller: Caller,
    Path((q, e)): Path<(String, String)>,
) -> Result<Tagged<FriendView>, Problem> {
    let (_, state) = shared(&control, &caller, &q).await?;
    let friend = see(&state, friend(&e)?).ok_or_else(Problem::not_found)?;
    Ok(Tagged(StatusCode::OK, friend))
}

/// Changes a friend of a shared group.
#[utoipa::path(patch, path = "/shared-groups/{q}/friends/{e}", tag = "organisations",
    operation_id = "change_shared_friend", request_body = FriendChange,
    responses((status = 200, body = FriendView, headers(("ETag" = String))), Writes))]
pub async fn change_friend(
    State(control): State<Control>,
    caller: Caller,
    Path((q, e)): Path<(String, String)>,
    conditions: Conditions,
    Body(patch): Body<FriendChange>,
) -> Result<Tagged<FriendView>, Problem> {
    let no = friend(&e)?;
    let patch = FriendPatch {
        name: patch.name,
        sort_as: patch.sort_as,
        numbers: patch.numbers.map(drafts).transpose()?,
        note: patch.note,
        ..FriendPatch::default()
    };
    let edit = SharedEdit::Change(no, patch);
    let as_seen = |state: &SharedState| see(state, no);
    let state = edit_when(&control, &caller, &q, &conditions, edit, as_seen).await?;
    let friend = see(&state.0, no).ok_or_else(Problem::not_found)?;
    Ok(Tagged(StatusCode::OK, friend))
}

/// Deletes a friend from a shared group.
#[utoipa::path(delete, path = "/shared-groups/{q}/friends/{e}", tag = "organisations",
    operation_id = "remove_shared_friend", responses((status = 204, description = "It is gone."), Writes))]
pub async fn remove_friend(
    State(control): State<Control>,
    caller: Caller,
    Path((q, e)): Path<(String, String)>,
    conditions: Conditions,
) -> Result<StatusCode, Problem> {
    let no = friend(&e)?;
    let edit = SharedEdit::Remove(no);
    let as_seen = |state: &SharedState| see(state, no);
    edit_when(&control, &caller, &q, &conditions, edit, as_seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The journal of a shared group, newest first.
#[utoipa::path(get, path = "/shared-groups/{q}/changes", tag = "organisations",
    operation_id = "list_shared_changes", params(Paging), responses((status = 200, body = List<ChangeView>), Reads))]
pub async fn changes(
    State(control): State<Control>,
    caller: Caller,
    Path(q): Path<String>,
    params: Params,
) -> Result<Json<List<ChangeView>>, Problem> {
    let (grant, state) = shared(&control, &caller, &q).await?;
    let page = params.page(|cursor| cursor.parse().ok().map(book::Revision))?;
    let found = control.shared_changes(&grant, state.group.no, page.after, page.ask());
    let id = |change: &SharedChange| change.revision.0.to_string();
    Ok(Json(page.list(found.await?, id, |change| ChangeView {
        revision: change.revision.0,
        at: ids::instant(change.at),
        by: By::from(&change.actor),
        way: change.way,
        before: change.body.friend_before().map(friend_view),
        after: change.body.friend_after().map(friend_view),
    })))
}

/// Edits a group if what `see` shows of it is as the caller saw it.
async fn edit_when<T: Serialize>(
    control: &Control,
    caller: &Caller,
    q: &str,
    conditions: &Conditions,
    edit: SharedEdit,
    see: impl Fn(&SharedState) -> Option<T>,
) -> Result<(SharedState, OrganisationGrant), Problem> {
    for _ in 0..ATTEMPTS {
        let (grant, state) = shared(control, caller, q).await?;
        if !conditions.met(&see(&state).ok_or_else(Problem::not_found)?) {
            break;
        }
        let options = conditions.options(Some(state.group.book.revision));
        let group = state.group.no;
        match control
            .edit_shared_group(&grant, group, edit.clone(), options)
            .await
        {
            Err(EditError::Stale) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => {
                let (grant, state) = shared(control, caller, q).await?;
                return Ok((state, grant));
            }
        }
    }
    Err(Problem::stale())
}

fn organisation(o: &str) -> Result<OrganisationNo, Problem> {
    parse_organisation_id(o).ok_or_else(Problem::not_found)
}

pub(super) fn group(q: &str) -> Result<GroupNo, Problem> {
    parse_shared_group_id(q).ok_or_else(Problem::not_found)
}

fn friend(e: &str) -> Result<FriendNo, Problem> {
    parse_shared_friend_id(e).ok_or_else(Problem::not_found)
}

/// The right, and the group as it stands.
pub(super) async fn shared(
    control: &Control,
    caller: &Caller,
    q: &str,
) -> Result<(OrganisationGrant, SharedState), Problem> {
    let grant = caller.organisations()?;
    let found = control.shared_group(&grant, group(q)?).await?;
    let (_, state) = found.ok_or_else(Problem::not_found)?;
    Ok((grant, state))
}

fn drafts(numbers: Vec<NewNumber>) -> Result<Vec<NumberDraft>, Problem> {
    numbers.into_iter().map(NewNumber::shared).collect()
}

fn view(organisation: Organisation) -> View {
    View {
        id: organisation_id(organisation.no),
        name: organisation.name,
        language: organisation.language,
        region: organisation.region,
    }
}

fn group_view(state: &SharedState) -> GroupView {
    let group = &state.group;
    GroupView {
        id: shared_group_id(group.no),
        organisation: organisation_id(group.organisation),
        name: group.name().to_owned(),
        revision: group.book.revision.0,
        friends: group
            .book
            .friends
            .keys()
            .map(|no| shared_friend_id(*no))
            .collect(),
        planned: state.planned.map(ids::of_campaign),
        newest: state.newest.map(ids::of_campaign),
    }
}

fn see(state: &SharedState, no: FriendNo) -> Option<FriendView> {
    state.group.book.friends.get(&no).map(friend_view)
}

/// A shared friend as the API has it.
pub(super) fn friend_view(friend: &Friend) -> FriendView {
    let numbers = friend.numbers.iter().map(|number| NumberView {
        number: number.main(),
        typed: number.typed.clone(),
        post_dial: number.post_dial.clone(),
        label: number.label,
    });
    FriendView {
        id: shared_friend_id(friend.no),
        name: friend.name.clone(),
        sort_as: friend.sort_as.clone(),
        numbers: numbers.collect(),
        note: friend.note.clone(),
    }
}
