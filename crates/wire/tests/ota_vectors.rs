//! Every vector of `vectors/ota.json`: values published by others, computed by other encoders, captured on a rig.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::collections::BTreeMap;
use wire::ota::*;

fn hex(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

/// A vector's hex field.
fn field(v: &Value, name: &str) -> Option<Vec<u8>> {
    v.get(name).map(|text| hex(text.as_str().unwrap()))
}

fn keys(v: &Value) -> KeySet {
    let packet = field(v, "command_packet");
    let byte = |name, at: usize| {
        field(v, name).map_or_else(|| packet.as_ref().unwrap()[at], |octets| octets[0])
    };
    KeySet::new(
        &field(v, "kic").unwrap(),
        &field(v, "kid").unwrap(),
        byte("kic_byte", 5),
        byte("kid_byte", 6),
    )
    .unwrap()
}

fn spi(v: &Value) -> Spi {
    v["spi"].as_str().unwrap().parse().unwrap()
}

fn cntr(v: &Value) -> Counter {
    v["cntr"].as_str().unwrap().parse().unwrap()
}

fn tar(v: &Value) -> Tar {
    v["tar"].as_str().unwrap().parse().unwrap()
}

fn check_command(v: &Value) {
    let (script, keys) = (field(v, "script").unwrap(), keys(v));
    let packet = encode(&script, &keys, spi(v), tar(v), cntr(v)).unwrap();
    if let Some(expected) = field(v, "command_packet") {
        assert_eq!(hex::encode(&packet), hex::encode(expected), "{}", v["name"]);
    }
    let (parts, reference) = match v.get("segments_tp_ud") {
        Some(parts) => (
            parts
                .as_array()
                .unwrap()
                .iter()
                .map(|part| hex(part.as_str().unwrap()))
                .collect(),
            0x2a,
        ),
        None => (vec![field(v, "tp_ud").unwrap()], 0),
    };
    assert_eq!(
        split(&packet, Kind::Command, Reference::Eight(reference), false).unwrap(),
        parts,
        "{}",
        v["name"]
    );
    assert_eq!(
        join(&parts).unwrap(),
        (Kind::Command, packet.clone()),
        "{}",
        v["name"]
    );
    let command = decode(&packet, &keys).unwrap();
    assert_eq!(
        (
            command.script,
            command.cntr,
            command.header.spi,
            command.header.tar
        ),
        (script, cntr(v), spi(v), tar(v)),
        "{}",
        v["name"]
    );
}

fn check_response(v: &Value) {
    let words = [
        "por_ok",
        "rc_cc_ds_failed",
        "cntr_low",
        "cntr_high",
        "cntr_blocked",
        "ciphering_error",
        "undefined_security_error",
        "insufficient_memory",
        "more_time_needed",
        "tar_unknown",
        "insufficient_security_level",
        "actual_response_sms_submit",
        "actual_response_ussd",
    ];
    let (tp_ud, keys, expected) = (field(v, "response_tp_ud").unwrap(), keys(v), &v["response"]);
    let (kind, packet) = join(&[&tp_ud]).unwrap();
    assert_eq!(kind, Kind::Response);
    let response = decode_response(&packet, &keys, spi(v))
        .unwrap_or_else(|error| panic!("{}: {error}", v["name"]));
    assert_eq!(
        words[usize::from(response.rsc.code())],
        expected["status"].as_str().unwrap(),
        "{}",
        v["name"]
    );
    assert_eq!(
        (response.tar, response.cntr),
        (tar(v), cntr(v)),
        "{}",
        v["name"]
    );
    let executed = expected["commands"].as_u64().map(|commands| Executed {
        commands: commands.try_into().unwrap(),
        sw: field(expected, "sw").unwrap().try_into().unwrap(),
        data: field(expected, "data").unwrap(),
    });
    assert_eq!(response.executed, executed, "{}", v["name"]);
    assert_eq!(
        response.checked,
        spi(v).por_integrity == Integrity::Cc,
        "{}",
        v["name"]
    );
    let again = encode_response(&response, &keys, spi(v)).unwrap();
    assert_eq!(
        split(&again, Kind::Response, Reference::Eight(0), false).unwrap(),
        [tp_ud],
        "{}",
        v["name"]
    );
}

fn check_rejected(v: &Value) {
    let error = decode(&field(v, "command_packet").unwrap(), &keys(v)).unwrap_err();
    let expected = v["expect"].as_str().unwrap();
    let as_expected = match error {
        DecodeError::Integrity => expected.starts_with("integrity check fails"),
        DecodeError::Length {
            field: "CPL",
            said: 0x41,
            got: 0x40,
        } => expected == "length mismatch",
        _ => false,
    };
    assert!(as_expected, "{}: {error}", v["name"]);
}

fn check_crc(v: &Value) {
    let input = field(v, "input").unwrap();
    assert_eq!(
        crc16(&[&input]).to_be_bytes().to_vec(),
        field(v, "crc16").unwrap()
    );
    assert_eq!(
        crc32(&[&input]).to_be_bytes().to_vec(),
        field(v, "crc32").unwrap()
    );
}

fn check_cmac(v: &Value) {
    let (a, b) = (field(v, "input").unwrap(), field(v, "key").unwrap());
    let (left, right) = a.split_at(5);
    assert_eq!(
        cmac(&b, &[left, right]).unwrap().to_vec(),
        field(v, "cmac").unwrap()
    );
}

/// Takes the user data out of an SMS-DELIVER whose address has 8 digits (3GPP TS 23.040 §9.2.2.1).
fn check_tpdu(v: &Value) {
    let tpdu = field(v, "tpdu").unwrap();
    let (head, tp_ud) = tpdu.split_at(17);
    assert_eq!(
        (head[7], head[8], usize::from(head[16])),
        (0x7F, 0xF6, tp_ud.len())
    );
    assert_eq!(tp_ud, field(v, "tp_ud").unwrap());
    assert_eq!(join(&[tp_ud]).unwrap().0, Kind::Command);
}

#[test]
fn all_68() {
    let file: Value = serde_json::from_str(include_str!("vectors/ota.json")).unwrap();
    let mut seen = BTreeMap::<_, usize>::new();
    let mut count = |what| *seen.entry(what).or_default() += 1;
    for v in file["vectors"].as_array().unwrap() {
        let has = |name| v.get(name).is_some();
        if has("script") {
            check_command(v);
            count("command");
        }
        if has("response") {
            check_response(v);
            count("response");
        }
        if has("expect") {
            check_rejected(v);
            count("rejected");
        }
        for (name, check) in [
            ("crc16", check_crc as fn(&Value)),
            ("cmac", check_cmac),
            ("tpdu", check_tpdu),
        ] {
            if has(name) {
                check(v);
                count(name);
            }
        }
    }
    let expected = [
        ("cmac", 1),
        ("command", 43),
        ("crc16", 1),
        ("rejected", 2),
        ("response", 25),
        ("tpdu", 1),
    ];
    assert_eq!(seen, BTreeMap::from(expected)); // 5 are command and response in one
    assert_eq!(file["vectors"].as_array().unwrap().len(), 68);
}
