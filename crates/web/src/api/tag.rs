//! Strong entity tags, and the conditions of a write (RFC 9110 §8.8.3, §13.1.1).

use super::keyed::RequestId;
use super::problem::Problem;
use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use book::{Book, Edit, Revision};
use control::{Control, EditError, EditOptions, Edited};
use identity::{Grant, digest};
use serde::Serialize;
use std::convert::Infallible;

/// How often an edit is tried again when another part of the book changes at the same moment.
const ATTEMPTS: u32 = 8;

/// The tag of a resource as it is shown: equal octets, equal tag.
pub fn tag(view: &impl Serialize) -> String {
    let json = serde_json::to_string(view).unwrap_or_default();
    let digest = digest(&json);
    format!("\"{}\"", digest.get(..32).unwrap_or(&digest))
}

/// A single resource with its tag.
pub struct Tagged<T>(pub StatusCode, pub T);

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let tag = [(header::ETAG, tag(&self.1))];
        (self.0, tag, Json(self.1)).into_response()
    }
}

/// What a write demands beside its body.
pub struct Conditions {
    request: Option<String>,
    /// The tags of `If-Match`; none when there is no such header.
    tags: Option<Vec<String>>,
}

impl<S: Send + Sync> FromRequestParts<S> for Conditions {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let request = parts.extensions.get::<RequestId>();
        Ok(Self {
            request: request.map(|id| id.0.clone()),
            tags: tags(&parts.headers),
        })
    }
}

/// Our tags hold neither commas nor quotes, so what is split too often equals none of them. A weak tag never does.
fn tags(headers: &HeaderMap) -> Option<Vec<String>> {
    let mut lines = headers.get_all(header::IF_MATCH).iter().peekable();
    lines.peek()?;
    let texts = lines.map(|line| line.to_str().unwrap_or_default());
    let tags = texts.flat_map(|text| text.split(','));
    Some(tags.map(|tag| tag.trim().to_owned()).collect())
}

impl Conditions {
    /// Whether the resource is as the caller saw it.
    pub fn met(&self, view: &impl Serialize) -> bool {
        let Some(tags) = &self.tags else {
            return true;
        };
        let there = tag(view);
        tags.iter().any(|tag| tag == "*" || *tag == there)
    }

    /// The request's own id.
    pub fn request(&self) -> Option<&str> {
        self.request.as_deref()
    }

    /// For an edit of the book.
    pub fn options(&self, if_revision: Option<Revision>) -> EditOptions {
        EditOptions {
            request: self.request.clone(),
            if_revision,
        }
    }

    /// Makes an edit if the resource that `see` shows is as the caller saw it, at one and the same revision of the book.
    pub async fn edit<T: Serialize>(
        &self,
        control: &Control,
        grant: &Grant,
        edit: Edit,
        see: impl Fn(&Book) -> Option<T>,
    ) -> Result<Edited, Problem> {
        // What was carried out before Kith was stopped is not made again, whatever the tag is now.
        let done = match &self.request {
            Some(request) => control.is_done(grant.subscriber(), request).await?,
            None => false,
        };
        if done || self.tags.is_none() {
            return Ok(control.edit(grant, edit, self.options(None)).await?);
        }
        for _ in 0..ATTEMPTS {
            let book = control.store().book(grant.subscriber()).await?;
            let book = book.ok_or_else(Problem::not_found)?;
            if !self.met(&see(&book).ok_or_else(Problem::not_found)?) {
                return Err(Problem::stale());
            }
            let options = self.options(Some(book.revision));
            match control.edit(grant, edit.clone(), options).await {
                Err(EditError::Stale) => {}
                done => return Ok(done?),
            }
        }
        Err(Problem::stale())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[track_caller]
    fn check(lines: &[&str], right: bool) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::IF_MATCH, HeaderValue::from_str(line).unwrap());
        }
        let conditions = Conditions {
            request: None,
            tags: tags(&headers),
        };
        assert_eq!(conditions.met(&"it"), right, "{lines:?}");
    }

    #[test]
    fn a_list_of_tags_a_star_and_nothing_weak() {
        let it = tag(&"it");
        check(&[], true);
        check(&["*"], true);
        check(&[&it], true);
        check(&[&format!("\"a,b\", {it}")], true);
        check(&["\"x\"", &it], true);
        check(&[&format!("W/{it}")], false);
        check(&[it.trim_matches('"')], false);
        check(&["\"x\", \"y\""], false);
        check(&[""], false);
    }
}
