//! Logging in with a code, and out; choosing the language.

use super::guard::{LANGUAGE, SESSION, cookie};
use super::{Unavailable, other, page, page_with};
use crate::locale::Words;
use askama::Template;
use axum::extract::{Form, FromRequestParts, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use control::{Control, Denied};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "login.html")]
struct LogIn {
    w: Words,
    other: &'static str,
    service: String,
}

#[derive(Template)]
#[template(path = "code.html")]
struct Code {
    w: Words,
    other: &'static str,
    service: String,
    number: String,
    error: Option<String>,
}

#[derive(Deserialize)]
pub struct Number {
    #[serde(default)]
    number: String,
    #[serde(default)]
    code: String,
}

pub async fn ask(State(control): State<Control>, w: Words) -> Response {
    page(&LogIn {
        w,
        other: other(w),
        service: control.settings().service_number.clone(),
    })
}

pub async fn send(
    State(control): State<Control>,
    w: Words,
    Form(form): Form<Number>,
) -> Result<Response, Unavailable> {
    control.start_log_in(&form.number).await?;
    Ok(page(&code_page(&control, w, form.number, None)))
}

pub async fn enter(
    State(control): State<Control>,
    w: Words,
    Form(form): Form<Number>,
) -> Result<Response, Unavailable> {
    let error = match control.log_in(&form.number, &form.code).await? {
        Ok(secret) => {
            let cookie =
                format!("{SESSION}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000");
            return Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response());
        }
        // One sentence for every reason: another one for a number that is known would tell who is a subscriber.
        Err(Denied::Wrong | Denied::Over | Denied::Locked(_)) => {
            let number = control.settings().service_number.clone();
            w.with("denied", "number", number)
        }
    };
    let page = code_page(&control, w, form.number, Some(error));
    Ok(page_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

pub async fn leave(
    State(control): State<Control>,
    request: Request,
) -> Result<Response, Unavailable> {
    let (parts, _) = request.into_parts();
    if let Some(secret) = cookie(&parts, SESSION) {
        control.log_out(&secret).await?;
    }
    let gone = format!("{SESSION}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    Ok(([(header::SET_COOKIE, gone)], Redirect::to("/login")).into_response())
}

pub async fn language(request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let Ok(w) = Words::from_request_parts(&mut parts, &()).await;
    let chosen = format!(
        "{LANGUAGE}={}; Path=/; SameSite=Lax; Max-Age=31536000",
        other(w)
    );
    // Back to where she was, but only within this site.
    let referer = parts
        .headers
        .get(header::REFERER)
        .and_then(|v| v.to_str().ok());
    let path = referer
        .and_then(|url| url.splitn(4, '/').nth(3))
        .map(|path| format!("/{path}"))
        .filter(|path| !path.starts_with("//") && !path.starts_with("/login/"))
        .unwrap_or_else(|| "/".to_owned());
    ([(header::SET_COOKIE, chosen)], Redirect::to(&path)).into_response()
}

fn code_page(control: &Control, w: Words, number: String, error: Option<String>) -> Code {
    Code {
        w,
        other: other(w),
        service: control.settings().service_number.clone(),
        number,
        error,
    }
}
