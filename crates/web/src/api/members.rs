//! `/shared-groups/{q}/members`: who carries a shared group.

use super::auth::Caller;
use super::ids;
use super::openapi::{Reads, Writes};
use super::organisations::{FriendView, friend_view, shared};
use super::params::{List, Paging, Params};
use super::problem::{Body, Problem};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use book::{
    Subscriber, parse_shared_group_id, parse_subscriber_id, shared_group_id, subscriber_id,
};
use control::{Control, Joined, SharedFrom};
use serde::{Deserialize, Serialize};
use store::Member;
use utoipa::ToSchema;

/// Most that join in one request.
const MOST: usize = 2_000;

/// A member of a shared group.
#[derive(Serialize, ToSchema)]
#[schema(as = Member)]
pub struct View {
    /// Her id.
    subscriber: String,
    name: String,
    msisdn: String,
    /// The group's revision that is proven on all of her terminals, as the last campaign looked.
    proven_revision: u64,
}

/// Who joins: by id, or by the own numbers of subscribers.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMembers)]
pub struct New {
    /// Ids of subscribers.
    #[serde(default)]
    subscribers: Vec<String>,
    /// Their numbers.
    #[serde(default)]
    numbers: Vec<String>,
}

/// What became of those who should join.
#[derive(Serialize, ToSchema)]
#[schema(as = Joined)]
pub struct Answer {
    /// Ids of subscribers who are members now.
    members: Vec<String>,
    /// Numbers that are nobody's.
    unknown: Vec<String>,
    /// Numbers that several have: name them by their ids.
    several: Vec<String>,
}

/// A shared group that a subscriber carries. Its friends are read-only in her book, and on her terminals after her own.
#[derive(Serialize, ToSchema)]
#[schema(as = CarriedGroup)]
pub struct CarriedView {
    id: String,
    name: String,
    organisation: String,
    /// As she carries them now: a campaign may bring others.
    friends: Vec<FriendView>,
}

/// The shared groups that a subscriber carries.
#[utoipa::path(get, path = "/subscribers/{s}/shared-groups", tag = "books", operation_id = "list_carried_groups",
    params(Paging), responses((status = 200, body = List<CarriedView>), Reads))]
pub async fn carried(
    State(control): State<Control>,
    caller: Caller,
    Path(s): Path<String>,
    params: Params,
) -> Result<Json<List<CarriedView>>, Problem> {
    let grant = caller.reads(ids::subscriber(&s)?)?;
    let page = params.page(parse_shared_group_id)?;
    let view = control.read(&grant).await?;
    let groups = view.shared.iter();
    let groups = groups.filter(|from| page.after.is_none_or(|after| from.group > after));
    let id = |from: &&SharedFrom| shared_group_id(from.group);
    Ok(Json(page.list(groups, id, |from| {
        let friends = view.book.friends.values();
        CarriedView {
            id: shared_group_id(from.group),
            name: from.name.clone(),
            organisation: from.organisation.clone(),
            friends: friends
                .filter(|friend| friend.groups.contains(&from.group))
                .map(friend_view)
                .collect(),
        }
    })))
}

/// The members of a shared group.
#[utoipa::path(get, path = "/shared-groups/{q}/members", tag = "organisations", operation_id = "list_members",
    params(Paging), responses((status = 200, body = List<View>), Reads))]
pub async fn list(
    State(control): State<Control>,
    caller: Caller,
    Path(q): Path<String>,
    params: Params,
) -> Result<Json<List<View>>, Problem> {
    let (grant, state) = shared(&control, &caller, &q).await?;
    let page = params.page(parse_subscriber_id)?;
    let found = control.members(&grant, state.group.no, page.after, page.ask());
    let id = |(subscriber, _): &(Subscriber, Member)| subscriber_id(subscriber.id);
    Ok(Json(page.list(found.await?, id, |(subscriber, member)| {
        View {
            subscriber: subscriber_id(subscriber.id),
            name: subscriber.name,
            msisdn: subscriber.msisdn,
            proven_revision: member.applied.0,
        }
    })))
}

/// Subscribers join; their terminals get the group's friends. A number that is nobody's stops no other.
#[utoipa::path(post, path = "/shared-groups/{q}/members", tag = "organisations", operation_id = "add_members",
    request_body = New, responses((status = 200, body = Answer), Writes))]
pub async fn add(
    State(control): State<Control>,
    caller: Caller,
    Path(q): Path<String>,
    Body(new): Body<New>,
) -> Result<Json<Answer>, Problem> {
    let (grant, state) = shared(&control, &caller, &q).await?;
    if new.subscribers.len() + new.numbers.len() > MOST {
        let detail = format!("At most {MOST} join in one request: send the rest in another.");
        return Err(Problem::wrong("subscribers", detail));
    }
    let by_id = new.subscribers.iter().map(|id| {
        let wrong = || Problem::wrong("subscribers", format!("“{id}” is no subscriber."));
        parse_subscriber_id(id).ok_or_else(wrong)
    });
    let by_id: Vec<_> = by_id.collect::<Result<_, _>>()?;
    let group = state.group.no;
    let mut joined = match control.join_by_number(&grant, group, &new.numbers).await {
        Ok(joined) => joined,
        Err(error) => return Err(error.into()),
    };
    if !by_id.is_empty() {
        let joins = control.change_members(&grant, group, by_id.clone(), Vec::new());
        joins.await.map_err(|_| {
            Problem::wrong(
                "subscribers",
                "One of these is no subscriber: nobody joined.",
            )
        })?;
        joined.members.extend(by_id);
    }
    Ok(Json(joined.into()))
}

/// A subscriber leaves; her terminals lose the group's friends.
#[utoipa::path(delete, path = "/shared-groups/{q}/members/{s}", tag = "organisations",
    operation_id = "remove_member", responses((status = 204, description = "She is no member."), Writes))]
pub async fn remove(
    State(control): State<Control>,
    caller: Caller,
    Path((q, s)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let (grant, state) = shared(&control, &caller, &q).await?;
    let leaves = vec![ids::subscriber(&s)?];
    control
        .change_members(&grant, state.group.no, Vec::new(), leaves)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<Joined> for Answer {
    fn from(joined: Joined) -> Self {
        Self {
            members: joined.members.into_iter().map(subscriber_id).collect(),
            unknown: joined.unknown,
            several: joined.several,
        }
    }
}
