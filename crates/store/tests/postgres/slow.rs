//! Questions that take long: they neither call the database away nor keep the leases from being read.

use super::*;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// Nobody can count meanwhile, as where there are very many: the database is well all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_count_says_nothing_about_the_database() {
    let server = Arc::new(Server::start().unwrap());
    let store = store(&[&server]);
    let locking = locked(&server, "subscriber").await;
    let began = Instant::now();
    let over = Arc::new(AtomicBool::new(false));
    let counting = {
        let (store, over) = (store.clone(), Arc::clone(&over));
        tokio::spawn(async move {
            let counts = store.counts(0).await;
            over.store(true, SeqCst);
            counts
        })
    };
    until("the count", async || {
        assert_eq!(store.ills(), []);
        over.load(SeqCst)
    })
    .await;
    assert!(began.elapsed() > Duration::from_secs(3));
    assert_eq!(counting.await.unwrap().unwrap().subscribers, 0);
    locking.join().unwrap();
    store.close().await;
}

/// What the server ends (as it does a count after a minute) fails alone: the connection stays, and nobody is alarmed.
#[tokio::test(flavor = "multi_thread")]
async fn a_count_that_is_ended_fails_alone() {
    let server = Arc::new(Server::start().unwrap());
    let store = store(&[&server]);
    let locked = "BEGIN; LOCK TABLE subscriber IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)";
    let locking = {
        let server = Arc::clone(&server);
        thread::spawn(move || server.sql("postgres", locked))
    };
    let waits = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%subscriber%'";
    let lock = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()
        AND EXISTS (SELECT 1 FROM pg_locks l WHERE l.pid = pg_stat_activity.pid AND mode = 'AccessExclusiveLock' AND granted)";
    until("the lock", async || {
        !server.sql("postgres", lock).unwrap().is_empty()
    })
    .await;
    let counting = {
        let store = store.clone();
        tokio::spawn(async move { store.counts(0).await })
    };
    until("the count", async || {
        !server.sql("postgres", waits).unwrap().is_empty()
    })
    .await;
    let ended = waits.replace("SELECT pid", "SELECT pg_cancel_backend(pid)");
    server.sql("postgres", &ended).unwrap();
    let refused = counting.await.unwrap().unwrap_err().to_string();
    assert!(refused.contains("57014"), "{refused}");
    assert_eq!(store.ills(), []);
    let go = lock.replace("SELECT pid", "SELECT pg_terminate_backend(pid)");
    server.sql("postgres", &go).unwrap();
    let _ = locking.join().unwrap();
    assert_eq!(store.counts(0).await.unwrap().subscribers, 0);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_never_take_the_reader_of_the_leases() {
    let server = Server::start().unwrap();
    let store = store(&[&server]);
    sample::slow_pages_keep_no_lease_waiting(&store, 4).await;
    store.close().await;
}
