//! The store's bad days, under people who edit: PostgreSQL restarted, failed over, away; a full disk; a slow one. No
//! answered edit is lost, the server is never started again, it says what is wrong, and it goes on by itself.
#![allow(clippy::unwrap_used, missing_docs)]

mod running;

use book::SubscriberId;
use pgbox::{Ballast, Server};
use running::load::Load;
use running::world::World;
use running::{LIMIT, MUM, try_ask, until};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A server over these servers of PostgreSQL, and clients at work.
fn begin(name: &str, servers: &[&Server]) -> (World, Load) {
    let mut world = World::over(name, Some(&pgbox::url(servers, "postgres")));
    world.start_server(None);
    let load = Load::start(&world, 1);
    load.wait(30);
    (world, load)
}

/// What readiness says: its status and its sentence.
fn ready(world: &World) -> (u16, String) {
    let answer = world.ask("GET /ready", &Value::Null).unwrap();
    let detail = answer.body["detail"].as_str().unwrap_or_default();
    (answer.status, detail.to_owned())
}

/// Waits until readiness is red with these words, and green again after `mend`; and what the console says meanwhile.
fn red(world: &World, words: &str, mend: impl FnOnce()) {
    until("a red light with the reason", || {
        let (status, sentence) = ready(world);
        (status == 503 && sentence.contains(words) && sentence.contains("safe")).then_some(())
    });
    // The figures tell of it, too, though most of them lie in the store.
    until("an alert", || is_alert(world, "store").then_some(()));
    // Refused with a sentence, and with the advice to come again; a small change may still find room.
    let owner = json!({"msisdn": "+447700900799", "name": "Nobody yet"});
    let refused = until("a refusal", || {
        let answer = world.ask("POST /subscribers", &owner).unwrap();
        (answer.status == 503).then_some(answer)
    });
    assert!(refused.header("retry-after").is_some(), "{}", refused.head);
    mend();
    until("a green light", || (ready(world).0 == 200).then_some(()));
    assert!(!is_alert(world, "store"));
}

/// Whether the metrics have an alert of this name.
fn is_alert(world: &World, what: &str) -> bool {
    let answer = world.ask("GET /metrics", &Value::Null).unwrap();
    answer.status == 200
        && answer
            .text
            .contains(&format!("kith_alert{{what=\"{what}\"}} 1"))
}

#[test]
fn postgresql_restarted_and_killed() {
    let mut server = Server::start().unwrap();
    let (mut world, load) = begin("restarted", &[&server]);
    for round in 0..6 {
        load.wait(20 + round);
        if round % 2 == 0 {
            server.kill().unwrap();
        }
        server.restart().unwrap();
    }
    load.wait(30);
    assert!(world.runs());
    load.finish(&world);
}

#[test]
fn postgresql_away() {
    let mut server = Server::start().unwrap();
    let (mut world, load) = begin("away", &[&server]);
    server.stop().unwrap();
    red(&world, "does not answer", || server.restart().unwrap());
    load.wait(30);
    assert!(world.runs());
    load.finish(&world);
}

#[test]
fn failed_over_to_a_synchronous_standby() {
    let mut primary = Server::start().unwrap();
    let mut standby = primary.standby(true).unwrap();
    let (mut world, load) = begin("failover", &[&primary, &standby]);
    load.wait(50);
    primary.kill().unwrap();
    standby.promote().unwrap();
    load.wait(50);
    until("an alert", || {
        is_alert(&world, "store-failed-over").then_some(())
    });
    // The old primary comes back, and thinks that it may be written.
    primary.restart().unwrap();
    load.wait(50);
    assert!(world.runs());
    load.finish(&world);
}

/// One of two servers is away: it is said, and whose book lies on the other goes on as ever, with every question that her
/// edit asks.
#[test]
fn one_of_several_servers_away() {
    let (home, mut other) = (Server::start().unwrap(), Server::start().unwrap());
    let url = |server| pgbox::url(&[server], "postgres");
    let mut world = World::spread("spread", Some(&url(&home)), Some(&url(&other)));
    world.start_server(None);
    let mut owners = (0..).map(|n| {
        let number = format!("+447700900{:03}", 700 + n);
        let owner = json!({"msisdn": number, "name": "Owner"});
        let made = world.api("POST /subscribers", &owner).unwrap();
        let id = made["id"].as_str().unwrap().to_owned();
        let key = book::decode('s', &id).unwrap();
        let key = SubscriberId(u64::from_be_bytes(key.try_into().unwrap()));
        let at_home = key.slice() < 128;
        (at_home, id, number)
    });
    let (_, here, number) = owners.find(|(at_home, ..)| *at_home).unwrap();
    let (_, there, _) = owners.find(|(at_home, ..)| !*at_home).unwrap();
    drop(owners);
    let edit = |owner: &str, name: &str| {
        let lines = [
            format!("Authorization: Bearer {}", world.token),
            "Content-Type: application/json".to_owned(),
            format!("Idempotency-Key: {owner}-{name}"),
        ];
        let body = json!({"name": name, "numbers": [{"number": "07700 900123"}]});
        let call = format!("POST /subscribers/{owner}/friends");
        try_ask(&world.api_url(), &call, &lines, &body.to_string()).unwrap()
    };
    assert_eq!(edit(&there, "Ann").status, 201);
    other.kill().unwrap();
    until("a sentence", || {
        let (status, sentence) = ready(&world);
        (sentence.contains("with the slices 128-255 of subscribers"))
            .then(|| assert_eq!(status, 200))
    });
    assert!(is_alert(&world, "store"));
    assert_eq!(edit(&here, "Ann").status, 201);
    let again = edit(&here, "Ann");
    assert_eq!(again.status, 201, "the same request again");
    let found = world.api(
        &format!("GET /subscribers?number=%2B{}", &number[1..]),
        &Value::Null,
    );
    assert_eq!(found.unwrap()["items"][0]["id"], here.as_str());
    let refused = edit(&there, "Bea");
    assert_eq!(refused.status, 503);
    assert!(refused.header("retry-after").is_some(), "{}", refused.head);
    other.restart().unwrap();
    until("the other server", || {
        (!is_alert(&world, "store")).then_some(())
    });
    assert_eq!(edit(&there, "Bea").status, 201);
    assert!(world.runs());
}

/// A standby that lags takes over: edits are lost that were answered, and on the card. The counters jump, so that the card
/// takes packets; what Kith knows to be on it is read back; and what is in the book is on the card. What lost edits wrote
/// may stay there until its place is needed: nobody knows any more that it is not the owner's own.
#[test]
fn failed_over_to_an_asynchronous_standby_that_lags() {
    let mut primary = Server::start().unwrap();
    let mut standby = primary.standby(false).unwrap();
    let url = pgbox::url(&[&primary, &standby], "postgres");
    let mut world = World::over("lagging", Some(&url));
    let owner = world.id(MUM);
    world.start_server(None);
    world.add(&owner, "Ann");
    world.finished(MUM, &["Ann"]);
    let position = "SELECT pg_current_wal_lsn()";
    let position = primary.sql("postgres", position).unwrap();
    let heard = format!("SELECT pg_last_wal_replay_lsn() >= '{position}'");
    until("Ann on the standby", || {
        (standby.sql("postgres", &heard).unwrap() == "t").then_some(())
    });
    standby.stop().unwrap();
    world.add(&owner, "Lost one");
    world.add(&owner, "Lost two");
    world.finished(MUM, &["Ann", "Lost one", "Lost two"]);
    primary.kill().unwrap();
    standby.restart().unwrap();
    standby.promote().unwrap();
    let path = format!("GET /subscribers/{owner}/friends");
    until("the store on the standby", || {
        let answer = world.ask(&path, &Value::Null)?;
        (answer.status == 200 && !answer.text.contains("Lost")).then_some(())
    });
    until("Zoe saved", || {
        let zoe = json!({"name": "Zoe", "numbers": [{"number": "07700 900124"}]});
        let answer = world.ask(&format!("POST /subscribers/{owner}/friends"), &zoe)?;
        (answer.status == 201).then_some(())
    });
    world.finished(MUM, &["Ann", "Zoe"]);
    let names = world.names(MUM);
    let known = |name: &String| ["Ann", "Lost one", "Lost two", "Zoe"].contains(&&name[..]);
    assert!(names.iter().all(known), "{names:?}");
    assert!(world.runs());
}

/// The data folder on a small disk of its own, in the server's own mount namespace.
#[test]
fn the_disk_is_full_under_sqlite() {
    let mut world = World::new("full");
    std::fs::create_dir(world.folder.join("small")).unwrap();
    let script =
        "mount -t tmpfs -o size=256m,mode=700 none small && cp -a data/. small/ && exec \"$@\"";
    // Whoever is not root becomes it in a namespace of her own.
    let by = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        script,
        "sh",
    ];
    world.wrap(&by, &[("KITH_STORE_PATH", "small")]);
    world.start_server(None);
    let room = world.find_data("small");
    let load = Load::start(&world, 1);
    load.wait(30);
    // Red before anything is refused: somebody can make room, and nobody noticed.
    let early = nearly_full(&room);
    let sentence = until("an early red light", || {
        let (status, sentence) = ready(&world);
        (status == 503).then_some(sentence)
    });
    assert!(
        sentence.contains("MiB left: make room") && is_alert(&world, "disk-filling"),
        "{sentence}"
    );
    let owner = json!({"msisdn": "+447700900798", "name": "In time"});
    assert_eq!(world.ask("POST /subscribers", &owner).unwrap().status, 201);
    let ballast = Ballast::fill(&room).unwrap();
    red(&world, "no room", || {
        std::fs::remove_file(early).unwrap();
        drop(ballast);
    });
    assert!(!is_alert(&world, "disk-filling"));
    load.wait(30);
    assert!(world.runs());
    load.finish(&world);
}

/// A file that leaves room for a while.
fn nearly_full(folder: &Path) -> PathBuf {
    let path = folder.join("early");
    let mut file = File::create(&path).unwrap();
    let piece = vec![0; 1 << 20];
    loop {
        let disk = rustix::fs::statvfs(folder).unwrap();
        if disk.f_bavail * disk.f_frsize < 28 << 20 {
            return path;
        }
        file.write_all(&piece).unwrap();
    }
}

/// Every sync of the server takes 5 ms more: it is slower, and nothing else.
#[test]
fn the_disk_is_slow_under_sqlite() {
    let mut world = World::new("slow");
    let delay = "inject=fsync,fdatasync:delay_exit=5000";
    // The tracer is a grandchild, so that the server is ended as the child that it is.
    let by = [
        "strace",
        "-D",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        delay,
    ];
    world.wrap(&by, &[]);
    world.start_server(None);
    let began = Instant::now();
    let load = Load::start(&world, 1);
    load.wait(300);
    println!("300 answers and events in {:?}", began.elapsed());
    assert!(began.elapsed() < LIMIT);
    assert_eq!(ready(&world).0, 200);
    load.finish(&world);
}
