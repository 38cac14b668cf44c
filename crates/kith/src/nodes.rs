//! How nodes tell each other that there is something to look at, and what pages show of what happened. Both may be lost:
//! everybody looks by himself after a moment.

use crate::http;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use control::{Control, Hint, LookAt};
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, HOST};
use hyper_util::rt::TokioIo;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use vault::{MasterKey, Secret};

/// A node that takes longer is not waited for; nor are the last hints of one that ends.
const PATIENCE: Duration = Duration::from_millis(500);

/// What happened is gathered for so long before the other nodes are told.
const GATHER: Duration = Duration::from_millis(200);

/// What one node says to another.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Look(LookAt),
    /// What happened, as JSON.
    Events(Bytes),
}

/// What every node of an installation knows: they have the same master key.
fn word(key: &MasterKey) -> String {
    format!("Bearer {}", hex::encode(*key.derive("nodes")))
}

/// Where hints come in.
pub async fn bind(addr: SocketAddr) -> Result<TcpListener, String> {
    let said = |error| format!("{addr} for the other nodes cannot be opened: {error}.");
    TcpListener::bind(addr).await.map_err(said)
}

/// Now, ms UTC.
pub fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

/// Takes hints from the other nodes.
pub fn listen(listener: TcpListener, key: &MasterKey, control: Control) -> JoinHandle<()> {
    let word = Secret::from(word(key));
    let router = Router::new()
        .route("/look/{at}", post(look))
        .route("/events", post(events))
        .with_state((word, control));
    http::serve(listener, None, router)
}

/// Whether a node of this installation speaks.
fn is_ours(headers: &HeaderMap, word: &Secret) -> bool {
    let said = headers.get(AUTHORIZATION);
    said.is_some_and(|said| Secret::new(said.as_bytes().to_vec()) == *word)
}

async fn events(
    State((word, control)): State<(Secret, Control)>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    if !is_ours(&headers, &word) {
        return StatusCode::UNAUTHORIZED;
    }
    match serde_json::from_slice(&body) {
        Ok(events) => control.heard(events),
        // Of a newer Kith, while one node after the other is replaced.
        Err(error) => tracing::info!(%error, "another node told of what is not known here"),
    }
    StatusCode::NO_CONTENT
}

async fn look(
    State((word, control)): State<(Secret, Control)>,
    Path(at): Path<String>,
    headers: HeaderMap,
) -> StatusCode {
    if !is_ours(&headers, &word) {
        return StatusCode::UNAUTHORIZED;
    }
    match at.as_str() {
        "due" => control.hinted(LookAt::Due),
        "leases" => control.hinted(LookAt::Leases),
        _ => return StatusCode::NOT_FOUND,
    }
    StatusCode::NO_CONTENT
}

/// Gives hints to the other nodes, and tells them what happened, each over a connection that stays, until `stop` resolves
/// and what was left is told. What comes while one is on its way goes with the next.
pub async fn tell(
    key: MasterKey,
    mut hints: mpsc::UnboundedReceiver<Hint>,
    control: Control,
    stop: impl Future<Output = ()>,
) {
    tokio::pin!(stop);
    let word = word(&key);
    let mut lines = BTreeMap::new();
    let mut talks = JoinSet::new();
    let mut gathered = tokio::time::interval(GATHER);
    gathered.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            hint = hints.recv() => match hint {
                Some(hint) => pass(hint.address, Said::Look(hint.at), &word, &mut lines, &mut talks),
                None => break,
            },
            _ = gathered.tick() => {
                let (others, events) = control.events_for_others();
                if events.is_empty() {
                    continue;
                }
                match serde_json::to_vec(&events).map(Bytes::from) {
                    Ok(told) => for address in others {
                        let told = Said::Events(told.clone());
                        pass(address, told, &word, &mut lines, &mut talks);
                    },
                    Err(error) => tracing::error!(%error, "what happened cannot be told"),
                }
            },
            () = &mut stop => break,
        }
    }
    while let Ok(hint) = hints.try_recv() {
        pass(
            hint.address,
            Said::Look(hint.at),
            &word,
            &mut lines,
            &mut talks,
        );
    }
    drop(lines);
    let _ = tokio::time::timeout(PATIENCE, talks.join_all()).await;
}

fn pass(
    address: String,
    said: Said,
    word: &str,
    lines: &mut BTreeMap<String, mpsc::Sender<Said>>,
    talks: &mut JoinSet<()>,
) {
    lines.retain(|_, line| !line.is_closed());
    while talks.try_join_next().is_some() {}
    let line = lines.entry(address.clone()).or_insert_with(|| {
        let (line, inbox) = mpsc::channel(64);
        talks.spawn(talk(address, word.to_owned(), inbox));
        line
    });
    // Full: it will look soon anyhow.
    let _ = line.try_send(said);
}

/// What waits, in its order, without what asks for a look that is asked for already.
fn once(waiting: &mut Vec<Said>) {
    let mut asked = BTreeSet::new();
    waiting.retain(|said| match said {
        Said::Look(at) => asked.insert(*at),
        Said::Events(_) => true,
    });
}

/// The hints to one node, until it does not answer: the next hint begins anew.
async fn talk(address: String, word: String, mut inbox: mpsc::Receiver<Said>) {
    let mut line = None;
    let mut waiting = Vec::new();
    while inbox.recv_many(&mut waiting, 64).await > 0 {
        once(&mut waiting);
        for said in waiting.drain(..) {
            // A node closes a line on which nobody said anything for a while.
            if line.as_ref().is_none_or(SendRequest::is_closed) {
                let opened = tokio::time::timeout(PATIENCE, open(&address)).await;
                line = opened.ok().flatten();
            }
            let Some(sender) = &mut line else {
                tracing::info!(address, "a node does not take hints");
                return;
            };
            let told = tokio::time::timeout(PATIENCE, say(sender, &address, &word, said));
            if !matches!(told.await, Ok(Some(()))) {
                tracing::info!(address, "a node takes no hints any more");
                return;
            }
        }
    }
}

/// A line to a node.
async fn open(address: &str) -> Option<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await.ok()?;
    stream.set_nodelay(true).ok()?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    Some(sender)
}

async fn say(
    sender: &mut SendRequest<Full<Bytes>>,
    address: &str,
    word: &str,
    said: Said,
) -> Option<()> {
    let (path, body) = match said {
        Said::Look(LookAt::Due) => ("/look/due", Bytes::new()),
        Said::Look(LookAt::Leases) => ("/look/leases", Bytes::new()),
        Said::Events(events) => ("/events", events),
    };
    let request = Request::post(path)
        .header(HOST, address)
        .header(AUTHORIZATION, word)
        .body(Full::new(body))
        .ok()?;
    sender.ready().await.ok()?;
    let answer = sender.send_request(request).await.ok()?;
    // Not found: an older Kith, while one node after the other is replaced.
    let known = answer.status().is_success() || answer.status() == StatusCode::NOT_FOUND;
    known.then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_told_in_its_order_and_a_look_is_asked_for_once() {
        let events = |json| Said::Events(Bytes::from_static(json));
        let (due, leases) = (Said::Look(LookAt::Due), Said::Look(LookAt::Leases));
        // The later one would come first by its octets.
        let (first, second) = (events(b"[2]"), events(b"[1]"));
        let all = [&first, &leases, &due, &second, &due, &leases, &first];
        let mut waiting: Vec<_> = all.into_iter().cloned().collect();
        once(&mut waiting);
        assert_eq!(waiting, [first.clone(), leases, due, second, first]);
    }
}
