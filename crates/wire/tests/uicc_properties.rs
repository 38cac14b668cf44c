//! Names and records of any kind: what is written reads back, in the shortest form there is; and any octets are survived.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use wire::uicc::{Adn, Anr, Ext1, Text, alpha, parse_pbr, read, shown};

/// Alphabets that people's names are in, and what is at the borders of the forms.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z0-9 '{}€\\[\\]éÖ@_-]{0,30}",
        "[А-яA-z Σ-]{0,20}",
        "[ぁ-ゟー A-Z]{0,14}",
        "[王小梅李 A-Z😀]{0,14}",
        "[\u{7F80}-\u{8010}A]{0,6}",
        "[\u{FF80}-\u{FFFE}\u{10000}-\u{10010}A]{0,6}",
        "[王翿ÿ\u{5CFF}]{0,6}",
        "\\PC{0,20}",
    ]
}

/// The length of every legal form, found by trying every base: shares nothing with the encoder.
fn shortest_by_force(text: &str) -> usize {
    let alphabet = |c: char| wire::sms::gsm7::basic(c).is_some();
    let units = text.encode_utf16().count();
    let mut best = 1 + 2 * units;
    let extended = |c| "^{}\\[~]|€\u{C}".contains(c);
    if text.chars().all(|c| alphabet(c) || extended(c)) {
        best = best.min(text.chars().map(|c| if alphabet(c) { 1 } else { 2 }).sum());
    }
    let fits = |base: u32| {
        text.chars().all(|c| {
            let c32 = u32::from(c);
            alphabet(c) || (base..=base + 0x7F).contains(&c32) && c32 <= 0xFFFF
        })
    };
    if (0..=0xFF).any(|page| fits(page << 7)) {
        best = best.min(3 + units);
    }
    if (0..=0xFFFF).any(fits) {
        best = best.min(4 + units);
    }
    best
}

proptest! {
    #[test]
    fn the_shortest_form_there_is(text in name()) {
        let text = alpha::normalised(&text);
        prop_assert_eq!(alpha::shortest(&text).len(), if text.is_empty() { 0 } else { shortest_by_force(&text) });
    }

    #[test]
    fn an_entry_reads_back(name in name(), number in "\\+?[0-9*#p]{1,40}", length in 14_usize..=255) {
        let adn = Adn { name: name.clone(), number: Some(number.parse().unwrap()) };
        let made = adn.encode(length, Some(7)).unwrap();
        prop_assert_eq!(made.record.len(), length);
        let ext1 = made.ext1.as_ref().map(|ext1| ext1.as_slice());
        let reading = read(&made.record, ext1);
        prop_assert_eq!(&reading.name, &made.shown_name);
        prop_assert_eq!(&reading.number, &number);
        prop_assert!(reading.notes.is_empty());
        // A sign whose second octet is the padding's may be half of another one: nobody can tell.
        let like_padding = made.shown_name.encode_utf16().last().is_some_and(|unit| unit & 0xFF == 0xFF);
        let notes = shown(&made.record, ext1).notes;
        prop_assert!(notes.iter().all(|note| like_padding && note.contains("half a character")), "{:?}", notes);
        // What is shown is the front of the name, and the next grapheme would not have fitted.
        let whole = alpha::normalised(&name);
        prop_assert!(whole.starts_with(&made.shown_name));
        prop_assert_eq!(made.cut, whole != made.shown_name);
        if made.cut {
            use unicode_segmentation::UnicodeSegmentation;
            let rest = &whole[made.shown_name.len()..];
            let next = rest.graphemes(true).next().unwrap();
            let longer = [made.shown_name.as_str(), next].concat();
            prop_assert!(alpha::shortest(&longer).len() > length - 14);
        }
    }

    #[test]
    fn any_octets_are_survived(octets in prop::collection::vec(any::<u8>(), 0..60), ext1: Option<Vec<u8>>, is_type_2: bool) {
        let _ = read(&octets, ext1.as_deref());
        let _ = shown(&octets, ext1.as_deref());
        let _ = parse_pbr(&octets);
        let _ = Ext1::decode(&octets);
        let _ = Text::decode(&octets, is_type_2);
        let _ = Anr::decode(&octets, is_type_2);
    }

    #[test]
    fn any_record_is_survived(mut octets in prop::collection::vec(any::<u8>(), 28), tag in 0x7E_u8..=0x83, length in 0_u8..=13) {
        octets[0] = tag;
        octets[14] = length;
        let _ = read(&octets, Some(&[2; 13]));
        let _ = shown(&octets, Some(&[2; 13]));
        let _ = parse_pbr(&octets);
    }
}
