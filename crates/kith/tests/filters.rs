//! `kith adn` and `kith sms` as filters (API.md, “Filters”): the real binary, fed with every row of the vectors.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};

/// What `kith {command} {way} --json` answers to `input`, a line a line.
#[track_caller]
fn answers(command: &str, way: &str, input: &[u8]) -> Vec<Value> {
    let mut kith = Command::new(env!("CARGO_BIN_EXE_kith"))
        .args([command, way, "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = kith.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = kith.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "all lines were read");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[track_caller]
fn filter(command: &str, way: &str, lines: &[Value]) -> Vec<Value> {
    let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let answers = answers(command, way, input.as_bytes());
    assert_eq!(answers.len(), lines.len());
    answers
}

/// The fields of `row` that the filter knows.
fn fields(row: &Value, names: &[&str]) -> Value {
    let row = row.as_object().unwrap();
    let known = row
        .iter()
        .filter(|(name, _)| names.contains(&name.as_str()));
    Value::Object(known.map(|(k, v)| (k.clone(), v.clone())).collect())
}

fn rows(vectors: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(vectors).unwrap();
    let rows = all.get("vectors").unwrap_or(&all);
    rows.as_array().unwrap().clone()
}

#[test]
fn records_are_made() {
    let mut rows = rows(include_str!("../../wire/tests/vectors/adn.json"));
    rows.retain(|row| row["number"].is_string() && row["decode_only"] != true);
    let lines: Vec<Value> = rows
        .iter()
        .map(|row| {
            let mut line = fields(row, &["name", "number", "record_length"]);
            line["ext1_record"] = json!(1);
            line
        })
        .collect();
    for (row, answer) in rows.iter().zip(filter("adn", "encode", &lines)) {
        assert_eq!(answer["shown_name"], row["name"]);
        assert_eq!(answer["cut"], false);
        assert_eq!(answer.get("ext1"), row.get("ext1_record"));
        // Where several codings are right, the names are what counts.
        if row["note"]
            .as_str()
            .is_none_or(|note| !note.contains("compare names"))
        {
            assert_eq!(answer["record"], row["record"]);
        }
    }
}

#[test]
fn records_are_shown_as_on_the_phone() {
    let rows = rows(include_str!("../../wire/tests/vectors/phone_view.json"));
    let lines: Vec<Value> = rows
        .iter()
        .map(|row| fields(row, &["record", "ext1"]))
        .collect();
    for (row, answer) in rows.iter().zip(filter("adn", "decode", &lines)) {
        assert_eq!(answer["shown_name"], row["shown_name"], "{row}");
        assert_eq!(answer["shown_number"], row["shown_number"], "{row}");
        assert!(answer["notes"].is_array());
    }
}

#[test]
fn messages_are_made_and_put_together() {
    let mut rows = rows(include_str!("../../wire/tests/vectors/sms.json"));
    rows.retain(|row| {
        ["gsm7", "ucs2", "concat", "card"]
            .iter()
            .any(|kind| row["kind"] == *kind)
    });
    let known = ["text", "data", "name", "numbers", "ref", "ref_bits"];
    let lines: Vec<Value> = rows.iter().map(|row| fields(row, &known)).collect();
    let made = filter("sms", "encode", &lines);
    let mut back = vec![];
    for (row, made) in rows.iter().zip(&made) {
        let parts = row.get("parts").cloned();
        assert_eq!(
            made["parts"],
            parts.unwrap_or_else(|| json!([fields(row, &["udl", "tp_ud"])])),
            "{row}"
        );
        assert_eq!(made["dcs"], *row.get("dcs").unwrap_or(&json!("00")));
        let mut parts: Vec<Value> = made["parts"].as_array().unwrap().clone();
        parts.reverse();
        let bare = parts.iter().map(|part| part["tp_ud"].clone());
        let twice: Vec<Value> = bare.chain(parts.iter().cloned()).collect();
        back.push(json!({ "dcs": made["dcs"], "parts": twice }));
    }
    for (row, answer) in rows.iter().zip(filter("sms", "decode", &back)) {
        assert_eq!(answer["missing"], json!([]));
        if row["kind"] == "card" {
            assert_eq!(answer["card"], fields(row, &["name", "numbers"]));
            assert_eq!(answer["port"], 9204);
        } else {
            assert_eq!(answer.get("text"), row.get("text"));
            assert_eq!(answer.get("data"), row.get("data"));
        }
    }
}

#[test]
fn a_wrong_line_is_answered_and_the_run_goes_on() {
    let input = b"nope\n\xFF\xFE\n[]\n{\"name\":\"Mum\",\"number\":\"*100;2#\",\"record_length\":28}\n{\"name\":\"Mum\",\"number\":\"+447700900123\",\"record_length\":28}";
    let answers = answers("adn", "encode", input);
    let errors: Vec<bool> = answers
        .iter()
        .map(|answer| answer["error"].is_string())
        .collect();
    assert_eq!(errors, [true, true, true, true, false]);
    assert_eq!(
        answers[3]["error"],
        "“*100;2#” cannot go on a SIM because of “;”: use digits, *, #, p for a pause, and + only in front."
    );
    let lost = filter(
        "sms",
        "decode",
        &[
            json!({ "dcs": "08", "parts": ["050003010201597d7684"] }),
            json!({ "dcs": "00", "parts": ["0a00032a0201"] }),
        ],
    );
    assert_eq!(lost[0], json!({ "text": "好的", "missing": [2] }));
    assert!(
        lost[1]["error"]
            .as_str()
            .unwrap()
            .contains("claims 10 octets")
    );
}
