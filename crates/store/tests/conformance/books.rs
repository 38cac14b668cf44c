//! Subscribers, their books and their journals.

use super::*;

pub async fn subscribers(store: &Store) {
    assert_eq!(store.subscriber(A).await.unwrap(), Some(subscriber(A)));
    assert_eq!(store.subscriber(NOBODY).await.unwrap(), None);
    assert_eq!(store.book(A).await.unwrap(), Some(book::Book::new(A)));
    let taken = Refused::Taken(format!("the id {A}"));
    refuse(store, Job::CreateSubscriber(subscriber(A)), taken).await;
    refuse(
        store,
        Job::UpdateSubscriber(subscriber(NOBODY)),
        Refused::Missing,
    )
    .await;

    let mut moved = subscriber(A);
    moved.msisdn = "+15550100".to_owned();
    ok(store, Job::UpdateSubscriber(moved.clone())).await;
    assert_eq!(
        store.subscribers_by_number("+15550100").await.unwrap(),
        [moved.clone()]
    );
    assert_eq!(
        store.subscribers(None, 9).await.unwrap(),
        [moved, subscriber(B)]
    );
    assert_eq!(
        store.subscribers(Some(A), 9).await.unwrap(),
        [subscriber(B)]
    );
    assert_eq!(store.subscribers(None, 1).await.unwrap().len(), 1);
}

pub async fn edits(store: &Store) {
    let mut first = edit(A, 0, "Rose", None);
    first.groups = vec![book::GroupNo(1)];
    let group = book::Group {
        no: book::GroupNo(1),
        name: "Family".to_owned(),
    };
    first.book.groups.insert(group.no, group);
    first.hold = Some(hold(A, 1, HoldState::Held));
    first.documents = vec![text("note", Some("{}"), Some(0))];
    ok(store, Job::Edit(Box::new(first.clone()))).await;
    assert_eq!(store.book(A).await.unwrap(), Some(first.book.clone()));
    assert_eq!(store.changes(A, None, 9).await.unwrap(), first.changes);
    assert_eq!(due_of(store, id(A, 1)).await, Some(mark(1)));
    assert_eq!(store.holds(Some(A), true).await.unwrap().len(), 1);
    assert_eq!(
        store
            .document("mobile", "note")
            .await
            .unwrap()
            .unwrap()
            .version,
        1
    );

    // Every refusal leaves book, journal, due mark and documents as they were.
    let next = || edit(A, 1, "Jim", None);
    let rows = [
        (
            EditJob {
                expect: Revision(0),
                ..next()
            },
            Refused::Stale,
        ),
        (
            EditJob {
                expect: Revision(2),
                ..next()
            },
            Refused::Stale,
        ),
        (
            EditJob {
                subscriber: NOBODY,
                ..next()
            },
            Refused::Missing,
        ),
        (
            EditJob {
                due: vec![(id(A, 9), mark(2))],
                ..next()
            },
            Refused::Missing,
        ),
        (
            EditJob {
                documents: vec![text("note", None, Some(7))],
                ..next()
            },
            Refused::Stale,
        ),
    ];
    for (job, why) in rows {
        refuse(store, Job::Edit(Box::new(job)), why).await;
        assert_eq!(store.book(A).await.unwrap(), Some(first.book.clone()));
        assert_eq!(store.changes(A, None, 9).await.unwrap().len(), 1);
        assert_eq!(due_of(store, id(A, 1)).await, Some(mark(1)));
    }

    // What is not in the book any more is removed.
    let mut last = next();
    last.book.friends.clear();
    last.book.groups.clear();
    last.friends = vec![FriendNo(1), FriendNo(2)];
    last.groups = vec![book::GroupNo(1)];
    ok(store, Job::Edit(Box::new(last.clone()))).await;
    assert_eq!(store.book(A).await.unwrap(), Some(last.book));
}

pub async fn requests(store: &Store) {
    ok(store, add_friend(A, 0, "Rose", Some("r1"))).await;
    // Repeated is said before Stale: who asks again need not read first.
    refuse(
        store,
        add_friend(A, 0, "Rose", Some("r1")),
        Refused::Repeated,
    )
    .await;
    refuse(
        store,
        add_friend(A, 1, "Jim", Some("r1")),
        Refused::Repeated,
    )
    .await;
    ok(store, add_friend(A, 1, "Jim", Some("r2"))).await;
    ok(store, add_friend(B, 0, "Rose", Some("r1"))).await; // Another slice's own.
    assert_eq!(store.changes(A, None, 9).await.unwrap().len(), 2);
}

pub async fn journals(store: &Store) {
    for n in 0..5 {
        ok(store, add_friend(A, n, "Rose", None)).await;
    }
    let revisions =
        |changes: Vec<book::Change>| changes.iter().map(|c| c.revision.0).collect::<Vec<_>>();
    assert_eq!(
        revisions(store.changes(A, None, 3).await.unwrap()),
        [5, 4, 3]
    );
    assert_eq!(
        revisions(store.changes(A, Some(Revision(3)), 3).await.unwrap()),
        [2, 1]
    );
    assert_eq!(
        store
            .change(A, Revision(2))
            .await
            .unwrap()
            .unwrap()
            .revision,
        Revision(2)
    );
    assert_eq!(store.change(A, Revision(6)).await.unwrap(), None);
    assert_eq!(store.change(B, Revision(2)).await.unwrap(), None);
    let of = |subscriber, actor: &str, goes_on: fn(&book::Change) -> bool| BasisOf {
        subscriber,
        actor: actor.to_owned(),
        goes_on: Box::new(goes_on),
    };
    // Many at once, each with its own answer: the whole sitting of his last change, where that goes on.
    let (one, other, nobody, gone) = tokio::join!(
        store.basis(of(A, "actor1", |last| last.revision == Revision(4))),
        store.basis(of(A, "actor1", |_| false)),
        store.basis(of(B, "nobody", |_| true)),
        store.basis(of(SubscriberId(77), "actor1", |_| true)),
    );
    let one = one.unwrap().unwrap();
    let (sitting, changes) = one.sitting.unwrap();
    assert_eq!((sitting, revisions(changes)), (u64::MAX - 1, vec![3, 4]));
    assert_eq!(one.full.book, store.book(A).await.unwrap().unwrap());
    assert_eq!(one.full.subscriber.id, A);
    assert_eq!(other.unwrap().unwrap().sitting, None);
    let nobody = nobody.unwrap().unwrap();
    assert_eq!((nobody.full.subscriber.id, nobody.sitting), (B, None));
    assert_eq!(gone.unwrap(), None);
}

pub async fn deleting(store: &Store) {
    ok(store, add_friend(A, 0, "Rose", Some("r1"))).await;
    let mut job = settle(A, 1);
    job.shipment = Some(ship(A, 1));
    job.slots = vec![ours(7, b"Rose")];
    job.placement = Some(placement(7));
    job.sent = vec![("lab".to_owned(), "m1".to_owned(), part(A, 1))];
    ok(store, step(job)).await;
    ok(
        store,
        Job::PutHold {
            hold: Box::new(hold(A, 1, HoldState::Held)),
            due: vec![],
        },
    )
    .await;

    ok(store, Job::DeleteSubscriber(A)).await;
    refuse(store, Job::DeleteSubscriber(A), Refused::Missing).await;
    assert_eq!(store.subscriber(A).await.unwrap(), None);
    assert_eq!(store.book(A).await.unwrap(), None);
    assert_eq!(store.changes(A, None, 9).await.unwrap(), []);
    assert_eq!(store.terminals_of(A).await.unwrap(), []);
    assert_eq!(store.unfinished().await.unwrap(), []);
    assert_eq!(store.sent("lab", "m1").await.unwrap(), None);
    assert_eq!(store.holds(None, false).await.unwrap(), []);
    assert_eq!(store.terminals_of(B).await.unwrap().len(), 1, "others stay");
    // His number is free at once.
    let heir = delivery::Terminal {
        msisdn: terminal(A, 1).msisdn,
        ..terminal(B, 2)
    };
    ok(store, Job::AddTerminal(Box::new(heir))).await;
}
