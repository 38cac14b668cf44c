//! What no gateway's configuration can mean is said before anything is sent.

use crate::peer::config;

#[track_caller]
fn check(extra: serde_json::Value, words: Option<&str>) {
    match (config(&extra).check(), words) {
        (Ok(()), None) => {}
        (Err(said), Some(words)) => assert!(said.contains(words), "{said}"),
        (found, expected) => panic!("{extra}: {found:?}, not {expected:?}"),
    }
}

#[test]
fn a_gateway_that_cannot_be_meant() {
    use serde_json::json;
    check(json!({}), None);
    check(
        json!({ "prefixes": ["+44", "+8613"], "weight": 0, "bulk_share": 0 }),
        None,
    );
    check(json!({ "name": " " }), Some("no name"));
    check(json!({ "host": "" }), Some("host and port"));
    check(json!({ "port": 0 }), Some("host and port"));
    check(json!({ "prefixes": ["44"] }), Some("write it as +44"));
    check(json!({ "prefixes": ["+"] }), Some("write it as +44"));
    check(json!({ "prefixes": ["+44 77"] }), Some("write it as +44"));
    check(json!({ "bulk_share": 101 }), Some("0 to 100"));
    check(json!({ "window": 0 }), Some("send nothing"));
    check(json!({ "rate_per_s": 0.0 }), Some("rate_per_s"));
    check(json!({ "answer_seconds": 0 }), Some("no time"));
    check(json!({ "price_micros": 1 }), Some("currency"));
    let nowhere = json!({ "roots": "nowhere.pem" });
    check(
        json!({ "tls": nowhere }),
        Some("tls: nowhere.pem cannot be used"),
    );
}
