//! The same server, gone and back.

use super::*;
use crate::editors::Told;
use store::StoreError;

#[tokio::test(flavor = "multi_thread")]
async fn restarted_and_killed_under_load() {
    let mut server = Server::start().unwrap();
    let store = store(&[&server]);
    let incarnation = store.incarnation(0).await.unwrap();
    let editors = Editors::start(&store).await;
    for round in 0..10 {
        editors.answers(50 + round).await;
        if round % 2 == 0 {
            server.kill().unwrap();
        }
        server.restart().unwrap();
    }
    editors.answers(50).await;
    // Nobody was told anything: it was back within the store's patience.
    assert_eq!(editors.finish().await, Told::default());
    assert_eq!(store.incarnation(0).await.unwrap(), incarnation);
    assert_eq!(store.ills(), []);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn away_for_longer_than_the_stores_patience() {
    let mut server = Server::start().unwrap();
    let store = store(&[&server]);
    let editors = Editors::start(&store).await;
    editors.answers(50).await;
    server.stop().unwrap();
    // Before the first edit is refused, it is known.
    until("a red light", async || !store.ills().is_empty()).await;
    let sentence = store.ills()[0].sentence.clone();
    assert!(
        sentence.contains("does not answer") && sentence.contains("safe"),
        "{sentence}"
    );
    let refused = store
        .run(sample::add_friend(sample::A, 0, "Ann", None))
        .await
        .unwrap_err();
    assert!(matches!(refused, StoreError::Away { .. }), "{refused}");
    let refused = store.book(sample::A).await.unwrap_err();
    assert!(matches!(refused, StoreError::Away { .. }), "{refused}");
    server.restart().unwrap();
    editors.answers(50).await;
    assert_eq!(store.ills(), []);
    assert!(editors.finish().await.away > 0);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_but_silent() {
    let server = Server::start().unwrap();
    let store = store(&[&server]);
    let editors = Editors::start(&store).await;
    editors.answers(50).await;
    server.pause().unwrap();
    until("a red light", async || !store.ills().is_empty()).await;
    server.resume().unwrap();
    editors.answers(50).await;
    assert_eq!(store.ills(), []);
    editors.finish().await;
    store.close().await;
}
