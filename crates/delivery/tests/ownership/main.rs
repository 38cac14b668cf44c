//! Ownership of slices (ARCHITECTURE.md, “Many nodes”, protocol 2 and 5), against a model of the lease table.
#![allow(clippy::unwrap_used)]

mod model;

use delivery::{Clocks, Decision, Lease, NodeId, Outcome, Ownership, Times};
use model::Model;
use proptest::prelude::*;

const HOUR: i64 = 3_600_000;

#[derive(Debug, Clone)]
enum Fault {
    /// It stops in the middle of whatever it does, for that long, ms.
    Pause(usize, u64),
    Die(usize),
    ShutDown(usize),
    /// Its wall clock jumps, ms.
    Jump(usize, i64),
    Join(i64, u64),
    /// The store is away, ms.
    Away(u64),
    /// ‰ of the steps have no known outcome from here on.
    Lossy(u64),
}

fn fault() -> impl Strategy<Value = Fault> {
    let node = 0..6_usize;
    let wall = -5 * HOUR..5 * HOUR;
    prop_oneof![
        3 => (node.clone(), 100..30_000_u64).prop_map(|(n, ms)| Fault::Pause(n, ms)),
        1 => node.clone().prop_map(Fault::Die),
        1 => node.clone().prop_map(Fault::ShutDown),
        1 => (node, wall.clone()).prop_map(|(n, ms)| Fault::Jump(n, ms)),
        2 => (wall, 990..1_010_u64).prop_map(|(wall, rate)| Fault::Join(wall, rate)),
        1 => (100..20_000_u64).prop_map(Fault::Away),
        1 => (0..300_u64).prop_map(Fault::Lossy),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any number of nodes that join, leave, die and sleep, with clocks wrong by hours and a store that loses answers:
    /// never two owners at one epoch, never two that send for a slice; afterwards a fair share each, and quiet.
    #[test]
    fn nodes_come_to_a_fair_share_and_never_two_own_a_slice(
        seed in any::<u64>(),
        first in proptest::collection::vec((-5 * HOUR..5 * HOUR, 990..1_010_u64), 1..5),
        faults in proptest::collection::vec((0..8_000_u64, fault()), 0..14),
    ) {
        let mut model = Model::new(seed);
        for (wall, rate) in first {
            model.join(wall, rate);
        }
        for (wait, fault) in faults {
            model.run(wait);
            let (now, nodes) = (model.now, model.nodes.len());
            match fault {
                Fault::Pause(n, ms) => model.nodes[n % nodes].asleep = now + ms,
                Fault::Die(n) => model.nodes[n % nodes].dead = true,
                Fault::ShutDown(n) => model.shut_down(n % nodes),
                Fault::Jump(n, ms) => model.nodes[n % nodes].wall += ms,
                Fault::Join(wall, rate) => model.join(wall, rate),
                Fault::Away(ms) => model.away = now + ms,
                Fault::Lossy(most) => model.lossy = most,
            }
        }
        model.lossy = 0;
        // The longest sleep, expiry, hand-overs of 16 a second.
        model.run(30_000 + 15_000 + 30_000);
        model.fair();
        let quiet = model.now;
        model.run(20_000);
        model.fair();
        prop_assert!(model.last_move <= quiet, "slices still move without a reason");
    }
}

/// Three nodes, one with a clock five hours ahead, one five hours behind.
fn three() -> Model {
    let mut model = Model::new(7);
    for wall in [0, 5 * HOUR, -5 * HOUR] {
        model.join(wall, 1_000);
    }
    model.run(40_000);
    model.fair();
    model
}

#[test]
fn a_death_moves_its_slices_within_15_s() {
    for dies in 0..3 {
        // At every moment of its round.
        for wait in (0..4_000).step_by(300) {
            let mut model = three();
            model.run(wait);
            model.nodes[dies].dead = true;
            model.run(15_000);
            model.fair();
        }
    }
}

#[test]
fn a_shut_down_hands_over_at_once() {
    let mut model = three();
    model.shut_down(1);
    model.run(2_500);
    model.fair();
}

#[test]
fn a_sleeper_finds_its_slices_taken_and_drops_them() {
    let mut model = three();
    model.nodes[0].asleep = model.now + 20_000;
    model.run(15_000);
    let epochs: Vec<_> = model.nodes[0].ownership.owned().collect();
    assert!(!epochs.is_empty(), "it still believes that it owns them");
    for (slice, owned) in epochs {
        assert!(model.table.leases[&slice].epoch > owned.epoch);
    }
    model.run(40_000);
    model.fair();
}

#[test]
fn a_short_sleep_moves_nothing() {
    let mut model = three();
    let before = model.table.leases.clone();
    model.nodes[2].asleep = model.now + 6_000;
    model.run(20_000);
    let moved = before
        .values()
        .filter(|l| model.table.leases[&l.slice].epoch != l.epoch);
    assert_eq!(moved.count(), 0);
}

/// The store away for a minute: whoever finds it back first must not take the others for dead.
#[test]
fn a_store_that_was_away_moves_nothing() {
    let mut model = three();
    let before = model.table.leases.clone();
    model.away = model.now + 60_000;
    model.run(59_000);
    for node in &model.nodes {
        let now = model.now;
        let sends = node
            .ownership
            .owned()
            .filter(|(_, owned)| now < owned.good_until);
        assert_eq!(
            sends.count(),
            0,
            "nobody sends on a lease that he cannot renew"
        );
    }
    model.run(21_000);
    let moved = before
        .values()
        .filter(|l| model.table.leases[&l.slice].epoch != l.epoch);
    assert_eq!(moved.count(), 0);
    model.fair();
}

#[test]
fn a_newcomer_gets_its_share_a_few_at_a_time() {
    let mut model = Model::new(3);
    model.join(0, 1_000);
    model.run(3_000);
    model.join(-2 * HOUR, 1_000);
    let mut before = model.nodes[0].ownership.owned().count();
    assert_eq!(before, 256);
    for _ in 0..30 {
        model.run(1_000);
        let now = model.nodes[0].ownership.owned().count();
        assert!(before - now <= 32, "{before} → {now} within a second");
        before = now;
    }
    model.fair();
}

/// Two nodes reach for the same lease: the second is refused, whatever its clock says.
#[test]
fn one_take_wins() {
    let (a, b) = (NodeId(1), NodeId(2));
    let mut table = model::Table::default();
    let old = Lease {
        slice: 9,
        node: NodeId(0),
        epoch: 4,
        expires: 1_000,
    };
    table.leases.insert(9, old);
    let take = |expires| Decision::Take {
        slice: 9,
        seen: 4,
        now: 1_001,
        expires,
    };
    assert!(table.apply(a, take(20_000)));
    assert!(!table.apply(b, take(9_000_000)));
    assert_eq!(table.leases[&9].node, a);
    // And a renewal between sight and take keeps the owner.
    let renew = Decision::Renew {
        slice: 9,
        epoch: 5,
        expires: 23_000,
    };
    assert!(table.apply(a, renew));
    let late = Decision::Take {
        slice: 9,
        seen: 5,
        now: 20_001,
        expires: 1,
    };
    assert!(!table.apply(b, late));
}

#[test]
fn what_an_earlier_process_of_this_house_held_need_not_run_out() {
    let rows: Vec<_> = (0..=255)
        .map(|slice| Lease {
            slice,
            node: NodeId(77),
            epoch: 2,
            expires: i64::MAX - 1,
        })
        .collect();
    let at = Clocks {
        wall: 0,
        monotonic: 0,
    };
    let takes = |former| {
        let mut ownership = Ownership::new(NodeId(1), former, Times::SERVE);
        let steps = ownership.read(&rows, &[(NodeId(77), 9)], at);
        steps
            .iter()
            .filter(|step| matches!(step, Decision::Take { .. }))
            .count()
    };
    assert_eq!(takes(vec![NodeId(77)]), 256);
    assert_eq!(takes(Vec::new()), 0);
}

#[test]
fn a_renewal_always_moves_and_never_says_handed_over() {
    for wall in [-5, 0, 1_000, i64::MIN, i64::MAX] {
        let me = NodeId(1);
        let mut ownership = Ownership::new(me, Vec::new(), Times::SERVE);
        let row = Lease {
            slice: 0,
            node: me,
            epoch: 3,
            expires: 50_000,
        };
        let steps = ownership.read(&[row], &[], Clocks { wall, monotonic: 0 });
        let renewed = steps.iter().find_map(|step| match step {
            Decision::Renew {
                slice: 0,
                epoch: 3,
                expires,
            } => Some(*expires),
            _ => None,
        });
        assert!(renewed.unwrap() > 50_000);
        // Adopted from the row: nothing is sent before the renewal is known.
        assert!(steps.contains(&Decision::Begin { slice: 0, epoch: 3 }));
        assert_eq!(ownership.owned().next().unwrap().1.good_until, 0);
    }
}

#[test]
fn a_refusal_of_the_store_stops_the_slice() {
    let me = NodeId(1);
    let mut ownership = Ownership::new(me, Vec::new(), Times::SERVE);
    let take = Decision::Take {
        slice: 1,
        seen: 0,
        now: 0,
        expires: 1,
    };
    ownership.done(take, Outcome::Done, 0).unwrap();
    assert_eq!(ownership.refused(1, 7), None, "of another epoch");
    assert_eq!(ownership.refused(1, 1), Some(Decision::Stop { slice: 1 }));
    assert_eq!(ownership.owned().count(), 0);
}

/// Found by the property: taken back at its old epoch, it would be sent for by two when the hand-over arrives after all.
#[test]
fn a_hand_over_that_nobody_heard_of_is_repeated_not_taken_back() {
    let me = NodeId(1);
    let mut ownership = Ownership::new(me, Vec::new(), Times::SERVE);
    let take = Decision::Take {
        slice: 1,
        seen: 4,
        now: 0,
        expires: 1,
    };
    ownership.done(take, Outcome::Done, 0).unwrap();
    let hand_over = Decision::HandOver { slice: 1, epoch: 5 };
    assert_eq!(
        ownership.shut_down(),
        [Decision::Stop { slice: 1 }, hand_over, Decision::Leave]
    );
    assert_eq!(ownership.done(hand_over, Outcome::Unknown, 0), None);
    let row = Lease {
        slice: 1,
        node: me,
        epoch: 5,
        expires: 1,
    };
    let at = Clocks {
        wall: 0,
        monotonic: 1_000,
    };
    assert_eq!(ownership.read(&[row], &[], at), [hand_over]);
}
