//! Family: who may open this book beside its owner.

use super::{Frame, Owner, Unavailable, page_with, refused};
use crate::locale::Words;
use askama::Template;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use control::{AccountError, Control, EditError};
use identity::{Account, Grant};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "family.html")]
struct Family {
    f: Frame,
    heading: String,
    family: Vec<Account>,
    /// What was typed.
    typed: Typed,
    error: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Typed {
    name: String,
    number: String,
}

#[derive(Deserialize)]
pub struct Gone {
    login: String,
}

pub async fn show(
    State(control): State<Control>,
    Owner { grant, .. }: Owner,
    f: Frame,
) -> Result<Response, Unavailable> {
    draw(&control, &grant, f, Typed::default(), None).await
}

pub async fn add(
    State(control): State<Control>,
    Owner { grant, .. }: Owner,
    f: Frame,
    Form(typed): Form<Typed>,
) -> Result<Response, Unavailable> {
    let owner = control.store().subscriber(grant.subscriber()).await?;
    let number = control.normal_number(&typed.number);
    if number.is_some() && number == owner.map(|owner| owner.msisdn) {
        let error = f.w.say("family-owner");
        return draw(&control, &grant, f, typed, Some(error)).await;
    }
    let added = control.add_guardian(&grant, &typed.name, &typed.number, f.w.0);
    match added.await {
        Ok(_) => Ok(Redirect::to("/family").into_response()),
        Err(AccountError::Store(error)) => Err(error.into()),
        Err(error) => {
            let error = sentence(f.w, &error);
            draw(&control, &grant, f, typed, Some(error)).await
        }
    }
}

pub async fn remove(
    State(control): State<Control>,
    Owner { grant, .. }: Owner,
    f: Frame,
    Form(Gone { login }): Form<Gone>,
) -> Result<Response, Unavailable> {
    // Her sessions end: only those of this family are this family's to end.
    let family = control.family(grant.subscriber()).await?;
    if !family.iter().any(|account| account.login == login) {
        return refused(f, "lost", EditError::NotFound);
    }
    match control.remove_guardian(&grant, &login).await {
        Ok(()) => Ok(Redirect::to("/family").into_response()),
        Err(AccountError::Store(error)) => Err(error.into()),
        Err(_) => refused(f, "delete-refused", EditError::Forbidden),
    }
}

/// Why an account was not changed, to its owner and family.
pub fn sentence(w: Words, error: &AccountError) -> String {
    match error {
        AccountError::Name => w.say("family-no-name"),
        AccountError::Number(_) => w.say("family-no-number"),
        AccountError::Password(error) => w.password_error(error),
        AccountError::Forbidden => w.say("edit-forbidden"),
        AccountError::Missing(_) => w.say("edit-not-found"),
        // Staff logins and links are not chosen here.
        AccountError::Login(_)
        | AccountError::Taken(_)
        | AccountError::Used
        | AccountError::Store(_) => w.say("edit-unavailable"),
    }
}

async fn draw(
    control: &Control,
    grant: &Grant,
    f: Frame,
    typed: Typed,
    error: Option<String>,
) -> Result<Response, Unavailable> {
    let id = grant.subscriber();
    let Some(owner) = control.store().subscriber(id).await? else {
        return refused(f, "lost", EditError::NotFound);
    };
    let mut family = control.family(id).await?;
    // The owner's own account is no family of hers.
    family.retain(|account| account.login != owner.msisdn);
    let status = match error {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let page = Family {
        heading: f.w.with("family-of", "name", owner.name),
        family,
        typed,
        error,
        f,
    };
    Ok(page_with(status, &page))
}
