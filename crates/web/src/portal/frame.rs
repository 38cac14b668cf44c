//! What every page has around it: language, text size, the way back.

use super::guard::cookie;
use super::{Portal, Settings};
use crate::locale::Words;
use askama::Template;
use axum::extract::{Form, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use book::Language;
use serde::Deserialize;
use std::convert::Infallible;

/// The language that she chose.
const LANGUAGE: &str = "kith_language";
/// The size of the text that she chose.
const SIZE: &str = "kith_size";
/// In hundredths of the browser's own; the first is the default.
const SIZES: [&str; 3] = ["100", "125", "150"];

/// What a page's layout needs.
pub struct Frame {
    /// The words of its language.
    pub w: Words,
    /// The number that owners call.
    pub service: String,
    /// One of [`SIZES`].
    pub size: &'static str,
}

impl Frame {
    /// The text sizes to choose from.
    pub fn sizes(&self) -> [&'static str; 3] {
        SIZES
    }

    /// The tag of the other language, for the switch.
    pub fn other(&self) -> &'static str {
        match self.w.0 {
            Language::En => Language::ZhHans.tag(),
            Language::ZhHans => Language::En.tag(),
        }
    }

    /// The tag of the language that a name is written in, for voices and fonts.
    pub fn lang_of(&self, text: &str) -> &'static str {
        let han = |c: char| matches!(c, '\u{3400}'..='\u{9FFF}' | '\u{20000}'..='\u{3FFFF}');
        if text.chars().any(han) {
            Language::ZhHans.tag()
        } else if text.chars().any(char::is_alphabetic) {
            Language::En.tag()
        } else {
            self.w.0.tag()
        }
    }

    /// The page's title: what went wrong comes first.
    pub fn title(&self, heading: impl AsRef<str>, wrong: bool) -> String {
        let heading = heading.as_ref().to_owned();
        if wrong {
            self.w.with("title-error", "title", heading)
        } else {
            heading
        }
    }
}

impl FromRequestParts<Portal> for Frame {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Infallible> {
        Ok(Self {
            w: words(&parts.headers),
            service: portal.control.settings().service_number.clone(),
            size: cookie(&parts.headers, SIZE)
                .and_then(|size| size_of(&size))
                .unwrap_or(SIZES[0]),
        })
    }
}

/// The language of the page: what was chosen, else what the browser asks for.
fn words(headers: &HeaderMap) -> Words {
    let chosen = cookie(headers, LANGUAGE).and_then(|tag| Language::from_tag(&tag));
    let asked = || {
        let header = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
        let first = header.split(',').next()?;
        first.trim().starts_with("zh").then_some(Language::ZhHans)
    };
    Words(chosen.or_else(asked).unwrap_or(Language::En))
}

/// To the other language, on the same page.
pub async fn language(
    State(settings): State<Settings>,
    f: Frame,
    headers: HeaderMap,
) -> impl IntoResponse {
    let chosen = choice(settings, LANGUAGE, f.other());
    (
        [(header::SET_COOKIE, chosen)],
        Redirect::to(&back(&headers)),
    )
}

/// Another text size, on the same page.
pub async fn size(
    State(settings): State<Settings>,
    headers: HeaderMap,
    Form(chosen): Form<Size>,
) -> impl IntoResponse {
    let size = size_of(&chosen.size).unwrap_or(SIZES[0]);
    let chosen = choice(settings, SIZE, size);
    (
        [(header::SET_COOKIE, chosen)],
        Redirect::to(&back(&headers)),
    )
}

#[derive(Deserialize)]
pub struct Size {
    size: String,
}

fn size_of(chosen: &str) -> Option<&'static str> {
    SIZES.into_iter().find(|size| *size == chosen)
}

/// A cookie that keeps for a year what she likes.
fn choice(settings: Settings, name: &str, value: &str) -> String {
    let secure = if settings.secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; SameSite=Lax; Max-Age=31536000{secure}")
}

/// Where she was, but only within this site: browsers read `//` and `/\` as another host.
fn back(headers: &HeaderMap) -> String {
    let referer = headers.get(header::REFERER).and_then(|v| v.to_str().ok());
    let path = referer
        .and_then(|referer| referer.parse::<Uri>().ok())
        .and_then(|uri| Some(uri.path_and_query()?.as_str().to_owned()))
        .filter(|path| path.starts_with('/') && !path.starts_with("//") && !path.contains('\\'));
    path.unwrap_or_else(|| "/".to_owned())
}

/// A page, or the sentence that it could not be drawn.
pub fn page(template: &impl Template) -> Response {
    page_with(StatusCode::OK, template)
}

/// A page with another status.
pub fn page_with(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be drawn");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_stays_within_the_site() {
        let rows = [
            ("http://127.0.0.1:8903/people/new", "/people/new"),
            ("https://kith.example/?q=mei", "/?q=mei"),
            ("https://kith.example", "/"),
            ("https://kith.example//other.example/", "/"),
            ("https://kith.example/\\other.example", "/"),
            ("https://kith.example/\t/other.example", "/"),
            ("//other.example/", "/"),
            ("javascript:alert(1)", "/"),
            ("", "/"),
        ];
        for (referer, expected) in rows {
            let mut headers = HeaderMap::new();
            headers.insert(header::REFERER, referer.parse().unwrap());
            assert_eq!(back(&headers), expected, "{referer}");
        }
        assert_eq!(back(&HeaderMap::new()), "/");
    }
}
