//! Who may log in: invited by a one-time link, given a new one, disabled, unlocked.

use super::Frame;
use crate::locale::Words;
use crate::page::{Unavailable, page, page_with};
use crate::staff::{Admin, House};
use askama::Template;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use control::{AccountError, Control};
use identity::{Face, Role};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "console/accounts.html")]
struct Page {
    f: Frame,
    rows: Vec<Row>,
    form: New,
    error: Option<String>,
    link: Option<String>,
}

struct Row {
    login: String,
    name: String,
    role: String,
    disabled: bool,
    no_password: bool,
    locked: bool,
    own: bool,
    /// Logs in with a password, not with a code to her telephone.
    staff: bool,
}

/// A new member of the staff.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct New {
    login: String,
    name: String,
    role: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct What {
    what: String,
}

pub async fn show(
    State(house): State<House>,
    Admin(admin): Admin,
    w: Words,
) -> Result<Response, Unavailable> {
    let drawn = Page {
        f: Frame::new(w, &admin, "accounts"),
        rows: rows(&house.control, w, &admin.login).await?,
        form: New::default(),
        error: None,
        link: None,
    };
    Ok(page(&drawn))
}

pub async fn invite(
    State(house): State<House>,
    Admin(admin): Admin,
    w: Words,
    Form(form): Form<New>,
) -> Result<Response, Unavailable> {
    let role = Role::parse(&form.role).unwrap_or(Role::Agent);
    let invited = house.control.invite(&form.login, &form.name, role).await;
    let (error, link) = match invited {
        Ok(secret) => (None, Some(format!("/welcome/{secret}"))),
        Err(AccountError::Store(error)) => return Err(error.into()),
        Err(AccountError::Taken(_)) => (Some(w.say("staff-taken")), None),
        Err(_) => (Some(w.say("staff-no-login")), None),
    };
    let status = match error {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let drawn = Page {
        f: Frame::new(w, &admin, "accounts"),
        rows: rows(&house.control, w, &admin.login).await?,
        form: if error.is_some() {
            form
        } else {
            New::default()
        },
        error,
        link,
    };
    Ok(page_with(status, &drawn))
}

/// A new link, disabling, enabling, unlocking. Nobody disables himself.
pub async fn change(
    State(house): State<House>,
    Admin(admin): Admin,
    w: Words,
    Path(login): Path<String>,
    Form(what): Form<What>,
) -> Result<Response, Unavailable> {
    let control = &house.control;
    let mut link = None;
    let done = match what.what.as_str() {
        "reset" => control.reset(&login).await.map(|secret| {
            link = Some(format!("/welcome/{secret}"));
        }),
        "disable" if login != admin.login => control.disable(&login, true).await.map(drop),
        "enable" => control.disable(&login, false).await.map(drop),
        "unlock" => control.unlock(&login).await.map_err(AccountError::from),
        _ => Ok(()),
    };
    if let Err(AccountError::Store(error)) = done {
        return Err(error.into());
    }
    if link.is_none() {
        return Ok(Redirect::to("/console/accounts").into_response());
    }
    Ok(page(&Page {
        f: Frame::new(w, &admin, "accounts"),
        rows: rows(control, w, &admin.login).await?,
        form: New::default(),
        error: None,
        link,
    }))
}

async fn rows(control: &Control, w: Words, own: &str) -> Result<Vec<Row>, Unavailable> {
    let mut rows = Vec::new();
    for account in control.accounts().await? {
        rows.push(Row {
            locked: control.locked_until(&account.login).await?.is_some(),
            own: account.login == own,
            staff: !account.role.opens(Face::Portal),
            role: w.say(&format!("role-{}", account.role.as_str())),
            no_password: account.password.is_none(),
            disabled: account.disabled,
            login: account.login,
            name: account.name,
        });
    }
    Ok(rows)
}
