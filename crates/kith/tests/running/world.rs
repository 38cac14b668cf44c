//! The server and the carrier as processes of their own, on one folder: what tests end and start again.

use super::{Answer, JOE, MUM, ask, folder, says, spawn, try_ask, until};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder, the ports, and whatever of the two processes runs.
pub struct World {
    pub folder: PathBuf,
    smpp: u16,
    lab: u16,
    api: u16,
    server: Option<Child>,
    carrier: Option<Child>,
    pub token: String,
    /// What runs the server, and what its configuration is overlaid with.
    wrapped: Vec<String>,
    environment: Vec<(&'static str, String)>,
    /// Where the command line finds the data folder, if not where the configuration says.
    data: Option<PathBuf>,
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

/// Ports that nobody holds just now, below those that the system lends to connections: whoever is ended and started
/// again finds them free. Each process begins elsewhere.
fn free_ports<const N: usize>() -> [u16; N] {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut free = std::iter::repeat_with(|| {
        let n = std::process::id() * 64 + NEXT.fetch_add(1, Ordering::Relaxed);
        u16::try_from(10_000 + n % 20_000).unwrap()
    });
    let mut free = free
        .by_ref()
        .filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    std::array::from_fn(|_| free.next().unwrap())
}

impl World {
    /// Where the API answers.
    pub fn api_url(&self) -> String {
        format!("http://127.0.0.1:{}/api/v1", self.api)
    }

    /// Where the carrier answers.
    pub fn lab_url(&self) -> String {
        format!("http://127.0.0.1:{}/lab/v1", self.lab)
    }

    /// A carrier that runs, and a store with two subscribers: Mum with a card, Joe without.
    pub fn new(name: &str) -> Self {
        Self::over(name, None)
    }

    /// The same over PostgreSQL, if there is an address.
    pub fn over(name: &str, url: Option<&str>) -> Self {
        Self::spread(name, url, None)
    }

    /// The same with the upper half of the slices on another server.
    pub fn spread(name: &str, url: Option<&str>, other: Option<&str>) -> Self {
        let folder = folder(&format!("kill-{name}"));
        let [smpp, lab, api, portal] = free_ports();
        let url = url.map_or(String::new(), |url| format!("url = \"{url}\"\n"));
        let other = other.map_or(String::new(), |url| {
            format!("[[store.server]]\nurl = \"{url}\"\nslices = \"128-255\"\n")
        });
        let config = format!(
            "[store]\npath = \"data\"\n{url}{other}[listen]\npublic = \"127.0.0.1:{portal}\"\nlan = \"127.0.0.1:{api}\"\n\
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
            wrapped: Vec::new(),
            environment: Vec::new(),
            data: None,
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

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kith"));
        command.current_dir(&self.folder).stdin(Stdio::null());
        command
    }

    /// Has the server run by another program, in an environment.
    pub fn wrap(&mut self, by: &[&str], environment: &[(&'static str, &str)]) {
        self.wrapped = by.iter().map(|word| (*word).to_owned()).collect();
        let owned = environment
            .iter()
            .map(|(key, value)| (*key, (*value).to_owned()));
        self.environment = owned.collect();
    }

    /// Where the data folder of the server that runs is, seen from here; the command line asks it there.
    pub fn find_data(&mut self, inside: &str) -> PathBuf {
        let folder = self.folder.strip_prefix("/").unwrap();
        let root = format!("/proc/{}/root", self.server_id());
        let data = PathBuf::from(root).join(folder).join(inside);
        self.data = Some(data.clone());
        data
    }

    /// The server's process.
    pub fn server_id(&self) -> u32 {
        self.server.as_ref().unwrap().id()
    }

    /// The server has not ended.
    pub fn runs(&mut self) -> bool {
        let server = self.server.as_mut();
        server.is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    fn serve(&self) -> Command {
        let plain = self.command();
        let mut command = match &self.wrapped[..] {
            [] => plain,
            [program, words @ ..] => {
                let mut command = Command::new(program);
                command.args(words).arg(plain.get_program());
                command.current_dir(&self.folder).stdin(Stdio::null());
                command
            }
        };
        command
            .arg("serve")
            .envs(self.environment.iter().map(|(key, value)| (key, value)));
        command
    }

    pub fn kith(&self, words: &[&str]) -> String {
        let mut command = self.command();
        command.args(words);
        if let Some(data) = &self.data {
            command.arg("--data").arg(data);
        }
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let wrong = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {said}{wrong}");
        said
    }

    pub fn start_carrier(&mut self) {
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
    pub fn start_server(&mut self, kill_at: Option<&str>) {
        let mut command = self.serve();
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

    /// Starts the server and ends it when it has said so many lines.
    pub fn start_and_kill(&mut self, after: usize) {
        let (mut child, lines) = spawn(&mut self.serve());
        for _ in lines.iter().take(after) {}
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGKILL: nothing is said good-bye to.
    pub fn stop_server(&mut self) {
        let mut child = self.server.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM: it ends as it does when it is asked to, and is waited for.
    pub fn end_server(&mut self) {
        let id = self.server_id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(sent.success());
        self.ended("its end");
    }

    /// What goes wrong in the carrier's network from now on.
    pub fn faults(&self, faults: &Value) {
        let head = ["Content-Type: application/json".to_owned()];
        let answer = ask(&self.lab_url(), "PUT /faults", &head, &faults.to_string());
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    /// How many messages the carrier was handed since its start.
    pub fn submitted(&self) -> u64 {
        let shown = ask(&self.lab_url(), "GET /smsc", &[], "");
        shown.body["submitted"].as_u64().unwrap()
    }

    pub fn stop_carrier(&mut self) {
        let mut child = self.carrier.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Waits until the server has ended itself.
    pub fn ended(&mut self, moment: &str) {
        let mut child = self.server.take().unwrap();
        until(moment, || child.try_wait().unwrap());
    }

    /// A call of the API; nothing when the server ended meanwhile.
    pub fn api(&self, call: &str, body: &Value) -> Option<Value> {
        let answer = self.ask(call, body)?;
        assert!(answer.status < 500, "{call}: {}", answer.text);
        Some(answer.body)
    }

    /// The same with status and head.
    pub fn ask(&self, call: &str, body: &Value) -> Option<Answer> {
        let lines = [
            format!("Authorization: Bearer {}", self.token),
            "Content-Type: application/json".to_owned(),
        ];
        try_ask(&self.api_url(), call, &lines, &body.to_string())
    }

    pub fn id(&self, number: &str) -> String {
        let shown = self.kith(&["subscriber", "show", number, "--json"]);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        shown["id"].as_str().unwrap().to_owned()
    }

    /// Adds a friend over HTTP; a server that ends itself meanwhile gives no answer.
    pub fn add(&self, owner: &str, name: &str) {
        let body = json!({"name": name, "numbers": [{"number": "07700 900123"}]});
        self.api(&format!("POST /subscribers/{owner}/friends"), &body);
    }

    /// Brings so many friends of Mum's in by a list.
    pub fn import(&self, count: usize) -> Vec<String> {
        let names: Vec<String> = (1..=count).map(|n| format!("Friend {n}")).collect();
        let card = |name: &String| {
            format!("BEGIN:VCARD\nVERSION:3.0\nFN:{name}\nTEL:07700 900123\nEND:VCARD\n")
        };
        let cards: String = names.iter().map(card).collect();
        std::fs::write(self.folder.join("list.vcf"), cards).unwrap();
        self.kith(&["book", "import", MUM, "list.vcf"]);
        names
    }

    pub fn phone(&self, number: &str) -> Value {
        let answer = try_ask(&self.lab_url(), &format!("GET /handsets/{number}"), &[], "");
        answer.map(|answer| answer.body).unwrap_or_default()
    }

    /// The names in a phone's book, sorted: from the card's own file, or from the cards that it took.
    pub fn names(&self, number: &str) -> Vec<String> {
        let phone = self.phone(number);
        let kept = if phone["iccid"].is_string() {
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
    pub fn finished(&self, number: &str, names: &[&str]) {
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
