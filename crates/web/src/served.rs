//! How pages are served: cookies for sessions and for what somebody likes, the page's language, the way back.

use crate::locale::Words;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use book::Language;
use identity::{Face, session};
use std::convert::Infallible;

/// The language that she chose.
pub const LANGUAGE: &str = "kith_language";

/// How a listener is reached.
#[derive(Debug, Clone, Copy, Default)]
pub struct Served {
    /// Browsers come by https, here or at a proxy: cookies are for https alone.
    pub secure: bool,
}

impl Served {
    /// The session's cookie; one name a face, since ports do not keep cookies apart. `__Host-` lets no other host and no
    /// plain http set it (RFC 6265bis §4.1.3.2).
    fn name(self, face: Face) -> &'static str {
        match (face, self.secure) {
            (Face::Portal, false) => "kith_portal",
            (Face::Portal, true) => "__Host-kith_portal",
            (Face::Desk, false) => "kith_desk",
            (Face::Desk, true) => "__Host-kith_desk",
            (Face::Console, false) => "kith_console",
            (Face::Console, true) => "__Host-kith_console",
        }
    }

    /// The session's secret that a request brings.
    pub fn session(self, face: Face, headers: &HeaderMap) -> Option<String> {
        cookie(headers, self.name(face))
    }

    /// The header that begins a session, or with an empty secret ends it.
    pub fn set_session(self, face: Face, secret: &str) -> String {
        let age = if secret.is_empty() {
            0
        } else {
            session::life(face) / 1000
        };
        let secure = if self.secure { "; Secure" } else { "" };
        format!(
            "{}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}",
            self.name(face)
        )
    }

    /// A cookie that keeps for a year what she likes.
    pub fn choice(self, name: &str, value: &str) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; SameSite=Lax; Max-Age=31536000{secure}")
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

/// The language of the page: what was chosen, else what the browser asks for.
pub fn words(headers: &HeaderMap) -> Words {
    let chosen = cookie(headers, LANGUAGE).and_then(|tag| Language::from_tag(&tag));
    let asked = || {
        let header = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
        let first = header.split(',').next()?;
        first.trim().starts_with("zh").then_some(Language::ZhHans)
    };
    Words(chosen.or_else(asked).unwrap_or(Language::En))
}

impl<S: Send + Sync> FromRequestParts<S> for Words {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(words(&parts.headers))
    }
}

/// Where she was, but only within this site: browsers read `//` and `/\` as another host.
pub fn back(headers: &HeaderMap) -> String {
    let referer = headers.get(header::REFERER).and_then(|v| v.to_str().ok());
    let path = referer
        .and_then(|referer| referer.parse::<Uri>().ok())
        .and_then(|uri| Some(uri.path_and_query()?.as_str().to_owned()))
        .filter(|path| path.starts_with('/') && !path.starts_with("//") && !path.contains('\\'));
    path.unwrap_or_else(|| "/".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_stays_within_the_site() {
        let rows = [
            ("http://127.0.0.1:8903/people/new", "/people/new"),
            ("https://kith.example/?q=mei", "/?q=mei"),
            ("https://kith.example", "/"),
            ("https://kith.example//other.example/", "/"),
            ("https://kith.example/\\other.example", "/"),
            ("https://kith.example/\t/other.example", "/"),
            ("//other.example/", "/"),
            ("javascript:alert(1)", "/"),
            ("", "/"),
        ];
        for (referer, expected) in rows {
            let mut headers = HeaderMap::new();
            headers.insert(header::REFERER, referer.parse().unwrap());
            assert_eq!(back(&headers), expected, "{referer}");
        }
        assert_eq!(back(&HeaderMap::new()), "/");
    }

    #[test]
    fn behind_tls_the_cookie_is_for_https_and_this_host_alone() {
        let header = Served { secure: true }.set_session(Face::Portal, "x");
        assert!(header.starts_with("__Host-kith_portal=x; Path=/;"));
        assert!(header.ends_with("; Secure") && !header.contains("Domain"));
        let plain = Served::default();
        assert!(!plain.set_session(Face::Portal, "x").contains("Secure"));
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, "a=b; kith_portal=x".parse().unwrap());
        let found = plain.session(Face::Portal, &headers);
        assert_eq!(found.as_deref(), Some("x"));
        assert_eq!(plain.session(Face::Desk, &headers), None);
        assert_eq!(
            Served { secure: true }.session(Face::Portal, &headers),
            None
        );
    }
}
