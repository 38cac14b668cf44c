//! What the card says (PoR), in time or late.

use super::{Action, Answer, Happening, World, end_unproven, next_packet, trouble, written};
use crate::{PacketState, PartState, Policy, ReceiptState, ShipmentKind, ShipmentState};
use terminals::{Proof, Purpose, SlotNo, applied};
use wire::ota::Rsc;

pub(super) fn answer(world: &mut World, answer: &Answer, policy: &Policy, now: i64) -> Vec<Action> {
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
    world.terminal.last_heard = Some(now);
    world.terminal.absent = false;
    let sendings = world.shipment.packets.get(at).map_or(0, |p| p.sendings);
    match answer.rsc {
        Rsc::Ok if !answer.checked => {
            world.notes.push("an unsigned yes proves nothing".into());
            Vec::new()
        }
        Rsc::Ok => executed(world, at, answer, policy, now),
        Rsc::FollowsBySubmit | Rsc::FollowsByUssd | Rsc::MoreTime => Vec::new(),
        Rsc::CounterLow if sendings > 1 => {
            // Perhaps our own duplicate: the first copy may have been carried out. Next counter, no jump.
            replan(world, at, answer.rsc, policy, now)
        }
        Rsc::CounterLow => {
            world.terminal.counter_next = world
                .terminal
                .counter_next
                .saturating_add(COUNTER_JUMP)
                .min(wire::ota::Counter::MAX.value());
            replan(world, at, answer.rsc, policy, now)
        }
        Rsc::NoMemory | Rsc::SecurityError => {
            world.terminal.tries = world.terminal.tries.saturating_add(1);
            replan(world, at, answer.rsc, policy, now)
        }
        rsc => {
            fail(world, at, rsc);
            let (key, act) = match rsc {
                Rsc::TarUnknown => ("tar", "Check the card profile's TAR."),
                Rsc::SecurityTooLow => ("security", "Check the card profile's SPI."),
                Rsc::CounterHigh | Rsc::CounterBlocked => {
                    ("counter", "The card needs new keys, or a new card.")
                }
                _ => ("keys", "Check the card's keys and the card profile."),
            };
            trouble(
                world,
                key,
                format!("The card refuses: {}. {act}", rsc.words()),
            )
        }
    }
}

/// How far the counter jumps when the card says that it has seen a higher one (STORE.md, “Durability and the counter”).
const COUNTER_JUMP: u64 = 1 << 20;

fn fail(world: &mut World, at: usize, rsc: Rsc) {
    if let Some(packet) = world.shipment.packets.get_mut(at) {
        packet.state = PacketState::Failed;
        packet.outcome = Some(format!("The card says: {}.", rsc.words()));
        packet.deadline = None;
    }
}

fn replan(world: &mut World, at: usize, rsc: Rsc, policy: &Policy, now: i64) -> Vec<Action> {
    fail(world, at, rsc);
    let next = now
        + if world.terminal.tries > 0 {
            policy.proof_wait(world.terminal.tries)
        } else {
            0
        };
    let why = format!("The card says: {}; it is planned again.", rsc.words());
    end_unproven(world, ShipmentState::Superseded, Some(next), &why)
}

fn executed(
    world: &mut World,
    at: usize,
    answer: &Answer,
    policy: &Policy,
    now: i64,
) -> Vec<Action> {
    let Some((commands, sw, data)) = &answer.executed else {
        world
            .notes
            .push("the answer does not say what was carried out".into());
        return Vec::new();
    };
    let Some(packet) = world.shipment.packets.get(at) else {
        return Vec::new();
    };
    if packet.state == PacketState::Proven {
        return Vec::new(); // a duplicate of the answer
    }
    let whole = usize::from(*commands) >= packet.planned.commands.len() && succeeded(*sw);
    let read = match packet.planned.purpose {
        Purpose::Read(slot) if whole => Some(slot),
        _ => None,
    };
    prove_writes(world, at, *commands, *sw, now, &[]);
    if let Some(slot) = read {
        world.shadow.read(slot, data, now);
        world.moved.push(slot);
    }
    let Some(packet) = world.shipment.packets.get_mut(at) else {
        return Vec::new();
    };
    packet.deadline = None;
    packet.proof = if read.is_some() {
        Proof::Verified
    } else {
        Proof::Applied
    };
    for part in &mut packet.parts {
        part.state = part.state.max(PartState::Delivered);
    }
    if !whole {
        packet.state = PacketState::Failed;
        packet.outcome = Some(format!(
            "The card stopped at command {commands} with {sw:04X}."
        ));
        let n = packet.n;
        // The rest of the script was not run: those slots are as they were, but a person must say why.
        return trouble(
            world,
            "card",
            format!(
                "The card stopped packet {n} at command {commands} with {sw:04X}. Check the card profile (files, record length, SFI)."
            ),
        );
    }
    packet.state = PacketState::Proven;
    packet.outcome = Some("The card carried it out.".into());
    world.terminal.tries = 0;
    next_packet(world, policy, now)
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
/// newer write to the same slot went out since; `World::terminal.in_flight` is then that newer shipment, whose slots are
/// in doubt, and doubt is never lifted by an older proof (rule 4).
pub(super) fn late(world: &mut World, happening: &Happening, now: i64) -> Vec<Action> {
    match happening {
        Happening::Answer(answer) if answer.rsc == Rsc::Ok && answer.checked => {
            world.terminal.last_heard = Some(now);
            world.terminal.absent = false;
            let Some(at) =
                world.shipment.packets.iter().position(|p| {
                    p.counter == Some(answer.counter) && p.state != PacketState::Proven
                })
            else {
                return Vec::new();
            };
            let Some((commands, sw, _)) = answer.executed else {
                return Vec::new();
            };
            // A later plan may have written the same slots since, and its fate may be unknown: its own proof will tell.
            let last = world.shipment.packets.iter().filter_map(|p| p.counter).max();
            let newest = last.is_some_and(|last| last + 1 == world.terminal.counter_next);
            let newer = if newest {
                Vec::new()
            } else {
                written(&world.shipment, at)
            };
            prove_writes(world, at, commands, sw, now, &newer);
            if let Some(packet) = world.shipment.packets.get_mut(at) {
                packet.state = PacketState::Proven;
                packet.proof = Proof::Applied;
                packet.outcome = Some("The card carried it out; its answer came late.".into());
            }
            world.terminal.tries = 0;
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
        Happening::Receipt { absent: true, .. } => {
            world.terminal.absent = true;
            Vec::new()
        }
        _ => Vec::new(),
    }
}
