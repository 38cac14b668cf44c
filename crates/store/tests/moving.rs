//! A store in a file becomes one on PostgreSQL, on one database and on two; stopped in the middle and started again.
#![allow(clippy::unwrap_used)]

mod sample;

use sample::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use store::{Job, Servers, Store, move_to};

async fn fill(store: &Store) {
    for (n, of) in [A, B].into_iter().enumerate() {
        somebody(store, of).await;
        for at in 0..50 {
            store
                .run(add_friend(of, at, "Rose", (at == 3).then_some("r")))
                .await
                .unwrap();
        }
        let mut step = settle(of, 1);
        step.shipment = Some(ship(of, 1));
        step.slots = vec![ours(7, b"Rose")];
        step.placement = Some(placement(7));
        step.sent = vec![("lab".to_owned(), format!("m{n}"), part(of, 1))];
        step.documents = vec![text(&format!("d{n}"), Some("1"), None)];
        let job = read_again(store, Job::Settle(Box::new(step))).await;
        store.run(job).await.unwrap();
    }
    store.renew().await.unwrap();
}

async fn dump(store: &Store) -> Vec<String> {
    store.read(|reads| reads.dump()).await.unwrap()
}

async fn check(name: &str, servers: Servers, stop_at: Option<u64>) {
    let folder = Folder::new(name);
    let store = Store::open(&folder.file()).unwrap();
    fill(&store).await;
    let (rows, incarnation) = (dump(&store).await, store.incarnation(0).await.unwrap());
    store.close().await;
    let file = folder.file();
    let (moved, last) = tokio::task::spawn_blocking(move || {
        if let Some(stop_at) = stop_at {
            let stopped = catch_unwind(AssertUnwindSafe(|| {
                move_to(&file, &servers, |moved| {
                    assert!(moved.done < stop_at, "killed")
                })
            }));
            assert!(stopped.is_err() && file.exists());
        }
        let mut last = None;
        let moved = move_to(&file, &servers, |moved| last = Some(moved)).unwrap();
        let again = move_to(&file, &servers, |_| ()).unwrap_err().to_string();
        assert!(again.contains("there is no store"), "{again}");
        let store = Store::connect(&servers).unwrap();
        (moved, (last.unwrap(), store))
    })
    .await
    .unwrap();
    let (last, store) = last;
    assert_eq!(last.done, last.all);
    assert_eq!(dump(&store).await, rows);
    assert_eq!(store.incarnation(0).await.unwrap(), incarnation);
    store.close().await;
    assert!(moved.exists(), "the file is kept");
}

fn database(name: &str) -> String {
    pgbox::shared().unwrap().database(name).unwrap()
}

#[tokio::test]
async fn to_one_database() {
    check("move_one", Servers::one(database("move_one")), None).await;
}

#[tokio::test]
async fn to_two_databases() {
    let others = vec![(database("move_other"), [B.slice()].into_iter().collect())];
    let home = database("move_home");
    check("move_two", Servers { home, others }, None).await;
}

#[tokio::test]
async fn stopped_while_copying_and_while_comparing() {
    check(
        "move_copying",
        Servers::one(database("move_copying")),
        Some(60),
    )
    .await;
    check(
        "move_comparing",
        Servers::one(database("move_comparing")),
        Some(300),
    )
    .await;
}

#[tokio::test]
async fn a_database_that_holds_something_else_is_refused() {
    let url = database("move_full");
    let folder = Folder::new("move_full");
    let store = Store::open(&folder.file()).unwrap();
    fill(&store).await;
    store.close().await;
    let (file, servers) = (folder.file(), Servers::one(url));
    tokio::task::spawn_blocking(move || {
        let there = Store::connect(&servers).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let other = book::SubscriberId::new(9, 9);
        runtime
            .block_on(there.run(Job::CreateSubscriber(subscriber(other))))
            .unwrap();
        let refused = move_to(&file, &servers, |_| ()).unwrap_err().to_string();
        assert!(refused.contains("use an empty one"), "{refused}");
        assert!(file.exists());
    })
    .await
    .unwrap();
}
