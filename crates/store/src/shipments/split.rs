//! A shipment as it is stored: its cargo, which never changes, and its progress, which does.

use book::Revision;
use delivery::{
    Lane, Packet, PacketState, Part, PartState, Shipment, ShipmentId, ShipmentKind, ShipmentState,
    TerminalId,
};
use serde::{Deserialize, Serialize};
use terminals::{PlannedPacket, Proof, Write};

#[derive(Serialize, Deserialize)]
pub(crate) struct Cargo {
    revision: Revision,
    writes: Vec<Write>,
    packets: Vec<Load>,
}

#[derive(Serialize, Deserialize)]
struct Load {
    n: u16,
    planned: PlannedPacket,
    counter: Option<u64>,
    parts: Vec<Message>,
}

#[derive(Serialize, Deserialize)]
struct Message {
    n: u8,
    #[serde(with = "hex::serde")]
    user_data: Vec<u8>,
    udhi: bool,
    pid: u8,
    dcs: u8,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Progress {
    gateway: Option<String>,
    packets: Vec<Step>,
}

#[derive(Serialize, Deserialize)]
struct Step(
    PacketState,
    u16,
    Proof,
    Option<i64>,
    Option<String>,
    Vec<Fate>,
);

#[derive(Serialize, Deserialize)]
struct Fate(PartState, Option<String>, Option<i64>);

pub(crate) fn cargo(shipment: &Shipment) -> Cargo {
    let message = |part: &Part| Message {
        n: part.n,
        user_data: part.user_data.clone(),
        udhi: part.udhi,
        pid: part.pid,
        dcs: part.dcs,
    };
    let load = |packet: &Packet| Load {
        n: packet.n,
        planned: packet.planned.clone(),
        counter: packet.counter,
        parts: packet.parts.iter().map(message).collect(),
    };
    Cargo {
        revision: shipment.revision,
        writes: shipment.writes.clone(),
        packets: shipment.packets.iter().map(load).collect(),
    }
}

pub(crate) fn progress(shipment: &Shipment) -> Progress {
    let fate = |part: &Part| Fate(part.state, part.message_id.clone(), part.at);
    let step = |packet: &Packet| {
        Step(
            packet.state,
            packet.sendings,
            packet.proof,
            packet.deadline,
            packet.outcome.clone(),
            packet.parts.iter().map(fate).collect(),
        )
    };
    Progress {
        gateway: shipment.gateway.clone(),
        packets: shipment.packets.iter().map(step).collect(),
    }
}

/// The shipment; what stands in columns (id, terminal, kind, lane, state, time) is the caller's to fill in. None when
/// the two are not of one shipment.
pub(crate) fn join(cargo: Cargo, progress: Progress) -> Option<Shipment> {
    if cargo.packets.len() != progress.packets.len() {
        return None;
    }
    let part = |(message, Fate(state, message_id, at)): (Message, Fate)| Part {
        n: message.n,
        user_data: message.user_data,
        udhi: message.udhi,
        pid: message.pid,
        dcs: message.dcs,
        state,
        message_id,
        at,
    };
    let packet = |(load, step): (Load, Step)| {
        let Step(state, sendings, proof, deadline, outcome, fates) = step;
        (load.parts.len() == fates.len()).then(|| Packet {
            n: load.n,
            planned: load.planned,
            counter: load.counter,
            state,
            sendings,
            proof,
            deadline,
            outcome,
            parts: load.parts.into_iter().zip(fates).map(part).collect(),
        })
    };
    Some(Shipment {
        id: ShipmentId(0),
        terminal: TerminalId {
            subscriber: book::SubscriberId(0),
            no: 0,
        },
        kind: ShipmentKind::Write,
        lane: Lane::Interactive,
        revision: cargo.revision,
        state: ShipmentState::Queued,
        writes: cargo.writes,
        packets: cargo
            .packets
            .into_iter()
            .zip(progress.packets)
            .map(packet)
            .collect::<Option<_>>()?,
        at: 0,
        gateway: progress.gateway,
    })
}
