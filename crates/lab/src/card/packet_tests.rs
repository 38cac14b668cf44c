//! Every vector of `ota.json`, read as the card reads it and answered as it answers.

use serde_json::Value;

use super::super::header::{Joining, UserData};
use super::super::kind::Algorithm;
use super::*;

fn vectors() -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../../tests/vectors/ota.json")).unwrap();
    all["vectors"].as_array().unwrap().clone()
}

fn octets(vector: &Value, field: &str) -> Vec<u8> {
    hex::decode(vector[field].as_str().unwrap()).unwrap()
}

fn keys(vector: &Value, algorithm: Algorithm) -> Keys {
    let key = |field| Key::new(&octets(vector, field), algorithm).unwrap();
    Keys {
        kic: key("kic"),
        kid: key("kid"),
    }
}

fn algorithm(octet: u8) -> Algorithm {
    match octet & 3 {
        2 => Algorithm::Aes,
        _ => Algorithm::TripleDes,
    }
}

#[test]
fn every_command_packet_gives_its_script() {
    let mut read = 0;
    for vector in vectors() {
        if vector["script"].is_null() {
            continue;
        }
        let name = vector["name"].as_str().unwrap();
        let mut joining = Joining::new(16);
        let parts: Vec<Vec<u8>> = match vector["segments_tp_ud"].as_array() {
            Some(parts) => parts
                .iter()
                .map(|part| hex::decode(part.as_str().unwrap()).unwrap())
                .collect(),
            None => vec![octets(&vector, "tp_ud")],
        };
        let whole = parts
            .iter()
            .rev()
            .find_map(|part| joining.take("", UserData::read(part).unwrap()))
            .unwrap();
        assert!(whole[0].is_command, "{name}");
        let packet: Vec<u8> = whole.into_iter().flat_map(|part| part.body).collect();
        if !vector["command_packet"].is_null() {
            assert_eq!(packet, octets(&vector, "command_packet"), "{name}");
        }
        let command = Command::read(&packet).unwrap();
        let keys = keys(&vector, algorithm(command.kic));
        let (counter, script) = command.open(&keys);
        let counter = hex::encode(&counter.to_be_bytes()[3..]);
        assert_eq!(vector["cntr"], counter, "{name}");
        assert_eq!(script.unwrap(), octets(&vector, "script"), "{name}");
        assert_eq!(command.spi.to_vec(), octets(&vector, "spi"), "{name}");
        read += 1;
    }
    assert!(read > 35, "{read}");
}

#[test]
fn every_proof_of_receipt_is_the_same_octets() {
    let mut answered = 0;
    for vector in vectors() {
        if vector["response_tp_ud"].is_null() {
            continue;
        }
        let name = vector["name"].as_str().unwrap();
        let [kic, kid] = ["kic_byte", "kid_byte"].map(|field| octets(&vector, field)[0]);
        let tar = octets(&vector, "tar");
        let command = Command {
            spi: octets(&vector, "spi").try_into().unwrap(),
            kic,
            kid,
            tar: tar.try_into().unwrap(),
            head: Vec::new(),
            body: Vec::new(),
        };
        let status = match vector["response"]["status"].as_str().unwrap() {
            "por_ok" => 0,
            "rc_cc_ds_failed" => 1,
            "cntr_low" => 2,
            "cntr_high" => 3,
            "cntr_blocked" => 4,
            "ciphering_error" => 5,
            "undefined_security_error" => 6,
            "insufficient_memory" => 7,
            "tar_unknown" => 9,
            "insufficient_security_level" => 10,
            // More time, and answers that follow another way, are not this card's.
            _ => continue,
        };
        let status = [
            Status::Ok,
            Status::ChecksumFailed,
            Status::CounterLow,
            Status::CounterHigh,
            Status::CounterBlocked,
            Status::CipheringError,
            Status::SecurityError,
            Status::NoMemory,
            Status::TarUnknown,
            Status::LevelTooLow,
        ]
        .into_iter()
        .find(|known| *known as u8 == status)
        .unwrap();
        let outcome = vector["response"]["commands"]
            .as_u64()
            .map(|commands| Outcome {
                commands: commands as u8,
                sw: u16::from_str_radix(vector["response"]["sw"].as_str().unwrap(), 16).unwrap(),
                data: octets(&vector["response"], "data"),
            });
        let counter = octets(&vector, "cntr")
            .iter()
            .fold(0, |sum, octet| sum << 8 | u64::from(*octet));
        let keys = keys(&vector, algorithm(kic));
        let response = respond(&command, &keys, counter, status, outcome.as_ref()).unwrap();
        assert_eq!(
            user_data(&response, 1),
            [octets(&vector, "response_tp_ud")],
            "{name}"
        );
        answered += 1;
    }
    assert!(answered >= 20, "{answered}");
}

#[test]
fn rejected_packets() {
    let find = |name: &str| {
        let vector = vectors().into_iter().find(|v| v["name"] == name).unwrap();
        (octets(&vector, "command_packet"), vector)
    };
    let (packet, vector) = find("rejected: wrong cc");
    let (_, script) = Command::read(&packet)
        .unwrap()
        .open(&keys(&vector, Algorithm::TripleDes));
    assert_eq!(script, Err(Status::ChecksumFailed));
    let (packet, _) = find("rejected: CPL one too long");
    assert_eq!(Command::read(&packet), None);
}

#[test]
fn checksums_are_cut_cmacs() {
    let vector = vectors()
        .into_iter()
        .find(|v| v["name"] == "cmac truncation")
        .unwrap();
    let key = Key::new(&octets(&vector, "key"), Algorithm::Aes).unwrap();
    let cmac = octets(&vector, "cmac");
    assert_eq!(key.checksum(&octets(&vector, "input")), cmac[..8]);
}

#[test]
fn a_long_answer_goes_in_parts() {
    let response: Vec<u8> = (0..=255).collect();
    let parts = user_data(&response, 9);
    assert_eq!(parts.len(), 2);
    assert!(parts.iter().all(|part| part.len() <= 140));
    assert_eq!(parts[0][..8], [7, 0, 3, 9, 2, 1, 0x71, 0]);
    assert_eq!(parts[1][..6], [5, 0, 3, 9, 2, 2]);
    let joined = [&parts[0][8..], &parts[1][6..]].concat();
    assert_eq!(joined, response);
}
