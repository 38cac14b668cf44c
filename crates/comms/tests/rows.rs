//! SMPP.md, row by row, against the line without sockets: octets in, octets and events out.
#![allow(clippy::unwrap_used, missing_docs)]

use comms::{GatewayConfig, Line};
use delivery::network::Health;
use delivery::{Class, Event, Lane, Outbound, ReceiptState, Target};
use wire::smpp::{Body, Deliver, Frame, Frames, Pdu};

struct Peer {
    line: Line,
    now: i64,
}

fn config(extra: &serde_json::Value) -> GatewayConfig {
    let mut config = serde_json::json!({
        "name": "g", "host": "127.0.0.1", "system_id": "kith", "password": "secret8", "source": "12345", "window": 2,
    });
    for (key, value) in extra.as_object().unwrap() {
        config[key] = value.clone();
    }
    serde_json::from_value(config).unwrap()
}

impl Peer {
    fn bound() -> Self {
        Self::bound_with(&serde_json::json!({}))
    }

    fn bound_with(extra: &serde_json::Value) -> Self {
        let mut peer = Self {
            line: Line::new(config(extra), 0, 0),
            now: 0,
        };
        peer.line.connected(0, 0);
        let bind = peer.sent();
        peer.says(
            0,
            bind[0].sequence,
            Body::BindResp {
                system_id: "smsc".into(),
            },
        );
        peer.line.events();
        peer
    }

    fn says(&mut self, status: u32, sequence: u32, body: Body) {
        let pdu = Pdu {
            status,
            sequence,
            body,
        };
        self.line.input(0, &pdu.encode(), self.now);
    }

    /// What the line wrote, cut into frames.
    fn sent(&mut self) -> Vec<Frame> {
        let mut frames = Frames::default();
        frames.push(&self.line.output(0));
        std::iter::from_fn(|| frames.take().unwrap()).collect()
    }

    fn push(&mut self, id: u64, lane: Lane) {
        let message = Outbound {
            target: Target::Notice { id, part: 1 },
            lane,
            destination: "+447700900101".into(),
            udhi: false,
            pid: 0,
            dcs: 0,
            user_data: vec![0x41],
            validity_s: None,
        };
        self.line.push(message, self.now);
    }

    fn answer(&mut self, sequence: u32, id: &str) {
        self.says(
            0,
            sequence,
            Body::SubmitResp {
                message_id: Some(id.into()),
            },
        );
    }

    fn receipt(&mut self, sequence: u32, text: &str) {
        let deliver = Deliver {
            source: (1, 1, "447700900101".into()),
            esm_class: 4,
            message: text.as_bytes().to_vec(),
            ..Deliver::default()
        };
        self.says(0, sequence, Body::Deliver(deliver));
    }
}

fn states(events: &[Event]) -> Vec<(bool, ReceiptState)> {
    let receipts = events.iter().filter_map(|event| match event {
        Event::Receipt { target, state, .. } => Some((target.is_some(), *state)),
        _ => None,
    });
    receipts.collect()
}

#[test]
fn row_03_an_id_in_hex_comes_back_in_decimal_with_zeros() {
    let mut peer = Peer::bound();
    peer.push(1, Lane::Interactive);
    let submit = peer.sent()[0].sequence;
    peer.answer(submit, "2FA1C05B");
    peer.receipt(9, "id:0799129691 stat:DELIVRD err:000 text:");
    assert_eq!(
        states(&peer.line.events()),
        [(true, ReceiptState::Delivered)]
    );
}

#[test]
fn row_03_an_id_comes_back_without_its_zeros() {
    let mut peer = Peer::bound();
    peer.push(1, Lane::Interactive);
    let submit = peer.sent()[0].sequence;
    peer.answer(submit, "0000012345");
    peer.receipt(9, "id:12345 stat:DELIVRD err:000 text:");
    assert_eq!(
        states(&peer.line.events()),
        [(true, ReceiptState::Delivered)]
    );
}

#[test]
fn row_04_a_receipt_before_its_response_waits_for_it() {
    let mut peer = Peer::bound();
    peer.push(1, Lane::Interactive);
    let submit = peer.sent()[0].sequence;
    peer.receipt(9, "id:A1 stat:DELIVRD err:000 text:");
    assert!(states(&peer.line.events()).is_empty());
    peer.answer(submit, "A1");
    assert_eq!(
        states(&peer.line.events()),
        [(true, ReceiptState::Delivered)]
    );
}

#[test]
fn row_04_a_receipt_that_nobody_waits_for_goes_on_to_the_store() {
    let mut peer = Peer::bound();
    peer.receipt(9, "id:OLD stat:DELIVRD err:000 text:");
    assert_eq!(
        states(&peer.line.events()),
        [(false, ReceiptState::Delivered)]
    );
}

#[test]
fn row_08_a_receipt_is_known_by_bits_by_its_tlv_or_by_its_text_where_the_gateway_says_so() {
    const TEXT: &str = "id:A1 sub:001 dlvrd:001 stat:DELIVRD err:000 text:";
    let tlvs = || {
        wire::smpp::Tlvs(vec![
            (0x001E, b"A1\0".to_vec()),
            (0x0427, vec![2]),
            (0x1401, vec![9]),
        ])
    };
    for (esm_class, text, tlv, switch, receipts, mobiles) in [
        (0x04, TEXT, false, false, 1, 0),
        (0x20, TEXT, false, false, 1, 0),
        (0x27, TEXT, false, false, 1, 0),
        (0x44, TEXT, false, false, 1, 0),
        (0x00, TEXT, true, false, 1, 0),
        (0x00, "", true, false, 1, 0),
        (0x00, TEXT, false, false, 0, 1),
        (0x00, TEXT, false, true, 1, 0),
        (0x48, TEXT, false, true, 1, 0),
        (0x43, TEXT, false, true, 1, 0),
        (0x00, "id:B2 stat:DELIVRD text:", false, true, 0, 1),
        (0x00, "My id:A1 stat:DELIVRD", false, true, 0, 1),
        (0x00, "id:A1 stat:at home", false, true, 0, 1),
        // Marked, and nothing that can be understood: answered, and no text from a person.
        (0x04, "hello", false, false, 0, 0),
    ] {
        let mut peer = Peer::bound_with(&serde_json::json!({"plain_receipts": switch}));
        peer.push(1, Lane::Interactive);
        let submit = peer.sent()[0].sequence;
        peer.answer(submit, "A1");
        peer.line.events();
        let deliver = Deliver {
            source: (1, 1, "447700900101".into()),
            esm_class,
            message: text.as_bytes().to_vec(),
            tlvs: if tlv { tlvs() } else { Default::default() },
            ..Deliver::default()
        };
        peer.says(0, 9, Body::Deliver(deliver));
        let events = peer.line.events();
        let mobile = |e: &&Event| matches!(e, Event::Mobile { .. });
        let got = (states(&events).len(), events.iter().filter(mobile).count());
        assert_eq!(got, (receipts, mobiles), "{esm_class:02X} {text} {switch}");
        match ack(&events) {
            Some(token) => peer.line.stored(token, true),
            None => assert_eq!(peer.line.rows.gateway.errors["receipt not understood"], 1),
        }
        assert_eq!(peer.sent()[0].sequence, 9);
    }
}

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
fn row_04_a_receipt_is_answered_soon_and_still_matched_after_minutes() {
    let mut peer = Peer::bound_with(&serde_json::json!({"answer_seconds": 600}));
    peer.push(1, Lane::Interactive);
    let submit = peer.sent()[0].sequence;
    peer.receipt(9, "id:A1 stat:ACCEPTD err:000 text:");
    peer.receipt(10, "id:A1 stat:DELIVRD err:000 text:");
    peer.now = 3_000;
    peer.line.tick(peer.now);
    let unmatched = [
        (false, ReceiptState::EnRoute),
        (false, ReceiptState::Delivered),
    ];
    assert_eq!(states(&peer.line.events()), unmatched);
    peer.now = 240_000;
    peer.line.tick(peer.now);
    assert_eq!(states(&peer.line.events()), []);
    peer.answer(submit, "A1");
    let matched = [
        (true, ReceiptState::EnRoute),
        (true, ReceiptState::Delivered),
    ];
    assert_eq!(states(&peer.line.events()), matched);
}

#[test]
fn row_04_receipts_that_wait_are_bounded_and_none_is_lost() {
    let mut peer = Peer::bound_with(&serde_json::json!({"answer_seconds": 600}));
    peer.push(1, Lane::Interactive);
    for n in 0..10_010_u32 {
        peer.receipt(n, &format!("id:B{n} stat:DELIVRD err:000 text:"));
    }
    peer.line.tick(peer.now);
    assert_eq!(states(&peer.line.events()).len(), 10);
    peer.now = 3_000;
    peer.line.tick(peer.now);
    assert_eq!(states(&peer.line.events()).len(), 10_000);
}

/// A text from a terminal; `udhi` as with a PoR.
fn text(udhi: bool, octets: &[u8]) -> Body {
    Body::Deliver(Deliver {
        source: (1, 1, "447700900101".into()),
        destination: (0, 1, "12345".into()),
        esm_class: if udhi { 0x40 } else { 0 },
        message: octets.to_vec(),
        ..Deliver::default()
    })
}

fn ack(events: &[Event]) -> Option<u64> {
    events.iter().find_map(|event| match event {
        Event::Mobile { ack, .. } | Event::Receipt { ack, .. } => Some(*ack),
        _ => None,
    })
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
fn row_10_a_throttle_pauses_the_whole_link_and_it_goes_on_slower() {
    let mut peer = Peer::bound();
    peer.push(1, Lane::Interactive);
    let submit = peer.sent()[0].sequence;
    peer.says(0x58, submit, Body::SubmitResp { message_id: None });
    peer.push(2, Lane::Interactive);
    assert!(peer.sent().is_empty());
    assert_eq!(peer.line.rows.gateway.state, Health::Slow);
    assert!(peer.line.rows.gateway.reason.contains("sending slower"));
    peer.now += 2_000;
    peer.line.tick(peer.now);
    assert!(!peer.sent().is_empty());
}

#[test]
fn row_11_a_vendors_status_is_unknown_and_a_wrong_number_is_the_destinations() {
    for (status, class) in [
        (0x400, Class::Unknown),
        (0x0B, Class::Destination),
        (0x45, Class::Temporary),
    ] {
        let mut peer = Peer::bound();
        let part = delivery::PartRef {
            shipment: delivery::ShipmentId(1),
            packet: 1,
            part: 1,
            sending: 1,
        };
        let message = Outbound {
            target: Target::Part(part),
            lane: Lane::Interactive,
            destination: "+447700900101".into(),
            udhi: false,
            pid: 0,
            dcs: 0,
            user_data: vec![1],
            validity_s: Some(60),
        };
        peer.line.push(message, 0);
        let submit = peer.sent()[0].sequence;
        peer.says(status, submit, Body::SubmitResp { message_id: None });
        let refused = peer
            .line
            .events()
            .into_iter()
            .find_map(|event| match event {
                Event::Refused { class, .. } => Some(class),
                _ => None,
            });
        assert_eq!(refused, Some(class));
    }
}

#[test]
fn row_11_a_text_refused_for_the_moment_goes_again_a_few_times_and_not_at_once() {
    let mut peer = Peer::bound();
    peer.push(1, Lane::Interactive);
    for _ in 0..4 {
        let submit = peer.sent()[0].sequence;
        peer.says(0x08, submit, Body::SubmitResp { message_id: None });
        assert!(peer.sent().is_empty());
        assert!(peer.line.events().is_empty());
        peer.now += 5_000;
        peer.line.tick(peer.now);
    }
    let submit = peer.sent()[0].sequence;
    peer.says(0x08, submit, Body::SubmitResp { message_id: None });
    assert!(matches!(peer.line.events()[..], [Event::Refused { .. }]));
}

#[test]
fn row_12_no_response_in_time_is_unknown_and_a_late_one_changes_nothing() {
    let mut peer = Peer::bound();
    peer.push(1, Lane::Interactive);
    let submit = peer.sent()[0].sequence;
    peer.now = 11_000;
    peer.line.tick(peer.now);
    assert!(matches!(peer.line.events()[..], [Event::NoAnswer { .. }]));
    peer.answer(submit, "A1");
    assert!(peer.line.events().is_empty());
}

#[test]
fn row_13_already_bound_backs_off_longer_each_time() {
    let mut line = Line::new(config(&serde_json::json!({})), 0, 0);
    let mut waits = Vec::new();
    for _ in 0..12 {
        line.connected(0, 0);
        line.output(0);
        let refusal = Pdu {
            status: 5,
            sequence: 1,
            body: Body::BindResp {
                system_id: String::new(),
            },
        };
        line.input(0, &refusal.encode(), 0);
        line.closed(0, "closed", 0);
        waits.push(line.backoff(0.0));
    }
    assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]), "{waits:?}");
    assert!(*waits.last().unwrap() > 120_000, "{waits:?}");
    assert!(
        line.rows.gateway.reason.contains("already bound"),
        "{}",
        line.rows.gateway.reason
    );
}

#[test]
fn row_14_silence_is_asked_about_and_then_ends_the_connection() {
    let mut peer = Peer::bound();
    peer.now = 31_000;
    peer.line.tick(peer.now);
    assert_eq!(peer.sent()[0].command, 0x15);
    peer.now += 11_000;
    peer.line.tick(peer.now);
    assert!(peer.line.closing(0));
    assert_eq!(peer.line.rows.gateway.state, Health::Down);
}

#[test]
fn row_15_an_unbind_is_answered() {
    let mut peer = Peer::bound();
    peer.says(0, 5, Body::Unbind);
    let answer = &peer.sent()[0];
    assert_eq!((answer.command, answer.sequence), (0x8000_0006, 5));
    assert!(peer.line.closing(0));
}

#[test]
fn row_16_the_bind_resp_and_a_deliver_sm_in_one_segment() {
    let mut line = Line::new(config(&serde_json::json!({})), 0, 0);
    line.connected(0, 0);
    let bound = Pdu {
        status: 0,
        sequence: 1,
        body: Body::BindResp {
            system_id: "smsc".into(),
        },
    };
    let message = Pdu {
        status: 0,
        sequence: 2,
        body: Body::Deliver(Deliver {
            message: b"STOP".to_vec(),
            ..Deliver::default()
        }),
    };
    line.input(0, &[bound.encode(), message.encode()].concat(), 0);
    assert!(
        line.events()
            .iter()
            .any(|event| matches!(event, Event::Mobile { .. }))
    );
}

#[test]
fn row_11_kinds_of_errors_without_end_are_counted_as_other() {
    let mut peer = Peer::bound();
    for command in 0x0A00..0x0B00_u32 {
        let header = [16, command, 0, 7].map(u32::to_be_bytes).concat();
        peer.line.input(0, &header, 0);
    }
    let errors = &peer.line.rows.gateway.errors;
    assert_eq!((errors.len(), errors["other"]), (65, 256 - 64));
}

/// A line whose sequence numbers are about to begin again at 1.
fn at_the_last_sequence() -> Peer {
    let mut peer = Peer::bound_with(&serde_json::json!({"window": 10}));
    peer.line.number_from(0x7FFF_FFFE);
    peer
}

#[test]
fn row_17_numbers_begin_again_at_1_and_skip_those_in_flight() {
    let mut peer = at_the_last_sequence();
    (1..=3).for_each(|id| peer.push(id, Lane::Interactive));
    let numbers = |frames: Vec<Frame>| frames.iter().map(|f| f.sequence).collect::<Vec<_>>();
    assert_eq!(numbers(peer.sent()), [0x7FFF_FFFF, 1, 2]);
    peer.line.number_from(0x7FFF_FFFE);
    peer.push(4, Lane::Interactive);
    assert_eq!(numbers(peer.sent()), [3]);
}

#[test]
fn row_17_a_nack_with_sequence_0_fails_the_oldest_and_the_line_binds_anew() {
    let mut peer = at_the_last_sequence();
    (1..=3).for_each(|id| peer.push(id, Lane::Interactive));
    peer.sent();
    peer.says(3, 0, Body::GenericNack);
    let events = peer.line.events();
    assert!(
        matches!(
            &events[..],
            [
                Event::Refused {
                    target: Target::Notice { id: 1, .. },
                    ..
                },
                Event::Gateway { up: false, .. }
            ]
        ),
        "{events:?}"
    );
    assert_eq!(peer.sent()[0].command, 6);
    assert!(peer.line.closing(0));
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
fn interactive_goes_before_bulk_and_the_window_holds() {
    let mut peer = Peer::bound();
    for (id, lane) in [
        (1, Lane::Bulk),
        (2, Lane::Bulk),
        (3, Lane::Bulk),
        (4, Lane::Interactive),
    ] {
        peer.push(id, lane);
    }
    let first = peer.sent();
    assert_eq!(first.len(), 2);
    peer.answer(first[0].sequence, "A1");
    peer.answer(first[1].sequence, "A2");
    let accepted: Vec<_> = peer.line.events();
    assert_eq!(accepted.len(), 2);
    let next = peer.sent();
    peer.answer(next[0].sequence, "A3");
    let third = peer.line.events();
    assert!(
        matches!(
            &third[..],
            [Event::Accepted {
                target: Target::Notice { id: 4, .. },
                ..
            }]
        ),
        "{third:?}"
    );
}

#[test]
fn a_transmitter_and_a_receiver_are_one_link() {
    let mut line = Line::new(config(&serde_json::json!({"bind": "tx_rx"})), 0, 0);
    assert_eq!(line.ports(), 2);
    for (port, command) in [(0, 2_u8), (1, 1)] {
        line.connected(port, 0);
        let octets = line.output(port);
        assert_eq!(octets[7], command);
        let bound = Pdu {
            status: 0,
            sequence: 1,
            body: Body::BindResp {
                system_id: "smsc".into(),
            },
        };
        assert_ne!(line.rows.gateway.state, Health::Up);
        line.input(port, &bound.encode(), 0);
    }
    assert_eq!(line.rows.gateway.state, Health::Up);
}
