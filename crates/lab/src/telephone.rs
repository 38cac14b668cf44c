//! The carrier's telephone system: what a handset's call makes known to the server (`/api/v1/calls`).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// Where the service telephone is, and the token that lets calls be announced there.
#[derive(Clone, Debug, Deserialize)]
pub struct Telephone {
    /// Base of the server's API, such as `http://127.0.0.1:8082/api/v1`.
    pub api_url: String,
    /// Bearer token with the scope `calls`.
    pub token: String,
}

/// A call as the server tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Its id at the server.
    pub id: String,
    /// `ringing`, `answered` or `ended`.
    pub state: String,
    /// 0 unverified, 1 verified, 2 with a second proof.
    #[serde(default)]
    pub level: u8,
}

/// Why a call could not be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody has said where the server is.
    #[error(
        "no telephone system is joined to this carrier: start the server with the demo, or give the lab the server's address and a token"
    )]
    NotJoined,
    /// The server cannot be reached.
    #[error("the service telephone at {url} does not answer ({reason}): is the server running?")]
    Unreachable {
        /// The address that was tried.
        url: String,
        /// What the network said.
        reason: String,
    },
    /// The server said no.
    #[error("the service telephone said {status}: {detail}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Its sentence.
        detail: String,
    },
}

/// The line to the server; it can be joined after the start, because the demo starts the server second.
#[derive(Default)]
pub struct Line {
    telephone: Mutex<Option<Arc<Telephone>>>,
}

impl Line {
    /// Joins the server, or another one.
    pub fn join(&self, telephone: Option<Telephone>) {
        *self
            .telephone
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = telephone.map(Arc::new);
    }

    /// Whether a server is joined.
    #[must_use]
    pub fn is_joined(&self) -> bool {
        self.telephone
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }

    /// Rings the service number.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn ring(&self, caller: &str, called: &str) -> Result<Call, CallError> {
        let body = json!({"caller": caller, "called": called, "state": "ringing"});
        call_in(self.ask("POST", "/calls", Some(&body)).await?)
    }

    /// What has become of a call.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn look(&self, call: &str) -> Result<Call, CallError> {
        call_in(self.ask("GET", &format!("/calls/{call}"), None).await?)
    }

    /// Passes keyed digits on; `purpose` is `code` or `pin`. Returns the server's answer as it is.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn key(&self, call: &str, digits: &str, purpose: &str) -> Result<Value, CallError> {
        let body = json!({"digits": digits, "for": purpose});
        self.ask("POST", &format!("/calls/{call}/digits"), Some(&body))
            .await
    }

    /// The caller hangs up.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn hang_up(&self, call: &str) -> Result<(), CallError> {
        self.ask(
            "PATCH",
            &format!("/calls/{call}"),
            Some(&json!({"state": "ended"})),
        )
        .await
        .map(drop)
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CallError> {
        let telephone = self
            .telephone
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let telephone = telephone.ok_or(CallError::NotJoined)?;
        let url = format!("{}{path}", telephone.api_url.trim_end_matches('/'));
        let exchange = exchange(method, &url, &telephone.token, body);
        let unreachable = |reason: String| CallError::Unreachable {
            url: url.clone(),
            reason,
        };
        let (status, octets) = tokio::time::timeout(Duration::from_secs(10), exchange)
            .await
            .map_err(|_| unreachable("no answer within 10 s".into()))?
            .map_err(|error| unreachable(error.to_string()))?;
        let answer: Value = serde_json::from_slice(&octets).unwrap_or(Value::Null);
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        let detail = answer
            .get("detail")
            .and_then(Value::as_str)
            .unwrap_or("no reason given")
            .to_owned();
        Err(CallError::Refused { status, detail })
    }
}

fn call_in(answer: Value) -> Result<Call, CallError> {
    serde_json::from_value(answer).map_err(|error| CallError::Refused {
        status: 200,
        detail: format!("its answer is not a call: {error}"),
    })
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// One request on a connection of its own; a lab makes few.
async fn exchange(
    method: &str,
    url: &str,
    token: &str,
    body: Option<&Value>,
) -> Result<(u16, Bytes), Failure> {
    let uri: hyper::Uri = url.parse()?;
    let host = uri.host().ok_or("the address has no host")?.to_owned();
    let port = uri.port_u16().unwrap_or(80);
    let stream = TcpStream::connect((host.as_str(), port)).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    // One key a request: the server repeats its first answer for a key it knows.
    static REQUESTS: AtomicU64 = AtomicU64::new(0);
    let request = REQUESTS.fetch_add(1, Relaxed);
    let key = format!(
        "lab-{}-{}-{request}",
        std::process::id(),
        super::smsc::now_text()
    );
    let request = hyper::Request::builder()
        .method(method)
        .uri(uri.path())
        .header(HOST, format!("{host}:{port}"))
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .header("idempotency-key", key)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(
            body.map(Value::to_string).unwrap_or_default(),
        )))?;
    let answer = sender.send_request(request).await?;
    let status = answer.status().as_u16();
    let octets = answer.into_body().collect().await?.to_bytes();
    connection.abort();
    Ok((status, octets))
}
