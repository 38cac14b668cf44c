//! The decisions about one terminal's shipment: what happened, what is known and the time go in; the new state and what
//! is to be done come out. Whoever calls this records the state first and carries the actions out then (rules 2 and 5).

mod answer;
mod report;

use crate::{
    Outbound, Packet, PacketState, PartRef, PartState, Policy, Shipment, ShipmentKind,
    ShipmentState, Target, Terminal, Trouble,
};
use terminals::{ChannelKind, Proof, Shadow, SlotNo};

/// What happened to a terminal's shipment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// The shipment was just recorded, or the process started again: send what can be sent.
    Start,
    /// The gateway took a part.
    Accepted {
        /// Which.
        part: PartRef,
        /// By which gateway.
        gateway: String,
        /// Its id at the gateway.
        message_id: Option<String>,
    },
    /// The gateway refused a part.
    Refused {
        /// Which.
        part: PartRef,
        /// What it means.
        class: crate::Class,
        /// In words.
        reason: String,
    },
    /// No answer from the gateway: nobody knows.
    NoAnswer {
        /// Which.
        part: PartRef,
    },
    /// A receipt for a part.
    Receipt {
        /// Which.
        part: PartRef,
        /// How far it is.
        state: crate::ReceiptState,
        /// The network said that the terminal is away.
        absent: bool,
    },
    /// The card's answer (PoR), opened and checked.
    Answer(Answer),
    /// A deadline or a next try has come.
    Clock,
}

/// A card's answer to a packet (ETSI TS 102 225 §5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The counter of the packet that it answers.
    pub counter: u64,
    /// The response status code.
    pub rsc: wire::ota::Rsc,
    /// Commands run, the last one's status word and data.
    pub executed: Option<(u8, u16, Vec<u8>)>,
    /// Its checksum was asked for and is right; without it an error is a hint only.
    pub checked: bool,
}

/// A terminal with what is known of it, as one value that a decision changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    /// The terminal's row.
    pub terminal: Terminal,
    /// Its shipment on the way, or the last one.
    pub shipment: Shipment,
    /// What is proven to be on it.
    pub shadow: Shadow,
    /// The slots of `shadow` that this decision moved.
    pub moved: Vec<SlotNo>,
    /// The reasons it gave, for the log.
    pub notes: Vec<String>,
}

/// What is to be done once the new state is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Hand these to the communication module, in order.
    Send(Vec<Outbound>),
    /// Plan the terminal again at this time, ms UTC (a desired state is never given up).
    Replan(i64),
    /// Nothing is due by itself before this time, ms UTC.
    Wake(i64),
}

/// Decides. `now` is ms UTC.
pub fn decide(world: &mut World, happening: &Happening, policy: &Policy, now: i64) -> Vec<Action> {
    if world.terminal.in_flight != Some(world.shipment.id) || world.shipment.state.is_final() {
        return answer::late(world, happening, now);
    }
    match happening {
        Happening::Start => next_packet(world, policy, now),
        Happening::Accepted {
            part,
            gateway,
            message_id,
        } => {
            world.shipment.gateway = Some(gateway.clone());
            report::accepted(world, *part, message_id.clone(), policy, now)
        }
        Happening::Refused {
            part,
            class,
            reason,
        } => report::refused(world, *part, *class, reason, policy, now),
        Happening::NoAnswer { part } => report::no_answer(world, *part, policy, now),
        Happening::Receipt {
            part,
            state,
            absent,
        } => report::receipt(world, *part, *state, *absent, policy, now),
        Happening::Answer(answer) => answer::answer(world, answer, policy, now),
        Happening::Clock => clock(world, policy, now),
    }
}

/// The packet now on its way: the first that is not proven.
fn current(shipment: &Shipment) -> Option<usize> {
    shipment
        .packets
        .iter()
        .position(|packet| packet.state != PacketState::Proven)
}

/// Sends the next packet, or ends the shipment when all are proven. Packets go one after another: a later counter that
/// overtakes an earlier one would make the card refuse the earlier (TS 102 225 §5.1.4).
fn next_packet(world: &mut World, policy: &Policy, now: i64) -> Vec<Action> {
    let Some(at) = current(&world.shipment) else {
        return end_proven(world, now);
    };
    send_packet(world, at, policy, now)
}

/// Sends packet `at` for the first time, or the very same octets again.
fn send_packet(world: &mut World, at: usize, policy: &Policy, now: i64) -> Vec<Action> {
    let wait = policy.proof_wait(world.terminal.tries);
    let shipment = &mut world.shipment;
    let Some(packet) = shipment.packets.get_mut(at) else {
        return Vec::new();
    };
    packet.sendings = packet.sendings.saturating_add(1);
    packet.state = PacketState::Sending;
    packet.deadline = Some(now + wait);
    let outbound = packet
        .parts
        .iter_mut()
        .map(|part| {
            part.state = PartState::Sent;
            part.at = Some(now);
            Outbound {
                target: Target::Part(PartRef {
                    shipment: shipment.id,
                    packet: packet.n,
                    part: part.n,
                    sending: packet.sendings,
                }),
                lane: shipment.lane,
                destination: world.terminal.msisdn.clone(),
                udhi: part.udhi,
                pid: part.pid,
                dcs: part.dcs,
                user_data: part.user_data.clone(),
                validity_s: Some(policy.validity_s),
                fence: None,
            }
        })
        .collect();
    shipment.state = ShipmentState::Sending;
    for slot in written(shipment, at) {
        world.shadow.doubt(slot);
        world.moved.push(slot);
    }
    world.terminal.next_try = None;
    vec![Action::Send(outbound), Action::Wake(now + wait)]
}

/// The slots that packet `at` writes.
fn written(shipment: &Shipment, at: usize) -> Vec<SlotNo> {
    let Some(packet) = shipment.packets.get(at) else {
        return Vec::new();
    };
    packet
        .planned
        .commands
        .iter()
        .flatten()
        .filter_map(|write| shipment.writes.get(*write))
        .map(|write| write.slot)
        .collect()
}

/// Every packet is proven: the shipment is done, and so is the book's revision it was made from.
fn end_proven(world: &mut World, now: i64) -> Vec<Action> {
    world.shipment.state = ShipmentState::Proven;
    let terminal = &mut world.terminal;
    terminal.in_flight = None;
    terminal.tries = 0;
    terminal.next_try = None;
    terminal.absent = false;
    terminal.trouble = None;
    match world.shipment.kind {
        ShipmentKind::Write => {
            terminal.proven = terminal.proven.max(world.shipment.revision);
            terminal.last_outcome = Some("Everything sent is on the terminal.".into());
            Vec::new()
        }
        // What was read decides what is to be written.
        ShipmentKind::Read | ShipmentKind::Verify => {
            terminal.last_outcome = Some("The records were read.".into());
            terminal.next_try = Some(now);
            vec![Action::Replan(now)]
        }
        ShipmentKind::Test => {
            terminal.last_outcome = Some("Keys, route and answer are proven.".into());
            // The test took the place of what was due: that is looked at again.
            terminal.next_try = Some(now);
            vec![Action::Replan(now)]
        }
    }
}

/// The shipment ends without proof of all of it; the terminal is planned again at `next_try` (rule 5).
fn end_unproven(
    world: &mut World,
    state: ShipmentState,
    next_try: Option<i64>,
    why: &str,
) -> Vec<Action> {
    world.shipment.state = state;
    let terminal = &mut world.terminal;
    terminal.in_flight = None;
    terminal.next_try = next_try;
    terminal.last_outcome = Some(why.to_owned());
    next_try.map(Action::Replan).into_iter().collect()
}

/// A person must act; nothing goes to this terminal until then.
fn trouble(world: &mut World, key: &str, sentence: String) -> Vec<Action> {
    world.terminal.trouble = Some(Trouble {
        key: key.to_owned(),
        sentence: sentence.clone(),
    });
    end_unproven(world, ShipmentState::Failed, None, &sentence)
}

/// Overdue: no proof in time. A packet that the gateway never answered goes again as it is; else the plan is made new.
fn clock(world: &mut World, policy: &Policy, now: i64) -> Vec<Action> {
    let Some(at) = current(&world.shipment) else {
        return end_proven(world, now);
    };
    let Some(packet) = world.shipment.packets.get_mut(at) else {
        return Vec::new();
    };
    match packet.deadline {
        Some(deadline) if deadline > now => return vec![Action::Wake(deadline)],
        None => return next_packet(world, policy, now),
        Some(_) => {}
    }
    let taken = packet
        .parts
        .iter()
        .all(|part| part.state >= PartState::Accepted);
    if by_receipt(world.terminal.channel) {
        let end = world.shipment.at + i64::from(policy.validity_s) * 1000;
        if now < end {
            // A second copy would be a second entry: wait as long as the network tries (CASES C74).
            let next = (now + policy.proof_wait(world.terminal.tries)).min(end);
            world.terminal.tries = world.terminal.tries.saturating_add(1);
            packet.deadline = Some(next);
            world.terminal.next_try = Some(next);
            return vec![Action::Wake(next)];
        }
        if taken {
            return report::settle_by_receipt(world, at, Proof::Accepted, policy, now);
        }
    }
    world.terminal.tries = world.terminal.tries.saturating_add(1);
    if !taken {
        return send_packet(world, at, policy, now);
    }
    packet.state = PacketState::Unknown;
    packet.outcome = Some("No proof came in time.".into());
    let next = now + policy.proof_wait(world.terminal.tries) / 2;
    let why = if world.terminal.absent {
        "The network says that the terminal is off or away; we keep trying."
    } else {
        "No answer yet; we keep trying."
    };
    end_unproven(world, ShipmentState::Superseded, Some(next), why)
}

/// Whether this channel's packets are proven by receipts rather than by an answer of the card.
fn by_receipt(channel: ChannelKind) -> bool {
    channel.highest_proof() <= Proof::Delivered
}

fn packet_of(shipment: &mut Shipment, part: PartRef) -> Option<&mut Packet> {
    shipment
        .packets
        .iter_mut()
        .find(|p| p.n == part.packet && part.shipment == shipment.id)
}
