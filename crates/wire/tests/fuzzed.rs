//! Seeded mutations of every vector into every decoder: nothing panics. No nightly, no machine speed in it: so many inputs,
//! the same ones each time. Another seed: `KITH_FUZZ_SEED=7 cargo test -p wire --test fuzzed`; coverage-guided: `fuzz/`.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../../../fuzz/decoders.rs"]
mod decoders;

use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// SplitMix64: small, and the same on every machine.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let a = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let b = (a ^ (a >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        b ^ (b >> 31)
    }

    /// Below `bound`; 0 for none.
    fn below(&mut self, bound: usize) -> usize {
        (self.next() % (bound.max(1) as u64)) as usize
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// The octets that codecs trip over: ends, signs, lengths, tags.
const ODD: [u8; 14] = [
    0x00, 0x01, 0x02, 0x0A, 0x0D, 0x1B, 0x3B, 0x3D, 0x70, 0x7F, 0x80, 0x81, 0xFE, 0xFF,
];

fn mutate(octets: &mut Vec<u8>, others: &[Vec<u8>], chance: &mut Chance) {
    let at = chance.below(octets.len());
    let end = at + chance.below(octets.len() - at + 1).min(40);
    match chance.below(8) {
        0 if !octets.is_empty() => octets[at] ^= 1 << chance.below(8),
        1 if !octets.is_empty() => octets[at] = *chance.pick(&ODD),
        2 if !octets.is_empty() => octets[at] = chance.next() as u8,
        3 => octets.insert(at, *chance.pick(&ODD)),
        4 => drop(octets.drain(at..end)),
        5 => octets.truncate(at),
        6 => {
            let again = octets[at..end].to_vec();
            octets.splice(at..at, again);
        }
        _ => {
            let other = chance.pick(others);
            let from = chance.below(other.len());
            octets.splice(at..end, other[from..].iter().copied().take(300));
        }
    }
}

/// Feeds `count` mutations of the seeds, after the seeds themselves.
fn check(decoder: fn(&[u8]), seeds: &[Vec<u8>], count: usize) {
    let seed = std::env::var("KITH_FUZZ_SEED").map_or(20_261_125, |seed| seed.parse().unwrap());
    println!(
        "KITH_FUZZ_SEED={seed}: {count} mutations of {} seeds",
        seeds.len()
    );
    assert!(!seeds.is_empty());
    let mut chance = Chance(seed);
    let feed = |octets: &[u8]| {
        let outcome = catch_unwind(AssertUnwindSafe(|| decoder(octets)));
        assert!(
            outcome.is_ok(),
            "KITH_FUZZ_SEED={seed}: it panics at {}",
            hex::encode(octets)
        );
    };
    seeds.iter().for_each(|octets| feed(octets));
    for _ in 0..count {
        let mut octets = chance.pick(seeds).clone();
        for _ in 0..=chance.below(4) {
            mutate(&mut octets, seeds, &mut chance);
        }
        feed(&octets);
    }
}

/// Every string of hex digits in a file of vectors, wherever it stands.
fn seeds(file: &str) -> Vec<Vec<u8>> {
    fn gather(value: &Value, found: &mut Vec<Vec<u8>>) {
        match value {
            Value::String(text) => found.extend(hex::decode(text)),
            Value::Array(all) => all.iter().for_each(|value| gather(value, found)),
            Value::Object(all) => all.values().for_each(|value| gather(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    gather(&serde_json::from_str(file).unwrap(), &mut found);
    found.retain(|octets| !octets.is_empty());
    found
}

#[test]
fn uicc_takes_anything() {
    let files = [
        include_str!("vectors/adn.json"),
        include_str!("vectors/phonebook.json"),
        include_str!("vectors/phone_view.json"),
    ];
    check(decoders::uicc, &files.map(seeds).concat(), 60_000);
}

#[test]
fn sms_takes_anything() {
    let mut octets = seeds(include_str!("vectors/sms.json"));
    octets.extend(cards());
    check(decoders::sms, &octets, 50_000);
}

#[test]
fn ota_takes_anything() {
    check(
        decoders::ota,
        &seeds(include_str!("vectors/ota.json")),
        40_000,
    );
}

#[test]
fn smpp_takes_anything() {
    check(
        decoders::smpp,
        &seeds(include_str!("vectors/smpp.json")),
        40_000,
    );
}

#[test]
fn vcard_files_may_be_anything() {
    check(decoders::vcard, &cards(), 10_000);
}

/// Cards as phones write them: each version, quoted-printable in three charsets, folded, grouped, with a phone's own fields.
fn cards() -> Vec<Vec<u8>> {
    let text = [
        "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=D0=9B=D0=B8=D1=81;=D0=98=D0=B3=D0=BE=D1=\r\n=80=D1=8C;;;\r\nTEL;CELL:+447700900301\r\nEND:VCARD\r\n",
        "BEGIN:VCARD\r\nVERSION:2.1\r\nN;ENCODING=QUOTED-PRINTABLE;CHARSET=GBK:=D5=C5;=C8=FD;;;\r\nTEL;HOME;VOICE:07700 900302p102\r\nEND:VCARD\r\n",
        "begin:vcard\nfn;quoted-printable:L=C3=BCtz\ntel;cell:07700900303\nversion:2.1\nend:vcard\n",
        "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann\\, Lee\\; Dr\\n\r\nN:Lee;Ann;;Dr;\r\nitem1.TEL;TYPE=pref,cell:+44 7700 900304\r\nitem1.X-ABLabel:_$!<Mobile>!$_\r\nNOTE:two\\nlines\r\n folded here\r\nPHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQ\r\nCATEGORIES:Family,Work\r\nEND:VCARD\r\n",
        "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:urn:uuid:c1\r\nFN;SORT-AS=\"Zhang,San\":张三\r\nTEL;VALUE=uri;TYPE=\"cell,voice\":tel:+44-7700-900305;ext=102\r\nTEL;VALUE=uri:tel:112\r\nEND:VCARD\r\n",
        "\u{feff}BEGIN:VCARD\r\nVERSION:3.0\r\nTEL;TYPE=CELL:*155*181#\r\nEND:VCARD\r\nNULL\r\nBEGIN:VCARD\r\nFN:Jo\r\nBEGIN:VCARD\r\nFN:Ann\r\nEND:VCARD\r\nTEL:＋４４　７７００　９００３１１\r\nEND:VCARD\r\n",
    ];
    let mut all: Vec<Vec<u8>> = text.iter().map(|card| card.as_bytes().to_vec()).collect();
    // A line folded inside a letter (CASES C13).
    all.push(b"BEGIN:VCARD\r\nVERSION:3.0\r\nN:;\xE5\xBC\r\n \xA0;;;\r\nTEL:07700900306\r\nEND:VCARD\r\n".to_vec());
    all
}
