//! A PostgreSQL that is restarted, killed, away, and failed over, under people who edit: what was answered is there, what
//! was called undone is not, and nobody writes to an old copy.
#![allow(clippy::unwrap_used)]

mod cut;
mod editors;
mod failover;
mod restart;
#[path = "../sample/mod.rs"]
mod sample;
mod several;
mod slow;

use editors::Editors;
use pgbox::Server;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use store::{Servers, Store};

const LIMIT: Duration = Duration::from_secs(60);

/// A store on these servers, whichever may be written.
fn store(servers: &[&Server]) -> Store {
    Store::connect(&Servers::one(pgbox::url(servers, "postgres"))).unwrap()
}

/// Nobody gets at this table for longer than a silence is noticed. It is locked by now.
async fn locked(server: &Arc<Server>, table: &str) -> JoinHandle<String> {
    let lock =
        format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(5); COMMIT");
    let locking = {
        let server = Arc::clone(server);
        thread::spawn(move || server.sql("postgres", &lock).unwrap())
    };
    let held = format!(
        "SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = '{table}'::regclass"
    );
    until("the lock", async || {
        server.sql("postgres", &held).unwrap().contains('1')
    })
    .await;
    locking
}

/// Waits for a state, with a limit.
async fn until<F: Future<Output = bool>>(what: &str, mut look: impl FnMut() -> F) {
    let began = Instant::now();
    while !look().await {
        assert!(began.elapsed() < LIMIT, "{what} did not come");
        tokio::task::yield_now().await;
    }
}
