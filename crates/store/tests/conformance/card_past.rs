//! What a card's counter came to, once the card has left.

use super::*;
use store::CardPast;

const CARD: &str = "8944000000000000123";

/// Terminal 1 of a subscriber with this card, and with the first counter that was never used.
fn with(of: SubscriberId, card: &str, counter_next: u64) -> delivery::Terminal {
    delivery::Terminal {
        iccid: Some(card.into()),
        counter_next,
        incarnation: 1,
        ..terminal(of, 1)
    }
}

async fn past(store: &Store, card: &str) -> Vec<(u8, u64)> {
    let past = store.card_past(card).await.unwrap();
    assert!(past.iter().all(|past| past.incarnation == 1));
    past.iter().map(|p| (p.slice, p.counter_next)).collect()
}

pub async fn cards_that_leave(store: &Store) {
    let (a, b) = (A.slice(), B.slice());
    let other = "8944000000000000999";
    ok(store, change(with(A, CARD, 5), true)).await;
    assert_eq!(past(store, CARD).await, []);
    // A step of delivery in the same group does not hide what the card came to.
    let used = step(SettleJob::of(with(A, CARD, 9)));
    let used = read_again(store, used).await;
    let mut swap = with(A, other, 1);
    swap.version = version(store, A).await + 1;
    let done = store.run_all(vec![used, change(swap, true)]).await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    assert_eq!(past(store, CARD).await, [(a, 9)]);
    // The same card typed in again has not left.
    ok(store, change(with(A, other, 4), true)).await;
    assert_eq!(past(store, other).await, []);
    // Keys are changed on the same card, and changed back: both are remembered, each in its place.
    for (keys, counter_next, known) in [
        (1, 4, vec![]),
        (2, 1, vec![(Some(1), 4)]),
        (1, 4, vec![(Some(2), 1), (Some(1), 4)]),
    ] {
        let mut keyed = with(A, other, counter_next);
        keyed.record.key_set = Some(keys);
        ok(store, change(keyed, true)).await;
        let past = store.card_past(other).await.unwrap();
        let past: Vec<_> = past.iter().map(|p| (p.key_set, p.counter_next)).collect();
        assert_eq!(past, known);
    }
    // In another terminal, perhaps on another server; then retired there.
    ok(store, change(with(B, CARD, 9), true)).await;
    let retired = delivery::Terminal {
        retired: true,
        ..with(B, CARD, 30)
    };
    ok(store, change(retired, false)).await;
    let mut both = vec![(a, 9), (b, 30)];
    both.sort_by_key(|(_, counter)| *counter);
    assert_eq!(past(store, CARD).await, both);
    // With the subscriber goes everything but that.
    ok(store, Job::DeleteSubscriber(B)).await;
    ok(store, Job::DeleteSubscriber(A)).await;
    assert_eq!(past(store, CARD).await, both);
    assert_eq!(past(store, other).await, [(a, 1), (a, 4)]);
    let rows = store.read(|reads| reads.dump()).await.unwrap();
    assert!(rows.iter().all(|row| !row.contains(CARD)), "{rows:?}");
    assert_eq!(past(store, "8944000000000000000").await, []);
    let _: Vec<CardPast> = store.card_past(CARD).await.unwrap();
}

async fn version(store: &Store, of: SubscriberId) -> u64 {
    let full = store.terminal(id(of, 1)).await.unwrap();
    full.unwrap().terminal.version
}
