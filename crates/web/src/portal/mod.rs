//! The portal (用户登录管理模块): the owner logs in and keeps her book. Every form works without script.

mod edit;
mod editor;
mod family;
mod frame;
mod groups;
mod guard;
mod history;
mod import;
mod list;
mod live;
mod login;
mod password;
mod person;
mod phone;
mod rows;

use crate::page::{Unavailable, asset, page, page_with, secure};
use crate::served::Served;
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::http::StatusCode;
use axum::middleware;
use axum::response::{Redirect, Response};
use axum::routing::{get, post};
use control::{Control, EditError};
use frame::{Frame, lost, sorry};
use guard::Owner;
use tower_http::csrf::CsrfLayer;

/// The most that a form may hold: a group with everybody of a full book in it.
const FORM: usize = 512 * 1024;

#[derive(Clone)]
struct Portal {
    control: Control,
    served: Served,
}

impl FromRef<Portal> for Control {
    fn from_ref(portal: &Portal) -> Self {
        portal.control.clone()
    }
}

impl FromRef<Portal> for Served {
    fn from_ref(portal: &Portal) -> Self {
        portal.served
    }
}

/// Every page of the portal; who may see it is decided in `guard`.
pub fn router(control: Control, served: Served) -> Router {
    Router::new()
        .route("/", get(list::show))
        .route("/live", get(live::listen))
        .route("/login", get(login::ask).post(login::send))
        .route("/login/code", post(login::enter))
        .route("/login/password", post(login::with_password))
        .route("/logout", post(login::leave))
        .route("/language", post(frame::language))
        .route("/size", post(frame::size))
        .route("/book", post(frame::book))
        .route("/phone", get(phone::show))
        .route("/people/new", get(edit::blank).post(edit::add))
        .route("/people/{f}", get(edit::show).post(edit::change))
        .route("/people/new/preview", post(edit::preview))
        .route("/people/{f}/preview", post(edit::preview))
        .route("/people/{f}/delete", post(edit::remove))
        .route("/groups", get(groups::show).post(groups::add))
        .route("/groups/{g}", get(groups::open).post(groups::change))
        .route("/groups/{g}/delete", post(groups::remove))
        .route(
            "/import",
            get(import::show)
                .post(import::bring)
                .layer(DefaultBodyLimit::max(import::FILE)),
        )
        .route("/export.vcf", get(import::take))
        .route("/family", get(family::show).post(family::add))
        .route("/family/remove", post(family::remove))
        .route("/password", get(password::ask).post(password::set))
        .route("/history", get(history::show))
        .route("/undo/{revision}", post(history::undo))
        .route(
            "/assets/kith.css",
            get(|| {
                asset(
                    "text/css",
                    concat!(
                        include_str!("../../assets/tokens.css"),
                        include_str!("../../assets/kith.css")
                    ),
                )
            }),
        )
        .route(
            "/assets/live.js",
            get(|| asset("text/javascript", include_str!("../../assets/live.js"))),
        )
        .route(
            "/assets/connection.js",
            get(|| {
                asset(
                    "text/javascript",
                    include_str!("../../assets/connection.js"),
                )
            }),
        )
        .route(
            "/assets/icons.svg",
            get(|| asset("image/svg+xml", include_str!("../../assets/icons.svg"))),
        )
        .route(
            "/assets/icon.svg",
            get(|| asset("image/svg+xml", include_str!("../../assets/icon.svg"))),
        )
        .route("/health", get(|| async { "ok" }))
        .fallback(lost)
        // The address of a form that was refused is not a page: the list is.
        .method_not_allowed_fallback(|| async { Redirect::to("/") })
        .layer(DefaultBodyLimit::max(FORM))
        .layer(CsrfLayer::new())
        .layer(middleware::from_fn(secure))
        .with_state(Portal { control, served })
}

/// What was committed, or the page that says why not.
fn refused(f: Frame, heading: &str, error: EditError) -> Result<Response, Unavailable> {
    let status = match error {
        EditError::Store(error) => return Err(error.into()),
        EditError::NotFound => StatusCode::NOT_FOUND,
        EditError::Forbidden => StatusCode::FORBIDDEN,
        _ => StatusCode::CONFLICT,
    };
    let (heading, sentence) = (f.w.say(heading), f.w.edit_error(&error));
    Ok(sorry(f, status, heading, sentence))
}
