//! The console: the administrator's pages. Jargon is allowed; calm stays.

mod accounts;
mod audit;
mod campaigns;
mod holds;
mod needs;
mod network;
mod nodes;
mod organisations;
mod overview;
mod phone;
mod phones;
mod shipments;

use crate::locale::Words;
use crate::page::other;
use crate::staff::{self, Admin, House};
use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::{get, post};
use futures_util::stream;
use identity::{Face, Session};
use std::convert::Infallible;
use std::time::Duration;

/// The console's pages, under `/console`; who may see them is decided in `staff`.
pub fn routes() -> Router<House> {
    Router::new()
        .route("/console", get(overview::show))
        .route("/console/live", get(live))
        .merge(staff::door(Face::Console))
        .route("/console/phones", get(phones::show))
        .route("/console/phones/{t}", get(phone::show))
        .route("/console/phones/{t}/send", post(phone::send))
        .route("/console/phones/{t}/retire", post(phone::retire))
        .route("/console/shipments", get(shipments::show))
        .route("/console/campaigns", get(campaigns::list))
        .route(
            "/console/campaigns/{m}",
            get(campaigns::show).post(campaigns::step),
        )
        .route(
            "/console/organisations",
            post(organisations::add_organisation),
        )
        .route(
            "/console/organisations/{o}",
            get(organisations::show_organisation).post(organisations::change_organisation),
        )
        .route(
            "/console/shared/{q}",
            get(organisations::show_group).post(organisations::change_group),
        )
        .route("/console/shared/{q}/members", post(organisations::members))
        .route("/console/holds", get(holds::show))
        .route("/console/holds/{h}", post(holds::decide))
        .route(
            "/console/accounts",
            get(accounts::show).post(accounts::invite),
        )
        .route("/console/accounts/{login}", post(accounts::change))
        .route("/console/audit", get(audit::show))
}

/// What every page of the console has around it.
pub struct Frame {
    /// The words.
    pub w: Words,
    /// The other language's tag.
    pub other: &'static str,
    /// Who is logged in.
    pub admin: String,
    /// Which tab.
    pub tab: &'static str,
    /// The title.
    pub title: String,
}

impl Frame {
    fn new(w: Words, admin: &Session, tab: &'static str) -> Self {
        Self {
            w,
            other: other(w),
            admin: admin.name.clone(),
            tab,
            title: w.say(&format!("console-{tab}")),
        }
    }

    /// The tabs: address and key.
    pub fn tabs(&self) -> [(&'static str, &'static str); 7] {
        [
            ("/console", "overview"),
            ("/console/phones", "phones"),
            ("/console/shipments", "shipments"),
            ("/console/campaigns", "campaigns"),
            ("/console/holds", "holds"),
            ("/console/accounts", "accounts"),
            ("/console/audit", "audit"),
        ]
    }
}

/// A number of things, for a message's argument.
fn count<T: TryInto<i64>>(n: T) -> i64 {
    n.try_into().unwrap_or(i64::MAX)
}

/// Tells the page that something changed, at most twice a second; the page fetches the truth.
async fn live(State(house): State<House>, Admin(_): Admin) -> impl IntoResponse {
    let events = house.control.subscribe();
    let stream = stream::unfold(events, |mut events| async move {
        if let Err(tokio::sync::broadcast::error::RecvError::Closed) = events.recv().await {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let events = events.resubscribe();
        Some((
            Ok::<_, Infallible>(Event::default().data("changed")),
            events,
        ))
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}
