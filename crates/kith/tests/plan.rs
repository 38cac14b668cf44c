//! `kith plan` as a person and as a program call it.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

fn kith(args: &[&str]) -> Output {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/plan");
    Command::new(env!("CARGO_BIN_EXE_kith"))
        .current_dir(here)
        .arg("plan")
        .args(args)
        .output()
        .unwrap()
}

#[test]
fn says_writes_packets_parts_octets_and_reasons() {
    let out = kith(&["before.vcf", "after.vcf", "--card", "usim-28x100"]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success(), "{text}");
    for said in [
        "4 writes · 1 packet · 2 SMS parts · 168 octets",
        "  record 100 4d6f74686572ffffffffffffffff0791447700091032ffffffffffff  Mother  +447700900123",
        "Mother keeps record 100: a rename rewrites the same record.",
        "Jo Doe M keeps record 97: a new number rewrites the same record.",
        "小梅 takes record 99, which had to be written anyway: one write instead of two.",
        "Taxi is left out: ",
        "4 writes in 1 packet of 2 parts: 168 octets.",
    ] {
        assert!(text.contains(said), "“{said}” is missing in\n{text}");
    }
}

#[test]
fn gives_a_program_one_object() {
    let out = kith(&["before.vcf", "after.vcf", "--card", "sim-28x50", "--json"]);
    let plan: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(plan["writes"].as_array().unwrap().len(), 4);
    assert_eq!(
        (plan["parts"].as_u64(), plan["octets"].as_u64()),
        (Some(2), Some(184))
    );
    assert_eq!(plan["left_out"][0]["name"], "Taxi");
    assert_eq!(plan["shown"][0]["slot"], "record 50");
    assert!(plan["reasons"][0].is_string());
}

#[test]
fn the_same_book_twice_is_nothing_to_send() {
    let out = kith(&["before.vcf", "before.vcf", "--card", "usim-34x250"]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(
        text.starts_with("0 writes · 0 packets · 0 SMS parts · 0 octets\n"),
        "{text}"
    );
}

#[test]
fn a_wrong_name_is_a_sentence() {
    for (args, said) in [
        (
            ["before.vcf", "after.vcf", "--card", "sim-28x5"],
            "usim-28x100",
        ),
        (
            ["before.vcf", "nobody.vcf", "--card", "sim-28x50"],
            "nobody.vcf cannot be read",
        ),
        (
            ["before.vcf", "../plan.rs", "--card", "sim-28x50"],
            "holds no vCard",
        ),
    ] {
        let out = kith(&args);
        assert_eq!(out.status.code(), Some(1));
        let sentence = String::from_utf8(out.stderr).unwrap();
        assert!(sentence.contains(said), "{sentence}");
    }
}
