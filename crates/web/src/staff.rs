//! The staff's faces on the LAN: who is logged in at the desk or the console, decided in one place; logging in and out;
//! the one-time link with which an account begins.

use crate::locale::Words;
use crate::page::{Unavailable, other, page, page_with, title};
use crate::served::{LANGUAGE, Served, back};
use askama::Template;
use axum::Router;
use axum::extract::{Form, FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use control::{AccountError, Control, Denied};
use identity::password::PasswordError;
use identity::{Face, Role, Session};
use serde::Deserialize;

/// Control with the manner in which its pages are served.
#[derive(Clone)]
pub struct House {
    /// Main control.
    pub control: Control,
    /// The listener's manner.
    pub served: Served,
}

/// Whoever is logged in at the desk.
pub struct Agent(pub Session);
/// Whoever is logged in at the console.
pub struct Admin(pub Session);

impl FromRequestParts<House> for Agent {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, house: &House) -> Result<Self, Response> {
        who(house, Face::Desk, &parts.headers).await.map(Self)
    }
}

impl FromRequestParts<House> for Admin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, house: &House) -> Result<Self, Response> {
        who(house, Face::Console, &parts.headers).await.map(Self)
    }
}

/// No session, no page but the log-in; a role that was taken away since is looked up each time.
async fn who(house: &House, face: Face, headers: &HeaderMap) -> Result<Session, Response> {
    let to_login = || Redirect::to(&format!("{}/login", path(face))).into_response();
    let secret = house.served.session(face, headers).ok_or_else(to_login)?;
    match house.control.session(face, &secret).await {
        Ok(Some(session)) if session.role.opens(face) => Ok(session),
        Ok(_) => Err(to_login()),
        Err(error) => Err(Unavailable::from(error).into_response()),
    }
}

/// Where a face begins.
pub fn path(face: Face) -> &'static str {
    match face {
        Face::Portal => "",
        Face::Desk => "/desk",
        Face::Console => "/console",
    }
}

#[derive(Template)]
#[template(path = "staff/login.html")]
struct LogIn {
    w: Words,
    other: &'static str,
    base: &'static str,
    title: String,
    heading: String,
    login: String,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "staff/welcome.html")]
struct Welcome {
    w: Words,
    other: &'static str,
    base: &'static str,
    title: String,
    secret: String,
    ask_login: bool,
    ask_name: bool,
    form: Choice,
    error: Option<String>,
}

/// What was typed into the log-in.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Typed {
    login: String,
    password: String,
}

/// What was typed behind a one-time link.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Choice {
    login: String,
    name: String,
    password: String,
}

/// Where a face is entered and left.
pub fn door(face: Face) -> Router<House> {
    let at = path(face);
    let enter =
        post(move |State(house): State<House>, w, Form(typed)| enter(house, face, w, typed));
    let leave = post(move |State(house): State<House>, headers| leave(house, face, headers));
    Router::new()
        .route(
            &format!("{at}/login"),
            get(move |w| ask(face, w)).merge(enter),
        )
        .route(&format!("{at}/logout"), leave)
}

async fn ask(face: Face, w: Words) -> Response {
    page(&log_in_page(face, w, String::new(), None))
}

async fn enter(house: House, face: Face, w: Words, typed: Typed) -> Result<Response, Unavailable> {
    let entered = house
        .control
        .log_in_with_password(face, &typed.login, &typed.password)
        .await?;
    let error = match entered {
        Ok(secret) => {
            let cookie = [(header::SET_COOKIE, house.served.set_session(face, &secret))];
            return Ok((cookie, Redirect::to(path(face))).into_response());
        }
        Err(Denied::Locked(_)) => w.say("staff-locked"),
        Err(Denied::Wrong | Denied::Over) => w.say("staff-denied"),
    };
    let page = log_in_page(face, w, typed.login, Some(error));
    Ok(page_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

async fn leave(house: House, face: Face, headers: HeaderMap) -> Result<Response, Unavailable> {
    if let Some(secret) = house.served.session(face, &headers) {
        house.control.log_out(&secret).await?;
    }
    let to = format!("{}/login", path(face));
    let gone = [(header::SET_COOKIE, house.served.set_session(face, ""))];
    Ok((gone, Redirect::to(&to)).into_response())
}

/// The page behind a one-time link.
pub async fn welcome(
    State(house): State<House>,
    w: Words,
    Path(secret): Path<String>,
) -> Result<Response, Unavailable> {
    Ok(match house.control.invited(&secret).await? {
        Some(invitation) => page(&Welcome {
            w,
            other: other(w),
            base: "/desk",
            title: w.say("staff-welcome"),
            secret,
            ask_login: invitation.login.is_none(),
            ask_name: invitation.name.is_none(),
            form: Choice::default(),
            error: None,
        }),
        None => page_with(
            StatusCode::NOT_FOUND,
            &log_in_page(Face::Desk, w, String::new(), Some(w.say("staff-used"))),
        ),
    })
}

/// The account is made and its holder goes to her log-in.
pub async fn accept(
    State(house): State<House>,
    w: Words,
    Path(secret): Path<String>,
    Form(form): Form<Choice>,
) -> Result<Response, Unavailable> {
    let Some(invitation) = house.control.invited(&secret).await? else {
        return Ok(Redirect::to(&format!("/welcome/{secret}")).into_response());
    };
    let made = house
        .control
        .accept(&secret, &form.login, &form.name, &form.password)
        .await;
    let error = match made {
        Ok(account) => {
            let face = match account.role {
                Role::Administrator => Face::Console,
                _ => Face::Desk,
            };
            return Ok(Redirect::to(&format!("{}/login", path(face))).into_response());
        }
        Err(AccountError::Store(error)) => return Err(error.into()),
        Err(AccountError::Password(PasswordError::Short)) => w.say("staff-short"),
        Err(AccountError::Password(_)) => w.say("staff-long"),
        Err(AccountError::Taken(_)) => w.say("staff-taken"),
        Err(AccountError::Name) => w.say("staff-no-name"),
        Err(_) => w.say("staff-no-login"),
    };
    let page = Welcome {
        w,
        other: other(w),
        base: "/desk",
        title: title(w, w.say("staff-welcome"), true),
        secret,
        ask_login: invitation.login.is_none(),
        ask_name: invitation.name.is_none(),
        form,
        error: Some(error),
    };
    Ok(page_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

/// The other language, and back to where one was.
pub async fn language(State(house): State<House>, w: Words, headers: HeaderMap) -> Response {
    let chosen = house.served.choice(LANGUAGE, other(w));
    (
        [(header::SET_COOKIE, chosen)],
        Redirect::to(&back(&headers)),
    )
        .into_response()
}

fn log_in_page(face: Face, w: Words, login: String, error: Option<String>) -> LogIn {
    let heading = match face {
        Face::Console => w.say("console-login"),
        _ => w.say("desk-login"),
    };
    LogIn {
        w,
        other: other(w),
        base: path(face),
        title: title(w, heading.clone(), error.is_some()),
        heading,
        login,
        error,
    }
}
