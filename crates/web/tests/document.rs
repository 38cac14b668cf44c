//! The OpenAPI document and the router are one: every call that the API promises is in both.
#![allow(clippy::unwrap_used, missing_docs)]

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use control::{Control, Settings};
use serde_json::Value;
use std::collections::BTreeSet;
use store::Store;
use tower::ServiceExt;

/// The calls of the API, as its readers know them.
const CALLS: &str = "
    POST /subscribers
    GET /subscribers
    GET /subscribers/{s}
    PATCH /subscribers/{s}
    DELETE /subscribers/{s}
    GET /subscribers/{s}/terminals
    POST /subscribers/{s}/terminals
    GET /terminals/{t}
    PATCH /terminals/{t}
    DELETE /terminals/{t}
    POST /terminals/{t}/send
    POST /terminals/{t}/verify
    POST /terminals/{t}/test
    POST /terminals/{t}/plan
    GET /subscribers/{s}/friends
    POST /subscribers/{s}/friends
    GET /subscribers/{s}/friends/{f}
    PATCH /subscribers/{s}/friends/{f}
    DELETE /subscribers/{s}/friends/{f}
    GET /subscribers/{s}/groups
    POST /subscribers/{s}/groups
    GET /subscribers/{s}/groups/{g}
    PATCH /subscribers/{s}/groups/{g}
    DELETE /subscribers/{s}/groups/{g}
    GET /subscribers/{s}/changes
    POST /subscribers/{s}/changes/{c}/undo
    GET /holds
    POST /holds/{h}/release
    POST /holds/{h}/refuse
    GET /shipments
    GET /shipments/{id}
    POST /calls
    GET /calls/{c}
    PATCH /calls/{c}
    POST /calls/{c}/digits
    GET /organisations
    POST /organisations
    GET /organisations/{o}
    PATCH /organisations/{o}
    GET /organisations/{o}/shared-groups
    POST /organisations/{o}/shared-groups
    GET /shared-groups/{q}
    PATCH /shared-groups/{q}
    GET /shared-groups/{q}/friends
    POST /shared-groups/{q}/friends
    GET /shared-groups/{q}/friends/{e}
    PATCH /shared-groups/{q}/friends/{e}
    DELETE /shared-groups/{q}/friends/{e}
    GET /shared-groups/{q}/changes
    GET /shared-groups/{q}/members
    POST /shared-groups/{q}/members
    DELETE /shared-groups/{q}/members/{s}
    GET /subscribers/{s}/shared-groups
    GET /campaigns
    GET /campaigns/{m}
    GET /campaigns/{m}/estimate
    POST /campaigns/{m}/start
    POST /campaigns/{m}/pause
    POST /campaigns/{m}/resume
    POST /campaigns/{m}/cancel
    GET /gateways
    GET /network
    GET /nodes
    GET /events
    GET /health
    GET /ready
    GET /metrics
";
const OPEN: [&str; 3] = ["/health", "/ready", "/metrics"];

fn router() -> axum::Router {
    let settings = Settings {
        policy: delivery::Policy::DEMO,
        ..Settings::default()
    };
    let key = vault::MasterKey::from_hex("test", &"42".repeat(32)).unwrap();
    let (outbound, _) = tokio::sync::mpsc::unbounded_channel();
    let store = Store::memory().unwrap();
    web::api::router(Control::new(
        store,
        key,
        settings,
        outbound,
        Default::default,
    ))
}

async fn ask(method: &str, path: &str) -> (StatusCode, String, Vec<u8>) {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v1{path}"))
        .body(Body::empty())
        .unwrap();
    let response = router().oneshot(request).await.unwrap();
    let status = response.status();
    let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap();
    let kind = kind.to_owned();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, kind, body.to_vec())
}

async fn document() -> Value {
    let (status, kind, body) = ask("GET", "/openapi.json").await;
    assert_eq!(
        (status, kind.as_str()),
        (StatusCode::OK, "application/json")
    );
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn the_calls_of_the_document_are_those_of_the_api() {
    let document = document().await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut there = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            there.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let wanted = CALLS.trim().lines().map(|line| line.trim().to_owned());
    assert_eq!(there, wanted.collect());
}

#[tokio::test]
async fn every_call_is_routed_and_wants_a_token() {
    for call in CALLS.trim().lines() {
        let (method, path) = call.trim().split_once(' ').unwrap();
        let (status, kind, body) = ask(method, path).await;
        if OPEN.contains(&path) {
            assert_eq!(status, StatusCode::OK, "{call}");
        } else {
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{call}");
            assert_eq!(kind, "application/problem+json", "{call}");
            let problem: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(problem["status"], 401, "{call}");
        }
    }
}

#[tokio::test]
async fn every_reference_of_the_document_is_there() {
    let document = document().await;
    let text = document.to_string();
    for piece in text.split("\"$ref\":\"#").skip(1) {
        let pointer = piece.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}

/// Where nothing can be counted, the rest is there: the figures of gateways must not go with them.
#[tokio::test]
async fn metrics_come_without_counts_where_nothing_can_be_counted() {
    let key = vault::MasterKey::from_hex("test", &"42".repeat(32)).unwrap();
    let (outbound, _) = tokio::sync::mpsc::unbounded_channel();
    let store = Store::memory().unwrap().judged(|| store::Fate::Lost);
    let settings = Settings::default();
    let table = || {
        let mut table = delivery::network::NetworkTable::default();
        table.waiting.bulk = 7;
        table
    };
    let control = Control::new(store, key, settings, outbound, table);
    let request = Request::builder()
        .uri("/api/v1/metrics")
        .body(Body::empty())
        .unwrap();
    let response = web::api::router(control).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    assert!(
        text.contains("kith_router_waiting{lane=\"bulk\"} 7"),
        "{text}"
    );
    assert!(!text.contains("kith_subscribers"), "{text}");
}
