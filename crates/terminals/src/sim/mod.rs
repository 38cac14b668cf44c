//! SIM OTA: a plan writes EF_ADN and EF_EXT1 records by secured packets, or reads those of a card in use first.

mod assign;
mod pack;
mod reasons;
mod record;
mod script;

use crate::plan::PlanError;
use crate::profile::ProfileError;
use crate::{
    CardProfile, EntryKey, LeftOut, LeftOutReason, Owner, Plan, PlanInput, PlannedPacket, Purpose,
    ShownEntry, SlotNo, Write,
};
use assign::{Assignment, Item, Place};
use pack::{Counts, Share, Sizes};
pub(crate) use record::shown_of;
use script::File;
use std::collections::{BTreeMap, BTreeSet};
use wire::ota::Envelope;

/// A slot of a blank card's EF_ADN, and a record that is cleared: all FF (3GPP TS 31.102 §4.4.2.3).
pub(crate) fn is_blank(content: &[u8]) -> bool {
    content.iter().all(|octet| *octet == 0xFF)
}

/// See [`crate::plan::plan`].
///
/// # Errors
/// No card profile, a wrong one, or one that leaves no room for a record.
pub(crate) fn plan(input: &PlanInput) -> Result<Plan, PlanError> {
    let card = input.card.ok_or(PlanError::NoCard)?;
    card.check()?;
    let envelope = card.envelope()?;
    let slots = assign::usable(card, input);
    let capacity = u16::try_from(slots.len())
        .unwrap_or(u16::MAX)
        .min(input.terminal.entries.unwrap_or(u16::MAX));

    let mut left_out = input.desired.left_out.clone();
    let mut candidates = Vec::new();
    for wanted in &input.desired.entries {
        match record::encode(card, input.terminal, wanted) {
            Ok(record) => candidates.push(Item { wanted, record }),
            Err(sentence) => left_out.push(LeftOut {
                key: wanted.key,
                reason: LeftOutReason::Number(sentence),
            }),
        }
    }
    let (items, assignment) = fit(card, input, candidates, capacity, &mut left_out);

    let mut plan = Plan {
        capacity,
        left_out,
        ..Plan::default()
    };
    plan.shown = shown(&items, &assignment.places);
    plan.placement = input.placement.clone();
    if assignment.reads.is_empty() {
        place(&mut plan, &items, &assignment);
        write(card, &envelope, &items, &assignment, &mut plan)?;
    } else {
        plan.packets = assignment
            .reads
            .iter()
            .rev()
            .map(|slot| read_packet(card, &envelope, *slot))
            .collect();
        plan.reads = assignment.reads.iter().rev().copied().collect();
    }
    plan.reasons = reasons::of(card, input, &items, &assignment, &plan);
    Ok(plan)
}

/// The entries that fit, in order of importance, with their places; the others are left out with their reasons.
fn fit<'a>(
    card: &CardProfile,
    input: &PlanInput,
    mut candidates: Vec<Item<'a>>,
    capacity: u16,
    left_out: &mut Vec<LeftOut>,
) -> (Vec<Item<'a>>, Assignment) {
    loop {
        let items: Vec<Item> = candidates.iter().take(capacity.into()).cloned().collect();
        let assignment = assign::assign(card, input, &items);
        if assignment.no_ext1.is_empty() {
            for (place, item) in (1..).zip(&candidates).skip(items.len()) {
                let reason = LeftOutReason::Full {
                    place,
                    of: capacity,
                };
                left_out.push(LeftOut {
                    key: item.wanted.key,
                    reason,
                });
            }
            return (items, assignment);
        }
        // The least important long numbers stay off, and the next in line may come in.
        for i in assignment.no_ext1.iter().rev() {
            let item = candidates.remove(*i);
            let sentence = format!(
                "“{}” is longer than 20 digits, and the card's {} places for such numbers are taken.",
                item.wanted.dial, card.ext1_records
            );
            left_out.push(LeftOut {
                key: item.wanted.key,
                reason: LeftOutReason::Number(sentence),
            });
        }
    }
}

/// The whole EF_ADN record of an item at its place.
fn content(item: &Item, place: &Place) -> Vec<u8> {
    let mut content = item.record.adn.clone();
    if let (Some(last), Some((record, _))) = (content.last_mut(), place.ext1) {
        *last = record;
    }
    content
}

fn shown(items: &[Item], places: &[Place]) -> Vec<ShownEntry> {
    items
        .iter()
        .zip(places)
        .map(|(item, place)| ShownEntry {
            key: item.wanted.key,
            slot: place.slot,
            name: item.record.name.clone(),
            number: item.record.number.clone(),
            cut: item.record.cut,
            content: content(item, place),
        })
        .collect()
}

/// Who stands where once the plan is done. Who is not wanted now keeps the old place unless somebody else has it.
fn place(plan: &mut Plan, items: &[Item], assignment: &Assignment) {
    let now: BTreeMap<EntryKey, SlotNo> = items
        .iter()
        .zip(&assignment.places)
        .map(|(item, place)| (item.wanted.key, place.slot))
        .collect();
    let taken: BTreeSet<SlotNo> = now.values().copied().collect();
    plan.placement
        .retain(|key, slot| !now.contains_key(key) && !taken.contains(slot));
    plan.placement.extend(now);
    plan.freed = assignment.clears.iter().copied().collect();
}

/// Fills `writes` and `packets`.
fn write(
    card: &CardProfile,
    envelope: &Envelope,
    items: &[Item],
    assignment: &Assignment,
    plan: &mut Plan,
) -> Result<(), PlanError> {
    let adn = |item: &Item, place: &Place| Write {
        slot: place.slot,
        content: content(item, place),
        entry: Some(item.wanted.key),
    };
    let ext1 = |item: &Item, place: &Place| {
        let (record, _) = place.ext1.filter(|(_, write)| *write)?;
        Some(Write {
            slot: SlotNo::ext1(record),
            content: item.record.ext1.clone()?,
            entry: None,
        })
    };
    let (mut ext1s, mut alone, mut dependents, mut plains) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (rank, (item, place)) in items.iter().zip(&assignment.places).enumerate() {
        match (ext1(item, place), place.write_adn) {
            (Some(tail), true) => {
                ext1s.push((rank, tail));
                dependents.push((rank, adn(item, place)));
            }
            (Some(tail), false) => alone.push((rank, tail)),
            (None, true) => plains.push((rank, adn(item, place))),
            (None, false) => {}
        }
    }
    ext1s.append(&mut alone);
    let blank = vec![0xFF; card.record_length.into()];
    plains.extend(assignment.clears.iter().map(|slot| {
        (
            usize::MAX,
            Write {
                slot: *slot,
                content: blank.clone(),
                entry: None,
            },
        )
    }));

    let counts = Counts {
        ext1: ext1s.len(),
        dependent: dependents.len(),
        plain: plains.len(),
    };
    let sizes = sizes(card, envelope);
    let shares = pack::pack(counts, &sizes).ok_or(PlanError::Room {
        max_parts: card.max_parts,
    })?;
    let (mut ext1s, mut dependents, mut plains) = (
        ext1s.into_iter(),
        dependents.into_iter(),
        plains.into_iter(),
    );
    for share in shares {
        let tails: Vec<Write> = ext1s
            .by_ref()
            .take(share.ext1)
            .map(|(_, write)| write)
            .collect();
        let mut adns: Vec<(usize, Write)> = dependents.by_ref().take(share.dependent).collect();
        adns.extend(plains.by_ref().take(share.plain));
        adns.sort_by_key(|(rank, _)| *rank);
        let adns: Vec<Write> = adns.into_iter().map(|(_, write)| write).collect();
        let packet = write_packet(card, envelope, share, tails, adns, &mut plan.writes);
        plan.packets.push(packet);
    }
    Ok(())
}

fn sizes(card: &CardProfile, envelope: &Envelope) -> Sizes {
    let overhead = |files: &[File]| script::overhead(card, files);
    Sizes {
        room: (1..=card.max_parts)
            .map(|parts| envelope.room(parts.into()))
            .collect(),
        ext1: 5 + usize::from(script::EXT1),
        adn: 5 + usize::from(card.record_length),
        only_adn: overhead(&[File::Adn]),
        only_ext1: overhead(&[File::Ext1]),
        ext1_first: overhead(&[File::Ext1, File::Adn]),
        adn_first: overhead(&[File::Adn, File::Ext1]),
    }
}

fn write_packet(
    card: &CardProfile,
    envelope: &Envelope,
    share: Share,
    tails: Vec<Write>,
    adns: Vec<Write>,
    writes: &mut Vec<Write>,
) -> PlannedPacket {
    let runs = if share.ext1_first {
        [tails, adns]
    } else {
        [adns, tails]
    };
    let runs: Vec<Vec<Write>> = runs.into_iter().filter(|run| !run.is_empty()).collect();
    let files: Vec<File> = runs
        .iter()
        .filter_map(|run| run.first())
        .map(|write| File::of(write.slot))
        .collect();
    let (mut payload, mut commands) = (Vec::new(), Vec::new());
    for (run, reach) in runs.into_iter().zip(script::reach(card, &files)) {
        if let Some(select) = reach.select {
            payload.extend(select);
            commands.push(None);
        }
        for write in run {
            payload.extend(script::update(write.slot, reach.p2, &write.content));
            commands.push(Some(writes.len()));
            writes.push(write);
        }
    }
    packet(envelope, Purpose::Write, payload, commands)
}

fn read_packet(card: &CardProfile, envelope: &Envelope, slot: SlotNo) -> PlannedPacket {
    // One record a packet: the compact format gives back the last command's data only (ETSI TS 102 226 §5.2.1.2).
    packet(
        envelope,
        Purpose::Read(slot),
        script::read(card, slot),
        vec![None, None],
    )
}

fn packet(
    envelope: &Envelope,
    purpose: Purpose,
    payload: Vec<u8>,
    commands: Vec<Option<usize>>,
) -> PlannedPacket {
    let parts = envelope
        .parts_for(payload.len())
        .and_then(|n| u8::try_from(n).ok())
        .unwrap_or(u8::MAX);
    let octets =
        u16::try_from(crate::encode::ota_octets(envelope, payload.len())).unwrap_or(u16::MAX);
    PlannedPacket {
        purpose,
        payload,
        commands,
        parts,
        octets,
    }
}

/// Packets that read `slots` back, one record each, in this order (verification).
///
/// # Errors
/// A wrong card profile.
pub fn reads(
    card: &CardProfile,
    slots: impl IntoIterator<Item = SlotNo>,
) -> Result<Vec<PlannedPacket>, ProfileError> {
    let envelope = card.envelope()?;
    Ok(slots
        .into_iter()
        .map(|slot| read_packet(card, &envelope, slot))
        .collect())
}

/// A packet that selects the phone book's directory and writes nothing: it proves keys, route and answer.
///
/// # Errors
/// A wrong card profile.
pub fn test(card: &CardProfile) -> Result<PlannedPacket, ProfileError> {
    let envelope = card.envelope()?;
    Ok(packet(
        &envelope,
        Purpose::Test,
        script::test(card),
        vec![None],
    ))
}

/// Whose a record is that was read for the first time: free only when it is blank. A record with a number and no name, or
/// with anything odd, is the owner's (DECISIONS.md, “a card in use”; CASES C42).
pub fn owner_of_read(slot: SlotNo, content: &[u8]) -> Owner {
    let rest = match content.split_first() {
        // A free EF_EXT1 record may begin with type 00 (3GPP TS 31.102 §4.4.2.4).
        Some((0, rest)) if slot.ext1_record().is_some() => rest,
        _ => content,
    };
    if is_blank(rest) {
        Owner::Free
    } else {
        Owner::Foreign
    }
}
