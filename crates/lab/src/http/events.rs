//! `GET /lab/v1/events`: says that something changed; whoever listens fetches the truth again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{Stream, unfold};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use super::Lab;

pub async fn stream(
    State(lab): State<Arc<Lab>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let changes = lab.carrier.changes();
    let events = unfold(changes, |mut changes| async move {
        let event = match changes.recv().await {
            Ok(changed) => Event::default()
                .event(changed.what)
                .data(json!({"msisdn": changed.msisdn}).to_string()),
            // Too slow to hear everything: fetch it all again.
            Err(RecvError::Lagged(_)) => Event::default().event("all").data("{}"),
            Err(RecvError::Closed) => return None,
        };
        Some((Ok(event), changes))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}
