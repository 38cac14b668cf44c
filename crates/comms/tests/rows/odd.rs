//! Every odd PDU of `vectors/smpp.json` and of CASES.md, live, in the middle of traffic: nothing of the traffic is lost.

use crate::peer::*;
use delivery::{Event, Lane, ReceiptState, Target};
use std::collections::{BTreeMap, BTreeSet};
use wire::smpp::*;

/// CASES C64, C66, C70, C72.
const CASES: [&str; 4] = [
    "000000A100000005000000000000000700010134343737303039303032313000000134303030000400000000000000007069643A4131207375623A30303120646C7672643A303031207375626D697420646174653A3236313132353039303420646F6E6520646174653A3236313132353039303420737461743A44454C49565244206572723A30303020746578743A69643A423220737461743A554E44454C4956",
    "00000042000000050000000000000007000101343437373030393030323130000001343030300004000000000000000000001E000241310427000744454C49565244",
    "0000003B00000005000000000000000700010134343737303039303032313000000134303030004000000000000008000A050003010201597D7684",
    "0000001180000015000000000000000900",
];

/// The octets that a gateway may say, each with what it is; one that is cut is made whole, so that the stream goes on.
fn odd() -> Vec<(String, Vec<u8>)> {
    let file: serde_json::Value =
        serde_json::from_str(include_str!("../../../wire/tests/vectors/smpp.json")).unwrap();
    let vectors = file["vectors"].as_array().unwrap().iter();
    let said = vectors.filter(|vector| vector["direction"] == "from smsc");
    let named = said.map(|vector| {
        let text = |key: &str| vector[key].as_str().unwrap().to_owned();
        (text("description"), octets(&text("hex")))
    });
    let cases = CASES.iter().map(|hex| (format!("case {hex}"), octets(hex)));
    let whole = named.chain(cases).map(|(name, mut octets)| {
        let mut at = 0;
        while let Some(length) = octets.get(at..at + 4) {
            let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
            if !(16..=1_000).contains(&length) {
                break;
            }
            at += length;
            if at > octets.len() {
                octets.resize(at, 0);
            }
        }
        (name, octets)
    });
    whole.collect()
}

fn octets(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2);
    let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.map(octet).collect()
}

/// A session with its traffic: what was taken, what came back.
struct Session {
    peer: Peer,
    pushed: u64,
    flying: BTreeMap<u32, u64>,
    taken: BTreeSet<u64>,
    delivered: BTreeSet<u64>,
    again: Vec<u64>,
    rebinds: u32,
}

impl Session {
    fn push(&mut self) {
        self.pushed += 1;
        self.peer.push(self.pushed, Lane::Interactive);
    }

    /// What the line wrote is taken in; a connection that it closes is opened anew, as the edge does.
    fn turn(&mut self) {
        loop {
            for frame in self.peer.sent() {
                match frame.command {
                    4 => {
                        // The text is the last octet; the message is known by its order.
                        let known = self.flying.len() as u64 + self.taken.len() as u64;
                        let next = self.again.pop().unwrap_or(known + 1);
                        assert!(self.flying.insert(frame.sequence, next).is_none());
                    }
                    9 => {
                        let system_id = "smsc".into();
                        self.peer
                            .says(0, frame.sequence, Body::BindResp { system_id });
                    }
                    _ => {}
                }
            }
            self.hear();
            if !self.peer.line.closing(0) {
                return;
            }
            self.rebinds += 1;
            self.peer.now += 3_000;
            self.flying.clear();
            self.peer
                .line
                .closed(0, "The connection was given up.", self.peer.now);
            self.hear();
            self.peer.line.connected(0, self.peer.now);
        }
    }

    fn hear(&mut self) {
        for event in self.peer.line.events() {
            match event {
                Event::Accepted {
                    target: Target::Notice { id, .. },
                    ..
                } => {
                    assert!(self.taken.insert(id), "taken twice: {id}");
                }
                Event::NoAnswer {
                    target: Target::Notice { id, .. },
                    ..
                } => {
                    // As control does: the same again.
                    self.again.push(id);
                    self.peer.push(id, Lane::Interactive);
                }
                Event::Receipt {
                    target, state, ack, ..
                } => {
                    if let (Some(Target::Notice { id, .. }), ReceiptState::Delivered) =
                        (target, state)
                    {
                        self.delivered.insert(id);
                    }
                    self.peer.line.stored(ack, true);
                }
                Event::Mobile { ack, .. } => self.peer.line.stored(ack, true),
                Event::Gateway { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The odd octets, in pieces of this size.
    fn odd(&mut self, octets: &[u8], pieces: usize) {
        for piece in octets.chunks(pieces) {
            self.peer.line.input(0, piece, self.peer.now);
        }
        self.turn();
    }

    fn answer_all(&mut self) {
        for (sequence, id) in std::mem::take(&mut self.flying) {
            self.peer.answer(sequence, &format!("m{id}"));
        }
        self.turn();
    }
}

#[test]
fn every_odd_pdu_in_the_middle_of_traffic_and_nothing_is_lost() {
    let all = odd();
    assert!(all.len() > 30, "{}", all.len());
    for pieces in [1, 7, 4_096] {
        let mut peer = Peer::bound_with(&serde_json::json!({ "window": 10 }));
        // Far from the vectors' own numbers: answers that nobody asked for are what is meant here.
        peer.line.number_from(1_000);
        let mut session = Session {
            peer,
            pushed: 0,
            flying: BTreeMap::new(),
            taken: BTreeSet::new(),
            delivered: BTreeSet::new(),
            again: Vec::new(),
            rebinds: 0,
        };
        for (name, octets) in &all {
            let (before, binds) = (session.pushed, session.rebinds);
            // Before the answer, between answer and receipt, and after the receipt.
            session.push();
            session.push();
            session.turn();
            session.odd(octets, pieces);
            session.turn();
            session.answer_all();
            session.odd(octets, pieces);
            for id in before + 1..=session.pushed {
                assert!(session.taken.contains(&id), "{name}: {id} was not taken");
                session
                    .peer
                    .receipt(9, &format!("id:m{id} stat:DELIVRD err:000"));
            }
            session.odd(octets, pieces);
            for id in before + 1..=session.pushed {
                assert!(
                    session.delivered.contains(&id),
                    "{name}: no receipt of {id}"
                );
            }
            let ends = name.starts_with("command_length");
            assert_eq!(session.rebinds > binds, ends, "{name}");
            session.peer.now += 1_000;
            session.peer.line.tick(session.peer.now);
            session.turn();
        }
        assert_eq!(session.taken.len() as u64, session.pushed);
        assert_eq!(session.delivered, session.taken);
    }
}
