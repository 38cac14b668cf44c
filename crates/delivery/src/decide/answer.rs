//! What the card says (PoR), in time or late.

use super::{
    Action, Answer, Happening, Moment, World, again, current, end_unproven, next_packet, written,
};
use crate::{
    Class, NetworkError, Packet, PacketState, PartState, ReceiptState, ShipmentKind, ShipmentState,
};
use terminals::{Proof, Purpose, SlotNo, applied};
use wire::ota::Rsc;

pub(super) fn answer(world: &mut World, answer: &Answer, m: &Moment) -> Vec<Action> {
    let Some(at) = world
        .shipment
        .packets
        .iter()
        .position(|p| p.counter == Some(answer.counter))
    else {
        // A proof of another plan: the caller finds that plan and asks again (rule 4).
        world.notes.push("a proof of another plan".into());
        return Vec::new();
    };
    let Some(packet) = world.shipment.packets.get_mut(at) else {
        return Vec::new();
    };
    if packet.sendings == 0 || packet.state == PacketState::Proven {
        // Nobody can answer what did not go out. And a second copy's answer (“counter low”) takes no proof away.
        world
            .notes
            .push("an answer to a packet that is settled".into());
        return Vec::new();
    }
    world.terminal.last_heard = Some(m.now);
    world.terminal.absent = false;
    let (sendings, strict) = (packet.sendings, packet.one_higher());
    let Some(class) = Class::of_card(answer.rsc) else {
        return match answer.rsc {
            Rsc::Ok if answer.checked => executed(world, at, answer, m),
            Rsc::Ok => {
                world.notes.push("an unsigned yes proves nothing".into());
                Vec::new()
            }
            _ => Vec::new(),
        };
    };
    if !packet.is_open() {
        return Vec::new();
    }
    let why = format!("The card says: {}.", answer.rsc.words());
    packet.outcome = Some(why.clone());
    if class == Class::CardBusy {
        // Its answer is still to come: the wait begins anew.
        let wait = class.row().wait(m.policy, world.terminal.failed(class));
        let by = (m.now + wait).max(packet.deadline.unwrap_or(m.now));
        packet.deadline = Some(by);
        return vec![Action::Wake(by)];
    }
    if class == Class::CounterLow {
        if sendings > 1 {
            // Perhaps our own duplicate: the first copy may have been carried out. Next counter, no jump.
            return seen_before(world, at, &why, m);
        }
        if !strict {
            crate::counter::jump(&mut world.terminal);
        }
    }
    if !strict || class == Class::CounterLow {
        packet.state = PacketState::Failed;
        packet.deadline = None;
    }
    if matches!(class, Class::CardMemory | Class::Security) {
        world.terminal.tries = world.terminal.tries.saturating_add(1);
    }
    again(world, at, class, &why, m)
}

/// The card has used this counter, for this very packet as far as anybody can tell: the fate of the copies is settled,
/// what it wrote stays in doubt. A shipment whose card takes only the next counter goes on with its next packet, which
/// carries it; others are planned again.
fn seen_before(world: &mut World, at: usize, why: &str, m: &Moment) -> Vec<Action> {
    let strict = world.shipment.packets.get_mut(at).is_some_and(|packet| {
        packet.state = PacketState::Failed;
        packet.deadline = None;
        packet.one_higher()
    });
    if strict && current(&world.shipment).is_some() {
        return next_packet(world, m);
    }
    let times = world.terminal.failed(Class::CounterLow);
    let next = m.now + Class::CounterLow.row().wait(m.policy, times);
    let next = Some(next.max(m.not_before));
    end_unproven(world, ShipmentState::Superseded, next, why, m)
}

fn executed(world: &mut World, at: usize, answer: &Answer, m: &Moment) -> Vec<Action> {
    let Some((commands, sw, data)) = &answer.executed else {
        world
            .notes
            .push("the answer does not say what was carried out".into());
        return Vec::new();
    };
    let Some(packet) = world.shipment.packets.get(at) else {
        return Vec::new();
    };
    let whole = usize::from(*commands) >= packet.planned.commands.len() && succeeded(*sw);
    let read = match packet.planned.purpose {
        Purpose::Read(slot) if whole => Some(slot),
        _ => None,
    };
    prove_writes(world, at, *commands, *sw, m.now, &[]);
    if let Some(slot) = read {
        world.shadow.read(slot, data, m.now);
        world.moved.push(slot);
    }
    let Some(packet) = world.shipment.packets.get_mut(at) else {
        return Vec::new();
    };
    let open = packet.is_open();
    packet.deadline = None;
    packet.proof = if read.is_some() {
        Proof::Verified
    } else {
        Proof::Applied
    };
    for part in &mut packet.parts {
        part.state = part.state.max(PartState::Delivered);
    }
    if whole {
        packet.state = PacketState::Proven;
        packet.outcome = Some("The card carried it out.".into());
        world.terminal.proof_came();
        return next_packet(world, m);
    }
    packet.state = PacketState::Failed;
    let n = packet.n;
    // The rest of the script was not run: those slots are as they were, but a person must say why.
    let why = format!("The card stopped packet {n} at command {commands} with {sw:04X}.");
    packet.outcome = Some(why.clone());
    if !open {
        return Vec::new();
    }
    stopped(world, Class::of_status_word(*sw), &why, m)
}

/// The card took the counter and stopped: whatever its rule, the next plan carries the next one.
fn stopped(world: &mut World, class: Class, why: &str, m: &Moment) -> Vec<Action> {
    // No packet: none goes again.
    again(world, usize::MAX, class, why, m)
}

fn succeeded(sw: u16) -> bool {
    matches!(sw >> 8, 0x90 | 0x91 | 0x61)
}

/// The shadow moves by the writes that the answer proves, but for those in `newer` (rule 4).
fn prove_writes(world: &mut World, at: usize, commands: u8, sw: u16, now: i64, newer: &[SlotNo]) {
    let Some(packet) = world.shipment.packets.get(at) else {
        return;
    };
    for index in applied(&packet.planned, commands, sw) {
        let Some(write) = world.shipment.writes.get(index) else {
            continue;
        };
        if !newer.contains(&write.slot) {
            world.shadow.apply(write, Proof::Applied, now);
            world.moved.push(write.slot);
        }
    }
}

/// Something about a shipment that is over. Only a card's yes still counts: what it proves is on the terminal, unless a
/// newer plan was made since: what that wrote may be in doubt, and doubt is never lifted by an older proof (rule 4).
pub(super) fn late(world: &mut World, happening: &Happening, now: i64) -> Vec<Action> {
    match happening {
        Happening::Answer(answer) if answer.rsc == Rsc::Ok && answer.checked => {
            world.terminal.last_heard = Some(now);
            world.terminal.absent = false;
            // A second copy of an answer tells nothing new.
            let told = |p: &Packet| p.counter == Some(answer.counter) && p.proof < Proof::Applied;
            let Some(at) = world.shipment.packets.iter().position(told) else {
                return Vec::new();
            };
            let Some((commands, sw, _)) = answer.executed else {
                return Vec::new();
            };
            // A later plan may have written the same slots since, and its fate may be unknown: its own proof will tell.
            let last = world
                .shipment
                .packets
                .iter()
                .filter_map(|p| p.counter)
                .max();
            let newest = last.is_some_and(|last| last + 1 == world.terminal.counter_next);
            let newer = if newest {
                Vec::new()
            } else {
                written(&world.shipment, at)
            };
            prove_writes(world, at, commands, sw, now, &newer);
            let Some(packet) = world.shipment.packets.get_mut(at) else {
                return Vec::new();
            };
            packet.proof = Proof::Applied;
            if usize::from(commands) < packet.planned.commands.len() || !succeeded(sw) {
                // What stopped it will stop the next plan too: that waits as it was to.
                packet.state = PacketState::Failed;
                packet.outcome = Some(format!(
                    "The card stopped at command {commands} with {sw:04X}; its answer came late."
                ));
                return Vec::new();
            }
            packet.state = PacketState::Proven;
            packet.outcome = Some("The card carried it out; its answer came late.".into());
            world.terminal.proof_came();
            // What the proof settled need not be written again: plan at once.
            if world.shipment.kind == ShipmentKind::Write && world.terminal.in_flight.is_none() {
                world.terminal.next_try = Some(now);
                return vec![Action::Replan(now)];
            }
            Vec::new()
        }
        Happening::Receipt {
            state: ReceiptState::Delivered,
            ..
        } => {
            world.terminal.last_heard = Some(now);
            world.terminal.absent = false;
            Vec::new()
        }
        Happening::Receipt { error, .. } => {
            world.terminal.absent |= error.as_ref().is_some_and(NetworkError::is_absent);
            Vec::new()
        }
        _ => Vec::new(),
    }
}
