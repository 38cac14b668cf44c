//! `GET /events`: what happens, as it happens, each event only for a token with the scope it needs. Ids name the process,
//! too: whoever comes with one of an earlier process, or was away too long, is told that he missed something.

use super::auth::Caller;
use super::ids;
use super::openapi::Reads;
use super::problem::Problem;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event as Message, KeepAlive};
use book::{change_id, subscriber_id};
use control::{Control, Emitted, Event};
use futures_util::stream::{Stream, unfold};
use identity::Scope;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// How often something is said when nothing happens, so that a dead connection is noticed.
const ALIVE: Duration = Duration::from_secs(15);

/// Events: `change`, `shipment`, `terminal`, `gateway`, `campaign`, `call`, each with the resource's id and new state, as server-sent
/// events; `missed` says that some were not kept, and everything must be read again.
#[utoipa::path(get, path = "/events", tag = "network", operation_id = "listen",
    params(("Last-Event-ID" = Option<String>, Header, description = "Go on after this event.")),
    responses((status = 200, content_type = "text/event-stream", body = String), Reads))]
pub async fn listen(
    State(control): State<Control>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Message, Infallible>>>, Problem> {
    let any = [
        Scope::BooksRead,
        Scope::Network,
        Scope::Organisations,
        Scope::Calls,
    ];
    if !any.iter().any(|s| caller.may(*s)) {
        return Err(Problem::forbidden(Scope::BooksRead.as_str()));
    }
    let last = headers.get("last-event-id");
    let last = last
        .and_then(|id| id.to_str().ok())
        .map(|id| read_id(&control, id));
    // Listening begins before what was missed is looked up, so that nothing falls between.
    let live = control.subscribe();
    let mut listener = Listener {
        waiting: VecDeque::new(),
        missed: false,
        last: 0,
        live,
        control,
        caller,
    };
    listener.resume(last);
    let events = unfold(listener, |mut listener| async move {
        let message = listener.next().await?;
        Some((Ok(message), listener))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE)))
}

/// Somebody who listens.
struct Listener {
    waiting: VecDeque<Arc<Emitted>>,
    missed: bool,
    /// The last event that was told.
    last: u64,
    live: Receiver<Arc<Emitted>>,
    control: Control,
    caller: Caller,
}

impl Listener {
    /// Goes on after `last`: none begins now, an id of another process has missed everything.
    fn resume(&mut self, last: Option<Option<u64>>) {
        let Some(known) = last else { return };
        let kept = self.control.emitted_since(known.unwrap_or(0));
        let first = kept.first().map(|event| event.id);
        self.missed = match (known, first) {
            (None, _) => true,
            (Some(last), Some(first)) => first > last + 1,
            (Some(_), None) => false,
        };
        self.waiting = kept.into();
    }

    async fn next(&mut self) -> Option<Message> {
        loop {
            if std::mem::take(&mut self.missed) {
                return Some(Message::default().event("missed").data("{}"));
            }
            let emitted = match self.waiting.pop_front() {
                Some(emitted) => emitted,
                None => match self.live.recv().await {
                    Ok(emitted) => emitted,
                    Err(RecvError::Lagged(_)) => {
                        self.missed = true;
                        continue;
                    }
                    Err(RecvError::Closed) => return None,
                },
            };
            if emitted.id <= self.last {
                continue;
            }
            self.last = emitted.id;
            if let Some((name, data)) = self.told(&emitted.event).await {
                let id = format!("{:x}-{}", self.control.process(), emitted.id);
                let message = Message::default().event(name).id(id);
                return Some(message.data(data.to_string()));
            }
        }
    }

    /// The event as this caller may hear it.
    async fn told(&self, event: &Event) -> Option<(&'static str, Value)> {
        match event {
            Event::Change {
                subscriber,
                revision,
            } => {
                self.caller.reads(*subscriber).ok()?;
                let data = json!({
                    "id": change_id(*subscriber, *revision),
                    "subscriber": subscriber_id(*subscriber),
                    "revision": revision.0,
                });
                Some(("change", data))
            }
            Event::Shipment {
                id,
                terminal,
                state,
            } => {
                self.caller.reads(terminal.subscriber).ok()?;
                let data = json!({
                    "id": ids::of_shipment(*id),
                    "terminal": ids::of_terminal(*terminal),
                    "state": state,
                });
                Some(("shipment", data))
            }
            Event::Terminal { id, state } => {
                self.caller.reads(id.subscriber).ok()?;
                let state = match state {
                    Some(state) => Some(*state),
                    None => {
                        let view = self.control.terminal_view(*id).await.ok()?;
                        view.map(|view| view.state)
                    }
                };
                let data = json!({"id": ids::of_terminal(*id), "state": state});
                Some(("terminal", data))
            }
            Event::Gateway { name, state } => {
                self.caller.needs(Scope::Network).ok()?;
                Some(("gateway", json!({"id": name, "state": state})))
            }
            Event::Campaign { group, id } => {
                self.caller.needs(Scope::Organisations).ok()?;
                let data = json!({
                    "id": id.map(ids::of_campaign),
                    "group": book::shared_group_id(*group),
                });
                Some(("campaign", data))
            }
            Event::Call { id, state, level } => {
                self.caller.needs(Scope::Calls).ok()?;
                let data = json!({"id": id, "state": state, "level": level});
                Some(("call", data))
            }
        }
    }
}

/// The number of an event of this process.
fn read_id(control: &Control, id: &str) -> Option<u64> {
    let (process, number) = id.split_once('-')?;
    let ours = process == format!("{:x}", control.process());
    ours.then(|| number.parse().ok()).flatten()
}
