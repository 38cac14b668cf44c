//! What the gateway says of a packet's parts: taken, refused, silent, receipts.

use super::{Action, Moment, World, again, by_receipt, next_packet, open_packet, written};
use crate::schedule::Next;
use crate::{Class, NetworkError, PacketState, PartRef, PartState, ReceiptState, ShipmentState};
use terminals::Proof;

pub(super) fn accepted(
    world: &mut World,
    part: PartRef,
    message_id: Option<String>,
    m: &Moment,
) -> Vec<Action> {
    let by = m.proof_by(&world.terminal);
    let id = world.shipment.id;
    let mut packets = world.shipment.packets.iter_mut();
    let named = |n: u16| n == part.packet && part.shipment == id;
    let Some(packet) = packets.find(|p| named(p.n)) else {
        return Vec::new();
    };
    if let Some(known) = packet.parts.iter_mut().find(|p| p.n == part.part) {
        // Forward only: a receipt may have come before its answer (SMPP.md, row 4).
        known.state = known.state.max(PartState::Accepted);
        known.message_id = message_id.or(known.message_id.take());
        known.at = Some(m.now);
    }
    packet.proof = packet.proof.max(Proof::Accepted);
    if !packet.is_taken() || packet.state != PacketState::Sending {
        return Vec::new();
    }
    packet.state = PacketState::Waiting;
    packet.deadline = Some(by);
    world.shipment.state = ShipmentState::Waiting;
    world.terminal.next_try = None;
    // The gateway takes messages again: its waits begin anew. What the terminal does is another matter.
    for class in [
        Class::Throttled,
        Class::Temporary,
        Class::Unknown,
        Class::NoAnswer,
    ] {
        world.terminal.record.failures.remove(&class);
    }
    vec![Action::Wake(by)]
}

pub(super) fn refused(
    world: &mut World,
    part: PartRef,
    class: Class,
    reason: &str,
    m: &Moment,
) -> Vec<Action> {
    let Some(at) = open_packet(&world.shipment, part) else {
        return Vec::new();
    };
    let Some(packet) = world.shipment.packets.get_mut(at) else {
        return Vec::new();
    };
    packet.outcome = Some(reason.to_owned());
    if let Some(known) = packet.parts.iter_mut().find(|p| p.n == part.part) {
        if known.state == PartState::Sent {
            known.state = PartState::Queued;
        }
        known.at = Some(m.now);
    }
    let why = match class {
        Class::Destination => format!(
            "The gateway cannot reach {}: {reason}.",
            world.terminal.msisdn
        ),
        Class::Ours => format!("The gateway refuses the message as it is made: {reason}."),
        _ => format!("The gateway did not take it: {reason}."),
    };
    once_a_sending(world, at, class, &why, PacketState::Failed, m)
}

pub(super) fn no_answer(world: &mut World, part: PartRef, m: &Moment) -> Vec<Action> {
    let by_receipt = by_receipt(world.terminal.channel);
    let Some(at) = open_packet(&world.shipment, part) else {
        return Vec::new();
    };
    let Some(packet) = world.shipment.packets.get_mut(at) else {
        return Vec::new();
    };
    let taken = |p: &crate::Part| p.n == part.part && p.state >= PartState::Accepted;
    if packet.parts.iter().any(taken) {
        return Vec::new(); // A receipt knew better.
    }
    let why = "The gateway did not answer: nobody knows whether it took this.";
    packet.outcome = Some(why.into());
    if by_receipt {
        // A second business card would be a second entry: wait for the receipt instead (CASES C74).
        return Vec::new();
    }
    once_a_sending(world, at, Class::NoAnswer, why, PacketState::Unknown, m)
}

/// Every part of a packet may be refused by itself: the first decides when the same packet goes again, the others only
/// count when they mean more than that.
fn once_a_sending(
    world: &mut World,
    at: usize,
    class: Class,
    why: &str,
    otherwise: PacketState,
    m: &Moment,
) -> Vec<Action> {
    if class.row().next == Next::Same && world.terminal.next_try.is_some() {
        return Vec::new();
    }
    if class.row().next == Next::New
        && let Some(packet) = world.shipment.packets.get_mut(at)
    {
        packet.state = otherwise;
    }
    again(world, at, class, why, m)
}

pub(super) fn receipt(
    world: &mut World,
    part: PartRef,
    state: ReceiptState,
    error: Option<&NetworkError>,
    m: &Moment,
) -> Vec<Action> {
    let absent = error.is_some_and(NetworkError::is_absent);
    let by_receipt = by_receipt(world.terminal.channel);
    let failed = Class::of_receipt(state, error);
    let open = open_packet(&world.shipment, part);
    let id = world.shipment.id;
    let named = |n: u16| n == part.packet && part.shipment == id;
    let Some(at) = world.shipment.packets.iter().position(|p| named(p.n)) else {
        return Vec::new();
    };
    let Some(packet) = world.shipment.packets.get_mut(at) else {
        return Vec::new();
    };
    let moved = match state {
        ReceiptState::Delivered => PartState::Delivered,
        ReceiptState::EnRoute => PartState::Accepted,
        _ => PartState::Failed,
    };
    // An earlier copy's failure says nothing of the last one.
    if (failed.is_none() || open.is_some())
        && let Some(known) = packet.parts.iter_mut().find(|p| p.n == part.part)
        && known.state < moved
    {
        known.state = moved;
        known.at = Some(m.now);
    }
    if let Some(class) = failed {
        if open.is_none() {
            return Vec::new();
        }
        let why = format!("The network gave up: {}.", words(class));
        packet.state = PacketState::Unknown;
        packet.outcome = Some(why.clone());
        world.terminal.absent |= class == Class::Absent;
        world.terminal.tries = world.terminal.tries.saturating_add(1);
        return again(world, at, class, &why, m);
    }
    if state == ReceiptState::EnRoute {
        if absent {
            world.terminal.absent = true;
            world.terminal.next_try = packet.deadline;
            world.terminal.last_outcome =
                Some("The network says that the terminal is off or away.".into());
        }
        return Vec::new();
    }
    world.terminal.absent = false;
    world.terminal.last_heard = Some(m.now);
    let delivered = |p: &crate::Part| p.state == PartState::Delivered;
    if !packet.parts.iter().all(delivered) {
        return Vec::new();
    }
    packet.proof = packet.proof.max(Proof::Delivered);
    if !by_receipt || packet.state == PacketState::Proven {
        // It proves the radio leg only; the card's answer decides (SMPP.md, row 5).
        return Vec::new();
    }
    settle_by_receipt(world, at, Proof::Delivered, m)
}

/// What the network's giving up means, for a sentence.
fn words(class: Class) -> &'static str {
    match class {
        Class::Absent => "the terminal is off or away",
        Class::MemoryFull => "the phone's message memory is full",
        Class::Destination => "it does not know this number",
        Class::Barred => "it lets no messages through to this number",
        Class::Expired => "the message's validity ended",
        _ => "it could not deliver the message",
    }
}

/// A packet of a channel that cannot prove more is settled at `proof`.
pub(super) fn settle_by_receipt(
    world: &mut World,
    at: usize,
    proof: Proof,
    m: &Moment,
) -> Vec<Action> {
    let slots = written(&world.shipment, at);
    if let Some(packet) = world.shipment.packets.get_mut(at) {
        packet.state = PacketState::Proven;
        packet.proof = proof;
        packet.deadline = None;
    }
    for slot in slots {
        if let Some(write) = world.shipment.writes.iter().find(|w| w.slot == slot) {
            world.shadow.apply(write, proof, m.now);
            world.moved.push(slot);
        }
    }
    next_packet(world, m)
}
