//! The card as a sender meets it: what it takes, what it refuses, and what it answers.

use proptest::prelude::*;

use super::keys::Integrity;
use super::*;

const ICCID: &str = "8944770090000000001";
const KIC: [u8; 16] = [0x11; 16];
const KID: [u8; 16] = [0x22; 16];
const TAR: [u8; 3] = [0xB0, 0x00, 0x10];
/// SELECT EF_ADN by path, then record 1.
const WRITE_MUM: &str =
    "00a4080c047f106f3a00dc01041c4d756dffffffffffffffffffffff0791447700091032ffffffffffff";
const READ_1: &str = "00a4080c047f106f3a00b201041c";

fn new_card(change: impl FnOnce(&mut CardKind)) -> Card {
    let mut kind = CardKind::sim(28, 50);
    change(&mut kind);
    Card::new(kind, ICCID, &KIC, &KID).unwrap()
}

fn keys() -> Keys {
    Keys {
        kic: Key::new(&KIC, Algorithm::Aes).unwrap(),
        kid: Key::new(&KID, Algorithm::Aes).unwrap(),
    }
}

/// A packet for the AES card, as TS 102 225 §5.1 has it.
fn packet(spi: [u8; 2], counter: u64, script: &str) -> Vec<u8> {
    packet_for(TAR, spi, 0x12, counter, script)
}

fn packet_for(tar: [u8; 3], spi: [u8; 2], kid_octet: u8, counter: u64, script: &str) -> Vec<u8> {
    let keys = keys();
    let integrity = Integrity::of(spi[0], kid_octet, &keys.kid).unwrap();
    let mut data = hex::decode(script).unwrap();
    let plain = 6 + integrity.length() + data.len();
    let padding = match spi[0] & 4 {
        0 => 0,
        _ => plain.next_multiple_of(16) - plain,
    };
    data.resize(data.len() + padding, 0);
    let mut head = ((8 + plain + padding) as u16).to_be_bytes().to_vec();
    head.extend([
        13 + integrity.length() as u8,
        spi[0],
        spi[1],
        0x12,
        kid_octet,
    ]);
    head.extend(tar);
    let mut counters = counter.to_be_bytes()[3..].to_vec();
    counters.push(padding as u8);
    let checksum = integrity.over(&[&head[..], &counters, &data].concat(), &keys.kid);
    let body = [counters, checksum, data].concat();
    head.extend(match spi[0] & 4 {
        0 => body,
        _ => keys.kic.encipher(&body),
    });
    head
}

fn single(packet: &[u8]) -> Vec<u8> {
    [&[2, 0x70, 0], packet].concat()
}

/// Parts with an 8-bit reference, IE 70 in the first one or in all.
fn in_parts(packet: &[u8], reference: u8, size: usize, everywhere: bool) -> Vec<Vec<u8>> {
    let total = packet.len().div_ceil(size) as u8;
    packet
        .chunks(size)
        .zip(1..)
        .map(|(piece, n)| match n == 1 || everywhere {
            true => [&[7, 0, 3, reference, total, n, 0x70, 0], piece].concat(),
            false => [&[5, 0, 3, reference, total, n], piece].concat(),
        })
        .collect()
}

/// Status, count, status words and data of a proof in clear without checksum.
fn read_plain(answer: &Answer) -> (u8, Option<(u8, u16)>, Vec<u8>) {
    let por: Vec<u8> = match &answer.por[..] {
        [one] => one[3..].to_vec(),
        many => many
            .iter()
            .zip([8, 6, 6])
            .flat_map(|(ud, header)| ud[header..].to_vec())
            .collect(),
    };
    assert_eq!(
        usize::from(u16::from_be_bytes([por[0], por[1]])),
        por.len() - 2
    );
    let sw = por
        .get(13..16)
        .map(|done| (done[0], u16::from_be_bytes([done[1], done[2]])));
    (por[12], sw, por.get(16..).unwrap_or_default().to_vec())
}

/// CC, ciphered, counter higher; proof always, in clear, as a message.
const SPI: [u8; 2] = [0x16, 0x21];

fn send(card: &mut Card, counter: u64, script: &str) -> (u8, Option<(u8, u16)>, Vec<u8>) {
    read_plain(&card.receive("kith", &single(&packet(SPI, counter, script))))
}

#[test]
fn a_record_is_written_and_read_back() {
    let mut card = new_card(|_| {});
    let answer = card.receive("kith", &single(&packet(SPI, 1, WRITE_MUM)));
    assert!(answer.taken && answer.by_submit);
    assert_eq!(read_plain(&answer), (0, Some((2, 0x9000)), vec![]));
    let rows = card.file_rows("3F00/7F10/6F3A").unwrap();
    assert_eq!((rows.len(), &*rows[0]), (50, &WRITE_MUM[28..]));
    let (status, done, data) = send(&mut card, 2, READ_1);
    assert_eq!((status, done), (0, Some((2, 0x9000))));
    assert_eq!(hex::encode(data), WRITE_MUM[28..]);
}

/// A command and its answer captured between pySim and a soft SIM (`ota.json`).
#[test]
fn the_captured_exchange() {
    let all: serde_json::Value =
        serde_json::from_str(include_str!("../../tests/vectors/ota.json")).unwrap();
    let row = all["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["source"].as_str().unwrap().starts_with("captured"))
        .unwrap();
    let octets = |field: &str| hex::decode(row[field].as_str().unwrap()).unwrap();
    let kind = CardKind::named("sim-28x50-3des").unwrap();
    let mut card = Card::new(kind, ICCID, &octets("kic"), &octets("kid")).unwrap();
    let answer = card.receive("kith", &octets("tp_ud"));
    assert_eq!(answer.por, [octets("response_tp_ud")]);
    assert!(!answer.by_submit);
    let record = &card.file_rows("3F00/7F10/6F3A").unwrap()[0];
    assert!(row["script"].as_str().unwrap().ends_with(record));
}

#[test]
fn status_words() {
    for (script, expected) in [
        ("00a40004027f10", (1, 0x610A)),
        ("00a4000c027f10", (1, 0x9000)),
        ("00a4000c027f2000a4000c027f10", (1, 0x6A82)),
        ("00a4080c047f106f3b", (1, 0x6A82)),
        ("00a4090c047f106f3a", (1, 0x9000)),
        ("00dc01041c", (1, 0x6700)),
        ("00b201041c", (1, 0x6986)),
        ("00a4080c047f106f3a00b200041c", (2, 0x6A83)),
        ("00a4080c047f106f3a00b233041c", (2, 0x6A83)),
        ("00a4080c047f106f3a00b201041d", (2, 0x6C1C)),
        ("00a4080c047f106f3a00b2010400", (2, 0x9000)),
        ("00a4080c047f106f3a00dc010402ffff", (2, 0x6700)),
        ("00a4080c047f106f3a00b201021c", (2, 0x6A86)),
        ("00a4080c047f106f3a00b0000001", (2, 0x6981)),
        ("00a4080c022fe200b000000a", (2, 0x9000)),
        ("00a4080c022fe200b000000b", (2, 0x6C0A)),
        ("00a4080c022fe200b0000b01", (2, 0x6B00)),
        ("00a4080c022fe200d600000100", (2, 0x6982)),
        ("00b082000a", (1, 0x9000)),
        ("00a4080c022fe200b2010401", (2, 0x6981)),
        ("0010000000", (1, 0x6D00)),
        ("c0a4000c027f10", (1, 0x6E00)),
        ("00a4", (1, 0x6700)),
        ("00a40004023f0000c0000000", (2, 0x9000)),
        ("", (0, 0x9000)),
    ] {
        let mut card = new_card(|_| {});
        let (status, done, _) = send(&mut card, 1, script);
        assert_eq!((status, done), (0, Some(expected)), "{script}");
    }
}

#[test]
fn a_script_stops_at_the_first_error_and_keeps_what_came_before() {
    let mut card = new_card(|_| {});
    let script = format!("{WRITE_MUM}00b2ff041c00dc02041c{}", "41".repeat(28));
    assert_eq!(send(&mut card, 1, &script).1, Some((3, 0x6A83)));
    let rows = card.file_rows("3F00/7F10/6F3A").unwrap();
    assert_eq!(rows[0], WRITE_MUM[28..]);
    assert_eq!(rows[1], "ff".repeat(28));
    assert_eq!(card.counter(), 1);
}

#[test]
fn short_identifiers() {
    let by_sfi = format!("00a4080c047f105f3a00dc0114{}", &WRITE_MUM[26..]);
    let cases = [(false, (2, 0x9000)), (true, (2, 0x6A82))];
    for (refuses_sfi, expected) in cases {
        let mut card = Card::new(
            CardKind {
                refuses_sfi,
                ..CardKind::usim(28, 100)
            },
            ICCID,
            &KIC,
            &KID,
        )
        .unwrap();
        assert_eq!(send(&mut card, 1, &by_sfi).1, Some(expected));
    }
}

#[test]
fn the_phone_book_of_the_application_is_the_one_of_telecom() {
    for (starts_in_usim, script) in [
        (false, "00a4080c067fff5f3a4f3a"),
        (true, "00a4090c045f3a4f3a"),
        (true, "00a4000c025f3a00a4000c024f3a"),
    ] {
        let kind = CardKind {
            starts_in_usim,
            ..CardKind::usim(28, 100)
        };
        let mut card = Card::new(kind, ICCID, &KIC, &KID).unwrap();
        let script = format!("{script}{}", &WRITE_MUM[18..]);
        assert_eq!(
            send(&mut card, 1, &script).1.map(|done| done.1),
            Some(0x9000)
        );
        assert_eq!(
            card.file_rows("3F00/7F10/5F3A/4F3A").unwrap()[0],
            WRITE_MUM[28..]
        );
        assert_eq!(
            card.file_rows("3F00/7FFF/5F3A/4F3A").unwrap()[0],
            WRITE_MUM[28..]
        );
    }
}

#[test]
fn counters() {
    use CounterRule::{Available, Higher, None, OneHigher};
    // The card's rule, the packet's own, the last counter, the packet's: status, and the counter afterwards.
    for (rule, mode, last, counter, status, after) in [
        (None, 0, 5, 1, 0, 5),
        (None, 1, 5, 1, 0, 5),
        (None, 2, 5, 5, 2, 5),
        (None, 2, 5, 6, 0, 6),
        (None, 3, 5, 7, 3, 5),
        (Available, 0, 5, 9, 0x0A, 5),
        (Available, 1, 5, 1, 0, 5),
        (Higher, 1, 5, 9, 0x0A, 5),
        (Higher, 2, 5, 4, 2, 5),
        (Higher, 2, 5, 5, 2, 5),
        (Higher, 2, 5, 900, 0, 900),
        (Higher, 3, 5, 6, 0, 6),
        (Higher, 3, 5, 8, 3, 5),
        (OneHigher, 2, 5, 7, 3, 5),
        (OneHigher, 2, 5, 6, 0, 6),
        (OneHigher, 3, 5, 5, 2, 5),
        (Higher, 2, LAST_COUNTER - 1, LAST_COUNTER, 0, LAST_COUNTER),
        (Higher, 2, LAST_COUNTER, LAST_COUNTER, 4, LAST_COUNTER),
    ] {
        let mut card = new_card(|kind| kind.counter_rule = rule);
        card.counter = last;
        let spi = [0x06 | mode << 3, 0x21];
        let answer = card.receive("kith", &single(&packet(spi, counter, WRITE_MUM)));
        let row = (rule, mode, last, counter);
        assert_eq!(read_plain(&answer).0, status, "{row:?}");
        assert_eq!(card.counter(), after, "{row:?}");
        let written = card.file_rows("3F00/7F10/6F3A").unwrap()[0] == WRITE_MUM[28..];
        assert_eq!(written, status == 0, "{row:?}");
    }
}

#[test]
fn less_security_than_demanded_is_refused() {
    for spi1 in [0x00, 0x01, 0x02, 0x04, 0x05, 0x06, 0x12, 0x14] {
        let mut card = new_card(|_| {});
        let packet = packet_for(
            TAR,
            [spi1, 0x21],
            if spi1 & 3 == 1 { 0x15 } else { 0x12 },
            1,
            WRITE_MUM,
        );
        let answer = card.receive("kith", &single(&packet));
        assert_eq!(read_plain(&answer).0, 0x0A, "{spi1:02X}");
        assert_eq!(card.counter(), 0);
    }
}

#[test]
fn a_card_that_demands_little_takes_redundancy_checks() {
    for (kid_octet, length) in [(0x11, 2), (0x15, 4)] {
        let mut card = new_card(|kind| {
            kind.demands_checksum = false;
            kind.demands_ciphering = false;
        });
        // RC, not ciphered; the proof with RC as well.
        let answer = card.receive(
            "kith",
            &single(&packet_for(TAR, [0x11, 0x25], kid_octet, 1, WRITE_MUM)),
        );
        let por = &answer.por[0];
        assert_eq!(por[5], 10 + length);
        assert_eq!(por[15], 0);
        let mut broken = packet_for(TAR, [0x11, 0x21], kid_octet, 2, WRITE_MUM);
        *broken.last_mut().unwrap() ^= 1;
        assert_eq!(read_plain(&card.receive("kith", &single(&broken))).0, 1);
    }
}

#[test]
fn what_is_wrong_is_said() {
    let other_tar = packet_for([0, 0, 1], SPI, 0x12, 1, WRITE_MUM);
    let mut changed = packet(SPI, 1, WRITE_MUM);
    *changed.last_mut().unwrap() ^= 1;
    let mut other_algorithm = packet(SPI, 1, WRITE_MUM);
    other_algorithm[5] = 0x15;
    let mut not_blocks = packet(SPI, 1, WRITE_MUM);
    not_blocks.pop();
    not_blocks[1] -= 1;
    let mut signature = packet(SPI, 1, WRITE_MUM);
    signature[3] |= 1;
    for (packet, status) in [
        (&other_tar, 0x09),
        (&changed, 0x01),
        (&other_algorithm, 0x05),
        (&not_blocks, 0x05),
        (&signature, 0x0A),
    ] {
        let mut card = new_card(|_| {});
        assert_eq!(read_plain(&card.receive("kith", &single(packet))).0, status);
        let mut silent = new_card(|kind| kind.silent_on_security_error = true);
        assert_eq!(silent.receive("kith", &single(packet)), Answer::default());
        assert_eq!((card.counter(), silent.counter()), (0, 0));
    }
    let mut too_long = packet(SPI, 1, WRITE_MUM);
    too_long[1] += 1;
    let mut card = new_card(|_| {});
    assert_eq!(card.receive("kith", &single(&too_long)), Answer::default());
}

#[test]
fn proofs_as_asked_for() {
    // SPI2, whether the command is good: whether there is a proof, and whether it goes as a message.
    for (spi2, good, proof, by_submit) in [
        (0x20, true, false, true),
        (0x20, false, false, true),
        (0x21, true, true, true),
        (0x01, true, true, false),
        (0x22, true, false, true),
        (0x22, false, true, true),
        (0x39, true, true, true),
        (0x3D, true, false, true),
    ] {
        let mut card = new_card(|_| {});
        let counter = if good { 1 } else { 0 };
        let answer = card.receive("kith", &single(&packet([0x16, spi2], counter, READ_1)));
        assert_eq!(answer.por.len(), usize::from(proof), "{spi2:02X} {good}");
        assert_eq!(answer.by_submit, by_submit);
        // A refusal without a proof is seen by the network alone.
        assert_eq!(answer.taken, good || proof);
    }
}

#[test]
fn a_replay_is_counter_low_and_changes_nothing() {
    let mut card = new_card(|_| {});
    let first = packet(SPI, 7, WRITE_MUM);
    assert_eq!(read_plain(&card.receive("kith", &single(&first))).0, 0);
    let mine = (vec![0x3F00, 0x7F10, 0x6F3A], 1, vec![0xFF; 28]);
    card.write_records(&[mine]).unwrap();
    assert_eq!(read_plain(&card.receive("kith", &single(&first))).0, 2);
    assert_eq!(
        card.file_rows("3F00/7F10/6F3A").unwrap()[0],
        "ff".repeat(28)
    );
}

fn long_packet(counter: u64, records: u8) -> Vec<u8> {
    let writes: String = (1..=records)
        .map(|n| format!("00dc{n:02x}041c{}", &WRITE_MUM[28..]))
        .collect();
    packet(SPI, counter, &format!("00a4080c047f106f3a{writes}"))
}

fn filled(card: &Card) -> usize {
    let rows = card.file_rows("3F00/7F10/6F3A").unwrap();
    rows.iter().filter(|row| **row == WRITE_MUM[28..]).count()
}

#[test]
fn parts_in_any_order_and_twice() {
    for everywhere in [false, true] {
        let mut card = new_card(|_| {});
        let parts = in_parts(&long_packet(1, 20), 7, 130, everywhere);
        assert!(parts.len() > 4);
        for (n, part) in parts.iter().enumerate().rev() {
            let answer = card.receive("kith", part);
            assert!(answer.taken);
            assert_eq!(answer.por.len(), usize::from(n == 0));
            if n > 0 {
                assert_eq!(card.receive("kith", part).por.len(), 0);
            }
        }
        assert_eq!(filled(&card), 20);
        // The whole again: a replay.
        let again: Vec<Answer> = parts
            .iter()
            .map(|part| card.receive("kith", part))
            .collect();
        assert_eq!(read_plain(again.last().unwrap()).0, 2);
    }
}

#[test]
fn a_lost_part_loses_the_command() {
    let mut card = new_card(|_| {});
    let parts = in_parts(&long_packet(1, 20), 7, 130, false);
    for part in parts.iter().skip(1) {
        assert_eq!(card.receive("kith", part).por.len(), 0);
    }
    assert_eq!((filled(&card), card.counter()), (0, 0));
    // The next one finds room: the oldest parts go.
    let mut last = Answer::default();
    for part in in_parts(&long_packet(2, 20), 8, 130, false) {
        last = card.receive("kith", &part);
    }
    assert_eq!(read_plain(&last).0, 0);
    assert_eq!((filled(&card), card.counter()), (20, 2));
}

#[test]
fn parts_are_gone_with_the_power() {
    let mut card = new_card(|_| {});
    let parts = in_parts(&long_packet(1, 8), 7, 130, false);
    card.receive("kith", &parts[0]);
    card.power_off();
    for part in &parts[1..] {
        assert_eq!(card.receive("kith", part).por.len(), 0);
    }
    assert_eq!(filled(&card), 0);
}

#[test]
fn a_command_of_more_parts_than_the_buffer_is_lost() {
    for (overflow, status) in [(Overflow::Silence, None), (Overflow::NoMemory, Some(7))] {
        let mut card = new_card(|kind| {
            kind.max_parts = 4;
            kind.overflow = overflow;
        });
        let packet = long_packet(1, 20);
        let answers: Vec<Answer> = in_parts(&packet, 7, 130, false)
            .iter()
            .map(|part| card.receive("kith", part))
            .collect();
        let proofs: Vec<&Answer> = answers.iter().filter(|a| !a.por.is_empty()).collect();
        assert_eq!(proofs.first().map(|answer| read_plain(answer).0), status);
        if let Some(proof) = proofs.first() {
            // The proof names the command's counter.
            assert_eq!(proof.por[0][9..14], [0, 0, 0, 0, 1]);
        }
        assert_eq!((proofs.len(), filled(&card)), (status.iter().count(), 0));
    }
}

#[test]
fn a_long_record_comes_back_in_two_messages() {
    let kind = CardKind::sim(200, 10);
    let mut card = Card::new(kind, ICCID, &KIC, &KID).unwrap();
    let answer = card.receive(
        "kith",
        &single(&packet(SPI, 1, "00a4080c047f106f3a00b2010400")),
    );
    assert_eq!(answer.por.len(), 2);
    assert_eq!(read_plain(&answer), (0, Some((2, 0x9000)), vec![0xFF; 200]));
}

#[test]
fn kinds_by_name() {
    let kind = |name| CardKind::named(name).unwrap();
    assert_eq!(kind("sim-28x50"), CardKind::sim(28, 50));
    assert_eq!(kind("usim-34x250"), CardKind::usim(34, 250));
    assert_eq!(kind("sim-28x50-3des").algorithm, Algorithm::TripleDes);
    for wrong in [
        "",
        "sim",
        "sim-13x50",
        "sim-28x255",
        "sim-28x0",
        "esim-28x50",
        "sim-28",
    ] {
        assert!(CardKind::named(wrong).is_err(), "{wrong}");
    }
    for length in [15, 33] {
        assert!(Card::new(CardKind::sim(28, 50), ICCID, &vec![0; length], &KID).is_err());
    }
    assert!(Card::new(CardKind::sim(28, 50), "12", &KIC, &KID).is_err());
}

#[test]
fn files_and_counter_are_there_after_a_restart() {
    let dir = std::env::temp_dir().join(format!("kith-lab-card-{}", std::process::id()));
    let open = || Card::open(&dir, CardKind::sim(28, 50), ICCID, &KIC, &KID);
    let mut card = open().unwrap();
    assert_eq!(send(&mut card, 9, WRITE_MUM).0, 0);
    drop(card);
    let mut card = open().unwrap();
    assert_eq!((filled(&card), card.counter()), (1, 9));
    assert_eq!(send(&mut card, 9, WRITE_MUM).0, 2);
    // A half-written state beside it is never read.
    std::fs::write(dir.join(format!("card-{ICCID}.json.new")), "{").unwrap();
    assert_eq!(open().unwrap().counter(), 9);
    let other = Card::open(&dir, CardKind::sim(28, 40), ICCID, &KIC, &KID);
    assert!(other.err().unwrap().contains("other lengths"));
    // A card that cannot keep its state refuses and stays as it was.
    std::fs::remove_dir_all(&dir).unwrap();
    let answer = card.receive("kith", &single(&packet(SPI, 10, WRITE_MUM)));
    assert_eq!((answer, card.counter()), (Answer::default(), 9));
}

proptest! {
    #[test]
    fn no_octets_upset_the_card(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..160), 1..6)) {
        let mut card = new_card(|_| {});
        for octets in &messages {
            card.receive("x", octets);
            card.receive("x", &single(octets));
        }
        prop_assert_eq!((card.counter(), filled(&card)), (0, 0));
    }

    #[test]
    fn no_script_upsets_the_card(script in prop::collection::vec(any::<u8>(), 0..90), usim in any::<bool>()) {
        let kind = if usim { CardKind::usim(34, 20) } else { CardKind::sim(28, 20) };
        let mut card = Card::new(kind, ICCID, &KIC, &KID).unwrap();
        prop_assert_eq!(send(&mut card, 1, &hex::encode(script)).0, 0);
    }

    #[test]
    fn no_changed_packet_is_taken(at in 0_usize..80, bit in 0_u8..8) {
        let mut packet = packet(SPI, 1, WRITE_MUM);
        let at = at % packet.len();
        packet[at] ^= 1 << bit;
        let mut card = new_card(|_| {});
        card.receive("kith", &single(&packet));
        prop_assert_eq!(filled(&card), 0);
    }

    #[test]
    fn any_record_is_shown(record in prop::collection::vec(any::<u8>(), 0..40), ext1 in prop::option::of(prop::collection::vec(any::<u8>(), 0..14))) {
        let shown = crate::handset::record::read(&record, |_| ext1.clone());
        prop_assert!(shown.number.chars().count() <= 41);
    }
}
