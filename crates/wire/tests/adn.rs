//! EF_ADN records: every row of `vectors/adn.json`.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use wire::uicc::{Adn, alpha, empty, read, shown};

fn adn(name: &str, number: Option<&str>) -> Adn {
    Adn {
        name: name.into(),
        number: number.map(|number| number.parse().unwrap()),
    }
}

#[test]
fn every_record_is_written_and_read() {
    let all: Value = serde_json::from_str(include_str!("vectors/adn.json")).unwrap();
    let mut encoded = 0;
    for row in all["vectors"].as_array().unwrap() {
        let text = |key: &str| row[key].as_str();
        let octets = |key: &str| text(key).map(|octets| hex::decode(octets).unwrap());
        if let Some(field) = octets("alpha") {
            assert_eq!(alpha::decode(&field), text("decoded").unwrap(), "{row}");
            continue;
        }
        let (record, ext1) = (octets("record").unwrap(), octets("ext1_record"));
        let name = text("name").unwrap();
        if name == "delete" {
            assert_eq!(empty(record.len()).unwrap(), record);
            continue;
        }
        let name = if name == "name only, no number" {
            "Alice"
        } else {
            name
        };
        let number = text("number").unwrap_or_default();
        let reading = read(&record, ext1.as_deref());
        assert_eq!(
            (reading.name.as_str(), reading.number.as_str()),
            (name, number),
            "{row}"
        );
        assert!(reading.notes.is_empty(), "{row}");
        let view = shown(&record, ext1.as_deref());
        assert_eq!(view.shown_name, name);
        if text("name") == Some("Müller-Ödegård") {
            assert_eq!(view.notes, Vec::<String>::new());
        }
        if row["decode_only"] == true {
            continue;
        }
        let made = adn(name, text("number"))
            .encode(record.len(), Some(1))
            .unwrap();
        assert_eq!(made.shown_name, name, "{row}");
        assert_eq!(made.shown_number, number.replace('p', ","), "{row}");
        assert!(!made.cut);
        assert_eq!(made.ext1.map(|ext1| ext1.to_vec()), ext1);
        let x = record.len() - 14;
        assert_eq!(made.record[x..], record[x..], "{row}");
        // Several codings can be right: the same length, and the same name.
        let used = |field: &[u8]| field.iter().rposition(|o| *o != 0xFF);
        assert_eq!(used(&made.record[..x]), used(&record[..x]), "{row}");
        assert_eq!(made.record[0], record[0], "the same form: {row}");
        encoded += 1;
    }
    assert!(encoded > 35);
}

#[test]
fn a_name_is_cut_between_graphemes_only() {
    for (name, x, shown_name) in [
        ("Grandmother Elisabeth", 14, "Grandmother El"),
        ("Ann 👨‍👩‍👧", 14, "Ann "),
        ("Ann 👨‍👩‍👧", 25, "Ann 👨‍👩‍👧"),
        ("王医生王医生王", 14, "王医生王医生"),
        ("{{{{", 5, "{{"),
        ("नमस्ते", 6, "नम"),
        ("Mum", 0, ""),
    ] {
        let made = adn(name, Some("112")).encode(x + 14, None).unwrap();
        assert_eq!(made.shown_name, shown_name);
        assert_eq!(made.cut, shown_name != name);
    }
}

#[test]
fn what_cannot_be_written_is_said() {
    for (number, sentence) in [
        (
            "*100;2#",
            "“*100;2#” cannot go on a SIM because of “;”: use digits, *, #, p for a pause, and + only in front.",
        ),
        (
            "*31#+447700900308",
            "“*31#+447700900308” cannot go on a SIM because of “+”: use digits, *, #, p for a pause, and + only in front.",
        ),
        ("", "There is nothing to dial: give the number."),
        ("+", "There is nothing to dial: give the number."),
        (
            "12345678901234567890123456789012345678901",
            "“12345678901234567890123456789012345678901” has 41 digits and a SIM holds 40: shorten it.",
        ),
    ] {
        assert_eq!(
            number
                .parse::<wire::uicc::DialString>()
                .unwrap_err()
                .to_string(),
            sentence
        );
    }
    let long = adn("Long", Some("123456789012345678901"));
    let error = long.encode(28, None).unwrap_err().to_string();
    assert!(error.contains("has 21 digits and 20 fit"), "{error}");
    assert!(long.encode(28, Some(255)).is_err());
    for length in [0, 13, 256] {
        assert!(long.encode(length, Some(1)).is_err());
    }
    assert!(adn("", Some("112")).encode(14, None).is_ok());
    // Twenty digits need no EF_EXT1, and then none is pointed to.
    let made = adn("Max", Some("12345678901234567890"))
        .encode(28, Some(3))
        .unwrap();
    assert_eq!((made.ext1, made.record[27]), (None, 0xFF));
}
