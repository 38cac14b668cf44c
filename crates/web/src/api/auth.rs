//! The one place where the API's requests are authorised: no token, nothing; no scope, nothing; no grant, no book.

use super::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use book::SubscriberId;
use control::Control;
use identity::{Grant, OrganisationGrant, Scope, Token};

/// Whoever calls, with what he may.
pub struct Caller(Token);

/// The command line's own token: only the router behind the socket in the data folder puts it into a request.
#[derive(Clone)]
pub struct Local(pub Token);

impl FromRequestParts<Control> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, control: &Control) -> Result<Self, Problem> {
        if let Some(Local(token)) = parts.extensions.get() {
            return Ok(Self(token.clone()));
        }
        let header = parts.headers.get(AUTHORIZATION);
        let secret = header
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
            .map(|(_, secret)| secret)
            .ok_or_else(Problem::no_token)?;
        let token = control.token(secret.trim()).await?;
        token.map(Self).ok_or_else(Problem::no_token)
    }
}

impl Caller {
    /// The token.
    pub fn token(&self) -> &Token {
        &self.0
    }

    /// Whether it has this scope.
    pub fn may(&self, scope: Scope) -> bool {
        self.0.may(scope)
    }

    /// Only with this scope.
    pub fn needs(&self, scope: Scope) -> Result<(), Problem> {
        if self.0.may(scope) {
            Ok(())
        } else {
            Err(Problem::forbidden(scope.as_str()))
        }
    }

    /// The right to organisations, their shared groups and campaigns.
    pub fn organisations(&self) -> Result<OrganisationGrant, Problem> {
        let missing = || Problem::forbidden(Scope::Organisations.as_str());
        OrganisationGrant::of_token(&self.0).ok_or_else(missing)
    }

    /// The right to look at a book.
    pub fn reads(&self, subscriber: SubscriberId) -> Result<Grant, Problem> {
        self.needs(Scope::BooksRead)?;
        Grant::of_token(&self.0, subscriber).ok_or_else(Problem::not_found)
    }

    /// The right to change a book.
    pub fn writes(&self, subscriber: SubscriberId) -> Result<Grant, Problem> {
        self.needs(Scope::BooksWrite)?;
        Grant::of_token(&self.0, subscriber).ok_or_else(Problem::not_found)
    }
}
