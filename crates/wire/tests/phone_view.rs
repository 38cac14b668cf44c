//! What a phone shows: every row of `vectors/phone_view.json`.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use wire::uicc::{read, shown};

#[test]
fn every_record_is_shown_as_android_shows_it() {
    let rows: Vec<Value> = serde_json::from_str(include_str!("vectors/phone_view.json")).unwrap();
    assert_eq!(rows.len(), 42);
    for row in rows {
        let record = hex::decode(row["record"].as_str().unwrap()).unwrap();
        let ext1 = row["ext1"].as_str().map(|ext1| hex::decode(ext1).unwrap());
        let view = shown(&record, ext1.as_deref());
        let why = &row["description"];
        assert_eq!(
            view.shown_name,
            row["shown_name"].as_str().unwrap(),
            "{why}"
        );
        assert_eq!(
            view.shown_number,
            row["shown_number"].as_str().unwrap(),
            "{why}"
        );
    }
}

#[track_caller]
fn notes(record: &str, ext1: Option<&str>, fragment: &str) {
    let ext1 = ext1.map(|ext1| hex::decode(ext1).unwrap());
    let view = shown(&hex::decode(record).unwrap(), ext1.as_deref());
    let found = view.notes.iter().any(|note| note.contains(fragment));
    assert!(found, "{:?}", view.notes);
}

#[test]
fn what_is_odd_is_said() {
    const LONG: &str = "4c6f6e67ffffffffffffffffffff0b9121436587092143658709ff01";
    notes(LONG, None, "cannot be read");
    notes(
        LONG,
        Some("020a2143658709214365870907"),
        "goes on in EF_EXT1 record 7",
    );
    notes(
        LONG,
        Some("00ffffffffffffffffffffffff"),
        "no further digits",
    );
    notes(
        "426164ffffffffffffffffffffff0c91447700091032ffffffffff01",
        None,
        "0c, above 0b",
    );
    notes(
        "81ff089cb0bcb0ffffffffffffff0791447700091032ffffffffffff",
        None,
        "padding is shown",
    );
    notes(
        "8104089c1b65b0ffffffffffffff0791447700091032ffffffffffff",
        None,
        "escape",
    );
    notes(
        "805c0f68ffffffffffffffffffff0791447700091032ffffffffffff",
        None,
        "half a character",
    );
    notes(
        "436166e9ffffffffffffffffffff0791447700091032ffffffffffff",
        None,
        "spaces are shown",
    );
    notes(
        "437574ffffffffffffffffffffff068121f3547698ffffffffffffff",
        None,
        "ends it there",
    );
    notes("4142", None, "2 octets");
}

#[test]
fn a_usual_record_has_no_note() {
    let record = hex::decode("4d756dffffffffffffffffffffff0791447700091032ffffffffffff").unwrap();
    assert!(shown(&record, None).notes.is_empty());
    assert!(read(&record, None).notes.is_empty());
}

#[test]
fn a_plus_in_a_service_code_goes_before_the_number_inside() {
    for (digits, number) in [
        ("aa12fb", "**21#+"),
        ("3ab144", "*31#+44"),
        ("aa124a74fb", "**21*+447#"),
        ("a1b5", "+1*5#"),
        ("5aff", "+*5"),
        ("5afb", "*5#+"),
    ] {
        let bcd = hex::decode(digits).unwrap();
        let mut record = vec![0xFF; 14];
        record[0] = 1 + bcd.len() as u8;
        record[1] = 0x91;
        record[2..2 + bcd.len()].copy_from_slice(&bcd);
        if digits == "5aff" {
            record[0] = 2;
        }
        assert_eq!(shown(&record, None).shown_number, number);
    }
}
