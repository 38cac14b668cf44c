//! What the command line asks of a running server, over a socket in the data folder that only its owner may open: the
//! API with every scope, and what only an administrator does (accounts, tokens, whole books, the audit).

use crate::api;
use crate::api::{Local, Problem};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use book::vcard::{Fate, Version};
use book::{SubscriberId, parse_subscriber_id};
use control::Control;
use identity::{Grant, JobKind, Role, Scope, Token};
use serde::Deserialize;
use serde_json::{Value, json};

/// The most that a file of cards may hold.
const FILE: usize = 16 * 1024 * 1024;

/// The router behind the socket. Never to be served anywhere else: whoever reaches it may do everything.
pub fn router(control: Control) -> Router {
    let token = Token {
        id: "command-line".into(),
        name: "command line".into(),
        scopes: Scope::ALL.into(),
    };
    let local = Router::new()
        .route("/accounts", get(accounts).post(invite))
        .route("/accounts/{login}/{what}", post(change_account))
        .route("/tokens", post(create_token))
        .route("/books/{s}", get(export).put(import))
        .route("/terminals", get(terminals))
        .route("/audit", get(audit))
        .layer(DefaultBodyLimit::max(FILE))
        .with_state(control.clone());
    api::router(control)
        .nest("/local", local)
        .layer(Extension(Local(token)))
}

#[derive(Deserialize)]
struct NewAccount {
    login: String,
    name: String,
    role: String,
}

#[derive(Deserialize)]
struct NewToken {
    name: String,
    scopes: Vec<String>,
}

#[derive(Deserialize)]
struct OfNumber {
    number: String,
}

#[derive(Deserialize)]
struct Form {
    version: Option<String>,
}

async fn accounts(State(control): State<Control>) -> Result<Json<Value>, Problem> {
    let mut items = Vec::new();
    for account in control.accounts().await? {
        let locked = control.locked_until(&account.login).await?;
        items.push(json!({
            "login": account.login,
            "name": account.name,
            "role": account.role.as_str(),
            "disabled": account.disabled,
            "password": account.password.is_some(),
            "locked": locked.is_some(),
        }));
    }
    Ok(Json(json!({ "items": items })))
}

async fn invite(
    State(control): State<Control>,
    Json(new): Json<NewAccount>,
) -> Result<Json<Value>, Problem> {
    let staff = [Role::Agent, Role::Supervisor, Role::Administrator];
    let role = Role::parse(&new.role).filter(|role| staff.contains(role));
    let role = role
        .ok_or_else(|| Problem::wrong("role", "A role is agent, supervisor or administrator."))?;
    let secret = control.invite(&new.login, &new.name, role).await?;
    Ok(Json(json!({ "path": format!("/welcome/{secret}") })))
}

async fn change_account(
    State(control): State<Control>,
    Path((login, what)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(match what.as_str() {
        "reset" => {
            let secret = control.reset(&login).await?;
            json!({ "path": format!("/welcome/{secret}") })
        }
        "disable" | "enable" => {
            control.disable(&login, what == "disable").await?;
            json!({})
        }
        "unlock" => {
            control.unlock(&login).await?;
            json!({})
        }
        _ => return Err(Problem::not_found()),
    }))
}

/// The terminals in use with this number.
async fn terminals(
    State(control): State<Control>,
    Query(of): Query<OfNumber>,
) -> Result<Json<Value>, Problem> {
    let number = control.normal_number(&of.number).unwrap_or(of.number);
    let found = control.store().terminals_by_address(&number).await?;
    let ids = found
        .into_iter()
        .map(|id| book::encode_in('t', id.subscriber, id.no));
    Ok(Json(json!({ "items": ids.collect::<Vec<_>>() })))
}

async fn create_token(
    State(control): State<Control>,
    Json(new): Json<NewToken>,
) -> Result<Json<Value>, Problem> {
    let mut scopes = Vec::new();
    for word in &new.scopes {
        let unknown = || Problem::wrong("scopes", format!("There is no scope “{word}”."));
        scopes.push(Scope::parse(word).ok_or_else(unknown)?);
    }
    let (token, secret) = control.create_token(&new.name, scopes).await?;
    Ok(Json(json!({ "id": token.id, "token": secret })))
}

async fn import(
    State(control): State<Control>,
    Path(s): Path<String>,
    octets: Bytes,
) -> Result<Json<Value>, Problem> {
    let imported = control.import(&grant(&s)?, &octets).await?;
    let cards = imported.cards.iter().map(|card| {
        let (fate, why) = match &card.fate {
            Fate::Added(_) => ("added", None),
            Fate::Completed(_) => ("completed", None),
            Fate::Already(_) => ("already there", None),
            Fate::Group(_) => ("group", None),
            Fate::Refused(why) => ("left out", Some(why)),
        };
        json!({ "line": card.line, "fate": fate, "why": why, "notes": card.notes })
    });
    Ok(Json(json!({
        "cards": cards.collect::<Vec<_>>(),
        "notes": imported.notes,
        "revision": imported.edited.map(|edited| edited.revision.0),
    })))
}

async fn export(
    State(control): State<Control>,
    Path(s): Path<String>,
    Query(form): Query<Form>,
) -> Result<Response, Problem> {
    let version = match form.version.as_deref() {
        None | Some("4.0") => Version::V4,
        Some("3.0") => Version::V3,
        Some(other) => {
            let detail = format!("A book is written as vCard 3.0 or 4.0, not “{other}”.");
            return Err(Problem::wrong("version", detail));
        }
    };
    let text = control.export(&grant(&s)?, version).await?;
    Ok(([(header::CONTENT_TYPE, "text/vcard; charset=utf-8")], text).into_response())
}

async fn audit(State(control): State<Control>) -> Result<Json<Value>, Problem> {
    const PAGE: u32 = 200;
    let (mut looked, mut found) = (0, Vec::new());
    let mut after: Option<SubscriberId> = None;
    loop {
        let page = control.store().subscribers(after, PAGE).await?;
        after = page.last().map(|subscriber| subscriber.id);
        for subscriber in &page {
            looked += 1;
            for violation in control.audit(subscriber.id).await? {
                found.push(json!({
                    "msisdn": subscriber.msisdn,
                    "rule": violation.rule,
                    "found": violation.found,
                }));
            }
        }
        if page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) {
            return Ok(Json(json!({ "looked": looked, "found": found })));
        }
    }
}

fn grant(s: &str) -> Result<Grant, Problem> {
    let subscriber = parse_subscriber_id(s).ok_or_else(Problem::not_found)?;
    Ok(Grant::of_job(JobKind::CommandLine, subscriber))
}
