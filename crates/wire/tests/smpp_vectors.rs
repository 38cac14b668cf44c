//! Every vector of `vectors/smpp.json`: what we send to the octet, what we get by meaning, the malformed by reaction.
#![allow(clippy::unwrap_used, missing_docs)]

use serde_json::Value;
use wire::smpp::receipt::{forms, receipt};
use wire::smpp::{Body, Deliver, Frames, Pdu};

fn vectors() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("vectors/smpp.json")).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

fn octets(vector: &Value) -> Vec<u8> {
    hex::decode(vector["hex"].as_str().unwrap()).unwrap()
}

fn from_smsc(octets: &[u8]) -> Pdu {
    let mut frames = Frames::default();
    frames.push(octets);
    Pdu::decode(&frames.take().unwrap().unwrap()).unwrap()
}

fn deliver(octets: &[u8]) -> Deliver {
    match from_smsc(octets).body {
        Body::Deliver(deliver) => deliver,
        other => panic!("{other:?}"),
    }
}

#[test]
fn receipts_and_messages_mean_what_the_vectors_say() {
    let mut seen = 0;
    for vector in vectors().iter().filter(|v| v["meaning"].is_object()) {
        let meaning = &vector["meaning"];
        let deliver = deliver(&octets(vector));
        let kind = meaning["kind"].as_str().unwrap();
        let read = receipt(&deliver, false);
        if matches!(kind, "por" | "message") {
            assert_eq!(read, None, "{vector}");
        } else {
            let read = read.unwrap();
            assert_eq!(read.id, meaning["id"].as_str().unwrap(), "{vector}");
            let state = format!("{:?}", read.state).to_uppercase();
            let want = meaning["state"].as_str().unwrap();
            assert_eq!(state.get(..5), want.get(..5), "{vector}");
            if let Some(same) = meaning["same_as"].as_str() {
                assert!(forms(same).iter().any(|f| forms(&read.id).contains(f)));
            }
        }
        seen += 1;
    }
    assert!(seen > 8, "{seen}");
}

#[test]
fn malformed_pdus_get_their_reaction_and_never_end_the_session() {
    for vector in vectors().iter().filter(|v| v["malformed"] == true) {
        let mut frames = Frames::default();
        frames.push(&octets(vector));
        let reaction = vector["reaction"].as_str().unwrap();
        let answer = match frames.take() {
            Err(error) => {
                assert!(reaction.contains("generic_nack 02"), "{vector}");
                error.answer()
            }
            Ok(Some(frame)) => match Pdu::decode(&frame) {
                Err(malformed) => malformed.answer.unwrap(),
                Ok(pdu) => {
                    let fine = reaction.contains("deliver_sm_resp 0")
                        || reaction.contains("answer the first");
                    assert!(fine, "{pdu:?} {vector}");
                    continue;
                }
            },
            Ok(None) => panic!("{vector}"),
        };
        let status = answer[11];
        let want = [
            ("nack 02", 2),
            ("nack 03", 3),
            ("status 01", 1),
            ("C0", 0xC0),
        ];
        let named = want
            .iter()
            .any(|(word, code)| *code == status && reaction.contains(word));
        assert!(named, "{status:02x} {reaction}");
    }
}

#[test]
fn what_we_send_is_what_the_vectors_have() {
    let mut seen = 0;
    for vector in vectors() {
        let fields = &vector["fields"];
        if vector["command"] != "submit_sm" {
            continue;
        }
        let text = |key: &str| fields[key].as_str().unwrap_or_default().to_owned();
        let number = |key: &str| u8::try_from(fields[key].as_u64().unwrap_or(0)).unwrap();
        let submit = wire::smpp::Submit {
            source: (
                number("source_addr_ton"),
                number("source_addr_npi"),
                text("source_addr"),
            ),
            destination: (
                number("dest_addr_ton"),
                number("dest_addr_npi"),
                text("destination_addr"),
            ),
            esm_class: number("esm_class"),
            protocol_id: number("protocol_id"),
            validity: String::new(),
            registered: number("registered_delivery"),
            data_coding: number("data_coding"),
            message: hex::decode(fields["short_message"]["hex"].as_str().unwrap()).unwrap(),
        };
        let pdu = Pdu {
            status: 0,
            sequence: u32::try_from(vector["sequence"].as_u64().unwrap()).unwrap(),
            body: Body::Submit(submit),
        };
        assert_eq!(hex::encode(pdu.encode()), vector["hex"].as_str().unwrap());
        seen += 1;
    }
    assert!(seen >= 6, "{seen}");
}

#[track_caller]
fn check_receipt(text: &str, id: &str, state: &str) {
    let deliver = Deliver {
        esm_class: 4,
        message: text.as_bytes().to_vec(),
        ..Deliver::default()
    };
    let read = receipt(&deliver, false).unwrap();
    assert_eq!(
        (read.id.as_str(), format!("{:?}", read.state)),
        (id, state.into())
    );
}

#[test]
fn c60_ids_in_hex_and_decimal_are_the_same() {
    assert!(
        forms("2FA1C05B")
            .iter()
            .any(|f| forms("0799129691").contains(f))
    );
}

#[test]
fn c62_a_receipt_without_sub_and_dlvrd() {
    check_receipt(
        "id:1526000012 submit date:2611250904 done date:2611250904 stat:DELIVRD err:000 text:",
        "1526000012",
        "Delivered",
    );
}

#[test]
fn c64_the_first_occurrence_wins_and_text_ends_the_fields() {
    let pdu = hex::decode("000000A100000005000000000000000700010134343737303039303032313000000134303030000400000000000000007069643A4131207375623A30303120646C7672643A303031207375626D697420646174653A3236313132353039303420646F6E6520646174653A3236313132353039303520737461743A44454C49565244206572723A30303020746578743A69643A423220737461743A554E44454C4956").unwrap();
    let read = receipt(&deliver(&pdu), false).unwrap();
    assert_eq!(
        (read.id.as_str(), format!("{:?}", read.state)),
        ("A1", "Delivered".into())
    );
}

#[test]
fn c66_a_state_in_letters() {
    let pdu = hex::decode("00000042000000050000000000000007000101343437373030393030323130000001343030300004000000000000000000001E000241310427000744454C49565244").unwrap();
    let read = receipt(&deliver(&pdu), false).unwrap();
    assert_eq!(
        (read.id.as_str(), format!("{:?}", read.state)),
        ("A1", "Delivered".into())
    );
}

#[test]
fn c68_a_receipts_text_with_esm_class_00_is_a_message_unless_the_gateway_says_otherwise() {
    let plain = Deliver {
        message: b"id:A1 stat:DELIVRD err:000 text:".to_vec(),
        ..Deliver::default()
    };
    assert_eq!(receipt(&plain, false), None);
    assert!(receipt(&plain, true).is_some());
}

#[test]
fn c72_one_octet_too_many_behind_an_enquire_link_resp() {
    let pdu = hex::decode("0000001180000015000000000000000900").unwrap();
    assert_eq!(from_smsc(&pdu).body, Body::EnquireLinkResp);
}

#[test]
fn c76_accepted_is_not_final() {
    check_receipt("id:A1 stat:ACCEPTD err:000 text:", "A1", "Accepted");
    assert!(!wire::smpp::receipt::State::Accepted.is_final());
    assert!(wire::smpp::receipt::State::Delivered.is_final());
}

proptest::proptest! {
    #[test]
    fn any_octets_are_read_without_a_panic(octets: Vec<u8>, cut in 0usize..64) {
        let mut frames = Frames::default();
        let (a, b) = octets.split_at(cut.min(octets.len()));
        frames.push(a);
        frames.push(b);
        while let Ok(Some(frame)) = frames.take() {
            if let Ok(Pdu { body: Body::Deliver(deliver), .. }) = Pdu::decode(&frame) {
                let _ = receipt(&deliver, true);
            }
        }
    }

    #[test]
    fn any_deliver_sm_is_read_without_a_panic(body: Vec<u8>) {
        let frame = wire::smpp::Frame { command: 5, status: 0, sequence: 1, body };
        if let Ok(Pdu { body: Body::Deliver(deliver), .. }) = Pdu::decode(&frame) {
            let _ = receipt(&deliver, true);
        }
    }
}
