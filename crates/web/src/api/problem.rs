//! Errors as RFC 9457 `application/problem+json`: what, where, what to do.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use book::Class;
use control::{EditError, ProvisionError};
use serde_json::json;
use store::StoreError;

/// A request that was not carried out; nothing was changed.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    title: &'static str,
    detail: String,
    field: Option<String>,
    readings: Option<[String; 2]>,
}

impl Problem {
    /// A problem with this status.
    pub fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            title,
            detail: detail.into(),
            field: None,
            readings: None,
        }
    }

    /// 401.
    pub fn no_token() -> Self {
        let detail = "Send a token: Authorization: Bearer kith_…";
        Self::new(StatusCode::UNAUTHORIZED, "no or bad token", detail)
    }

    /// 403.
    pub fn forbidden(scope: &str) -> Self {
        let detail = format!("This token lacks the scope {scope}.");
        Self::new(StatusCode::FORBIDDEN, "the token may not", detail)
    }

    /// 404: not there, or not yours.
    pub fn not_found() -> Self {
        let detail = "There is no such thing here, or it is not yours.";
        Self::new(StatusCode::NOT_FOUND, "not found", detail)
    }

    /// 422 with the field to blame.
    pub fn wrong(field: &str, detail: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "a value is wrong", detail);
        problem.field = Some(field.to_owned());
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": "about:blank",
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Some(field) = self.field {
            body["field"] = field.into();
        }
        if let Some(readings) = self.readings {
            body["readings"] = json!(readings);
        }
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        (self.status, kind, Json(body).into_response().into_body()).into_response()
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(store::Refused::Missing) => Self::not_found(),
            StoreError::Refused(_) => {
                Self::new(StatusCode::CONFLICT, "conflict", error.to_string())
            }
            _ => {
                tracing::error!(%error, "a request could not be answered");
                let detail = "Kith cannot answer this now. Try again in a moment.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
            }
        }
    }
}

impl From<EditError> for Problem {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Refused(refusal) => {
                let status = match refusal.class() {
                    Class::Invalid | Class::Ambiguous => StatusCode::UNPROCESSABLE_ENTITY,
                    Class::Conflict => StatusCode::CONFLICT,
                    Class::NotFound => StatusCode::NOT_FOUND,
                };
                let mut problem = Self::new(status, refusal.key(), refusal.to_string());
                problem.field = refusal.field();
                problem.readings = refusal
                    .readings()
                    .map(|(a, b)| [a.typed.clone(), b.typed.clone()]);
                problem
            }
            EditError::Stale => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "changed meanwhile",
                error.to_string(),
            ),
            EditError::Repeated => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "request repeated",
                error.to_string(),
            ),
            EditError::Forbidden => Self::forbidden("books:write"),
            EditError::NotFound => Self::not_found(),
            EditError::Store(error) => error.into(),
        }
    }
}

impl From<ProvisionError> for Problem {
    fn from(error: ProvisionError) -> Self {
        match error {
            ProvisionError::Wrong { field, sentence } => Self::wrong(field, sentence),
            ProvisionError::Taken(sentence) => Self::new(StatusCode::CONFLICT, "taken", sentence),
            ProvisionError::NotFound => Self::not_found(),
            ProvisionError::Store(error) => error.into(),
        }
    }
}

/// A JSON body, with the API's own answers to what is wrong with one.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: serde::de::DeserializeOwned> axum::extract::FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, Problem> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::new(
                rejection.status(),
                "the body cannot be used",
                format!("{}.", rejection.body_text()),
            )),
        }
    }
}
