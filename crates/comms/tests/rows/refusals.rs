//! Refusals and silence (rows 10–12).

use crate::peer::*;
use delivery::network::Health;
use delivery::*;
use wire::smpp::*;

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

/// Many gateways say 0x14 of one recipient's queue.
#[test]
fn row_10_a_text_whose_queue_is_full_holds_no_other_up_and_is_over_at_last() {
    let mut peer = Peer::bound_with(&serde_json::json!({ "window": 1, "enquire_seconds": 3_600 }));
    let text = |id: u8| Outbound {
        user_data: vec![id],
        ..to_mum(id.into(), Lane::Interactive)
    };
    (1..=2).for_each(|id| peer.line.push(text(id), peer.now));
    let (mut tries, mut taken) = (Vec::new(), None);
    while peer.now < 600_000 {
        for submit in peer.sent() {
            if submit.body.last() == Some(&2) {
                taken = Some(peer.now);
                peer.answer(submit.sequence, "A2");
            } else {
                tries.push(peer.now);
                let body = Body::SubmitResp { message_id: None };
                peer.says(0x14, submit.sequence, body);
            }
        }
        peer.now += 250;
        peer.line.tick(peer.now);
    }
    assert!(taken.is_some_and(|at| at <= 2_000), "{taken:?}");
    // It has its chance as long as it is worth something, and ever less of the link.
    assert_eq!(tries.len(), 10, "{tries:?}");
    let waits: Vec<_> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits.is_sorted(), "{waits:?}");
    assert!(tries[9] > 500_000, "{tries:?}");
    let refused = |event: &&Event| {
        matches!(
            event,
            Event::Refused {
                class: Class::Throttled,
                ..
            }
        )
    };
    assert_eq!(peer.line.events().iter().filter(refused).count(), 1);
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
            fence: None,
            by: None,
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
    // The fifth system error in a row opens the circuit as well.
    let events = peer.line.events();
    assert!(
        matches!(
            events[..],
            [Event::Gateway { up: false, .. }, Event::Refused { .. }]
        ),
        "{events:?}"
    );
}

#[test]
fn row_12_no_response_in_time_is_unknown_and_a_late_one_is_told_once() {
    let mut peer = Peer::bound();
    for id in 1..=3 {
        peer.push(id, Lane::Interactive);
    }
    let first = peer.sent()[0].sequence;
    peer.now = 11_000;
    peer.line.tick(peer.now);
    let unknown = |event: &Event| matches!(event, Event::NoAnswer { .. });
    let events = peer.line.events();
    assert_eq!(events.iter().filter(|event| unknown(event)).count(), 2);
    // The receipt came before the late answer, or after it.
    peer.receipt(8, "id:A1 stat:ACCEPTD");
    peer.line.events();
    let before = peer.line.rows.gateway.clone();
    peer.answer(first, "A1");
    peer.receipt(9, "id:A1 stat:DELIVRD");
    let events = peer.line.events();
    assert!(
        matches!(&events[..], [Event::Accepted { target: Target::Notice { id: 1, .. }, message_id: Some(id), .. }, ..] if id == "A1"),
        "{events:?}"
    );
    assert_eq!(
        states(&events).last(),
        Some(&(true, ReceiptState::Delivered))
    );
    // Window, pace and health are as they were: the message was given up.
    let row = peer.line.rows.gateway.clone();
    assert_eq!(
        (
            row.window,
            row.accepted,
            row.circuit,
            row.errors["late answer"]
        ),
        (before.window, before.accepted, before.circuit, 1)
    );
    assert_eq!(row.errors["no answer"], 2);
    // Once, and not on another session.
    peer.answer(first, "A1");
    assert!(peer.line.events().is_empty());
    peer.line
        .closed(0, "The gateway closed the connection.", peer.now);
    peer.line.events();
    peer.answer(first + 1, "A2");
    assert!(peer.line.events().is_empty());
}

#[test]
fn row_12_a_receipt_between_the_time_out_and_the_late_answer_is_matched() {
    let mut peer = Peer::bound();
    peer.push(1, Lane::Interactive);
    let submit = peer.sent()[0].sequence;
    peer.now = 11_000;
    peer.line.tick(peer.now);
    peer.receipt(8, "id:A1 stat:DELIVRD");
    peer.line.events();
    peer.answer(submit, "A1");
    assert_eq!(
        states(&peer.line.events()),
        [(true, ReceiptState::Delivered)]
    );
}

#[test]
fn row_12_a_refusal_that_comes_late_is_told_too() {
    let mut peer = Peer::bound();
    peer.push(1, Lane::Interactive);
    let submit = peer.sent()[0].sequence;
    peer.now = 11_000;
    peer.line.tick(peer.now);
    peer.line.events();
    peer.says(0x58, submit, Body::SubmitResp { message_id: None });
    let events = peer.line.events();
    let throttled = |class: &Class| *class == Class::Throttled;
    assert!(
        matches!(&events[..], [Event::Refused { class, .. }] if throttled(class)),
        "{events:?}"
    );
    assert_eq!(peer.line.rows.gateway.pace, None);
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
    // But for the one that an alert goes by.
    peer.line.rows.count(delivery::alert::AMBIGUOUS);
    assert_eq!(peer.line.rows.gateway.errors[delivery::alert::AMBIGUOUS], 1);
}

/// Row 10: halved at each refusal, then a little more with each message taken, to what is configured and no further.
#[test]
fn row_10_the_pace_creeps_up_to_the_limit() {
    for (limit, throttles, slowest) in [
        (Some(20.0), 1, 10.0),
        (Some(20.0), 3, 2.5),
        (Some(1.5), 4, 1.0),
        (None, 1, 5.0),
    ] {
        let extra = serde_json::json!({ "rate_per_s": limit });
        let mut peer = Peer::bound_with(&extra);
        let mut id = 0;
        let mut one = |peer: &mut Peer, status: u32| {
            id += 1;
            peer.push(id, Lane::Interactive);
            loop {
                let sent = peer.sent();
                if let Some(submit) = sent.iter().find(|frame| frame.command == 4) {
                    let message_id = (status == 0).then(|| id.to_string());
                    peer.says(status, submit.sequence, Body::SubmitResp { message_id });
                    return;
                }
                // Keep-alive is answered, and time passes.
                for frame in sent {
                    peer.says(0, frame.sequence, Body::EnquireLinkResp);
                }
                peer.now += 250;
                peer.line.tick(peer.now);
            }
        };
        for _ in 0..throttles {
            one(&mut peer, 0x14);
        }
        let pace = |peer: &Peer| peer.line.rows.gateway.pace;
        assert_eq!(pace(&peer), Some(slowest));
        assert!(peer.line.rows.gateway.reason.starts_with("Throttled"));
        // What was throttled goes again among the others.
        let mut before = slowest;
        for _ in 0..500 {
            one(&mut peer, 0);
            let now = pace(&peer).unwrap();
            assert!(now >= before && now - before < 0.051, "{before} {now}");
            before = now;
        }
        match limit {
            Some(limit) => assert_eq!(before, limit),
            None => assert!((29.0..=30.1).contains(&before), "{before}"),
        }
        assert_eq!(peer.line.rows.gateway.state, Health::Up);
    }
}
