//! DESIGN.md's rules as code: what must hold of a terminal at every step, whatever happened. Used by tests, and by
//! operators (`kith audit`). A rule that looks at one terminal alone stands here; 1 and 10 are held by types
//! (`EditJob` carries its due marks; only `identity` makes a `Grant`) and their tests.

use crate::counter::counters;
use crate::{Due, Packet, PacketState, PartState, Policy, Shipment, Terminal};
use std::collections::{BTreeMap, BTreeSet};
use terminals::{Owner, Proof, Shadow, SlotNo};

/// A rule that does not hold: its name and what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule's name in DESIGN.md.
    pub rule: &'static str,
    /// What was found, a sentence.
    pub found: String,
}

/// Everything that is stored of one terminal.
#[derive(Debug, Clone)]
pub struct Stored<'a> {
    /// Its row.
    pub terminal: &'a Terminal,
    /// Its due mark.
    pub due: Option<Due>,
    /// What is proven to be on it.
    pub shadow: &'a Shadow,
    /// Its shipments, oldest first.
    pub shipments: &'a [Shipment],
    /// What was proven before this, ms UTC, was proven by shipments that are not among these; none: all are here.
    pub since: Option<i64>,
    /// The book's revision.
    pub revision: book::Revision,
}

/// Every rule that `stored` breaks; none when all is well.
pub fn audit(stored: &Stored) -> Vec<Violation> {
    let mut found = Vec::new();
    recorded_before_sent(stored, &mut found);
    shadow_by_proof(stored, &mut found);
    unknown_is_not_done(stored, &mut found);
    one_plan(stored, &mut found);
    one_after_another(stored, &mut found);
    nothing_forgotten(stored, &mut found);
    found
}

/// Every rule that `stored` breaks at `now` (ms UTC), those that need a clock too; `grace` (ms) is what whoever does the
/// work may be late by.
pub fn audit_at(stored: &Stored, policy: &Policy, now: i64, grace: i64) -> Vec<Violation> {
    let mut found = audit(stored);
    in_time(stored, policy, now - grace, &mut found);
    found
}

/// Rule 5 with a clock: nothing is overdue that nobody looks at, and no shipment outlives its validity.
fn in_time(stored: &Stored, policy: &Policy, late: i64, found: &mut Vec<Violation>) {
    let terminal = stored.terminal;
    let held = stored.due.is_some_and(|due| due.is_held_back());
    if terminal.retired {
        return;
    }
    let Some(shipment) = on_its_way(stored) else {
        if let Some(at) = terminal.next_try.filter(|at| *at < late && !held) {
            let sentence = format!("the next try was to be at {at}, and nothing is on its way");
            break_of(found, "unknown-is-not-done", sentence);
        }
        return;
    };
    let end = shipment.at + i64::from(policy.validity_s) * 1000;
    let open = shipment.packets.iter().find(|packet| packet.is_open());
    if end < late && !open.is_some_and(Packet::one_higher) {
        let sentence = format!("shipment {} is open after its validity", shipment.id.0);
        break_of(found, "unknown-is-not-done", sentence);
    }
    if let Some(by) = open
        .and_then(|packet| packet.deadline)
        .filter(|by| *by < late)
    {
        let sentence = format!(
            "shipment {} was to be looked at {by}, and nobody did",
            shipment.id.0
        );
        break_of(found, "unknown-is-not-done", sentence);
    }
}

/// Packets go one after another, and a card that takes only the next counter gets nothing new before it is known what
/// became of the last.
fn one_after_another(stored: &Stored, found: &mut Vec<Violation>) {
    let mut unknown: Option<u64> = None;
    for shipment in stored.shipments {
        let out = |p: &&Packet| matches!(p.state, PacketState::Sending | PacketState::Waiting);
        if shipment.packets.iter().filter(out).count() > 1 {
            let sentence = format!("two packets of shipment {} are on their way", shipment.id.0);
            break_of(found, "one-after-another", sentence);
        }
        if let Some(before) = unknown.take() {
            let sentence = format!(
                "shipment {} went out before it was known what became of shipment {before}, and the card takes only the next counter",
                shipment.id.0
            );
            break_of(found, "one-after-another", sentence);
        }
        let lost = |p: &Packet| p.state == PacketState::Unknown && p.one_higher();
        if shipment.packets.iter().any(lost) && shipment.at > stored.terminal.record.keys_since {
            unknown = Some(shipment.id.0);
        }
    }
}

fn break_of(found: &mut Vec<Violation>, rule: &'static str, sentence: String) {
    found.push(Violation {
        rule,
        found: sentence,
    });
}

/// Rule 2: every counter that went out was recorded as used, no counter is in two packets, and none lies in the gap that a restored store jumped over. Shipments to an earlier card had that card's counters.
fn recorded_before_sent(stored: &Stored, found: &mut Vec<Violation>) {
    let terminal = stored.terminal;
    let record = &terminal.record;
    let (first, floor) = record.gap.unwrap_or_default();
    let next = terminal.counter_next;
    let mut used: BTreeMap<u64, u64> = BTreeMap::new();
    let this_card = |shipment: &&Shipment| shipment.at > record.keys_since;
    for shipment in stored.shipments.iter().filter(this_card) {
        let id = shipment.id.0;
        for counter in counters(shipment) {
            // Not their order: a clock that was set back gives a later shipment an earlier time.
            let sentence = match used.insert(counter, id) {
                Some(other) => Some(format!(
                    "counter {counter} is in shipments {other} and {id}"
                )),
                _ if (first..floor).contains(&counter) => Some(format!(
                    "counter {counter} of shipment {id} may have been used before the store was restored: {floor} is the first that was not"
                )),
                _ if counter >= next => Some(format!(
                    "counter {counter} went out, and {next} is to be used next"
                )),
                _ => None,
            };
            if let Some(sentence) = sentence {
                break_of(found, "recorded-before-sent", sentence);
            }
        }
    }
    if next < floor {
        let sentence = format!("{next} is to be used next, and counters up to {floor} may be used");
        break_of(found, "recorded-before-sent", sentence);
    }
}

/// Rule 4: what the shadow calls proven was written by a packet that is proven, or read.
fn shadow_by_proof(stored: &Stored, found: &mut Vec<Violation>) {
    let proven: BTreeSet<(SlotNo, &[u8])> = stored
        .shipments
        .iter()
        .flat_map(|shipment| {
            let packets = shipment.packets.iter().filter(|p| p.proof > Proof::None);
            packets.flat_map(|packet| {
                let writes = packet.planned.commands.iter().flatten();
                writes.filter_map(|write| shipment.writes.get(*write))
            })
        })
        .map(|write| (write.slot, &write.content[..]))
        .collect();
    for (slot, state) in &stored.shadow.slots {
        let claimed = matches!(state.owner, Owner::Ours(_))
            && state.proof == Proof::Applied
            && !state.content.is_empty()
            // Nobody can ask for the proof of what was proven longer ago; in doubt or not, it stays proven.
            && stored.since.is_none_or(|since| state.since >= Some(since));
        if claimed && !proven.contains(&(*slot, &state.content[..])) {
            let sentence = format!(
                "slot {} is called applied, and no proven packet wrote it",
                slot.0
            );
            break_of(found, "shadow-by-proof", sentence);
        }
    }
}

/// Rule 5: a packet that went out and is not proven leaves its slots in doubt until something newer is proven there.
fn unknown_is_not_done(stored: &Stored, found: &mut Vec<Violation>) {
    let Some(shipment) = on_its_way(stored) else {
        return;
    };
    for packet in &shipment.packets {
        let open = matches!(packet.state, PacketState::Sending | PacketState::Waiting);
        if !open {
            continue;
        }
        let writes = packet.planned.commands.iter().flatten();
        for write in writes.filter_map(|write| shipment.writes.get(*write)) {
            if !stored.shadow.get(write.slot).doubt {
                let sentence = format!("slot {} is on its way and not in doubt", write.slot.0);
                break_of(found, "unknown-is-not-done", sentence);
            }
        }
    }
}

/// Rule 7: one shipment a terminal, and it is the one that the terminal's row names.
fn one_plan(stored: &Stored, found: &mut Vec<Violation>) {
    let open: Vec<_> = stored
        .shipments
        .iter()
        .filter(|shipment| !shipment.state.is_final())
        .map(|shipment| shipment.id)
        .collect();
    let named: Vec<_> = stored.terminal.in_flight.into_iter().collect();
    let abandoned = stored.terminal.retired || named.is_empty();
    if open != named && !(abandoned && open.len() <= 1) {
        let sentence = format!("shipments {open:?} are open, and the terminal names {named:?}");
        break_of(found, "one-sitting-one-plan", sentence);
    }
}

/// Rules 1 and 5 together: what is not proven is due, on its way, waiting for its next try, or a person's to mend.
fn nothing_forgotten(stored: &Stored, found: &mut Vec<Violation>) {
    let terminal = stored.terminal;
    let settled = terminal.proven >= stored.revision;
    let cared_for = stored.due.is_some()
        || terminal.in_flight.is_some()
        || terminal.next_try.is_some()
        || terminal.trouble.is_some()
        || terminal.retired;
    if !settled && !cared_for {
        let sentence = format!(
            "revision {} is wanted, {} is proven, and nothing will be sent",
            stored.revision.0, terminal.proven.0
        );
        break_of(found, "recorded-with-due", sentence);
    }
    if let Some(shipment) = on_its_way(stored) {
        let waiting = shipment
            .packets
            .iter()
            .filter(|packet| matches!(packet.state, PacketState::Sending | PacketState::Waiting));
        for packet in waiting {
            let lost = packet.deadline.is_none()
                && packet
                    .parts
                    .iter()
                    .any(|part| part.state < PartState::Delivered);
            if lost {
                let sentence = format!("packet {} waits for ever: it has no deadline", packet.n);
                break_of(found, "unknown-is-not-done", sentence);
            }
        }
        if shipment.state.is_final() {
            let sentence = "a shipment that is over is still named as on its way";
            break_of(found, "one-sitting-one-plan", sentence.into());
        }
    }
}

fn on_its_way<'a>(stored: &Stored<'a>) -> Option<&'a Shipment> {
    let id = stored.terminal.in_flight?;
    stored.shipments.iter().find(|shipment| shipment.id == id)
}
