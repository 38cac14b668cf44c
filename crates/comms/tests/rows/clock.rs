//! A wall clock that is set back or forward moves nothing but what people read.

use crate::peer::*;
use delivery::breaker::Circuit;
use delivery::network::Health;
use delivery::{Event, Lane};
use wire::smpp::{Body, Frame};

const HOUR: i64 = 3_600_000;
/// What the wall clock said when it was still right, ms UTC.
const WALL: i64 = 1_764_000_000_000;
/// By how much it is set.
const SET: [i64; 2] = [-HOUR, HOUR];

/// A second passes, under a wall clock that is wrong by `set`.
fn second(peer: &mut Peer, set: i64) -> Vec<Frame> {
    for _ in 0..4 {
        peer.now += 250;
        peer.line.clock(peer.now, WALL + peer.now + set);
        peer.line.tick(peer.now);
    }
    peer.sent()
}

fn submits(frames: &[Frame]) -> Vec<u32> {
    let submits = frames.iter().filter(|frame| frame.command == 4);
    submits.map(|frame| frame.sequence).collect()
}

#[test]
fn a_gateway_with_a_pace_goes_on_at_its_pace() {
    for set in SET {
        let mut peer = Peer::bound_with(&serde_json::json!({ "rate_per_s": 2.0, "window": 100 }));
        second(&mut peer, 0);
        for id in 0..20 {
            peer.push(id, Lane::Interactive);
        }
        let mut went = 0;
        for _ in 0..6 {
            let sent = submits(&second(&mut peer, set));
            went += sent.len();
            sent.into_iter()
                .for_each(|sequence| peer.answer(sequence, "A"));
        }
        assert!((12..=15).contains(&went), "{set}: {went} in 6 s at 2/s");
        // Its last minute has them, and no more.
        let history = &peer.line.rows.gateway.history;
        let recent = |minute: i64| history.recent(peer.now + minute * 60_000, 1).taken;
        assert_eq!((recent(0), recent(2)), (u32::try_from(went).unwrap(), 0));
    }
}

#[test]
fn a_throttle_lasts_a_second_and_an_answer_that_does_not_come_ten() {
    for set in SET {
        let mut peer = Peer::bound();
        peer.push(1, Lane::Interactive);
        let submit = peer.sent()[0].sequence;
        peer.says(0x58, submit, Body::SubmitResp { message_id: None });
        assert_eq!(second(&mut peer, set).len(), 1, "{set}: again");
        peer.line.events();
        for _ in 0..10 {
            second(&mut peer, set);
        }
        assert!(
            matches!(peer.line.events()[..], [Event::NoAnswer { .. }]),
            "{set}"
        );
    }
}

#[test]
fn silence_is_asked_and_ended_in_its_time() {
    for set in SET {
        let mut peer =
            Peer::bound_with(&serde_json::json!({ "enquire_seconds": 5, "answer_seconds": 3 }));
        let asked = (0..6).find(|_| second(&mut peer, set).iter().any(|f| f.command == 0x15));
        assert_eq!(asked, Some(5), "{set}");
        (0..4).for_each(|_| drop(second(&mut peer, set)));
        assert!(peer.line.closing(0), "{set}");
        let row = &peer.line.rows.gateway;
        assert_eq!(row.state, Health::Down);
        // People read the wall clock's time.
        assert!(
            (row.since - (WALL + peer.now + set)).abs() < 2_000,
            "{set}: {}",
            row.since
        );
    }
}

#[test]
fn an_open_circuit_tries_in_its_time_and_people_read_when() {
    for set in SET {
        let mut peer = Peer::bound();
        second(&mut peer, 0);
        for id in 0..5 {
            peer.push(id, Lane::Interactive);
            while let [submit, ..] = submits(&peer.sent())[..] {
                peer.says(0x08, submit, Body::SubmitResp { message_id: None });
            }
        }
        let Circuit::Open { until } = peer.line.rows.gateway.circuit else {
            panic!("{:?}", peer.line.rows.gateway);
        };
        assert_eq!(until, WALL + peer.now + 5_000);
        let tries = (1..9).find(|_| !submits(&second(&mut peer, set)).is_empty());
        assert_eq!(tries, Some(5), "{set}");
    }
}
