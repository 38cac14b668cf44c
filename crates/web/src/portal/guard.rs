//! The one place where the portal's requests are authorised: no session, no page but the log-in.

use super::Portal;
use crate::page::Unavailable;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use identity::{Face, Grant};

/// Whoever is logged in: her right to her book.
pub struct Owner {
    /// The right.
    pub grant: Grant,
    /// The session's secret, to ask again whether it still stands.
    pub secret: String,
}

impl FromRequestParts<Portal> for Owner {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Response> {
        let Some(secret) = portal.served.session(Face::Portal, &parts.headers) else {
            return Err(Redirect::to("/login").into_response());
        };
        match portal.control.session(Face::Portal, &secret).await {
            // Her own book first; family with several books chooses.
            Ok(session) => session
                .and_then(|s| Grant::of_session(&s, *s.subscribers.first()?))
                .map(|grant| Self { grant, secret })
                .ok_or_else(|| Redirect::to("/login").into_response()),
            Err(error) => Err(Unavailable::from(error).into_response()),
        }
    }
}
