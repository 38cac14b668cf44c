//! What happens to phones: emptied, read back, given a new card, held back.

use super::running::{Demo, MUM, ask, until};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn who_is_deleted_goes_once_her_phone_is_empty() {
    let demo = Demo::start("leaving");
    let (s, _) = demo.mum();
    demo.in_sync();
    assert!(!demo.phone_book(MUM).is_empty());
    let leaving = demo.ask(&format!("DELETE /subscribers/{s}"), &[], "");
    // The phone can be quick enough to be empty by then.
    assert!([202, 204].contains(&leaving.status), "{}", leaving.body);
    assert_ne!(leaving.body["leaving"], json!(false));
    until("her end", || {
        let gone = demo.ask(&format!("GET /subscribers/{s}"), &[], "");
        (gone.status == 404).then_some(())
    });
    assert_eq!(demo.phone_book(MUM), BTreeSet::new());
    let new = json!({"msisdn": MUM, "name": "Mum"});
    assert_eq!(demo.api("POST /subscribers", &new).status, 201);
}

#[test]
fn a_read_back_is_a_shipment_that_says_what_it_costs() {
    let demo = Demo::start("verify");
    let (_, t) = demo.mum();
    demo.in_sync();
    for kind in ["verify", "test"] {
        let begun = demo.ask(&format!("POST /terminals/{t}/{kind}"), &[], "");
        assert_eq!(begun.status, 202, "{}", begun.body);
        let done = until("its proof", || {
            let list = demo.get(&format!("/shipments?terminal={t}&state=proven"));
            let mut all = list["items"].as_array().unwrap().iter();
            all.find(|shipment| shipment["kind"] == kind).cloned()
        });
        // On a slow machine the answer does not wait for the plan.
        if !begun.body["shipment"].is_null() {
            assert_eq!(begun.body["shipment"], done["id"]);
            assert_eq!(begun.body["kind"], kind);
            assert_eq!(begun.body["cost"]["currency"], "GBP", "{}", begun.body);
        }
        let packets = done["packets"].as_array().unwrap().iter();
        let parts: usize = packets
            .map(|packet| packet["parts"].as_array().unwrap().len())
            .sum();
        assert!(done["cost"]["micros"].as_u64().unwrap() >= 40_000 * u64::try_from(parts).unwrap());
    }
}

#[test]
fn a_new_card_is_filled_from_the_first_record_on() {
    let demo = Demo::start("card");
    let (_, t) = demo.mum();
    demo.in_sync();
    let before = demo.phone_book(MUM);
    let (iccid, kic, kid) = ("8944770090000000777", "0f".repeat(16), "f0".repeat(16));
    let lab = demo.url("lab");
    let card = json!({"iccid": iccid, "kic": kic, "kid": kid}).to_string();
    let lines = ["Content-Type: application/json".to_owned()];
    let swapped = ask(lab, &format!("POST /handsets/{MUM}/swap"), &lines, &card);
    assert_eq!(swapped.status, 200, "{}", swapped.body);
    assert!(demo.phone_book(MUM).is_empty());
    let patch = json!({"iccid": iccid, "keys": {"kic": kic, "kid": kid}});
    let patched = demo.api(&format!("PATCH /terminals/{t}"), &patch);
    assert_eq!(
        (patched.status, &patched.body["iccid"]),
        (200, &json!(iccid))
    );
    assert_eq!(patched.body["proven_revision"], 0);
    demo.in_sync();
    assert_eq!(demo.phone_book(MUM), before);
}

#[test]
fn a_mass_removal_waits_for_a_yes() {
    let demo = Demo::start("hold");
    let (s, _) = demo.mum();
    let list = demo.get(&format!("/subscribers/{s}/friends"));
    let friends = list["items"].as_array().unwrap();
    for friend in friends.iter().take(11) {
        let gone = format!(
            "DELETE /subscribers/{s}/friends/{}",
            friend["id"].as_str().unwrap()
        );
        assert_eq!(demo.ask(&gone, &[], "").status, 204);
    }
    let holds = demo.get(&format!("/holds?subscriber={s}"));
    let hold = &holds["items"][0];
    assert_eq!(
        (&hold["state"], &hold["until"]),
        (&json!("held"), &Value::Null),
        "{holds}"
    );
    assert!(!hold["before"].as_array().unwrap().is_empty() && hold["after"] == json!([]));
    let release = format!("POST /holds/{}/release", hold["id"].as_str().unwrap());
    let released = demo.ask(&release, &[], "");
    assert_eq!(
        (released.status, &released.body["state"]),
        (200, &json!("released"))
    );
    assert!(released.body["until"].is_string());
    assert_eq!(demo.ask(&release, &[], "").status, 404);
    assert_eq!(demo.get("/holds")["items"], json!([]));
}
