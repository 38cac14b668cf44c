//! The server and the carrier as processes of their own, ended at every named moment: what was recorded is finished at
//! the next start, once, and every rule of the audit holds.
#![allow(clippy::unwrap_used, missing_docs)]

mod running;

use running::{MUM, folder, says, spawn, try_ask, until};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

const JOE: &str = "+447700900103";

/// A folder, the ports, and whatever of the two processes runs.
struct World {
    folder: PathBuf,
    smpp: u16,
    lab: u16,
    api: u16,
    server: Option<Child>,
    carrier: Option<Child>,
    token: String,
}

impl Drop for World {
    fn drop(&mut self) {
        for child in [&mut self.server, &mut self.carrier].into_iter().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn free_ports<const N: usize>() -> [u16; N] {
    let held: Vec<_> = (0..N)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    std::array::from_fn(|n| held[n].local_addr().unwrap().port())
}

impl World {
    /// A carrier that runs, and a store with two subscribers: Mum with a card, Joe without.
    fn new(name: &str) -> Self {
        let folder = folder(&format!("kill-{name}"));
        let [smpp, lab, api, portal] = free_ports();
        let config = format!(
            "[store]\npath = \"data\"\n[listen]\npublic = \"127.0.0.1:{portal}\"\nlan = \"127.0.0.1:{api}\"\n\
             [delivery]\nquiet_seconds = 0\nproof_seconds = 1\nproof_seconds_most = 1\n\
             [[gateway]]\nname = \"carrier\"\nhost = \"127.0.0.1\"\nport = {smpp}\nsystem_id = \"kith\"\n\
             password = \"secret8\"\nsource = \"12345\"\n"
        );
        std::fs::write(folder.join("kith.toml"), config).unwrap();
        let keys = format!("{}\n{}\n", "01".repeat(16), "a4".repeat(16));
        std::fs::write(folder.join("keys.txt"), keys).unwrap();
        let mut world = Self {
            folder,
            smpp,
            lab,
            api,
            server: None,
            carrier: None,
            token: String::new(),
        };
        world.start_carrier();
        // The first start makes the store; what follows is done without a server.
        world.start_server(None);
        world.stop_server();
        world.kith(&["subscriber", "add", "--msisdn", MUM, "--name", "Mum"]);
        let card = [
            "--card-profile",
            "sim-28x50",
            "--iccid",
            "89447700900000000001",
        ];
        let keys = ["--keys-file", "keys.txt"];
        world.kith(&[&["terminal", "add", MUM][..], &card, &keys].concat());
        world.kith(&["subscriber", "add", "--msisdn", JOE, "--name", "Joe"]);
        world.kith(&["terminal", "add", JOE, "--channel", "sms-card"]);
        let scopes = ["calls", "books:read", "books:write", "provision", "network"];
        let scopes: Vec<_> = scopes.iter().flat_map(|scope| ["--scope", scope]).collect();
        world.token = world.kith(&[&["token", "add", "test"][..], &scopes].concat());
        world
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kith"));
        command.current_dir(&self.folder).stdin(Stdio::null());
        command
    }

    fn kith(&self, words: &[&str]) -> String {
        let output = self.command().args(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let wrong = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {said}{wrong}");
        said
    }

    fn start_carrier(&mut self) {
        let (smpp, lab) = (self.smpp.to_string(), self.lab.to_string());
        let words = [
            "lab",
            "--data",
            "lab",
            "--smpp-port",
            &smpp,
            "--http-port",
            &lab,
        ];
        let (child, lines) = spawn(self.command().args(words));
        self.carrier = Some(child);
        assert!(says(&lines, "Phones"), "the carrier ended");
    }

    /// Starts the server; with a moment, one that ends itself there, perhaps before it has said that it is ready.
    fn start_server(&mut self, kill_at: Option<&str>) {
        let mut command = self.command();
        command.arg("serve");
        if let Some(moment) = kill_at {
            command.env("KITH_KILL_AT", moment).stderr(Stdio::null());
        }
        let (child, lines) = spawn(&mut command);
        self.server = Some(child);
        assert!(
            says(&lines, "Portal") || kill_at.is_some(),
            "the server ended"
        );
    }

    /// SIGKILL: nothing is said good-bye to.
    fn stop_server(&mut self) {
        let mut child = self.server.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn stop_carrier(&mut self) {
        let mut child = self.carrier.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Waits until the server has ended itself.
    fn ended(&mut self, moment: &str) {
        let mut child = self.server.take().unwrap();
        until(moment, || child.try_wait().unwrap());
    }

    /// A call of the API; nothing when the server ended meanwhile.
    fn api(&self, call: &str, body: &Value) -> Option<Value> {
        let lines = [
            format!("Authorization: Bearer {}", self.token),
            "Content-Type: application/json".to_owned(),
        ];
        let base = format!("http://127.0.0.1:{}/api/v1", self.api);
        let answer = try_ask(&base, call, &lines, &body.to_string())?;
        assert!(answer.status < 500, "{call}: {}", answer.text);
        Some(answer.body)
    }

    fn id(&self, number: &str) -> String {
        let shown = self.kith(&["subscriber", "show", number, "--json"]);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        shown["id"].as_str().unwrap().to_owned()
    }

    /// Adds a friend over HTTP; a server that ends itself meanwhile gives no answer.
    fn add(&self, owner: &str, name: &str) {
        let body = json!({"name": name, "numbers": [{"number": "07700 900123"}]});
        self.api(&format!("POST /subscribers/{owner}/friends"), &body);
    }

    /// Brings so many friends of Mum's in by a list.
    fn import(&self, count: usize) -> Vec<String> {
        let names: Vec<String> = (1..=count).map(|n| format!("Friend {n}")).collect();
        let card = |name: &String| {
            format!("BEGIN:VCARD\nVERSION:3.0\nFN:{name}\nTEL:07700 900123\nEND:VCARD\n")
        };
        let cards: String = names.iter().map(card).collect();
        std::fs::write(self.folder.join("list.vcf"), cards).unwrap();
        self.kith(&["book", "import", MUM, "list.vcf"]);
        names
    }

    fn phone(&self, number: &str) -> Value {
        let base = format!("http://127.0.0.1:{}/lab/v1", self.lab);
        let answer = try_ask(&base, &format!("GET /handsets/{number}"), &[], "");
        answer.map(|answer| answer.body).unwrap_or_default()
    }

    /// The names in a phone's book, sorted: from the card's own file, or from the cards that it took.
    fn names(&self, number: &str) -> Vec<String> {
        let phone = self.phone(number);
        let kept = if number == MUM {
            "phone_book"
        } else {
            "cards_received"
        };
        let mut names: Vec<_> = phone[kept]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|entry| entry["name"].as_str().map(str::to_owned))
            .collect();
        names.sort();
        names
    }

    /// Everything is done: the phone has the friends, the server says so, and every rule holds.
    fn finished(&self, number: &str, names: &[&str]) {
        until(&format!("{names:?} on {number}"), || {
            let there = self.names(number);
            let all = names.iter().all(|name| there.iter().any(|n| n == name));
            all.then_some(())
        });
        until("in_sync", || {
            let shown = self.kith(&["terminal", "show", number]);
            shown.contains("in_sync").then_some(())
        });
        assert!(self.kith(&["audit"]).contains("every rule holds"));
    }
}

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
