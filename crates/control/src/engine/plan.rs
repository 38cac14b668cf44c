//! From what is due to a shipment that can be recorded. Decides only: nothing is read or written here.

use super::ids::Ids;
use crate::Control;
use crate::plans::Planned;
use delivery::{
    Action, Due, Happening, Packet, PacketState, Part, PartState, Shipment, ShipmentKind,
    ShipmentState, Terminal, Trouble, World, after_restore, decide, next_counter,
};
use std::collections::BTreeMap;
use store::{BookFull, TerminalFull};
use terminals::{
    CardProfile, ChannelKind, EntryKey, Owner, Plan, PlannedPacket, Proof, Purpose, SlotNo,
    encode_packet, sim,
};
use wire::ota::KeySet;

/// The purpose that a terminal's OTA keys are sealed for.
pub(crate) const OTA_KEYS: &str = "ota-keys";

/// What becomes of a terminal that is due.
pub(super) enum Shipped {
    /// It is sent.
    Out(Box<World>, Vec<Action>),
    /// Its row alone changes: there is nothing to send, or a person must act first.
    Alone(Box<Terminal>),
}

/// With what is recorded beside it.
pub(super) struct Decided {
    pub shipped: Shipped,
    pub placement: Option<BTreeMap<EntryKey, SlotNo>>,
    pub freed: Vec<SlotNo>,
    /// The mark that this answers.
    pub due: Option<Due>,
}

impl Decided {
    fn alone(terminal: Terminal, due: Option<Due>) -> Self {
        Self {
            shipped: Shipped::Alone(Box::new(terminal)),
            placement: None,
            freed: Vec::new(),
            due,
        }
    }
}

/// Plans `full` at `now`; none when it must not be planned now.
pub(super) fn plan(
    house: &Control,
    mut full: TerminalFull,
    book: &BookFull,
    incarnation: u64,
    ids: &mut Ids,
    now: i64,
) -> Option<Decided> {
    // What a verified call or a paused campaign holds back goes when it lets go, whoever asks.
    let held = full.due.is_some_and(|mark| mark.is_held_back());
    if full.terminal.retired || full.terminal.in_flight.is_some() || held {
        return None;
    }
    let due = full.due.filter(|mark| mark.at <= now);
    let mut terminal = full.terminal.clone();
    terminal.next_try = None;
    // After a restore nothing is assumed: what is on the terminal is read, or written anew, before anything else.
    let recheck = after_restore(&mut terminal, &full.shadow, incarnation);
    let recheck = recheck.map(|how| how.mark(due, book.book.revision, now));
    let doubted = match recheck {
        Some(mark) if !mark.test => house.doubt(&mut full),
        _ => Vec::new(),
    };
    let asked = recheck.or(due);
    let everything = asked.is_some_and(|mark| mark.everything);
    let Planned { card, plan, .. } =
        house.plan_for(&book.subscriber, &book.book, &book.holds, &full, everything);
    let work = match plan {
        Ok(plan) => work_of(&full, card.as_ref(), plan, asked),
        Err(error) => Err(error.to_string()),
    };
    let (kind, plan) = match work {
        Ok(work) => work,
        Err(sentence) => return Some(help(terminal, due, sentence)),
    };
    terminal.planned = book.book.revision;
    if plan.packets.is_empty() {
        terminal.proven = terminal.planned;
        terminal.trouble = None;
        return Some(Decided {
            placement: moved(plan.placement, &full.placement),
            ..Decided::alone(terminal, due)
        });
    }
    let sealed = seal_packets(
        house,
        &mut terminal,
        card.as_ref(),
        &plan.packets,
        incarnation,
    );
    let packets = match sealed {
        Ok(packets) => packets,
        Err(sentence) => return Some(help(terminal, due, sentence)),
    };
    let lane = due.map_or(terminal.record.lane, |mark| mark.lane);
    terminal.record.lane = lane;
    let shipment = Shipment {
        id: ids.next(terminal.id, now, || house.random_u64()),
        terminal: terminal.id,
        kind,
        lane,
        revision: book.book.revision,
        state: ShipmentState::Queued,
        writes: plan.writes,
        packets,
        at: now,
        gateway: None,
    };
    terminal.in_flight = Some(shipment.id);
    // Somebody acted; what Kith tries again by itself leaves the question standing until there is a proof.
    if due.is_some() {
        terminal.trouble = None;
    }
    // A record that was only emptied to be sure was nobody's before.
    let freed = |slot: &SlotNo| matches!(full.shadow.get(*slot).owner, Owner::Ours(_));
    let freed = plan.freed.into_iter().filter(freed).collect();
    let mut world = World {
        terminal,
        shipment,
        shadow: full.shadow,
        moved: doubted,
        notes: Vec::new(),
    };
    let actions = decide(&mut world, &Happening::Start, &house.settings().policy, now);
    Some(Decided {
        shipped: Shipped::Out(Box::new(world), actions),
        placement: match kind {
            ShipmentKind::Write => moved(plan.placement, &full.placement),
            _ => None,
        },
        freed,
        due,
    })
}

/// The placement, if it is another one than before.
fn moved(
    new: BTreeMap<EntryKey, SlotNo>,
    before: &BTreeMap<EntryKey, SlotNo>,
) -> Option<BTreeMap<EntryKey, SlotNo>> {
    (new != *before).then_some(new)
}

/// Nothing can be sent until a person has done something.
fn help(mut terminal: Terminal, due: Option<Due>, sentence: String) -> Decided {
    tracing::warn!(%sentence, "a terminal needs help");
    terminal.trouble = Some(Trouble {
        key: "ours".into(),
        sentence,
    });
    Decided::alone(terminal, due)
}

/// The packets with their counters and their octets. Counters move in `terminal`, which is recorded with them.
fn seal_packets(
    house: &Control,
    terminal: &mut Terminal,
    card: Option<&CardProfile>,
    planned: &[PlannedPacket],
    incarnation: u64,
) -> Result<Vec<Packet>, String> {
    let keys = match card {
        Some(card) => Some(house.keys(terminal, card)?),
        None => None,
    };
    let mut packets = Vec::new();
    for (n, planned) in (1..).zip(planned) {
        let counter = next_counter(terminal, incarnation).map_err(|error| error.to_string())?;
        // Its low bits are new for every packet to this phone, which is what a reference must be.
        let [.., high, low] = counter.octets();
        let messages = encode_packet(
            terminal.channel,
            card,
            planned,
            keys.as_ref(),
            counter,
            u16::from_be_bytes([high, low]),
        )
        .map_err(|error| error.to_string())?;
        let parts = (1..).zip(messages).map(|(n, message)| Part {
            n,
            user_data: message.octets,
            udhi: message.udhi,
            pid: message.pid,
            dcs: message.dcs,
            state: PartState::Queued,
            message_id: None,
            at: None,
        });
        packets.push(Packet {
            n,
            planned: planned.clone(),
            counter: keys.is_some().then_some(counter.value()),
            state: PacketState::Queued,
            sendings: 0,
            proof: Proof::None,
            deadline: None,
            outcome: None,
            parts: parts.collect(),
        });
    }
    Ok(packets)
}

impl Control {
    /// Of a card, whatever Kith may have written is read or written again (rule 5). Gives the slots.
    fn doubt(&self, full: &mut TerminalFull) -> Vec<SlotNo> {
        let card = full.terminal.card_profile.as_deref();
        let card = card.and_then(|name| self.card(name));
        let range = card.filter(|_| full.terminal.channel == ChannelKind::SimOta);
        let range = range.map(|card| card.usable());
        range.map_or_else(Vec::new, |(first, last)| {
            full.shadow.doubt_ours(first, last)
        })
    }

    /// The card's keys, unsealed for this moment.
    pub(crate) fn keys(&self, terminal: &Terminal, card: &CardProfile) -> Result<KeySet, String> {
        let sealed = self.vault().open(OTA_KEYS, &terminal.keys);
        let pair = sealed.map_err(|error| error.to_string())?;
        let (kic, kid) = split_keys(pair.expose())
            .ok_or("The stored keys are not a pair: give the terminal its keys again.")?;
        card.keys(kic, kid).map_err(|error| error.to_string())
    }
}

/// What a due mark asks for: a test, a read-back, or the plan (its reads first, when a card in use wants them).
fn work_of(
    full: &TerminalFull,
    card: Option<&CardProfile>,
    mut plan: Plan,
    due: Option<Due>,
) -> Result<(ShipmentKind, Plan), String> {
    let asked = |flag: fn(&Due) -> bool| due.as_ref().is_some_and(flag);
    if let Some(card) = card {
        if asked(|due| due.test) {
            plan.packets = vec![sim::test(card).map_err(|error| error.to_string())?];
            plan.writes.clear();
            return Ok((ShipmentKind::Test, plan));
        }
        if asked(|due| due.verify) {
            let ours = full.shadow.slots.iter().filter(|(slot, state)| {
                slot.ext1_record().is_none() && matches!(state.owner, Owner::Ours(_))
            });
            let reads =
                sim::reads(card, ours.map(|(slot, _)| *slot)).map_err(|error| error.to_string())?;
            // Nothing of ours to read back: then what is due is written.
            if !reads.is_empty() {
                plan.packets = reads;
                plan.writes.clear();
                return Ok((ShipmentKind::Verify, plan));
            }
        }
    }
    let reads = plan
        .packets
        .iter()
        .any(|packet| matches!(packet.purpose, Purpose::Read(_)));
    let kind = if reads {
        ShipmentKind::Read
    } else {
        ShipmentKind::Write
    };
    Ok((kind, plan))
}

/// A pair of keys as it is sealed: the length of KIc, KIc, KID.
pub(crate) fn join_keys(kic: &[u8], kid: &[u8]) -> Option<Vec<u8>> {
    let length = u8::try_from(kic.len()).ok()?;
    Some([&[length], kic, kid].concat())
}

fn split_keys(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, keys) = pair.split_first()?;
    keys.split_at_checked(usize::from(*length))
}
