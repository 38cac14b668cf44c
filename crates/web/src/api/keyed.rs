//! Writes: a body of at most 64 KiB; with an `Idempotency-Key` each is carried out once, and the same key and body gives
//! the first answer again (API.md, “Conventions”).

use super::auth::Caller;
use super::problem::Problem;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use control::{Answer, Asked, Control, Reservation};
use std::time::Duration;
use store::StoreError;

/// The most that a request's body may hold.
const BODY: usize = 64 * 1024;
const HEADER: &str = "idempotency-key";
/// The longest key.
const KEY: usize = 255;
/// Between two tries to keep an answer.
const AGAIN: Duration = Duration::from_secs(1);

/// The request's own id, for the journal.
#[derive(Clone)]
pub struct RequestId(pub String);

/// The middleware around every call.
pub async fn once(
    State(control): State<Control>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if request.method().is_safe() {
        return Ok(next.run(request).await);
    }
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, BODY).await.map_err(|_| {
        let detail = "The body is larger than 64 KiB, or broke off.";
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too large", detail)
    })?;
    let Some(key) = parts.headers.get(HEADER) else {
        return carry_out(next, Request::from_parts(parts, Body::from(body))).await;
    };
    let key = key.to_str().unwrap_or_default().to_owned();
    let visible = key.bytes().all(|octet| octet.is_ascii_graphic());
    if !visible || !(1..=KEY).contains(&key.len()) {
        let detail = "An Idempotency-Key has 1 to 255 visible ASCII characters.";
        return Err(Problem::wrong("Idempotency-Key", detail));
    }
    let caller = Caller::from_request_parts(&mut parts, &control).await?;
    let what = format!("{} {}", parts.method, parts.uri);
    let request = [what.as_bytes(), &body];
    match control.reserve(caller.token(), &key, &request).await? {
        Asked::First(reservation) => {
            parts.extensions.insert(RequestId(reservation.request()));
            let request = Request::from_parts(parts, Body::from(body));
            first(control, reservation, next, request).await
        }
        Asked::Again(answer) => Ok(again(answer)),
        Asked::Running => {
            let detail =
                "A request with this Idempotency-Key is being carried out: ask again in a moment.";
            let problem = Problem::new(StatusCode::CONFLICT, "being carried out", detail);
            Err(problem.retry_after(1))
        }
        Asked::Other => {
            let detail = "This Idempotency-Key came with another request before: use a new one.";
            Err(Problem::wrong("Idempotency-Key", detail))
        }
    }
}

/// Carries a write out to its end, though its caller may hang up.
async fn carry_out(next: Next, request: Request) -> Result<Response, Problem> {
    tokio::spawn(next.run(request)).await.map_err(mistake)
}

/// The first answer is kept before it is given.
async fn first(
    control: Control,
    reservation: Reservation,
    next: Next,
    request: Request,
) -> Result<Response, Problem> {
    let kept = async move {
        let response = carry_out(next, request).await;
        let (parts, body) = response.into_response().into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
        // Kith at fault: it may be asked for again.
        let answer = (!parts.status.is_server_error()).then(|| Answer {
            status: parts.status.as_u16(),
            headers: headers(&parts.headers),
            body: String::from_utf8_lossy(&body).into_owned(),
        });
        if let Err(error) = settle(&control, &reservation, &answer).await {
            tracing::error!(%error, "an answer could not be kept for its Idempotency-Key; it is tried again");
            // A key in the hand of nobody would be “being carried out” for a day.
            tokio::spawn(async move {
                while settle(&control, &reservation, &answer).await.is_err() {
                    tokio::time::sleep(AGAIN).await;
                }
            });
        }
        Response::from_parts(parts, Body::from(body))
    };
    tokio::spawn(kept).await.map_err(mistake)
}

async fn settle(
    control: &Control,
    of: &Reservation,
    answer: &Option<Answer>,
) -> Result<(), StoreError> {
    match answer {
        Some(answer) => control.keep_answer(of.clone(), answer.clone()).await,
        None => control.leave(of.clone()).await,
    }
}

fn headers(of: &HeaderMap) -> Vec<(String, String)> {
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        Some((name.to_string(), value.to_str().ok()?.to_owned()))
    };
    of.iter().filter_map(text).collect()
}

fn mistake(error: tokio::task::JoinError) -> Problem {
    tracing::error!(%error, "a request was not carried out to its end");
    let detail = "Kith made a mistake; it is in its log. Look whether the change was made.";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "a mistake", detail)
}

fn again(answer: Answer) -> Response {
    let mut response = Bytes::from(answer.body).into_response();
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    headers.clear();
    for (name, value) in answer.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value)) {
            headers.append(name, value);
        }
    }
    response
}
