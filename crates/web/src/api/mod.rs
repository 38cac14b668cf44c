//! The HTTP API (API.md): JSON under `/api/v1`, bearer tokens with scopes, problems as RFC 9457.

mod auth;
mod body;
mod calls;
mod campaigns;
mod events;
mod friends;
mod groups;
mod health;
mod holds;
mod ids;
mod journal;
mod keyed;
mod members;
mod network;
mod nodes;
mod openapi;
mod organisations;
mod params;
mod problem;
mod shipments;
mod subscribers;
mod tag;
mod terminals;

pub(crate) use auth::Local;
pub(crate) use problem::Problem;

use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use axum::{Extension, Router};
use control::Control;
use utoipa::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

/// Every call of the API with its line in the document; each is authorised in `auth`.
fn calls() -> Vec<UtoipaMethodRouter<Control>> {
    vec![
        routes!(subscribers::create, subscribers::find),
        routes!(subscribers::show, subscribers::change, subscribers::remove),
        routes!(friends::list, friends::add),
        routes!(friends::show, friends::change, friends::remove),
        routes!(groups::list, groups::add),
        routes!(groups::show, groups::change, groups::remove),
        routes!(journal::list),
        routes!(journal::undo),
        routes!(holds::list),
        routes!(holds::release),
        routes!(holds::refuse),
        routes!(terminals::list, terminals::add),
        routes!(terminals::show, terminals::change, terminals::retire),
        routes!(terminals::send),
        routes!(terminals::verify),
        routes!(terminals::test),
        routes!(terminals::plan),
        routes!(shipments::list),
        routes!(shipments::show),
        routes!(calls::create),
        routes!(calls::show, calls::change),
        routes!(calls::digits),
        routes!(organisations::list, organisations::add),
        routes!(organisations::show, organisations::change),
        routes!(organisations::groups, organisations::add_group),
        routes!(organisations::show_group, organisations::rename_group),
        routes!(organisations::friends, organisations::add_friend),
        routes!(
            organisations::show_friend,
            organisations::change_friend,
            organisations::remove_friend
        ),
        routes!(organisations::changes),
        routes!(members::list, members::add),
        routes!(members::remove),
        routes!(members::carried),
        routes!(campaigns::list),
        routes!(campaigns::show),
        routes!(campaigns::estimate),
        routes!(campaigns::start),
        routes!(campaigns::pause),
        routes!(campaigns::resume),
        routes!(campaigns::cancel),
        routes!(network::table),
        routes!(network::gateways),
        routes!(nodes::list),
        routes!(events::listen),
        routes!(health::health),
        routes!(health::ready),
        routes!(health::metrics),
    ]
}

/// The API's routes, under `/api/v1`; `/health`, `/ready` and `/metrics` there and at the root.
pub fn router(control: Control) -> Router {
    let mut api = OpenApiRouter::with_openapi(openapi::Document::openapi());
    for (schemas, paths, methods) in calls() {
        // Around each method that there is, so that a wrong one is told before its key is looked at.
        let once = from_fn_with_state(control.clone(), keyed::once);
        api = api.routes((schemas, paths, methods.route_layer(once)));
    }
    let (api, mut document) = api.split_for_parts();
    openapi::with_conditions(&mut document);
    let api = api
        .route("/openapi.json", get(openapi::show(document)))
        .fallback(|| async { problem::Problem::not_found() })
        .layer(from_fn(problem::everywhere));
    Router::new()
        .nest("/api/v1", api)
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/metrics", get(health::metrics))
        .layer(Extension(health::Counts::of(&control)))
        .with_state(control)
}
