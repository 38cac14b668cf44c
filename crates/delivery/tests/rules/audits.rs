//! Every rule that `audit` looks at is found when it is broken, and nothing is found in a world as it should be.

use crate::fixture::*;
use book::Revision;
use delivery::{Packet, PacketState, Shipment, ShipmentState, Stored, World, audit};
use terminals::{ChannelKind, Proof, SlotNo};

/// A shipment that is over and one on its way.
fn two() -> (World, Vec<Shipment>) {
    let mut world = sent(ChannelKind::SimOta, ONE_HIGHER);
    let mut before = world.shipment.clone();
    before.state = ShipmentState::Superseded;
    for packet in &mut before.packets {
        packet.state = PacketState::Failed;
    }
    plan(&mut world, 2, ONE_HIGHER, 1, NOW + 1000);
    (world, vec![before])
}

#[track_caller]
fn check(rule: &str, words: &str, breaks: impl Fn(&mut World, &mut Vec<Shipment>)) {
    let (mut world, mut before) = two();
    let now = NOW + 2000;
    assert_eq!(broken(&world, &before, now), []);
    breaks(&mut world, &mut before);
    let found = broken(&world, &before, now);
    let right = |v: &delivery::Violation| v.rule == rule && v.found.contains(words);
    assert!(found.iter().any(right), "{rule} “{words}” not in {found:?}");
}

#[test]
fn a_broken_rule_is_found() {
    let counters = "recorded-before-sent";
    check(counters, "is in shipments", |w, _| {
        w.shipment.packets[1].counter = Some(3);
    });
    check(counters, "is to be used next", |w, _| {
        w.terminal.counter_next = 4
    });
    check(counters, "before the store was restored", |w, _| {
        w.terminal.record.gap = Some((3, 4));
    });
    check(counters, "counters up to 99 may be used", |w, _| {
        w.terminal.record.gap = Some((50, 99));
    });
    check("shadow-by-proof", "no proven packet wrote it", |w, _| {
        let write = w.shipment.writes[0].clone();
        w.shadow.apply(&write, Proof::Applied, NOW);
    });
    let unknown = "unknown-is-not-done";
    check(unknown, "not in doubt", |w, _| {
        w.shadow.slots.remove(&SlotNo(1));
    });
    check(unknown, "has no deadline", |w, _| {
        w.shipment.packets[0].deadline = None
    });
    check(unknown, "nobody did", |w, _| {
        w.shipment.packets[0].deadline = Some(NOW)
    });
    check(unknown, "open after its validity", |w, _| {
        w.shipment.at = NOW - 25 * HOUR;
        w.shipment.packets[0] = Packet {
            parts: packet(1, None, HIGHER, 1).parts,
            ..w.shipment.packets[0].clone()
        };
    });
    check(unknown, "the next try was to be", |w, _| {
        w.terminal.in_flight = None;
        w.shipment.state = ShipmentState::Superseded;
        w.terminal.next_try = Some(NOW);
    });
    let one = "one-sitting-one-plan";
    check(one, "are open", |_, before| {
        before[0].state = ShipmentState::Waiting
    });
    check(one, "that is over", |w, _| {
        w.shipment.state = ShipmentState::Failed
    });
    let order = "one-after-another";
    check(order, "two packets", |w, _| {
        w.shipment.packets[1].state = PacketState::Waiting;
    });
    check(order, "only the next counter", |_, before| {
        before[0].packets[0].state = PacketState::Unknown;
    });
    check("recorded-with-due", "nothing will be sent", |w, _| {
        w.terminal.in_flight = None;
        w.shipment.state = ShipmentState::Superseded;
        w.terminal.planned = Revision(9);
    });
}

#[test]
fn the_proof_of_what_was_proven_before_the_oldest_shipment_is_not_asked_for() {
    let (mut world, mut shipments) = two();
    shipments.push(world.shipment.clone());
    let write = world.shipment.writes[0].clone();
    world.shadow.apply(&write, Proof::Applied, NOW);
    for doubt in [false, true] {
        let found = |since| {
            let found = audit(&Stored {
                terminal: &world.terminal,
                due: None,
                shadow: &world.shadow,
                shipments: &shipments,
                since,
                revision: world.terminal.planned,
            });
            found.iter().any(|found| found.rule == "shadow-by-proof")
        };
        assert!(found(None) && found(Some(NOW)), "in doubt: {doubt}");
        assert!(!found(Some(NOW + 1)), "in doubt: {doubt}");
        world.shadow.doubt(write.slot);
    }
}
