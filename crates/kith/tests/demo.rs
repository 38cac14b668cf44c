//! The demo as a newcomer runs it: the real binary over its ports, killed at any moment and started again.
#![allow(clippy::unwrap_used, missing_docs)]

use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a state may take to come; a test that waits this long has failed.
const LIMIT: Duration = Duration::from_secs(60);

struct Demo {
    process: Child,
    json: Value,
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Demo {
    fn start(folder: &Path) -> Self {
        let file = folder.join("demo.json");
        let _ = std::fs::remove_file(&file);
        let process = Command::new(env!("CARGO_BIN_EXE_kith"))
            .args(["demo", "--port", "0", "--data"])
            .arg(folder)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let json = until("demo.json", || {
            let text = std::fs::read_to_string(&file).ok()?;
            serde_json::from_str(&text).ok()
        });
        Self { process, json }
    }

    /// SIGKILL: nothing is said good-bye to.
    fn kill(self) {
        drop(self);
    }

    fn mum(&self) -> &Value {
        let mut all = self.json["subscribers"].as_array().unwrap().iter();
        all.find(|subscriber| subscriber["name"] == "Mum").unwrap()
    }

    fn api(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let token = self.json["api"]["token"].as_str().unwrap();
        http(
            method,
            self.json["api"]["url"].as_str().unwrap(),
            path,
            Some(token),
            body,
        )
    }

    fn lab(&self, path: &str) -> Value {
        http(
            "GET",
            self.json["lab"]["url"].as_str().unwrap(),
            path,
            None,
            None,
        )
        .1
    }

    fn add(&self, name: &str, number: &str) {
        let friend = json!({"name": name, "numbers": [{"number": number}]});
        let path = format!(
            "/subscribers/{}/friends",
            self.mum()["id"].as_str().unwrap()
        );
        let (status, answer) = self.api("POST", &path, Some(&friend));
        assert_eq!(status, 201, "{answer}");
    }

    fn names_on_the_phone(&self) -> Vec<String> {
        let phone = self.lab("/handsets/+447700900101");
        let book = phone["phone_book"].as_array().unwrap().iter();
        let mut names: Vec<_> = book
            .map(|e| e["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }

    fn submitted(&self) -> u64 {
        self.lab("/smsc")["submitted"].as_u64().unwrap()
    }

    fn in_sync(&self) {
        let terminal = self.mum()["terminals"][0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        until("everything on the phone", || {
            let (_, view) = self.api("GET", &format!("/terminals/{terminal}"), None);
            (view["state"] == "in_sync").then_some(())
        });
    }
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

fn http(
    method: &str,
    base: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> (u16, Value) {
    let rest = base.strip_prefix("http://").unwrap();
    let (host, prefix) = rest.split_once('/').unwrap();
    let body = body.map(Value::to_string).unwrap_or_default();
    let auth = token
        .map(|t| format!("Authorization: Bearer {t}\r\n"))
        .unwrap_or_default();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "{method} /{prefix}{path} HTTP/1.1\r\nHost: {host}\r\n{auth}Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

#[test]
fn a_friend_added_by_the_api_is_on_the_drawn_phone_and_problems_are_sentences() {
    let folder = std::env::temp_dir().join(format!("kith-test-demo-{}", std::process::id()));
    let demo = Demo::start(&folder);
    demo.in_sync();
    demo.add("Dr Okafor", "07700 900456");
    until("Dr Okafor", || {
        demo.names_on_the_phone()
            .contains(&"Dr Okafor".to_owned())
            .then_some(())
    });
    demo.in_sync();
    let path = format!(
        "/subscribers/{}/friends",
        demo.mum()["id"].as_str().unwrap()
    );
    let (status, problem) = demo.api(
        "POST",
        &path,
        Some(&json!({"name": "X", "numbers": [{"number": "07O0"}]})),
    );
    assert_eq!(
        (status, &problem["field"]),
        (422, &json!("numbers[0].number"))
    );
    let (status, _) = http(
        "GET",
        demo.json["api"]["url"].as_str().unwrap(),
        "/network",
        None,
        None,
    );
    assert_eq!(status, 401);
    demo.kill();
    std::fs::remove_dir_all(folder).unwrap();
}

/// The owner's way through the portal, without script: log in with the code on her phone, add somebody, undo it.
#[test]
fn the_owner_logs_in_with_the_code_on_her_phone_and_adds_a_friend() {
    let folder = std::env::temp_dir().join(format!("kith-test-portal-{}", std::process::id()));
    let demo = Demo::start(&folder);
    demo.in_sync();
    let portal = demo.json["portal"]["url"].as_str().unwrap();
    let (to_login, _) = form("GET", portal, "", "", &[]);
    assert!(to_login.starts_with("HTTP/1.1 303"), "{to_login}");
    form("POST", portal, "login", "", &[("number", "07700 900101")]);
    let code = until("the code", || {
        let phone = demo.lab("/handsets/+447700900101");
        let inbox = phone["inbox"].as_array()?;
        let text = inbox.last()?["text"].as_str()?.to_owned();
        Some(text.split(' ').next()?.to_owned())
    });
    let wrong = form(
        "POST",
        portal,
        "login/code",
        "",
        &[("number", "07700 900101"), ("code", "xxxxxx")],
    );
    assert!(wrong.0.starts_with("HTTP/1.1 422"), "{wrong:?}");
    // A number that nobody has gets the very same page, but for the number itself.
    let unknown = [("number", "07700 900999"), ("code", "xxxxxx")];
    let unknown = form("POST", portal, "login/code", "", &unknown);
    assert_eq!(unknown.1.replace("900999", "900101"), wrong.1);
    let (head, _) = form(
        "POST",
        portal,
        "login/code",
        "",
        &[("number", "07700 900101"), ("code", &code)],
    );
    let cookie = head
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "))
        .unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"));
    let cookie = cookie.split(';').next().unwrap();
    let refused = form(
        "POST",
        portal,
        "people/new",
        cookie,
        &[("name", "X"), ("number", "O77")],
    );
    assert!(
        refused.0.starts_with("HTTP/1.1 422") && refused.1.contains("value=\"O77\""),
        "{refused:?}"
    );
    form(
        "POST",
        portal,
        "people/new",
        cookie,
        &[("name", "小梅"), ("number", "07700 900789")],
    );
    until("小梅", || {
        demo.names_on_the_phone()
            .contains(&"小梅".to_owned())
            .then_some(())
    });
    demo.in_sync();
    let (_, list) = form("GET", portal, "", cookie, &[]);
    assert!(list.contains("Everything is on the phone"), "{list}");
    assert!(list.contains("小梅"), "{list}");
    // The same book in Chinese.
    let (_, list) = form(
        "GET",
        portal,
        "",
        &format!("{cookie}; kith_language=zh-Hans"),
        &[],
    );
    assert!(
        list.contains("手机已是最新") && list.contains("lang=\"zh-Hans\""),
        "{list}"
    );
    // Another site cannot post.
    let foreign = form(
        "POST",
        portal,
        "logout",
        &format!("{cookie}\r\nSec-Fetch-Site: cross-site"),
        &[],
    );
    assert!(foreign.0.starts_with("HTTP/1.1 403"), "{foreign:?}");
    demo.kill();
    std::fs::remove_dir_all(folder).unwrap();
}

/// A form as a browser without script sends it; gives head and body.
fn form(
    method: &str,
    base: &str,
    path: &str,
    cookie: &str,
    fields: &[(&str, &str)],
) -> (String, String) {
    let host = base.strip_prefix("http://").unwrap().trim_end_matches('/');
    let coded = |text: &str| {
        text.bytes()
            .map(|b| format!("%{b:02X}"))
            .collect::<String>()
    };
    let pairs: Vec<_> = fields
        .iter()
        .map(|(k, v)| format!("{k}={}", coded(v)))
        .collect();
    let body = pairs.join("&");
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[test]
fn killed_at_any_moment_and_started_again_it_finishes_the_job() {
    let folder = std::env::temp_dir().join(format!("kith-test-kill-{}", std::process::id()));
    let mut demo = Demo::start(&folder);
    demo.in_sync();
    let mut wanted = demo.names_on_the_phone();
    assert!(wanted.contains(&"Dr Lee".to_owned()));
    for (round, moment) in ["answered", "submitted", "shown"].into_iter().enumerate() {
        demo.in_sync();
        let before = demo.submitted();
        let name = format!("Friend {round}");
        demo.add(&name, &format!("07700 90020{round}"));
        match moment {
            // The edit is committed and nothing has gone out.
            "answered" => {}
            // The gateway has the message; its answer, receipt and proof may all be lost.
            "submitted" => until(moment, || (demo.submitted() > before).then_some(())),
            // The card has it; the proof may be lost.
            _ => until(moment, || {
                demo.names_on_the_phone().contains(&name).then_some(())
            }),
        }
        demo.kill();
        wanted.push(name);
        demo = Demo::start(&folder);
        demo.in_sync();
        wanted.sort();
        assert_eq!(demo.names_on_the_phone(), wanted, "killed when {moment}");
    }
    demo.kill();
    std::fs::remove_dir_all(folder).unwrap();
}
