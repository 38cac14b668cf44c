//! Members of shared groups, and the marks that campaigns make.

use super::*;
use book::{GroupNo, SHARED};
use store::MembersJob;

const G: GroupNo = GroupNo(SHARED | 1);
const H: GroupNo = GroupNo(SHARED | 2);

/// A bulk mark of the shared change `n`, at [`NOW`].
fn bulk(n: u64) -> Due {
    Due {
        at: NOW,
        lane: Lane::Bulk,
        shared: n,
        ..mark(0)
    }
}

fn members(group: GroupNo, join: &[SubscriberId], leave: &[SubscriberId], n: u64) -> Job {
    Job::Members(Box::new(MembersJob {
        group,
        join: join.to_vec(),
        leave: leave.to_vec(),
        terminals: join.iter().chain(leave).map(|of| id(*of, 1)).collect(),
        due: bulk(n),
    }))
}

fn mark_members(of: &[SubscriberId], n: u64) -> Job {
    Job::MarkShared {
        terminals: of.iter().map(|of| id(*of, 1)).collect(),
        due: bulk(n),
    }
}

/// A job for each of these: nothing crosses slices.
async fn each(store: &Store, of: &[SubscriberId], job: impl Fn(&[SubscriberId]) -> Job) {
    for of in of {
        ok(store, job(&[*of])).await;
    }
}

async fn join(store: &Store, group: GroupNo, of: &[SubscriberId], n: u64) {
    each(store, of, |of| members(group, of, &[], n)).await;
}

async fn who(store: &Store, group: GroupNo) -> Vec<SubscriberId> {
    let all = store.members(group, None, None, 9).await.unwrap();
    all.into_iter().map(|member| member.subscriber).collect()
}

pub async fn members_of_groups(store: &Store) {
    join(store, G, &[B, A], 1).await;
    join(store, H, &[A], 2).await;
    // Joining twice, and leaving what one is not in, change nothing.
    join(store, G, &[A], 3).await;
    ok(store, members(G, &[], &[NOBODY], 3)).await;
    assert_eq!(who(store, G).await, [A, B]);
    let carried = store.read(move |reads| reads.memberships(&[A, B, NOBODY]));
    let carried = carried.await.unwrap();
    assert_eq!(carried, [(A, G), (A, H), (B, G)]);
    // A joining marks the terminals (rule 1), a leaving, too.
    assert_eq!(due_of(store, id(A, 1)).await, Some(bulk(3)));
    assert_eq!(due_of(store, id(B, 1)).await, Some(bulk(1)));
    ok(store, members(G, &[], &[B], 4)).await;
    assert_eq!(due_of(store, id(B, 1)).await, Some(bulk(4)));
    assert_eq!(who(store, G).await, [A]);
    // One who is not there does not join, nor does anybody of the same job.
    let beside = SubscriberId::new(B.slice(), 99);
    refuse(store, members(G, &[B, beside], &[], 5), Refused::Missing).await;
    assert_eq!(who(store, G).await, [A]);
    // By pages, in order of ids, behind one and up to one.
    join(store, G, &[B], 6).await;
    let page = async |after, until| {
        let page = store.members(G, after, until, 1).await.unwrap();
        page.first().map(|member| member.subscriber)
    };
    assert_eq!(page(None, None).await, Some(A));
    assert_eq!(page(Some(A), None).await, Some(B));
    assert_eq!(page(Some(A), Some(A)).await, None);
    // Whoever is deleted is a member no more.
    ok(store, Job::DeleteSubscriber(A)).await;
    assert_eq!(who(store, G).await, [B]);
    assert_eq!(who(store, H).await, []);
}

pub async fn what_members_have(store: &Store) {
    let applied = |revision, of: &[SubscriberId]| Job::Applied {
        group: G,
        revision: Revision(revision),
        members: of.to_vec(),
    };
    join(store, G, &[A, B], 1).await;
    each(store, &[A, NOBODY], |of| applied(5, of)).await;
    each(store, &[A, B], |of| applied(3, of)).await; // Never back.
    let all = store.members(G, None, None, 9).await.unwrap();
    let have: Vec<_> = all.iter().map(|member| member.applied.0).collect();
    assert_eq!(have, [5, 3]);
    let counts = async |revision, until| {
        let counts = store.member_counts(G, Revision(revision), until);
        counts.await.unwrap()
    };
    assert_eq!(counts(3, None).await, (2, 2));
    assert_eq!(counts(4, None).await, (2, 1));
    assert_eq!(counts(4, Some(A)).await, (1, 1));
    let standing = store.standing(vec![A, NOBODY]).await.unwrap();
    assert_eq!(standing.len(), 2);
    assert_eq!(standing[0].1[0].0.id, id(A, 1));
    assert_eq!(standing[0].1[0].1, Some(bulk(1)));
    assert_eq!(standing[1], (NOBODY, vec![]));
}

pub async fn campaign_marks(store: &Store) {
    // What is there, what a campaign's mark makes of it.
    let own = Due {
        verify: true,
        ..mark(7)
    };
    let held = Due {
        at: Due::IN_CALL,
        ..mark(7)
    };
    let paused = Due {
        at: Due::PAUSED,
        ..bulk(3)
    };
    let newest = |due, n| Due { shared: n, ..due };
    let rows = [
        (None, bulk(4)),
        (Some(own), newest(own, 4)),   // Its time and lane stay.
        (Some(held), newest(held, 4)), // A call goes on holding it back.
        (Some(bulk(9)), bulk(9)),      // A newer one stays the newest.
        (
            Some(paused),
            Due {
                at: NOW,
                ..newest(paused, 4)
            },
        ), // A newer one goes over a paused one.
        (Some(newest(paused, 4)), newest(paused, 4)), // Its own pause holds.
    ];
    let t = id(A, 1);
    for (there, then) in rows {
        let gone = SettleJob {
            clear_due: due_of(store, t).await,
            ..settle(A, 1)
        };
        ok(store, step(gone)).await;
        if let Some(there) = there {
            ok(store, marks(t, there, true)).await;
        }
        for _ in 0..2 {
            each(store, &[A, NOBODY], |of| mark_members(of, 4)).await;
            assert_eq!(due_of(store, t).await, Some(then), "{there:?}");
        }
    }
    // A plan that was made before the mark does not clear it; one that saw it does.
    ok(store, marks(t, bulk(4), true)).await;
    let clear = |read| {
        step(SettleJob {
            clear_due: Some(read),
            ..settle(A, 1)
        })
    };
    ok(store, mark_members(&[A], 5)).await;
    ok(store, clear(bulk(4))).await;
    assert!(due_of(store, t).await.is_some());
    // Nor does an edit that read the mark before forget it.
    ok(store, marks(t, Due { at: 1, ..bulk(4) }, true)).await;
    assert_eq!(due_of(store, t).await.unwrap().shared, 5);
    ok(store, clear(Due { at: 1, ..bulk(5) })).await;
    assert_eq!(due_of(store, t).await, None);
    // Nothing is due on a retired terminal.
    let retired = delivery::Terminal {
        retired: true,
        ..terminal(A, 1)
    };
    ok(store, change(retired, false)).await;
    ok(store, mark_members(&[A], 6)).await;
    assert_eq!(due_of(store, t).await, None);
}

pub async fn holding_back(store: &Store) {
    each(store, &[A, B], |of| mark_members(of, 4)).await;
    let own = Due {
        lane: Lane::Interactive,
        shared: 4,
        ..mark(7)
    };
    ok(store, marks(id(B, 1), own, true)).await;
    assert_eq!(store.open_marks(4).await.unwrap(), 1);
    let hold = |shared, at| {
        move |of: &[SubscriberId]| Job::HoldMarks {
            terminals: of.iter().map(|of| id(*of, 1)).collect(),
            shared,
            at,
        }
    };
    let all = [A, B, NOBODY];
    let found = async |paused| store.shared_marks(4, paused, 9).await.unwrap();
    assert_eq!(found(false).await, [id(A, 1)]);
    each(store, &all, hold(4, Due::PAUSED)).await;
    assert_eq!(
        (found(false).await, found(true).await),
        (vec![], vec![id(A, 1)])
    );
    assert_eq!(due_of(store, id(A, 1)).await.unwrap().at, Due::PAUSED);
    // The owner's own edit goes on.
    assert_eq!(due_of(store, id(B, 1)).await, Some(own));
    assert_eq!(store.open_marks(4).await.unwrap(), 0);
    let next = async || store.schedule(i64::MIN, 9).await.unwrap().next;
    assert_eq!(next().await, Some(own.at));
    // Neither is it tried again meanwhile, nor is it a call's.
    let mut again = settle(A, 1);
    again.terminal.next_try = Some(1);
    ok(store, step(again)).await;
    assert_eq!(store.schedule(NOW, 9).await.unwrap().waiting, []);
    assert_eq!(next().await, Some(own.at));
    assert_eq!(store.held_back().await.unwrap(), []);
    // Another campaign's word moves nothing.
    each(store, &all, hold(5, NOW)).await;
    assert_eq!(due_of(store, id(A, 1)).await.unwrap().at, Due::PAUSED);
    each(store, &all, hold(4, NOW + 1)).await;
    assert_eq!(due_of(store, id(A, 1)).await.unwrap().at, NOW + 1);
    // What is on its way is not open.
    let mut busy = settle(A, 1);
    busy.terminal.in_flight = Some(ship(A, 1).id);
    ok(store, step(busy)).await;
    assert_eq!(store.open_marks(4).await.unwrap(), 0);
}
