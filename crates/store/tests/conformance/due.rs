//! Terminals, whose they are, and when they are due.

use super::*;

pub async fn addresses(store: &Store) {
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
    let again = read_again(store, change(there, false)).await;
    assert!(matches!(refused(store.run(again).await), Refused::Taken(_)));
}

pub async fn cards(store: &Store) {
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

pub async fn due_marks(store: &Store) {
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

pub async fn clearing(store: &Store) {
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

pub async fn next_things(store: &Store) {
    for n in 2..=5 {
        ok(store, Job::AddTerminal(Box::new(terminal(A, n)))).await;
    }
    let seen = async |now, limit| store.schedule(now, limit).await.unwrap();
    assert_eq!(seen(i64::MIN, 9).await, Schedule::default());
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
        let seen = seen(now, limit).await;
        let no = |due: Vec<(TerminalId, Due)>| due.iter().map(|(id, _)| id.no).collect::<Vec<_>>();
        (no(seen.people), no(seen.bulk), seen.next)
    };
    assert_eq!(due(i64::MIN, 9).await, (vec![], vec![], Some(10)));
    assert_eq!(due(9, 9).await, (vec![], vec![], Some(10)));
    assert_eq!(due(25, 9).await, (vec![3], vec![2], Some(30)));
    assert_eq!(due(30, 9).await, (vec![3, 1], vec![2], None));
    assert_eq!(due(30, 1).await, (vec![3], vec![2], None));
    assert_eq!(due(30, 0).await, (vec![], vec![], None));
    for (n, when) in [(1, 70), (2, 60)] {
        let mut waits = settle(A, n);
        waits.terminal.next_try = Some(when);
        ok(store, step(waits)).await;
    }
    let waiting = async |now| {
        let seen = seen(now, 9).await;
        let no = seen.waiting.iter().map(|id| id.no);
        (no.collect::<Vec<_>>(), seen.next)
    };
    assert_eq!(waiting(59).await, (vec![], Some(60)));
    assert_eq!(waiting(60).await, (vec![2], Some(70)));
    assert_eq!(waiting(70).await, (vec![2, 1], None));
}
