//! Parts of answers and texts, in any order, with losses, from many phones at once.
#![allow(clippy::unwrap_used, missing_docs)]

use proptest::prelude::*;
use wire::sms::{Limits, Reassembler, Reference, Taken};

const LIMITS: Limits = Limits {
    messages_each: 2,
    messages: 3,
    octets: 100,
    patience: 1000,
};

/// Part `number` of `total`, with a body of its own.
fn part(reference: Reference, total: u8, number: u8, body: &[u8]) -> Vec<u8> {
    let element = reference.element(total, number);
    let length = u8::try_from(element.len()).unwrap();
    [&[length], &element[..], body].concat()
}

/// One row: who sends which part (reference, number of 2, body), when, and what comes of it; the token is the row's index.
type Row = (&'static str, u16, u8, &'static [u8], i64, Out);

#[derive(Debug, PartialEq, Eq)]
enum Out {
    Whole(&'static [u64]),
    Waits(&'static [u64]),
    Repeated,
}

#[track_caller]
fn check(rows: &[Row]) -> Reassembler {
    let mut store = Reassembler::new(LIMITS);
    for (token, (from, reference, number, body, now, out)) in (0..).zip(rows) {
        let reference = match u8::try_from(*reference) {
            Ok(short) => Reference::Eight(short),
            Err(_) => Reference::Sixteen(*reference),
        };
        let user_data = part(reference, 2, *number, body);
        match (store.take(from, true, user_data, token, *now), out) {
            (Taken::Whole { tokens, .. }, Out::Whole(want)) => assert_eq!(tokens, *want, "{token}"),
            (Taken::Waiting { dropped }, Out::Waits(want)) => assert_eq!(dropped, *want, "{token}"),
            (Taken::Repeated, Out::Repeated) => {}
            (taken, want) => panic!("row {token}: {taken:?}, not {want:?}"),
        }
    }
    store
}

#[test]
fn parts_find_each_other() {
    use Out::{Repeated, Waits, Whole};
    // In order, in reverse order, with a 16-bit reference.
    check(&[
        ("a", 1, 1, b"x", 0, Waits(&[])),
        ("a", 1, 2, b"y", 1, Whole(&[0])),
    ]);
    check(&[
        ("a", 1, 2, b"y", 0, Waits(&[])),
        ("a", 1, 1, b"x", 1, Whole(&[0])),
    ]);
    check(&[
        ("a", 700, 2, b"y", 0, Waits(&[])),
        ("a", 700, 1, b"x", 1, Whole(&[0])),
    ]);
    // A part that the gateway brings twice; after the message is whole it begins a new one, which expires.
    check(&[
        ("a", 1, 1, b"x", 0, Waits(&[])),
        ("a", 1, 1, b"x", 1, Repeated),
        ("a", 1, 2, b"y", 2, Whole(&[0])),
        ("a", 1, 2, b"y", 3, Waits(&[])),
    ]);
    // Two messages of one phone, and the same reference from two phones, interleaved.
    check(&[
        ("a", 1, 1, b"x", 0, Waits(&[])),
        ("a", 2, 2, b"y", 1, Waits(&[])),
        ("b", 1, 2, b"z", 2, Waits(&[])),
        ("a", 1, 2, b"x", 3, Whole(&[0])),
        ("b", 1, 1, b"z", 4, Whole(&[2])),
        ("a", 2, 1, b"y", 5, Whole(&[1])),
    ]);
    // The phone counts anew: another message under an old reference.
    check(&[
        ("a", 1, 1, b"old", 0, Waits(&[])),
        ("a", 1, 1, b"new", 1, Waits(&[0])),
        ("a", 1, 2, b"new", 2, Whole(&[1])),
    ]);
}

#[test]
fn what_waits_is_bounded() {
    use Out::Waits;
    let long = &[7; 60];
    // Of one sender, of all, in octets: the oldest gives way, the sender's own first.
    check(&[
        ("b", 1, 1, b"x", 0, Waits(&[])),
        ("a", 1, 1, b"x", 1, Waits(&[])),
        ("a", 2, 1, b"x", 2, Waits(&[])),
        ("a", 3, 1, b"x", 3, Waits(&[1])),
        ("c", 1, 1, b"x", 4, Waits(&[0])),
    ]);
    let store = check(&[
        ("a", 1, 1, long, 0, Waits(&[])),
        ("b", 1, 1, long, 1, Waits(&[0])),
    ]);
    assert_eq!((store.len(), store.octets()), (1, 66));
}

#[test]
fn a_message_that_never_becomes_whole_is_given_up() {
    let mut store = check(&[("a", 1, 1, b"x", 500, Out::Waits(&[]))]);
    assert!(store.expire(1500).is_empty());
    assert_eq!(store.expire(1501), [0]);
    assert!(store.is_empty());
    assert_eq!(store.octets(), 0);
}

#[test]
fn what_has_no_place_is_whole_at_once() {
    let one_of_one = part(Reference::Eight(1), 1, 1, b"x");
    let rows: [(bool, &[u8]); 5] = [
        (false, b"hello"),
        (true, &[2, 0x71, 0, 1, 2]),
        (true, &one_of_one),
        (true, &[200, 1]), // a header that runs past the end
        (true, &[]),
    ];
    for (udhi, user_data) in rows {
        let taken = Reassembler::new(LIMITS).take("a", udhi, user_data.to_vec(), 9, 0);
        let whole = Taken::Whole {
            parts: vec![user_data.to_vec()],
            tokens: vec![],
        };
        assert_eq!(taken, whole);
    }
}

#[test]
fn a_long_answer_of_a_card_is_put_together() {
    let packet: Vec<u8> = (0..=255).collect();
    let reference = wire::ota::Reference::Eight(9);
    let parts = wire::ota::split(&packet, wire::ota::Kind::Response, reference, false).unwrap();
    let mut store = Reassembler::new(Limits::USUAL);
    let mut whole = Vec::new();
    for (token, part) in (1..).zip(parts.into_iter().rev()) {
        if let Taken::Whole { parts, .. } = store.take("+447700900100", true, part, token, 0) {
            whole = parts;
        }
    }
    assert_eq!(wire::ota::join(&whole).unwrap().1, packet);
}

proptest! {
    /// Whatever comes in whatever order: nothing is lost, nothing is told twice, the limits hold.
    #[test]
    fn every_token_is_accounted_for(rows in prop::collection::vec((0..3_u8, 0..3_u8, 1..=3_u8, 0..2_u8, 0..400_i64), 0..60)) {
        let mut store = Reassembler::new(LIMITS);
        let (mut waits, mut now) = (std::collections::BTreeSet::new(), 0);
        for (token, (from, reference, number, body, pause)) in (0..).zip(rows) {
            now += pause;
            for token in store.expire(now) {
                prop_assert!(waits.remove(&token));
            }
            let user_data = part(Reference::Eight(reference), 3, number, &[body; 5]);
            let gone = match store.take(&from.to_string(), true, user_data, token, now) {
                Taken::Whole { parts, tokens } => {
                    prop_assert_eq!(parts.len(), 3);
                    tokens
                }
                Taken::Waiting { dropped } => {
                    waits.insert(token);
                    dropped
                }
                Taken::Repeated => vec![],
            };
            for token in gone {
                prop_assert!(waits.remove(&token), "{} was not waiting", token);
            }
            prop_assert!(store.len() <= LIMITS.messages && store.octets() <= LIMITS.octets);
        }
        for token in store.expire(i64::MAX) {
            prop_assert!(waits.remove(&token));
        }
        prop_assert!(waits.is_empty() && store.octets() == 0, "{:?} forgotten", waits);
    }
}
