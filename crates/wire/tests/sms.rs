//! User data of short messages: every row of `vectors/sms.json`, the alphabet rows of `vectors/adn.json`, and any octets.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::Value;
use wire::sms::card::{Card, read as read_card};
use wire::sms::{
    Joined, Limits, Part, Reassembler, Received, Reference, Taken, gsm7, join, split_8bit,
    split_text, udh,
};

fn rows() -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("vectors/sms.json")).unwrap();
    all["vectors"].as_array().unwrap().clone()
}

fn octets(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn reference(row: &Value) -> Reference {
    let number = row["ref"].as_u64().unwrap_or(0);
    match row["ref_bits"].as_u64() {
        Some(16) => Reference::Sixteen(number.try_into().unwrap()),
        _ => Reference::Eight(number.try_into().unwrap()),
    }
}

fn dcs(row: &Value) -> u8 {
    u8::from_str_radix(row["dcs"].as_str().unwrap_or("00"), 16).unwrap()
}

fn expected_parts(row: &Value) -> Vec<Part> {
    let one = [row.clone()];
    let parts = row["parts"].as_array().map_or(&one[..], Vec::as_slice);
    let part = |part: &Value| Part {
        udl: part["udl"].as_u64().unwrap().try_into().unwrap(),
        tp_ud: octets(&part["tp_ud"]),
    };
    parts.iter().map(part).collect()
}

/// As they arrive; with and without TP-UDL.
fn received(parts: &[Part], udhi: bool, with_udl: bool) -> Vec<Received> {
    let part = |part: &Part| Received {
        udhi,
        udl: with_udl.then_some(part.udl),
        tp_ud: part.tp_ud.clone(),
    };
    parts.iter().map(part).collect()
}

#[test]
fn every_text_is_split_and_joined() {
    for row in rows().iter().filter(|row| row["text"].is_string()) {
        let text = row["text"].as_str().unwrap();
        let split = split_text(text, reference(row)).unwrap();
        assert_eq!(split.dcs, dcs(row), "{row}");
        assert_eq!(split.parts, expected_parts(row), "{row}");
        if let Some(septets) = row["septets"].as_u64() {
            assert_eq!(gsm7::encode(text).unwrap().len() as u64, septets);
        }
        for with_udl in [true, false] {
            let parts = received(&split.parts, split.parts.len() > 1, with_udl);
            assert_eq!(join(split.dcs, &parts).unwrap().text.as_deref(), Some(text));
        }
    }
}

#[test]
fn data_is_split_and_joined() {
    for row in rows().iter().filter(|row| row["data"].is_string()) {
        let data = octets(&row["data"]);
        let parts = split_8bit(&data, &[], reference(row)).unwrap();
        assert_eq!(parts, expected_parts(row));
        let joined = join(dcs(row), &received(&parts, true, true)).unwrap();
        assert_eq!(joined.data, Some(data));
    }
}

#[test]
fn every_business_card() {
    for row in rows().iter().filter(|row| row["kind"] == "card") {
        let card = Card {
            name: row["name"].as_str().unwrap().into(),
            numbers: serde_json::from_value(row["numbers"].clone()).unwrap(),
        };
        let vcard = card.to_vcard().unwrap();
        assert_eq!(vcard, row["vcard"].as_str().unwrap().as_bytes());
        assert_eq!(vcard.len() as u64, row["octets"].as_u64().unwrap());
        let parts = card.split(reference(row)).unwrap();
        assert_eq!(parts, expected_parts(row), "{row}");
        let joined = join(dcs(row), &received(&parts, true, true)).unwrap();
        assert_eq!(joined.card, Some(card));
        assert_eq!(joined.port, Some(9204));
    }
}

#[test]
fn a_card_may_come_in_the_default_alphabet() {
    let vcard =
        b"BEGIN:VCARD\r\nVERSION:2.1\r\nN:Doe;Jo\r\nTEL;CELL:+447700900123\r\nEND:VCARD\r\n";
    // The port's 7 octets are 8 septets: no fill bits.
    let body = gsm7::pack(
        &gsm7::encode(std::str::from_utf8(vcard).unwrap()).unwrap(),
        0,
    );
    let tp_ud = [&hex::decode("06050423f40000").unwrap(), &body[..]].concat();
    let part = Received {
        udhi: true,
        udl: Some(8 + vcard.len() as u8),
        tp_ud,
    };
    let card = join(0x00, &[part]).unwrap().card.unwrap();
    assert_eq!(card.name, "Jo Doe");
    assert_eq!(card.numbers, ["+447700900123"]);
}

#[test]
fn cards_of_other_writers() {
    for (vcard, name) in [
        ("BEGIN:VCARD\nFN:Jo Doe\nTEL:1\nEND:VCARD", "Jo Doe"),
        (
            "begin:vcard\r\nn;charset=utf-8;quoted-printable:L=C3=\r\n=BCtz;;;\r\n",
            "Lütz",
        ),
        (
            "BEGIN:VCARD\r\nN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:Zo=EB\r\n",
            "Zoë",
        ),
    ] {
        assert_eq!(read_card(vcard.as_bytes()).unwrap().name, name);
    }
    assert_eq!(read_card(b"hello"), None);
}

#[test]
fn the_port_element() {
    for row in rows().iter().filter(|row| row["kind"] == "port") {
        let udh = octets(&row["udh"]);
        let (header, body) = udh::read(&udh).unwrap();
        let ports = header.ports.unwrap();
        assert_eq!(
            u64::from(ports.destination),
            row["destination"].as_u64().unwrap()
        );
        assert_eq!(u64::from(ports.origin), row["origin"].as_u64().unwrap());
        assert_eq!(ports.element(), udh[1..]);
        assert!(body.is_empty());
    }
}

#[test]
fn parts_in_any_order() {
    let rows = rows();
    for row in rows.iter().filter(|row| row["kind"] == "join") {
        let of = rows.iter().find(|r| r["description"] == row["of"]).unwrap();
        let sent = received(&expected_parts(of), true, false);
        let order = row["arrive"].as_array().unwrap();
        let arrived: Vec<_> = order
            .iter()
            .map(|n| sent[n.as_u64().unwrap() as usize].clone())
            .collect();
        let text = of["text"].as_str().map(str::to_owned);
        assert_eq!(join(0, &arrived).unwrap().text, text);

        let mut store = Reassembler::new(Limits::USUAL);
        let mut whole = None;
        for (now, part) in (0..).zip(&arrived) {
            assert_eq!(whole, None, "complete before the last part");
            let taken = store.take("447700900123", part.udhi, part.tp_ud.clone(), 0, now);
            if let Taken::Whole { parts, .. } = taken {
                whole = Some(parts);
            }
        }
        let whole: Vec<_> = whole.unwrap().into_iter().map(with_header).collect();
        assert_eq!(join(0, &whole).unwrap().text, text);
        assert!(store.is_empty());
        assert_eq!(join(0, &sent[1..]).unwrap().missing, [1]);
    }
}

fn with_header(tp_ud: Vec<u8>) -> Received {
    Received {
        udhi: true,
        udl: None,
        tp_ud,
    }
}

#[test]
fn malformed_headers() {
    let mut rows = rows();
    rows.retain(|row| row["kind"] == "malformed");
    assert_eq!(rows.len(), 4);
    for row in rows {
        let tp_ud = octets(&row["tp_ud"]);
        assert!(udh::looks_like_one(&tp_ud));
        match (udh::read(&tp_ud), row["expect"].as_str().unwrap()) {
            (Err(error), "reject: no header can be read") => {
                assert!(error.to_string().contains("10 octets and 5 follow"));
            }
            (Ok((header, body)), _) => {
                assert_eq!(header.place, None, "shown as single");
                assert_eq!(body, &tp_ud[1 + usize::from(tp_ud[0])..]);
            }
            (Err(error), expected) => panic!("{error}, but {expected}"),
        }
    }
}

#[test]
fn c70_the_header_is_not_text() {
    let part = Received {
        udhi: true,
        udl: None,
        tp_ud: hex::decode("050003010201597d7684").unwrap(),
    };
    let place = udh::read(&part.tp_ud).unwrap().0.place.unwrap();
    assert_eq!(place.reference, Reference::Eight(1));
    assert_eq!((place.number, place.total), (1, 2));
    let joined = join(0x08, &[part]).unwrap();
    assert_eq!(joined.text.as_deref(), Some("好的"));
    assert_eq!(joined.missing, [2]);
}

#[test]
fn septets_packed_and_unpacked() {
    let all: Value = serde_json::from_str(include_str!("vectors/adn.json")).unwrap();
    for row in all["gsm7_packed"].as_array().unwrap() {
        let text = row["text"].as_str().unwrap();
        let septets = gsm7::encode(text).unwrap();
        assert_eq!(septets.len() as u64, row["septets"].as_u64().unwrap());
        assert_eq!(gsm7::pack(&septets, 0), octets(&row["packed"]));
        assert_eq!(
            gsm7::decode(&gsm7::unpack(&octets(&row["packed"]), 0, None)),
            text
        );
    }
    for row in all["gsm7_unpacked"].as_array().unwrap() {
        let text = row["text"].as_str().unwrap();
        assert_eq!(gsm7::encode(text).unwrap(), octets(&row["unpacked"]));
        assert_eq!(gsm7::decode(&octets(&row["unpacked"])), text);
    }
}

#[test]
fn parts_of_two_messages_are_not_joined() {
    let parts = [[5, 0, 3, 1, 2, 1, 65], [5, 0, 3, 2, 2, 2, 65]].map(|tp_ud| Received {
        udhi: true,
        udl: None,
        tp_ud: tp_ud.to_vec(),
    });
    let error = join(0xF5, &parts).unwrap_err().to_string();
    assert!(
        error.starts_with("Part 2 belongs to another message"),
        "{error}"
    );
    assert!(join(0, &[]).is_err());
}

#[test]
fn more_than_255_parts() {
    let error = split_8bit(&[0; 134 * 256], &[], Reference::Eight(0)).unwrap_err();
    assert!(error.to_string().contains("needs 256 parts"));
    assert!(split_8bit(&[1], &[0; 200], Reference::Eight(0)).is_err());
}

proptest! {
    #[test]
    fn a_text_comes_back(text in "[ -~£€ñ{}]{0,500}|[ -~小梅😀€]{0,300}", wide: bool) {
        let reference = if wide { Reference::Sixteen(513) } else { Reference::Eight(7) };
        let split = split_text(&text, reference).unwrap();
        for part in &split.parts {
            prop_assert!(part.tp_ud.len() <= 140);
        }
        let mut parts = received(&split.parts, split.parts.len() > 1, true);
        parts.reverse();
        prop_assert_eq!(join(split.dcs, &parts).unwrap(), Joined { text: Some(text), ..Joined::default() });
    }

    #[test]
    fn a_card_comes_back(name in "[ -~äМ小😀]{0,60}\\PC", number in "\\+?[0-9*#p]{1,40}") {
        prop_assume!(!name.trim().is_empty() && name == name.trim());
        let card = Card { name, numbers: vec![number] };
        let parts = card.split(Reference::Sixteen(9)).unwrap();
        prop_assert_eq!(join(0xF5, &received(&parts, true, true)).unwrap().card.unwrap(), card);
    }

    #[test]
    fn any_octets_are_survived(dcs: u8, parts: Vec<(bool, Option<u8>, Vec<u8>)>) {
        let parts: Vec<_> = parts.into_iter().map(|(udhi, udl, tp_ud)| Received { udhi, udl, tp_ud }).collect();
        let _ = join(dcs, &parts);
        let mut store = Reassembler::new(Limits::USUAL);
        for (now, part) in (0..).zip(parts) {
            let _ = udh::looks_like_one(&part.tp_ud);
            let _ = read_card(&part.tp_ud);
            let _ = store.take("x", part.udhi, part.tp_ud, 7, now);
        }
    }
}
