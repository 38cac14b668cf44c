//! `/subscribers`.

use super::auth::Caller;
use super::friends::given;
use super::ids;
use super::openapi::{Reads, Writes};
use super::params::{List, Paging, Params};
use super::problem::{Body, Problem};
use super::tag::{Conditions, Tagged};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use book::{Language, Revision, Subscriber, SubscriberId, subscriber_id};
use control::{AccountError, Control, NewSubscriber, SubscriberPatch};
use identity::Scope;
use identity::pin::is_pin;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A subscriber. Her PIN is never shown.
#[derive(Serialize, ToSchema)]
#[schema(as = Subscriber)]
pub struct View {
    id: String,
    msisdn: String,
    name: String,
    #[schema(schema_with = super::openapi::language)]
    language: &'static str,
    region: String,
    /// Of her book.
    revision: u64,
    /// She was deleted, and goes when her terminals are empty.
    leaving: bool,
}

/// A subscriber to take in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSubscriber)]
pub struct New {
    /// Her number, full.
    msisdn: String,
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    #[schema(schema_with = super::openapi::language)]
    language: Option<String>,
    /// Two letters; from the number when absent.
    #[schema(pattern = "^[A-Za-z]{2}$")]
    region: Option<String>,
    /// Six digits.
    #[schema(pattern = "^[0-9]{6}$")]
    pin: Option<String>,
}

/// What to change of a subscriber: what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SubscriberPatch)]
pub struct Patch {
    msisdn: Option<String>,
    #[schema(min_length = 1, max_length = 64)]
    name: Option<String>,
    #[schema(schema_with = super::openapi::language)]
    language: Option<String>,
    #[schema(pattern = "^[A-Za-z]{2}$")]
    region: Option<String>,
    /// Six digits; null takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, pattern = "^[0-9]{6}$")]
    pin: Option<Option<String>>,
}

/// Takes in a subscriber with an empty book.
#[utoipa::path(post, path = "/subscribers", tag = "subscribers", request_body = New,
    operation_id = "add_subscriber",
    responses((status = 201, body = View, headers(("ETag" = String))), Writes))]
pub async fn create(
    State(control): State<Control>,
    caller: Caller,
    conditions: Conditions,
    Body(new): Body<New>,
) -> Result<Tagged<View>, Problem> {
    caller.needs(Scope::Provision)?;
    let language = new.language.as_deref().map(language).transpose()?;
    let pin = new.pin.map(checked_pin).transpose()?;
    let new = NewSubscriber {
        msisdn: new.msisdn,
        name: new.name,
        language: language.unwrap_or(Language::En),
        region: new.region,
    };
    let made = control.create_subscriber_once(new, conditions.request());
    let subscriber = made.await?;
    if pin.is_some() {
        control.set_pin(subscriber.id, pin.as_deref()).await?;
    }
    let view = view(&subscriber, Revision(0), false);
    Ok(Tagged(StatusCode::CREATED, view))
}

/// Subscribers, all or by number.
#[utoipa::path(get, path = "/subscribers", tag = "subscribers", operation_id = "list_subscribers",
    params(("number" = Option<String>, Query, description = "Whose own number this is, `+…`."), Paging),
    responses((status = 200, body = List<View>), Reads))]
pub async fn find(
    State(control): State<Control>,
    caller: Caller,
    params: Params,
) -> Result<Json<List<View>>, Problem> {
    caller.needs(Scope::Provision)?;
    let page = params.page(book::parse_subscriber_id)?;
    let found = match params.get("number") {
        Some(number) => {
            // A plus that nobody coded comes as a space.
            let coded = number.strip_prefix(' ').map(|rest| format!("+{rest}"));
            let number = coded.as_deref().unwrap_or(number);
            // A number as a person writes it finds its owner, too.
            let normal = control.normal_number(number);
            let number = normal.as_deref().unwrap_or(number);
            let mut all = control.store().subscribers_by_number(number).await?;
            all.retain(|subscriber| page.after.is_none_or(|after| subscriber.id > after));
            all
        }
        None => control.store().subscribers(page.after, page.ask()).await?,
    };
    let page = page.list(found, |s| subscriber_id(s.id), |s| s);
    let mut items = Vec::new();
    for subscriber in &page.items {
        items.extend(look(&control, subscriber.id).await?);
    }
    let next = page.next;
    Ok(Json(List { items, next }))
}

/// A subscriber.
#[utoipa::path(get, path = "/subscribers/{s}", tag = "subscribers", operation_id = "show_subscriber",
    responses((status = 200, body = View, headers(("ETag" = String))), Reads))]
pub async fn show(
    State(control): State<Control>,
    caller: Caller,
    Path(s): Path<String>,
) -> Result<Tagged<View>, Problem> {
    caller.needs(Scope::Provision)?;
    let view = look(&control, ids::subscriber(&s)?).await?;
    Ok(Tagged(StatusCode::OK, view.ok_or_else(Problem::not_found)?))
}

/// Changes a subscriber's particulars.
#[utoipa::path(patch, path = "/subscribers/{s}", tag = "subscribers", request_body = Patch,
    operation_id = "change_subscriber",
    responses((status = 200, body = View, headers(("ETag" = String))), Writes))]
pub async fn change(
    State(control): State<Control>,
    caller: Caller,
    Path(s): Path<String>,
    conditions: Conditions,
    Body(patch): Body<Patch>,
) -> Result<Tagged<View>, Problem> {
    caller.needs(Scope::Provision)?;
    let id = ids::subscriber(&s)?;
    let pin = match patch.pin {
        Some(Some(digits)) => Some(Some(checked_pin(digits)?)),
        other => other,
    };
    let language = patch.language.as_deref().map(language).transpose()?;
    let patch = SubscriberPatch {
        msisdn: patch.msisdn,
        name: patch.name,
        language,
        region: patch.region,
    };
    let leaving = control.leaving(id).await?.is_some();
    let as_seen = |s: &Subscriber, r| conditions.met(&view(s, r, leaving));
    control.change_subscriber(id, patch, as_seen).await?;
    if let Some(pin) = pin {
        control.set_pin(id, pin.as_deref()).await?;
    }
    let view = look(&control, id).await?;
    Ok(Tagged(StatusCode::OK, view.ok_or_else(Problem::not_found)?))
}

/// Deletes a subscriber: her terminals are emptied first where the channel can, for at most seven days; then she and
/// everything of hers is gone.
#[utoipa::path(delete, path = "/subscribers/{s}", tag = "subscribers",
    operation_id = "delete_subscriber",
    responses(
        (status = 202, description = "Her terminals are being emptied.", body = View),
        (status = 204, description = "She is gone."),
        Writes,
    ))]
pub async fn remove(
    State(control): State<Control>,
    caller: Caller,
    Path(s): Path<String>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    caller.needs(Scope::Provision)?;
    let id = ids::subscriber(&s)?;
    let leaving = control.leaving(id).await?.is_some();
    let as_seen = |s: &Subscriber, r| conditions.met(&view(s, r, leaving));
    control.delete_subscriber(id, as_seen).await?;
    Ok(match look(&control, id).await? {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(view) => Tagged(StatusCode::ACCEPTED, view).into_response(),
    })
}

async fn look(control: &Control, id: SubscriberId) -> Result<Option<View>, Problem> {
    let leaving = control.leaving(id).await?.is_some();
    let found = control
        .store()
        .read(move |store| Ok(store.subscriber(id)?.zip(store.book(id)?)))
        .await?;
    Ok(found.map(|(subscriber, book)| view(&subscriber, book.revision, leaving)))
}

fn language(tag: &str) -> Result<Language, Problem> {
    Language::from_tag(tag)
        .ok_or_else(|| Problem::wrong("language", "A language is en or zh-Hans."))
}

fn checked_pin(digits: String) -> Result<String, Problem> {
    let wrong = || Problem::wrong("pin", "A PIN is six digits.");
    is_pin(&digits).then_some(digits).ok_or_else(wrong)
}

fn view(subscriber: &Subscriber, revision: Revision, leaving: bool) -> View {
    View {
        id: subscriber_id(subscriber.id),
        msisdn: subscriber.msisdn.clone(),
        name: subscriber.name.clone(),
        language: subscriber.language.tag(),
        region: subscriber.region.clone(),
        revision: revision.0,
        leaving,
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let sentence = super::problem::sentence(&error.to_string());
        match error {
            AccountError::Store(error) => error.into(),
            AccountError::Missing(_) => Self::new(StatusCode::NOT_FOUND, "not found", sentence),
            AccountError::Taken(_) => Self::new(StatusCode::CONFLICT, "taken", sentence),
            AccountError::Login(_) | AccountError::Number(_) => Self::wrong("login", sentence),
            AccountError::Name => Self::wrong("name", sentence),
            _ => Self::wrong("pin", sentence),
        }
    }
}
