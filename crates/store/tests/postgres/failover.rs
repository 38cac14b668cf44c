//! The standby takes over.

use super::*;

/// Makes the store connect anew.
fn disconnect(server: &Server) {
    let others =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'kith'";
    server.sql("postgres", others).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn to_a_synchronous_standby_under_load() {
    let mut primary = Server::start().unwrap();
    let mut standby = primary.standby(true).unwrap();
    let store = store(&[&primary, &standby]);
    let incarnation = store.incarnation(0).await.unwrap();
    let editors = Editors::start(&store).await;
    editors.answers(200).await;
    primary.kill().unwrap();
    standby.promote().unwrap();
    editors.answers(50).await;
    // Rule 2: counters jump, whether commits were lost or not.
    assert_eq!(store.incarnation(0).await.unwrap(), incarnation + 1);

    // The old one comes back, and may be written as far as it knows.
    let state = "SELECT sum(revision) FROM book";
    primary.restart().unwrap();
    let before = primary.sql("postgres", state).unwrap();
    for _ in 0..3 {
        disconnect(&standby);
        editors.answers(50).await;
    }
    // A process that starts only now does not take it either.
    let late = super::store(&[&primary, &standby]);
    assert_eq!(late.incarnation(0).await.unwrap(), incarnation + 1);
    late.close().await;
    assert_eq!(primary.sql("postgres", state).unwrap(), before);
    editors.finish().await;

    // It follows the new one as a fresh standby, and takes over in its turn.
    drop(primary);
    let mut next = standby.standby(true).unwrap();
    store.close().await;
    let store = super::store(&[&standby, &next]);
    standby.kill().unwrap();
    next.promote().unwrap();
    until("the next one", async || {
        store
            .incarnation(0)
            .await
            .is_ok_and(|now| now == incarnation + 2)
    })
    .await;
    store.close().await;
}

/// An asynchronous standby that has not heard of the last commits takes over: what was answered is lost, and the store
/// says so by a new incarnation, before anybody reads a counter from the old copy.
#[tokio::test(flavor = "multi_thread")]
async fn to_an_asynchronous_standby_that_lags() {
    let mut primary = Server::start().unwrap();
    let mut standby = primary.standby(false).unwrap();
    let store = store(&[&primary, &standby]);
    let incarnation = store.incarnation(0).await.unwrap();
    let of = sample::A;
    sample::somebody(&store, of).await;
    store
        .run(sample::add_friend(of, 0, "Ann", None))
        .await
        .unwrap();
    until("Ann on the standby", async || {
        let count = standby.sql("postgres", "SELECT count(*) FROM friend");
        count.is_ok_and(|count| count == "1")
    })
    .await;
    standby.stop().unwrap();
    store
        .run(sample::add_friend(of, 1, "Zoe", None))
        .await
        .unwrap();
    primary.kill().unwrap();
    standby.restart().unwrap();
    standby.promote().unwrap();
    until("the standby", async || store.book(of).await.is_ok()).await;
    // The very first answer is of the new incarnation.
    let book = store.book(of).await.unwrap().unwrap();
    assert_eq!(
        (book.revision.0, store.incarnation(0).await.unwrap()),
        (1, incarnation + 1)
    );
    // The old primary is back, with Zoe: nobody asks it.
    primary.restart().unwrap();
    for _ in 0..3 {
        disconnect(&standby);
        assert_eq!(store.book(of).await.unwrap().unwrap().revision.0, 1);
    }
    store
        .run(sample::add_friend(of, 1, "Mei", None))
        .await
        .unwrap();
    store.close().await;
}

/// The synchronous standby is gone: no commit is answered until it is back, and people are told. What was under way is
/// there once it is back, or it is not: nobody was told that it was done or undone.
#[tokio::test(flavor = "multi_thread")]
async fn the_synchronous_standby_stops_and_comes_back() {
    let mut primary = Server::start().unwrap();
    let mut standby = primary.standby(true).unwrap();
    let store = store(&[&primary]);
    sample::somebody(&store, sample::A).await;
    let editors = Editors::start(&store).await;
    editors.answers(50).await;
    standby.stop().unwrap();
    // Before anybody is refused, it is known.
    until("a red light", async || !store.ills().is_empty()).await;
    let late = sample::add_friend(sample::A, 0, "Late", None);
    let told = store.run(late).await.unwrap_err();
    assert!(
        matches!(
            told,
            store::StoreError::Unknown { .. } | store::StoreError::Away { .. }
        ),
        "{told}"
    );
    standby.restart().unwrap();
    editors.answers(50).await;
    assert_eq!(store.ills(), []);
    let told = editors.finish().await;
    assert!(told.unknown + told.away > 0, "{told:?}");
    store.close().await;
}
