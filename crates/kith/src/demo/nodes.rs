//! The demo's further nodes: child processes of the same binary, on the same PostgreSQL.

use control::{Control, Node};
use rustix::process::{Pid, Signal, kill_process};
use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How often the demo looks who owns what.
const LOOK: Duration = Duration::from_secs(1);

/// Servers beside the demo's own; they are told to end when this is dropped.
pub struct Nodes(Vec<Child>);

impl Nodes {
    /// Starts so many, each with a folder of its own in `folder`, on the demo's master key and carrier.
    pub fn start(
        folder: &Path,
        count: u16,
        url: &str,
        smsc: SocketAddr,
        password: &str,
    ) -> Result<Self, String> {
        let mut nodes = Self(Vec::new());
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let key = folder.join("master.key");
        for n in 2..=count {
            let own = folder.join(format!("node-{n}"));
            let said = |error: std::io::Error| format!("node {n} cannot be started: {error}.");
            std::fs::create_dir_all(&own).map_err(said)?;
            let config = config(&own, &key, url, smsc, password);
            let path = own.join("kith.toml");
            std::fs::write(&path, config).map_err(said)?;
            let mut child = Command::new(&program)
                .arg("serve")
                .arg("--config")
                .arg(&path)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()
                .map_err(said)?;
            if let Some(output) = child.stdout.take() {
                std::thread::spawn(move || {
                    for line in BufReader::new(output).lines().map_while(Result::ok) {
                        println!("  node {n}   {line}");
                    }
                });
            }
            nodes.0.push(child);
        }
        Ok(nodes)
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for child in &self.0 {
            let process = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            if let Some(process) = process {
                // It has ended already.
                let _ = kill_process(process, Signal::TERM);
            }
        }
        for child in &mut self.0 {
            let _ = child.wait();
        }
    }
}

fn config(folder: &Path, key: &Path, url: &str, smsc: SocketAddr, password: &str) -> String {
    // A text of JSON is one of TOML.
    let text = |value: &str| serde_json::Value::from(value).to_string();
    let path = |path: &Path| text(&path.display().to_string());
    let mut config = String::new();
    // Writing to a text does not fail.
    let _ = write!(
        config,
        "[store]\npath = {}\nmaster_key_file = {}\nurl = {}\n\
         [listen]\npublic = \"127.0.0.1:0\"\nlan = \"127.0.0.1:0\"\n\
         [delivery]\nquiet_seconds = 3\nproof_seconds = 3\nproof_seconds_most = 20\nvalidity_seconds = 600\n\
         [[gateway]]\nname = \"lab\"\nhost = \"{}\"\nport = {}\nsystem_id = \"kith\"\npassword = {}\nsource = \"12345\"\n",
        path(folder),
        path(key),
        text(url),
        smsc.ip(),
        smsc.port(),
        text(password),
    );
    config
}

/// Says who owns what, each time that it changes.
pub async fn tell(control: Control) {
    let mut last = Vec::new();
    loop {
        if let Ok(nodes) = control.nodes().await {
            let now: Vec<_> = nodes.iter().map(|node| (node.node, node.slices)).collect();
            if now != last {
                last = now;
                nodes.iter().for_each(|node| println!("  {}", line(node)));
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// `node 00c0ffee… (127.0.0.1:4711) owns 86 of 256 slices: 0–85`.
fn line(node: &Node) -> String {
    let mut ranges: Vec<(u8, u8)> = Vec::new();
    for slice in node.slices.iter() {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(slice) => *last = slice,
            _ => ranges.push((slice, slice)),
        }
    }
    let ranges: Vec<_> = ranges
        .into_iter()
        .map(|(first, last)| match last - first {
            0 => first.to_string(),
            _ => format!("{first}–{last}"),
        })
        .collect();
    format!(
        "node {:016x} ({}) owns {} of 256 slices: {}",
        node.node.0,
        node.address,
        node.slices.len(),
        ranges.join(", ")
    )
}
