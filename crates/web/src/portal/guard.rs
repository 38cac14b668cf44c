//! The one place where the portal's requests are authorised: no session, no page but the log-in.

use crate::locale::Words;
use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use book::Language;
use control::Control;
use identity::{Face, Grant};

/// The session's cookie; one name a face, since ports do not keep cookies apart.
pub const SESSION: &str = "kith_portal";
/// The language that she chose.
pub const LANGUAGE: &str = "kith_language";

/// Whoever is logged in: her right to her book.
pub struct Owner(pub Grant);

impl FromRequestParts<Control> for Owner {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, control: &Control) -> Result<Self, Response> {
        let Some(secret) = cookie(parts, SESSION) else {
            return Err(Redirect::to("/login").into_response());
        };
        match control.session(Face::Portal, &secret).await {
            // Her own book first; family with several books chooses.
            Ok(session) => session
                .and_then(|s| Grant::of_session(&s, *s.subscribers.first()?))
                .map(Self)
                .ok_or_else(|| Redirect::to("/login").into_response()),
            Err(error) => Err(super::Unavailable::from(error).into_response()),
        }
    }
}

/// The language of the page: what was chosen, else what the browser asks for.
impl<S: Send + Sync> FromRequestParts<S> for Words {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let chosen = cookie(parts, LANGUAGE).and_then(|tag| Language::from_tag(&tag));
        let asked = || {
            let header = parts.headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?;
            let first = header.split(',').next()?;
            first.trim().starts_with("zh").then_some(Language::ZhHans)
        };
        Ok(Self(chosen.or_else(asked).unwrap_or(Language::En)))
    }
}

/// The value of a cookie.
pub fn cookie(parts: &Parts, name: &str) -> Option<String> {
    let mut headers = parts.headers.get_all(COOKIE).iter();
    headers.find_map(|header| {
        let mut pairs = header.to_str().ok()?.split(';');
        pairs.find_map(|pair| {
            let (key, value) = pair.trim().split_once('=')?;
            (key == name).then(|| value.to_owned())
        })
    })
}
