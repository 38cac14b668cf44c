//! What every page has around it: language, text size, the way back.

use super::Portal;
use crate::locale::Words;
use crate::page::{other, page_with, title};
use crate::served::{LANGUAGE, Served, back, words};
use askama::Template;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use std::convert::Infallible;

/// What a page's layout needs.
pub struct Frame {
    /// The words of its language.
    pub w: Words,
    /// The number that owners call.
    pub service: String,
}

impl Frame {
    /// The tag of the other language, for the switch.
    pub fn other(&self) -> &'static str {
        other(self.w)
    }

    /// The page's title: what went wrong comes first.
    pub fn title(&self, heading: impl AsRef<str>, wrong: bool) -> String {
        title(self.w, heading.as_ref().to_owned(), wrong)
    }
}

impl FromRequestParts<Portal> for Frame {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Infallible> {
        Ok(Self {
            w: words(&parts.headers),
            service: portal.control.settings().service_number.clone(),
        })
    }
}

/// To the other language, on the same page.
pub async fn language(
    State(served): State<Served>,
    f: Frame,
    headers: HeaderMap,
) -> impl IntoResponse {
    let chosen = served.choice(LANGUAGE, f.other());
    (
        [(header::SET_COOKIE, chosen)],
        Redirect::to(&back(&headers)),
    )
}

#[derive(Template)]
#[template(path = "sorry.html")]
struct Sorry {
    f: Frame,
    heading: String,
    sentence: String,
}

/// A page that says what was not done, and leads back.
pub fn sorry(f: Frame, status: StatusCode, heading: String, sentence: String) -> Response {
    let page = Sorry {
        f,
        heading,
        sentence,
    };
    page_with(status, &page)
}

/// There is no such page.
pub async fn lost(f: Frame) -> Response {
    let (heading, sentence) = (f.w.say("lost"), f.w.say("lost-sentence"));
    sorry(f, StatusCode::NOT_FOUND, heading, sentence)
}
