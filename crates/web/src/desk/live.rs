//! Tells a page of the desk that a call, or the caller's book or terminals, changed; the page fetches the truth.

use crate::staff::{Agent, House};
use axum::extract::{Query, State};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use book::SubscriberId;
use futures_util::stream;
use identity::Grant;
use serde::Deserialize;
use std::convert::Infallible;
use tokio::sync::broadcast::error::RecvError;

#[derive(Deserialize)]
pub struct Of {
    /// The call whose page listens; the waiting room hears of calls only.
    call: Option<String>,
}

pub async fn events(
    State(house): State<House>,
    Agent(agent): Agent,
    Query(of): Query<Of>,
) -> impl IntoResponse {
    let events = house.control.subscribe();
    let stream = stream::unfold(events, move |mut events| {
        let (house, agent, of) = (house.clone(), agent.clone(), of.call.clone());
        async move {
            loop {
                let concerned = match events.recv().await {
                    Ok(emitted) => match &emitted.event {
                        control::Event::Call { .. } => true,
                        control::Event::Change { subscriber, .. } => {
                            opens(&house, &agent, of.as_deref(), *subscriber).await
                        }
                        control::Event::Terminal { id, .. } => {
                            opens(&house, &agent, of.as_deref(), id.subscriber).await
                        }
                        _ => false,
                    },
                    // Some were missed: the truth is fetched anyway.
                    Err(RecvError::Lagged(_)) => true,
                    Err(RecvError::Closed) => return None,
                };
                if concerned {
                    let event = Event::default().data("changed");
                    return Some((Ok::<_, Infallible>(event), events));
                }
            }
        }
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}

/// Whether the call's grant opens this book: nobody learns when somebody else's book changes.
async fn opens(
    house: &House,
    agent: &identity::Session,
    call: Option<&str>,
    subscriber: SubscriberId,
) -> bool {
    let Some(id) = call else {
        return false;
    };
    let Ok(Some(call)) = house.control.call(id).await else {
        return false;
    };
    Grant::of_call(&call, agent, house.control.now())
        .is_some_and(|grant| grant.subscriber() == subscriber)
}
