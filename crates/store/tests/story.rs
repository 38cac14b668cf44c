//! A friend is added, goes to the phone, is proven; the store is closed and opened again.
#![allow(clippy::unwrap_used)]

mod sample;

use book::Revision;
use sample::*;
use store::{Job, Store};

#[tokio::test]
async fn a_friend_reaches_the_phone_and_the_store_remembers() {
    let folder = Folder::new("story");
    let store = Store::open(&folder.file()).unwrap();
    somebody(&store, A).await;

    // She edits: the book, the journal and the due mark are one commit.
    store
        .run(add_friend(A, 0, "Rose", Some("r1")))
        .await
        .unwrap();
    let before = store.schedule(NOW, 10).await.unwrap();
    assert_eq!((before.people, before.next), (vec![], Some(NOW + 8_000)));
    let due = store.schedule(NOW + 8_000, 10).await.unwrap();
    assert_eq!((due.people, due.next), (vec![(id(A, 1), mark(1))], None));

    // Delivery plans: the shipment and its counter are recorded before anything is sent.
    let mut step = settle(A, 1);
    step.terminal.counter_next = 2;
    step.terminal.in_flight = Some(ship(A, 1).id);
    step.terminal.planned = Revision(1);
    step.shipment = Some(ship(A, 1));
    step.clear_due = Some(mark(1));
    go(&store, &step).await;
    let after = store.schedule(i64::MAX, 10).await.unwrap();
    assert_eq!(after, store::Schedule::default());
    assert_eq!(store.unfinished().await.unwrap(), [ship(A, 1)]);

    // The gateway takes it, and the card proves it.
    step.sent = vec![("lab".to_owned(), "m1".to_owned(), part(A, 1))];
    step.clear_due = None;
    go(&store, &step).await;
    assert_eq!(store.sent("lab", "m1").await.unwrap(), Some(part(A, 1)));
    step.terminal.in_flight = None;
    step.terminal.proven = Revision(1);
    step.shipment = Some(proven(ship(A, 1)));
    step.slots = vec![ours(7, b"Rose")];
    step.placement = Some(placement(7));
    step.sent.clear();
    go(&store, &step).await;

    store.close().await;
    assert!(store.book(A).await.is_err(), "a closed store says so");
    let store = Store::open(&folder.file()).unwrap();
    assert_eq!(store.book(A).await.unwrap().unwrap().friends.len(), 1);
    let there = store.terminal(id(A, 1)).await.unwrap().unwrap();
    assert_eq!(there.terminal.version, 3, "one more with every step");
    step.terminal.version = 3;
    assert_eq!(there.terminal, step.terminal);
    assert_eq!(there.placement, placement(7));
    assert_eq!(
        there.shadow.slots.into_iter().collect::<Vec<_>>(),
        step.slots
    );
    let counts = store.counts(NOW).await.unwrap();
    assert_eq!(
        (
            counts.terminals,
            counts.due,
            counts.in_flight,
            counts.proven_last_hour
        ),
        (1, 0, 0, 1)
    );
    store.close().await;
}

async fn go(store: &Store, step: &store::SettleJob) {
    let job = read_again(store, Job::Settle(Box::new(step.clone()))).await;
    store.run(job).await.unwrap();
}
