//! A token opens what its scopes say and nothing else; a telephone system's opens no book (rule 10).
#![allow(clippy::unwrap_used, missing_docs)]

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use book::{Edit, FriendDraft, Language};
use control::{Control, EditOptions, NewSubscriber, NewTerminal, Settings};
use identity::{Grant, JobKind, OrganisationGrant, Scope};
use serde_json::Value;
use store::Store;
use terminals::ChannelKind;
use tower::ServiceExt;

/// Control with one owner, her phone and one friend; the ids that rows name.
async fn house() -> (Control, Vec<(&'static str, String)>) {
    let settings = Settings {
        policy: delivery::Policy::DEMO,
        ..Settings::default()
    };
    let key = vault::MasterKey::from_hex("test", &"42".repeat(32)).unwrap();
    let (outbound, _) = tokio::sync::mpsc::unbounded_channel();
    let store = Store::memory().unwrap();
    let control = Control::new(store, key, settings, outbound, Default::default);
    let owner = NewSubscriber {
        msisdn: "+447700900101".into(),
        name: "Mum".into(),
        language: Language::En,
        region: None,
    };
    let owner = control.create_subscriber(owner).await.unwrap();
    let phone = NewTerminal {
        subscriber: owner.id,
        channel: ChannelKind::SmsCard,
        msisdn: "+447700900101".into(),
        card_profile: None,
        iccid: None,
        keys: None,
        counter: None,
        in_use: false,
        terminal_profile: None,
    };
    let phone = control.add_terminal(phone).await.unwrap();
    let grant = Grant::of_job(JobKind::Sample, owner.id);
    let edit = Edit::AddFriend(FriendDraft::new("Mei", "07700 900123"));
    let edited = control.edit(&grant, edit, EditOptions::default()).await;
    let friend = edited.unwrap().friend.unwrap();
    let right = OrganisationGrant::of_job(JobKind::Sample);
    let care = control.add_organisation(&right, "Care", Language::En, "GB", None);
    let care = care.await.unwrap().no;
    let group = control.add_shared_group(&right, care, "Night", None);
    let group = group.await.unwrap().group.no;
    let ids = vec![
        ("{q}", book::shared_group_id(group)),
        ("{s}", book::subscriber_id(owner.id)),
        ("{t}", book::encode_in('t', owner.id, phone.id.no)),
        ("{f}", book::friend_id(owner.id, friend)),
    ];
    (control, ids)
}

async fn ask(control: &Control, secret: &str, call: &str, body: &str) -> (StatusCode, Value) {
    let (method, path) = call.split_once(' ').unwrap();
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v1{path}"))
        .header("authorization", format!("Bearer {secret}"))
        .header("content-type", "application/json")
        .body(Body::from(body.to_owned()))
        .unwrap();
    let response = web::api::router(control.clone())
        .oneshot(request)
        .await
        .unwrap();
    let status = response.status();
    // The stream of events has no end.
    if path == "/events" && status == StatusCode::OK {
        return (status, Value::Null);
    }
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// Call, body, and the scopes of which one is enough.
const ROWS: &[(&str, &str, &[Scope])] = &[
    ("GET /subscribers", "", &[Scope::Provision]),
    ("GET /subscribers/{s}", "", &[Scope::Provision]),
    ("PATCH /subscribers/{s}", "{}", &[Scope::Provision]),
    (
        "POST /subscribers",
        r#"{"msisdn": "+447700900102", "name": "Joe"}"#,
        &[Scope::Provision],
    ),
    ("GET /subscribers/{s}/friends", "", &[Scope::BooksRead]),
    (
        "POST /subscribers/{s}/friends",
        r#"{"name": "Ann", "numbers": [{"number": "07700 900124"}]}"#,
        &[Scope::BooksWrite],
    ),
    ("GET /subscribers/{s}/friends/{f}", "", &[Scope::BooksRead]),
    (
        "PATCH /subscribers/{s}/friends/{f}",
        r#"{"note": "x"}"#,
        &[Scope::BooksWrite],
    ),
    ("GET /subscribers/{s}/groups", "", &[Scope::BooksRead]),
    ("GET /subscribers/{s}/changes", "", &[Scope::BooksRead]),
    ("GET /holds", "", &[Scope::BooksRead]),
    ("GET /subscribers/{s}/terminals", "", &[Scope::BooksRead]),
    ("GET /terminals/{t}", "", &[Scope::BooksRead]),
    (
        "PATCH /terminals/{t}",
        r#"{"content": "all"}"#,
        &[Scope::Provision],
    ),
    ("POST /terminals/{t}/plan", "", &[Scope::BooksRead]),
    ("POST /terminals/{t}/send", "", &[Scope::BooksWrite]),
    ("GET /shipments", "", &[Scope::BooksRead]),
    (
        "POST /calls",
        r#"{"caller": "+447700900101", "called": "+448000123456"}"#,
        &[Scope::Calls],
    ),
    ("GET /organisations", "", &[Scope::Organisations]),
    (
        "POST /organisations",
        r#"{"name": "Green Care", "region": "GB"}"#,
        &[Scope::Organisations],
    ),
    ("GET /shared-groups/{q}", "", &[Scope::Organisations]),
    (
        "POST /shared-groups/{q}/friends",
        r#"{"name": "Ann", "numbers": [{"number": "07700 900124"}]}"#,
        &[Scope::Organisations],
    ),
    (
        "GET /shared-groups/{q}/members",
        "",
        &[Scope::Organisations],
    ),
    ("GET /campaigns", "", &[Scope::Organisations]),
    (
        "GET /subscribers/{s}/shared-groups",
        "",
        &[Scope::BooksRead],
    ),
    ("GET /network", "", &[Scope::Network]),
    ("GET /gateways", "", &[Scope::Network]),
    (
        "GET /events",
        "",
        &[
            Scope::BooksRead,
            Scope::Network,
            Scope::Organisations,
            Scope::Calls,
        ],
    ),
];

#[tokio::test]
async fn one_scope_opens_its_calls_and_no_other() {
    let (control, ids) = house().await;
    for scope in Scope::ALL {
        let (_, secret) = control.create_token("test", [scope]).await.unwrap();
        for (call, body, scopes) in ROWS {
            let fill = |text: String, (name, id): &(&str, String)| text.replace(name, id);
            let filled = ids.iter().fold((*call).to_owned(), fill);
            let (status, said) = ask(&control, &secret, &filled, body).await;
            if scopes.contains(&scope) {
                assert!(
                    status.is_success(),
                    "{} {call}: {status} {said}",
                    scope.as_str()
                );
            } else {
                assert_eq!(
                    status,
                    StatusCode::FORBIDDEN,
                    "{} {call}: {said}",
                    scope.as_str()
                );
            }
        }
    }
}

#[tokio::test]
async fn who_may_only_provision_sees_no_entry() {
    let (control, ids) = house().await;
    let scopes = [Scope::Provision];
    let (_, provision) = control.create_token("shop", scopes).await.unwrap();
    let (_, reader) = control
        .create_token("book", [Scope::BooksRead])
        .await
        .unwrap();
    let (_, t) = &ids[2];
    let patch = format!("PATCH /terminals/{t}");
    let (status, told) = ask(&control, &provision, &patch, r#"{"content": "all"}"#).await;
    assert_eq!(
        (status, &told["entries"]),
        (StatusCode::OK, &Value::Array(Vec::new()))
    );
    let (_, read) = ask(&control, &reader, &format!("GET /terminals/{t}"), "").await;
    assert_eq!(read["entries"][0]["name_shown"], "Mei");
}
