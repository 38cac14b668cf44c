//! Logging in with a code or a password, and out.

use super::{Frame, Served, Unavailable, page, page_with};
use askama::Template;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use control::{Control, Denied};
use identity::Face;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "login.html")]
struct LogIn {
    f: Frame,
    number: String,
    /// Why a password did not let her in.
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "code.html")]
struct Code {
    f: Frame,
    number: String,
    error: Option<String>,
}

#[derive(Deserialize)]
pub struct Number {
    #[serde(default)]
    number: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    password: String,
}

pub async fn ask(f: Frame) -> Response {
    page(&LogIn {
        f,
        number: String::new(),
        error: None,
    })
}

pub async fn send(
    State(control): State<Control>,
    f: Frame,
    Form(Number { number, .. }): Form<Number>,
) -> Result<Response, Unavailable> {
    control.start_log_in(&number).await?;
    Ok(page(&Code {
        f,
        number,
        error: None,
    }))
}

pub async fn enter(
    State(control): State<Control>,
    State(served): State<Served>,
    f: Frame,
    Form(Number { number, code, .. }): Form<Number>,
) -> Result<Response, Unavailable> {
    let error = match control.log_in(&number, &code).await? {
        Ok(secret) => return Ok(entered(served, &secret)),
        // One sentence for every reason: another one for a number that is known would tell who is a subscriber.
        Err(Denied::Wrong | Denied::Over | Denied::Locked(_)) => {
            f.w.with("denied", "number", f.service.clone())
        }
    };
    let page = Code {
        f,
        number,
        error: Some(error),
    };
    Ok(page_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

pub async fn with_password(
    State(control): State<Control>,
    State(served): State<Served>,
    f: Frame,
    Form(typed): Form<Number>,
) -> Result<Response, Unavailable> {
    let Number {
        number, password, ..
    } = typed;
    let tried = control.log_in_with_password(Face::Portal, &number, &password);
    let error = match tried.await? {
        Ok(secret) => return Ok(entered(served, &secret)),
        // One sentence here too.
        Err(Denied::Wrong | Denied::Over | Denied::Locked(_)) => {
            f.w.with("login-denied", "number", f.service.clone())
        }
    };
    let page = LogIn {
        f,
        number,
        error: Some(error),
    };
    Ok(page_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

fn entered(served: Served, secret: &str) -> Response {
    let cookie = served.set_session(Face::Portal, secret);
    ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}

pub async fn leave(
    State(control): State<Control>,
    State(served): State<Served>,
    headers: HeaderMap,
) -> Result<Response, Unavailable> {
    if let Some(secret) = served.session(Face::Portal, &headers) {
        control.log_out(&secret).await?;
    }
    let gone = served.set_session(Face::Portal, "");
    Ok(([(header::SET_COOKIE, gone)], Redirect::to("/login")).into_response())
}
