//! The HTTP API (API.md): JSON under `/api/v1`, bearer tokens with scopes, problems as RFC 9457.

mod auth;
mod body;
mod calls;
mod events;
mod friends;
mod groups;
mod health;
mod holds;
mod ids;
mod journal;
mod keyed;
mod network;
mod openapi;
mod params;
mod problem;
mod shipments;
mod subscribers;
mod tag;
mod terminals;

use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use axum::{Extension, Router};
use control::Control;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Every call of the API with its line in the document; each is authorised in `auth`.
fn calls() -> OpenApiRouter<Control> {
    OpenApiRouter::with_openapi(openapi::Document::openapi())
        .routes(routes!(subscribers::create, subscribers::find))
        .routes(routes!(
            subscribers::show,
            subscribers::change,
            subscribers::remove
        ))
        .routes(routes!(friends::list, friends::add))
        .routes(routes!(friends::show, friends::change, friends::remove))
        .routes(routes!(groups::list, groups::add))
        .routes(routes!(groups::show, groups::change, groups::remove))
        .routes(routes!(journal::list))
        .routes(routes!(journal::undo))
        .routes(routes!(holds::list))
        .routes(routes!(holds::release))
        .routes(routes!(holds::refuse))
        .routes(routes!(terminals::add))
        .routes(routes!(
            terminals::show,
            terminals::change,
            terminals::retire
        ))
        .routes(routes!(terminals::send))
        .routes(routes!(terminals::verify))
        .routes(routes!(terminals::test))
        .routes(routes!(terminals::plan))
        .routes(routes!(shipments::list))
        .routes(routes!(shipments::show))
        .routes(routes!(calls::create))
        .routes(routes!(calls::show, calls::change))
        .routes(routes!(calls::digits))
        .routes(routes!(network::table))
        .routes(routes!(network::gateways))
        .routes(routes!(events::listen))
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
}

/// The API's routes, under `/api/v1`; `/health`, `/ready` and `/metrics` there and at the root.
pub fn router(control: Control) -> Router {
    let (calls, document) = calls().split_for_parts();
    let api = calls
        .route("/openapi.json", get(openapi::show(document)))
        .fallback(|| async { problem::Problem::not_found() })
        .layer(from_fn_with_state(control.clone(), keyed::once))
        .layer(from_fn(problem::everywhere));
    Router::new()
        .nest("/api/v1", api)
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/metrics", get(health::metrics))
        .layer(Extension(health::Counts::of(&control)))
        .with_state(control)
}
