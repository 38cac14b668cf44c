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
use std::time::{Duration, Instant};
use store::{Servers, Store};

const LIMIT: Duration = Duration::from_secs(60);

/// A store on these servers, whichever may be written.
fn store(servers: &[&Server]) -> Store {
    Store::connect(&Servers::one(pgbox::url(servers, "postgres"))).unwrap()
}

/// Waits for a state, with a limit.
async fn until<F: Future<Output = bool>>(what: &str, mut look: impl FnMut() -> F) {
    let began = Instant::now();
    while !look().await {
        assert!(began.elapsed() < LIMIT, "{what} did not come");
        tokio::task::yield_now().await;
    }
}
