//! The HTTP API (API.md): JSON under `/api/v1`, bearer tokens with scopes, problems as RFC 9457.

mod auth;
mod books;
mod calls;
mod groups;
mod ids;
mod network;
mod problem;
mod shipments;
mod subscribers;
mod terminals;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use control::Control;

/// The most that a request's body may hold.
const BODY: usize = 64 * 1024;

/// Every route of the API, each authorised in `auth`.
pub fn router(control: Control) -> Router {
    let books = "/subscribers/{s}";
    let api = Router::new()
        .route(
            "/subscribers",
            post(subscribers::create).get(subscribers::find),
        )
        .route(books, get(subscribers::show))
        .route(&format!("{books}/terminals"), post(terminals::add))
        .route(
            &format!("{books}/friends"),
            get(books::friends).post(books::add_friend),
        )
        .route(
            &format!("{books}/friends/{{f}}"),
            get(books::friend)
                .patch(books::change_friend)
                .delete(books::remove_friend),
        )
        .route(&format!("{books}/changes"), get(books::changes))
        .route(&format!("{books}/changes/{{c}}/undo"), post(books::undo))
        .route(
            "/terminals/{t}",
            get(terminals::show).delete(terminals::retire),
        )
        .route("/terminals/{t}/send", post(terminals::send))
        .route("/terminals/{t}/verify", post(terminals::verify))
        .route("/terminals/{t}/test", post(terminals::test))
        .route("/terminals/{t}/plan", post(terminals::plan))
        .route(
            &format!("{books}/groups"),
            get(groups::list).post(groups::add),
        )
        .route(
            &format!("{books}/groups/{{g}}"),
            get(groups::show)
                .patch(groups::change)
                .delete(groups::remove),
        )
        .route("/shipments", get(shipments::list))
        .route("/shipments/{p}", get(shipments::show))
        .route("/holds", get(books::holds))
        .route("/holds/{h}/release", post(books::release))
        .route("/holds/{h}/refuse", post(books::refuse))
        .route("/calls", post(calls::create))
        .route("/calls/{c}", get(calls::show).patch(calls::change))
        .route("/calls/{c}/digits", post(calls::digits))
        .route("/network", get(network::table))
        .route("/gateways", get(network::gateways))
        .fallback(|| async { problem::Problem::not_found() })
        .layer(DefaultBodyLimit::max(BODY));
    Router::new()
        .nest("/api/v1", api)
        .route("/health", get(|| async { "ok" }))
        .with_state(control)
}
