//! The one place where the portal's requests are authorised: no session, no page but the log-in.

use super::{Frame, Portal, sorry};
use crate::page::Unavailable;
use crate::served::cookie;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use book::{SubscriberId, parse_subscriber_id};
use identity::{Face, Grant, Session};
use store::StoreError;

/// Whose book family with several looks at.
pub const BOOK: &str = "kith_book";

/// Whoever is logged in.
pub struct LoggedIn {
    /// Her session.
    pub session: Session,
    /// Its secret, to ask again whether it still stands.
    pub secret: String,
    /// Which of her books she looks at.
    pub book: SubscriberId,
}

impl LoggedIn {
    /// Whoever sent these headers, if she is logged in.
    pub async fn of(portal: &Portal, headers: &HeaderMap) -> Result<Option<Self>, StoreError> {
        let Some(secret) = portal.served.session(Face::Portal, headers) else {
            return Ok(None);
        };
        let session = portal.control.session(Face::Portal, &secret).await?;
        Ok(session.and_then(|session| {
            let chosen = cookie(headers, BOOK).and_then(|id| parse_subscriber_id(&id));
            let chosen = chosen.filter(|id| session.subscribers.contains(id));
            // Her own book first.
            let book = chosen.or_else(|| session.subscribers.first().copied())?;
            Some(Self {
                session,
                secret,
                book,
            })
        }))
    }
}

impl FromRequestParts<Portal> for LoggedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Response> {
        match Self::of(portal, &parts.headers).await {
            Ok(Some(logged_in)) => Ok(logged_in),
            Ok(None) => Err(Redirect::to("/login").into_response()),
            Err(error) => Err(Unavailable::from(error).into_response()),
        }
    }
}

/// Her right to the book that she looks at.
pub struct Owner {
    /// The right.
    pub grant: Grant,
    /// The session's secret, to ask again whether it still stands.
    pub secret: String,
}

impl FromRequestParts<Portal> for Owner {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Response> {
        let logged_in = LoggedIn::from_request_parts(parts, portal).await?;
        let LoggedIn {
            session,
            secret,
            book,
        } = logged_in;
        // A form that was drawn from one book never changes another, whatever was chosen in another window meanwhile.
        let named = parts.uri.query().and_then(|q| q.strip_prefix("book="));
        let same = named.and_then(parse_subscriber_id) == Some(book);
        if parts.method == Method::POST && session.subscribers.len() > 1 && !same {
            let Ok(f) = Frame::from_request_parts(parts, portal).await;
            let (heading, sentence) = (f.w.say("other-book-open"), f.w.say("other-book-hint"));
            return Err(sorry(f, StatusCode::CONFLICT, heading, sentence));
        }
        Grant::of_session(&session, book)
            .map(|grant| Self { grant, secret })
            .ok_or_else(|| Redirect::to("/login").into_response())
    }
}
