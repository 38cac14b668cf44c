//! Tells an open page that something of its book or terminals changed; the page fetches the truth. Ends with the session.

use super::Owner;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use control::Control;
use futures_util::stream;
use identity::Face;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

/// How long a listening page goes unasked for its session.
const ASK_AGAIN: Duration = Duration::from_secs(60);

pub async fn listen(
    State(control): State<Control>,
    Owner { grant, secret }: Owner,
) -> impl IntoResponse {
    let events = control.subscribe();
    let start = (events, control, secret, grant.subscriber());
    let stream = stream::unfold(start, |(mut events, control, secret, id)| async move {
        loop {
            let concerned = match timeout(ASK_AGAIN, events.recv()).await {
                Ok(Ok(emitted)) => match &emitted.event {
                    control::Event::Change { subscriber, .. } => *subscriber == id,
                    control::Event::Terminal { id: terminal, .. } => terminal.subscriber == id,
                    _ => false,
                },
                // Some were missed: the truth is fetched anyway.
                Ok(Err(RecvError::Lagged(_))) => true,
                Ok(Err(RecvError::Closed)) => return None,
                Err(_) => {
                    control
                        .session(Face::Portal, &secret)
                        .await
                        .ok()
                        .flatten()?;
                    false
                }
            };
            if concerned {
                control
                    .session(Face::Portal, &secret)
                    .await
                    .ok()
                    .flatten()?;
                let changed = Event::default().data("changed");
                return Some((Ok::<_, Infallible>(changed), (events, control, secret, id)));
            }
        }
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}
