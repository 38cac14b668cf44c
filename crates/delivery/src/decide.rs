//! The decisions about one terminal's shipment: what happened, what is known and the time go in; the new state and what
//! is to be done come out. Whoever calls this records the state first and carries the actions out then (rules 2 and 5).

mod answer;
mod outcome;
mod report;

use crate::{
    Class, NetworkError, Outbound, Packet, PacketState, PartRef, PartState, Policy, Shipment,
    ShipmentKind, ShipmentState, Target, Terminal,
};
use outcome::{again, end_unproven, expire};
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
        /// The network's error, if it gave one.
        error: Option<NetworkError>,
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
    decide_not_before(world, happening, policy, now, i64::MIN)
}

/// The same, where nothing is tried again before `not_before` (ms UTC): the network state table knows when the way is
/// open again.
pub fn decide_not_before(
    world: &mut World,
    happening: &Happening,
    policy: &Policy,
    now: i64,
    not_before: i64,
) -> Vec<Action> {
    let m = &Moment {
        policy,
        now,
        not_before,
    };
    if world.terminal.in_flight != Some(world.shipment.id) || world.shipment.state.is_final() {
        return answer::late(world, happening, now);
    }
    match happening {
        Happening::Start => start(world, m),
        Happening::Accepted {
            part,
            gateway,
            message_id,
        } => {
            world.shipment.gateway = Some(gateway.clone());
            report::accepted(world, *part, message_id.clone(), m)
        }
        Happening::Refused {
            part,
            class,
            reason,
        } => report::refused(world, *part, *class, reason, m),
        Happening::NoAnswer { part } => report::no_answer(world, *part, m),
        Happening::Receipt { part, state, error } => {
            report::receipt(world, *part, *state, error.as_ref(), m)
        }
        Happening::Answer(answer) => answer::answer(world, answer, m),
        Happening::Clock => clock(world, m),
    }
}

/// What a decision is made by, besides what happened.
struct Moment<'a> {
    policy: &'a Policy,
    /// ms UTC.
    now: i64,
    /// Nothing is tried again before, ms UTC.
    not_before: i64,
}

impl Moment<'_> {
    /// When the proof of what goes out now is overdue.
    fn proof_by(&self, terminal: &Terminal) -> i64 {
        self.now + self.policy.proof_wait(terminal.tries)
    }

    /// When this shipment's validity ends.
    fn end_of(&self, shipment: &Shipment) -> i64 {
        shipment.at + i64::from(self.policy.validity_s) * 1000
    }
}

/// The packet now on its way: the first whose fate is open.
fn current(shipment: &Shipment) -> Option<usize> {
    shipment.packets.iter().position(Packet::is_open)
}

/// What was handed over without an answer before the process ended goes again: whether it was, nobody knows.
fn start(world: &mut World, m: &Moment) -> Vec<Action> {
    let Some(at) = current(&world.shipment) else {
        return end(world, m);
    };
    if let Some(packet) = world.shipment.packets.get_mut(at) {
        for part in &mut packet.parts {
            if part.state == PartState::Sent {
                part.state = PartState::Queued;
            }
        }
    }
    send_packet(world, at, m)
}

/// Sends the next packet, or ends the shipment when none is left. Packets go one after another: a later counter that
/// overtakes an earlier one would make the card refuse the earlier (TS 102 225 §5.1.4). One that is on its way already
/// stays as it is.
fn next_packet(world: &mut World, m: &Moment) -> Vec<Action> {
    let Some(at) = current(&world.shipment) else {
        return end(world, m);
    };
    let waits = world.shipment.packets.get(at);
    if waits.is_some_and(|packet| packet.state != PacketState::Queued) {
        return Vec::new();
    }
    send_packet(world, at, m)
}

/// The least validity of a message, ms: networks count in minutes.
const VALIDITY_LEAST: i64 = 60_000;

/// Sends packet `at` for the first time, or the very same octets again.
fn send_packet(world: &mut World, at: usize, m: &Moment) -> Vec<Action> {
    let end = m.end_of(&world.shipment);
    let strict = world
        .shipment
        .packets
        .get(at)
        .is_some_and(Packet::one_higher);
    if m.now >= end && !strict {
        return expire(world, at, m);
    }
    let by_receipt = by_receipt(world.terminal.channel);
    let deadline = m.proof_by(&world.terminal);
    let deadline = if strict { deadline } else { deadline.min(end) };
    // A newer packet takes the place of one that is not proven in time, so the network need not keep it longer: a
    // terminal that was away for days finds one message, not one a try. What only a receipt proves is never sent twice
    // and stays as long as the shipment.
    let keep = if by_receipt { end } else { deadline } - m.now;
    let validity = u32::try_from(keep.max(VALIDITY_LEAST).div_euclid(1000)).unwrap_or(u32::MAX);
    let shipment = &mut world.shipment;
    let Some(packet) = shipment.packets.get_mut(at) else {
        return Vec::new();
    };
    let again = packet.sendings > 0;
    packet.sendings = packet.sendings.saturating_add(1);
    packet.state = PacketState::Sending;
    packet.deadline = Some(deadline);
    let outbound = packet
        .parts
        .iter_mut()
        // A second business card would be a second entry: only what was refused goes again (CASES C74).
        .filter(|part| !(by_receipt && again) || part.state == PartState::Queued)
        .map(|part| {
            part.state = PartState::Sent;
            part.at = Some(m.now);
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
                validity_s: Some(validity.min(m.policy.validity_s)),
                fence: None,
                by: None,
            }
        })
        .collect();
    shipment.state = ShipmentState::Sending;
    for slot in written(shipment, at) {
        world.shadow.doubt(slot);
        world.moved.push(slot);
    }
    world.terminal.next_try = None;
    vec![Action::Send(outbound), Action::Wake(deadline)]
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

/// No packet's fate is open. When every one is proven the shipment is done, and so is the book's revision it was made
/// from; else what is missing is planned again.
fn end(world: &mut World, m: &Moment) -> Vec<Action> {
    let packets = &world.shipment.packets;
    if packets.iter().any(|p| p.state != PacketState::Proven) {
        let why = "Not all of it is proven; the rest is planned again.";
        return end_unproven(
            world,
            ShipmentState::Superseded,
            Some(m.now + crate::schedule::LEAST),
            why,
            m,
        );
    }
    world.shipment.state = ShipmentState::Proven;
    let incarnation = world.terminal.incarnation;
    let by_receipt = by_receipt(world.terminal.channel);
    let terminal = &mut world.terminal;
    terminal.proof_came();
    terminal.in_flight = None;
    terminal.next_try = None;
    terminal.absent = false;
    terminal.trouble = None;
    match world.shipment.kind {
        ShipmentKind::Write => {
            // Planned before it was sure what is there, it wrote all of it.
            if by_receipt || terminal.record.sure_in.is_some() {
                terminal.record.sure_in = Some(incarnation);
            }
            terminal.proven = terminal.proven.max(world.shipment.revision);
            terminal.last_outcome = Some("Everything sent is on the terminal.".into());
            return Vec::new();
        }
        // What was read decides what is to be written.
        ShipmentKind::Read => terminal.last_outcome = Some("The records were read.".into()),
        ShipmentKind::Verify => {
            terminal.record.sure_in = Some(incarnation);
            terminal.last_outcome = Some("The records were read.".into());
        }
        // The test took the place of what was due: that is looked at again.
        ShipmentKind::Test => {
            terminal.last_outcome = Some("Keys, route and answer are proven.".into());
        }
    }
    terminal.next_try = Some(m.now);
    vec![Action::Replan(m.now)]
}

/// Overdue: no proof in time. A packet that the gateway never answered goes again as it is; else the plan is made new.
fn clock(world: &mut World, m: &Moment) -> Vec<Action> {
    let Some(at) = current(&world.shipment) else {
        return end(world, m);
    };
    let end = m.end_of(&world.shipment);
    let by_receipt = by_receipt(world.terminal.channel);
    let Some(packet) = world.shipment.packets.get_mut(at) else {
        return Vec::new();
    };
    match packet.deadline {
        Some(deadline) if deadline > m.now => return vec![Action::Wake(deadline)],
        None => return send_packet(world, at, m),
        Some(_) => {}
    }
    let taken = packet.is_taken();
    if by_receipt && m.now >= end && taken {
        // As much as a channel without an answer can prove.
        return report::settle_by_receipt(world, at, Proof::Accepted, m);
    }
    if m.now >= end && !packet.one_higher() {
        return expire(world, at, m);
    }
    let refused = packet.parts.iter().any(|p| p.state == PartState::Queued);
    if by_receipt && !refused {
        // A second copy would be a second entry: wait as long as the network tries (CASES C74).
        let wait = Class::NoReceipt
            .row()
            .wait(m.policy, world.terminal.failed(Class::NoReceipt));
        let next = (m.now + wait).min(end);
        world.terminal.tries = world.terminal.tries.saturating_add(1);
        packet.deadline = Some(next);
        world.terminal.next_try = Some(next);
        return vec![Action::Wake(next)];
    }
    if !taken {
        // A refusal said when: that was no try of the terminal's.
        if world.terminal.next_try.is_none() {
            world.terminal.tries = world.terminal.tries.saturating_add(1);
        }
        return send_packet(world, at, m);
    }
    let delivered = packet
        .parts
        .iter()
        .all(|part| part.state == PartState::Delivered);
    packet.state = PacketState::Unknown;
    packet.outcome = Some("No proof came in time.".into());
    world.terminal.tries = world.terminal.tries.saturating_add(1);
    let (class, why) = if world.terminal.absent {
        (
            Class::NoProof,
            "The network says that the terminal is off or away; we keep trying.",
        )
    } else if delivered {
        (
            Class::Silent,
            "The message was delivered, and the card did not answer; we keep trying.",
        )
    } else {
        (Class::NoProof, "No answer yet; we keep trying.")
    };
    again(world, at, class, why, m)
}

/// Whether this channel's packets are proven by receipts rather than by an answer of the card.
fn by_receipt(channel: ChannelKind) -> bool {
    channel.highest_proof() <= Proof::Delivered
}

/// The packet that this part is of, while its fate is open and this was its last sending: what is told of an earlier
/// sending, or of a packet that is settled, changes nothing.
fn open_packet(shipment: &Shipment, part: PartRef) -> Option<usize> {
    shipment.packets.iter().position(|p| {
        p.n == part.packet
            && part.shipment == shipment.id
            && part.sending == p.sendings
            && matches!(p.state, PacketState::Sending | PacketState::Waiting)
    })
}
