//! What goes on after each outcome, as rows.

use crate::fixture::*;
use delivery::{
    Action, Answer, Class, Happening, NetworkError, PacketState, PartState, Policy, ReceiptState,
    ShipmentState, World, decide, decide_not_before,
};
use terminals::{ChannelKind, Proof, SlotNo};
use wire::ota::Rsc;

const POLICY: Policy = Policy::SERVE;

fn tell(world: &mut World, happening: &Happening, now: i64) -> Vec<Action> {
    let actions = decide(world, happening, &POLICY, now);
    let broken = broken(world, &[], now);
    assert!(broken.is_empty(), "{broken:?} after {happening:?}");
    actions
}

/// What goes next, when (seconds), and who is asked.
#[derive(Debug, PartialEq, Eq)]
enum Then {
    Same(i64, Option<&'static str>),
    New(i64, Option<&'static str>),
    Person(&'static str),
}

fn then(world: &World, now: i64) -> Then {
    let terminal = &world.terminal;
    let asked = terminal.trouble.as_ref().map(|trouble| &*trouble.key);
    let key = asked.map(|key| {
        let known = [
            "number", "ours", "keys", "tar", "security", "counter", "card", "memory",
        ];
        known.into_iter().find(|k| *k == key).unwrap()
    });
    match (terminal.in_flight, terminal.next_try) {
        (Some(_), _) => {
            let by = world.shipment.packets[0].deadline.unwrap();
            Then::Same((by - now) / 1000, key)
        }
        (None, Some(at)) => Then::New((at - now) / 1000, key),
        (None, None) => Then::Person(key.unwrap()),
    }
}

#[track_caller]
fn check_refused(class: Class, want: Then) {
    let mut world = sent(ChannelKind::SimOta, HIGHER);
    let happening = refused(&world, 1, class);
    tell(&mut world, &happening, NOW + 5);
    assert_eq!(then(&world, NOW + 5), want, "{class:?}");
}

#[test]
fn a_gateway_refuses() {
    check_refused(Class::Throttled, Then::Same(5, None));
    check_refused(Class::Temporary, Then::Same(10, None));
    check_refused(Class::Unknown, Then::Same(30, None));
    check_refused(Class::Destination, Then::New(21_600, Some("number")));
    check_refused(Class::Ours, Then::Person("ours"));
}

#[test]
fn the_same_packet_goes_again_octet_for_octet_and_the_waits_grow() {
    let mut world = sent(ChannelKind::SimOta, HIGHER);
    let octets = world.shipment.packets[0].parts[0].user_data.clone();
    let counter = world.terminal.counter_next;
    let mut now = NOW;
    let mut waits = Vec::new();
    for sending in 2..6 {
        let happening = no_answer(&world, 1);
        tell(&mut world, &happening, now);
        let by = world.shipment.packets[0].deadline.unwrap();
        waits.push((by - now) / 1000);
        now = by;
        let actions = tell(&mut world, &Happening::Clock, now);
        let [Action::Send(sent), Action::Wake(_)] = &actions[..] else {
            panic!("{actions:?}");
        };
        assert_eq!(sent[0].user_data, octets);
        assert_eq!(world.shipment.packets[0].sendings, sending);
    }
    assert_eq!(waits, [5, 10, 20, 40]);
    assert_eq!(world.terminal.counter_next, counter);
    // Once it is taken the gateway's waits begin anew.
    let happening = accepted(&world, 1);
    tell(&mut world, &happening, now);
    assert!(world.terminal.record.failures.is_empty());
}

#[track_caller]
fn check_receipt(state: ReceiptState, code: Option<u16>, want: Then) {
    let mut world = sent(ChannelKind::SimOta, HIGHER);
    let happening = accepted(&world, 1);
    tell(&mut world, &happening, NOW);
    let error = code.map(|code| NetworkError {
        code: Some(code),
        absent: false,
        raw: String::new(),
    });
    let part = part(&world, 1);
    tell(
        &mut world,
        &Happening::Receipt { part, state, error },
        NOW + 5,
    );
    assert_eq!(then(&world, NOW + 5), want, "{state:?} {code:?}");
}

#[test]
fn the_network_gives_up() {
    use ReceiptState::{Deleted, Delivered, EnRoute, Expired, Rejected, Undeliverable};
    check_receipt(Expired, None, Then::New(5, None));
    check_receipt(Deleted, None, Then::New(5, None));
    check_receipt(Undeliverable, None, Then::New(600, None));
    check_receipt(Rejected, None, Then::New(21_600, None)); // barred: asked at the second
    check_receipt(Undeliverable, Some(1), Then::New(21_600, Some("number")));
    check_receipt(Undeliverable, Some(6), Then::New(600, None));
    check_receipt(Expired, Some(27), Then::New(600, None));
    check_receipt(Undeliverable, Some(13), Then::New(21_600, None));
    check_receipt(Undeliverable, Some(32), Then::New(1_800, None));
    // Neither ends anything.
    check_receipt(EnRoute, Some(27), Then::Same(599, None));
    check_receipt(Delivered, None, Then::Same(599, None));
}

#[track_caller]
fn check_card(rsc: Rsc, want: Then) {
    let mut world = sent(ChannelKind::SimOta, HIGHER);
    let happening = answer(&world, 1, rsc);
    tell(&mut world, &happening, NOW + 5);
    assert_eq!(then(&world, NOW + 5), want, "{rsc:?}");
}

#[test]
fn the_card_refuses() {
    check_card(Rsc::ChecksumFailed, Then::New(21_600, Some("keys")));
    check_card(Rsc::CipheringError, Then::New(21_600, Some("keys")));
    check_card(Rsc::CounterLow, Then::New(5, None));
    check_card(Rsc::CounterHigh, Then::New(21_600, Some("counter")));
    check_card(Rsc::CounterBlocked, Then::Person("counter"));
    check_card(Rsc::SecurityError, Then::New(600, None));
    check_card(Rsc::NoMemory, Then::New(600, None));
    check_card(Rsc::TarUnknown, Then::New(21_600, Some("tar")));
    check_card(Rsc::SecurityTooLow, Then::New(21_600, Some("security")));
    // It answers later.
    check_card(Rsc::MoreTime, Then::Same(599, None));
    check_card(Rsc::FollowsBySubmit, Then::Same(599, None));
}

#[track_caller]
fn check_stopped(sw: u16, want: Then) {
    let mut world = sent(ChannelKind::SimOta, HIGHER);
    let Happening::Answer(yes) = answer(&world, 1, Rsc::Ok) else {
        unreachable!()
    };
    let executed = Some((1, sw, vec![]));
    let stopped = Happening::Answer(Answer { executed, ..yes });
    tell(&mut world, &stopped, NOW + 5);
    assert_eq!(then(&world, NOW + 5), want, "{sw:04X}");
}

#[test]
fn the_card_stops_at_a_command() {
    check_stopped(0x9300, Then::New(30, None));
    check_stopped(0x6581, Then::New(600, None));
    check_stopped(0x6A82, Then::Person("card"));
}

/// Three wrong answers and no more: the key may lock. A person acts, and it begins again.
#[test]
fn a_person_is_asked_while_it_goes_on_and_before_it_stops() {
    let mut world = sent(ChannelKind::SimOta, HIGHER);
    let mut now = NOW;
    let mut hours = Vec::new();
    for _ in 0..3 {
        let happening = answer(&world, 1, Rsc::ChecksumFailed);
        tell(&mut world, &happening, now);
        assert_eq!(world.terminal.trouble.as_ref().unwrap().key, "keys");
        let Some(at) = world.terminal.next_try else {
            break;
        };
        hours.push((at - now) / HOUR);
        now = at;
        plan(&mut world, 2, HIGHER, 1, now);
    }
    assert_eq!(hours, [6, 12]);
    assert_eq!(world.shipment.state, ShipmentState::Failed);
    plan(&mut world, 1, HIGHER, 1, now);
    let happening = answer(&world, 1, Rsc::Ok);
    tell(&mut world, &happening, now);
    assert_eq!(world.terminal.trouble, None);
    assert!(world.terminal.record.failures.is_empty());
}

#[test]
fn the_network_table_can_only_lengthen_a_wait() {
    for (not_before, want) in [(NOW, 5), (NOW + 60_000, 60), (i64::MIN, 5)] {
        let mut world = sent(ChannelKind::SimOta, HIGHER);
        let happening = refused(&world, 1, Class::Throttled);
        decide_not_before(&mut world, &happening, &POLICY, NOW, not_before);
        assert_eq!(then(&world, NOW), Then::Same(want, None));
        let mut world = sent(ChannelKind::SimOta, HIGHER);
        let happening = receipt(&world, 1, ReceiptState::Expired);
        decide_not_before(&mut world, &happening, &POLICY, NOW, not_before);
        assert_eq!(then(&world, NOW), Then::New(want, None));
    }
}

#[test]
fn counter_low_jumps_only_for_a_packet_that_went_out_once() {
    for (sendings, jump) in [(1, 1 << 20), (2, 0), (3, 0)] {
        let mut world = sent(ChannelKind::SimOta, HIGHER);
        let next = world.terminal.counter_next;
        for _ in 1..sendings {
            tell(&mut world, &Happening::Start, NOW);
        }
        let happening = answer(&world, 1, Rsc::CounterLow);
        tell(&mut world, &happening, NOW);
        assert_eq!(world.terminal.counter_next, next + jump, "sent {sendings}");
        assert!(world.terminal.next_try.is_some_and(|at| at > NOW));
        assert!(world.shadow.get(SlotNo(1)).doubt);
    }
}

/// A card whose rule is “one higher” gets nothing new before the fate of the last packet is known.
#[test]
fn a_card_that_wants_one_higher_gets_the_same_packet_until_it_answers() {
    let mut world = sent(ChannelKind::SimOta, ONE_HIGHER);
    let id = world.shipment.id;
    let mut now = NOW;
    for happening in [
        accepted(&world, 1),
        Happening::Clock,
        receipt(&world, 1, ReceiptState::Expired),
        answer(&world, 1, Rsc::NoMemory),
    ] {
        now += HOUR;
        tell(&mut world, &happening, now);
        assert_eq!(world.terminal.in_flight, Some(id), "{happening:?}");
    }
    // Also for longer than a message is valid: a notice says so.
    for _ in 0..20 {
        now = world.shipment.packets[0].deadline.unwrap();
        tell(&mut world, &Happening::Clock, now);
        let happening = accepted(&world, 1);
        tell(&mut world, &happening, now);
    }
    assert!(now > NOW + 24 * HOUR);
    assert_eq!(world.terminal.in_flight, Some(id));
    assert_eq!(
        world.terminal.record.notice.as_ref().unwrap().key,
        "expired"
    );
    // The card took an earlier copy, whose answer was lost: its counter is the one before the next packet's.
    let happening = answer(&world, 1, Rsc::CounterLow);
    let actions = tell(&mut world, &happening, now);
    assert!(matches!(&actions[0], Action::Send(sent) if sent.len() == 1));
    assert_eq!(world.shipment.packets[1].state, PacketState::Sending);
    assert_eq!(world.terminal.counter_next, 3);
    // Its answer was only late: that sends nothing again.
    let mut late = world.clone();
    let happening = answer(&late, 1, Rsc::Ok);
    assert_eq!(tell(&mut late, &happening, now), []);
    assert!(!late.shadow.get(SlotNo(1)).doubt);
    let happening = answer(&world, 2, Rsc::Ok);
    tell(&mut world, &happening, now);
    // What the first wrote is in doubt, and planned again.
    assert!(world.shadow.get(SlotNo(1)).doubt && !world.shadow.get(SlotNo(2)).doubt);
    assert!(world.terminal.next_try.is_some());
    assert_eq!(world.terminal.proven.0, 0);
}

/// What came twice, late, or for something that is over: rows of what happened before, what comes, and whether the
/// terminal may move by it.
#[track_caller]
fn check_harmless(
    channel: ChannelKind,
    before: &[fn(&World) -> Happening],
    comes: fn(&World) -> Happening,
) {
    let mut world = sent(channel, HIGHER);
    for happening in before {
        let happening = happening(&world);
        tell(&mut world, &happening, NOW);
    }
    let (shipment, slots) = (world.shipment.clone(), world.shadow.clone());
    let (in_flight, next) = (world.terminal.in_flight, world.terminal.next_try);
    let happening = comes(&world);
    // Later: what is proven keeps the time of its first proof.
    let actions = tell(&mut world, &happening, NOW + 1);
    assert_eq!(actions, [], "{happening:?}");
    assert_eq!(world.shadow, slots, "{happening:?}");
    assert_eq!(world.shipment.state, shipment.state, "{happening:?}");
    let states = |s: &delivery::Shipment| s.packets.iter().map(|p| p.state).collect::<Vec<_>>();
    assert_eq!(states(&world.shipment), states(&shipment), "{happening:?}");
    let deadlines = |s: &delivery::Shipment| s.packets[1].deadline;
    assert_eq!(deadlines(&world.shipment), deadlines(&shipment));
    assert_eq!(world.terminal.in_flight, in_flight, "{happening:?}");
    assert_eq!(world.terminal.next_try, next, "{happening:?}");
}

#[test]
fn duplicates_and_stragglers_change_nothing() {
    let yes = |w: &World| answer(w, 1, Rsc::Ok);
    let low = |w: &World| answer(w, 1, Rsc::CounterLow);
    let second = |_: &World| Happening::Start;
    let taken = |w: &World| accepted(w, 1);
    let delivered = |w: &World| receipt(w, 1, ReceiptState::Delivered);
    let expired = |w: &World| receipt(w, 1, ReceiptState::Expired);
    let throttled = |w: &World| refused(w, 1, Class::Throttled);
    let ours = |w: &World| refused(w, 1, Class::Ours);
    let silent = |w: &World| no_answer(w, 1);
    let of_first_sending = |w: &World| {
        let mut happening = receipt(w, 1, ReceiptState::Undeliverable);
        if let Happening::Receipt { part, .. } = &mut happening {
            part.sending = 1;
        }
        happening
    };
    let ota = ChannelKind::SimOta;
    // After the card's yes: its repetition, the second copy's “counter low”, every receipt, every late answer of a gateway.
    for comes in [yes, low, taken, delivered, expired, throttled, ours, silent] {
        check_harmless(ota, &[taken, second, yes], comes);
        check_harmless(ota, &[delivered, yes], comes);
    }
    // A receipt before its answer, twice, and for an earlier copy.
    check_harmless(ota, &[taken, delivered], delivered);
    check_harmless(ota, &[delivered, taken], delivered);
    check_harmless(ota, &[taken, second, taken], of_first_sending);
    // After the shipment is over.
    for comes in [taken, delivered, expired, throttled, ours, silent, low] {
        check_harmless(ota, &[taken, expired], comes);
    }
    // A business card: a second receipt for the first must not send the second again.
    let cards = ChannelKind::SmsCard;
    for comes in [delivered, expired, taken, throttled, silent] {
        check_harmless(cards, &[taken, delivered], comes);
    }
    check_harmless(cards, &[taken], silent);
}

#[test]
fn a_late_yes_still_counts() {
    let mut world = sent(ChannelKind::SimOta, HIGHER);
    for happening in [
        accepted(&world, 1),
        receipt(&world, 1, ReceiptState::Expired),
    ] {
        tell(&mut world, &happening, NOW);
    }
    assert_eq!(world.shipment.state, ShipmentState::Superseded);
    let happening = answer(&world, 1, Rsc::Ok);
    let actions = tell(&mut world, &happening, NOW + 1);
    assert_eq!(actions, [Action::Replan(NOW + 1)]);
    assert_eq!(world.shadow.get(SlotNo(1)).proof, Proof::Applied);
}

/// A write of unknown fate, another of unknown fate after it, then the first one's proof: the second may have been carried
/// out as well, so the slot stays in doubt. The same when the second is proven: its content stays.
#[test]
fn an_older_proof_says_nothing_of_a_newer_write() {
    for second_is_proven in [false, true] {
        let mut world = world(ChannelKind::SimOta);
        plan(&mut world, 1, HIGHER, 1, NOW);
        let happening = receipt(&world, 1, ReceiptState::Expired);
        tell(&mut world, &happening, NOW);
        let first = world.shipment.clone();
        plan(&mut world, 1, HIGHER, 2, NOW + 5_000);
        let happening = if second_is_proven {
            answer(&world, 1, Rsc::Ok)
        } else {
            receipt(&world, 1, ReceiptState::Expired)
        };
        decide(&mut world, &happening, &POLICY, NOW + 6_000);
        let slot = world.shadow.get(SlotNo(1));
        world.shipment = first;
        let happening = answer(&world, 1, Rsc::Ok);
        decide(&mut world, &happening, &POLICY, NOW + 7_000);
        assert_eq!(world.shadow.get(SlotNo(1)), slot);
        assert_eq!(slot.doubt, !second_is_proven);
        assert_eq!(world.shipment.packets[0].state, PacketState::Proven);
    }
}

/// A late answer that says where the card stopped is no proof of the rest, and plans nothing at once.
#[test]
fn a_late_answer_of_a_stopped_script_proves_only_what_ran() {
    let mut world = sent(ChannelKind::SimOta, HIGHER);
    let happening = receipt(&world, 1, ReceiptState::Expired);
    tell(&mut world, &happening, NOW);
    let next = world.terminal.next_try;
    let Happening::Answer(yes) = answer(&world, 1, Rsc::Ok) else {
        unreachable!()
    };
    let executed = Some((1, 0x6A82, vec![]));
    let stopped = Happening::Answer(Answer { executed, ..yes });
    for _ in 0..2 {
        assert_eq!(tell(&mut world, &stopped, NOW + 1), []);
        assert_eq!(world.shipment.packets[0].state, PacketState::Failed);
        assert!(world.shadow.get(SlotNo(1)).doubt);
        assert_eq!(world.terminal.next_try, next);
    }
}

/// The gateway's answer came after its time-out: the card is there, and its receipt is waited for like any other's.
#[test]
fn a_business_card_whose_acceptance_came_late_does_not_go_again() {
    let valid = i64::from(POLICY.validity_s) * 1000;
    for late in [true, false] {
        let mut world = sent(ChannelKind::SmsCard, HIGHER);
        let happening = no_answer(&world, 1);
        tell(&mut world, &happening, NOW + 10_000);
        if late {
            let happening = accepted(&world, 1);
            tell(&mut world, &happening, NOW + 60_000);
            assert_eq!(world.shipment.packets[0].state, PacketState::Waiting);
            let id = world.shipment.packets[0].parts[0].message_id.clone();
            assert_eq!(id.as_deref(), Some("m1"));
        }
        let mut now = NOW + 60_000;
        while now < NOW + valid {
            now = world.shipment.packets[0].deadline.unwrap();
            let actions = tell(&mut world, &Happening::Clock, now);
            let sent = actions.iter().find_map(|action| match action {
                Action::Send(parts) => Some(parts[0].user_data.len()),
                _ => None,
            });
            assert!(sent.is_none() || now >= NOW + valid, "{late} at {now}");
        }
        // As much as was proven: with the acceptance the first card is done, and nothing of it is planned anew.
        let proven = world.shipment.packets[0].state == PacketState::Proven;
        assert_eq!(proven, late);
    }
}

#[test]
fn a_refused_business_card_goes_again_and_one_of_unknown_fate_does_not() {
    let mut world = sent(ChannelKind::SmsCard, HIGHER);
    let happening = refused(&world, 1, Class::Throttled);
    tell(&mut world, &happening, NOW);
    let by = world.shipment.packets[0].deadline.unwrap();
    let actions = tell(&mut world, &Happening::Clock, by);
    assert!(matches!(&actions[0], Action::Send(sent) if sent.len() == 1));
    let happening = no_answer(&world, 1);
    tell(&mut world, &happening, by);
    let mut now = by;
    for _ in 0..200 {
        if world.terminal.in_flight.is_none() {
            break;
        }
        now = world.shipment.packets[0].deadline.unwrap();
        let actions = tell(&mut world, &Happening::Clock, now);
        let sends = actions.iter().any(|a| matches!(a, Action::Send(_)));
        assert!(!sends, "a second entry at {}", now - NOW);
    }
    assert_eq!(now, NOW + 24 * HOUR);
    assert!(world.terminal.next_try.is_some());
}

/// A gateway that never takes it: after the validity the shipment is closed, said, and planned anew.
#[test]
fn a_shipment_expires_with_a_notice_and_stays_wanted() {
    let mut world = sent(ChannelKind::SimOta, HIGHER);
    let mut now = NOW;
    for _ in 0..400 {
        if world.terminal.in_flight.is_none() {
            break;
        }
        let happening = refused(&world, 1, Class::Temporary);
        tell(&mut world, &happening, now);
        now = world.shipment.packets[0].deadline.unwrap();
        tell(&mut world, &Happening::Clock, now);
    }
    assert_eq!(now, NOW + 24 * HOUR);
    assert_eq!(world.shipment.state, ShipmentState::Failed);
    let outcome = world.shipment.packets[0].outcome.as_deref();
    assert_eq!(outcome, Some("Its validity ended without a proof."));
    assert_eq!(world.terminal.next_try, Some(now + 5_000));
    let notice = world.terminal.record.notice.clone().unwrap();
    assert_eq!((&*notice.key, notice.since), ("expired", NOW));
    assert!(notice.sentence.contains("24 hours"), "{}", notice.sentence);
    // The next proof takes it away.
    plan(&mut world, 1, HIGHER, 2, now);
    let happening = answer(&world, 1, Rsc::Ok);
    tell(&mut world, &happening, now);
    assert_eq!(world.terminal.record.notice, None);
    assert_eq!(world.terminal.proven.0, 2);
}

/// A terminal away for three days, edited every three hours: what waits for it in the network is one message, no older
/// than the longest proof wait, and then the newest state goes once.
#[test]
fn after_three_days_away_a_terminal_gets_the_newest_state_once() {
    let mut world = world(ChannelKind::SimOta);
    let back = NOW + 72 * HOUR;
    let (mut now, mut revision) = (NOW, 1);
    // What the network holds: until when, and from which revision it was made.
    let mut held: Vec<(i64, u64)> = Vec::new();
    let mut keep = |actions: &[Action], revision: u64, now: i64| {
        for action in actions {
            let Action::Send(parts) = action else {
                continue;
            };
            let until = now + i64::from(parts[0].validity_s.unwrap()) * 1000;
            held.push((until, revision));
        }
        held.retain(|(until, _)| *until > now);
        held.clone()
    };
    let actions = plan(&mut world, 1, HIGHER, revision, now);
    keep(&actions, revision, now);
    let mut shipments = 1;
    loop {
        let happening = accepted(&world, 1);
        if world.terminal.in_flight.is_some() {
            tell(&mut world, &happening, now);
        }
        let next = match world.terminal.in_flight {
            Some(_) => world.shipment.packets[0].deadline.unwrap(),
            None => world.terminal.next_try.unwrap(),
        };
        if next > back {
            break;
        }
        now = next;
        revision = 1 + u64::try_from((now - NOW) / (3 * HOUR)).unwrap();
        let waits = if world.terminal.in_flight.is_some() {
            let actions = tell(&mut world, &Happening::Clock, now);
            keep(&actions, revision, now)
        } else {
            shipments += 1;
            let actions = plan(&mut world, 1, HIGHER, revision, now);
            keep(&actions, revision, now)
        };
        assert!(waits.len() <= 1, "{waits:?} wait in the network");
    }
    assert!(shipments < 24, "{shipments} in three days");
    assert_eq!(
        world.terminal.record.notice.as_ref().unwrap().key,
        "expired"
    );
    // It is back: the one that waits arrives, then the newest, then nothing.
    let waits = keep(&[], 0, back);
    let newest = 1 + u64::try_from((back - NOW) / (3 * HOUR)).unwrap();
    assert!(
        waits.iter().all(|(_, made)| newest - made <= 3),
        "{waits:?}"
    );
    if world.terminal.in_flight.is_none() {
        plan(&mut world, 1, HIGHER, newest, back);
    }
    let happening = answer(&world, 1, Rsc::Ok);
    tell(&mut world, &happening, back);
    if world.terminal.proven.0 < newest {
        plan(&mut world, 1, HIGHER, newest, back);
        let happening = answer(&world, 1, Rsc::Ok);
        tell(&mut world, &happening, back);
    }
    assert_eq!(world.terminal.proven.0, newest);
    assert_eq!(
        (world.terminal.next_try, world.terminal.in_flight),
        (None, None)
    );
    assert_eq!(world.terminal.record.notice, None);
}

/// A part of a longer packet is refused: one wait, whichever part it was, and the whole packet again.
#[test]
fn parts_refused_together_count_once() {
    let mut world = sent(ChannelKind::SimOta, HIGHER);
    world.shipment.packets[0].parts = packet(1, Some(1), HIGHER, 3).parts;
    tell(&mut world, &Happening::Start, NOW);
    for n in 1..=3 {
        let mut happening = refused(&world, 1, Class::Throttled);
        if let Happening::Refused { part, .. } = &mut happening {
            part.part = n;
        }
        tell(&mut world, &happening, NOW);
    }
    assert_eq!(then(&world, NOW), Then::Same(5, None));
    assert_eq!(world.terminal.record.failures[&Class::Throttled], 1);
    let actions = tell(&mut world, &Happening::Clock, NOW + 5_000);
    assert!(matches!(&actions[0], Action::Send(sent) if sent.len() == 3));
    let sent = |p: &delivery::Part| p.state == PartState::Sent;
    assert!(world.shipment.packets[0].parts.iter().all(sent));
}
