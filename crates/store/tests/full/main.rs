//! A disk that is full: nothing that was answered is lost, what is refused was not done, reads go on, and everything goes
//! on by itself once there is room. The small disk is a tmpfs in a mount namespace of the test's own process.
#![allow(clippy::unwrap_used)]

#[path = "../postgres/editors.rs"]
mod editors;
#[path = "../sample/mod.rs"]
mod sample;

use editors::Editors;
use pgbox::{Ballast, Server};
use sample::Folder;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use store::{Servers, Store};

const LIMIT: Duration = Duration::from_secs(60);
/// Where the small disk is, in the process that sees it.
const ROOM: &str = "SMALL_DISK";

/// Waits for a state, with a limit.
async fn until<F: Future<Output = bool>>(what: &str, mut look: impl FnMut() -> F) {
    let began = Instant::now();
    while !look().await {
        assert!(began.elapsed() < LIMIT, "{what} did not come");
        tokio::task::yield_now().await;
    }
}

/// The small disk, in the process that has one. In any other: starts that one with the test of this name alone, on a
/// disk of so many MB, and has it succeed.
fn small_disk(test: &str, megabytes: u32) -> Option<PathBuf> {
    if let Some(room) = std::env::var_os(ROOM) {
        return Some(room.into());
    }
    let folder = Folder::new(test);
    let script = r#"mount -t tmpfs -o "size=$1m,mode=777" none "$2" && shift 2 && exec "$@""#;
    let mut inside = Command::new("unshare");
    // Whoever is not root becomes it in a namespace of her own.
    if std::fs::metadata("/proc/self")
        .map(|of| std::os::unix::fs::MetadataExt::uid(&of))
        .unwrap()
        != 0
    {
        inside.args(["--user", "--map-root-user"]);
    }
    let inside = inside
        .args(["--mount", "sh", "-c", script, "sh", &megabytes.to_string()])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(ROOM, folder.path())
        .status();
    let ended = inside.expect("unshare (util-linux) makes the small disk: install it");
    assert!(
        ended.success(),
        "{test} failed on the small disk, or none could be made: unshare --mount and mount -t tmpfs must be allowed here"
    );
    None
}

/// Fills the disk under a store with editors at work, waits for the sentence, reads, and makes room.
async fn check(room: &Path, store: &Store) {
    let editors = Editors::start(store).await;
    editors.answers(100).await;
    let ballast = Ballast::fill(room).unwrap();
    until("a red light", async || !store.ills().is_empty()).await;
    let sentence = store.ills()[0].sentence.clone();
    assert!(
        sentence.contains("no room") && sentence.contains("safe"),
        "{sentence}"
    );
    // What was answered can be read all the while.
    let one = editors.one();
    assert!(store.book(one).await.unwrap().is_some());
    drop(ballast);
    editors.answers(100).await;
    until("a green light", async || store.ills().is_empty()).await;
    let told = editors.finish().await;
    assert_eq!(told.unknown, 0);
    assert!(told.full > 0, "somebody was told");
}

#[tokio::test(flavor = "multi_thread")]
async fn under_sqlite() {
    let Some(room) = small_disk("under_sqlite", 256) else {
        return;
    };
    let file = room.join("kith.db");
    let store = Store::open(&file).unwrap();
    check(&room, &store).await;
    let counts = store.counts(sample::NOW).await.unwrap();
    store.close().await;
    // The file itself is whole.
    let store = Store::open(&file).unwrap();
    assert_eq!(store.counts(sample::NOW).await.unwrap(), counts);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_the_tables_of_postgresql() {
    let Some(room) = small_disk("under_the_tables_of_postgresql", 48) else {
        return;
    };
    let server = Server::start().unwrap();
    let url = server.database_in("books", &room).unwrap();
    let store = Store::connect(&Servers::one(url)).unwrap();
    check(&room, &store).await;
    store.close().await;
}

/// Without room for its log PostgreSQL ends itself: it is away until somebody makes room and starts it.
#[tokio::test(flavor = "multi_thread")]
async fn under_the_log_of_postgresql() {
    let Some(room) = small_disk("under_the_log_of_postgresql", 160) else {
        return;
    };
    let mut server = Server::start_in(&room).unwrap();
    let store = Store::connect(&Servers::one(server.url())).unwrap();
    let editors = Editors::start(&store).await;
    editors.answers(100).await;
    let ballast = Ballast::fill(&room).unwrap();
    until("a red light", async || !store.ills().is_empty()).await;
    drop(ballast);
    if !server.is_running() {
        server.restart().unwrap();
    }
    editors.answers(100).await;
    until("a green light", async || store.ills().is_empty()).await;
    editors.finish().await;
    store.close().await;
}
