//! What delivery records: counters, slots, shipments, holds.

use super::*;

pub async fn settling(store: &Store) {
    let mut job = settle(A, 1);
    job.terminal.in_use = true;
    job.terminal.tries = 3;
    job.shipment = Some(ship(A, 1));
    job.slots = vec![
        ours(7, b"Rose"),
        (SlotNo(9), terminals::SlotState::default()),
    ];
    job.sent = vec![("lab".to_owned(), "m1".to_owned(), part(A, 1))];
    job.documents = vec![text("d", Some("1"), None)];
    ok(store, step(job.clone())).await;
    let there = store.terminal(id(A, 1)).await.unwrap().unwrap();
    job.terminal.version = 1;
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
    // Somebody wrote the row since it was read.
    let mut late = job.clone();
    late.terminal.version = store
        .terminal(id(A, 1))
        .await
        .unwrap()
        .unwrap()
        .terminal
        .version
        - 1;
    late.terminal.tries = 4;
    assert_eq!(refused(store.run(step(late.clone())).await), Refused::Stale);
    assert_eq!(
        refused(store.run(change(late.terminal, false)).await),
        Refused::Stale
    );
    job.documents = vec![text("d", Some("2"), Some(9))];
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

pub async fn counters(store: &Store) {
    let at = |counter| {
        let mut job = settle(A, 1);
        job.terminal.counter_next = counter;
        job
    };
    ok(store, step(at(5))).await;
    ok(store, step(at(5))).await;
    let back = store
        .run(read_again(store, step(at(4))).await)
        .await
        .unwrap_err();
    assert!(
        back.to_string().contains("would go back from 5 to 4"),
        "{back}"
    );
    // The mistake of one job is no other's loss, whether before or after it.
    let results = store
        .run_all(vec![
            add_friend(A, 0, "Rose", None),
            read_again(store, step(at(1))).await,
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

pub async fn placements(store: &Store) {
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

pub async fn shipments(store: &Store) {
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
    of_a_state(store).await;
}

/// What failed, was superseded, or is on its way is found by itself, over both subscribers.
async fn of_a_state(store: &Store) {
    let with = |of, n, state| {
        let mut shipment = ship(of, n);
        shipment.state = state;
        shipment
    };
    let put = async |shipment: delivery::Shipment, in_flight| {
        let of = shipment.terminal.subscriber;
        let mut job = settle(of, 1);
        job.terminal.in_flight = in_flight;
        job.shipment = Some(shipment);
        ok(store, step(job)).await;
    };
    let found = async |state, after, limit| {
        let filter = ShipmentFilter {
            state: Some(state),
            after,
            limit,
            ..ShipmentFilter::default()
        };
        let found = store.shipments(filter).await.unwrap();
        found.iter().map(|s| s.revision.0).collect::<Vec<_>>()
    };
    use ShipmentState::{Failed, Superseded, Waiting};
    for (of, n) in [(A, 11), (B, 12), (A, 13)] {
        put(with(of, n, Failed), None).await;
    }
    put(with(B, 14, Superseded), None).await;
    assert_eq!(found(Failed, None, 9).await, [13, 12, 11]);
    assert_eq!(found(Failed, None, 2).await, [13, 12]);
    assert_eq!(found(Failed, Some(ship(B, 12).id), 9).await, [11]);
    assert_eq!(found(Superseded, None, 9).await, [14]);
    // A late yes counts: it is no failure any more.
    put(with(A, 13, ShipmentState::Proven), None).await;
    assert_eq!(found(Failed, None, 9).await, [12, 11]);
    put(with(A, 15, Waiting), Some(ship(A, 15).id)).await;
    assert_eq!(found(Waiting, None, 9).await, [15]);
    put(with(A, 15, Failed), None).await;
    assert_eq!(found(Waiting, None, 9).await, [0; 0]);
    assert_eq!(found(Failed, None, 9).await, [15, 12, 11]);
}

pub async fn holds(store: &Store) {
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
    // Nobody decides twice, nor about other changes than are held, nor holds again what was decided.
    for state in [HoldState::Held, HoldState::Refused] {
        refuse(store, put(hold(A, 1, state), vec![]), Refused::Stale).await;
    }
    let mut other = hold(A, 2, HoldState::Released);
    other.changes.push(Revision(99));
    refuse(store, put(other, vec![]), Refused::Stale).await;
    let mut late = edit(A, 0, "Rose", None);
    late.hold = Some(hold(A, 1, HoldState::Held));
    refuse(store, Job::Edit(Box::new(late)), Refused::Stale).await;
    // A refusal is one commit with its undoing: neither, once another released it.
    let mut undo = edit(A, 0, "Rose", None);
    undo.hold = Some(hold(A, 1, HoldState::Refused));
    refuse(store, Job::Edit(Box::new(undo)), Refused::Stale).await;
    assert_eq!(store.book(A).await.unwrap().unwrap().revision, Revision(0));
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
    assert_eq!(
        store.holds(Some(A), true).await.unwrap(),
        std::slice::from_ref(&a2)
    );
    assert_eq!(store.holds(Some(A), false).await.unwrap(), [a2, released]);
}

/// What is on its way is what the terminals' rows say, however they come to say it.
pub async fn flights(store: &Store) {
    let all = delivery::Slices::ALL;
    let flights = async || {
        let found = store.read(move |reads| reads.in_flight_after(&all, None, 9));
        let count = store.counts(NOW).await.unwrap().in_flight;
        let found = found.await.unwrap();
        assert_eq!(count, found.len() as u64);
        found
    };
    let busy = |of, with: Option<u64>| {
        let mut job = settle(of, 1);
        job.terminal.in_flight = with.map(|n| ship(of, n).id);
        job
    };
    assert_eq!(flights().await, []);
    ok(store, step(busy(A, Some(1)))).await;
    ok(store, step(busy(B, Some(1)))).await;
    assert_eq!(flights().await, [ship(A, 1).id, ship(B, 1).id]);
    // Another takes its place; in pages.
    ok(store, step(busy(A, Some(2)))).await;
    assert_eq!(flights().await, [ship(A, 2).id, ship(B, 1).id]);
    let after = store.read(move |reads| reads.in_flight_after(&all, Some(ship(A, 2).id), 9));
    assert_eq!(after.await.unwrap(), [ship(B, 1).id]);
    // It is over; planned and over in one group.
    ok(store, step(busy(A, None))).await;
    assert_eq!(flights().await, [ship(B, 1).id]);
    let mut jobs = Vec::new();
    for (n, with) in [(2, Some(3)), (3, None)] {
        let mut job = busy(B, with);
        job.terminal.version = n - 1;
        jobs.push(step(job));
    }
    for done in store.run_all(jobs).await {
        done.unwrap();
    }
    assert_eq!(flights().await, []);
    // The terminal is changed; its owner is deleted.
    ok(store, step(busy(A, Some(4)))).await;
    ok(store, step(busy(B, Some(4)))).await;
    ok(store, change(terminal(A, 1), true)).await;
    assert_eq!(flights().await, [ship(B, 4).id]);
    ok(store, Job::DeleteSubscriber(B)).await;
    assert_eq!(flights().await, []);
}

/// Who needs a person, or is worth knowing of, is found as such, in pages, as long as it is so.
pub async fn needs(store: &Store) {
    let needing = async |need, after, most| {
        let found = store.terminals_in_need(need, after, most).await.unwrap();
        let ids: Vec<_> = found.into_iter().map(|(terminal, _)| terminal.id).collect();
        ids
    };
    let trouble = Trouble {
        key: "number".into(),
        sentence: "Check the terminal's number.".into(),
    };
    let notice = Notice {
        key: "expired".into(),
        sentence: "Nothing has been proven.".into(),
        since: NOW,
    };
    let needs = |of, trouble: Option<&Trouble>, notice: Option<&Notice>| {
        let mut job = settle(of, 1);
        job.terminal.trouble = trouble.cloned();
        job.terminal.record.notice = notice.cloned();
        step(job)
    };
    let (a, b) = (terminal(A, 1).id, terminal(B, 1).id);
    assert_eq!(needing(Need::Person, None, 9).await, []);
    ok(store, needs(A, Some(&trouble), Some(&notice))).await;
    ok(store, needs(B, Some(&trouble), None)).await;
    assert_eq!(needing(Need::Person, None, 9).await, [a, b]);
    assert_eq!(needing(Need::Person, None, 1).await, [a]);
    assert_eq!(needing(Need::Person, Some(a), 9).await, [b]);
    assert_eq!(needing(Need::Notice, None, 9).await, []);
    assert_eq!(store.counts(NOW).await.unwrap().in_trouble, 2);
    // Looked after; only worth knowing by now.
    ok(store, needs(A, None, None)).await;
    ok(store, needs(B, None, Some(&notice))).await;
    assert_eq!(needing(Need::Person, None, 9).await, []);
    assert_eq!(needing(Need::Notice, None, 9).await, [b]);
    // A retired one asks nothing of anybody.
    let mut retired = terminal(B, 1);
    retired.record.notice = Some(notice);
    retired.retired = true;
    ok(store, change(retired, false)).await;
    assert_eq!(needing(Need::Notice, None, 9).await, []);
    assert_eq!(store.counts(NOW).await.unwrap().in_trouble, 0);
}
