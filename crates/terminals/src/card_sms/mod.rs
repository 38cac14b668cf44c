//! Business cards by SMS: a card can be added to the phone's own book and never taken back.
//!
//! One card is one friend with all numbers meant for this terminal, so that the phone saves one person; its slot is bound
//! to the friend's first number. Slots are numbers that Kith gives, from 1; they stick, and a changed friend is a new card
//! in the same slot. The shadow's content is the vCard. Nothing confirms the save: *delivered* is the most.

use crate::{
    EntryKey, LeftOut, LeftOutReason, Owner, Plan, PlanInput, PlannedPacket, Purpose, ShownEntry,
    SlotNo, Wanted, Write,
};
use std::collections::BTreeMap;
use unicode_segmentation::UnicodeSegmentation;
use wire::sms::card::{self, CardError};
use wire::sms::{Reference, split_8bit};

/// Octets of a card in one message, and in each of several (8-bit reference).
pub(crate) const SINGLE: usize = 133;
/// See [`SINGLE`].
pub(crate) const EACH: usize = 128;

/// A friend's card.
struct Card {
    key: EntryKey,
    vcard: card::Card,
    cut: bool,
}

/// See [`crate::plan::plan`]. `capacity` is `u16::MAX` where the terminal profile names none.
pub(crate) fn plan(input: &PlanInput) -> Plan {
    let (cards, refused) = cards(input);
    let capacity = input.terminal.entries.unwrap_or(u16::MAX);
    let mut plan = Plan {
        capacity,
        left_out: [input.desired.left_out.clone(), refused].concat(),
        ..Plan::default()
    };
    for (place, (card, _)) in (1..).zip(&cards).skip(capacity.into()) {
        plan.left_out.push(LeftOut {
            key: card.key,
            reason: LeftOutReason::Full {
                place,
                of: capacity,
            },
        });
    }
    let mut slots = Slots::new(input);
    for (card, content) in cards.iter().take(capacity.into()) {
        let slot = slots.of(card.key);
        let before = input.shadow.get(slot);
        let stands = before.content == *content && !before.doubt && !input.everything;
        if !stands {
            if matches!(before.owner, Owner::Ours(_))
                && before.content != *content
                && !before.content.is_empty()
            {
                plan.reasons.push(format!("{} changed: a new card goes out; the old one stays on the phone until it is deleted there.", card.vcard.name));
            }
            plan.packets.push(packet(content, plan.writes.len()));
            plan.writes.push(Write {
                slot,
                content: content.clone(),
                entry: Some(card.key),
            });
        }
        plan.placement.insert(card.key, slot);
        plan.shown.push(ShownEntry {
            key: card.key,
            slot,
            name: card.vcard.name.clone(),
            number: card.vcard.numbers.join(", "),
            cut: card.cut,
            content: content.clone(),
        });
    }
    let gone = input.shadow.slots.iter().filter(|(slot, state)| {
        matches!(state.owner, Owner::Ours(_))
            && !plan.shown.iter().any(|shown| shown.slot == **slot)
    });
    let gone = gone.count();
    if gone > 0 {
        plan.reasons.push(format!(
            "{gone} {} no longer meant for this phone: a business card cannot be taken back, so it must be deleted on the phone.",
            if gone == 1 { "card is" } else { "cards are" }
        ));
    }
    plan.reasons.push(match plan.packets.len() {
        0 => "Nothing to send: every card went out.".into(),
        1 => format!(
            "1 business card: {}, {} octets.",
            plan.parts(),
            plan.octets()
        ),
        n => format!(
            "{n} business cards, one a friend: {} messages: {} octets.",
            plan.parts(),
            plan.octets()
        ),
    });
    plan
}

/// One card a friend with its octets, in order of importance; and the numbers that a card cannot carry (never bent:
/// CASES C22).
fn cards(input: &PlanInput) -> (Vec<(Card, Vec<u8>)>, Vec<LeftOut>) {
    let mut cards: Vec<Card> = Vec::new();
    let mut refused = Vec::new();
    let mut refuse = |key, error: CardError| {
        refused.push(LeftOut {
            key,
            reason: LeftOutReason::Number(error.to_string()),
        });
    };
    for wanted in &input.desired.entries {
        let (name, cut) = name(wanted, input.terminal.name_characters);
        let vcard = card::Card {
            name,
            numbers: vec![wanted.dial.clone()],
        };
        let known = cards
            .iter_mut()
            .find(|card| card.key.friend == wanted.key.friend);
        match (vcard.to_vcard(), known) {
            (Err(error), _) => refuse(wanted.key, error),
            (Ok(_), Some(card)) => card.vcard.numbers.extend(vcard.numbers),
            (Ok(_), None) => cards.push(Card {
                key: wanted.key,
                vcard,
                cut,
            }),
        }
    }
    let cards = cards.into_iter().filter_map(|card| {
        // Every number was tried by itself.
        let octets = card.vcard.to_vcard().ok()?;
        Some((card, octets))
    });
    (cards.collect(), refused)
}

/// The friend's name without the suffix that tells numbers apart: a card holds them all.
fn name(wanted: &Wanted, most: Option<u16>) -> (String, bool) {
    let whole = wanted.name.chars().count().saturating_sub(wanted.suffix);
    let name: String = wanted.name.chars().take(whole).collect();
    let short: String = name
        .graphemes(true)
        .take(most.unwrap_or(u16::MAX).into())
        .collect();
    let cut = short.len() < name.len();
    (short, cut)
}

/// Where cards stand: where they stood, else the next number never given.
struct Slots {
    by_friend: BTreeMap<book::FriendNo, SlotNo>,
    next: u16,
}

impl Slots {
    fn new(input: &PlanInput) -> Self {
        let ours = input
            .shadow
            .slots
            .iter()
            .filter_map(|(slot, state)| match state.owner {
                Owner::Ours(key) => Some((key.friend, *slot)),
                _ => None,
            });
        let placed = input
            .placement
            .iter()
            .map(|(key, slot)| (key.friend, *slot));
        let by_friend: BTreeMap<_, _> = ours.chain(placed).collect();
        let given = input
            .placement
            .values()
            .chain(input.shadow.slots.keys())
            .map(|slot| slot.0)
            .max();
        Self {
            by_friend,
            next: given.unwrap_or(0) + 1,
        }
    }

    fn of(&mut self, key: EntryKey) -> SlotNo {
        *self.by_friend.entry(key.friend).or_insert_with(|| {
            let slot = SlotNo(self.next);
            self.next = self.next.saturating_add(1);
            slot
        })
    }
}

fn packet(card: &[u8], write: usize) -> PlannedPacket {
    let parts = if card.len() <= SINGLE {
        1
    } else {
        card.len().div_ceil(EACH)
    };
    let headers = if parts == 1 { 7 } else { 12 * parts };
    PlannedPacket {
        purpose: Purpose::Write,
        payload: card.to_vec(),
        commands: vec![Some(write)],
        parts: u8::try_from(parts).unwrap_or(u8::MAX),
        octets: u16::try_from(card.len() + headers).unwrap_or(u16::MAX),
    }
}

/// Name and numbers of a card in a slot.
pub(crate) fn shown_of(content: &[u8]) -> (String, String) {
    let card = card::read(content).unwrap_or_default();
    (card.name, card.numbers.join(", "))
}

/// A card as TP-UD parts to port 9204; `None` above 255 parts (3GPP TS 23.040 §9.2.3.24.4 and .1).
pub(crate) fn parts(card: &[u8], reference: u8) -> Option<Vec<Vec<u8>>> {
    let [high, low] = card::PORT.to_be_bytes();
    // Application port addressing, 16 bits; no originator port.
    let port = [0x05, 0x04, high, low, 0x00, 0x00];
    let parts = split_8bit(card, &port, Reference::Eight(reference)).ok()?;
    Some(parts.into_iter().map(|part| part.tp_ud).collect())
}
