//! Every channel has all of its places: a planner, an encoder, profile data, words. A new channel that lacks one fails here.
#![allow(clippy::unwrap_used)]

use book::{FriendNo, NumberNo};
use std::collections::BTreeMap;
use terminals::{
    CardProfile, ChannelKind, Desired, EntryKey, EntryState, LeftOut, LeftOutReason, Owner, Plan,
    PlanInput, Proof, Purpose, Shadow, TerminalProfile, TerminalStatus, Wanted, encode_packet,
    entries, plan, read_proof,
};
use wire::ota::{Counter, Executed, Kind, Reference, Response, Rsc, encode_response, split};

/// The profile data of a channel: which card (if any) and which phone it is tried with.
fn data(channel: ChannelKind) -> (Option<CardProfile>, TerminalProfile) {
    match channel {
        ChannelKind::SimOta => (
            CardProfile::builtin("usim-28x100"),
            TerminalProfile::builtin("feature-phone").unwrap(),
        ),
        ChannelKind::SmsCard => (None, TerminalProfile::builtin("card-phone").unwrap()),
    }
}

fn entry(friend: u32, number: u32, name: &str, dial: &str) -> Wanted {
    let key = EntryKey {
        friend: FriendNo(friend),
        number: NumberNo(number),
    };
    Wanted {
        key,
        name: name.into(),
        suffix: 0,
        dial: dial.into(),
        speed_dial: None,
    }
}

fn make(channel: ChannelKind, desired: &Desired, shadow: &Shadow, before: &Plan) -> Plan {
    let (card, terminal) = data(channel);
    plan(&PlanInput {
        channel,
        card: card.as_ref(),
        terminal: &terminal,
        desired,
        shadow,
        placement: &before.placement,
        freed: &[],
        everything: false,
    })
    .unwrap()
}

#[test]
fn every_channel_has_a_planner_an_encoder_and_profile_data() {
    let book = book::Book::new(book::SubscriberId::new(0, 1));
    for channel in ChannelKind::ALL {
        assert_eq!(ChannelKind::parse(channel.as_str()), Some(channel));
        let (card, _) = data(channel);
        let keys = card
            .as_ref()
            .map(|card| card.keys(&[1; 16], &[2; 16]).unwrap());
        let desired = Desired {
            entries: vec![
                entry(1, 1, "Mei", "+447700900123"),
                entry(2, 2, "小梅", "112"),
            ],
            left_out: vec![],
        };
        let mut shadow = Shadow::default();
        let first = make(channel, &desired, &shadow, &Plan::default());
        assert_eq!(first.writes.len(), 2, "{channel:?}");
        assert!(!first.reasons.is_empty());
        for packet in &first.packets {
            assert_eq!(packet.purpose, Purpose::Write);
            let counter = Counter::new(7).unwrap();
            let messages = encode_packet(
                channel,
                card.as_ref(),
                packet,
                keys.as_ref(),
                counter,
                0x1234,
            )
            .unwrap();
            assert_eq!(messages.len(), usize::from(packet.parts), "{channel:?}");
            assert_eq!(
                messages.iter().map(|m| m.octets.len()).sum::<usize>(),
                usize::from(packet.octets),
                "{channel:?}"
            );
            assert!(messages.iter().all(|m| m.udhi && m.octets.len() <= 140));
        }
        first
            .writes
            .iter()
            .for_each(|w| shadow.apply(w, channel.highest_proof(), 5));
        assert!(
            make(channel, &desired, &shadow, &first).writes.is_empty(),
            "{channel:?} is idempotent"
        );
        let views = entries(
            channel,
            &book,
            &desired,
            &first,
            &shadow,
            &TerminalStatus::default(),
        );
        let again = make(channel, &desired, &shadow, &first);
        let settled = entries(
            channel,
            &book,
            &desired,
            &again,
            &shadow,
            &TerminalStatus::default(),
        );
        assert_eq!((views.len(), settled.len()), (2, 2));
        for view in settled {
            assert_eq!(view.proof, channel.highest_proof());
            assert!(matches!(
                view.state,
                EntryState::OnTerminal | EntryState::Delivered | EntryState::Sent
            ));
            assert_eq!(
                view.state == EntryState::OnTerminal,
                channel.highest_proof() >= Proof::Applied
            );
        }
        // Taken out of the book: removed where the channel can, said where it cannot.
        let empty = make(channel, &Desired::default(), &shadow, &again);
        assert_eq!(empty.writes.len(), if channel.can_remove() { 2 } else { 0 });
        let state = if channel.can_remove() {
            EntryState::Removing
        } else {
            EntryState::Foreign
        };
        let views = entries(
            channel,
            &book,
            &Desired::default(),
            &empty,
            &shadow,
            &TerminalStatus::default(),
        );
        assert_eq!(
            views
                .iter()
                .map(|v| (v.state, v.name_shown.as_str()))
                .collect::<BTreeMap<_, _>>()
                .len(),
            1
        );
        assert!(
            views.iter().all(|v| v.state == state
                && !v.name_shown.is_empty()
                && !v.number_shown.is_empty())
        );
    }
}

#[test]
fn a_cards_answer_is_read_back_and_proves_the_writes_that_ran() {
    let card = CardProfile::builtin("usim-28x100").unwrap();
    let keys = card.keys(&[1; 16], &[2; 16]).unwrap();
    let desired = Desired {
        entries: vec![entry(1, 1, "Mei", "112"), entry(2, 2, "Jo", "999")],
        left_out: vec![],
    };
    let plan = make(
        ChannelKind::SimOta,
        &desired,
        &Shadow::default(),
        &Plan::default(),
    );
    let packet = &plan.packets[0];
    for (executed, sw, proven) in [
        (3, 0x9000, vec![0, 1]),
        (3, 0x910F, vec![0, 1]),
        (3, 0x6A83, vec![0]),
        (2, 0x9000, vec![0]),
        (2, 0x6581, vec![]),
        (1, 0x6A82, vec![]),
        (0, 0x9000, vec![]),
        (9, 0x9000, vec![0, 1]),
    ] {
        let response = Response {
            tar: card.tar().unwrap(),
            cntr: Counter::new(7).unwrap(),
            rsc: Rsc::Ok,
            executed: Some(Executed {
                commands: executed,
                sw: u16::to_be_bytes(sw),
                data: vec![],
            }),
            checked: true,
        };
        let octets = encode_response(&response, &keys, card.spi().unwrap()).unwrap();
        let parts = split(&octets, Kind::Response, Reference::Eight(1), false).unwrap();
        let read = read_proof(&card, &keys, &parts).unwrap();
        assert_eq!(read, response);
        let done = read.executed.unwrap();
        assert_eq!(
            terminals::applied(packet, done.commands, u16::from_be_bytes(done.sw)),
            proven,
            "{executed} {sw:x}"
        );
    }
}

#[test]
fn a_card_holds_all_numbers_of_a_friend_and_a_change_is_a_new_card_in_the_same_slot() {
    let channel = ChannelKind::SmsCard;
    let mut home = entry(1, 1, "Jo Doe H", "+442079460123");
    home.suffix = 2;
    let mut work = entry(1, 2, "Jo Doe W", "+442079460124");
    work.suffix = 2;
    let desired = Desired {
        entries: vec![home, work, entry(2, 3, "Mei", "112")],
        left_out: vec![],
    };
    let first = make(channel, &desired, &Shadow::default(), &Plan::default());
    assert_eq!(
        String::from_utf8(first.writes[0].content.clone()).unwrap(),
        "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Jo Doe;\r\nTEL;CELL:+442079460123\r\nTEL;CELL:+442079460124\r\nEND:VCARD\r\n"
    );
    assert_eq!(
        (first.shown[0].name.as_str(), first.shown[0].number.as_str()),
        ("Jo Doe", "+442079460123, +442079460124")
    );
    let mut shadow = Shadow::default();
    first
        .writes
        .iter()
        .for_each(|w| shadow.apply(w, Proof::Delivered, 5));

    let fewer = Desired {
        entries: desired.entries[1..].to_vec(),
        left_out: vec![],
    };
    let second = make(channel, &fewer, &shadow, &first);
    assert_eq!(second.writes.len(), 1);
    assert_eq!(second.writes[0].slot, first.writes[0].slot);
    let gone = make(
        channel,
        &Desired {
            entries: fewer.entries[1..].to_vec(),
            left_out: vec![],
        },
        &shadow,
        &first,
    );
    assert!(gone.writes.is_empty());
    assert!(
        gone.reasons
            .iter()
            .any(|r| r.contains("cannot be taken back")),
        "{:?}",
        gone.reasons
    );
}

#[test]
fn what_pages_say_follows_the_shipment() {
    let book = book::Book::new(book::SubscriberId::new(0, 1));
    let channel = ChannelKind::SimOta;
    let desired = Desired {
        entries: vec![entry(1, 1, "Mei", "112")],
        left_out: vec![LeftOut {
            key: EntryKey {
                friend: FriendNo(9),
                number: NumberNo(0),
            },
            reason: LeftOutReason::NoNumber,
        }],
    };
    let mut shadow = Shadow::default();
    let first = make(channel, &desired, &shadow, &Plan::default());
    let slot = first.shown[0].slot;
    let flight = TerminalStatus {
        in_flight: [slot].into(),
        ..TerminalStatus::default()
    };
    let check = |shadow: &Shadow, status: TerminalStatus, state: EntryState| {
        let plan = make(channel, &desired, shadow, &first);
        let views = entries(channel, &book, &desired, &plan, shadow, &status);
        assert_eq!(views[0].state, state);
        assert_eq!(views[1].state, EntryState::LeftOut);
        assert!(views[1].reason.is_some());
        views[0].clone()
    };
    check(&shadow, TerminalStatus::default(), EntryState::Saved);
    check(
        &shadow,
        TerminalStatus {
            sending: true,
            ..flight.clone()
        },
        EntryState::Sending,
    );
    check(
        &shadow,
        TerminalStatus {
            waiting: true,
            ..flight.clone()
        },
        EntryState::Waiting,
    );
    let trouble = TerminalStatus {
        trouble: Some("Wrong keys.".into()),
        ..flight
    };
    assert_eq!(
        check(&shadow, trouble, EntryState::Trouble)
            .reason
            .as_deref(),
        Some("Wrong keys.")
    );
    shadow.doubt(slot);
    check(&shadow, TerminalStatus::default(), EntryState::Waiting);
    shadow.apply(&first.writes[0], Proof::Applied, 9);
    assert_eq!(
        check(&shadow, TerminalStatus::default(), EntryState::OnTerminal).was,
        None
    );
    let held = TerminalStatus {
        held: [FriendNo(1)].into(),
        ..TerminalStatus::default()
    };
    check(&shadow, held, EntryState::Held);

    // A rename: the new name is on its way, the old one stands meanwhile.
    let renamed = Desired {
        entries: vec![entry(1, 1, "Mei Lin", "112")],
        left_out: vec![],
    };
    let plan = make(channel, &renamed, &shadow, &first);
    assert_eq!(
        plan.reasons[0],
        format!(
            "Mei Lin keeps record {}: a rename rewrites the same record.",
            slot.0
        )
    );
    let views = entries(
        channel,
        &book,
        &renamed,
        &plan,
        &shadow,
        &TerminalStatus::default(),
    );
    let was = views[0].was.as_ref().unwrap();
    assert_eq!(
        (views[0].state, was.name_shown.as_str(), was.proof),
        (EntryState::Saved, "Mei", Proof::Applied)
    );
    assert!(matches!(shadow.get(slot).owner, Owner::Ours(_)));
}
