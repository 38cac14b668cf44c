//! What the gateway says of a packet's parts: taken, refused, silent, receipts.

use super::{
    Action, World, by_receipt, end_proven, end_unproven, next_packet, packet_of, trouble, written,
};
use crate::{Class, PacketState, PartRef, PartState, Policy, ReceiptState, ShipmentState};
use terminals::Proof;

pub(super) fn accepted(
    world: &mut World,
    part: PartRef,
    message_id: Option<String>,
    policy: &Policy,
    now: i64,
) -> Vec<Action> {
    let wait = policy.proof_wait(world.terminal.tries);
    let Some(packet) = packet_of(&mut world.shipment, part) else {
        return Vec::new();
    };
    if let Some(known) = packet.parts.iter_mut().find(|p| p.n == part.part) {
        // Forward only: a receipt may have come before its answer (SMPP.md, row 4).
        known.state = known.state.max(PartState::Accepted);
        known.message_id = message_id.or(known.message_id.take());
        known.at = Some(now);
    }
    packet.proof = packet.proof.max(Proof::Accepted);
    let all = packet.parts.iter().all(|p| p.state >= PartState::Accepted);
    if !all || packet.state != PacketState::Sending {
        return Vec::new();
    }
    packet.state = PacketState::Waiting;
    packet.deadline = Some(now + wait);
    world.shipment.state = ShipmentState::Waiting;
    vec![Action::Wake(now + wait)]
}

pub(super) fn refused(
    world: &mut World,
    part: PartRef,
    class: Class,
    reason: &str,
    policy: &Policy,
    now: i64,
) -> Vec<Action> {
    let Some(packet) = packet_of(&mut world.shipment, part) else {
        return Vec::new();
    };
    if packet.sendings != part.sending {
        return Vec::new();
    }
    packet.outcome = Some(reason.to_owned());
    if let Some(known) = packet.parts.iter_mut().find(|p| p.n == part.part) {
        known.state = known.state.max(PartState::Sent);
        known.at = Some(now);
    }
    match class {
        // Nothing was taken: the very same packet again, a little later (the link itself slows down).
        Class::Throttled | Class::Temporary | Class::Unknown => {
            let growing = policy
                .gateway_wait
                .saturating_mul(1_i64 << packet.sendings.min(10))
                .min(policy.proof_wait_most);
            let next = now + growing;
            packet.deadline = Some(next);
            packet.state = PacketState::Sending;
            // Parts taken before stay; the packet goes again as a whole, which is harmless (rule 3).
            for known in &mut packet.parts {
                if known.state == PartState::Accepted {
                    known.state = PartState::Sent;
                }
            }
            world.terminal.next_try = Some(next);
            world.terminal.last_outcome = Some(reason.to_owned());
            vec![Action::Wake(next)]
        }
        Class::Destination => trouble(
            world,
            "number",
            format!(
                "The gateway cannot reach {}: {reason}. Check the terminal's number.",
                world.terminal.msisdn
            ),
        ),
        Class::Ours => trouble(
            world,
            "ours",
            format!(
                "The gateway refuses the message as it is made: {reason}. Check the gateway's profile."
            ),
        ),
    }
}

pub(super) fn no_answer(
    world: &mut World,
    part: PartRef,
    policy: &Policy,
    now: i64,
) -> Vec<Action> {
    let by_receipt = by_receipt(world.terminal.channel);
    let Some(packet) = packet_of(&mut world.shipment, part) else {
        return Vec::new();
    };
    packet.outcome = Some("The gateway did not answer: nobody knows whether it took this.".into());
    if by_receipt {
        // A second business card would be a second entry: wait for the receipt instead (CASES C74).
        return Vec::new();
    }
    let next = now + policy.gateway_wait;
    packet.deadline = Some(next.min(packet.deadline.unwrap_or(next)));
    world.terminal.next_try = packet.deadline;
    vec![Action::Wake(next)]
}

pub(super) fn receipt(
    world: &mut World,
    part: PartRef,
    state: ReceiptState,
    absent: bool,
    policy: &Policy,
    now: i64,
) -> Vec<Action> {
    let by_receipt = by_receipt(world.terminal.channel);
    let Some(at) = world
        .shipment
        .packets
        .iter()
        .position(|p| p.n == part.packet)
    else {
        return Vec::new();
    };
    let Some(packet) = world.shipment.packets.get_mut(at) else {
        return Vec::new();
    };
    if let Some(known) = packet.parts.iter_mut().find(|p| p.n == part.part) {
        let moved = match state {
            ReceiptState::Delivered => PartState::Delivered,
            ReceiptState::EnRoute => PartState::Accepted,
            _ => PartState::Failed,
        };
        if known.state < moved {
            known.state = moved;
            known.at = Some(now);
        }
    }
    match state {
        ReceiptState::EnRoute => {
            if absent {
                world.terminal.absent = true;
                world.terminal.next_try = packet.deadline;
                world.terminal.last_outcome =
                    Some("The network says that the terminal is off or away.".into());
            }
            Vec::new()
        }
        ReceiptState::Delivered => {
            world.terminal.absent = false;
            world.terminal.last_heard = Some(now);
            let all = packet.parts.iter().all(|p| p.state == PartState::Delivered);
            if !all {
                return Vec::new();
            }
            packet.proof = packet.proof.max(Proof::Delivered);
            if !by_receipt {
                // It proves the radio leg only; the card's answer decides (SMPP.md, row 5).
                return Vec::new();
            }
            settle_by_receipt(world, at, Proof::Delivered, policy, now)
        }
        ReceiptState::Expired
        | ReceiptState::Deleted
        | ReceiptState::Undeliverable
        | ReceiptState::Rejected => {
            if packet.state == PacketState::Proven {
                return Vec::new();
            }
            packet.state = PacketState::Unknown;
            packet.outcome = Some(format!("The network gave up: {state:?}."));
            world.terminal.absent |= absent;
            world.terminal.tries = world.terminal.tries.saturating_add(1);
            let next = now + policy.proof_wait(world.terminal.tries);
            end_unproven(
                world,
                ShipmentState::Superseded,
                Some(next),
                "The network could not deliver it; we keep trying.",
            )
        }
    }
}

/// A packet of a channel that cannot prove more is settled at `proof`.
pub(super) fn settle_by_receipt(
    world: &mut World,
    at: usize,
    proof: Proof,
    policy: &Policy,
    now: i64,
) -> Vec<Action> {
    let slots = written(&world.shipment, at);
    if let Some(packet) = world.shipment.packets.get_mut(at) {
        packet.state = PacketState::Proven;
        packet.proof = proof;
        packet.deadline = None;
    }
    for slot in slots {
        if let Some(write) = world.shipment.writes.iter().find(|w| w.slot == slot) {
            world.shadow.apply(write, proof, now);
            world.moved.push(slot);
        }
    }
    if super::current(&world.shipment).is_none() {
        return end_proven(world, now);
    }
    next_packet(world, policy, now)
}
