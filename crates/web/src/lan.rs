//! The LAN's listener: desk, console and API, each authorised in its own one place; nothing of the public portal.

use crate::page::{asset, secure};
use crate::served::Served;
use crate::staff::{self, House};
use crate::{api, console, desk};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::response::Redirect;
use axum::routing::{get, post};
use control::Control;
use tower_http::csrf::CsrfLayer;

/// The most that a form may hold.
const FORM: usize = 64 * 1024;

/// Desk, console and API.
pub fn router(control: Control, served: Served) -> Router {
    let pages = Router::new()
        .merge(desk::routes())
        .merge(console::routes())
        .route("/", get(|| async { Redirect::to("/desk") }))
        .route("/welcome/{secret}", get(staff::welcome).post(staff::accept))
        .route("/language", post(staff::language))
        .route(
            "/assets/staff.css",
            get(|| {
                asset(
                    "text/css",
                    concat!(
                        include_str!("../assets/tokens.css"),
                        include_str!("../assets/staff.css")
                    ),
                )
            }),
        )
        .route(
            "/assets/connection.js",
            get(|| asset("text/javascript", include_str!("../assets/connection.js"))),
        )
        .route(
            "/assets/icons.svg",
            get(|| asset("image/svg+xml", include_str!("../assets/icons.svg"))),
        )
        .layer(DefaultBodyLimit::max(FORM))
        .layer(CsrfLayer::new())
        .layer(middleware::from_fn(secure))
        .with_state(House {
            control: control.clone(),
            served,
        });
    api::router(control).merge(pages)
}
