//! The page of the drawn phones, at `/`: markup, style, script and words are files in `assets`, put into the binary.
//!
//! The page is filled by its script from `/lab/v1`; the words of both languages are one table, `words.json`.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use crate::http::Lab;

const PAGE: &str = include_str!("../../assets/phones.html");
const STYLE: &str = include_str!("../../assets/phones.css");
const SCRIPT: &str = include_str!("../../assets/phones.js");
const ICON: &str = include_str!("../../assets/phones.svg");
const WORDS: &str = include_str!("../../assets/words.json");

/// Nothing from elsewhere, nothing inline.
const POLICY: &str =
    "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// Key → English, 简体中文.
static TABLE: LazyLock<BTreeMap<String, [String; 2]>> =
    LazyLock::new(|| serde_json::from_str(WORDS).unwrap_or_default());

/// The page and its files.
pub fn routes() -> Router<Arc<Lab>> {
    Router::new()
        .route("/", get(page))
        .route("/phones.css", get(|| async { file("text/css", STYLE) }))
        .route(
            "/phones.js",
            get(|| async { file("text/javascript", SCRIPT) }),
        )
        .route("/phones.svg", get(|| async { file("image/svg+xml", ICON) }))
        .route(
            "/words.json",
            get(|| async { file("application/json", WORDS) }),
        )
}

fn file(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, format!("{kind}; charset=utf-8")),
        (header::CACHE_CONTROL, "no-cache".into()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".into()),
    ];
    (headers, text).into_response()
}

#[derive(Deserialize)]
struct Asked {
    lang: Option<String>,
}

async fn page(
    State(lab): State<Arc<Lab>>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let language = language(asked.lang.as_deref(), &headers);
    let html = render(PAGE, language, &lab.service_number);
    let cookie = format!("kith_phones_lang={language}; Path=/; Max-Age=31536000; SameSite=Lax");
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CONTENT_SECURITY_POLICY, POLICY.into()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".into()),
        (header::REFERRER_POLICY, "no-referrer".into()),
        (header::CACHE_CONTROL, "no-store".into()),
        (header::SET_COOKIE, cookie),
    ];
    (headers, html).into_response()
}

/// The language that was asked for, else the cookie's, else the browser's: `en` or `zh-Hans`.
fn language(asked: Option<&str>, headers: &HeaderMap) -> &'static str {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let cookie = header(header::COOKIE).and_then(|all| {
        all.split(';')
            .find_map(|one| one.trim().strip_prefix("kith_phones_lang="))
    });
    let wanted = asked
        .or(cookie)
        .or(header(header::ACCEPT_LANGUAGE))
        .unwrap_or("en");
    if wanted.starts_with("zh") {
        "zh-Hans"
    } else {
        "en"
    }
}

/// Puts words in the place of `{{key}}`. A key that the table lacks stays as it is, and a test finds it.
fn render(template: &str, language: &str, service_number: &str) -> String {
    let column = usize::from(language == "zh-Hans");
    let mut html = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, (key, after))) = rest
        .split_once("{{")
        .and_then(|(b, r)| Some((b, r.split_once("}}")?)))
    {
        html.push_str(before);
        match (key, TABLE.get(key).and_then(|words| words.get(column))) {
            ("lang", _) => html.push_str(language),
            ("service", _) => html.push_str(&escaped(service_number)),
            (_, Some(word)) => html.push_str(&escaped(&word.replace("{service}", service_number))),
            (_, None) => html.push_str(key),
        }
        rest = after;
    }
    html.push_str(rest);
    html
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_there_in_both_languages() {
        assert!(TABLE.len() > 20, "words.json cannot be read");
        // Equal in both: numbers and signs only.
        let same_in_both = ["kith"];
        for (key, [english, chinese]) in TABLE.iter() {
            assert!(!english.is_empty() && !chinese.is_empty(), "{key}");
            assert!(
                english != chinese || same_in_both.contains(&key.as_str()),
                "{key} is the same in both"
            );
        }
    }

    #[test]
    fn every_key_of_page_and_script_is_in_the_table() {
        let in_page = PAGE
            .split("{{")
            .skip(1)
            .filter_map(|rest| rest.split_once("}}"))
            .map(|(key, _)| key);
        let in_script = SCRIPT
            .split("say(\"")
            .skip(1)
            .filter_map(|rest| rest.split_once('"'))
            .map(|(key, _)| key);
        for key in in_page
            .chain(in_script)
            .filter(|key| !["lang", "service"].contains(key))
        {
            assert!(TABLE.contains_key(key), "words.json lacks {key}");
        }
    }

    #[test]
    fn the_language_asked_for_goes_before_cookie_and_browser() {
        let headers = |cookie: &str, browser: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookie.parse().unwrap());
            headers.insert(header::ACCEPT_LANGUAGE, browser.parse().unwrap());
            headers
        };
        let chinese = headers("a=b; kith_phones_lang=zh-Hans", "en-GB");
        assert_eq!(language(None, &chinese), "zh-Hans");
        assert_eq!(language(Some("en"), &chinese), "en");
        assert_eq!(language(None, &headers("a=b", "zh-CN,zh;q=0.9")), "zh-Hans");
    }
}
