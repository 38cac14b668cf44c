//! The session: binds, keep-alive, numbers (rows 13–19 and 24).

use crate::peer::*;
use comms::Line;
use delivery::network::Health;
use delivery::*;
use wire::smpp::*;

#[test]
fn row_13_already_bound_backs_off_longer_each_time() {
    let mut line = Line::new(config(&serde_json::json!({})), 0, 0, 0);
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
fn row_19_while_one_of_two_sessions_is_missing_no_answer_says_that_the_line_goes() {
    let config = config(&serde_json::json!({ "bind": "tx_rx", "window": 3 }));
    let mut line = Line::new(config, 0, 0, 0);
    let says = |line: &mut Line, port: usize, status: u32, sequence: u32, body: Body| {
        let pdu = Pdu {
            status,
            sequence,
            body,
        };
        line.input(port, &pdu.encode(), 0);
    };
    let bound = || Body::BindResp {
        system_id: "smsc".into(),
    };
    (0..2).for_each(|port| line.connected(port, 0));
    says(&mut line, 0, 0, 1, bound());
    says(&mut line, 1, 0, 2, bound());
    assert_eq!(line.rows.gateway.state, Health::Up);
    (1..=3).for_each(|id| line.push(to_mum(id, Lane::Interactive), 0));
    // The receiver ends, and is refused.
    line.closed(1, "The gateway closed the connection.", 0);
    line.connected(1, 0);
    says(&mut line, 1, 0x0D, 6, bound());
    let taken = |id: &str| Body::SubmitResp {
        message_id: Some(id.into()),
    };
    // Refused, throttled, taken, taken slowly, and not at all.
    let refused = Body::SubmitResp { message_id: None };
    says(&mut line, 0, 0x0B, 3, refused.clone());
    assert_eq!(line.rows.gateway.state, Health::Down, "refused");
    says(&mut line, 0, 0x58, 4, refused);
    assert_eq!(line.rows.gateway.state, Health::Down, "throttled");
    says(&mut line, 0, 0, 5, taken("A3"));
    assert_eq!(line.rows.gateway.state, Health::Down, "taken");
    line.tick(2_000);
    line.push(to_mum(4, Lane::Interactive), 2_000);
    line.tick(15_000);
    assert_eq!(line.rows.gateway.state, Health::Down, "no answer");
    assert_eq!(line.rows.gateway.errors["no answer"], 2);
    assert!(line.rows.gateway.reason.contains("bind"));
    line.push(to_mum(5, Lane::Interactive), 15_000);
    assert_eq!(line.take_back().len(), 0, "under way by now");
}

#[test]
fn row_15_a_session_that_ends_is_down_also_when_its_last_answer_was_a_refusal() {
    let mut peer = Peer::bound();
    peer.push(1, Lane::Interactive);
    let submit = peer.sent()[0].sequence;
    peer.says(0x0B, submit, Body::SubmitResp { message_id: None });
    assert_eq!(peer.line.rows.gateway.state, Health::Slow);
    peer.says(0, 9, Body::UnbindResp);
    assert!(peer.line.closing(0));
    peer.line.closed(0, "The gateway closed the connection.", 0);
    assert_eq!(peer.line.rows.gateway.state, Health::Down);
    peer.push(2, Lane::Interactive);
    assert_eq!(peer.line.take_back().len(), 1, "by another");
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
    let mut line = Line::new(config(&serde_json::json!({})), 0, 0, 0);
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
    let mut line = Line::new(config(&serde_json::json!({"bind": "tx_rx"})), 0, 0, 0);
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

#[test]
fn row_19_a_bind_says_what_is_configured_and_nothing_else() {
    for (extra, end) in [
        (serde_json::json!({}), &b"\0\x34\0\0\0"[..]),
        (
            serde_json::json!({"system_type": "VMA", "address_range": "^12345"}),
            b"VMA\0\x34\0\0^12345\0",
        ),
    ] {
        let mut line = Line::new(config(&extra), 0, 0, 0);
        line.connected(0, 0);
        let octets = line.output(0);
        let body = [b"kith\0secret8\0", end].concat();
        assert_eq!(octets[16..], body, "{extra}");
    }
}

#[test]
fn row_19_a_refused_bind_is_shown_by_name() {
    for (status, words, act) in [
        (0x53, "0x53 system type wrong", true),
        (0x0E, "0x0E wrong password", true),
        (0x0F, "0x0F system id wrong", true),
        (0x0D, "0x0D bind failed", false),
        (0x0404, "0x404 vendor's own error", false),
    ] {
        let mut line = Line::new(config(&serde_json::json!({})), 0, 0, 0);
        line.connected(0, 0);
        let refusal = Pdu {
            status,
            sequence: 1,
            body: Body::BindResp {
                system_id: String::new(),
            },
        };
        line.input(0, &refusal.encode(), 0);
        line.closed(0, "The gateway closed the connection.", 0);
        let row = &line.rows.gateway;
        assert_eq!(row.state, Health::Down);
        assert!(row.reason.contains(words), "{}", row.reason);
        assert_eq!(row.reason.contains("Check"), act, "{}", row.reason);
    }
}

#[test]
fn row_24_what_came_together_is_written_together() {
    let mut peer = Peer::bound_with(&serde_json::json!({"window": 100}));
    (1..=100).for_each(|id| peer.push(id, Lane::Interactive));
    peer.says(0, 5, Body::EnquireLink);
    assert_eq!(peer.sent().len(), 101);
    assert!(peer.line.output(0).is_empty());
}

#[test]
fn row_15_an_answer_behind_an_unbind_still_counts_and_nothing_more_is_sent() {
    let mut peer = Peer::bound_with(&serde_json::json!({"window": 1}));
    peer.push(1, Lane::Interactive);
    peer.push(2, Lane::Interactive);
    let submit = peer.sent()[0].sequence;
    peer.says(0, 5, Body::Unbind);
    peer.sent();
    peer.answer(submit, "A1");
    let events = peer.line.events();
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Accepted { .. })),
        "{events:?}"
    );
    assert!(peer.sent().is_empty());
}

#[test]
fn row_13_nothing_is_submitted_behind_our_own_unbind() {
    let mut peer = Peer::bound();
    peer.line.unbind();
    peer.push(1, Lane::Interactive);
    let commands: Vec<u32> = peer.sent().iter().map(|f| f.command).collect();
    assert_eq!(commands, [6]);
}
