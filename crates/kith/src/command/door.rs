//! The way to an installation: the running server's socket, or the store when nobody holds it.

use super::Place;
use crate::house::{Alone, House, SOCKET};
use axum::Router;
use axum::body::Body;
use control::Control;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::net::UnixStream;
use tower::ServiceExt;

/// How long a server may take to open its socket.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where requests go.
pub enum Door {
    /// To the running server.
    Socket(PathBuf),
    /// To the store itself, in this process.
    Store(Box<(Control, Router)>),
}

impl Door {
    /// Opens the way; the error is an exit code and a sentence.
    pub async fn open(place: &Place) -> Result<Self, (u8, String)> {
        let config = place.configuration().map_err(|sentence| (3, sentence))?;
        let socket = config.store.path.join(SOCKET);
        let begun = Instant::now();
        let control = loop {
            if UnixStream::connect(&socket).await.is_ok() {
                return Ok(Self::Socket(socket));
            }
            match House::control_alone(&config) {
                Ok(control) => break control,
                // A server that is starting or stopping holds the store and has no socket for a moment.
                Err(Alone::Held(_)) if begun.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(Alone::Held(sentence) | Alone::Other(sentence)) => return Err((1, sentence)),
            }
        };
        let router = web::socket(control.clone());
        Ok(Self::Store(Box::new((control, router))))
    }

    /// Lets go of the store.
    pub async fn close(self) {
        if let Self::Store(inside) = self {
            inside.0.store().close().await;
        }
    }

    /// Whether a server runs, so that what is due goes out.
    pub fn is_served(&self) -> bool {
        matches!(self, Self::Socket(_))
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Result<Value, String> {
        self.ask(Method::GET, path, Vec::new(), "application/json")
            .await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        let body = body.to_string().into_bytes();
        self.ask(Method::POST, path, body, "application/json").await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Result<Value, String> {
        self.ask(Method::DELETE, path, Vec::new(), "application/json")
            .await
    }

    /// PUT with octets.
    pub async fn put(&self, path: &str, octets: Vec<u8>) -> Result<Value, String> {
        self.ask(Method::PUT, path, octets, "text/vcard").await
    }

    /// The answer's JSON, or its text; a problem's sentence as the error.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        kind: &str,
    ) -> Result<Value, String> {
        let (status, octets) = self.octets(method, path, body, kind).await?;
        let answer = serde_json::from_slice(&octets)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&octets).into_owned()));
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        let detail = answer["detail"].as_str().map(str::to_owned);
        Err(detail.unwrap_or_else(|| format!("The server answered {status}.")))
    }

    async fn octets(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        kind: &str,
    ) -> Result<(u16, Vec<u8>), String> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "localhost")
            .header(CONTENT_TYPE, kind);
        match self {
            Self::Store(inside) => {
                let request = request.body(Body::from(body)).map_err(|e| e.to_string())?;
                let Ok(answer) = inside.1.clone().oneshot(request).await;
                let status = answer.status().as_u16();
                let body = answer
                    .into_body()
                    .collect()
                    .await
                    .map_err(|e| e.to_string())?;
                Ok((status, body.to_bytes().to_vec()))
            }
            Self::Socket(socket) => {
                let lost = |error: &dyn std::fmt::Display| {
                    format!("The server at {} broke off: {error}.", socket.display())
                };
                let stream = UnixStream::connect(socket).await.map_err(|e| lost(&e))?;
                let (mut sender, connection) =
                    hyper::client::conn::http1::handshake(TokioIo::new(stream))
                        .await
                        .map_err(|e| lost(&e))?;
                let connection = tokio::spawn(connection);
                let request = request
                    .body(Full::new(Bytes::from(body)))
                    .map_err(|e| lost(&e))?;
                let answer = sender.send_request(request).await.map_err(|e| lost(&e))?;
                let status = answer.status().as_u16();
                let body = answer.into_body().collect().await.map_err(|e| lost(&e))?;
                connection.abort();
                Ok((status, body.to_bytes().to_vec()))
            }
        }
    }
}
