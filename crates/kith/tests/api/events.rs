//! Server-sent events, and going on after the last.

use super::ANN;
use super::running::{self, Demo};
use serde_json::{Value, json};

#[test]
fn events_come_as_they_happen_and_go_on_after_the_last() {
    let demo = Demo::start("events");
    let (s, _) = demo.mum();
    let mut live = listen(&demo, None);
    let friend = demo.api(
        &format!("POST /subscribers/{s}/friends"),
        &serde_json::from_str(ANN).unwrap(),
    );
    assert_eq!(friend.status, 201);
    let (id, data) = next(&mut live, "change");
    assert_eq!(data["subscriber"], json!(s));
    let (_, shipment) = next(&mut live, "shipment");
    assert!(shipment["state"].is_string(), "{shipment}");
    // What came after the change comes again to whoever goes on after it.
    let (_, again) = next(&mut listen(&demo, Some(&id)), "shipment");
    assert_eq!(again["id"], shipment["id"]);
    // Nobody knows what was missed since another process.
    let (_, missed) = next(&mut listen(&demo, Some("0-7")), "missed");
    assert_eq!(missed, json!({}));
}

fn listen(demo: &Demo, last: Option<&str>) -> impl Iterator<Item = String> {
    let token = demo.json["api"]["token"].as_str().unwrap();
    let mut lines = vec![format!("Authorization: Bearer {token}")];
    lines.extend(last.map(|id| format!("Last-Event-ID: {id}")));
    running::listen(demo.url("api"), "/events", &lines)
}

/// The id and data of the next event of this name.
fn next(lines: &mut impl Iterator<Item = String>, name: &str) -> (String, Value) {
    assert!(lines.any(|line| line == format!("event: {name}")));
    let mut id = String::new();
    for line in lines {
        if let Some(said) = line.strip_prefix("id: ") {
            said.clone_into(&mut id);
        } else if let Some(data) = line.strip_prefix("data: ") {
            return (id, serde_json::from_str(data).unwrap());
        }
    }
    panic!("the stream ended");
}
