//! CASES.md C: records that were found on real cards. (C52 and C54 are the planner's.)
#![allow(clippy::unwrap_used)]

use wire::uicc::{Adn, alpha, is_free, read, shown};

#[track_caller]
fn check(record: &str, name: &str, number: &str, note: Option<&str>) {
    let record = hex::decode(record).unwrap();
    let reading = read(&record, None);
    assert_eq!(
        (reading.name.as_str(), reading.number.as_str()),
        (name, number)
    );
    match note {
        None => assert_eq!(reading.notes, Vec::<String>::new()),
        Some(note) => assert!(reading.notes.concat().contains(note), "{:?}", reading.notes),
    }
    assert!(!is_free(&record));
}

#[test]
fn c40_a_pointer_to_an_ext1_that_the_card_lacks() {
    let record = "497679FFFFFFFFFFFFFFFFFFFFFF0B9144770090030321436587FF05";
    check(
        record,
        "Ivy",
        "+447700093030123456 78".replace(' ', "").as_str(),
        Some("is cut"),
    );
    assert_eq!(shown(&hex::decode(record).unwrap(), None).shown_number, "");
    // A rewrite points to nothing.
    let number = Some("+44770009303012345678".parse().unwrap());
    let made = Adn {
        name: "Ivy".into(),
        number,
    }
    .encode(28, None)
    .unwrap();
    assert_eq!(made.record.last(), Some(&0xFF));
}

#[test]
fn c42_a_number_without_a_name_is_an_entry() {
    check(
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFF0791447700092030FFFFFFFFFFFF",
        "",
        "+447700900203",
        None,
    );
    check(
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00",
        "",
        "",
        None,
    );
    assert!(is_free(&[0xFF; 28]));
}

#[test]
fn c44_a_length_octet_out_of_range() {
    for length in ["15", "FF", "0C"] {
        let record = format!("4D6178FFFFFFFFFFFFFFFFFFFFFF{length}91447700092020FFFFFFFFFFFF");
        check(&record, "Max", "+447700900202", Some("above 0b"));
    }
}

#[test]
fn c46_accents_and_underscore_are_the_alphabet_s() {
    check(
        "52656E0511FFFFFFFFFFFFFFFFFF0791447700092070FFFFFFFFFFFF",
        "René_",
        "+447700900207",
        None,
    );
}

#[test]
fn c48_a_count_larger_than_the_field() {
    for count in ["20", "06"] {
        let record = format!("81{count}0890BDBDB02D32FFFFFFFFFF0791447700092040FFFFFFFFFFFF");
        check(&record, "Анна-2", "+447700900204", None);
    }
    assert_eq!(
        alpha::decode(&hex::decode("82203040958fc9ffff").unwrap()),
        "さくら"
    );
}

#[test]
fn c50_composed_before_coding_and_marks_dropped() {
    let of = |units: &[u16]| String::from_utf16(units).unwrap();
    let decomposed = of(&[
        0x5A, 0x6F, 0x65, 0x308, 0x2D, 0x41, 0x6D, 0x65, 0x301, 0x6C, 0x69, 0x65,
    ]);
    let coded = alpha::encode(&decomposed, 14);
    assert_eq!(coded.shown, "Zoë-Amélie");
    assert!(!coded.cut);
    // ë is not in the alphabet: the half-page form, an octet a sign.
    assert_eq!(coded.octets.len(), 13);
    assert_eq!(
        alpha::shortest(&alpha::normalised("Ame\u{301}lie")),
        b"Am\x05lie"
    );
    let hebrew = alpha::encode(&of(&[0x5E9, 0x5E8, 0x5D4, 0x200F, 0x31, 0x32]), 14);
    assert_eq!(hebrew.shown, of(&[0x5E9, 0x5E8, 0x5D4, 0x31, 0x32]));
    assert_eq!(alpha::decode(&hebrew.octets), hebrew.shown);
    let full = of(&[0x5E9, 0x5E8, 0x5D4, 0x20, 0x200F, 0x31, 0x32]);
    assert_eq!(
        alpha::normalised(&full),
        of(&[0x5E9, 0x5E8, 0x5D4, 0x20, 0x31, 0x32])
    );
}

#[test]
fn c56_ton_says_whether_there_is_a_plus() {
    check(
        "426FFFFFFFFFFFFFFFFFFFFFFFFF0781447700092080FFFFFFFFFFFF",
        "Bo",
        "447700900208",
        None,
    );
    check(
        "42616CFFFFFFFFFFFFFFFFFFFFFF06FF1A551A18FBFFFFFFFFFFFFFF",
        "Bal",
        "*155*181#",
        None,
    );
}
