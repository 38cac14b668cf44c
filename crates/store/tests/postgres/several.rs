//! Several servers, each with some of the slices: one that dies stops its own slices' work only, and nobody mixes them up.

use super::*;
use crate::sample::{A, B, add_friend, id, read_again, somebody, subscriber};
use delivery::{NodeId, Slices};
use store::{Job, LeaseStep, ScheduleOf, StoreError};

/// B's slice lies on the other server.
fn servers(home: &Server, other: &Server) -> Servers {
    Servers {
        home: pgbox::url(&[home], "postgres"),
        others: vec![(
            pgbox::url(&[other], "postgres"),
            [B.slice()].into_iter().collect(),
        )],
    }
}

fn take(slice: u8) -> Job {
    Job::Lease(LeaseStep::Take {
        slice,
        node: NodeId(1),
        seen: 0,
        now: 1,
        expires: 9,
    })
}

/// Long before a fence closes: 8 s after the last renewal.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_keeps_nobody_elses_leases_waiting() {
    for silent in [false, true] {
        let (home, mut other) = (Server::start().unwrap(), Server::start().unwrap());
        let store = Store::connect(&servers(&home, &other)).unwrap();
        for of in [A, B] {
            somebody(&store, of).await;
            store.run(add_friend(of, 0, "Ann", None)).await.unwrap();
            store.run(take(of.slice())).await.unwrap();
        }
        let own = store.for_delivery();
        assert_eq!(own.leases().await.unwrap().len(), 2);
        let schedule = async || {
            let of = ScheduleOf {
                owned: Slices::ALL,
                now: i64::MAX - 9,
                most: 9,
                bulk: 9,
            };
            let found = own.read(move |reads| {
                let found = reads.schedule(&of)?;
                let slices = found.people.iter().map(|(id, _)| id.subscriber.slice());
                reads.incarnations(&slices.collect())?;
                Ok(found)
            });
            let found = found.await.unwrap();
            found
                .people
                .into_iter()
                .map(|(id, _)| id)
                .collect::<Vec<_>>()
        };
        assert_eq!(schedule().await.len(), 2);
        match silent {
            true => other.pause().unwrap(),
            false => other.kill().unwrap(),
        }
        let began = Instant::now();
        let there = own.leases().await.unwrap();
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
        assert_eq!(
            there.iter().map(|lease| lease.slice).collect::<Vec<_>>(),
            [A.slice()]
        );
        assert_eq!(schedule().await, [id(A, 1)]);
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
        // Which one it is, is said; who asks for what lies there is told so.
        let (at_home, there) = (store.server_of(A.slice()), store.server_of(B.slice()));
        until("an ill server", async || !store.answers(there)).await;
        assert!(store.answers(at_home));
        let ill = store.ills().remove(0);
        let slices = B.slice().to_string();
        assert_eq!(ill.slices.as_ref(), Some(&slices));
        assert!(
            ill.sentence.contains(&format!("with the slices {slices} ")),
            "{}",
            ill.sentence
        );
        let refused = own.book(B).await.unwrap_err();
        assert!(matches!(refused, StoreError::Away { .. }), "{refused}");
        // The others' people go on: what belongs to no slice is asked of home alone, and they are found by their numbers.
        assert!(store.book(A).await.unwrap().is_some());
        assert_eq!(store.document("failures", "ann").await.unwrap(), None);
        let done = store.document_beside(A.slice(), "edit", "1").await;
        assert_eq!(done.unwrap(), None);
        let found = store.subscribers_by_number(&subscriber(A).msisdn).await;
        assert_eq!(found.unwrap()[0].id, A);
        let away = |error: StoreError| matches!(error, StoreError::Away { .. });
        let hers = store.subscribers_by_number("+447700900999").await;
        assert!(away(hers.unwrap_err()), "she may lie there");
        let hers = store.document("edit", "1").await;
        assert!(away(hers.unwrap_err()), "it may lie there");
        // What is taken up is whole, or is not taken up.
        let flights = async |slices: &[u8]| {
            let slices: Slices = slices.iter().copied().collect();
            let found = own.read(move |reads| reads.in_flight_after(&slices, None, 9));
            found.await
        };
        assert_eq!(flights(&[A.slice()]).await.unwrap(), []);
        for slices in [&[B.slice()][..], &[A.slice(), B.slice()]] {
            assert!(away(flights(slices).await.unwrap_err()));
        }
        // Whoever looks for what is wrong sees the rest of it, and that it is not all.
        let whole = store.read(|reads| {
            reads.terminals_in_need(delivery::Need::Person, None, 9)?;
            Ok(reads.is_whole())
        });
        assert!(!whole.await.unwrap());
        store.home_answers().await.unwrap();
        let edit = read_again(&store, add_friend(A, 1, "Bea", None)).await;
        store.run(edit).await.unwrap();
        // It is back without anybody asking for what lies there.
        match silent {
            true => other.resume().unwrap(),
            false => other.restart().unwrap(),
        }
        until("the server", async || store.ills().is_empty()).await;
        assert_eq!(own.leases().await.unwrap().len(), 2);
        assert_eq!(schedule().await.len(), 2);
        assert_eq!(store.ills(), []);
        store.close().await;
    }
}

/// A slow page, or a commit that waits for another, says nothing about one of several servers: its slices go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_waits_does_not_stop_a_servers_slices() {
    let (home, other) = (Server::start().unwrap(), Arc::new(Server::start().unwrap()));
    let store = Store::connect(&servers(&home, &other)).unwrap();
    somebody(&store, B).await;
    let locking = locked(&other, "book").await;
    let reading = tokio::spawn({
        let store = store.clone();
        async move { store.book(B).await }
    });
    let there = store.server_of(B.slice());
    until("the book", async || {
        assert!(store.answers(there));
        reading.is_finished()
    })
    .await;
    assert!(reading.await.unwrap().unwrap().is_some());
    assert_eq!(store.ills(), []);
    locking.join().unwrap();
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_spread_is_refused() {
    let (home, other) = (Server::start().unwrap(), Server::start().unwrap());
    let right = servers(&home, &other);
    let store = Store::connect(&right).unwrap();
    somebody(&store, A).await;
    somebody(&store, B).await;
    store.close().await;
    let alone = Servers::one(right.home.clone());
    let mut fewer = right.clone();
    fewer.others[0].1.insert(A.slice());
    let mut turned = right.clone();
    std::mem::swap(&mut turned.home, &mut turned.others[0].0);
    for wrong in [alone, fewer, turned] {
        let refused = Store::connect(&wrong).unwrap_err().to_string();
        assert!(refused.contains("of subscribers lie there"), "{refused}");
        assert!(refused.contains("[[store.server]]"), "{refused}");
    }
    // Nothing was written by those who were refused.
    let store = Store::connect(&right).unwrap();
    assert!(store.book(B).await.unwrap().is_some());
    store.close().await;
}
