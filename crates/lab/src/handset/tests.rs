//! The phone book of a handset, typed and shown, on every layout of a card.

use super::book;
use crate::card::{Card, CardKind};

fn card(kind: &str) -> Card {
    let kind = CardKind::named(kind).unwrap();
    Card::new(kind, "89447700900000000010", &[0x11; 16], &[0x22; 16]).unwrap()
}

#[test]
fn what_the_owner_types_is_on_the_card_and_shown() {
    for (kind, file, capacity) in [
        ("sim-28x50", "3F00/7F10/6F3A", 50),
        ("usim-28x100", "3F00/7F10/5F3A/4F3A", 100),
        ("usim-34x250", "3F00/7FFF/5F3A/4F3A", 250),
        ("sim-28x50-3des", "3F00/7F10/6F3A", 50),
    ] {
        let mut card = card(kind);
        assert_eq!(
            (book::capacity(&card), book::read(&card)),
            (capacity, vec![])
        );
        book::write(&mut card, capacity, "小梅", "+447700900123").unwrap();
        book::write(&mut card, 2, "Bank", "0123456,7").unwrap();
        let book = book::read(&card);
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
        let rows = card.file_rows(file).unwrap();
        assert!(rows[1].starts_with("42616e6bff"), "{}", rows[1]);
        book::write(&mut card, 2, "", "").unwrap();
        assert_eq!(book::read(&card).len(), 1);
        for (slot, name) in [
            (0, "A"),
            (capacity + 1, "A"),
            (1, "A name that is too long for it"),
        ] {
            assert!(book::write(&mut card, slot, name, "112").is_err());
        }
    }
}

#[test]
fn the_rest_of_a_long_number_is_in_ext1() {
    for (kind, directory, high) in [
        ("sim-28x50", vec![0x3F00, 0x7F10], 0x6F00),
        ("usim-28x100", vec![0x3F00, 0x7F10, 0x5F3A], 0x4F00),
    ] {
        let file = |low: u16| [&directory[..], &[high | low]].concat();
        let octets = |text| hex::decode(text).unwrap();
        let long = octets("4c6f6e67ffffffffffffffffffff0b9121436587092143658709ff02");
        let rest = octets("02032143f5ffffffffffffffff");
        let mut card = card(kind);
        card.write_records(&[(file(0x3A), 1, long), (file(0x4A), 2, rest)])
            .unwrap();
        assert_eq!(book::read(&card)[0].1.number, "+1234567890123456789012345");
    }
}
