//! Secured packets under every SPI and algorithm, and under octets that nobody meant.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use wire::ota::*;

/// Low half of KIc or KID, and key length.
const CIPHERS: [(u8, usize); 7] = [
    (0x1, 8),
    (0xD, 8),
    (0x5, 16),
    (0x9, 24),
    (0x2, 16),
    (0x2, 24),
    (0x2, 32),
];

fn key_set(kic: (u8, usize), kid: (u8, usize), seed: u8) -> KeySet {
    let key = |length: usize, first: u8| {
        (0..length)
            .map(|n| first.wrapping_add((n * 37) as u8))
            .collect::<Vec<_>>()
    };
    let mut keys = KeySet::new(
        &key(kic.1, seed),
        &key(kid.1, seed ^ 0x55),
        0x30 | kic.0,
        0x40 | kid.0,
    )
    .unwrap();
    keys.allow_weak = true;
    keys
}

/// Every SPI that has no reserved bit.
fn spis() -> impl Iterator<Item = Spi> {
    (0..0x20).flat_map(|first| {
        (0..0x40).filter_map(move |second| Spi::from_octets([first, second]).ok())
    })
}

/// Whether this KID can do what the SPI bits ask.
fn can(integrity: Integrity, kid: u8) -> bool {
    match integrity {
        Integrity::None => true,
        Integrity::Rc => matches!(kid, 0x1 | 0x5),
        Integrity::Cc => kid != 0xD,
        Integrity::Ds => false,
    }
}

#[test]
fn every_spi_and_algorithm_comes_back() {
    let (tar, cntr) = (Tar([0xB0, 0, 0x11]), Counter::new(0x12_3456_789A).unwrap());
    assert_eq!(spis().count(), 32 * 48);
    for spi in spis() {
        for (n, (kic, kid)) in CIPHERS
            .iter()
            .flat_map(|kic| CIPHERS.map(|kid| (*kic, kid)))
            .enumerate()
        {
            let keys = key_set(kic, kid, n as u8);
            let script = vec![0xA5; 1 + (n * 5) % 67];
            match encode(&script, &keys, spi, tar, cntr) {
                Ok(packet) => {
                    assert!(can(spi.integrity, kid.0));
                    let command = decode(&packet, &keys).unwrap();
                    assert_eq!(
                        (
                            command.header.spi,
                            command.header.tar,
                            command.cntr,
                            command.script
                        ),
                        (spi, tar, cntr, script)
                    );
                }
                Err(error) => assert!(!can(spi.integrity, kid.0), "{spi}: {error}"),
            }
            let executed = (n % 3 != 0).then(|| Executed {
                commands: 3,
                sw: [0x90, 0],
                data: vec![7; n],
            });
            let rsc = if executed.is_some() {
                Rsc::Ok
            } else {
                Rsc::ALL[n % 13]
            };
            let response = Response {
                tar,
                cntr,
                rsc,
                executed,
                checked: spi.por_integrity != Integrity::None,
            };
            match encode_response(&response, &keys, spi) {
                Ok(packet) => assert_eq!(decode_response(&packet, &keys, spi).unwrap(), response),
                Err(error) => assert!(!can(spi.por_integrity, kid.0), "{spi}: {error}"),
            }
        }
    }
}

/// The longest script that really fits, found by making packets and parts.
fn room_by_trial(
    parts: usize,
    keys: &KeySet,
    spi: Spi,
    reference: Reference,
    ie70_everywhere: bool,
    guess: usize,
) -> usize {
    let parts_of = |length: usize| {
        let packet = encode(&vec![1; length], keys, spi, Tar([0; 3]), Counter::default()).unwrap();
        split(&packet, Kind::Command, reference, ie70_everywhere)
            .unwrap()
            .len()
    };
    let from = guess.saturating_sub(40).max(1);
    assert!(parts_of(from) <= parts);
    (from..guess + 40)
        .take_while(|&length| parts_of(length) <= parts)
        .last()
        .unwrap()
}

#[test]
fn room_is_what_trial_finds() {
    let mut rows = 0;
    for (kic, kid) in CIPHERS
        .iter()
        .flat_map(|kic| CIPHERS.map(|kid| (*kic, kid)))
    {
        for spi in
            ["0001", "0201", "0601", "0401", "0101", "0501"].map(|spi| spi.parse::<Spi>().unwrap())
        {
            if !can(spi.integrity, kid.0) {
                continue;
            }
            let keys = key_set(kic, kid, 1);
            for (reference, bits) in [
                (Reference::Eight(9), RefBits::Eight),
                (Reference::Sixteen(999), RefBits::Sixteen),
            ] {
                for everywhere in [false, true] {
                    let envelope =
                        Envelope::new(spi, keys.kic_byte, keys.kid_byte, bits, everywhere).unwrap();
                    for parts in 1..=8 {
                        let room = envelope.room(parts);
                        assert_eq!(
                            room,
                            room_by_trial(parts, &keys, spi, reference, everywhere, room),
                            "{envelope:?} {parts}"
                        );
                        assert_eq!(envelope.parts_for(room), Some(parts));
                        assert_eq!(envelope.parts_for(room + 1), Some(parts + 1));
                        rows += 1;
                    }
                }
            }
        }
    }
    assert!(rows > 1000, "{rows}");
}

/// The numbers of the field's own table: records that fit 1 to 8 parts after one SELECT of 7 octets.
#[track_caller]
fn check_records(kic: u8, record: usize, expected: [usize; 8]) {
    let spi = "1619".parse().unwrap();
    let envelope = Envelope::new(spi, kic, kic, RefBits::Eight, false).unwrap();
    let fits = |parts| (envelope.room(parts) - 7) / (record + 5);
    assert_eq!([1, 2, 3, 4, 5, 6, 7, 8].map(fits), expected);
}

#[test]
fn records_in_parts() {
    check_records(0x12, 28, [2, 7, 11, 14, 19, 23, 27, 31]);
    check_records(0x15, 28, [3, 7, 11, 15, 19, 23, 27, 31]);
    check_records(0x15, 34, [2, 6, 9, 12, 16, 19, 23, 26]);
    check_records(0x12, 34, [2, 6, 9, 12, 16, 19, 22, 26]);
}

#[test]
fn seventy_first_in_every_part() {
    let packet: Vec<u8> = (0..200).collect();
    let parts = split(&packet, Kind::Command, Reference::Sixteen(0x1234), true).unwrap();
    assert_eq!(
        parts
            .iter()
            .map(|part| hex::encode(&part[..9]))
            .collect::<Vec<_>>(),
        ["087000080412340201", "087000080412340202"]
    );
    assert_eq!(parts[0].len(), 140);
    assert_eq!(join(&parts).unwrap().1, packet);
}

#[test]
fn parts_in_any_order_repeated_missing_foreign() {
    let packet: Vec<u8> = (0..=255).cycle().take(600).collect();
    let mut parts = split(&packet, Kind::Response, Reference::Eight(7), false).unwrap();
    let other = split(&packet, Kind::Response, Reference::Eight(8), false).unwrap();
    parts.reverse();
    parts.push(parts[2].clone());
    assert_eq!(join(&parts).unwrap(), (Kind::Response, packet));
    assert_eq!(
        join(&[&parts[0], &parts[2]]),
        Err(PartsError::Missing {
            missing: vec![1, 2, 4]
        })
    );
    assert_eq!(
        join(&[&parts[0], &other[0]]),
        Err(PartsError::Foreign { part: 2 })
    );
    assert_eq!(join::<&[u8]>(&[]), Err(PartsError::NotSecured));
    assert_eq!(join(&[&[5, 0, 3]]), Err(PartsError::Header { part: 1 }));
    assert!(matches!(
        split(&vec![0; 40_000], Kind::Command, Reference::Eight(0), false),
        Err(PartsError::TooMany { parts: 299, .. })
    ));
}

#[test]
fn weak_ciphers_only_where_allowed() {
    let (tar, spi) = (Tar([0; 3]), "0601".parse().unwrap());
    for cipher in [(0x1, 8), (0xD, 8)] {
        let mut keys = key_set(cipher, (0x5, 16), 3);
        let packet = encode(&[1], &keys, spi, tar, Counter::default()).unwrap();
        keys.allow_weak = false;
        assert!(matches!(
            encode(&[1], &keys, spi, tar, Counter::default()),
            Err(EncodeError::Key(KeyError::Weak { .. }))
        ));
        assert_eq!(decode(&packet, &keys).unwrap().script, [1]); // reading is always allowed
    }
}

/// A card that cannot check cannot sign: its error is passed on as a hint; its success is not believed.
#[test]
fn unprotected_answers() {
    let (keys, tar) = (key_set((0x2, 16), (0x2, 16), 1), Tar([0xB0, 0, 0x11]));
    let (asked, plain): (Spi, Spi) = ("1619".parse().unwrap(), "1601".parse().unwrap());
    let answer = |rsc| Response {
        tar,
        cntr: Counter::default(),
        rsc,
        executed: None,
        checked: false,
    };
    let hint = encode_response(&answer(Rsc::TarUnknown), &keys, plain).unwrap();
    assert_eq!(
        decode_response(&hint, &keys, asked).unwrap(),
        answer(Rsc::TarUnknown)
    );
    let forged = encode_response(&answer(Rsc::Ok), &keys, plain).unwrap();
    assert_eq!(
        decode_response(&forged, &keys, asked),
        Err(DecodeError::Unsigned)
    );
}

#[test]
fn keys_are_never_printed() {
    let keys = KeySet::new(&[0xAB; 16], &[0xCD; 16], 0x15, 0x15).unwrap();
    let printed = format!("{keys:?}").to_lowercase();
    assert!(
        !printed.contains("171") && !printed.contains("ab") && !printed.contains("cd"),
        "{printed}"
    );
}

#[test]
fn counters_end() {
    assert_eq!(Counter::new(1 << 40), None);
    assert_eq!(Counter::MAX.next(), None);
    assert_eq!(Counter::default().next().unwrap().octets(), [0, 0, 0, 0, 1]);
}

#[track_caller]
fn check_words(script: &str, expected: &[&str]) {
    assert_eq!(script_in_words(&hex::decode(script).unwrap()), expected);
}

#[test]
fn scripts_in_words() {
    check_words(
        "00a4080c047f106f3a00dc01040241ff",
        &[
            "SELECT by path from the MF 7F10/6F3A",
            "UPDATE RECORD 1: 41ff",
        ],
    );
    check_words("00dc030c0141", &["UPDATE RECORD 3 of SFI 1: 41"]);
    check_words(
        "00a40004023f0000b2010404",
        &["SELECT 3F00", "READ RECORD 1, 4 octets"],
    );
    check_words(
        "00b201041c00",
        &["READ RECORD 1, 28 octets", "Le 00: up to 256 octets back"],
    );
    check_words("00dc0104ff41", &["not a whole command: 00dc0104ff41"]);
    check_words("", &[]);
}

fn any_cipher() -> impl Strategy<Value = (u8, usize)> {
    (0..CIPHERS.len()).prop_map(|n| CIPHERS[n])
}

proptest! {
    #[test]
    fn arbitrary_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..300), kic in any_cipher(), kid in any_cipher(), spi in (0..0x20u8, 0..0x40u8)) {
        let mut keys = key_set(kic, kid, 1);
        let _ = join(&[&octets]);
        script_in_words(&octets);
        let _ = decode(&octets, &keys);
        // The lengths and key octets right, so that what lies behind them is reached.
        let mut octets = octets;
        if octets.len() > 10 {
            let cpl = (octets.len() - 2) as u16;
            octets[..2].copy_from_slice(&cpl.to_be_bytes());
            (octets[3], octets[4]) = spi;
            (keys.kic_byte, keys.kid_byte) = (octets[5], octets[6]);
            octets[2] = 13 + [0, 4, 8, 0][usize::from(spi.0 & 3)];
            let _ = decode(&octets, &keys);
        }
        if let Ok(spi) = Spi::from_octets([spi.0, spi.1]) {
            let _ = decode_response(&octets, &keys, spi);
            if octets.len() > 10 {
                octets[2] = 10 + [0, 4, 8, 0][usize::from(spi.octets()[1] >> 2 & 3)];
                let _ = decode_response(&octets, &keys, spi);
            }
        }
    }

    #[test]
    fn any_change_is_noticed(script in prop::collection::vec(any::<u8>(), 1..120), at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let keys = key_set((0x2, 16), (0x2, 32), 9);
        let mut packet = encode(&script, &keys, "1619".parse().unwrap(), Tar([1, 2, 3]), Counter::default()).unwrap();
        let at = at.index(packet.len());
        packet[at] ^= 1 << bit;
        prop_assert!(decode(&packet, &keys).is_err());
    }
}
