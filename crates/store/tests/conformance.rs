//! What every store must do, as functions over a [`Store`], so that each kind of database runs the same.
#![allow(clippy::unwrap_used)]

mod sample;

use book::{FriendNo, Revision, SubscriberId};
use delivery::{Due, HoldState, Lane, ShipmentState, TerminalId};
use sample::*;
use store::{EditJob, Job, Refused, SettleJob, ShipmentFilter, Store, StoreError};
use terminals::SlotNo;

/// Each function on a store in memory and on one in a file.
macro_rules! on_every_store {
    ($($name:ident)*) => { $(mod $name {
        #[tokio::test]
        async fn in_memory() {
            let store = store::Store::memory().unwrap();
            super::begin(&store).await;
            super::$name(&store).await;
            store.close().await;
        }
        #[tokio::test]
        async fn in_a_file() {
            let folder = super::Folder::new(stringify!($name));
            let store = store::Store::open(&folder.file()).unwrap();
            super::begin(&store).await;
            super::$name(&store).await;
            store.close().await;
        }
    })* };
}

on_every_store! {
    subscribers edits requests journals addresses cards due_marks clearing next_things settling counters placements
    shipments holds documents deleting expiring groups closing
}

/// Two subscribers with a terminal each.
async fn begin(store: &Store) {
    for id in [A, B] {
        ok(store, Job::CreateSubscriber(subscriber(id))).await;
        ok(store, Job::AddTerminal(Box::new(terminal(id, 1)))).await;
    }
}

#[track_caller]
fn refused(result: Result<(), StoreError>) -> Refused {
    match result.unwrap_err() {
        StoreError::Refused(refused) => refused,
        e => panic!("not a refusal: {e}"),
    }
}

async fn ok(store: &Store, job: Job) {
    store.run(job).await.unwrap();
}

async fn refuse(store: &Store, job: Job, why: Refused) {
    assert_eq!(refused(store.run(job).await), why);
}

fn change(terminal: delivery::Terminal, blank: bool) -> Job {
    Job::ChangeTerminal {
        terminal: Box::new(terminal),
        blank,
        due: None,
    }
}

fn step(job: SettleJob) -> Job {
    Job::Settle(Box::new(job))
}

fn marks(id: TerminalId, due: Due, replace: bool) -> Job {
    Job::MarkDue {
        marks: vec![(id, due)],
        replace,
    }
}

async fn due_of(store: &Store, id: TerminalId) -> Option<Due> {
    store.terminal(id).await.unwrap().unwrap().due
}

const NOBODY: SubscriberId = SubscriberId::new(9, 9);

async fn subscribers(store: &Store) {
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

async fn edits(store: &Store) {
    let mut first = edit(A, 0, "Rose", None);
    first.groups = vec![book::GroupNo(1)];
    let group = book::Group {
        no: book::GroupNo(1),
        name: "Family".to_owned(),
    };
    first.book.groups.insert(group.no, group);
    first.hold = Some(hold(A, 1, HoldState::Held));
    first.documents = vec![document("note", Some("{}"), Some(0))];
    ok(store, Job::Edit(Box::new(first.clone()))).await;
    assert_eq!(store.book(A).await.unwrap(), Some(first.book.clone()));
    assert_eq!(store.changes(A, None, 9).await.unwrap(), first.changes);
    assert_eq!(due_of(store, id(A, 1)).await, Some(mark(1)));
    assert_eq!(store.holds(Some(A), true).await.unwrap().len(), 1);
    assert_eq!(
        store
            .document("account", "note")
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
                documents: vec![document("note", None, Some(7))],
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

async fn requests(store: &Store) {
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

async fn journals(store: &Store) {
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
        revisions(store.changes_of_sitting(A, u64::MAX - 1).await.unwrap()),
        [3, 4]
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
    let last = store.last_change_by(A, "actor1").await.unwrap().unwrap();
    assert_eq!(last.revision, Revision(4));
    assert_eq!(store.last_change_by(A, "nobody").await.unwrap(), None);
}

async fn addresses(store: &Store) {
    let there = terminal(A, 1);
    let address = there.msisdn.clone();
    let taken = Refused::Taken(format!("the number {address} over sim-ota"));
    let mut same = terminal(B, 2);
    same.msisdn = address.clone();
    refuse(
        store,
        Job::AddTerminal(Box::new(same.clone())),
        taken.clone(),
    )
    .await;
    // Another channel of the same number is fine.
    same.channel = terminals::ChannelKind::SmsCard;
    ok(store, Job::AddTerminal(Box::new(same.clone()))).await;
    assert_eq!(
        store.terminals_by_address(&address).await.unwrap(),
        [id(A, 1), id(B, 2)]
    );
    same.channel = terminals::ChannelKind::SimOta;
    refuse(store, change(same.clone(), false), taken).await;
    // Once that one is retired, the number is free; the retired one cannot come back.
    ok(
        store,
        change(
            delivery::Terminal {
                retired: true,
                ..there.clone()
            },
            false,
        ),
    )
    .await;
    ok(store, change(same, false)).await;
    assert_eq!(
        store.terminals_by_address(&address).await.unwrap(),
        [id(B, 2)]
    );
    assert!(matches!(
        refused(store.run(change(there, false)).await),
        Refused::Taken(_)
    ));
}

async fn cards(store: &Store) {
    let iccid = terminal(A, 1).iccid.unwrap();
    assert_eq!(
        store.terminal_by_iccid(&iccid).await.unwrap(),
        Some(id(A, 1))
    );
    let mut same = terminal(B, 2);
    same.iccid = Some(iccid.clone());
    let taken = Refused::Taken(format!("the card {iccid}"));
    refuse(store, Job::AddTerminal(Box::new(same)), taken).await;
    let taken = Refused::Taken("terminal 1".to_owned());
    refuse(store, Job::AddTerminal(Box::new(terminal(A, 1))), taken).await;
    refuse(
        store,
        Job::AddTerminal(Box::new(terminal(NOBODY, 1))),
        Refused::Missing,
    )
    .await;
    refuse(store, change(terminal(A, 9), false), Refused::Missing).await;
    // Terminals without a card do not meet.
    for of in [A, B] {
        let bare = delivery::Terminal {
            iccid: None,
            ..terminal(of, 2)
        };
        ok(store, Job::AddTerminal(Box::new(bare))).await;
    }
    let all = store.terminals(None, 9).await.unwrap();
    let ids: Vec<_> = all.iter().map(|(t, _)| t.id).collect();
    assert_eq!(ids, [id(A, 1), id(A, 2), id(B, 1), id(B, 2)]);
    let rest = store.terminals(Some(id(A, 2)), 1).await.unwrap();
    assert_eq!(rest[0].0.id, id(B, 1));
    assert_eq!(store.terminals_of(A).await.unwrap().len(), 2);
}

async fn due_marks(store: &Store) {
    let old = Due {
        at: 100,
        since: 50,
        lane: Lane::Bulk,
        everything: true,
        ..mark(3)
    };
    let new = Due {
        at: 90,
        since: 60,
        lane: Lane::Interactive,
        verify: true,
        ..mark(2)
    };
    let both = Due {
        at: 90,
        since: 50,
        everything: true,
        verify: true,
        ..mark(3)
    };
    ok(store, marks(id(A, 1), old, false)).await;
    assert_eq!(due_of(store, id(A, 1)).await, Some(old));
    ok(store, marks(id(A, 1), new, false)).await;
    assert_eq!(due_of(store, id(A, 1)).await, Some(both));
    ok(store, marks(id(A, 1), new, true)).await;
    assert_eq!(due_of(store, id(A, 1)).await, Some(new));

    let some_missing = Job::MarkDue {
        marks: vec![(id(A, 1), old), (id(A, 9), old)],
        replace: true,
    };
    refuse(store, some_missing, Refused::Missing).await;
    assert_eq!(due_of(store, id(A, 1)).await, Some(new));

    // A retired terminal is never due.
    let retired = delivery::Terminal {
        retired: true,
        ..terminal(A, 1)
    };
    ok(store, change(retired, false)).await;
    ok(store, marks(id(A, 1), new, true)).await;
    assert_eq!(due_of(store, id(A, 1)).await, None);
}

async fn clearing(store: &Store) {
    // What was read, what is there at the commit, whether the mark goes.
    let verify = Due {
        verify: true,
        ..mark(2)
    };
    let rows = [
        (mark(2), mark(2), true),
        (Due { at: 0, ..mark(2) }, mark(2), true), // Send now moved the time only.
        (mark(2), mark(3), false),                 // An edit came.
        (mark(2), verify, false),                  // A read-back was asked for.
        (verify, verify, true),
    ];
    for (read, there, goes) in rows {
        ok(store, marks(id(A, 1), there, true)).await;
        ok(
            store,
            step(SettleJob {
                clear_due: Some(read),
                ..settle(A, 1)
            }),
        )
        .await;
        let left = due_of(store, id(A, 1)).await;
        assert_eq!(left, (!goes).then_some(there), "{read:?} {there:?}");
    }
}

async fn next_things(store: &Store) {
    for n in 2..=5 {
        ok(store, Job::AddTerminal(Box::new(terminal(A, n)))).await;
    }
    assert_eq!(store.next_due().await.unwrap(), None);
    let at = |at, lane| Due {
        at,
        lane,
        ..mark(1)
    };
    for (n, due) in [
        (1, at(30, Lane::Interactive)),
        (2, at(10, Lane::Bulk)),
        (3, at(20, Lane::Interactive)),
        (4, at(i64::MAX, Lane::Interactive)), // Held back by a call.
        (5, at(5, Lane::Interactive)),        // Has a shipment on its way.
    ] {
        ok(store, marks(id(A, n), due, true)).await;
    }
    let mut busy = settle(A, 5);
    busy.terminal.in_flight = Some(ship(A, 1).id);
    busy.terminal.next_try = Some(1);
    ok(store, step(busy)).await;

    let due = async |now, limit| {
        let due = store.due(now, limit).await.unwrap();
        due.iter().map(|(id, _)| id.no).collect::<Vec<_>>()
    };
    assert_eq!(due(9, 9).await, [0; 0]);
    assert_eq!(due(25, 9).await, [3, 2]);
    assert_eq!(due(30, 9).await, [3, 1, 2]);
    assert_eq!(due(30, 2).await, [3, 1]);
    assert_eq!(store.next_due().await.unwrap(), Some(10));

    assert_eq!(store.next_try().await.unwrap(), None);
    for (n, when) in [(1, 70), (2, 60)] {
        let mut waits = settle(A, n);
        waits.terminal.next_try = Some(when);
        ok(store, step(waits)).await;
    }
    assert_eq!(store.next_try().await.unwrap(), Some(60));
    assert_eq!(store.waiting(59).await.unwrap(), []);
    let waiting = store.waiting(70).await.unwrap();
    assert_eq!(waiting.iter().map(|t| t.id.no).collect::<Vec<_>>(), [2, 1]);
}

async fn settling(store: &Store) {
    let mut job = settle(A, 1);
    job.terminal.in_use = true;
    job.terminal.tries = 3;
    job.shipment = Some(ship(A, 1));
    job.slots = vec![
        ours(7, b"Rose"),
        (SlotNo(9), terminals::SlotState::default()),
    ];
    job.sent = vec![("lab".to_owned(), "m1".to_owned(), part(A, 1))];
    job.documents = vec![document("d", Some("1"), None)];
    ok(store, step(job.clone())).await;
    let there = store.terminal(id(A, 1)).await.unwrap().unwrap();
    assert_eq!(there.terminal, job.terminal);
    assert!(there.shadow.in_use);
    assert_eq!(
        there.shadow.slots.into_iter().collect::<Vec<_>>(),
        job.slots
    );
    assert_eq!(store.sent("lab", "m1").await.unwrap(), Some(part(A, 1)));
    assert_eq!(store.sent("other", "m1").await.unwrap(), None);

    // A gateway gives an id again: the newer message has it.
    job.sent[0].2 = part(A, 2);
    ok(store, step(job.clone())).await;
    assert_eq!(store.sent("lab", "m1").await.unwrap(), Some(part(A, 2)));

    refuse(store, step(settle(A, 9)), Refused::Missing).await;
    let mut other_keys = job.clone();
    other_keys.terminal.keys = vec![9];
    other_keys.terminal.tries = 4;
    refuse(store, step(other_keys), Refused::Stale).await;
    job.documents = vec![document("d", Some("2"), Some(9))];
    job.terminal.tries = 5;
    refuse(store, step(job), Refused::Stale).await;
    assert_eq!(
        store
            .terminal(id(A, 1))
            .await
            .unwrap()
            .unwrap()
            .terminal
            .tries,
        3
    );

    // A new card is blank; the mark comes with it.
    let due = Some(mark(4));
    let new = Job::ChangeTerminal {
        terminal: Box::new(terminal(A, 1)),
        blank: true,
        due,
    };
    ok(store, new).await;
    let there = store.terminal(id(A, 1)).await.unwrap().unwrap();
    assert_eq!(
        (there.shadow, there.due),
        (terminals::Shadow::default(), due)
    );
}

async fn counters(store: &Store) {
    let at = |counter| {
        let mut job = settle(A, 1);
        job.terminal.counter_next = counter;
        job
    };
    ok(store, step(at(5))).await;
    ok(store, step(at(5))).await;
    let back = store.run(step(at(4))).await.unwrap_err();
    assert!(
        back.to_string().contains("would go back from 5 to 4"),
        "{back}"
    );
    // The mistake of one job is no other's loss, whether before or after it.
    let results = store
        .run_all(vec![
            add_friend(A, 0, "Rose", None),
            step(at(1)),
            add_friend(A, 1, "Jim", None),
        ])
        .await;
    assert_eq!(
        results.iter().map(Result::is_ok).collect::<Vec<_>>(),
        [true, false, true]
    );
    assert_eq!(store.book(A).await.unwrap().unwrap().revision, Revision(2));

    refuse(store, change(at(4).terminal, false), Refused::Stale).await;
    ok(store, change(at(6).terminal, false)).await;
    ok(store, change(at(1).terminal, true)).await;
    assert_eq!(
        store
            .terminal(id(A, 1))
            .await
            .unwrap()
            .unwrap()
            .terminal
            .counter_next,
        1
    );
}

async fn placements(store: &Store) {
    let freed = |slots: &[u16]| slots.iter().map(|n| SlotNo(*n)).collect::<Vec<_>>();
    let rows = [
        (None, freed(&[3, 4]), None, freed(&[3, 4])),
        (Some(placement(7)), vec![], Some(7), freed(&[3, 4])),
        (None, freed(&[5]), Some(7), freed(&[3, 4, 5])),
        (Some(placement(8)), freed(&[3]), Some(8), freed(&[4, 5, 3])), // Freed again: last again.
        (None, vec![], Some(8), freed(&[4, 5, 3])),
    ];
    for (placement, freed, slot, freed_after) in rows {
        ok(
            store,
            step(SettleJob {
                placement,
                freed,
                ..settle(A, 1)
            }),
        )
        .await;
        let there = store.terminal(id(A, 1)).await.unwrap().unwrap();
        assert_eq!(there.placement.get(&KEY).copied(), slot.map(SlotNo));
        assert_eq!(there.freed, freed_after);
    }
}

async fn shipments(store: &Store) {
    for (of, n) in [(A, 1), (A, 2), (B, 3), (A, 4)] {
        ok(
            store,
            step(SettleJob {
                shipment: Some(ship(of, n)),
                ..settle(of, 1)
            }),
        )
        .await;
    }
    ok(
        store,
        step(SettleJob {
            shipment: Some(proven(ship(A, 2))),
            ..settle(A, 1)
        }),
    )
    .await;
    assert_eq!(
        store.shipment(ship(A, 2).id).await.unwrap(),
        Some(proven(ship(A, 2)))
    );
    assert_eq!(store.shipment(ship(A, 9).id).await.unwrap(), None);
    assert_eq!(
        store.unfinished().await.unwrap(),
        [ship(A, 1), ship(A, 4), ship(B, 3)]
    );

    let all = ShipmentFilter {
        limit: 9,
        ..ShipmentFilter::default()
    };
    let of_a = ShipmentFilter {
        terminal: Some(id(A, 1)),
        ..all
    };
    let rows: [(ShipmentFilter, &[u64]); 6] = [
        (all, &[4, 3, 2, 1]),
        (ShipmentFilter { limit: 2, ..all }, &[4, 3]),
        (
            ShipmentFilter {
                after: Some(ship(B, 3).id),
                ..all
            },
            &[2, 1],
        ),
        (of_a, &[4, 2, 1]),
        (
            ShipmentFilter {
                state: Some(ShipmentState::Queued),
                ..of_a
            },
            &[4, 1],
        ),
        (
            ShipmentFilter {
                after: Some(ship(A, 4).id),
                limit: 1,
                ..of_a
            },
            &[2],
        ),
    ];
    for (filter, expected) in rows {
        let found = store.shipments(filter).await.unwrap();
        assert_eq!(
            found.iter().map(|s| s.revision.0).collect::<Vec<_>>(),
            expected,
            "{filter:?}"
        );
    }
    let counts = store.counts(NOW).await.unwrap();
    assert_eq!((counts.subscribers, counts.proven_last_hour), (2, 1));
    assert_eq!(
        store
            .counts(NOW + 3_600_000)
            .await
            .unwrap()
            .proven_last_hour,
        0
    );
}

async fn holds(store: &Store) {
    assert_eq!(store.next_hold_no(A).await.unwrap(), 1);
    let put = |hold, due| Job::PutHold {
        hold: Box::new(hold),
        due,
    };
    for (of, no) in [(A, 1), (A, 2), (B, 3)] {
        ok(store, put(hold(of, no, HoldState::Held), vec![])).await;
    }
    assert_eq!(store.next_hold_no(A).await.unwrap(), 3);
    let released = hold(A, 1, HoldState::Released);
    ok(store, put(released.clone(), vec![(id(A, 1), mark(1))])).await;
    assert_eq!(due_of(store, id(A, 1)).await, Some(mark(1)));
    refuse(
        store,
        put(hold(A, 2, HoldState::Refused), vec![(id(A, 9), mark(1))]),
        Refused::Missing,
    )
    .await;
    refuse(
        store,
        put(hold(NOBODY, 1, HoldState::Held), vec![]),
        Refused::Missing,
    )
    .await;

    let (a2, b3) = (hold(A, 2, HoldState::Held), hold(B, 3, HoldState::Held));
    assert_eq!(store.hold(A, 1).await.unwrap(), Some(released.clone()));
    assert_eq!(
        store.holds(None, true).await.unwrap(),
        [b3.clone(), a2.clone()]
    );
    assert_eq!(
        store.holds(None, false).await.unwrap(),
        [b3, a2.clone(), released.clone()]
    );
    assert_eq!(store.holds(Some(A), true).await.unwrap(), [a2.clone()]);
    assert_eq!(store.holds(Some(A), false).await.unwrap(), [a2, released]);
}

async fn documents(store: &Store) {
    let write = |writes| Job::Documents(writes);
    ok(
        store,
        write(vec![
            document("a", Some("1"), Some(0)),
            document("b", Some("1"), None),
        ]),
    )
    .await;
    // All or none: the first holds, the second does not.
    let torn = vec![
        document("a", Some("2"), Some(1)),
        document("b", Some("2"), Some(7)),
    ];
    refuse(store, write(torn), Refused::Stale).await;
    refuse(
        store,
        write(vec![document("a", Some("2"), Some(0))]),
        Refused::Stale,
    )
    .await;
    ok(store, write(vec![document("a", Some("2"), Some(1))])).await;
    let there = store.document("account", "a").await.unwrap().unwrap();
    assert_eq!((there.value.as_str(), there.version), ("2", 2));
    assert_eq!(store.document("session", "a").await.unwrap(), None);

    let keys = |found: Vec<store::Document>| found.into_iter().map(|d| d.key).collect::<Vec<_>>();
    assert_eq!(
        keys(store.documents_by_index("account", "login").await.unwrap()),
        ["a", "b"]
    );
    assert_eq!(
        keys(store.documents("account", None, 1).await.unwrap()),
        ["a"]
    );
    assert_eq!(
        keys(store.documents("account", Some("a"), 9).await.unwrap()),
        ["b"]
    );
    ok(store, write(vec![document("a", None, Some(2))])).await;
    ok(store, write(vec![document("a", Some("3"), Some(0))])).await;
}

async fn deleting(store: &Store) {
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

async fn expiring(store: &Store) {
    let writes = (0..1_203).map(|n| store::DocumentWrite {
        expires: Some(n),
        ..document(&format!("{n:05}"), Some("1"), None)
    });
    ok(store, Job::Documents(writes.collect())).await;
    ok(
        store,
        Job::Documents(vec![document("stays", Some("1"), None)]),
    )
    .await;
    assert_eq!(store.expire(1_200).await.unwrap(), 1_201);
    assert_eq!(store.documents("account", None, 9).await.unwrap().len(), 3);
    assert_eq!(store.expire(1_200).await.unwrap(), 0);
}

async fn groups(store: &Store) {
    // Refused ones in the midst of a group leave the others intact, and each hears of its own.
    let results = store
        .run_all(vec![
            add_friend(A, 0, "Rose", None),
            add_friend(A, 0, "Jim", None),
            Job::DeleteSubscriber(NOBODY),
            add_friend(A, 1, "Jim", None),
        ])
        .await;
    let said: Vec<_> = results
        .into_iter()
        .map(|r| r.err().map(|e| refused(Err(e))))
        .collect();
    assert_eq!(
        said,
        [None, Some(Refused::Stale), Some(Refused::Missing), None]
    );

    // Of many who change the same at once, one wins; the others are told.
    let mut racers = Vec::new();
    for n in 0..20 {
        let store = store.clone();
        racers.push(tokio::spawn(async move {
            store
                .run(add_friend(B, 0, &format!("Racer {n}"), None))
                .await
        }));
    }
    let mut won = 0;
    for racer in racers {
        match racer.await.unwrap() {
            Ok(()) => won += 1,
            lost => assert_eq!(refused(lost), Refused::Stale),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(store.changes(B, None, 99).await.unwrap().len(), 1);
}

async fn closing(store: &Store) {
    assert_eq!(store.incarnation().await.unwrap(), 1);
    store.renew().await.unwrap();
    assert_eq!(store.incarnation().await.unwrap(), 2);
    let queued = store.run(add_friend(A, 0, "Rose", None));
    let (done, ()) = tokio::join!(queued, store.close());
    done.unwrap();
    assert!(matches!(
        store.run(add_friend(A, 1, "Jim", None)).await,
        Err(StoreError::Closed)
    ));
    assert!(matches!(store.book(A).await, Err(StoreError::Closed)));
}
