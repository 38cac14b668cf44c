//! The lab's surface over HTTP: handsets, faults, the call to the service number, the page.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::Path;
use axum::routing::{get, post};
use axum::{Json, Router};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use lab::{HandsetSpec, Lab, LabConfig, Telephone};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

async fn lab() -> Lab {
    let handset = |msisdn: &str, name: &str, language: &str| HandsetSpec {
        msisdn: msisdn.into(),
        name: name.into(),
        language: language.into(),
        card: None,
    };
    lab::start(LabConfig {
        price_micros: Some(40_000),
        service_number: "0800123456".into(),
        ..LabConfig::here(vec![
            handset("+447700900101", "Mum", "en"),
            handset("+8613900000102", "王奶奶", "zh-Hans"),
        ])
    })
    .await
    .unwrap()
}

async fn ask_raw(
    lab: &Lab,
    method: &str,
    path: &str,
    body: &str,
) -> (u16, hyper::HeaderMap, String) {
    let stream = TcpStream::connect(lab.http_addr).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::builder()
        .method(method)
        .uri(path)
        .header("host", "lab")
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body.to_owned())))
        .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.into_body().collect().await.unwrap().to_bytes();
    (status, headers, String::from_utf8(text.to_vec()).unwrap())
}

async fn ask(lab: &Lab, method: &str, path: &str, body: Value) -> (u16, Value) {
    let (status, _, text) =
        ask_raw(lab, method, &format!("/lab/v1{path}"), &body.to_string()).await;
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

#[tokio::test]
async fn handsets_are_listed_in_the_order_they_came() {
    let lab = lab().await;
    let (_, all) = ask(&lab, "GET", "/handsets", Value::Null).await;
    let numbers: Vec<_> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|h| h["msisdn"].as_str().unwrap())
        .collect();
    assert_eq!(numbers, ["+447700900101", "+8613900000102"]);
}

#[tokio::test]
async fn a_handset_is_found_with_and_without_plus_and_switched() {
    let lab = lab().await;
    for number in ["447700900101", "+447700900101", "%2B447700900101"] {
        let (status, told) = ask(&lab, "GET", &format!("/handsets/{number}"), Value::Null).await;
        assert_eq!(
            (status, &told["name"], &told["on"]),
            (200, &json!("Mum"), &json!(true)),
            "{number}"
        );
    }
    let (_, told) = ask(
        &lab,
        "POST",
        "/handsets/447700900101/power",
        json!({"on": false}),
    )
    .await;
    assert_eq!(told["on"], json!(false));
}

#[tokio::test]
async fn what_is_wrong_is_said_in_a_sentence() {
    let lab = lab().await;
    let rows = [
        (
            "GET",
            "/handsets/1",
            Value::Null,
            404,
            "there is no handset 1",
        ),
        (
            "POST",
            "/handsets/447700900101/power",
            json!({"on": "yes"}),
            422,
            "on: invalid type",
        ),
        (
            "POST",
            "/handsets/447700900101/keys",
            json!({"digits": "1"}),
            409,
            "in no call",
        ),
        (
            "POST",
            "/handsets/447700900101/call",
            Value::Null,
            409,
            "no telephone system is joined",
        ),
        (
            "POST",
            "/handsets/447700900101/sms",
            json!({"text": "好".repeat(71)}),
            422,
            "make it shorter",
        ),
        (
            "PUT",
            "/faults",
            json!({"lose_por": 2}),
            422,
            "“lose_por” is a chance",
        ),
        (
            "PUT",
            "/faults",
            json!({"lose_everything": 1}),
            422,
            "lose_everything",
        ),
        (
            "POST",
            "/handsets",
            json!({"msisdn": "Mum"}),
            422,
            "1 to 15 digits",
        ),
        (
            "POST",
            "/handsets",
            json!({"msisdn": "+447700900101"}),
            409,
            "already",
        ),
        ("GET", "/nothing", Value::Null, 404, "there is nothing here"),
    ];
    for (method, path, body, status, sentence) in rows {
        let (got, told) = ask(&lab, method, path, body).await;
        let detail = told["detail"].as_str().unwrap_or_default();
        assert!(
            got == status && detail.contains(sentence),
            "{method} {path}: {got} {detail}"
        );
    }
}

#[tokio::test]
async fn faults_are_put_and_read_back() {
    let lab = lab().await;
    let (status, _) = ask(
        &lab,
        "PUT",
        "/faults",
        json!({"seed": 7, "lose_por": 0.5, "refuse": [88]}),
    )
    .await;
    assert_eq!(status, 200);
    let (_, told) = ask(&lab, "GET", "/faults", Value::Null).await;
    assert_eq!(
        (&told["seed"], &told["lose_por"], &told["refuse"]),
        (&json!(7), &json!(0.5), &json!([88]))
    );
}

#[tokio::test]
async fn a_handset_is_added_and_the_carrier_counts() {
    let lab = lab().await;
    let (status, told) = ask(
        &lab,
        "POST",
        "/handsets",
        json!({"msisdn": "+447700900109", "name": "Extra"}),
    )
    .await;
    assert_eq!((status, &told["name"]), (201, &json!("Extra")));
    let (_, counts) = ask(&lab, "GET", "/smsc", Value::Null).await;
    assert_eq!(
        (&counts["bound"], &counts["submitted"]),
        (&json!(0), &json!(0))
    );
}

/// A server's telephone side that keeps what it was told.
async fn telephone(told: Arc<Mutex<Vec<Value>>>) -> Telephone {
    let call =
        || Json(json!({"id": "c1", "state": "answered", "level": 0, "caller": "", "called": ""}));
    let keep = move |name: &'static str| {
        let told = told.clone();
        move |path: Option<Path<String>>, body: String| {
            let (told, _) = (told.clone(), path);
            async move {
                let body: Value = serde_json::from_str(&body).unwrap();
                told.lock().unwrap().push(json!({ name: body }));
                Json(json!({"id": "c1", "state": "ringing", "level": 0, "tries_left": 2}))
            }
        }
    };
    let router = Router::new()
        .route("/api/v1/calls", post(keep("call")))
        .route("/api/v1/calls/{c}/digits", post(keep("digits")))
        .route(
            "/api/v1/calls/{c}",
            get(move || async move { call() }).patch(keep("end")),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api_url = format!("http://{}/api/v1", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Telephone {
        api_url,
        token: "t".into(),
    }
}

#[tokio::test]
async fn a_call_is_rung_keyed_and_hung_up() {
    let lab = lab().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    lab.join_telephone(telephone(told.clone()).await);
    let (status, call) = ask(&lab, "POST", "/handsets/447700900101/call", Value::Null).await;
    assert_eq!(
        (status, &call["id"], &call["state"]),
        (201, &json!("c1"), &json!("ringing"))
    );
    assert_eq!(
        ask(&lab, "POST", "/handsets/447700900101/call", Value::Null)
            .await
            .0,
        409
    );
    let (status, answer) = ask(
        &lab,
        "POST",
        "/handsets/447700900101/keys",
        json!({"digits": "482913"}),
    )
    .await;
    assert_eq!((status, &answer["tries_left"]), (202, &json!(2)));
    assert_eq!(
        ask(&lab, "POST", "/handsets/447700900101/hangup", Value::Null)
            .await
            .0,
        200
    );
    let expected = [
        json!({"call": {"caller": "+447700900101", "called": "0800123456", "state": "ringing"}}),
        json!({"digits": {"digits": "482913", "for": "code"}}),
        json!({"end": {"state": "ended"}}),
    ];
    assert_eq!(*told.lock().unwrap(), expected);
}

#[tokio::test]
async fn the_page_speaks_both_languages_and_loads_nothing_from_elsewhere() {
    let lab = lab().await;
    for (query, lang, word) in [
        ("?lang=en", "lang=\"en\"", "The network"),
        ("?lang=zh-Hans", "lang=\"zh-Hans\"", "收发记录"),
    ] {
        let (status, headers, html) = ask_raw(&lab, "GET", &format!("/{query}"), "").await;
        assert_eq!(status, 200);
        assert!(
            html.contains(lang) && html.contains(word) && !html.contains("{{"),
            "{query}"
        );
        assert!(
            headers["content-security-policy"]
                .to_str()
                .unwrap()
                .starts_with("default-src 'self'")
        );
        assert!(
            headers["set-cookie"]
                .to_str()
                .unwrap()
                .starts_with("kith_phones_lang=")
        );
    }
}
