//! Receipts: matched, early, told from messages (rows 1–8).

use crate::peer::*;
use delivery::*;
use wire::smpp::*;

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

/// The message that each receipt – from a number, with an id – is matched to, by its place among those taken.
#[track_caller]
fn matched(taken: &[(&str, &str)], receipts: &[(&str, &str)], expected: &[Option<u64>]) -> Peer {
    let mut peer = Peer::bound();
    for ((to, id), n) in taken.iter().zip(1..) {
        let message = Outbound {
            target: Target::Notice { id: n, part: 1 },
            destination: format!("+{to}"),
            udhi: false,
            ..part(1)
        };
        peer.line.push(message, 0);
        let submit = peer.sent()[0].sequence;
        peer.answer(submit, id);
    }
    peer.line.events();
    for (from, id) in receipts {
        let deliver = Deliver {
            source: (1, 1, (*from).into()),
            esm_class: 4,
            message: format!("id:{id} stat:DELIVRD err:000 text:").into_bytes(),
            ..Deliver::default()
        };
        peer.says(0, 9, Body::Deliver(deliver));
    }
    let found = peer
        .line
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Receipt { target, .. } => Some(target.map(|target| match target {
                Target::Notice { id, .. } => id,
                Target::Part(_) => 0,
            })),
            _ => None,
        });
    assert_eq!(found.collect::<Vec<_>>(), expected);
    peer
}

const JOE: &str = "447700900101";
const MEI: &str = "447700900102";

#[test]
fn row_03_where_two_messages_match_the_destination_tells() {
    // 10 is the second's id as it is, and the first's (hex A) in decimal.
    let taken = [(JOE, "A"), (MEI, "10")];
    matched(&taken, &[(JOE, "10")], &[Some(1)]);
    matched(&taken, &[(MEI, "10")], &[Some(2)]);
    // From neither, and nothing known of the link yet: the very same id.
    matched(&taken, &[("12345", "10")], &[Some(2)]);
}

#[test]
fn row_03_the_links_form_is_learnt() {
    let taken = [(JOE, "A"), (JOE, "FF"), (JOE, "10")];
    matched(&taken, &[(JOE, "255"), (JOE, "10")], &[Some(2), Some(1)]);
}

#[test]
fn row_03_an_early_receipt_is_not_taken_for_another_message_by_its_form() {
    let mut peer = matched(&[(JOE, "64"), (JOE, "99")], &[(JOE, "99")], &[Some(2)]);
    peer.push(3, Lane::Interactive);
    let submit = peer.sent().pop().unwrap().sequence;
    // 100 is hex 64, but on this link ids come back as they are.
    peer.receipt(9, "id:100 stat:DELIVRD");
    assert_eq!(states(&peer.line.events()), []);
    peer.answer(submit, "100");
    let events = peer.line.events();
    assert!(
        events.iter().any(|event| matches!(
            event,
            Event::Receipt {
                target: Some(Target::Notice { id: 3, .. }),
                ..
            }
        )),
        "{events:?}"
    );
}

#[test]
fn row_03_two_matches_that_nothing_tells_apart_are_none_and_counted() {
    // 100 is neither's id: hex 64 of the first, decimal 256 of the second.
    let mut peer = matched(&[(JOE, "64"), (JOE, "256")], &[(JOE, "100")], &[]);
    assert_eq!(peer.line.rows.gateway.errors[AMBIGUOUS], 1);
    // Control is not asked, which may know only one of them; the gateway has its answer.
    let answer = peer.sent().remove(0);
    assert_eq!((answer.command, answer.status), (0x8000_0005, 0));
}

const AMBIGUOUS: &str = "receipt matches two messages";

#[test]
fn row_03_an_id_that_is_given_again_is_the_one_whose_number_fits() {
    let taken = [(JOE, "100"), (MEI, "100")];
    matched(&taken, &[(JOE, "100"), (MEI, "100")], &[Some(1), Some(2)]);
    matched(&taken, &[(MEI, "100"), (JOE, "100")], &[Some(2), Some(1)]);
    // As its own country writes it.
    matched(&taken, &[("07700900101", "100")], &[Some(1)]);
    // Said again when all is known: still his.
    matched(
        &taken,
        &[(JOE, "100"), (JOE, "100"), (MEI, "100")],
        &[Some(1), Some(1), Some(2)],
    );
    // From neither: nobody knows, until one of them has arrived.
    let peer = matched(&taken, &[("12345", "100")], &[]);
    assert_eq!(peer.line.rows.gateway.errors[AMBIGUOUS], 1);
    let receipts = [(JOE, "100"), ("12345", "100"), ("12345", "100")];
    matched(&taken, &receipts, &[Some(1), Some(2), Some(2)]);
    // Two to one phone: nothing tells them apart.
    let peer = matched(&[(JOE, "100"), (JOE, "100")], &[(JOE, "100")], &[]);
    assert_eq!(peer.line.rows.gateway.errors[AMBIGUOUS], 1);
}

#[test]
fn row_03_a_gateway_that_gives_a_repeated_part_its_old_id_gives_no_id_twice() {
    let mut peer = Peer::bound();
    for sending in 1..=2 {
        let mut part = part(1);
        if let Target::Part(of) = &mut part.target {
            of.sending = sending;
        }
        peer.line.push(part, 0);
        let submit = peer.sent()[0].sequence;
        peer.answer(submit, "100");
    }
    peer.receipt(9, "id:100 stat:DELIVRD");
    assert_eq!(
        states(&peer.line.events()),
        [(true, ReceiptState::Delivered)]
    );
}

#[test]
fn row_03_a_form_that_is_not_learnt_yet_counts_only_for_a_number_that_fits() {
    // 100 may be another process's id as it is, and no hex 64.
    let taken = [(JOE, "64"), (JOE, "6E")];
    matched(&taken, &[(MEI, "100")], &[None]);
    matched(&taken, &[("07700900101", "100")], &[Some(1)]);
    matched(
        &taken,
        &[(JOE, "100"), ("12345", "110")],
        &[Some(1), Some(2)],
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

/// A receipt without its bit from end to end, on a gateway whose switch is on.
const PLAIN: &str = "id:A1 sub:001 dlvrd:001 submit date:2611250904 done date:2611250905 stat:DELIVRD err:000 text:hi";

fn plain(peer: &mut Peer, text: &str) -> Vec<Event> {
    let deliver = Deliver {
        source: (1, 1, "447700900101".into()),
        message: text.as_bytes().to_vec(),
        ..Deliver::default()
    };
    peer.says(0, 9, Body::Deliver(deliver));
    peer.line.events()
}

fn switched(on: bool) -> Peer {
    Peer::bound_with(&serde_json::json!({ "plain_receipts": on }))
}

#[test]
fn row_08_a_plain_receipt_is_no_text_of_hers_after_a_restart() {
    let mut peer = switched(true);
    peer.push(1, Lane::Interactive);
    let submit = peer.sent()[0].sequence;
    peer.answer(submit, "A1");
    // Another process: it knows no ids. Control looks in what was sent.
    let mut peer = switched(true);
    let events = plain(&mut peer, PLAIN);
    assert!(
        matches!(&events[..], [Event::Receipt { target: None, message_id, state: ReceiptState::Delivered, .. }] if message_id == "A1"),
        "{events:?}"
    );
    // Without sub and dlvrd, too (CASES C62).
    let short = PLAIN.replace("sub:001 dlvrd:001 ", "");
    assert_eq!(states(&plain(&mut peer, &short)).len(), 1);
    // What a person may write, and everything where the switch is off.
    for text in [
        PLAIN.replace("stat:DELIVRD", "stat:fine"),
        PLAIN.replace("2611250905", "tomorrow"),
        PLAIN.replace(" err:000", ""),
        PLAIN.replace("submit date", "date"),
        format!("> {PLAIN}"),
        "id:A1 stat:DELIVRD".to_owned(),
    ] {
        assert_eq!(states(&plain(&mut peer, &text)), [], "{text}");
    }
    assert_eq!(states(&plain(&mut switched(false), PLAIN)), []);
}

#[test]
fn row_08_a_plain_receipt_before_its_response_waits_for_it() {
    let mut peer = switched(true);
    peer.push(1, Lane::Interactive);
    let submit = peer.sent()[0].sequence;
    assert_eq!(plain(&mut peer, PLAIN), []);
    peer.answer(submit, "A1");
    let matched = [(true, ReceiptState::Delivered)];
    assert_eq!(states(&peer.line.events()), matched);
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

/// A peer whose one message was taken under this id.
fn taken(id: &str) -> Peer {
    let mut peer = Peer::bound();
    peer.push(1, Lane::Interactive);
    let submit = peer.sent()[0].sequence;
    peer.answer(submit, id);
    peer.line.events();
    peer
}

#[test]
fn row_01_a_receipts_text_may_lack_fields_and_stand_in_any_order_and_case() {
    for text in [
        "id:A1 stat:DELIVRD",
        "stat:DELIVRD id:A1",
        "ID:a1 Submit Date:2611250904 STAT:delivrd ERR:000",
        "id:A1 sub:001 dlvrd:001 submit date:20261125090401 done date:25/11/26 09:04 stat:DELIVRD err:0",
        "err:000 done date:2611250904 stat:DELIVERED id:A1 text:id:B2 stat:UNDELIV",
    ] {
        let mut peer = taken("A1");
        peer.receipt(9, text);
        let delivered = [(true, ReceiptState::Delivered)];
        assert_eq!(states(&peer.line.events()), delivered, "{text}");
    }
}

#[test]
fn row_01_a_receipt_that_nobody_can_read_is_answered_and_ends_nothing() {
    let mut peer = taken("A1");
    peer.receipt(9, "\u{fffd}stat:DELIVRD");
    let answer = &peer.sent()[0];
    assert_eq!((answer.command, answer.status), (0x8000_0005, 0));
    peer.receipt(10, "id:A1 stat:DELIVRD");
    assert_eq!(
        states(&peer.line.events()),
        [(true, ReceiptState::Delivered)]
    );
}

#[test]
fn row_02_tlvs_come_before_the_text() {
    let mut peer = taken("A1");
    let deliver = Deliver {
        esm_class: 4,
        message: b"id:B2 stat:DELIVRD err:000 text:".to_vec(),
        tlvs: wire::smpp::Tlvs(vec![
            (0x0427, vec![5]),
            (0x001E, b"A1\0".to_vec()),
            (0x0423, vec![3, 0, 27]),
        ]),
        ..Deliver::default()
    };
    peer.says(0, 9, Body::Deliver(deliver));
    let events = peer.line.events();
    assert!(
        matches!(&events[..], [Event::Receipt { message_id, target: Some(_), state: ReceiptState::Undeliverable, error: Some(error), .. }]
            if message_id == "A1" && error.absent && error.code == Some(27) && error.raw == "03001b"),
        "{events:?}"
    );
}

/// One of three parts of a packet.
fn part(n: u8) -> Outbound {
    Outbound {
        target: Target::Part(delivery::PartRef {
            shipment: delivery::ShipmentId(1),
            packet: 1,
            part: n,
            sending: 1,
        }),
        lane: Lane::Interactive,
        destination: "+447700900101".into(),
        udhi: true,
        pid: 0x7F,
        dcs: 0xF6,
        user_data: vec![5, 0, 3, 1, 3, n],
        validity_s: Some(60),
        fence: None,
        by: None,
    }
}

#[test]
fn row_05_a_receipt_is_asked_for_on_every_part_and_counts_for_its_own() {
    let mut peer = Peer::bound_with(&serde_json::json!({"window": 3}));
    (1..=3).for_each(|n| peer.line.push(part(n), 0));
    for submit in peer.sent() {
        // registered_delivery, replace_if_present, data_coding, sm_default_msg_id, sm_length.
        let message = [5, 0, 3, 1, 3];
        let at = submit.body.windows(5).position(|w| w == message).unwrap();
        assert_eq!(submit.body[at - 5], 0x11);
        peer.answer(submit.sequence, &format!("A{}", submit.body[at + 5]));
    }
    peer.line.events();
    // For the last part only, as some gateways do.
    peer.receipt(9, "id:A3 stat:DELIVRD");
    let events = peer.line.events();
    assert!(
        matches!(&events[..], [Event::Receipt { target: Some(Target::Part(part)), .. }] if part.part == 3),
        "{events:?}"
    );
}

#[test]
fn row_06_only_five_states_are_final() {
    let mut peer = taken("A1");
    for (word, state) in [
        ("ACCEPTD", ReceiptState::EnRoute),
        ("ENROUTE", ReceiptState::EnRoute),
        ("BUFFRED", ReceiptState::EnRoute),
        ("UNKNOWN", ReceiptState::EnRoute),
        ("DELIVRD", ReceiptState::Delivered),
        ("EXPIRED", ReceiptState::Expired),
        ("DELETED", ReceiptState::Deleted),
        ("UNDELIV", ReceiptState::Undeliverable),
        ("REJECTD", ReceiptState::Rejected),
    ] {
        peer.receipt(9, &format!("id:A1 stat:{word} err:000"));
        assert_eq!(states(&peer.line.events()), [(true, state)], "{word}");
    }
}

#[test]
fn row_06_a_receipt_for_a_refused_submit_belongs_to_nothing() {
    let mut peer = Peer::bound();
    peer.line.push(part(1), 0);
    let submit = peer.sent()[0].sequence;
    let id = Some("A1".to_owned());
    peer.says(0x45, submit, Body::SubmitResp { message_id: id });
    peer.receipt(9, "id:A1 stat:REJECTD err:069");
    assert_eq!(
        states(&peer.line.events()),
        [(false, ReceiptState::Rejected)]
    );
}

#[test]
fn row_07_a_receipt_as_data_sm_is_answered_as_such_with_an_empty_id() {
    let mut peer = taken("A1");
    let fields = [&b"\0\x01\x01447700900101\0\0\x0112345\0"[..], &[4, 0, 0]].concat();
    let tlvs = [&[0, 0x1E, 0, 3][..], b"A1\0", &[4, 0x27, 0, 1, 2]].concat();
    let length = u32::try_from(16 + fields.len() + tlvs.len()).unwrap();
    let header = [length, 0x103, 0, 77].map(u32::to_be_bytes).concat();
    peer.line.input(0, &[header, fields, tlvs].concat(), 0);
    let events = peer.line.events();
    assert_eq!(states(&events), [(true, ReceiptState::Delivered)]);
    peer.line.stored(ack(&events).unwrap(), true);
    let answer = peer.sent().remove(0);
    assert_eq!((answer.command, answer.sequence), (0x8000_0103, 77));
    assert_eq!(answer.body, [0]);
}
