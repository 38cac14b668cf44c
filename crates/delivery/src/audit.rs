//! DESIGN.md's rules as code: what must hold of a terminal at every step, whatever happened. Used by tests, and by
//! operators (`kith audit`). A rule that looks at one terminal alone stands here; 1 and 10 are held by types
//! (`EditJob` carries its due marks; only `identity` makes a `Grant`) and their tests.

use crate::{Due, PacketState, PartState, Shipment, ShipmentState, Terminal};
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
    /// Its shipments, oldest first, as far as they are kept.
    pub shipments: &'a [Shipment],
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
    nothing_forgotten(stored, &mut found);
    found
}

fn break_of(found: &mut Vec<Violation>, rule: &'static str, sentence: String) {
    found.push(Violation {
        rule,
        found: sentence,
    });
}

/// Rule 2: every counter that went out was recorded as used, and no counter is in two packets.
fn recorded_before_sent(stored: &Stored, found: &mut Vec<Violation>) {
    let mut used: BTreeMap<u64, u64> = BTreeMap::new();
    for shipment in stored.shipments {
        for packet in &shipment.packets {
            let Some(counter) = packet.counter else {
                continue;
            };
            if let Some(other) = used.insert(counter, shipment.id.0) {
                let sentence = format!(
                    "counter {counter} is in shipments {other} and {}",
                    shipment.id.0
                );
                break_of(found, "recorded-before-sent", sentence);
            }
        }
    }
    let next = stored.terminal.counter_next;
    // A new card begins again: only what the row still points to is compared.
    let highest = used.last_key_value().map(|(counter, _)| *counter);
    if let Some(highest) = highest.filter(|h| stored.terminal.in_flight.is_some() && *h >= next) {
        let sentence = format!("counter {highest} went out, and {next} is to be used next");
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
            && !state.content.is_empty();
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
        if shipment.state == ShipmentState::Proven {
            break_of(
                found,
                "one-sitting-one-plan",
                "a proven shipment is still named as on its way".into(),
            );
        }
    }
}

fn on_its_way<'a>(stored: &Stored<'a>) -> Option<&'a Shipment> {
    let id = stored.terminal.in_flight?;
    stored.shipments.iter().find(|shipment| shipment.id == id)
}
