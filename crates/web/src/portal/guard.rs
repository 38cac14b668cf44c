//! The one place where the portal's requests are authorised: no session, no page but the log-in.

use super::{Portal, Settings, Unavailable};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use identity::{Grant, session};

/// Whoever is logged in: her right to her book.
pub struct Owner {
    /// The right.
    pub grant: Grant,
    /// The session's secret, to ask again whether it still stands.
    pub secret: String,
}

impl FromRequestParts<Portal> for Owner {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Response> {
        let Some(secret) = portal.settings.session(&parts.headers) else {
            return Err(Redirect::to("/login").into_response());
        };
        match portal.control.session(&secret).await {
            Ok(Some(session)) => Ok(Self {
                grant: Grant::of_session(&session),
                secret,
            }),
            Ok(None) => Err(Redirect::to("/login").into_response()),
            Err(error) => Err(Unavailable::from(error).into_response()),
        }
    }
}

impl Settings {
    /// The session's cookie; one name a face, since ports do not keep cookies apart. `__Host-` lets no other host and no
    /// plain http set it (RFC 6265bis §4.1.3.2).
    fn name(self) -> &'static str {
        if self.secure {
            "__Host-kith_portal"
        } else {
            "kith_portal"
        }
    }

    /// The session's secret that a request brings.
    pub fn session(self, headers: &HeaderMap) -> Option<String> {
        cookie(headers, self.name())
    }

    /// The header that begins a session, or with an empty secret ends it.
    pub fn set_session(self, secret: &str) -> String {
        let age = if secret.is_empty() {
            0
        } else {
            session::LIFE / 1000
        };
        let secure = if self.secure { "; Secure" } else { "" };
        format!(
            "{}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}",
            self.name()
        )
    }
}

/// The value of a cookie.
pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut headers = headers.get_all(header::COOKIE).iter();
    headers.find_map(|header| {
        let mut pairs = header.to_str().ok()?.split(';');
        pairs.find_map(|pair| {
            let (key, value) = pair.trim().split_once('=')?;
            (key == name).then(|| value.to_owned())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_tls_the_cookie_is_for_https_and_this_host_alone() {
        let header = Settings { secure: true }.set_session("x");
        assert!(header.starts_with("__Host-kith_portal=x; Path=/;"));
        assert!(header.ends_with("; Secure") && !header.contains("Domain"));
        assert!(!Settings::default().set_session("x").contains("Secure"));
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, "a=b; kith_portal=x".parse().unwrap());
        assert_eq!(Settings::default().session(&headers).as_deref(), Some("x"));
        assert_eq!(Settings { secure: true }.session(&headers), None);
    }
}
