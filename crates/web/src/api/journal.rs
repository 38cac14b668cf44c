//! `/subscribers/{s}/changes`: the journal, newest first, and undo.

use super::auth::Caller;
use super::friends::{self, book_of};
use super::ids;
use super::openapi::{Reads, Writes};
use super::params::{List, Paging, Params};
use super::problem::Problem;
use super::tag::Conditions;
use axum::Json;
use axum::extract::{Path, State};
use book::{
    Change, Edit, Entry, Revision, SubscriberId, Way, change_id, friend_id, group_id,
    parse_change_id,
};
use control::Control;
use serde::Serialize;
use utoipa::ToSchema;

/// A change of a book.
#[derive(Serialize, ToSchema)]
#[schema(as = Change)]
pub struct View {
    id: String,
    #[schema(format = DateTime)]
    at: Option<String>,
    by: By,
    #[schema(schema_with = super::openapi::way)]
    way: Way,
    /// The call in which it was made.
    call: Option<String>,
    /// Changes that were made together.
    sitting: String,
    friend: Option<String>,
    group: Option<String>,
    before: Option<EntryView>,
    after: Option<EntryView>,
    /// What stood there is not kept any more: the entry was deleted long ago, and this cannot be undone.
    forgotten: bool,
}

/// Who made a change.
#[derive(Serialize, ToSchema)]
pub struct By {
    #[schema(value_type = String)]
    kind: book::ActorKind,
    name: String,
}

impl From<&book::Actor> for By {
    fn from(actor: &book::Actor) -> Self {
        Self {
            kind: actor.kind,
            name: actor.name.clone(),
        }
    }
}

/// A friend or a group as it stood.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = ChangedEntry)]
pub enum EntryView {
    Friend(friends::View),
    Group {
        id: String,
        name: String,
        friends: Vec<String>,
    },
}

/// The journal of a book, newest first.
#[utoipa::path(get, path = "/subscribers/{s}/changes", tag = "books", params(Paging),
    operation_id = "list_changes", responses((status = 200, body = List<View>), Reads))]
pub async fn list(
    State(control): State<Control>,
    caller: Caller,
    Path(s): Path<String>,
    params: Params,
) -> Result<Json<List<View>>, Problem> {
    let grant = caller.reads(ids::subscriber(&s)?)?;
    let id = grant.subscriber();
    let page = params.page(|cursor| revision_of(id, cursor).ok())?;
    book_of(&control, id).await?;
    let changes = control.store().changes(id, page.after, page.ask()).await?;
    Ok(Json(page.list(
        changes,
        |change| change_id(id, change.revision),
        |change| view(&change),
    )))
}

/// Undoes a change, field by field. Gives the new change; null when nothing differed any more.
#[utoipa::path(post, path = "/subscribers/{s}/changes/{c}/undo", tag = "books",
    operation_id = "undo_change", responses((status = 200, body = Option<View>), Writes))]
pub async fn undo(
    State(control): State<Control>,
    caller: Caller,
    Path((s, c)): Path<(String, String)>,
    conditions: Conditions,
) -> Result<Json<Option<View>>, Problem> {
    let grant = caller.writes(ids::subscriber(&s)?)?;
    let revision = revision_of(grant.subscriber(), &c)?;
    let change = control.change_to_undo(&grant, revision).await?;
    let edit = Edit::Undo(Box::new(change));
    let edited = control.edit(&grant, edit, conditions.options(None)).await?;
    Ok(Json(edited.changes.first().map(view)))
}

fn revision_of(subscriber: SubscriberId, c: &str) -> Result<Revision, Problem> {
    let found = parse_change_id(c).filter(|(owner, _)| *owner == subscriber);
    let revision = found.map(|(_, revision)| revision);
    revision.ok_or_else(Problem::not_found)
}

fn view(change: &Change) -> View {
    let id = change.subscriber;
    let entry = |entry: &Option<Entry>| {
        Some(match entry.as_ref()? {
            Entry::Friend(friend) => EntryView::Friend(friends::view(id, friend)),
            Entry::Group { group, friends } => EntryView::Group {
                id: group_id(id, group.no),
                name: group.name.clone(),
                friends: friends.iter().map(|no| friend_id(id, *no)).collect(),
            },
        })
    };
    View {
        id: change_id(id, change.revision),
        at: ids::instant(change.at_ms),
        by: By::from(&change.actor),
        way: change.way,
        call: change.call.clone(),
        sitting: change.sitting.to_string(),
        friend: change.body.friend.map(|no| friend_id(id, no)),
        group: change.body.group.map(|no| group_id(id, no)),
        before: entry(&change.body.before),
        after: entry(&change.body.after),
        forgotten: change.body.forgotten,
    }
}
