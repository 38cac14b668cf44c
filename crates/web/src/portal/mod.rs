//! The portal (用户登录管理模块): the owner logs in and keeps her book. Every form works without script.

mod edit;
mod guard;
mod history;
mod list;
mod login;

use crate::locale::Words;
use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use control::Control;
use tower_http::csrf::CsrfLayer;

/// The most that a form may hold.
const FORM: usize = 64 * 1024;

/// Every page of the portal; who may see it is decided in `guard`.
pub fn router(control: Control) -> Router {
    Router::new()
        .route("/", get(list::show))
        .route("/live", get(list::live))
        .route("/login", get(login::ask).post(login::send))
        .route("/login/code", post(login::enter))
        .route("/logout", post(login::leave))
        .route("/language", post(login::language))
        .route("/people/new", get(edit::blank).post(edit::add))
        .route("/people/{f}", get(edit::show).post(edit::change))
        .route("/people/{f}/delete", post(edit::remove))
        .route("/history", get(history::show))
        .route("/undo/{revision}", post(history::undo))
        .route(
            "/assets/kith.css",
            get(|| asset("text/css", include_str!("../../assets/kith.css"))),
        )
        .route(
            "/assets/live.js",
            get(|| asset("text/javascript", include_str!("../../assets/live.js"))),
        )
        .route(
            "/assets/icons.svg",
            get(|| asset("image/svg+xml", include_str!("../../assets/icons.svg"))),
        )
        .route("/health", get(|| async { "ok" }))
        .layer(DefaultBodyLimit::max(FORM))
        .layer(CsrfLayer::new())
        .layer(middleware::from_fn(secure))
        .with_state(control)
}

async fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "public, max-age=3600"),
    ];
    (headers, text)
}

async fn secure(request: Request<Body>, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (
            "content-security-policy",
            "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
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

/// A page, or the sentence that it could not be drawn.
fn page(template: &impl askama::Template) -> Response {
    page_with(StatusCode::OK, template)
}

fn page_with(status: StatusCode, template: &impl askama::Template) -> Response {
    match template.render() {
        Ok(html) => (status, axum::response::Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be drawn");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The store could not answer: said as a page, nothing lost.
struct Unavailable;

impl From<store::StoreError> for Unavailable {
    fn from(error: store::StoreError) -> Self {
        tracing::error!(%error, "a page could not be answered");
        Self
    }
}

impl IntoResponse for Unavailable {
    fn into_response(self) -> Response {
        let text = "Kith cannot answer this now. Go back and try again in a moment. · 暂时无法处理，请返回后再试。";
        (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
    }
}

/// The tag of the other language, for the switch.
fn other(words: Words) -> &'static str {
    match words.0 {
        book::Language::En => "zh-Hans",
        book::Language::ZhHans => "en",
    }
}
