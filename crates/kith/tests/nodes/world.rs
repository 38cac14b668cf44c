//! A carrier and several servers as processes of their own, on one private PostgreSQL.

use crate::running::{LIMIT, ask, folder, says, spawn, try_ask, until};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The owner whose card most tests look at.
pub const MUM: &str = "+447700900101";
const MASTER: &str = "5a";

/// One server.
pub struct Node {
    child: Child,
    folder: PathBuf,
    api: u16,
    /// Whether it was told to end.
    gone: bool,
}

/// All of them.
pub struct World {
    folder: PathBuf,
    carrier: Child,
    lab: u16,
    pub nodes: Vec<Node>,
    token: String,
    /// Mum's id.
    pub mum: String,
}

impl Drop for World {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            let _ = node.child.kill();
            let _ = node.child.wait();
        }
        let _ = self.carrier.kill();
        let _ = self.carrier.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Ports that nobody holds just now.
fn free_ports<const N: usize>() -> [u16; N] {
    let held: Vec<_> = (0..N)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    std::array::from_fn(|n| held[n].local_addr().unwrap().port())
}

impl World {
    /// So many nodes, and Mum with her card.
    pub fn start(name: &str, nodes: usize) -> Self {
        let url = pgbox::shared().unwrap().database(name).unwrap();
        Self::start_with(name, &url, nodes, false)
    }

    /// The same on a store of its own.
    pub fn start_on(name: &str, url: &str, nodes: usize) -> Self {
        Self::start_with(name, url, nodes, false)
    }

    /// The same with a carrier that grants one bind for all of them.
    pub fn start_with_one_bind(name: &str, nodes: usize) -> Self {
        let url = pgbox::shared().unwrap().database(name).unwrap();
        Self::start_with(name, &url, nodes, true)
    }

    fn start_with(name: &str, url: &str, nodes: usize, one_bind: bool) -> Self {
        let folder = folder(&format!("nodes-{name}"));
        let [smpp, lab] = free_ports();
        let mut command = Command::new(env!("CARGO_BIN_EXE_kith"));
        command
            .current_dir(&folder)
            .args(["lab", "--data", "lab"])
            .args(["--smpp-port", &smpp.to_string()])
            .args(["--http-port", &lab.to_string()]);
        let (carrier, lines) = spawn(&mut command);
        assert!(says(&lines, "Phones"), "the carrier ended");
        let mut world = Self {
            folder,
            carrier,
            lab,
            nodes: Vec::new(),
            token: String::new(),
            mum: String::new(),
        };
        if one_bind {
            world.carrier_grants_one_bind();
        }
        for n in 0..nodes {
            world.add_node(n, url, smpp, one_bind);
        }
        world.furnish();
        world
    }

    fn carrier_grants_one_bind(&self) {
        let base = format!("http://127.0.0.1:{}/lab/v1", self.lab);
        let mut faults = ask(&base, "GET /faults", &[], "").body;
        faults["one_bind"] = true.into();
        let lines = ["Content-Type: application/json".to_owned()];
        let set = ask(&base, "PUT /faults", &lines, &faults.to_string());
        assert_eq!(set.body["one_bind"], true);
    }

    fn add_node(&mut self, n: usize, url: &str, smpp: u16, one_bind: bool) {
        let folder = self.folder.join(n.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        let [api, portal] = free_ports();
        let key = MASTER.repeat(32);
        let config = format!(
            "[store]\npath = \"data\"\nurl = \"{url}\"\nmaster_key = \"{key}\"\n\
             [listen]\npublic = \"127.0.0.1:{portal}\"\nlan = \"127.0.0.1:{api}\"\n\
             [delivery]\nquiet_seconds = 0\nproof_seconds = 2\nproof_seconds_most = 2\n\
             [[gateway]]\nname = \"carrier\"\nhost = \"127.0.0.1\"\nport = {smpp}\n\
             system_id = \"kith\"\npassword = \"secret8\"\nsource = \"12345\"\none_bind = {one_bind}\n"
        );
        std::fs::write(folder.join("kith.toml"), config).unwrap();
        let child = serve(&folder);
        self.nodes.push(Node {
            child,
            folder,
            api,
            gone: false,
        });
    }

    /// Mum, her card, and a key for the tests.
    fn furnish(&mut self) {
        let keys = format!("{}\n{}\n", "01".repeat(16), "a4".repeat(16));
        std::fs::write(self.nodes[0].folder.join("keys.txt"), keys).unwrap();
        self.kith(&["subscriber", "add", "--msisdn", MUM, "--name", "Mum"]);
        let card = ["--card-profile", "sim-28x50"];
        let iccid = ["--iccid", "89447700900000000001"];
        let keys = ["--keys-file", "keys.txt"];
        self.kith(&[&["terminal", "add", MUM][..], &card, &iccid, &keys].concat());
        let scopes = ["books:read", "books:write", "provision", "network"];
        let scopes: Vec<_> = scopes.iter().flat_map(|scope| ["--scope", scope]).collect();
        self.token = self.kith(&[&["token", "add", "test"][..], &scopes].concat());
        let shown = self.kith(&["subscriber", "show", MUM, "--json"]);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        self.mum = shown["id"].as_str().unwrap().to_owned();
    }

    /// A command beside a node that runs.
    pub fn kith(&self, words: &[&str]) -> String {
        let node = self.nodes.iter().find(|node| !node.gone).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_kith"));
        let output = command
            .current_dir(&node.folder)
            .stdin(Stdio::null())
            .args(words)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let wrong = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {said}{wrong}");
        said
    }

    fn try_api(&self, node: usize, call: &str, body: &Value) -> Option<(u16, Value)> {
        let mut lines = vec![
            format!("Authorization: Bearer {}", self.token),
            "Content-Type: application/json".to_owned(),
        ];
        // Whoever asks again after a fail-over means the same friend.
        lines.extend(
            body["name"]
                .as_str()
                .map(|name| format!("Idempotency-Key: {}", name.replace(' ', "-"))),
        );
        let base = format!("http://127.0.0.1:{}/api/v1", self.nodes[node].api);
        let answer = try_ask(&base, call, &lines, &body.to_string())?;
        Some((answer.status, answer.body))
    }

    /// Whoever listens to a node's events: they are read from this.
    pub fn listen(&self, node: usize) -> std::io::BufReader<std::net::TcpStream> {
        use std::io::Write;
        let address = ("127.0.0.1", self.nodes[node].api);
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let token = &self.token;
        write!(
            stream,
            "GET /api/v1/events HTTP/1.1\r\nHost: kith\r\nAuthorization: Bearer {token}\r\n\r\n"
        )
        .unwrap();
        std::io::BufReader::new(stream)
    }

    /// What node `asked` says that each node owns, by its place.
    pub fn owned(&self, asked: usize) -> Vec<BTreeSet<u8>> {
        let mut owned = vec![BTreeSet::new(); self.nodes.len()];
        for (n, place) in owned.iter_mut().enumerate() {
            *place = self.slices(asked, n);
        }
        owned
    }

    /// What `asked` says that node `n` owns.
    fn slices(&self, asked: usize, n: usize) -> BTreeSet<u8> {
        let Some((200, body)) = self.try_api(asked, "GET /nodes", &Value::Null) else {
            return BTreeSet::new();
        };
        let name = self.name(n);
        let mut nodes = body["nodes"].as_array().unwrap().iter();
        let Some(node) = nodes.find(|node| node["id"] == name.as_str()) else {
            return BTreeSet::new();
        };
        let slices = node["slices"].as_array().unwrap().iter();
        slices
            .map(|slice| u8::try_from(slice.as_u64().unwrap()).unwrap())
            .collect()
    }

    /// What a node is called, from its folder.
    fn name(&self, n: usize) -> String {
        let path = self.nodes[n].folder.join("data").join("kith.node");
        let names = std::fs::read_to_string(path).unwrap();
        names.lines().last().unwrap().to_owned()
    }

    /// Waits until the nodes of `places` own everything among them, fairly; how long it took.
    pub fn settled(&self, places: &[usize]) -> Duration {
        let began = Instant::now();
        let share = 256 / places.len();
        until("a fair share for every node", || {
            let owned = self.owned(places[0]);
            let fair = |n: &usize| (share..=share + 1).contains(&owned[*n].len());
            places.iter().all(fair).then_some(())
        });
        began.elapsed()
    }

    /// Waits until every slice is owned by one of `places`.
    pub fn all_owned(&self, places: &[usize]) -> Duration {
        let began = Instant::now();
        until("an owner for every slice", || {
            let owned = self.owned(places[0]);
            let sum: usize = places.iter().map(|n| owned[*n].len()).sum();
            (sum == 256).then_some(())
        });
        began.elapsed()
    }

    /// The node that owns Mum's slice, as `asked` says.
    pub fn owner_of_mum(&self, asked: usize) -> Option<usize> {
        let slice = book::parse_subscriber_id(&self.mum).unwrap().slice();
        let owned = self.owned(asked);
        owned.iter().position(|slices| slices.contains(&slice))
    }

    /// The gateway's row as this node shows it.
    pub fn gateway(&self, asked: usize) -> Option<Value> {
        let (_, body) = self.try_api(asked, "GET /network", &Value::Null)?;
        body["gateways"].get("carrier").cloned()
    }

    /// The node that holds the carrier's only bind, once all of `places` say that messages go by it.
    pub fn holder(&self, places: &[usize]) -> usize {
        until("one holder of the bind", || {
            let rows: Option<Vec<_>> = places.iter().map(|n| self.gateway(*n)).collect();
            let rows = rows?;
            let all_up = rows.iter().all(|row| row["state"] == "up");
            let says = |n: usize, words: &str| {
                let reason = rows[n]["reason"].as_str().unwrap_or_default();
                reason.contains(words)
            };
            let mut bound = (0..places.len()).filter(|n| !says(*n, "holds the only bind"));
            let holder = bound.next().filter(|_| all_up)?;
            let name = self.name(places[holder]);
            let others = (0..places.len()).filter(|n| *n != holder);
            let told = others.clone().all(|n| says(n, &name));
            (told && bound.next().is_none()).then_some(places[holder])
        })
    }

    /// Adds a friend of Mum's over a node's API.
    pub fn add(&self, node: usize, name: &str) {
        let (status, body) = self.try_add(node, name).unwrap();
        assert_eq!(status, 201, "{body}");
    }

    /// The same, which may be refused.
    pub fn try_add(&self, node: usize, name: &str) -> Option<(u16, Value)> {
        let body = json!({"name": name, "numbers": [{"number": "07700 900123"}]});
        let call = format!("POST /subscribers/{}/friends", self.mum);
        self.try_api(node, &call, &body)
    }

    /// Whether this node's process has not ended.
    pub fn runs(&mut self, node: usize) -> bool {
        self.nodes[node].child.try_wait().unwrap().is_none()
    }

    /// What the carrier shows of Mum's phone.
    pub fn phone(&self) -> Value {
        let base = format!("http://127.0.0.1:{}/lab/v1", self.lab);
        ask(&base, &format!("GET /handsets/{MUM}"), &[], "").body
    }

    /// How many binds stand at the carrier.
    pub fn bound(&self) -> i64 {
        let base = format!("http://127.0.0.1:{}/lab/v1", self.lab);
        let smsc = ask(&base, "GET /smsc", &[], "").body;
        smsc["bound"].as_i64().unwrap()
    }

    /// Whether this name is on Mum's card.
    pub fn has(&self, name: &str) -> bool {
        let phone = self.phone();
        let mut book = phone["phone_book"].as_array().unwrap().iter();
        book.any(|entry| entry["name"] == name)
    }

    /// Waits until the card has exactly these names, the node says so, and every rule holds.
    pub fn finished(&self, asked: usize, names: &[&str]) {
        let mut wanted: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        wanted.sort();
        until("the card as the book", || {
            let phone = self.phone();
            let book = phone["phone_book"].as_array().unwrap().iter();
            let mut there: Vec<_> = book
                .map(|entry| entry["name"].as_str().unwrap().to_owned())
                .collect();
            there.sort();
            (there == wanted).then_some(())
        });
        until("in_sync", || {
            let call = format!("GET /subscribers/{}/terminals", self.mum);
            let (_, body) = self.try_api(asked, &call, &Value::Null)?;
            body.to_string().contains("in_sync").then_some(())
        });
        assert!(self.kith(&["audit"]).contains("every rule holds"));
    }

    /// Sends a signal to a node's process.
    pub fn signal(&mut self, node: usize, signal: &str) {
        let id = self.nodes[node].child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
        self.nodes[node].gone = signal != "-CONT";
    }

    /// Waits until a node's process has ended by itself.
    pub fn ended(&mut self, node: usize) {
        let child = &mut self.nodes[node].child;
        until("its end", || child.try_wait().unwrap());
    }
}

fn serve(folder: &PathBuf) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kith"));
    let (child, lines) = spawn(command.current_dir(folder).arg("serve"));
    assert!(says(&lines, "Portal"), "a server ended");
    child
}

/// A moment that may not be passed.
pub fn within(limit: Duration, what: &str, look: impl FnMut() -> bool) {
    let mut look = look;
    let began = Instant::now();
    until(what, || look().then_some(()));
    assert!(
        began.elapsed() < limit.min(LIMIT),
        "{what}: {:?}",
        began.elapsed()
    );
}
