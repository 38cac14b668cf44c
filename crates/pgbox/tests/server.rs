//! The private PostgreSQL itself: it keeps what was committed, follows, takes over, and goes with its process.
#![allow(clippy::unwrap_used, missing_docs)]

use pgbox::Server;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn fill(server: &Server) {
    server
        .sql(
            "postgres",
            "CREATE TABLE friend (name text); INSERT INTO friend VALUES ('Ann'), ('王小明')",
        )
        .unwrap();
}

fn names(server: &Server) -> String {
    server
        .sql("postgres", "SELECT name FROM friend ORDER BY name")
        .unwrap()
}

/// Waits for a state, with a limit.
fn until(what: &str, look: impl Fn() -> bool) {
    let began = Instant::now();
    while !look() {
        assert!(began.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_stop_a_kill_and_a_pause_keep_what_was_committed() {
    let mut server = Server::start().unwrap();
    fill(&server);
    type End = fn(&mut Server) -> Result<(), String>;
    let ends: [(&str, End); 3] = [
        ("nothing", |_| Ok(())),
        ("stop", Server::stop),
        ("kill", Server::kill),
    ];
    for (end, by) in ends {
        by(&mut server).unwrap();
        assert_eq!(
            server.sql("postgres", "SELECT 1").is_ok(),
            end == "nothing",
            "{end}"
        );
        server.restart().unwrap();
        assert_eq!(names(&server), "Ann\n王小明", "{end}");
    }
    // The log says which end was one without a good-bye.
    assert_eq!(
        server.log().matches("not properly shut down").count(),
        1,
        "{}",
        server.log()
    );
    for setting in ["fsync", "synchronous_commit"] {
        assert_eq!(
            server.sql("postgres", &format!("SHOW {setting}")).unwrap(),
            "on"
        );
    }
    server.pause().unwrap();
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| names(&server));
        server.resume().unwrap();
        assert_eq!(asked.join().unwrap(), "Ann\n王小明");
    });
    let folder = server.socket().to_owned();
    drop(server);
    assert!(!folder.exists());
}

#[test]
fn a_standby_takes_over_with_what_was_committed() {
    for sync in [true, false] {
        let mut primary = Server::start().unwrap();
        fill(&primary);
        let mut standby = primary.standby(sync).unwrap();
        primary
            .sql("postgres", "INSERT INTO friend VALUES ('Zoe')")
            .unwrap();
        if !sync {
            // What an asynchronous standby has not heard of is lost.
            until("Zoe on the standby", || names(&standby).contains("Zoe"));
            standby.stop().unwrap();
            primary
                .sql("postgres", "INSERT INTO friend VALUES ('lost')")
                .unwrap();
        }
        primary.kill().unwrap();
        if !sync {
            standby.restart().unwrap();
        }
        assert!(
            standby
                .sql("postgres", "INSERT INTO friend VALUES ('no')")
                .is_err(),
            "a standby takes no writes"
        );
        standby.promote().unwrap();
        assert_eq!(names(&standby), "Ann\nZoe\n王小明", "sync {sync}");
        let timeline = "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)";
        primary.restart().unwrap();
        assert_eq!(primary.sql("postgres", timeline).unwrap(), "00000001");
        assert_eq!(standby.sql("postgres", timeline).unwrap(), "00000002");
    }
}

#[test]
fn every_test_has_a_database_of_its_own() {
    let server = pgbox::shared().unwrap();
    let url = server.database("one").unwrap();
    assert!(url.ends_with("/one"), "{url}");
    server
        .sql("one", "CREATE TABLE friend (name text)")
        .unwrap();
    server.copy("one", "two").unwrap();
    assert_eq!(
        server.sql("two", "SELECT count(*) FROM friend").unwrap(),
        "0"
    );
    server.database("one").unwrap();
    let wrong = server.sql("one", "SELECT * FROM friend").unwrap_err();
    assert!(wrong.contains("does not exist"), "{wrong}");
    assert!(std::ptr::eq(server, pgbox::shared().unwrap()));
}

/// A second process starts a server and says where; however it ends, nothing is left.
#[test]
fn the_server_goes_with_its_process() {
    const INSIDE: &str = "PGBOX_TEST_INSIDE";
    if let Ok(end) = std::env::var(INSIDE) {
        let server = pgbox::shared().unwrap();
        if end == "paused" {
            server.pause().unwrap();
        }
        println!("\nfolder={}", server.socket().display());
        match end.as_str() {
            "panic" => panic!("as a test that fails"),
            "return" => return,
            _ => loop {
                std::thread::park();
            },
        }
    }
    for end in ["return", "panic", "killed", "paused"] {
        let mut inside = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_server_goes_with_its_process", "--nocapture"])
            .env(INSIDE, end)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = std::io::BufRead::lines(std::io::BufReader::new(inside.stdout.take().unwrap()));
        let mut lines = lines.map_while(Result::ok);
        let folder = lines
            .find_map(|line| line.strip_prefix("folder=").map(str::to_owned))
            .unwrap();
        if end == "killed" || end == "paused" {
            assert!(Path::new(&folder).exists());
            inside.kill().unwrap();
        }
        inside.wait().unwrap();
        until(&format!("{end} left {folder}"), || {
            !Path::new(&folder).exists()
        });
    }
}
