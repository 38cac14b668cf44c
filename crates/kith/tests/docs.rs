//! The commands of the documents, run as they stand: `$` lines are typed, what follows is what they must say (`…` stands
//! for anything). Ports are free ones, so that tests may run side by side.
#![allow(clippy::unwrap_used, missing_docs)]

mod running;

use running::{LIMIT, folder, spawn};
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Instant;

/// A folder of its own with the processes that the document left running.
struct Desk {
    folder: PathBuf,
    running: Vec<Child>,
    ports: BTreeMap<&'static str, u16>,
}

impl Drop for Desk {
    fn drop(&mut self) {
        for child in self.running.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Desk {
    fn new(name: &str, ports: &[&'static str]) -> Self {
        let folder = folder(&format!("docs-{name}"));
        // A port that was free once may be another story's by now: none is given twice.
        static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
        let mut given = GIVEN.lock().unwrap();
        let ports = ports
            .iter()
            .map(|port| {
                let free = std::iter::repeat_with(|| {
                    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                    listener.local_addr().unwrap().port()
                });
                (*port, { free }.find(|port| given.insert(*port)).unwrap())
            })
            .collect();
        Self {
            folder,
            running: Vec::new(),
            ports,
        }
    }

    /// The text with free ports for the document's.
    fn ported(&self, text: &str) -> String {
        self.ports
            .iter()
            .fold(text.to_owned(), |text, (port, free)| {
                text.replace(&format!(":{port}"), &format!(":{free}"))
                    .replace(&format!("port = {port}"), &format!("port = {free}"))
            })
    }

    fn shell(&self, line: &str) -> Command {
        let kith = Path::new(env!("CARGO_BIN_EXE_kith")).parent().unwrap();
        let path = format!("{}:{}", kith.display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("sh");
        command
            .args(["-c", line])
            .current_dir(&self.folder)
            .env("PATH", path)
            .stdin(Stdio::null());
        command
    }

    /// Runs a command and compares what it says; one that ends with `&` runs on, and is compared as it speaks.
    fn run(&mut self, line: &str, wanted: &str, eventually: bool) {
        let line = self.ported(line);
        let wanted = self.ported(wanted);
        if let Some(line) = line.strip_suffix('&') {
            let ports = [
                ("lab", "--smpp-port", "2775"),
                ("lab", "--http-port", "2780"),
            ];
            let mut line = format!("exec env {}", line.trim());
            for (command, flag, port) in ports {
                if line.contains(&format!("kith {command}")) {
                    line = format!("{line} {flag} {}", self.ports[port]);
                }
            }
            let (child, lines) = spawn(&mut self.shell(&line));
            self.running.push(child);
            let wait = || {
                lines
                    .recv_timeout(LIMIT)
                    .unwrap_or_else(|_| panic!("{line} said too little"))
            };
            let said: Vec<String> = wanted.lines().map(|_| wait()).collect();
            return assert_said(&line, &said.join("\n"), &wanted);
        }
        let ask = || {
            let output = self.shell(&format!("{line} 2>&1")).output().unwrap();
            let said = String::from_utf8(output.stdout).unwrap().replace('\r', "");
            (output.status.success(), said)
        };
        let right = |said: &str| wanted.is_empty() || matches(said.trim_end(), wanted.trim_end());
        let began = Instant::now();
        let (mut well, mut said) = ask();
        while eventually && !right(&said) && began.elapsed() < LIMIT {
            (well, said) = ask();
        }
        assert!(well, "{line}\n{said}");
        if !wanted.is_empty() {
            assert_said(&line, &said, &wanted);
        }
    }

    fn document(&mut self, text: &str) {
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let Some(kind) = line.strip_prefix("```").filter(|kind| !kind.is_empty()) else {
                continue;
            };
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            match kind.split(' ').collect::<Vec<_>>()[..] {
                ["console", ref more @ ..] => {
                    let commands = block.join("\n");
                    for command in commands.split("$ ").skip(1) {
                        // Only a `$ ` at the beginning of a line begins a command.
                        let (typed, wanted) = command.split_once('\n').unwrap_or((command, ""));
                        self.run(typed, wanted, more == ["eventually"]);
                    }
                }
                [_, name] => {
                    let text = self.ported(&(block.join("\n") + "\n"));
                    std::fs::write(self.folder.join(name), text).unwrap();
                }
                _ => {}
            }
        }
    }
}

#[track_caller]
fn assert_said(line: &str, said: &str, wanted: &str) {
    assert!(
        matches(said.trim_end(), wanted.trim_end()),
        "{line}\nsaid:\n{said}\nthe document says:\n{wanted}"
    );
}

/// Whether `said` is `wanted`, where `…` stands for anything.
fn matches(said: &str, wanted: &str) -> bool {
    let mut parts = wanted.split('…');
    let Some(mut rest) = parts.next().and_then(|first| said.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<_> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn a_real_carrier_and_a_real_sim() {
    let mut desk = Desk::new("carrier", &["2775", "2780", "8080", "8081"]);
    desk.document(include_str!("../../../docs/CARRIER.md"));
}

/// Every folder of `scenarios/`, each a story.
#[test]
fn the_scenarios() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let mut folders: Vec<_> = std::fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    assert!(!folders.is_empty());
    let stories: Vec<_> = folders
        .into_iter()
        .map(|folder| {
            let root = root.clone();
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            std::thread::Builder::new()
                .name(name)
                .spawn(move || play(&root, &folder))
                .unwrap()
        })
        .collect();
    for story in stories {
        let name = story.thread().name().unwrap().to_owned();
        assert!(story.join().is_ok(), "{name}");
    }
}

fn play(root: &Path, folder: &Path) {
    let name = folder.file_name().unwrap().to_string_lossy();
    let mut desk = Desk::new(&name, &["2775", "2780", "8080", "8081"]);
    let given = ["kith.toml", "keys.txt"].map(|file| root.join(file));
    let own = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    for file in own.chain(given) {
        let text = desk.ported(&std::fs::read_to_string(&file).unwrap());
        std::fs::write(desk.folder.join(file.file_name().unwrap()), text).unwrap();
    }
    desk.document(&std::fs::read_to_string(folder.join("story.md")).unwrap());
}

#[test]
fn dots_stand_for_anything_and_nothing_else_does() {
    for (said, wanted, right) in [
        ("abc", "abc", true),
        ("abc", "a…c", true),
        ("abc", "a…d", false),
        ("abc", "ab", false),
        ("s12: Mum, s12", "s…: Mum, s…", true),
        ("", "", true),
    ] {
        assert_eq!(matches(said, wanted), right, "{said} {wanted}");
    }
}
