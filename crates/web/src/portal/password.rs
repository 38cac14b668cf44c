//! A password beside the codes, for whoever wants one.

use super::guard::LoggedIn;
use super::{Frame, Unavailable, page, page_with};
use crate::portal::family::sentence;
use askama::Template;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::Response;
use control::{AccountError, Control};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "password.html")]
struct Password {
    f: Frame,
    /// Her number, for what keeps passwords in her browser.
    login: String,
    error: Option<String>,
    set: bool,
}

#[derive(Deserialize)]
pub struct Typed {
    #[serde(default)]
    password: String,
}

pub async fn ask(LoggedIn { session, .. }: LoggedIn, f: Frame) -> Response {
    page(&Password {
        f,
        login: session.login,
        error: None,
        set: false,
    })
}

pub async fn set(
    State(control): State<Control>,
    LoggedIn { session, .. }: LoggedIn,
    f: Frame,
    Form(Typed { password }): Form<Typed>,
) -> Result<Response, Unavailable> {
    let (status, error) = match control.set_password(&session, &password).await {
        Ok(()) => (StatusCode::OK, None),
        Err(AccountError::Store(error)) => return Err(error.into()),
        Err(error) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Some(sentence(f.w, &error)),
        ),
    };
    let page = Password {
        f,
        login: session.login,
        set: error.is_none(),
        error,
    };
    Ok(page_with(status, &page))
}
