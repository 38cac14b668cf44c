//! What every face's pages share: drawing, security headers, assets, and the sentence when nothing can be drawn.

use crate::locale::Words;
use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use store::StoreError;

/// A page, or the sentence that it could not be drawn.
pub fn page(template: &impl askama::Template) -> Response {
    page_with(StatusCode::OK, template)
}

/// The same with another status.
pub fn page_with(status: StatusCode, template: &impl askama::Template) -> Response {
    match template.render() {
        Ok(html) => (status, axum::response::Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be drawn");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// An asset inside the binary.
pub async fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "public, max-age=3600"),
    ];
    (headers, text)
}

/// Security headers on every answer; pages are never kept by a browser or proxy.
pub async fn secure(request: Request<Body>, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (
            "content-security-policy",
            "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
        ),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let kept = headers.contains_key(header::CACHE_CONTROL);
    if !kept {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// The store could not answer: said as a page, nothing lost.
pub struct Unavailable(&'static str);

impl From<StoreError> for Unavailable {
    fn from(error: StoreError) -> Self {
        Self(match error {
            StoreError::Away { .. } => {
                "The store is away. What was saved is safe; nothing can be changed until it is back. Try again in a moment. · 存储暂时无法访问。已保存的内容都在，恢复之前不能更改，请稍后再试。"
            }
            StoreError::Unknown { .. } => {
                "The store went away while this was being saved. Look whether it is there before you repeat it. · 保存时存储中断了。请先看看是否已保存，再决定要不要重做。"
            }
            StoreError::Full { .. } => {
                "The store has no room. What was saved is safe; nothing can be changed until there is room. · 存储空间已满。已保存的内容都在，腾出空间之前不能更改。"
            }
            error => {
                tracing::error!(%error, "a page could not be answered");
                "Kith cannot answer this now. Go back and try again in a moment. · 暂时无法处理，请返回后再试。"
            }
        })
    }
}

impl IntoResponse for Unavailable {
    fn into_response(self) -> Response {
        (StatusCode::SERVICE_UNAVAILABLE, self.0).into_response()
    }
}

/// The tag of the other language, for the switch.
pub fn other(words: Words) -> &'static str {
    match words.0 {
        book::Language::En => "zh-Hans",
        book::Language::ZhHans => "en",
    }
}

/// A page's title: what went wrong comes first.
pub fn title(w: Words, heading: String, wrong: bool) -> String {
    if wrong {
        w.with("title-error", "title", heading)
    } else {
        heading
    }
}

/// Hours and minutes where the server stands.
pub fn clock(ms: i64) -> String {
    shown(ms, "%H:%M")
}

/// Day, hours, minutes and seconds where the server stands.
pub fn instant(ms: i64) -> String {
    shown(ms, "%Y-%m-%d %H:%M:%S")
}

fn shown(ms: i64, format: &str) -> String {
    // “For ever” is no time of day.
    let Some(at) = jiff::Timestamp::from_millisecond(ms).ok() else {
        return "–".to_owned();
    };
    let zone = jiff::tz::TimeZone::system();
    at.to_zoned_datetime(zone).strftime(format).to_string()
}
