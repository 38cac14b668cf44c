//! Documents, groups of jobs, and the end.

use super::*;

pub async fn documents(store: &Store) {
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

pub async fn expiring(store: &Store) {
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

pub async fn groups(store: &Store) {
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

pub async fn closing(store: &Store) {
    let before = store.incarnation(0).await.unwrap();
    store.renew().await.unwrap();
    assert!(store.incarnation(0).await.unwrap() > before);
    let queued = store.run(add_friend(A, 0, "Rose", None));
    let (done, ()) = tokio::join!(queued, store.close());
    done.unwrap();
    assert!(matches!(
        store.run(add_friend(A, 1, "Jim", None)).await,
        Err(StoreError::Closed)
    ));
    assert!(matches!(store.book(A).await, Err(StoreError::Closed)));
}

/// What is left for the owners of slices is found by them alone, in pages.
pub async fn documents_of_slices(store: &Store) {
    let key = |of: SubscriberId, n: u32| format!("{:02x}{n:04x}", of.slice());
    for (of, n) in [(A, 1), (B, 1), (A, 2), (A, 3)] {
        let write = document(&key(of, n), Some("1"), None).beside(of.slice());
        ok(store, Job::Documents(vec![write])).await;
    }
    let found = async |slices: &[u8], after: Option<String>, limit| {
        let owned: delivery::Slices = slices.iter().copied().collect();
        let found = store
            .read(move |reads| reads.documents_within("account", &owned, after.as_deref(), limit));
        let found = found.await.unwrap();
        found.into_iter().map(|d| d.key).collect::<Vec<_>>()
    };
    let (a, b) = (A.slice(), B.slice());
    let all_of_a = [key(A, 1), key(A, 2), key(A, 3)];
    assert_eq!(found(&[a], None, 9).await, all_of_a);
    assert_eq!(found(&[a], None, 2).await, all_of_a[..2]);
    assert_eq!(found(&[a], Some(key(A, 1)), 9).await, all_of_a[1..]);
    assert_eq!(found(&[b], None, 9).await, [key(B, 1)]);
    assert_eq!(found(&[a, b], None, 9).await.len(), 4);
    assert_eq!(found(&[a ^ b ^ 1], None, 9).await, Vec::<String>::new());
    assert_eq!(found(&[], None, 9).await, Vec::<String>::new());
}

/// A document that lies at home and beside a slice: the one at home counts, however it is looked for.
pub async fn documents_twice(store: &Store) {
    // Where there is one database, the second is written over the first.
    for (value, slice) in [("slice", Some(B.slice())), ("home", None)] {
        let write = store::DocumentWrite {
            slice,
            ..document("a", Some(value), None)
        };
        ok(store, Job::Documents(vec![write])).await;
    }
    let one = store.document("account", "a").await.unwrap();
    let page = store.documents("account", None, 9).await.unwrap();
    let index = store.documents_by_index("account", "login").await.unwrap();
    for found in [one.into_iter().collect(), page, index] {
        let values: Vec<_> = found.iter().map(|d| d.value.as_str()).collect();
        assert_eq!(values, ["home"]);
    }
}
