//! Messages from terminals and the answers to them (rows 9 and 20–23).

use crate::peer::*;
use delivery::*;
use wire::smpp::*;

#[test]
fn row_09_a_deliver_sm_is_answered_after_it_is_stored() {
    for (ok, status) in [(true, 0), (false, 0x64)] {
        let mut peer = Peer::bound();
        peer.receipt(77, "id:A1 stat:DELIVRD err:000 text:");
        assert!(peer.sent().is_empty());
        let ack = peer.line.events().iter().find_map(|event| match event {
            Event::Receipt { ack, .. } => Some(*ack),
            _ => None,
        });
        peer.line.stored(ack.unwrap(), ok);
        let answer = &peer.sent()[0];
        assert_eq!(
            (answer.command, answer.status, answer.sequence),
            (0x8000_0005, status, 77)
        );
    }
}

#[test]
fn row_09_a_text_sent_again_is_answered_each_time_and_handed_on_once() {
    let mut peer = Peer::bound();
    peer.says(0, 5, text(false, b"STOP"));
    let token = ack(&peer.line.events()).unwrap();
    // Again before it was stored: answered with it.
    peer.says(0, 6, text(false, b"STOP"));
    assert_eq!(ack(&peer.line.events()), None);
    peer.line.stored(token, true);
    let answers = |peer: &mut Peer| {
        let frames = peer.sent().into_iter();
        frames.map(|f| (f.sequence, f.status)).collect::<Vec<_>>()
    };
    assert_eq!(answers(&mut peer), [(5, 0), (6, 0)]);
    peer.now = 200_000;
    peer.line.tick(peer.now);
    peer.sent();
    peer.says(0, 7, text(false, b"STOP"));
    assert_eq!(ack(&peer.line.events()), None);
    assert_eq!(answers(&mut peer), [(7, 0)]);
    peer.now = 301_000;
    peer.line.tick(peer.now);
    peer.says(0, 8, text(false, b"STOP"));
    assert!(ack(&peer.line.events()).is_some());
}

#[test]
fn row_09_a_text_that_could_not_be_stored_is_new_when_it_comes_again() {
    let mut peer = Peer::bound();
    peer.says(0, 5, text(false, b"STOP"));
    let token = ack(&peer.line.events()).unwrap();
    peer.line.stored(token, false);
    assert_eq!(peer.sent()[0].status, 0x64);
    peer.says(0, 6, text(false, b"STOP"));
    assert!(ack(&peer.line.events()).is_some());
}

#[test]
fn row_09_another_text_and_a_por_are_always_handed_on() {
    let mut peer = Peer::bound();
    for (udhi, octets) in [
        (false, &b"STOP"[..]),
        (false, b"stop"),
        (true, &[2, 0x71, 0]),
        (true, &[2, 0x71, 0]),
    ] {
        peer.says(0, 5, text(udhi, octets));
        assert!(ack(&peer.line.events()).is_some(), "{octets:?}");
    }
}

#[test]
fn row_21_a_por_is_known_by_its_bits() {
    let mut peer = Peer::bound();
    let por = Deliver {
        source: (1, 1, "447700900101".into()),
        esm_class: 0x43,
        protocol_id: 0x7F,
        data_coding: 0xF6,
        message: vec![2, 0x71, 0],
        ..Deliver::default()
    };
    peer.says(0, 3, Body::Deliver(por));
    let events = peer.line.events();
    assert!(
        matches!(&events[..], [Event::Mobile { udhi: true, from, .. }] if from == "+447700900101"),
        "{events:?}"
    );
}

#[test]
fn row_23_the_payload_stands_in_for_the_message() {
    let mut peer = Peer::bound();
    let payload = Deliver {
        tlvs: wire::smpp::Tlvs(vec![(0x0424, b"STOP".to_vec())]),
        ..Deliver::default()
    };
    peer.says(0, 3, Body::Deliver(payload));
    let events = peer.line.events();
    assert!(
        matches!(&events[..], [Event::Mobile { user_data, .. }] if user_data == b"STOP"),
        "{events:?}"
    );
}

#[test]
fn row_20_data_codings_are_the_gateways() {
    for (config, wanted, sent) in [
        (serde_json::json!({}), 0xF6, 0xF6),
        (serde_json::json!({"data_coding_ota": 0x16}), 0xF6, 0x16),
        (serde_json::json!({"data_coding_ota": 4}), 0xF6, 4),
        (serde_json::json!({"data_coding_card": 4}), 0xF5, 4),
        (
            serde_json::json!({"data_coding_ota": 4, "data_coding_card": 4}),
            8,
            8,
        ),
    ] {
        let mut peer = Peer::bound_with(&config);
        peer.line.push(
            Outbound {
                target: Target::Notice { id: 1, part: 1 },
                lane: Lane::Interactive,
                destination: "+447700900101".into(),
                udhi: true,
                pid: 0x7F,
                dcs: wanted,
                user_data: vec![0xAA; 140],
                validity_s: None,
                fence: None,
                by: None,
            },
            0,
        );
        let body = peer.sent().remove(0).body;
        // data_coding, sm_default_msg_id, sm_length, then the octets: at the end, in short_message (row 23).
        assert_eq!(body[body.len() - 143..][..3], [sent, 0, 140], "{config}");
    }
}

#[test]
fn row_20_a_data_coding_that_the_gateway_rewrote_comes_with_its_octets_untouched() {
    for data_coding in [0, 4, 0x16, 0xF6] {
        let mut peer = Peer::bound();
        let octets = [2, 0x71, 0, 0x80, 0x1B, 0x00, 0xFF];
        let deliver = Deliver {
            esm_class: 0x40,
            data_coding,
            message: octets.to_vec(),
            ..Deliver::default()
        };
        peer.says(0, 3, Body::Deliver(deliver));
        let events = peer.line.events();
        assert!(
            matches!(&events[..], [Event::Mobile { dcs, user_data, .. }] if *dcs == data_coding && user_data == &octets),
            "{events:?}"
        );
    }
}

#[test]
fn row_22_a_por_inside_the_receipt_counts_as_both_and_is_answered_once() {
    let mut peer = Peer::bound();
    let deliver = Deliver {
        source: (1, 1, "447700900101".into()),
        esm_class: 0x44,
        data_coding: 0xF6,
        message: vec![2, 0x71, 0, 0, 0x0B],
        tlvs: wire::smpp::Tlvs(vec![(0x001E, b"A1\0".to_vec()), (0x0427, vec![2])]),
        ..Deliver::default()
    };
    peer.says(0, 52, Body::Deliver(deliver));
    let events = peer.line.events();
    let [
        Event::Receipt { ack: first, .. },
        Event::Mobile {
            udhi: true,
            ack: second,
            ..
        },
    ] = &events[..]
    else {
        panic!("{events:?}");
    };
    peer.line.stored(*first, true);
    peer.line.stored(*second, true);
    assert_eq!(peer.sent().len(), 1);
}

#[test]
fn row_22_a_por_inside_a_receipt_that_counts_for_none_is_stored_before_the_answer() {
    let mut peer = Peer::bound();
    for id in 1..=2 {
        peer.push(id, Lane::Interactive);
        let submit = peer.sent()[0].sequence;
        peer.answer(submit, "A1");
    }
    peer.line.events();
    let deliver = Deliver {
        source: (1, 1, "447700900101".into()),
        esm_class: 0x44,
        message: vec![2, 0x71, 0, 0, 0x0B],
        tlvs: wire::smpp::Tlvs(vec![(0x001E, b"A1\0".to_vec()), (0x0427, vec![2])]),
        ..Deliver::default()
    };
    peer.says(0, 52, Body::Deliver(deliver));
    assert_eq!(peer.sent().len(), 0);
    let events = peer.line.events();
    let [Event::Mobile { ack, .. }] = &events[..] else {
        panic!("{events:?}");
    };
    peer.line.stored(*ack, true);
    assert_eq!(peer.sent().len(), 1);
}

#[test]
fn row_23_a_message_of_255_octets_is_read_whole() {
    let mut peer = Peer::bound();
    let head = b"\0\x01\x01447700900101\0\0\x0112345\0\0\0\0\0\0\0\0\0\0\xFF";
    let length = u32::try_from(16 + head.len() + 255).unwrap();
    let header = [length, 5, 0, 7].map(u32::to_be_bytes).concat();
    let pdu = [&header[..], head, &[0x41; 255]].concat();
    peer.line.input(0, &pdu, 0);
    let events = peer.line.events();
    assert!(
        matches!(&events[..], [Event::Mobile { user_data, .. }] if user_data == &[0x41; 255]),
        "{events:?}"
    );
}
