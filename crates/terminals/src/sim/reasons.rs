//! Why a plan is what it is, in sentences for a person.

use super::assign::{Assignment, Item, Place};
use super::content;
use crate::{CardProfile, LeftOutReason, Owner, Plan, PlanInput, SlotNo};

pub(super) fn of(
    card: &CardProfile,
    input: &PlanInput,
    items: &[Item],
    assignment: &Assignment,
    plan: &Plan,
) -> Vec<String> {
    let mut reasons = Vec::new();
    if !plan.reads.is_empty() {
        reasons.push(format!(
            "This card was in use: {} must be read before anything is written, so that nothing of the owner's is lost.",
            records(&plan.reads)
        ));
    }
    if input.everything {
        reasons.push("Everything is written again, as asked.".into());
    }
    if plan.reads.is_empty() {
        reasons.extend(
            items
                .iter()
                .zip(&assignment.places)
                .filter_map(|(item, place)| of_place(input, item, place)),
        );
    }
    for slot in &assignment.clears {
        if plan.reads.is_empty() {
            reasons.push(format!(
                "{} is cleared: nobody stands there any more.",
                record(*slot)
            ));
        }
    }
    let (first, last) = card.usable();
    let foreign: Vec<SlotNo> = (first..=last)
        .map(|n| SlotNo(n.into()))
        .filter(|slot| input.shadow.get(*slot).owner == Owner::Foreign)
        .collect();
    match foreign.as_slice() {
        [] => {}
        [one] => reasons.push(format!(
            "{} is the owner's own entry and stays.",
            record(*one)
        )),
        more => reasons.push(format!(
            "{} are the owner's own entries and stay.",
            capital(&records(more))
        )),
    }
    let full = plan
        .left_out
        .iter()
        .filter(|l| matches!(l.reason, LeftOutReason::Full { .. }))
        .count();
    if full > 0 {
        reasons.push(format!(
            "The phone holds {}: {full} more {} out.",
            plan.capacity,
            if full == 1 { "stays" } else { "stay" }
        ));
    }
    if plan.writes.is_empty() && plan.reads.is_empty() {
        reasons.push("Nothing to send: all of it stands on the card.".into());
    } else if plan.reads.is_empty() {
        reasons.push(sum(plan));
    }
    reasons
}

fn of_place(input: &PlanInput, item: &Item, place: &Place) -> Option<String> {
    let name = &item.wanted.name;
    let before = input.shadow.get(place.slot);
    let by_key = input.card.is_some_and(|card| card.speed_dial_is_record);
    let key = item.wanted.speed_dial.filter(|_| by_key);
    if let Some(key) = key.filter(|key| place.slot != SlotNo((*key).into())) {
        return Some(format!(
            "{name} cannot have key {key}: that record is not ours to write."
        ));
    }
    if !place.write_adn {
        let (_, true) = place.ext1? else { return None };
        return Some(format!(
            "{name} keeps {}: only the end of the number is written.",
            record_low(place.slot)
        ));
    }
    let slot = record_low(place.slot);
    if before.doubt {
        return Some(format!(
            "{name} is written to {slot} again: nobody knows whether the last write arrived."
        ));
    }
    match before.owner {
        Owner::Ours(key) if key == item.wanted.key && before.content == content(item, place) => {
            None
        }
        Owner::Ours(key) if key == item.wanted.key => {
            let name_room = before.content.len().saturating_sub(14);
            let renamed = before.content.get(..name_room) != item.record.adn.get(..name_room);
            let what = if renamed { "a rename" } else { "a new number" };
            Some(format!(
                "{name} keeps {slot}: {what} rewrites the same record."
            ))
        }
        Owner::Ours(_) => Some(format!(
            "{name} takes {slot}, which had to be written anyway: one write instead of two."
        )),
        _ => None,
    }
}

fn sum(plan: &Plan) -> String {
    let writes = count(plan.writes.len(), "write");
    let parts = count(plan.parts() as usize, "part");
    match plan.packets.as_slice() {
        [_] => format!("{writes} in 1 packet of {parts}: {} octets.", plan.octets()),
        packets => {
            let each: Vec<String> = packets.iter().map(|p| p.parts.to_string()).collect();
            format!(
                "{writes} in {} packets of {} parts: {parts}, {} octets.",
                packets.len(),
                each.join(" + "),
                plan.octets()
            )
        }
    }
}

fn count(n: usize, what: &str) -> String {
    if n == 1 {
        format!("1 {what}")
    } else {
        format!("{n} {what}s")
    }
}

fn record_low(slot: SlotNo) -> String {
    match slot.ext1_record() {
        Some(n) => format!("long-number record {n}"),
        None => format!("record {}", slot.0),
    }
}

fn record(slot: SlotNo) -> String {
    capital(&record_low(slot))
}

fn capital(sentence: &str) -> String {
    let mut rest = sentence.chars();
    rest.next()
        .map(|c| c.to_uppercase().chain(rest).collect())
        .unwrap_or_default()
}

fn records(slots: &[SlotNo]) -> String {
    match slots {
        [one] => record_low(*one),
        more if more.len() > 12 => format!("{} records", more.len()),
        more => {
            let all: Vec<String> = more
                .iter()
                .map(|slot| match slot.ext1_record() {
                    Some(_) => record_low(*slot),
                    None => slot.0.to_string(),
                })
                .collect();
            format!("records {}", all.join(", "))
        }
    }
}
