//! What is not kept any longer is found, and goes; nothing else does.

use super::*;
use book::{Change, ChangeBody, Entry, Friend};
use delivery::{Packet, PacketState, ShipmentId};
use store::{Forget, ForgetJob, Texts};
use terminals::{PlannedPacket, Proof, SlotState};

fn forget(slice: u8, what: Forget) -> Job {
    let epoch = 0;
    Job::Forget(Box::new(ForgetJob { slice, epoch, what }))
}

fn those(ids: Vec<ShipmentId>, before: i64) -> Forget {
    Forget::Shipments { ids, before }
}

async fn finished(
    store: &Store,
    after: Option<ShipmentId>,
    before: i64,
    limit: u32,
) -> (Vec<ShipmentId>, Option<ShipmentId>) {
    let slice = A.slice();
    let page = store.read(move |reads| reads.finished(slice, after, before, limit));
    let page = page.await.unwrap();
    (page.rows, page.next)
}

/// Records a shipment to terminal 1 of A; one that is not final is on its way.
async fn record(store: &Store, n: u64, state: ShipmentState, at: i64) -> ShipmentId {
    let mut job = settle(A, 1);
    let shipment = delivery::Shipment {
        state,
        at,
        ..ship(A, n)
    };
    job.terminal.in_flight = (!state.is_final()).then_some(shipment.id);
    job.sent = (0..2)
        .map(|m| ("lab".to_owned(), format!("{n}-{m}"), part(A, n)))
        .collect();
    let id = shipment.id;
    job.shipment = Some(shipment);
    ok(store, step(job)).await;
    id
}

pub async fn old_shipments(store: &Store) {
    use ShipmentState::{Failed, Proven, Superseded, Waiting};
    // Neither final nor on its way: nobody leaves one behind, and it stays all the same.
    let behind = record(store, 6, Waiting, 45).await;
    let mut ids = Vec::new();
    for (n, state, at) in [
        (1, Proven, 10),
        (2, Failed, 20),
        (3, Superseded, 30),
        (4, Proven, 90),
        (5, Waiting, 40),
    ] {
        ids.push(record(store, n, state, at).await);
    }
    assert_eq!(
        finished(store, None, 50, 9).await,
        (ids[..3].to_vec(), None)
    );
    assert_eq!(
        finished(store, None, 50, 2).await,
        (ids[..2].to_vec(), Some(ids[1]))
    );
    assert_eq!(finished(store, Some(ids[2]), 50, 1).await, (vec![], None));
    assert_eq!(finished(store, None, 10, 9).await, (vec![], None));

    // What is on its way stays, whoever names it; the others go with all that was theirs.
    let other = ship(B, 7);
    let mut theirs = settle(B, 1);
    theirs.sent = vec![("lab".to_owned(), "b".to_owned(), part(B, 7))];
    theirs.shipment = Some(proven(other.clone()));
    ok(store, step(theirs)).await;
    let all = those(vec![ids[0], ids[1], ids[4], behind], 50);
    ok(store, forget(A.slice(), all)).await;
    for (n, id) in (1_u64..).zip(&ids) {
        let stays = n >= 3;
        assert_eq!(store.shipment(*id).await.unwrap().is_some(), stays, "{n}");
        for m in 0..2 {
            let sent = store.sent("lab", &format!("{n}-{m}")).await.unwrap();
            assert_eq!(sent.is_some(), stays, "{n}");
        }
    }
    assert!(store.shipment(other.id).await.unwrap().is_some());
    assert!(store.sent("lab", "b").await.unwrap().is_some());
    let dump = store.read(|reads| reads.dump()).await.unwrap();
    let of = |table: &str| dump.iter().filter(|line| line.starts_with(table)).count();
    assert_eq!((of("shipment "), of("cargo "), of("sent ")), (5, 5, 9));
    // Of those that failed or were superseded, one is left to be found.
    assert_eq!(of("undone "), 1);

    // Twice is as once, and who is not the owner takes nothing away.
    ok(store, forget(A.slice(), those(ids.clone(), 50))).await;
    let stranger = ForgetJob {
        slice: A.slice(),
        epoch: 3,
        what: those(ids.clone(), 50),
    };
    refuse(store, Job::Forget(Box::new(stranger)), Refused::NotOwner).await;
    let left = store.unfinished().await.unwrap();
    assert_eq!(
        left.iter().map(|s| s.id).collect::<Vec<_>>(),
        [ids[4], behind]
    );
}

/// Who leafs through shipments and goes on behind one that was forgotten meanwhile misses none of the older ones.
pub async fn leafing(store: &Store) {
    let mut ids = Vec::new();
    for at in [NOW, NOW + 1, NOW + 2] {
        let mut job = settle(A, 1);
        let mut shipment = proven(ship(A, 1));
        shipment.at = at;
        // As ids are made: the slice, the time, and what tells those of one moment apart.
        shipment.id.0 |= u64::try_from(at).unwrap() << 14;
        ids.insert(0, shipment.id);
        job.shipment = Some(shipment);
        ok(store, step(job)).await;
    }
    let behind = async |after| {
        let page = ShipmentFilter {
            after,
            limit: 9,
            ..ShipmentFilter::default()
        };
        let page = store.shipments(page).await.unwrap();
        page.into_iter().map(|s| s.id).collect::<Vec<_>>()
    };
    assert_eq!(behind(None).await, ids);
    assert_eq!(behind(Some(ids[1])).await, ids[2..]);
    ok(store, forget(A.slice(), those(vec![ids[1]], i64::MAX))).await;
    assert_eq!(behind(Some(ids[1])).await, ids[2..]);
    assert_eq!(behind(Some(ids[0])).await, ids[2..]);
}

/// A proof that came late rests on an old shipment: it stays as long as the proof is not old as well.
pub async fn late_proofs(store: &Store) {
    let write = terminals::Write {
        slot: SlotNo(7),
        content: b"Rose".to_vec(),
        entry: Some(KEY),
    };
    let planned = PlannedPacket {
        purpose: terminals::Purpose::Write,
        payload: vec![],
        commands: vec![None, Some(0)],
        parts: 1,
        octets: 0,
    };
    let packet = Packet {
        n: 1,
        planned,
        counter: Some(9),
        state: PacketState::Proven,
        sendings: 1,
        proof: Proof::Applied,
        deadline: None,
        outcome: None,
        parts: vec![],
    };
    let shipment = delivery::Shipment {
        at: 10,
        writes: vec![write],
        packets: vec![packet],
        ..proven(ship(A, 1))
    };
    let mut job = settle(A, 1);
    let (slot, state) = ours(7, b"Rose");
    job.slots = vec![(
        slot,
        SlotState {
            since: Some(100),
            ..state
        },
    )];
    let id = shipment.id;
    job.shipment = Some(shipment);
    ok(store, step(job)).await;
    assert_eq!(finished(store, None, 50, 9).await.0, []);
    assert_eq!(finished(store, None, 100, 9).await.0, []);
    assert_eq!(finished(store, None, 101, 9).await.0, [id]);
    // The proof came after it was found: it stays, though it is named.
    ok(store, forget(A.slice(), those(vec![id], 100))).await;
    assert!(store.shipment(id).await.unwrap().is_some());
    // Something newer stands there by now.
    let mut newer = settle(A, 1);
    let (slot, state) = ours(7, b"Jim");
    newer.slots = vec![(
        slot,
        SlotState {
            since: Some(100),
            ..state
        },
    )];
    ok(store, step(newer)).await;
    assert_eq!(finished(store, None, 50, 9).await.0, [id]);
    ok(store, forget(A.slice(), those(vec![id], 100))).await;
    assert!(store.shipment(id).await.unwrap().is_none());
}

/// The edit that makes revision `expect + 1` of A's book at `at`: about friend `no`, who is there afterwards or not.
fn written(expect: u64, no: u32, at: i64, before: Option<&str>, after: Option<&str>) -> EditJob {
    let friend = |name: &str| Friend {
        no: FriendNo(no),
        name: name.to_owned(),
        ..Friend::default()
    };
    let mut edit = edit(A, expect, "", None);
    edit.due.clear();
    edit.book.friends.clear();
    edit.book.next_friend = 9;
    edit.book
        .friends
        .extend(after.map(|name| (FriendNo(no), friend(name))));
    edit.friends = vec![FriendNo(no)];
    let change = &mut edit.changes[0];
    change.at_ms = at;
    change.body = ChangeBody {
        friend: Some(FriendNo(no)),
        before: before.map(|name| Entry::Friend(friend(name))),
        after: after.map(|name| Entry::Friend(friend(name))),
        ..change.body.clone()
    };
    edit
}

async fn write(store: &Store, edit: EditJob) {
    ok(store, Job::Edit(Box::new(edit))).await;
}

pub async fn old_journals(store: &Store) {
    for n in 0..5 {
        let mut job = written(n, 1, i64::try_from(n).unwrap() * 10, None, Some("Rose"));
        job.request = Some(format!("r{n}"));
        if n == 3 {
            job.hold = Some(delivery::Hold {
                changes: vec![Revision(4)],
                ..hold(A, 1, HoldState::Held)
            });
        }
        write(store, job).await;
    }
    let page = async |after, before, limit| {
        let slice = A.slice();
        let page = store.read(move |reads| reads.old_journals(slice, after, before, limit));
        let page = page.await.unwrap();
        let rows = page.rows.into_iter().map(|(of, revision)| {
            assert_eq!(of, A);
            revision.0
        });
        (rows.collect::<Vec<_>>(), page.next)
    };
    assert_eq!(page(None, 0, 9).await, (vec![], None));
    assert_eq!(page(None, 11, 9).await, (vec![1, 2], None));
    assert_eq!(page(Some(A), 11, 9).await, (vec![], None));
    let (rows, next) = page(None, 21, 2).await;
    assert_eq!(rows, [1, 2]);
    assert!(next.is_some_and(|next| next < A));
    // What an open hold may yet undo stays.
    assert_eq!(page(None, 99, 9).await, (vec![1, 2, 3], None));
    let gone = Forget::Journals(vec![(A, Revision(1)), (A, Revision(2))]);
    ok(store, forget(A.slice(), gone)).await;
    let left = store.changes(A, None, 9).await.unwrap();
    assert_eq!(
        left.iter().map(|c| c.revision.0).collect::<Vec<_>>(),
        [5, 4, 3]
    );
    assert_eq!(store.book(A).await.unwrap().unwrap().revision, Revision(5));
    // The book goes on from where it is.
    write(store, written(5, 1, 60, Some("Rose"), Some("Rosa"))).await;
}

/// The next deletion's text, and what takes it out.
async fn text(store: &Store, before: i64) -> Option<(store::Deletion, Option<Texts>)> {
    let slice = A.slice();
    let found = store.read(move |reads| reads.old_text(slice, None, before));
    found.await.unwrap()
}

pub async fn old_texts(store: &Store) {
    // Rose is deleted at 30, Jim at 40 and again at 90, Ann stays.
    let steps: [(u32, i64, Option<&str>, Option<&str>); 7] = [
        (1, 10, None, Some("Rose")),
        (2, 11, None, Some("Jim")),
        (3, 12, None, Some("Ann")),
        (1, 30, Some("Rose"), None),
        (2, 40, Some("Jim"), None),
        (2, 41, None, Some("Jim")),
        (2, 90, Some("Jim"), None),
    ];
    for (expect, (no, at, before, after)) in (0..).zip(steps) {
        let mut job = written(expect, no, at, before, after);
        if expect == 3 {
            let released = vec![(
                FriendNo(1),
                Friend {
                    no: FriendNo(1),
                    name: "Rose".into(),
                    ..Friend::default()
                },
            )];
            job.hold = Some(delivery::Hold {
                changes: vec![Revision(4)],
                released,
                ..hold(A, 1, HoldState::Held)
            });
        }
        write(store, job).await;
    }
    let texts_in = async |word: &str| {
        let dump = store.read(|reads| reads.dump()).await.unwrap();
        dump.iter().filter(|line| line.contains(word)).count()
    };
    assert_eq!(text(store, 30).await, None);
    // An open hold may bring her back.
    let (found, texts) = text(store, 50).await.unwrap();
    assert_eq!((found.revision, texts), (Revision(4), None));
    let mut decided = store.hold(A, 1).await.unwrap().unwrap();
    decided.state = HoldState::Released;
    ok(
        store,
        Job::PutHold {
            hold: Box::new(decided),
            due: vec![],
        },
    )
    .await;
    assert_eq!(texts_in("Rose").await, 3);
    let (_, texts) = text(store, 50).await.unwrap();
    let texts = texts.unwrap();

    // Somebody changes the book meanwhile: it is looked at again.
    write(store, written(7, 3, 91, Some("Ann"), Some("Anne"))).await;
    ok(store, forget(A.slice(), Forget::Texts(texts))).await;
    assert_eq!(texts_in("Rose").await, 3);
    let mut rounds = 0;
    while let Some((_, texts)) = text(store, 50).await {
        ok(store, forget(A.slice(), Forget::Texts(texts.unwrap()))).await;
        rounds += 1;
    }
    // Jim's first deletion is nothing any more: the second stands for it, and is not old enough.
    assert_eq!(rounds, 2);
    assert_eq!((texts_in("Rose").await, texts_in("Jim").await), (0, 4));
    assert!(texts_in("Ann").await > 0);
    let change = |n| async move { store.change(A, Revision(n)).await.unwrap().unwrap() };
    let forgotten: Change = change(1).await;
    assert!(forgotten.body.forgotten && forgotten.body.friend == Some(FriendNo(1)));
    assert_eq!(forgotten.at_ms, 10);
    assert!(forgotten.body.after.is_some() && forgotten.body.before.is_none());
    assert!(!change(3).await.body.forgotten);
    while let Some((_, texts)) = text(store, 99).await {
        ok(store, forget(A.slice(), Forget::Texts(texts.unwrap()))).await;
    }
    assert_eq!(texts_in("Jim").await, 0);
}
