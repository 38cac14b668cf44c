//! The API as programs use it, over a demo's port: the status of every call, conditions, keys, pages, and the death of
//! the process in between.
#![allow(clippy::unwrap_used, missing_docs)]

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a state may take to come; a test that waits this long has failed.
const LIMIT: Duration = Duration::from_secs(60);

struct Demo {
    process: Child,
    folder: PathBuf,
    json: Value,
}

struct Answer {
    status: u16,
    head: String,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines();
        let mut fields = lines.filter_map(|line| line.split_once(": "));
        fields
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

impl Demo {
    fn start(name: &str) -> Self {
        let folder = format!("kith-test-api-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        Self::on(folder)
    }

    fn on(folder: PathBuf) -> Self {
        let file = folder.join("demo.json");
        let _ = std::fs::remove_file(&file);
        let process = Command::new(env!("CARGO_BIN_EXE_kith"))
            .args(["demo", "--port", "0", "--data"])
            .arg(&folder)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let json = until("demo.json", || read_json(&file));
        Self {
            process,
            folder,
            json,
        }
    }

    /// Dies without a good-bye and comes again; the caller keeps the token that she has.
    fn again(self) -> Self {
        let (folder, token) = (self.folder.clone(), self.json["api"]["token"].clone());
        drop(self);
        let mut again = Self::on(folder);
        again.json["api"]["token"] = token;
        again
    }

    fn end(self) {
        let folder = self.folder.clone();
        drop(self);
        std::fs::remove_dir_all(folder).unwrap();
    }

    /// `call` is a method and a path; `headers` are whole lines.
    fn ask(&self, call: &str, headers: &[String], body: &str) -> Answer {
        let token = format!(
            "Authorization: Bearer {}",
            self.json["api"]["token"].as_str().unwrap()
        );
        let mut lines = vec![token, "Content-Type: application/json".to_owned()];
        lines.extend_from_slice(headers);
        ask(
            self.json["api"]["url"].as_str().unwrap(),
            call,
            &lines,
            body,
        )
    }

    fn api(&self, call: &str, body: &Value) -> Answer {
        self.ask(call, &[], &body.to_string())
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.ask(&format!("GET {path}"), &[], "");
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    fn phone_book(&self, msisdn: &str) -> BTreeSet<String> {
        let lab = self.json["lab"]["url"].as_str().unwrap();
        let phone = ask(lab, &format!("GET /handsets/{msisdn}"), &[], "").body;
        let book = phone["phone_book"].as_array().unwrap().iter();
        book.map(|entry| entry["name"].as_str().unwrap().to_owned())
            .collect()
    }

    fn mum(&self) -> (String, String) {
        let mut all = self.json["subscribers"].as_array().unwrap().iter();
        let mum = all.find(|subscriber| subscriber["name"] == "Mum").unwrap();
        let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
        (id(mum), id(&mum["terminals"][0]))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill(); // SIGKILL: nothing is said good-bye to
        let _ = self.process.wait();
    }
}

fn read_json(file: &Path) -> Option<Value> {
    serde_json::from_str(&std::fs::read_to_string(file).ok()?).ok()
}

/// Waits for a state, with a limit.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < LIMIT, "{what} did not come");
        std::thread::yield_now();
    }
}

fn ask(base: &str, call: &str, lines: &[String], body: &str) -> Answer {
    let (method, path) = call.split_once(' ').unwrap();
    let rest = base.strip_prefix("http://").unwrap();
    let (host, prefix) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    let head = format!(
        "{method} /{prefix}{path} HTTP/1.1\r\nHost: {host}\r\n{lines}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    // An answer may come before the whole body was taken (413).
    let _ = stream.write_all(&[head.as_bytes(), body.as_bytes()].concat());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: serde_json::from_str(body).unwrap_or_default(),
    }
}

const ANN: &str = r#"{"name": "Ann", "numbers": [{"number": "07700 900222", "label": "home"}]}"#;
const LONG_NAME: &str = r#"{"name": "01234567890123456789012345678901234567890123456789012345678901234", "numbers": [{"number": "07700 900223"}]}"#;

/// Call, body, status, and the field to blame. `{s}` `{t}` Mum and her terminal, `{f}` Mei, `{c}` the last change.
const ROWS: &[(&str, &str, u16, &str)] = &[
    ("GET /subscribers", "", 200, ""),
    ("GET /subscribers?number=%2B447700900101", "", 200, ""),
    ("GET /subscribers?number=+447700900101", "", 200, ""),
    ("GET /subscribers?limit=501", "", 422, "limit"),
    ("GET /subscribers?limit=x", "", 422, "limit"),
    ("GET /subscribers?after=x", "", 422, "after"),
    ("GET /subscribers?limit=1&limit=2", "", 422, "limit"),
    ("GET /subscribers/{s}", "", 200, ""),
    ("GET /subscribers/{t}", "", 404, ""),
    ("GET /subscribers/saaaaaaaaaaaaa", "", 404, ""),
    ("PUT /subscribers/{s}", "{}", 405, ""),
    (
        "POST /subscribers",
        r#"{"msisdn": "+447700900555", "name": "Zoe", "pin": "12345"}"#,
        422,
        "pin",
    ),
    (
        "POST /subscribers",
        r#"{"msisdn": "+447700900555", "name": " "}"#,
        422,
        "name",
    ),
    (
        "POST /subscribers",
        r#"{"msisdn": "07700", "name": "Zoe"}"#,
        422,
        "msisdn",
    ),
    (
        "POST /subscribers",
        r#"{"msisdn": "+447700900555", "name": "Zoe", "language": "fr"}"#,
        422,
        "language",
    ),
    (
        "POST /subscribers",
        r#"{"msisdn": "+447700900555", "name": "Zoe", "region": "England"}"#,
        422,
        "region",
    ),
    ("POST /subscribers", r#"{"name": "Zoe"}"#, 422, "msisdn"),
    (
        "POST /subscribers",
        r#"{"msisdn": "+447700900555", "name": "Zoe", "pin": "123456"}"#,
        201,
        "",
    ),
    (
        "PATCH /subscribers/{s}",
        r#"{"language": "zh-Hans", "pin": "654321"}"#,
        200,
        "",
    ),
    (
        "PATCH /subscribers/{s}",
        r#"{"language": "en", "pin": null}"#,
        200,
        "",
    ),
    (
        "PATCH /subscribers/{s}",
        r#"{"msisdn": "me"}"#,
        422,
        "msisdn",
    ),
    ("PATCH /subscribers/{s}", r#"{"id": "x"}"#, 422, "id"),
    ("PATCH /subscribers/{s}", "", 422, ""),
    ("GET /subscribers/{s}/friends", "", 200, ""),
    (
        "GET /subscribers/{s}/friends?limit=1&after={f}",
        "",
        200,
        "",
    ),
    ("GET /subscribers/{s}/friends?after=%20", "", 422, "after"),
    ("POST /subscribers/{s}/friends", ANN, 201, ""),
    ("POST /subscribers/{s}/friends", LONG_NAME, 422, "name"),
    (
        "POST /subscribers/{s}/friends",
        r#"{"name": "Bo"}"#,
        422,
        "numbers",
    ),
    (
        "POST /subscribers/{s}/friends",
        r#"{"name": "Bo", "numbers": []}"#,
        422,
        "numbers[0].number",
    ),
    (
        "POST /subscribers/{s}/friends",
        r#"{"name": "Bo", "numbers": [{"number": "O77"}]}"#,
        422,
        "numbers[0].number",
    ),
    (
        "POST /subscribers/{s}/friends",
        r#"{"name": "Bo", "numbers": [{"number": 5}]}"#,
        422,
        "numbers[0].number",
    ),
    (
        "POST /subscribers/{s}/friends",
        r#"{"name": "Bo", "numbers": [{"number": "1", "kind": 1}]}"#,
        422,
        "numbers[0].kind",
    ),
    (
        "POST /subscribers/{s}/friends",
        r#"{"name": "Bo", "numbers": [], "colour": "red"}"#,
        422,
        "colour",
    ),
    (
        "POST /subscribers/{s}/friends",
        r#"{"name": "Bo", "numbers": [{"number": "07700 900224"}], "speed_dial": 1}"#,
        422,
        "speed_dial",
    ),
    (
        "POST /subscribers/{s}/friends",
        r#"{"name": "Bo", "numbers": [{"number": "07700 900224"}], "groups": ["1"]}"#,
        422,
        "groups",
    ),
    ("POST /subscribers/{s}/friends", r#"{"name": "Bo""#, 422, ""),
    (
        "POST /subscribers/{s}/friends",
        r#"["Bo", null, []]"#,
        422,
        "",
    ),
    ("GET /subscribers/{s}/friends/{f}", "", 200, ""),
    ("GET /subscribers/{s}/friends/f", "", 404, ""),
    (
        "PATCH /subscribers/{s}/friends/{f}",
        r#"{"note": "from school", "emergency": true}"#,
        200,
        "",
    ),
    (
        "PATCH /subscribers/{s}/friends/{f}",
        r#"{"note": null, "emergency": false}"#,
        200,
        "",
    ),
    (
        "PATCH /subscribers/{s}/friends/{f}",
        r#"{"groups": ["{g}"]}"#,
        200,
        "",
    ),
    (
        "PATCH /subscribers/{s}/friends/{f}",
        r#"{"groups": []}"#,
        200,
        "",
    ),
    ("POST /subscribers/{s}/friends/{f}", "{}", 405, ""),
    ("GET /subscribers/{s}/groups", "", 200, ""),
    (
        "POST /subscribers/{s}/groups",
        r#"{"name": "Neighbours", "friends": ["{f}"]}"#,
        201,
        "",
    ),
    (
        "POST /subscribers/{s}/groups",
        r#"{"name": "Neighbours"}"#,
        409,
        "name",
    ),
    (
        "POST /subscribers/{s}/groups",
        r#"{"name": "Nobody", "friends": ["f"]}"#,
        422,
        "friends",
    ),
    (
        "POST /subscribers/{s}/groups",
        r#"{"friends": []}"#,
        422,
        "name",
    ),
    ("GET /subscribers/{s}/groups/{g}", "", 200, ""),
    (
        "PATCH /subscribers/{s}/groups/{g}",
        r#"{"name": "Choir"}"#,
        200,
        "",
    ),
    ("DELETE /subscribers/{s}/groups/{g}", "", 204, ""),
    ("DELETE /subscribers/{s}/groups/{g}", "", 404, ""),
    (
        "PATCH /subscribers/{s}/friends/{f}",
        r#"{"groups": ["{g}"]}"#,
        422,
        "groups",
    ),
    ("GET /subscribers/{s}/changes?limit=1", "", 200, ""),
    ("POST /subscribers/{s}/changes/{c}/undo", "", 200, ""),
    ("POST /subscribers/{s}/changes/c/undo", "", 404, ""),
    ("GET /holds?subscriber={s}", "", 200, ""),
    ("GET /holds?subscriber=x", "", 404, ""),
    ("POST /holds/h/release", "", 404, ""),
    ("POST /holds/h/refuse", "", 404, ""),
    ("GET /terminals/{t}", "", 200, ""),
    ("GET /terminals/t", "", 404, ""),
    ("POST /terminals/{t}/plan", "", 200, ""),
    ("POST /terminals/{t}/send", "", 202, ""),
    ("POST /terminals/{t}/send", "{}", 202, ""),
    ("POST /terminals/{t}/send", r#"{"all": 1}"#, 422, "all"),
    ("POST /terminals/{t}/send", r#"{"al": true}"#, 422, "al"),
    ("POST /terminals/{t}/verify", "", 202, ""),
    ("POST /terminals/{t}/test", "", 202, ""),
    ("POST /terminals/{joe}/verify", "", 409, ""),
    ("PATCH /terminals/{t}", r#"{"content": "all"}"#, 200, ""),
    (
        "PATCH /terminals/{t}",
        r#"{"content": ["g"]}"#,
        422,
        "content",
    ),
    (
        "PATCH /terminals/{t}",
        r#"{"iccid": "8944770090000000009"}"#,
        422,
        "keys",
    ),
    (
        "PATCH /terminals/{t}",
        r#"{"iccid": "1", "keys": {"kic": "00", "kid": "00"}}"#,
        422,
        "keys",
    ),
    (
        "POST /subscribers/{s}/terminals",
        r#"{"channel": "smoke", "msisdn": "+447700900777"}"#,
        422,
        "channel",
    ),
    (
        "POST /subscribers/{s}/terminals",
        r#"{"channel": "sim-ota", "msisdn": "+447700900777"}"#,
        422,
        "keys",
    ),
    (
        "POST /subscribers/{s}/terminals",
        r#"{"channel": "sms-card", "msisdn": "+447700900777"}"#,
        201,
        "",
    ),
    (
        "POST /subscribers/{s}/terminals",
        r#"{"channel": "sms-card", "msisdn": "+447700900777"}"#,
        409,
        "",
    ),
    ("DELETE /terminals/{joe}", "", 204, ""),
    ("POST /terminals/{joe}/send", "", 409, ""),
    ("PATCH /terminals/{joe}", r#"{"content": "all"}"#, 409, ""),
    ("GET /shipments?state=proven&terminal={t}", "", 200, ""),
    ("GET /shipments?state=lost", "", 422, "state"),
    ("GET /shipments/p", "", 404, ""),
    (
        "POST /calls",
        r#"{"caller": "+447700900101", "called": "+448000123456", "state": "ringing"}"#,
        201,
        "",
    ),
    ("GET /calls/c", "", 404, ""),
    ("PATCH /calls/c", r#"{"state": "ended"}"#, 404, ""),
    (
        "POST /calls/c/digits",
        r#"{"digits": "1", "for": "code"}"#,
        404,
        "",
    ),
    ("GET /gateways", "", 200, ""),
    ("GET /network", "", 200, ""),
    ("GET /openapi.json", "", 200, ""),
    ("GET /health", "", 200, ""),
    ("GET /ready", "", 200, ""),
    ("GET /metrics", "", 200, ""),
    ("GET /nothing", "", 404, ""),
];

#[test]
fn every_call_answers_as_the_table_says() {
    let demo = Demo::start("table");
    let (s, t) = demo.mum();
    let friends = demo.get(&format!("/subscribers/{s}/friends"));
    let f = friends["items"][0]["id"].as_str().unwrap();
    let changes = demo.get(&format!("/subscribers/{s}/changes"));
    let group = json!({"name": "Family"});
    let g = demo
        .api(&format!("POST /subscribers/{s}/groups"), &group)
        .body;
    let joe = demo.json["subscribers"].as_array().unwrap().iter();
    let joe = joe
        .clone()
        .find(|subscriber| subscriber["name"] == "Uncle Joe");
    let ids = [
        ("{s}", s.as_str()),
        ("{t}", t.as_str()),
        ("{f}", f),
        ("{g}", g["id"].as_str().unwrap()),
        ("{c}", changes["items"][0]["id"].as_str().unwrap()),
        (
            "{joe}",
            joe.unwrap()["terminals"][0]["id"].as_str().unwrap(),
        ),
    ];
    let filled = |text: &str| {
        let fill = |text: String, (name, id): &(&str, &str)| text.replace(name, id);
        ids.iter().fold(text.to_owned(), fill)
    };
    for (call, body, status, field) in ROWS {
        let answer = demo.ask(&filled(call), &[], &filled(body));
        let said = &answer.body;
        assert_eq!(answer.status, *status, "{call} {body}: {said}");
        assert_eq!(
            said["field"].as_str().unwrap_or_default(),
            *field,
            "{call} {body}: {said}"
        );
        if *status >= 400 {
            let kind = answer.header("content-type");
            assert_eq!(kind, Some("application/problem+json"), "{call}");
            assert_eq!(said["status"], *status, "{call}: {said}");
            assert!(
                said["detail"].as_str().unwrap().ends_with(['.', '…', '?']),
                "{call}: {said}"
            );
        }
        if *status == 405 {
            assert!(answer.header("allow").is_some(), "{call}");
        }
    }
    demo.end();
}

#[test]
fn what_is_wrong_before_the_call_is_a_problem_too() {
    let demo = Demo::start("before");
    let (s, _) = demo.mum();
    let friends = format!("POST /subscribers/{s}/friends");
    let url = demo.json["api"]["url"].as_str().unwrap();
    for authorization in [
        "X: y",
        "Authorization: Bearer kith_x",
        "Authorization: Basic eDp5",
    ] {
        let answer = ask(url, &friends, &[authorization.to_owned()], ANN);
        assert_eq!(answer.status, 401, "{authorization}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        assert_eq!(answer.body["status"], 401);
    }
    let token = demo.json["api"]["token"].as_str().unwrap();
    let token = format!("Authorization: bearer {token}");
    let text = "Content-Type: text/plain".to_owned();
    assert_eq!(ask(url, &friends, &[token, text], ANN).status, 415);
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(64 * 1024));
    assert_eq!(demo.ask(&friends, &[], &large).status, 413);
    demo.end();
}

#[test]
fn a_stale_tag_changes_nothing() {
    let demo = Demo::start("tags");
    let (s, t) = demo.mum();
    let list = demo.get(&format!("/subscribers/{s}/friends"));
    let friend = format!(
        "/subscribers/{s}/friends/{}",
        list["items"][0]["id"].as_str().unwrap()
    );
    let group = json!({"name": "Family"});
    let group = demo
        .api(&format!("POST /subscribers/{s}/groups"), &group)
        .body;
    let group = format!("/subscribers/{s}/groups/{}", group["id"].as_str().unwrap());
    for (path, patch) in [
        (&friend, json!({"note": "new"})),
        (&group, json!({"name": "Choir"})),
        (&format!("/subscribers/{s}"), json!({"name": "Mother"})),
    ] {
        let patch = patch.to_string();
        let change = format!("PATCH {path}");
        let before = demo.ask(&format!("GET {path}"), &[], "");
        let tag = before.header("etag").unwrap().to_owned();
        assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
        let stale = demo.ask(&change, &["If-Match: \"x\", W/\"y\"".to_owned()], &patch);
        assert_eq!(stale.status, 412, "{path}");
        assert_eq!(demo.get(path), before.body);
        let done = demo.ask(&change, &[format!("If-Match: \"x\", {tag}")], &patch);
        assert_eq!(done.status, 200, "{path}: {}", done.body);
        let now = demo.ask(&format!("GET {path}"), &[], "");
        assert_eq!(now.header("etag"), done.header("etag"), "{path}");
        assert_ne!(now.header("etag"), Some(tag.as_str()), "{path}");
        let again = demo.ask(&change, &[format!("If-Match: {tag}")], &patch);
        assert_eq!(again.status, 412, "{path}");
        let any = demo.ask(&change, &["If-Match: *".to_owned()], &patch);
        assert_eq!(any.status, 200, "{path}");
    }
    let gone = format!("DELETE /terminals/{t}");
    let stale = demo.ask(&gone, &["If-Match: \"x\"".to_owned()], "");
    assert_eq!(stale.status, 412);
    assert_ne!(demo.get(&format!("/terminals/{t}"))["state"], "retired");
    demo.end();
}

#[test]
fn a_key_is_carried_out_once_even_when_the_process_dies() {
    let mut demo = Demo::start("keys");
    let (s, _) = demo.mum();
    let call = format!("POST /subscribers/{s}/friends");
    let key = |key: &str| [format!("Idempotency-Key: {key}")];
    let first = demo.ask(&call, &key("a"), ANN);
    assert_eq!(first.status, 201);
    demo = demo.again();
    let again = demo.ask(&call, &key("a"), ANN);
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(again.header("etag"), first.header("etag"));
    let other = demo.ask(&call, &key("a"), &ANN.replace("Ann", "Bo"));
    assert_eq!(
        (other.status, &other.body["field"]),
        (422, &json!("Idempotency-Key"))
    );
    let refused = demo.ask(&call, &key("b"), "{}");
    assert_eq!(demo.ask(&call, &key("b"), "{}").body, refused.body);
    assert_eq!(demo.ask(&call, &key("a b"), ANN).status, 422);
    let count = || {
        demo.get(&format!("/subscribers/{s}/friends"))["items"]
            .as_array()
            .unwrap()
            .len()
    };
    let before = count();
    let many: Vec<u16> = std::thread::scope(|scope| {
        let ask = || demo.ask(&call, &key("c"), &ANN.replace("Ann", "Cy")).status;
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        asking
            .into_iter()
            .map(|asked| asked.join().unwrap())
            .collect()
    });
    assert!(
        many.iter().all(|status| [201, 409].contains(status)),
        "{many:?}"
    );
    assert_eq!(count(), before + 1);
    demo.end();
}

#[test]
fn pages_of_every_list_hold_everything_once() {
    let demo = Demo::start("pages");
    let (s, _) = demo.mum();
    for n in 0..5 {
        let friend =
            json!({"name": format!("F{n}"), "numbers": [{"number": format!("07700 90030{n}")}]});
        assert_eq!(
            demo.api(&format!("POST /subscribers/{s}/friends"), &friend)
                .status,
            201
        );
        let group = json!({"name": format!("G{n}")});
        assert_eq!(
            demo.api(&format!("POST /subscribers/{s}/groups"), &group)
                .status,
            201
        );
    }
    for list in ["friends", "groups", "changes"].map(|list| format!("/subscribers/{s}/{list}")) {
        let whole = demo.get(&list)["items"].as_array().unwrap().clone();
        assert!(whole.len() >= 5, "{list}");
        let mut pages = Vec::new();
        let mut after = String::new();
        loop {
            let page = demo.get(&format!("{list}?limit=2{after}"));
            let items = page["items"].as_array().unwrap();
            assert!((1..=2).contains(&items.len()), "{list}");
            pages.extend(items.iter().cloned());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(pages, whole, "{list}");
    }
    demo.end();
}

#[test]
fn who_is_deleted_goes_once_her_phone_is_empty() {
    let demo = Demo::start("leaving");
    let (s, t) = demo.mum();
    until("everything on the phone", || {
        (demo.get(&format!("/terminals/{t}"))["state"] == "in_sync").then_some(())
    });
    assert!(!demo.phone_book("+447700900101").is_empty());
    let leaving = demo.ask(&format!("DELETE /subscribers/{s}"), &[], "");
    // The phone can be quick enough to be empty by then.
    assert!([202, 204].contains(&leaving.status), "{}", leaving.body);
    assert_ne!(leaving.body["leaving"], json!(false));
    until("her end", || {
        let gone = demo.ask(&format!("GET /subscribers/{s}"), &[], "");
        (gone.status == 404).then_some(())
    });
    assert_eq!(demo.phone_book("+447700900101"), BTreeSet::new());
    let new = json!({"msisdn": "+447700900101", "name": "Mum"});
    assert_eq!(demo.api("POST /subscribers", &new).status, 201);
    demo.end();
}

#[test]
fn a_read_back_is_a_shipment_that_says_what_it_costs() {
    let demo = Demo::start("verify");
    let (_, t) = demo.mum();
    until("everything on the phone", || {
        (demo.get(&format!("/terminals/{t}"))["state"] == "in_sync").then_some(())
    });
    for kind in ["verify", "test"] {
        let begun = demo.ask(&format!("POST /terminals/{t}/{kind}"), &[], "");
        assert_eq!((begun.status, &begun.body["kind"]), (202, &json!(kind)));
        assert_eq!(begun.body["cost"]["currency"], "GBP", "{}", begun.body);
        let path = format!("/shipments/{}", begun.body["id"].as_str().unwrap());
        let done = until("its proof", || {
            let shipment = demo.get(&path);
            (shipment["state"] == "proven").then_some(shipment)
        });
        let packets = done["packets"].as_array().unwrap().iter();
        let parts: usize = packets
            .map(|packet| packet["parts"].as_array().unwrap().len())
            .sum();
        assert!(done["cost"]["micros"].as_u64().unwrap() >= 40_000 * u64::try_from(parts).unwrap());
    }
    demo.end();
}

#[test]
fn a_new_card_is_filled_from_the_first_record_on() {
    let demo = Demo::start("card");
    let (_, t) = demo.mum();
    let in_sync = || {
        until("everything on the phone", || {
            (demo.get(&format!("/terminals/{t}"))["state"] == "in_sync").then_some(())
        });
    };
    in_sync();
    let before = demo.phone_book("+447700900101");
    let (iccid, kic, kid) = ("8944770090000000777", "0f".repeat(16), "f0".repeat(16));
    let lab = demo.json["lab"]["url"].as_str().unwrap();
    let card = json!({"iccid": iccid, "kic": kic, "kid": kid}).to_string();
    let lines = ["Content-Type: application/json".to_owned()];
    let swapped = ask(lab, "POST /handsets/+447700900101/swap", &lines, &card);
    assert_eq!(swapped.status, 200, "{}", swapped.body);
    assert!(demo.phone_book("+447700900101").is_empty());
    let patch = json!({"iccid": iccid, "keys": {"kic": kic, "kid": kid}});
    let patched = demo.api(&format!("PATCH /terminals/{t}"), &patch);
    assert_eq!(
        (patched.status, &patched.body["iccid"]),
        (200, &json!(iccid))
    );
    assert_eq!(patched.body["proven_revision"], 0);
    in_sync();
    assert_eq!(demo.phone_book("+447700900101"), before);
    demo.end();
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
    demo.end();
}

#[test]
fn events_come_as_they_happen_and_go_on_after_the_last() {
    let demo = Demo::start("events");
    let (s, _) = demo.mum();
    let mut live = listen(&demo, "");
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
    let (_, again) = next(
        &mut listen(&demo, &format!("Last-Event-ID: {id}\r\n")),
        "shipment",
    );
    assert_eq!(again["id"], shipment["id"]);
    // Nobody knows what was missed since another process.
    let (_, missed) = next(&mut listen(&demo, "Last-Event-ID: 0-7\r\n"), "missed");
    assert_eq!(missed, json!({}));
    demo.end();
}

type Stream = std::io::BufReader<TcpStream>;

fn listen(demo: &Demo, header: &str) -> Stream {
    let url = demo.json["api"]["url"].as_str().unwrap();
    let (host, prefix) = url
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let token = demo.json["api"]["token"].as_str().unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    write!(
        stream,
        "GET /{prefix}/events HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n{header}\r\n"
    )
    .unwrap();
    let mut stream = std::io::BufReader::new(stream);
    // The head is there: the listener is.
    while !line(&mut stream).is_empty() {}
    stream
}

/// The id and data of the next event of this name.
fn next(stream: &mut Stream, name: &str) -> (String, Value) {
    loop {
        if line(stream) != format!("event: {name}") {
            continue;
        }
        let mut id = String::new();
        loop {
            let line = line(stream);
            if let Some(said) = line.strip_prefix("id: ") {
                said.clone_into(&mut id);
            } else if let Some(data) = line.strip_prefix("data: ") {
                return (id, serde_json::from_str(data).unwrap());
            }
        }
    }
}

fn line(stream: &mut Stream) -> String {
    let mut line = String::new();
    let read = std::io::BufRead::read_line(stream, &mut line).unwrap();
    assert!(read > 0, "the stream ended");
    line.trim_end().to_owned()
}
