//! `/holds`: mass changes that wait for a person's yes.

use super::auth::Caller;
use super::friends::{self, book_of};
use super::ids;
use super::openapi::{Reads, Writes};
use super::params::{List, Paging, Params};
use super::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use book::{Book, change_id, decode_in, encode_in, subscriber_id};
use control::Control;
use delivery::{Hold, HoldState};
use serde::Serialize;
use utoipa::ToSchema;

/// A hold: while it stands, the terminals keep these friends as `before`.
#[derive(Serialize, ToSchema)]
#[schema(as = Hold)]
pub struct View {
    id: String,
    subscriber: String,
    reason: String,
    /// Ids of changes.
    changes: Vec<String>,
    /// The friends held, as the terminals keep them.
    before: Vec<friends::View>,
    /// The same friends as the book has them; those that were deleted are absent.
    after: Vec<friends::View>,
    #[schema(schema_with = super::openapi::hold_state)]
    state: HoldState,
    #[schema(format = DateTime)]
    since: Option<String>,
    /// When somebody decided.
    #[schema(format = DateTime)]
    until: Option<String>,
}

/// The holds that wait for a decision.
#[utoipa::path(get, path = "/holds", tag = "books", operation_id = "list_holds",
    params(("subscriber" = Option<String>, Query, description = "Only of this subscriber."), Paging),
    responses((status = 200, body = List<View>), Reads))]
pub async fn list(
    State(control): State<Control>,
    caller: Caller,
    params: Params,
) -> Result<Json<List<View>>, Problem> {
    caller.needs(identity::Scope::BooksRead)?;
    let page = params.page(|cursor| decode_in('h', cursor))?;
    let of = params.get("subscriber").map(ids::subscriber).transpose()?;
    let mut holds = control.store().holds(of, true).await?;
    holds.retain(|hold| {
        page.after
            .is_none_or(|after| (hold.subscriber, hold.no) > after)
    });
    holds.sort_by_key(|hold| (hold.subscriber, hold.no));
    let page = page.list(holds, id, |hold| hold);
    let mut views = Vec::new();
    for hold in &page.items {
        // A grant a book (rule 10): a hold shows what is in it.
        caller.reads(hold.subscriber)?;
        views.push(view(hold, &book_of(&control, hold.subscriber).await?));
    }
    Ok(Json(List {
        items: views,
        next: page.next,
    }))
}

/// Says yes: the changes go to the terminals.
#[utoipa::path(post, path = "/holds/{h}/release", tag = "books", operation_id = "release_hold",
    responses((status = 200, body = View), Writes))]
pub async fn release(
    State(control): State<Control>,
    caller: Caller,
    Path(h): Path<String>,
) -> Result<Json<View>, Problem> {
    decide(&control, &caller, &h, true).await
}

/// Says no: the changes are undone.
#[utoipa::path(post, path = "/holds/{h}/refuse", tag = "books", operation_id = "refuse_hold",
    responses((status = 200, body = View), Writes))]
pub async fn refuse(
    State(control): State<Control>,
    caller: Caller,
    Path(h): Path<String>,
) -> Result<Json<View>, Problem> {
    decide(&control, &caller, &h, false).await
}

async fn decide(
    control: &Control,
    caller: &Caller,
    h: &str,
    release: bool,
) -> Result<Json<View>, Problem> {
    let (subscriber, no) = decode_in('h', h).ok_or_else(Problem::not_found)?;
    let grant = caller.writes(subscriber)?;
    let hold = control.decide_hold(&grant, no, release).await?;
    Ok(Json(view(&hold, &book_of(control, subscriber).await?)))
}

fn id(hold: &Hold) -> String {
    encode_in('h', hold.subscriber, hold.no)
}

fn view(hold: &Hold, book: &Book) -> View {
    let of = hold.subscriber;
    let changes = hold.changes.iter();
    let held = hold.released.iter();
    View {
        id: id(hold),
        subscriber: subscriber_id(of),
        reason: hold.reason.clone(),
        changes: changes.map(|revision| change_id(of, *revision)).collect(),
        before: held.clone().map(|(_, f)| friends::view(of, f)).collect(),
        after: held
            .filter_map(|(no, _)| Some(friends::view(of, book.friends.get(no)?)))
            .collect(),
        state: hold.state,
        since: ids::instant(hold.since),
        until: hold.decided.as_ref().and_then(|(_, at)| ids::instant(*at)),
    }
}
