//! The server and the carrier as processes of their own, ended at every named moment: what was recorded is finished at
//! the next start, once, and every rule of the audit holds.
#![allow(clippy::unwrap_used, missing_docs)]

mod running;

use running::world::World;
use running::{JOE, MUM, until};
use serde_json::{Value, json};

/// One world for all moments of the card's way: each moment adds a friend, so that the next one has something to do.
#[test]
fn the_server_ends_after_each_effect_on_the_way_to_a_card() {
    let mut world = World::new("card");
    let owner = world.id(MUM);
    let moments = [
        "edit-committed",
        "shipment-recorded",
        "part-handed-over",
        "parts-accepted",
        "receipt-stored",
        "receipt-acknowledged",
        "shadow-moved",
        "answer-stored",
        "answer-acknowledged",
    ];
    let mut names: Vec<String> = Vec::new();
    for moment in moments {
        world.start_server(Some(moment));
        let name = format!("Step {}", names.len());
        world.add(&owner, &name);
        world.ended(moment);
        world.start_server(None);
        names.push(name);
        let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
        world.finished(MUM, &wanted);
        // Absolute writes: however often a packet went out, everybody stands there once.
        assert_eq!(world.names(MUM).len(), names.len(), "{moment}");
        world.stop_server();
    }
}

#[test]
fn the_server_ends_after_each_effect_on_the_way_to_a_phone_without_a_card() {
    let mut world = World::new("plain");
    let owner = world.id(JOE);
    for (n, moment) in [
        "shipment-recorded",
        "parts-accepted",
        "receipt-stored",
        "shadow-moved",
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("Friend {n}");
        world.start_server(Some(moment));
        world.add(&owner, &name);
        world.ended(moment);
        world.start_server(None);
        world.finished(JOE, &[&name]);
        world.stop_server();
    }
}

/// A planned stop in the middle of traffic: what the gateway was given is answered and recorded first. A business card
/// that went a second time would be a second entry.
#[test]
fn a_server_that_is_told_to_end_has_no_part_sent_twice() {
    let mut world = World::new("planned");
    let owner = world.id(JOE);
    let names: Vec<String> = (1..=4).map(|n| format!("Friend {n}")).collect();
    world.faults(&json!({"submit_delay_ms": 700.0}));
    for (name, count) in names.iter().zip(1..) {
        world.start_server(None);
        world.add(&owner, name);
        // Handed over, and not answered yet.
        until("the message at the carrier", || {
            (world.submitted() >= count).then_some(())
        });
        world.end_server();
    }
    world.faults(&json!({}));
    world.start_server(None);
    let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    world.finished(JOE, &wanted);
    assert_eq!(world.names(JOE), wanted, "each card once");
    assert_eq!(world.submitted(), 4);
}

#[test]
fn the_server_ends_between_the_parts_of_a_long_command() {
    let mut world = World::new("parts");
    // Without a server the list is recorded; it goes at the next start.
    let names = world.import(8);
    world.start_server(Some("part-accepted"));
    world.ended("part-accepted");
    world.start_server(None);
    let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    world.finished(MUM, &wanted);
    assert_eq!(world.names(MUM).len(), 8);
}

#[test]
fn the_server_ends_after_a_test_was_proven_and_after_a_hold_was_decided() {
    let mut world = World::new("decided");
    let owner = world.id(MUM);
    let terminal = world.kith(&["terminal", "show", MUM, "--json"]);
    let terminal: Value = serde_json::from_str(&terminal).unwrap();
    let terminal = terminal["id"].as_str().unwrap().to_owned();
    world.start_server(Some("proof-recorded"));
    world.api(&format!("POST /terminals/{terminal}/test"), &json!({}));
    world.ended("proof-recorded");
    world.start_server(None);
    // By the command line, so that the removals below are another sitting.
    let names = world.import(6);
    let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    world.finished(MUM, &wanted);
    let friends = format!("/subscribers/{owner}/friends");
    let list = world.api(&format!("GET {friends}"), &Value::Null).unwrap();
    for friend in list["items"].as_array().unwrap() {
        let call = format!("DELETE {friends}/{}", friend["id"].as_str().unwrap());
        world.api(&call, &json!({}));
    }
    world.stop_server();
    world.start_server(Some("hold-decided"));
    let holds = format!("GET /holds?subscriber={owner}");
    let holds = world.api(&holds, &Value::Null).unwrap();
    let hold = holds["items"][0]["id"].as_str().unwrap();
    world.api(&format!("POST /holds/{hold}/release"), &json!({}));
    world.ended("hold-decided");
    world.start_server(None);
    // The yes was recorded with its due marks: the phone is emptied.
    until("an empty phone", || {
        world.names(MUM).is_empty().then_some(())
    });
    world.finished(MUM, &[]);
}

#[test]
fn the_server_ends_while_a_call_ends() {
    let mut world = World::new("call");
    for (n, moment) in ["call-ended", "call-released", "call-settled"]
        .into_iter()
        .enumerate()
    {
        // The desk is driven by the browser tests; here the call is the store's, and its edits are the API's.
        world.start_server(Some(moment));
        let call = json!({"caller": MUM, "called": "0800 123 456"});
        let call = world.api("POST /calls", &call).unwrap();
        let path = format!("/calls/{}", call["id"].as_str().unwrap());
        world.add(&world.id(MUM), &format!("Caller {n}"));
        world.api(&format!("PATCH {path}"), &json!({"state": "ended"}));
        world.ended(moment);
        world.start_server(None);
        world.finished(MUM, &[&format!("Caller {n}")]);
        until("the call's end", || {
            let call = world.api(&format!("GET {path}"), &Value::Null)?;
            (call["state"] == "ended").then_some(())
        });
        world.stop_server();
    }
}

#[test]
fn the_carrier_ends_and_both_end() {
    let mut world = World::new("carrier");
    let owner = world.id(MUM);
    world.start_server(None);
    world.add(&owner, "Before");
    world.finished(MUM, &["Before"]);
    // The carrier goes while a friend is on her way; its cards keep what they have.
    world.add(&owner, "During");
    world.stop_carrier();
    world.add(&owner, "Without");
    world.start_carrier();
    world.finished(MUM, &["Before", "During", "Without"]);
    // Both go.
    world.add(&owner, "Both");
    world.stop_carrier();
    world.stop_server();
    world.start_server(None);
    world.start_carrier();
    world.finished(MUM, &["Before", "During", "Without", "Both"]);
    assert_eq!(world.names(MUM).len(), 4);
}
