//! The same random jobs, in the same groups, on SQLite, on PostgreSQL and on two databases of PostgreSQL: the same answers
//! to every job, and in the end the same rows.
#![allow(clippy::unwrap_used)]

mod sample;

use book::{GroupNo, Revision, SubscriberId};
use delivery::{Due, HoldState, Lane, NodeId, ShipmentState};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sample::*;
use std::collections::HashSet;
use store::{
    DocumentWrite, Forget, ForgetJob, Job, LeaseStep, MembersJob, Servers, SettleJob, Store,
};
use terminals::{Owner, SlotNo, SlotState};

/// A job to be made once its terminal's version and its book's revision are known.
#[derive(Debug, Clone)]
enum Step {
    Create(u8),
    Delete(u8),
    Edit {
        of: u8,
        behind: u64,
        name: String,
        request: Option<u8>,
        hold: Option<u32>,
    },
    Add {
        of: u8,
        no: u32,
        iccid: u8,
        address: u16,
    },
    Change {
        of: u8,
        no: u32,
        retired: bool,
        blank: bool,
        address: u16,
        late: bool,
    },
    Mark {
        of: u8,
        no: u32,
        due: Due,
        replace: bool,
    },
    Settle {
        of: u8,
        no: u32,
        ahead: i8,
        late: bool,
        ship: u64,
        state: ShipmentState,
        slots: Vec<(u16, bool)>,
        freed: Vec<u16>,
        place: bool,
        sent: Option<u8>,
        clear: Option<Due>,
        epoch: u64,
    },
    Document {
        key: u8,
        value: Option<u8>,
        expect: Option<u64>,
    },
    Lease(u8, u64, bool),
    Update(u8, String),
    Hold(u8, u32, bool, Option<Due>),
    Members {
        join: Option<u8>,
        leave: Option<u8>,
        group: u32,
        due: Due,
    },
    Campaign(Vec<(u8, u32)>, Due),
    HoldMarks(Vec<(u8, u32)>, u64, bool),
    Applied(u32, u64, bool),
    Forget {
        of: u8,
        ships: Vec<u64>,
        what: u8,
        epoch: u64,
    },
}

/// Two subscribers of one slice, and their terminals.
fn of_one_slice() -> impl Strategy<Value = Vec<(u8, u32)>> {
    proptest::collection::vec((0..2_u8, 1..4_u32), 1..5)
}

fn of() -> impl Strategy<Value = u8> {
    0..4_u8
}

fn due() -> impl Strategy<Value = Due> {
    (
        0..9_u64,
        0..50_i64,
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(revision, at, bulk, everything, verify)| Due {
            revision: Revision(revision),
            at: NOW + at,
            since: NOW - at,
            lane: if bulk { Lane::Bulk } else { Lane::Interactive },
            everything,
            verify,
            test: false,
            shared: 0,
        })
}

/// The mark of a campaign, or of none.
fn shared() -> impl Strategy<Value = Due> {
    (due(), 0..4_u64).prop_map(|(due, shared)| Due {
        shared,
        test: shared == 3,
        ..due
    })
}

fn state() -> impl Strategy<Value = ShipmentState> {
    prop_oneof![
        Just(ShipmentState::Queued),
        Just(ShipmentState::Sending),
        Just(ShipmentState::Waiting),
        Just(ShipmentState::Proven),
        Just(ShipmentState::Failed),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let no = 1..4_u32;
    prop_oneof![
        6 => of().prop_map(Step::Create),
        1 => of().prop_map(Step::Delete),
        8 => (of(), 0..6_u64, "[a-z陈]{1,6}", proptest::option::of(0..4_u8), proptest::option::weighted(0.1, 1..3_u32))
            .prop_map(|(of, behind, name, request, hold)| Step::Edit { of, behind: behind / 5, name, request, hold }),
        4 => (of(), no.clone(), 0..6_u8, 0..6_u16).prop_map(|(of, no, iccid, address)| Step::Add { of, no, iccid, address }),
        3 => (of(), no.clone(), any::<bool>(), any::<bool>(), 0..6_u16, 0..5_u8)
            .prop_map(|(of, no, retired, blank, address, late)| Step::Change { of, no, retired, blank, address, late: late == 0 }),
        4 => (of(), no.clone(), shared(), any::<bool>()).prop_map(|(of, no, due, replace)| Step::Mark { of, no, due, replace }),
        10 => (
            (of(), no.clone(), -1..4_i8, 0..6_u8, 0..4_u64, state()),
            (proptest::collection::vec((0..5_u16, any::<bool>()), 0..4), proptest::collection::vec(0..5_u16, 0..3), any::<bool>()),
            (proptest::option::of(0..4_u8), proptest::option::of(shared()), prop_oneof![4 => Just(0), 1 => 1..3_u64]),
        ).prop_map(|((of, no, ahead, late, ship, state), (slots, freed, place), (sent, clear, epoch))| Step::Settle {
            of, no, ahead, late: late == 0, ship, state, slots, freed, place, sent, clear, epoch,
        }),
        3 => (0..4_u8, proptest::option::of(0..9_u8), proptest::option::of(0..3_u64))
            .prop_map(|(key, value, expect)| Step::Document { key, value, expect }),
        3 => (of(), 0..3_u64, any::<bool>()).prop_map(|(of, seen, take)| Step::Lease(of, seen, take)),
        2 => (of(), "[a-z陈]{1,6}").prop_map(|(of, name)| Step::Update(of, name)),
        2 => (of(), 1..3_u32, any::<bool>(), proptest::option::of(due())).prop_map(|(of, no, held, due)| Step::Hold(of, no, held, due)),
        3 => (proptest::option::of(0..2_u8), proptest::option::of(0..2_u8), 1..3_u32, shared())
            .prop_map(|(join, leave, group, due)| Step::Members { join, leave, group, due }),
        4 => (of_one_slice(), shared()).prop_map(|(terminals, due)| Step::Campaign(terminals, due)),
        3 => (of_one_slice(), 0..4_u64, any::<bool>()).prop_map(|(terminals, shared, pause)| Step::HoldMarks(terminals, shared, pause)),
        2 => (1..3_u32, 0..9_u64, any::<bool>()).prop_map(|(group, revision, both)| Step::Applied(group, revision, both)),
        3 => (of(), proptest::collection::vec(1..4_u64, 0..3), 0..6_u8, prop_oneof![4 => Just(0), 1 => 1..3_u64])
            .prop_map(|(of, ships, what, epoch)| Step::Forget { of, ships, what, epoch }),
    ]
}

fn whose(of: u8) -> SubscriberId {
    SubscriberId::new([7, 7, 200, 255][usize::from(of)], u64::from(of) + 1)
}

fn number(address: u16) -> String {
    format!("+447700900{address:03}")
}

/// The job of a step on a store as it is.
async fn job(store: &Store, step: &Step) -> Job {
    let version = async |of: u8, no: u32| {
        let there = store.terminal(id(whose(of), no)).await.unwrap();
        there.map_or((0, 1), |full| {
            (full.terminal.version, full.terminal.counter_next)
        })
    };
    match step.clone() {
        Step::Create(of) => Job::CreateSubscriber(subscriber(whose(of))),
        Step::Delete(of) => Job::DeleteSubscriber(whose(of)),
        Step::Edit {
            of,
            behind,
            name,
            request,
            hold: held,
        } => {
            let book = store.book(whose(of)).await.unwrap();
            let at = book
                .map_or(0, |book| book.revision.0)
                .saturating_sub(behind);
            let mut edit = edit(
                whose(of),
                at,
                &name,
                request.map(|r| format!("r{r}")).as_deref(),
            );
            edit.due.clear();
            if name.len() > 4 {
                let body = &mut edit.changes[0].body;
                body.before = body.after.take();
                edit.book.friends.clear();
            }
            edit.hold = held.map(|no| hold(whose(of), no, HoldState::Held));
            Job::Edit(Box::new(edit))
        }
        Step::Add {
            of,
            no,
            iccid,
            address,
        } => {
            let mut new = terminal(whose(of), no);
            new.iccid = Some(format!("89440000{iccid}"));
            new.msisdn = number(address);
            Job::AddTerminal(Box::new(new))
        }
        Step::Change {
            of,
            no,
            retired,
            blank,
            address,
            late,
        } => {
            let (version, counter) = version(of, no).await;
            let mut changed = terminal(whose(of), no);
            changed.version = version.saturating_sub(late.into());
            changed.counter_next = if blank { 1 } else { counter };
            changed.msisdn = number(address);
            changed.retired = retired;
            Job::ChangeTerminal {
                terminal: Box::new(changed),
                blank,
                due: Some(mark(3)),
            }
        }
        Step::Mark {
            of,
            no,
            due,
            replace,
        } => Job::MarkDue {
            marks: vec![(id(whose(of), no), due)],
            replace,
        },
        Step::Settle {
            of,
            no,
            ahead,
            late,
            ship: n,
            state,
            slots,
            freed,
            place,
            sent,
            clear,
            epoch,
        } => {
            let (version, counter) = version(of, no).await;
            // A step of delivery never gives a terminal another card or number.
            let there = store.terminal(id(whose(of), no)).await.unwrap();
            let row = there.map_or_else(|| terminal(whose(of), no), |full| full.terminal);
            let mut settle = SettleJob::of(row);
            settle.terminal.version = version.saturating_sub(late.into());
            settle.terminal.counter_next = counter.saturating_add_signed(ahead.max(0).into());
            settle.terminal.in_flight = (n > 0).then(|| ship(whose(of), n).id);
            settle.epoch = epoch;
            settle.same_terminal = n == 3;
            let mut shipment = ship(whose(of), n);
            shipment.terminal = id(whose(of), no);
            shipment.state = state;
            settle.shipment = (n > 0).then_some(shipment);
            settle.slots = slots
                .iter()
                .map(|(slot, free)| {
                    let state = if *free {
                        SlotState {
                            owner: Owner::Free,
                            ..SlotState::default()
                        }
                    } else {
                        ours(*slot, b"Rose").1
                    };
                    (SlotNo(*slot), state)
                })
                .collect();
            settle.freed = freed.into_iter().map(SlotNo).collect();
            settle.placement = place.then(|| placement(2));
            settle.sent = sent
                .map(|m| {
                    (
                        "lab".to_owned(),
                        format!("m{m} of {}", whose(of).slice()),
                        part(whose(of), n),
                    )
                })
                .into_iter()
                .collect();
            settle.clear_due = clear;
            Job::Settle(Box::new(settle))
        }
        Step::Document { key, value, expect } => {
            let value = value.map(|v| v.to_string());
            Job::Documents(vec![
                DocumentWrite {
                    value,
                    expect,
                    ..DocumentWrite::remove("account", format!("d{key}"))
                }
                .indexed("login"),
            ])
        }
        Step::Forget {
            of,
            ships,
            what,
            epoch,
        } => {
            let what = forgotten(store, of, &ships, what).await;
            let slice = whose(of).slice();
            Job::Forget(Box::new(ForgetJob { slice, epoch, what }))
        }
        Step::Lease(of, seen, take) => {
            let (slice, node) = (whose(of).slice(), NodeId(u64::from(of)));
            Job::Lease(match take {
                true => LeaseStep::Take {
                    slice,
                    node,
                    seen,
                    now: NOW,
                    expires: NOW - 1 + i64::from(of),
                },
                false => LeaseStep::HandOver {
                    slice,
                    node,
                    epoch: seen,
                },
            })
        }
        step => of_groups(step),
    }
}

/// The job of a step that asks nothing of the store as it is.
fn of_groups(step: Step) -> Job {
    let ids = |terminals: Vec<(u8, u32)>| -> Vec<_> {
        let ids = terminals.into_iter().map(|(of, no)| id(whose(of), no));
        ids.collect()
    };
    match step {
        Step::Update(of, name) => {
            let name = format!("Ms {name}");
            Job::UpdateSubscriber(book::Subscriber {
                name,
                ..subscriber(whose(of))
            })
        }
        Step::Hold(of, no, held, due) => {
            let state = if held {
                HoldState::Held
            } else {
                HoldState::Released
            };
            Job::PutHold {
                hold: Box::new(hold(whose(of), no, state)),
                due: due.map(|due| (id(whose(of), 1), due)).into_iter().collect(),
            }
        }
        Step::Members {
            join,
            leave,
            group,
            due,
        } => {
            let both = join.into_iter().chain(leave);
            let terminals = both.map(|of| id(whose(of), 1)).collect();
            Job::Members(Box::new(MembersJob {
                group: GroupNo(group),
                join: join.map(whose).into_iter().collect(),
                leave: leave.map(whose).into_iter().collect(),
                terminals,
                due,
            }))
        }
        Step::Campaign(terminals, due) => Job::MarkShared {
            terminals: ids(terminals),
            due,
        },
        Step::HoldMarks(terminals, shared, pause) => Job::HoldMarks {
            terminals: ids(terminals),
            shared,
            at: if pause { Due::PAUSED } else { NOW },
        },
        Step::Applied(group, revision, both) => Job::Applied {
            group: GroupNo(group),
            revision: Revision(revision),
            members: (0..=u8::from(both)).map(whose).collect(),
        },
        step => unreachable!("{step:?} asks the store"),
    }
}

/// What is forgotten of what is there: shipments, the beginnings of journals, texts.
async fn forgotten(store: &Store, of: u8, ships: &[u64], what: u8) -> Forget {
    let slice = whose(of).slice();
    match what {
        0 => {
            let page = store.read(move |reads| reads.old_journals(slice, None, i64::MAX, 2));
            Forget::Journals(page.await.unwrap().rows)
        }
        1 | 2 => {
            let text = store.read(move |reads| reads.old_text(slice, None, i64::MAX));
            match text.await.unwrap() {
                Some((_, Some(texts))) => Forget::Texts(texts),
                _ => Forget::Journals(Vec::new()),
            }
        }
        3 => {
            let page = store.read(move |reads| reads.finished(slice, None, i64::MAX, 2));
            let (ids, before) = (page.await.unwrap().rows, i64::MAX);
            Forget::Shipments { ids, before }
        }
        // Whatever their proofs are.
        what => Forget::Shipments {
            ids: ships.iter().map(|n| ship(whose(of), *n).id).collect(),
            before: [i64::MAX, 0][usize::from(what % 2)],
        },
    }
}

async fn dump(store: &Store) -> Vec<String> {
    store.read(|reads| reads.dump()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_jobs_make_the_same_rows_everywhere() {
    let server = pgbox::shared().unwrap();
    let config = Config::default();
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[5; 32]));
    let mut done = HashSet::new();
    for round in 0..12 {
        let name = |what: &str| {
            server
                .database(&format!("differential_{what}_{round}"))
                .unwrap()
        };
        let two = Servers {
            home: name("home"),
            others: vec![(name("other"), [7, 255].into_iter().collect())],
        };
        let stores = [
            Store::memory().unwrap(),
            Store::connect(&Servers::one(name("one"))).unwrap(),
            Store::connect(&two).unwrap(),
        ];
        let mut apart = false;
        for store in &stores {
            for of in 0..4 {
                let job = Job::CreateSubscriber(subscriber(whose(of)));
                store.run(job).await.unwrap();
                let mut own = terminal(whose(of), 1);
                own.iccid = Some(format!("8944001{of}"));
                own.msisdn = number(100 + u16::from(of));
                store.run(Job::AddTerminal(Box::new(own))).await.unwrap();
            }
        }
        let groups = proptest::collection::vec(proptest::collection::vec(step(), 1..8), 40);
        let groups = groups.new_tree(&mut runner).unwrap().current();
        let mut most = 0;
        for (n, group) in groups.into_iter().enumerate() {
            let mut jobs = Vec::new();
            for step in &group {
                jobs.push(job(&stores[0], step).await);
            }
            let mut answers = Vec::new();
            for store in &stores {
                let results = store.run_all(jobs.clone()).await;
                answers.push(
                    results
                        .into_iter()
                        .map(|r| r.map_err(|e| e.to_string()))
                        .collect::<Vec<_>>(),
                );
            }
            assert_eq!(
                answers[0], answers[1],
                "PostgreSQL, round {round}, of {group:#?}"
            );
            let did = jobs
                .iter()
                .zip(&answers[0])
                .filter(|(_, answer)| answer.is_ok());
            done.extend(did.map(|(job, _)| std::mem::discriminant(job)));
            // Two databases do not see a card or a number that the other takes in the same group: from there on they differ.
            let crosses = |step: &Step| matches!(step, Step::Add { .. } | Step::Change { .. });
            apart |= answers[0] != answers[2] && group.iter().any(crosses);
            if !apart {
                assert_eq!(
                    answers[0], answers[2],
                    "two databases, round {round}, of {group:#?}"
                );
            }
            if n % 5 < 4 {
                continue;
            }
            let rows = dump(&stores[0]).await;
            most = most.max(rows.len());
            assert_eq!(rows, dump(&stores[1]).await, "PostgreSQL, round {round}");
            if !apart {
                assert_eq!(rows, dump(&stores[2]).await, "two databases, round {round}");
            }
        }
        assert!(most > 20, "round {round} wrote nothing");
        for store in &stores {
            store.close().await;
        }
    }
    assert_eq!(done.len(), 16, "every kind of job was carried out");
}
