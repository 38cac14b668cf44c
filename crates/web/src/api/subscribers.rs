//! `/subscribers`.

use super::auth::Caller;
use super::problem::{Body, Problem};
use super::{ids, problem};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use book::{Language, Subscriber, subscriber_id};
use control::{Control, NewSubscriber};
use identity::Scope;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct New {
    msisdn: String,
    name: String,
    language: Option<String>,
    region: Option<String>,
}

#[derive(Deserialize)]
pub struct ByNumber {
    number: Option<String>,
}

pub async fn create(
    State(control): State<Control>,
    caller: Caller,
    Body(new): Body<New>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    caller.needs(Scope::Provision)?;
    let language = match new.language.as_deref() {
        None => Language::En,
        Some(tag) => Language::from_tag(tag)
            .ok_or_else(|| problem::Problem::wrong("language", "A language is en or zh-Hans."))?,
    };
    let subscriber = control
        .create_subscriber(NewSubscriber {
            msisdn: new.msisdn,
            name: new.name,
            language,
            region: new.region,
        })
        .await?;
    Ok((StatusCode::CREATED, Json(view(&subscriber, 0))))
}

pub async fn find(
    State(control): State<Control>,
    caller: Caller,
    Query(query): Query<ByNumber>,
) -> Result<Json<Value>, Problem> {
    caller.needs(Scope::Provision)?;
    let found = match query.number {
        Some(number) => control.store().subscribers_by_number(&number).await?,
        None => control.store().subscribers(None, 100).await?,
    };
    let mut items = Vec::new();
    for subscriber in &found {
        items.push(view(subscriber, revision(&control, subscriber).await?));
    }
    Ok(Json(json!({"items": items, "next": null})))
}

pub async fn show(
    State(control): State<Control>,
    caller: Caller,
    Path(s): Path<String>,
) -> Result<Json<Value>, Problem> {
    caller.needs(Scope::Provision)?;
    let subscriber = control.store().subscriber(ids::subscriber(&s)?).await?;
    let subscriber = subscriber.ok_or_else(Problem::not_found)?;
    Ok(Json(view(
        &subscriber,
        revision(&control, &subscriber).await?,
    )))
}

async fn revision(control: &Control, subscriber: &Subscriber) -> Result<u64, Problem> {
    let book = control.store().book(subscriber.id).await?;
    Ok(book.map_or(0, |book| book.revision.0))
}

fn view(subscriber: &Subscriber, revision: u64) -> Value {
    json!({
        "id": subscriber_id(subscriber.id),
        "msisdn": subscriber.msisdn,
        "name": subscriber.name,
        "language": subscriber.language.tag(),
        "region": subscriber.region,
        "revision": revision,
    })
}
