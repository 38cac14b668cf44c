//! What every page has around it: language, text size, the way back.

use super::Portal;
use super::guard::{BOOK, LoggedIn};
use crate::locale::Words;
use crate::page::{other, page_with, title};
use crate::served::{LANGUAGE, Served, back, cookie, words};
use askama::Template;
use axum::extract::{Form, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use book::{Language, SubscriberId, parse_subscriber_id, subscriber_id};
use serde::Deserialize;
use std::convert::Infallible;
use store::StoreError;

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
    /// The books to choose from, when there are several.
    pub books: Vec<Choice>,
}

/// One of several books that somebody may open.
pub struct Choice {
    id: SubscriberId,
    /// Whose it is.
    pub name: String,
    /// Whether this page is of it.
    pub chosen: bool,
}

impl Choice {
    /// Its id, as the API writes it.
    pub fn id(&self) -> String {
        subscriber_id(self.id)
    }
}

impl Frame {
    /// The text sizes to choose from.
    pub fn sizes(&self) -> [&'static str; 3] {
        SIZES
    }

    /// The number that owners call, as a phone dials it.
    pub fn tel(&self) -> String {
        let dialled = |c: &char| c.is_ascii_digit() || *c == '+';
        self.service.chars().filter(dialled).collect()
    }

    /// What a form's address ends with, so that it changes the book that it was drawn from.
    pub fn of(&self) -> String {
        let book = self.books.iter().find(|book| book.chosen);
        book.map_or_else(String::new, |book| format!("?book={}", book.id()))
    }

    /// The tag of the other language, for the switch.
    pub fn other(&self) -> &'static str {
        other(self.w)
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
        title(self.w, heading.as_ref().to_owned(), wrong)
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
            // Without them a page is poorer, but it is a page.
            books: books(portal, &parts.headers).await.unwrap_or_default(),
        })
    }
}

async fn books(portal: &Portal, headers: &HeaderMap) -> Result<Vec<Choice>, StoreError> {
    let mut books = Vec::new();
    let logged_in = LoggedIn::of(portal, headers).await?;
    let several = logged_in.filter(|logged_in| logged_in.session.subscribers.len() > 1);
    let Some(LoggedIn { session, book, .. }) = several else {
        return Ok(books);
    };
    for id in session.subscribers {
        let subscriber = portal.control.store().subscriber(id).await?;
        books.extend(subscriber.map(|subscriber| Choice {
            id,
            name: subscriber.name,
            chosen: id == book,
        }));
    }
    Ok(books)
}

/// Another of her books; whether she may open it is asked with every request.
pub async fn book(State(served): State<Served>, Form(chosen): Form<Chosen>) -> impl IntoResponse {
    let id = parse_subscriber_id(&chosen.book).map_or_else(String::new, subscriber_id);
    let chosen = served.choice(BOOK, &id);
    ([(header::SET_COOKIE, chosen)], Redirect::to("/"))
}

#[derive(Deserialize)]
pub struct Chosen {
    book: String,
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

/// Another text size, on the same page.
pub async fn size(
    State(served): State<Served>,
    headers: HeaderMap,
    Form(chosen): Form<Size>,
) -> impl IntoResponse {
    let size = size_of(&chosen.size).unwrap_or(SIZES[0]);
    let chosen = served.choice(SIZE, size);
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
