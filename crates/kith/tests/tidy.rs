//! The tree's own rules: a breach says where it is and what to do about it.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use terminals::ChannelKind;

/// The file that names what the others must not say.
const THIS: &str = "crates/kith/tests/tidy.rs";
const PURE: [&str; 5] = ["book", "wire", "terminals", "delivery", "identity"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every committed path.
fn paths() -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(listed.status.success(), "git ls-files: {listed:?}");
    let names = String::from_utf8(listed.stdout).unwrap();
    let there = names
        .split('\0')
        .filter(|path| root().join(path).is_file())
        .map(str::to_owned);
    there.collect()
}

/// Every committed text file but this one, with its content.
fn texts() -> Vec<(String, String)> {
    let read = |path: String| {
        let text = String::from_utf8(std::fs::read(root().join(&path)).unwrap()).ok()?;
        Some((path, text))
    };
    let others = paths().into_iter().filter(|path| path != THIS);
    others.filter_map(read).collect()
}

fn is_lock(path: &str) -> bool {
    path.ends_with("Cargo.lock") || path.ends_with("package-lock.json")
}

/// Fails with the rule and every line that breaks it.
fn check(rule: &str, offenders: impl IntoIterator<Item = String>) {
    let offenders: Vec<_> = offenders.into_iter().collect();
    assert!(offenders.is_empty(), "{rule}\n  {}", offenders.join("\n  "));
}

/// `path:line: text` of every line that `breaks` names.
fn lines(
    texts: &[(String, String)],
    of: impl Fn(&str) -> bool,
    breaks: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in texts.iter().filter(|(path, _)| of(path)) {
        let numbered = text.lines().enumerate();
        found.extend(
            numbered
                .filter(|(_, line)| breaks(line))
                .map(|(at, line)| format!("{path}:{}: {}", at + 1, line.trim())),
        );
    }
    found
}

fn is_rust(path: &str) -> bool {
    path.ends_with(".rs")
}

/// What a line says to the compiler: a comment is not code.
fn code(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

#[test]
fn files_are_small() {
    let long = texts().into_iter().filter_map(|(path, text)| {
        let count = text.lines().count();
        let may = is_lock(&path) || path.contains("/vectors/");
        (count > 700 && !may).then(|| format!("{path} has {count} lines"))
    });
    check("A file has at most 700 lines: cut it by subject.", long);
}

#[test]
fn names_say_a_subject() {
    let nameless = |path: &String| {
        let mut parts = path.split(['/', '.']);
        parts.any(|part| matches!(part, "utils" | "util" | "common" | "helpers" | "helper"))
    };
    check(
        "A file is named after its subject, never utils, common or helpers: name it for what is in it.",
        paths().into_iter().filter(nameless),
    );
}

#[test]
fn nothing_is_left_for_later() {
    let left = |line: &str| {
        ["todo!", "unimplemented!", "dbg!"]
            .iter()
            .any(|word| code(line).contains(word))
    };
    check(
        "No todo!, unimplemented! or dbg! is committed: do it, or take it out.",
        lines(&texts(), is_rust, left),
    );
}

/// The part of a source file that ships: what stands before its tests.
fn shipped((path, text): (String, String)) -> Option<(String, String)> {
    let is_source = path.starts_with("crates/") && path.contains("/src/") && is_rust(&path);
    let is_test = ["tests.rs", "testing.rs"]
        .iter()
        .any(|end| path.ends_with(end));
    if !is_source || is_test || path.contains("/tests/") {
        return None;
    }
    let tests = |(at, _): &(usize, &str)| {
        let mut below = text.get(*at..).unwrap_or_default().trim_start().lines();
        let first = below.find(|line| !line.starts_with("#["));
        first.is_some_and(|line| line.starts_with("mod ") && line.ends_with('{'))
    };
    let end = text.match_indices("\n#[cfg(test)]").find(tests);
    let end = end.map_or(text.len(), |(at, _)| at);
    let shipped = text.get(..end)?.to_owned();
    Some((path, shipped))
}

#[test]
fn outside_input_never_panics() {
    let mut found = Vec::new();
    for (path, text) in texts().into_iter().filter_map(shipped) {
        let mut allowed = false;
        for (at, line) in text.lines().enumerate() {
            let panics = code(line).contains(".unwrap()") || code(line).contains(".expect(");
            if panics && !allowed {
                found.push(format!("{path}:{}: {}", at + 1, line.trim()));
            }
            // Until the end of the statement under it.
            allowed =
                line.contains("#[allow(clippy::expect_used)]") || (allowed && !line.ends_with(';'));
        }
    }
    check(
        "No .unwrap() or .expect( in what ships: return an error, or write #[allow(clippy::expect_used)] right above with the reason.",
        found,
    );
}

#[test]
fn pure_rooms_stay_pure() {
    let mut found = Vec::new();
    for room in PURE {
        let path = root().join("crates").join(room).join("Cargo.toml");
        let manifest: toml::Table =
            toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        for table in ["dependencies", "build-dependencies", "dev-dependencies"] {
            let names = manifest.get(table).and_then(toml::Value::as_table);
            let impure = names
                .into_iter()
                .flatten()
                .map(|(name, _)| name)
                .filter(|name| {
                    let stems = [
                        "tokio",
                        "rusqlite",
                        "http",
                        "hyper",
                        "axum",
                        "getrandom",
                        "rand",
                    ];
                    stems
                        .iter()
                        .any(|stem| name.split(['-', '_']).next() == Some(stem))
                });
            found.extend(impure.map(|name| format!("crates/{room}/Cargo.toml: {name}")));
        }
    }
    check(
        "A pure room has no network, database, HTTP or chance in its manifest: make it an argument.",
        found,
    );
}

#[test]
fn sql_lives_in_the_store() {
    // pgbox is PostgreSQL's operator in tests, never part of Kith.
    let inside = ["crates/store/", "crates/pgbox/"];
    let outside = |path: &str| is_rust(path) && !inside.iter().any(|room| path.starts_with(room));
    // Whole phrases: a card is told SELECT and UPDATE RECORD too.
    let statements = [
        "INSERT INTO",
        "INSERT OR",
        "REPLACE INTO",
        "DELETE FROM",
        "CREATE TABLE",
        "CREATE INDEX",
        "ALTER TABLE",
        "DROP TABLE",
        "PRAGMA ",
        " SET ",
        " FROM ",
        " WHERE ",
        "BEGIN IMMEDIATE",
    ];
    let is_sql = |line: &str| {
        let code = code(line);
        code.contains('"') && statements.iter().any(|word| code.contains(word))
    };
    let mut found = lines(&texts(), outside, is_sql);
    let manifests = |path: &str| path.ends_with("/Cargo.toml") && path != "crates/store/Cargo.toml";
    found.extend(lines(&texts(), manifests, |line| {
        line.starts_with("rusqlite")
    }));
    check(
        "SQL lives only in crates/store: ask the store for a whole job instead.",
        found,
    );
}

/// Whether a line names this place of a machine, not a page or folder of ours that ends alike.
fn names_place(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line
            .get(at + place.len()..)
            .and_then(|text| text.chars().next());
        let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || "._-/}".contains(c));
        !joins(before) && !after.is_some_and(|c| c.is_alphanumeric() || "._-".contains(c))
    })
}

#[test]
fn no_machine_is_named() {
    let places = ["/work", "/tmp", "/root", "/home"];
    let hosts = [
        "index.crates.io",
        "static.crates.io",
        "pypi.org",
        "pythonhosted.org",
        "npmjs.org",
        "proxy.golang.org",
        "deb.debian.org",
        "artifactory",
    ];
    let named = |line: &str| {
        places.iter().any(|place| names_place(line, place))
            || hosts.iter().any(|host| line.contains(host))
    };
    let mut found = lines(&texts(), |path| !is_lock(path), named);
    let elsewhere = |line: &str| {
        line.starts_with("source = ")
            && line != r#"source = "registry+https://github.com/rust-lang/crates.io-index""#
    };
    found.extend(lines(
        &texts(),
        |path| path.ends_with("Cargo.lock"),
        elsewhere,
    ));
    check(
        "No path of one machine and no registry's host is committed: use a temporary folder, a variable, or the ordinary client's default.",
        found,
    );
    assert!(names_place("cd /tmp/x", "/tmp") && names_place("at \"/root\"", "/root"));
    assert!(!names_place("desk/work.html", "/work") && !names_place("/workers", "/work"));
}

#[test]
fn both_languages_have_the_same_files() {
    let of = |language: &str| -> BTreeSet<String> {
        let folder = format!("locales/{language}/");
        let all = paths().into_iter();
        all.filter_map(|path| path.strip_prefix(&folder).map(str::to_owned))
            .collect()
    };
    let (en, zh) = (of("en"), of("zh-Hans"));
    assert!(!en.is_empty());
    check(
        "Every file of words is in both languages: add the other one.",
        en.symmetric_difference(&zh).cloned(),
    );
}

/// Where a channel's parts are. A new channel does not compile before it names them.
struct Places {
    codec: &'static str,
    channel: &'static str,
    profiles: &'static [&'static str],
    software_terminal: &'static str,
    /// Only of terminals that connect by themselves.
    listener: Option<&'static str>,
}

fn places(channel: ChannelKind) -> Places {
    match channel {
        ChannelKind::SimOta => Places {
            codec: "crates/wire/src/ota/mod.rs",
            channel: "crates/terminals/src/sim/mod.rs",
            profiles: &[
                "profiles/cards/usim-28x100.toml",
                "profiles/terminals/feature-phone.toml",
            ],
            software_terminal: "crates/lab/src/card/mod.rs",
            listener: None,
        },
        ChannelKind::SmsCard => Places {
            codec: "crates/wire/src/sms/card.rs",
            channel: "crates/terminals/src/card_sms/mod.rs",
            profiles: &["profiles/terminals/card-phone.toml"],
            software_terminal: "crates/lab/src/smsc/inbox.rs",
            listener: None,
        },
    }
}

#[test]
fn every_channel_is_in_its_five_places() {
    let committed: BTreeSet<_> = paths().into_iter().collect();
    for channel in ChannelKind::ALL {
        let place = places(channel);
        let all = [place.codec, place.channel, place.software_terminal]
            .into_iter()
            .chain(place.profiles.iter().copied())
            .chain(place.listener);
        check(
            &format!(
                "The channel {} lacks one of its places: write it.",
                channel.as_str()
            ),
            all.filter(|path| !committed.contains(*path))
                .map(str::to_owned),
        );
    }
}
