//! A terminal with a shipment, as small as can be.

use book::{FriendNo, NumberNo, Revision, SubscriberId};
use delivery::{
    Action, Answer, Class, Happening, Lane, Packet, PacketState, Part, PartRef, PartState, Policy,
    ReceiptState, Shipment, ShipmentId, ShipmentKind, ShipmentState, Stored, Terminal, TerminalId,
    Violation, World, audit_at, decide,
};
use terminals::{ChannelKind, EntryKey, PlannedPacket, Proof, Purpose, Shadow, SlotNo, Write};
use wire::ota::Rsc;

pub const NOW: i64 = 1_764_000_000_000;
pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;

/// SPI of a card whose counter must be higher, and of one whose counter must be one higher.
pub const HIGHER: u8 = 0x16;
pub const ONE_HIGHER: u8 = 0x1E;

pub fn terminal(channel: ChannelKind) -> Terminal {
    let id = TerminalId {
        subscriber: SubscriberId::new(1, 1),
        no: 1,
    };
    Terminal::new(id, channel, "+447700900100".into(), "feature-phone".into())
}

/// Packet `n` (from 1), which writes slot `n`, in `parts` parts.
pub fn packet(n: u16, counter: Option<u64>, spi: u8, parts: u8) -> Packet {
    let secured = [2, 0x70, 0, 0, 30, 0x15, spi, 0x39, 1, 1, 0xB0, 0, 0x10];
    Packet {
        n,
        planned: PlannedPacket {
            purpose: Purpose::Write,
            payload: vec![],
            commands: vec![Some(usize::from(n) - 1)],
            parts,
            octets: 0,
        },
        counter,
        state: PacketState::Queued,
        sendings: 0,
        proof: Proof::None,
        deadline: None,
        outcome: None,
        parts: (1..=parts)
            .map(|n| Part {
                n,
                user_data: secured.to_vec(),
                udhi: true,
                pid: 0x7F,
                dcs: 0xF6,
                state: PartState::Queued,
                message_id: None,
                at: None,
            })
            .collect(),
    }
}

/// A terminal's shipment of `packets` packets with one part each, planned at `now` from `revision`.
pub fn plan(world: &mut World, packets: u16, spi: u8, revision: u64, now: i64) -> Vec<Action> {
    let terminal = &mut world.terminal;
    let ota = terminal.channel == ChannelKind::SimOta;
    let sealed = (1..=packets).map(|n| {
        let counter = delivery::next_counter(terminal, 1).unwrap().value();
        packet(n, ota.then_some(counter), spi, 1)
    });
    let sealed: Vec<_> = sealed.collect();
    let writes = (1..=packets).map(|n| Write {
        slot: SlotNo(n),
        content: vec![u8::try_from(revision % 200).unwrap(), 1],
        entry: Some(EntryKey {
            friend: FriendNo(u32::from(n)),
            number: NumberNo(1),
        }),
    });
    world.shipment = Shipment {
        id: ShipmentId(world.shipment.id.0 + 1),
        terminal: terminal.id,
        kind: ShipmentKind::Write,
        lane: Lane::Interactive,
        revision: Revision(revision),
        state: ShipmentState::Queued,
        writes: writes.collect(),
        packets: sealed,
        at: now,
        gateway: None,
    };
    terminal.in_flight = Some(world.shipment.id);
    terminal.next_try = None;
    terminal.planned = Revision(revision);
    decide(world, &Happening::Start, &Policy::SERVE, now)
}

/// A terminal that nothing was sent to.
pub fn world(channel: ChannelKind) -> World {
    let terminal = terminal(channel);
    let shipment = Shipment {
        id: ShipmentId(0),
        terminal: terminal.id,
        kind: ShipmentKind::Write,
        lane: Lane::Interactive,
        revision: Revision(0),
        state: ShipmentState::Proven,
        writes: vec![],
        packets: vec![],
        at: NOW,
        gateway: None,
    };
    World {
        terminal,
        shipment,
        shadow: Shadow::default(),
        moved: vec![],
        notes: vec![],
    }
}

/// With a shipment of two packets just planned.
pub fn sent(channel: ChannelKind, spi: u8) -> World {
    let mut world = world(channel);
    plan(&mut world, 2, spi, 1, NOW);
    world
}

/// The only part of packet `n` of this shipment, in its last sending.
pub fn part(world: &World, n: u16) -> PartRef {
    let sending = world.shipment.packets[usize::from(n) - 1].sendings;
    PartRef {
        shipment: world.shipment.id,
        packet: n,
        part: 1,
        sending,
    }
}

pub fn accepted(world: &World, n: u16) -> Happening {
    Happening::Accepted {
        part: part(world, n),
        gateway: "test".into(),
        message_id: Some(format!("m{n}")),
    }
}

pub fn refused(world: &World, n: u16, class: Class) -> Happening {
    Happening::Refused {
        part: part(world, n),
        class,
        reason: "0x00 test".into(),
    }
}

pub fn no_answer(world: &World, n: u16) -> Happening {
    Happening::NoAnswer {
        part: part(world, n),
    }
}

pub fn receipt(world: &World, n: u16, state: ReceiptState) -> Happening {
    Happening::Receipt {
        part: part(world, n),
        state,
        error: None,
    }
}

pub fn answer(world: &World, n: u16, rsc: Rsc) -> Happening {
    let packet = &world.shipment.packets[usize::from(n) - 1];
    Happening::Answer(Answer {
        counter: packet.counter.unwrap(),
        rsc,
        executed: (rsc == Rsc::Ok).then(|| (1, 0x9000, vec![])),
        checked: true,
    })
}

/// Every rule that the world breaks, with the earlier shipments in `before`; whoever does the work may be a second late.
pub fn broken(world: &World, before: &[Shipment], now: i64) -> Vec<Violation> {
    broken_in(world, &mut before.to_vec(), now)
}

/// The same, where `before` only lends its room.
pub fn broken_in(world: &World, before: &mut Vec<Shipment>, now: i64) -> Vec<Violation> {
    before.push(world.shipment.clone());
    let found = audit_at(
        &Stored {
            terminal: &world.terminal,
            due: None,
            shadow: &world.shadow,
            shipments: before,
            since: None,
            revision: world.terminal.planned,
        },
        &Policy::SERVE,
        now,
        999,
    );
    before.pop();
    found
}
