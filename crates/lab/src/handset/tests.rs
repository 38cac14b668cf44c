//! The phone book of a handset, typed and shown, on every layout of a card.

use super::*;
use crate::CardSpec;

fn spec(kind: &str) -> CardSpec {
    CardSpec {
        kind: kind.into(),
        iccid: "894477009000000000101".chars().take(20).collect(),
        kic: "11".repeat(16),
        kid: "22".repeat(16),
    }
}

#[test]
fn what_the_owner_types_is_on_the_card_and_shown() {
    for (kind, file, capacity) in [
        ("sim-28x50", "3F00/7F10/6F3A", 50),
        ("usim-28x100", "3F00/7F10/5F3A/4F3A", 100),
        ("usim-34x250", "3F00/7FFF/5F3A/4F3A", 250),
        ("sim-28x50-3des", "3F00/7F10/6F3A", 50),
    ] {
        let mut handset = Handset::open(Some(&spec(kind)), None).unwrap();
        assert_eq!(
            (handset.capacity(), handset.phone_book()),
            (capacity, vec![])
        );
        handset
            .type_entry(capacity, "小梅", "+447700900123")
            .unwrap();
        handset.type_entry(2, "Bank", "0123456,7").unwrap();
        let book = handset.phone_book();
        let shown: Vec<_> = book
            .iter()
            .map(|(slot, shown)| (*slot, &*shown.name, &*shown.number))
            .collect();
        assert_eq!(
            shown,
            [
                (2, "Bank", "0123456,7"),
                (capacity, "小梅", "+447700900123")
            ]
        );
        let rows = handset.card().unwrap().file_rows(file).unwrap();
        assert!(rows[1].starts_with("42616e6bff"), "{}", rows[1]);
        handset.type_entry(2, "", "").unwrap();
        assert_eq!(handset.phone_book().len(), 1);
        for (slot, name) in [
            (0, "A"),
            (capacity + 1, "A"),
            (1, "A name that is too long for it"),
        ] {
            assert!(handset.type_entry(slot, name, "112").is_err());
        }
    }
}

#[test]
fn the_rest_of_a_long_number_is_in_ext1() {
    for (kind, directory) in [
        ("sim-28x50", vec![0x3F00, 0x7F10]),
        ("usim-28x100", vec![0x3F00, 0x7F10, 0x5F3A]),
    ] {
        let high = if kind.starts_with("sim") {
            0x6F00
        } else {
            0x4F00
        };
        let file = |low: u16| [&directory[..], &[high | low]].concat();
        let octets = |text| hex::decode(text).unwrap();
        let long = octets("4c6f6e67ffffffffffffffffffff0b9121436587092143658709ff02");
        let rest = octets("02032143f5ffffffffffffffff");
        let mut card = card(&spec(kind), None).unwrap();
        card.write_records(&[(file(0x3A), 1, long), (file(0x4A), 2, rest)])
            .unwrap();
        let shown = &Handset::with(card).phone_book()[0].1;
        assert_eq!(shown.number, "+1234567890123456789012345");
    }
}

#[test]
fn a_swapped_card_is_empty_and_of_the_same_kind() {
    let mut handset = Handset::open(Some(&spec("usim-28x100")), None).unwrap();
    handset.type_entry(1, "Mum", "112").unwrap();
    handset
        .swap("89447700900000000099", &"33".repeat(16), &"44".repeat(16))
        .unwrap();
    assert_eq!((handset.capacity(), handset.phone_book()), (100, vec![]));
    assert_eq!(handset.card().unwrap().iccid(), "89447700900000000099");
    assert!(handset.swap("89447700900000000099", "xx", "yy").is_err());
}

#[test]
fn a_handset_without_a_card_refuses_updates() {
    let mut handset = Handset::open(None, None).unwrap();
    assert!(!handset.receive("kith", &[2, 0x70, 0]).taken);
    assert!(handset.type_entry(1, "Mum", "112").is_err());
    assert!(handset.swap("89447700900000000099", "", "").is_err());
    assert_eq!((handset.capacity(), handset.phone_book()), (0, vec![]));
}
