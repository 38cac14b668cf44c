//! Errors as RFC 9457 `application/problem+json`: what, where, what to do.

use axum::Json;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use book::Class;
use control::{EditError, ProvisionError};
use serde::Serialize;
use store::StoreError;
use utoipa::ToSchema;

pub use super::body::Body;

const MEDIA_TYPE: &str = "application/problem+json";
/// The most that is read of what a library said.
const SAID: usize = 4096;

/// A request that was not carried out; nothing was changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: status and title say it all.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The kind of problem, stable.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// A sentence: what, where, what to do.
    detail: String,
    /// The field to blame, as `numbers[0].number`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<String>,
    /// Both readings of an ambiguous number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    readings: Option<Vec<String>>,
    #[serde(skip)]
    retry_after: Option<u32>,
}

impl Problem {
    /// A problem with this status.
    pub fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        let soon = [
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::TOO_MANY_REQUESTS,
        ];
        Self {
            kind: "about:blank",
            title,
            status: status.as_u16(),
            detail: detail.into(),
            field: None,
            readings: None,
            retry_after: soon.contains(&status).then_some(1),
        }
    }

    /// 401.
    pub fn no_token() -> Self {
        let detail = "Send a token: Authorization: Bearer kith_…";
        Self::new(StatusCode::UNAUTHORIZED, "no or bad token", detail)
    }

    /// 403.
    pub fn forbidden(scope: &str) -> Self {
        let detail = format!("This token lacks the scope {scope}.");
        Self::new(StatusCode::FORBIDDEN, "the token may not", detail)
    }

    /// 404: not there, or not yours.
    pub fn not_found() -> Self {
        let detail = "There is no such thing here, or it is not yours.";
        Self::new(StatusCode::NOT_FOUND, "not found", detail)
    }

    /// 412: nothing was changed.
    pub fn stale() -> Self {
        let detail =
            "This was changed meanwhile: read it again and repeat the change with its new ETag.";
        Self::new(StatusCode::PRECONDITION_FAILED, "changed meanwhile", detail)
    }

    /// 422 with the field to blame.
    pub fn wrong(field: &str, detail: impl Into<String>) -> Self {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::new(status, "a value is wrong", detail).of(field)
    }

    /// Blames a field.
    pub fn of(mut self, field: &str) -> Self {
        self.field = Some(field.to_owned());
        self
    }

    /// Says when to ask again, in seconds.
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Says when to ask again, ms UTC; at the latest in an hour, for somebody may unlock what is locked.
    pub fn retry_at(self, until: i64) -> Self {
        let wait = until.saturating_sub(jiff::Timestamp::now().as_millisecond()) / 1000 + 1;
        self.retry_after(u32::try_from(wait.clamp(1, 3600)).unwrap_or(1))
    }

    /// Whether it is this kind of problem.
    pub fn is_a(&self, title: &str) -> bool {
        self.title == title
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Whatever goes wrong on the way to a handler, in a library too, is a problem with a sentence.
pub async fn everywhere(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let wrong = status.is_client_error() || status.is_server_error();
    if !wrong || kind.is_some_and(|kind| kind == MEDIA_TYPE) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let problem = match status {
        StatusCode::NOT_FOUND => Problem::not_found(),
        StatusCode::METHOD_NOT_ALLOWED => {
            let detail = "This method is not allowed here; the header Allow says which are.";
            Problem::new(status, "wrong method", detail)
        }
        _ => {
            let said = to_bytes(body, SAID).await.unwrap_or_default();
            let said = String::from_utf8_lossy(&said).into_owned();
            Problem::new(status, "the request cannot be used", format!("{said}."))
        }
    };
    let mut response = problem.into_response();
    if let Some(allow) = parts.headers.get(header::ALLOW) {
        response.headers_mut().insert(header::ALLOW, allow.clone());
    }
    response
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(store::Refused::Missing) => Self::not_found(),
            StoreError::Refused(_) => {
                let detail = sentence(&error.to_string());
                Self::new(StatusCode::CONFLICT, "conflict", detail)
            }
            StoreError::Away { .. }
            | StoreError::Unknown { .. }
            | StoreError::Full { .. }
            | StoreError::Busy { .. } => {
                let detail = sentence(&error.to_string());
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "the store is away", detail)
            }
            _ => {
                tracing::error!(%error, "a request could not be answered");
                let detail = "Kith cannot answer this now. Try again in a moment.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
            }
        }
    }
}

impl From<EditError> for Problem {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Refused(refusal) => {
                let status = match refusal.class() {
                    Class::Invalid | Class::Ambiguous => StatusCode::UNPROCESSABLE_ENTITY,
                    Class::Conflict => StatusCode::CONFLICT,
                    Class::NotFound => StatusCode::NOT_FOUND,
                };
                let mut problem = Self::new(status, refusal.key(), sentence(&refusal.to_string()));
                // Of what is not there, no field is wrong.
                problem.field = refusal.field().filter(|_| status != StatusCode::NOT_FOUND);
                problem.readings = refusal
                    .readings()
                    .map(|(a, b)| vec![a.typed.clone(), b.typed.clone()]);
                problem
            }
            EditError::Stale => Self::stale(),
            EditError::Repeated => {
                let detail = sentence(&error.to_string());
                Self::new(StatusCode::CONFLICT, "request repeated", detail)
            }
            EditError::Forbidden => Self::forbidden("books:write"),
            EditError::NotFound => Self::not_found(),
            EditError::Store(error) => error.into(),
        }
    }
}

impl From<ProvisionError> for Problem {
    fn from(error: ProvisionError) -> Self {
        match error {
            ProvisionError::Wrong {
                field,
                sentence: said,
            } => Self::wrong(field, sentence(&said)),
            ProvisionError::Taken(said) => {
                Self::new(StatusCode::CONFLICT, "taken", sentence(&said))
            }
            ProvisionError::NotFound => Self::not_found(),
            ProvisionError::Stale => Self::stale(),
            ProvisionError::Store(error) => error.into(),
        }
    }
}

/// Begins with a capital and ends with a full stop.
pub fn sentence(said: &str) -> String {
    let mut letters = said.chars();
    let first = letters.next().map(|letter| letter.to_uppercase());
    let mut text: String = first.into_iter().flatten().chain(letters).collect();
    if !text.ends_with(['.', '?', '!']) {
        text.push('.');
    }
    text
}
