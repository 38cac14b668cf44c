//! The real binary, running: a demo in a folder of its own, what it answers, and waiting for what it will say.
#![allow(dead_code, clippy::unwrap_used)] // Every test binary uses a part of it.

pub mod load;
pub mod world;

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long a state may take to come; a test that waits this long has failed.
pub const LIMIT: Duration = Duration::from_secs(60);
/// The first owner of the sample data, on whose card most tests look.
pub const MUM: &str = "+447700900101";
/// The third, whose phone has no card that Kith can write.
pub const JOE: &str = "+447700900103";

/// Waits for a state, with a limit.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < LIMIT, "{what} did not come");
        std::thread::yield_now();
    }
}

/// A folder of this test's own, empty.
pub fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("kith-test-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// An HTTP answer.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub text: String,
    /// The text as JSON; null when it is none.
    pub body: Value,
}

impl Answer {
    /// A field of the head.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The title of a page.
    pub fn title(&self) -> &str {
        let after = self
            .text
            .split_once("<title>")
            .map_or("", |(_, after)| after);
        after.split_once("</title>").map_or("", |(title, _)| title)
    }
}

/// One request on a connection of its own: `call` is a method and a path below `base`, `lines` are whole header lines.
/// Nothing when the other side is gone.
pub fn try_ask(base: &str, call: &str, lines: &[String], body: &str) -> Option<Answer> {
    let (method, path) = call.split_once(' ').unwrap();
    let rest = base.strip_prefix("http://").unwrap().trim_end_matches('/');
    let (host, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let prefix = if prefix.is_empty() {
        String::new()
    } else {
        format!("/{prefix}")
    };
    let mut stream = TcpStream::connect(host).ok()?;
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    let head = format!(
        "{method} {prefix}{path} HTTP/1.1\r\nHost: {host}\r\n{lines}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    // An answer may come before the whole body was taken (413).
    let _ = stream.write_all(&[head.as_bytes(), body.as_bytes()].concat());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    let (head, text) = answer.split_once("\r\n\r\n")?;
    Some(Answer {
        status: head.split(' ').nth(1)?.parse().ok()?,
        head: head.to_owned(),
        text: text.to_owned(),
        body: serde_json::from_str(text).unwrap_or_default(),
    })
}

/// The same of somebody who is there.
pub fn ask(base: &str, call: &str, lines: &[String], body: &str) -> Answer {
    try_ask(base, call, lines, body).unwrap_or_else(|| panic!("{call} was not answered"))
}

/// A stream of events: the head is there, so the listener is.
pub fn listen(base: &str, path: &str, lines: &[String]) -> impl Iterator<Item = String> + use<> {
    let rest = base.strip_prefix("http://").unwrap().trim_end_matches('/');
    let (host, prefix) = rest
        .split_once('/')
        .map_or((rest, String::new()), |(host, prefix)| {
            (host, format!("/{prefix}"))
        });
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    write!(
        stream,
        "GET {prefix}{path} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n"
    )
    .unwrap();
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.is_empty()), "a head");
    lines
}

/// Starts `command` and reads its output line by line, so that what it says can be waited for.
pub fn spawn(command: &mut Command) -> (Child, Receiver<String>) {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let (said, lines) = channel();
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            let _ = said.send(line);
        }
    });
    (child, lines)
}

/// Waits until it says a line that begins so, or has ended; gives whether it said it.
pub fn says(lines: &Receiver<String>, begin: &str) -> bool {
    let began = Instant::now();
    while let Some(left) = LIMIT.checked_sub(began.elapsed()) {
        match lines.recv_timeout(left) {
            Ok(line) if line.starts_with(begin) => return true,
            Ok(_) => {}
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return false,
            Err(_) => break,
        }
    }
    panic!("it never said “{begin}”");
}

/// A demo.
pub struct Demo {
    process: Child,
    folder: PathBuf,
    /// `demo.json`.
    pub json: Value,
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill(); // SIGKILL: nothing is said good-bye to
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Demo {
    /// A demo on fresh sample data.
    pub fn start(name: &str) -> Self {
        Self::start_with(name, &[])
    }

    /// The same with further words on its command line.
    pub fn start_with(name: &str, words: &[&str]) -> Self {
        let folder = folder(name);
        let (process, json) = run(&folder, words);
        Self {
            process,
            folder,
            json,
        }
    }

    /// Dies without a good-bye and comes again; the caller keeps the token that she has.
    pub fn again(&mut self) {
        self.again_after(|_| ());
    }

    /// The same, and what is done with the folder meanwhile.
    pub fn again_after(&mut self, meanwhile: impl FnOnce(&Path)) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        meanwhile(&self.folder);
        let token = self.json["api"]["token"].clone();
        (self.process, self.json) = run(&self.folder, &[]);
        self.json["api"]["token"] = token;
    }

    /// Told to end, it ends, and says that it did so well.
    pub fn end(&mut self) {
        use rustix::process::{Pid, Signal, kill_process};
        let id = i32::try_from(self.process.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), Signal::TERM).unwrap();
        let ended = until("the end", || self.process.try_wait().unwrap());
        assert!(ended.success(), "{ended}");
    }

    /// Something in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// An address of `demo.json`: `api`, `portal`, `lab`, …
    pub fn url(&self, of: &str) -> &str {
        self.json[of]["url"].as_str().unwrap()
    }

    /// A call of the API, with header lines beside the token.
    pub fn ask(&self, call: &str, headers: &[String], body: &str) -> Answer {
        let token = self.json["api"]["token"].as_str().unwrap();
        let mut lines = vec![
            format!("Authorization: Bearer {token}"),
            "Content-Type: application/json".to_owned(),
        ];
        lines.extend_from_slice(headers);
        ask(self.url("api"), call, &lines, body)
    }

    /// A call of the API with a body.
    pub fn api(&self, call: &str, body: &Value) -> Answer {
        self.ask(call, &[], &body.to_string())
    }

    /// What the API shows.
    pub fn get(&self, path: &str) -> Value {
        let answer = self.ask(&format!("GET {path}"), &[], "");
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// What the carrier shows.
    pub fn lab(&self, path: &str) -> Value {
        ask(self.url("lab"), &format!("GET {path}"), &[], "").body
    }

    /// The names in a phone's book, from its card's own file.
    pub fn phone_book(&self, msisdn: &str) -> BTreeSet<String> {
        let phone = self.lab(&format!("/handsets/{msisdn}"));
        let book = phone["phone_book"].as_array().unwrap().iter();
        book.map(|entry| entry["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The id of the subscriber with this number, and of her first terminal.
    pub fn ids(&self, msisdn: &str) -> (String, String) {
        let mut all = self.json["subscribers"].as_array().unwrap().iter();
        let owner = all.find(|owner| owner["msisdn"] == msisdn).unwrap();
        let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
        (id(owner), id(&owner["terminals"][0]))
    }

    /// Mum's id, and her terminal's.
    pub fn mum(&self) -> (String, String) {
        self.ids(MUM)
    }

    /// Adds a friend of Mum's.
    pub fn add(&self, name: &str, number: &str) {
        let friend = json!({"name": name, "numbers": [{"number": number}]});
        let call = format!("POST /subscribers/{}/friends", self.mum().0);
        let answer = self.api(&call, &friend);
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    /// Waits until everything of Mum's book is on her phone, and proven.
    pub fn in_sync(&self) {
        let path = format!("/terminals/{}", self.mum().1);
        until("everything on the phone", || {
            (self.get(&path)["state"] == "in_sync").then_some(())
        });
    }
}

fn run(folder: &Path, words: &[&str]) -> (Child, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kith"));
    command.args(["demo", "--port", "0", "--data"]).arg(folder);
    command.args(words);
    let (process, lines) = spawn(&mut command);
    assert!(says(&lines, "Kith demo, ready"), "the demo ended");
    let json = std::fs::read_to_string(folder.join("demo.json")).unwrap();
    (process, serde_json::from_str(&json).unwrap())
}
