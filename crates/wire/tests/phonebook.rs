//! The files around EF_ADN: every row of `vectors/phonebook.json`.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};
use wire::uicc::{
    Anr, Ext1, Link, Pbc, Text, change_counter_after, groups, groups_record, iap_order, parse_pbr,
    pointers, unsigned,
};

fn link(row: &Value) -> Option<Link> {
    let octet = |key: &str| Some(row[key].as_u64()?.try_into().unwrap());
    Some(Link {
        adn_sfi: octet("adn_sfi")?,
        adn_record: octet("adn_record")?,
    })
}

fn pbr(row: &Value, record: &[u8]) {
    let files = parse_pbr(record);
    if row["reaction"]
        .as_str()
        .is_some_and(|r| r.contains("not usable"))
    {
        let error = files.unwrap_err().to_string();
        assert!(
            error.contains("object a8 claims 127 octets and 5 are there"),
            "{error}"
        );
        return;
    }
    let files = files.unwrap();
    if row["malformed"] == true {
        assert!(files.is_empty());
        return;
    }
    let said: Vec<Value> = files
        .iter()
        .map(|f| {
            json!({
                "type": f.linked_by.kind(),
                "file": f.file.name(),
                "fid": format!("{:04x}", f.fid),
                "sfi": f.sfi,
            })
        })
        .collect();
    assert_eq!(json!(said), row["files"]);
    if row["iap_order"].is_array() {
        let order: Vec<_> = iap_order(&files).iter().map(|f| f.name()).collect();
        assert_eq!(json!(order), row["iap_order"]);
    }
}

fn text(row: &Value, record: &[u8]) {
    let text = Text::decode(record, row["type"] == 2);
    assert_eq!(text.text, row["text"].as_str().unwrap());
    assert_eq!(text.link, link(row));
    assert_eq!(text.encode(record.len()).unwrap(), record);
}

fn anr(row: &Value, record: &[u8]) {
    let Some(number) = row["number"].as_str() else {
        assert_eq!(Anr::decode(record, row["type"] == 2), None);
        return;
    };
    let anr = Anr::decode(record, row["type"] == 2).unwrap();
    assert_eq!(anr.number, number);
    assert_eq!(json!(anr.aas), row["aas"]);
    assert_eq!(anr.link, link(row));
    let made = Anr::encode(anr.aas, &number.parse().unwrap(), anr.link).unwrap();
    assert_eq!(made, record);
}

fn ext1(row: &Value, record: &[u8]) {
    let expected = match row["kind"].as_str().unwrap() {
        "free" => Ext1::Free,
        _ => Ext1::Additional {
            digits: row["digits"].as_str().unwrap().into(),
            next: row["next"].as_u64().map(|next| next.try_into().unwrap()),
        },
    };
    assert_eq!(Ext1::decode(record), expected);
}

#[test]
fn every_file() {
    let all: Value = serde_json::from_str(include_str!("vectors/phonebook.json")).unwrap();
    for row in all["vectors"].as_array().unwrap() {
        println!("{row}");
        let record = hex::decode(row["record"].as_str().unwrap()).unwrap();
        match row["file"].as_str().unwrap() {
            "PBR" => pbr(row, &record),
            "GAS" | "AAS" | "SNE" | "EMAIL" => text(row, &record),
            "ANR" => anr(row, &record),
            "EXT1" => ext1(row, &record),
            "GRP" => {
                assert_eq!(json!(groups(&record)), row["groups"]);
                assert_eq!(
                    groups_record(&groups(&record), record.len()).unwrap(),
                    record
                );
            }
            "IAP" => {
                let order = row["iap_order"].as_array().unwrap();
                for (file, pointer) in order.iter().zip(pointers(&record)) {
                    assert_eq!(json!(pointer), row["pointers"][file.as_str().unwrap()]);
                }
            }
            "PBC" => {
                let pbc = Pbc::decode(&record).unwrap();
                assert_eq!(json!(pbc.modified), row["modified"]);
                assert_eq!(json!(pbc.hidden), row["hidden"]);
                assert_eq!(pbc.encode(), record[..]);
            }
            "UID" => assert_eq!(json!(unsigned(&record)), row["uid"]),
            "PSC" => assert_eq!(json!(unsigned(&record)), row["psc"]),
            "PUID" => assert_eq!(json!(unsigned(&record)), row["puid"]),
            "CC" => {
                let after = change_counter_after(record.try_into().unwrap()).unwrap();
                assert_eq!(json!(hex::encode(after)), row["after"]);
            }
            other => panic!("no reader for {other}"),
        }
    }
}

#[test]
fn what_does_not_fit_is_said() {
    let text = Text {
        text: "Grandmother".into(),
        link: None,
    };
    assert_eq!(
        text.encode(10).unwrap_err().to_string(),
        "The text needs 11 octets and the record has 10: shorten it."
    );
    assert!(Anr::encode(0, &"123456789012345678901".parse().unwrap(), None).is_err());
    assert!(groups_record(&[1, 2, 3], 2).is_err());
    assert_eq!(change_counter_after([0xFF, 0xFF]), None);
}
