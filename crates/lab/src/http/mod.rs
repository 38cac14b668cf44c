//! The carrier's own surface over HTTP: `/lab/v1` for programs, `/` for people. For demo and tests only.

mod calls;
mod events;
mod handsets;
mod network;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::smsc::Carrier;
use crate::smsc::radio::Radio;
use crate::telephone::{Call, CallError, Line};

/// What every handler sees.
pub struct Lab {
    /// The carrier.
    pub carrier: Arc<Carrier>,
    /// The line to the service telephone.
    pub line: Line,
    /// Calls under way, by handset.
    pub(crate) calls: Mutex<HashMap<String, Call>>,
    /// What the page rings and shows.
    pub service_number: String,
    /// Price of a part in millionths; none: no price is shown.
    pub price_micros: Option<u64>,
    /// ISO 4217.
    pub currency: String,
    /// What each handset is called and speaks.
    pub(crate) specs: Mutex<Vec<crate::HandsetSpec>>,
    /// Where cards and handsets keep what they hold.
    pub data_dir: Option<PathBuf>,
}

impl Lab {
    pub(crate) fn calls(&self) -> MutexGuard<'_, HashMap<String, Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn specs(&self) -> MutexGuard<'_, Vec<crate::HandsetSpec>> {
        self.specs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn radio(&self, msisdn: &str) -> Result<Arc<Radio>, Problem> {
        self.carrier.radio(msisdn).ok_or_else(|| {
            Problem::new(
                404,
                format!(
                    "there is no handset {msisdn} on this carrier: GET /lab/v1/handsets lists them"
                ),
            )
        })
    }
}

/// An error as RFC 9457 says it: a status and a sentence.
#[derive(Debug)]
pub struct Problem {
    status: u16,
    detail: String,
}

impl Problem {
    /// A problem with its HTTP status and sentence.
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
        }
    }
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        let status = match &error {
            CallError::NotJoined => 409,
            CallError::Unreachable { .. } => 503,
            CallError::Refused { status, .. } if (400..500).contains(status) => *status,
            CallError::Refused { .. } => 502,
        };
        Self::new(status, error.to_string())
    }
}

impl From<tokio::task::JoinError> for Problem {
    fn from(_: tokio::task::JoinError) -> Self {
        Self::new(503, "the carrier is shutting down: start it again")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let title = status.canonical_reason().unwrap_or("Error");
        let body = json!({"type": "about:blank", "title": title, "status": self.status, "detail": self.detail});
        let headers = [(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        )];
        (status, headers, body.to_string()).into_response()
    }
}

/// A JSON body; what is wrong with it is said as a [`Problem`].
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(why) => Err(Problem::new(why.status().as_u16(), why.body_text())),
        }
    }
}

/// All routes of the lab on one page.
pub fn router(lab: Arc<Lab>) -> Router {
    let surface = Router::new()
        .route("/handsets", get(handsets::list).post(handsets::add))
        .route("/handsets/{msisdn}", get(handsets::show))
        .route("/handsets/{msisdn}/files/{*path}", get(handsets::file))
        .route("/handsets/{msisdn}/power", post(handsets::power))
        .route("/handsets/{msisdn}/type", post(handsets::type_entry))
        .route("/handsets/{msisdn}/sms", post(handsets::sms))
        .route("/handsets/{msisdn}/swap", post(handsets::swap))
        .route("/handsets/{msisdn}/call", post(calls::ring))
        .route("/handsets/{msisdn}/keys", post(calls::keys))
        .route("/handsets/{msisdn}/hangup", post(calls::hang_up))
        .route("/faults", get(network::faults).put(network::set_faults))
        .route("/smsc", get(network::smsc))
        .route("/messages", get(network::messages))
        .route("/events", get(events::stream));
    Router::new()
        .nest("/lab/v1", surface)
        .merge(crate::phones::routes())
        .fallback(|| async {
            Problem::new(
                404,
                "there is nothing here: the phones are at /, the surface at /lab/v1",
            )
        })
        .with_state(lab)
}
