//! What goes on after something went wrong: the schedule's row decides (rule 5: nothing is given up, nothing spins).

use super::{Action, Moment, World, by_receipt};
use crate::schedule::{LEAST, Next};
use crate::{Class, Notice, PacketState, PartState, ShipmentState, Trouble};

/// Outcome `class` of packet `at`, which `why` tells in a sentence: the very same packet later, a new plan later, or a
/// person first. The caller has set the packet's state for the case that a new plan takes its place.
pub(super) fn again(
    world: &mut World,
    at: usize,
    class: Class,
    why: &str,
    m: &Moment,
) -> Vec<Action> {
    let times = world.terminal.failed(class);
    let row = class.row();
    if let Some(ask) = row.ask.filter(|ask| times >= ask.after) {
        world.terminal.trouble = Some(Trouble {
            key: ask.key.to_owned(),
            sentence: format!("{why} {}", ask.act),
        });
    }
    if row.stop.is_some_and(|stop| times >= stop) {
        return end_unproven(world, ShipmentState::Failed, None, why, m);
    }
    let next = (m.now + row.wait(m.policy, times)).max(m.not_before);
    let end = m.end_of(&world.shipment);
    let Some(packet) = world.shipment.packets.get_mut(at) else {
        return end_unproven(world, ShipmentState::Superseded, Some(next), why, m);
    };
    // A card that takes only the next counter gets nothing new before this one's fate is known: the same packet always
    // finds out, since a card that took it answers “counter low”.
    let strict = packet.one_higher();
    if row.next == Next::New && !strict {
        return end_unproven(world, ShipmentState::Superseded, Some(next), why, m);
    }
    let next = if strict {
        next
    } else {
        next.min(end.max(m.now + LEAST))
    };
    packet.state = PacketState::Sending;
    packet.deadline = Some(next);
    // What was taken goes again with the rest: a second copy does no harm (rule 3), but for business cards.
    for part in &mut packet.parts {
        if strict || part.state == PartState::Accepted && !by_receipt(world.terminal.channel) {
            part.state = PartState::Sent;
        }
    }
    world.shipment.state = ShipmentState::Sending;
    world.terminal.next_try = Some(next);
    world.terminal.last_outcome = Some(why.to_owned());
    note(world, m);
    vec![Action::Wake(next)]
}

/// The shipment's validity ended without proof: it is closed, and the newest state goes soon.
pub(super) fn expire(world: &mut World, at: usize, m: &Moment) -> Vec<Action> {
    if let Some(packet) = world.shipment.packets.get_mut(at) {
        packet.state = if packet.sendings == 0 {
            PacketState::Failed
        } else {
            PacketState::Unknown
        };
        packet.outcome = Some("Its validity ended without a proof.".into());
        packet.deadline = None;
    }
    world.terminal.tries = world.terminal.tries.saturating_add(1);
    let times = world.terminal.failed(Class::Expired);
    let next = m.now + Class::Expired.row().wait(m.policy, times);
    let why = "The message's validity ended without a proof; the newest state is sent again.";
    let next = Some(next.max(m.not_before));
    end_unproven(world, ShipmentState::Failed, next, why, m)
}

/// The shipment ends without proof of all of it; the terminal is planned again at `next_try` (rule 5), or not before a
/// person did something.
pub(super) fn end_unproven(
    world: &mut World,
    state: ShipmentState,
    next_try: Option<i64>,
    why: &str,
    m: &Moment,
) -> Vec<Action> {
    world.shipment.state = state;
    world.terminal.in_flight = None;
    world.terminal.next_try = next_try;
    world.terminal.last_outcome = Some(why.to_owned());
    note(world, m);
    next_try.map(Action::Replan).into_iter().collect()
}

/// Remembers since when nothing is proven, and says so once that is as long as a message is valid.
fn note(world: &mut World, m: &Moment) {
    let terminal = &mut world.terminal;
    let since = terminal.record.unproven_since;
    let since = *terminal
        .record
        .unproven_since
        .insert(since.unwrap_or(world.shipment.at));
    let valid = i64::from(m.policy.validity_s) * 1000;
    if m.now - since < valid {
        return;
    }
    let long = match valid.div_euclid(3_600_000) {
        0 => format!("{} minutes", valid.div_euclid(60_000)),
        hours => format!("{hours} hours"),
    };
    let sentence = format!(
        "Nothing has been proven for {long}: the terminal may be off or away. Kith keeps trying, and the newest state goes there when it is back."
    );
    let notice = Notice {
        key: "expired".into(),
        sentence: sentence.clone(),
        since,
    };
    terminal.record.notice.get_or_insert(notice);
    if terminal.next_try.is_some() {
        terminal.last_outcome = Some(sentence);
    }
}
