//! How nodes tell each other that there is something to look at. A hint says nothing else, and may be lost: everybody
//! looks by himself after a moment.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use control::{Control, Hint, LookAt};
use http_body_util::Empty;
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
        .with_state((word, control));
    tokio::spawn(async move {
        let _ = axum::serve(listener, router).await;
    })
}

async fn look(
    State((word, control)): State<(Secret, Control)>,
    Path(at): Path<String>,
    headers: HeaderMap,
) -> StatusCode {
    let said = headers
        .get(AUTHORIZATION)
        .map(|said| said.as_bytes().to_vec());
    if said.is_none_or(|said| Secret::new(said) != word) {
        return StatusCode::UNAUTHORIZED;
    }
    match at.as_str() {
        "due" => control.hinted(LookAt::Due),
        "leases" => control.hinted(LookAt::Leases),
        _ => return StatusCode::NOT_FOUND,
    }
    StatusCode::NO_CONTENT
}

/// Gives hints to the other nodes, each over a connection that stays, until `stop` resolves and what was left is told.
/// What comes while one is on its way goes with the next.
pub async fn tell(
    key: MasterKey,
    mut hints: mpsc::UnboundedReceiver<Hint>,
    stop: impl Future<Output = ()>,
) {
    tokio::pin!(stop);
    let word = word(&key);
    let mut lines = BTreeMap::new();
    let mut talks = JoinSet::new();
    loop {
        tokio::select! {
            hint = hints.recv() => match hint {
                Some(hint) => pass(hint, &word, &mut lines, &mut talks),
                None => break,
            },
            () = &mut stop => break,
        }
    }
    while let Ok(hint) = hints.try_recv() {
        pass(hint, &word, &mut lines, &mut talks);
    }
    drop(lines);
    let _ = tokio::time::timeout(PATIENCE, talks.join_all()).await;
}

fn pass(
    hint: Hint,
    word: &str,
    lines: &mut BTreeMap<String, mpsc::Sender<LookAt>>,
    talks: &mut JoinSet<()>,
) {
    lines.retain(|_, line| !line.is_closed());
    while talks.try_join_next().is_some() {}
    let line = lines.entry(hint.address.clone()).or_insert_with(|| {
        let (line, inbox) = mpsc::channel(64);
        talks.spawn(talk(hint.address, word.to_owned(), inbox));
        line
    });
    // Full: it will look soon anyhow.
    let _ = line.try_send(hint.at);
}

/// The hints to one node, until it does not answer: the next hint begins anew.
async fn talk(address: String, word: String, mut inbox: mpsc::Receiver<LookAt>) {
    let talking = async {
        let stream = TcpStream::connect(&address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let (sender, connection) = http1::handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
            .await
            .ok()?;
        tokio::spawn(connection);
        Some(sender)
    };
    let Ok(Some(mut sender)) = tokio::time::timeout(PATIENCE, talking).await else {
        tracing::info!(address, "a node does not take hints");
        return;
    };
    let mut waiting = Vec::new();
    while inbox.recv_many(&mut waiting, 64).await > 0 {
        for at in waiting.drain(..).collect::<BTreeSet<_>>() {
            let told = tokio::time::timeout(PATIENCE, post_look(&mut sender, &address, &word, at));
            if !matches!(told.await, Ok(Some(()))) {
                tracing::info!(address, "a node takes no hints any more");
                return;
            }
        }
    }
}

async fn post_look(
    sender: &mut SendRequest<Empty<Bytes>>,
    address: &str,
    word: &str,
    at: LookAt,
) -> Option<()> {
    let path = match at {
        LookAt::Due => "/look/due",
        LookAt::Leases => "/look/leases",
    };
    let request = Request::post(path)
        .header(HOST, address)
        .header(AUTHORIZATION, word)
        .body(Empty::new())
        .ok()?;
    sender.ready().await.ok()?;
    let answer = sender.send_request(request).await.ok()?;
    answer.status().is_success().then_some(())
}
