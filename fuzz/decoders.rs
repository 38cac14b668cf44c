//! Every decoder of outside octets, one function a codec: none may panic, whatever comes.
//! Called by the fuzz targets here, and by the seeded test `crates/wire/tests/fuzzed.rs`.

use wire::ota::{Algorithm, Header, KeySet, Spi};
use wire::smpp::{Body, Frame, Frames, Pdu, receipt, status};
use wire::sms::{self, Limits, Reassembler, Received, card, gsm7, udh};
use wire::uicc;

/// Records and files of a card.
pub fn uicc(octets: &[u8]) {
    let (first, second) = octets.split_at(octets.len().min(28));
    for ext1 in [None, Some(second)] {
        uicc::read(octets, ext1);
        uicc::read(first, ext1);
        uicc::shown(octets, ext1);
        uicc::shown(first, ext1);
    }
    uicc::alpha::decode(octets);
    let text = String::from_utf8_lossy(octets);
    uicc::alpha::encode(&text, second.len());
    let _ = text.parse::<uicc::DialString>();
    uicc::Ext1::decode(octets);
    if let Ok(files) = uicc::parse_pbr(octets) {
        uicc::iap_order(&files);
    }
    for is_type_2 in [false, true] {
        uicc::Text::decode(octets, is_type_2);
        uicc::Anr::decode(octets, is_type_2);
    }
    uicc::Pbc::decode(octets);
    uicc::groups(octets);
    uicc::pointers(octets);
    uicc::unsigned(octets);
    uicc::is_free(octets);
}

/// User data of short messages, alone and as parts of one; and the vCard in it.
pub fn sms(octets: &[u8]) {
    let _ = udh::read(octets);
    card::read(octets);
    gsm7::decode(octets);
    let half = octets.len() / 2;
    let (left, right) = octets.split_at(half);
    let mut waiting = Reassembler::new(Limits::USUAL);
    for dcs in [0x00, 0x08, 0xF5] {
        for (udhi, udl) in [
            (true, None),
            (true, octets.last().copied()),
            (false, octets.first().copied()),
        ] {
            let part = |tp_ud: &[u8]| Received {
                udhi,
                udl,
                tp_ud: tp_ud.to_vec(),
            };
            let _ = sms::join(dcs, &[part(octets)]);
            let parts = [part(left), part(right)];
            let _ = sms::join(dcs, &parts);
            for part in parts {
                waiting.take("+447700900101", udhi, part.tp_ud, 0, i64::from(dcs));
            }
        }
    }
}

/// Keys that fit the packet's own KIc and KID, so that more than the first check is reached.
fn keys(kic_byte: u8, kid_byte: u8) -> Option<KeySet> {
    let length = |algorithm: Algorithm| match algorithm {
        Algorithm::Des | Algorithm::DesEcb => 8,
        Algorithm::TripleDes2 | Algorithm::Aes => 16,
        Algorithm::TripleDes3 => 24,
    };
    let key = [7; 24];
    let kic = key.get(..length(Algorithm::of_kic(kic_byte).ok()?))?;
    let kid = key.get(..length(Algorithm::of_kid(kid_byte).ok()?))?;
    let mut keys = KeySet::new(kic, kid, kic_byte, kid_byte).ok()?;
    keys.allow_weak = true;
    Some(keys)
}

/// Secured packets both ways, their parts, and the scripts in them.
pub fn ota(octets: &[u8]) {
    let (left, right) = octets.split_at(octets.len() / 2);
    let _ = wire::ota::join(&[octets]);
    let _ = wire::ota::join(&[left, right]);
    wire::ota::script_in_words(octets);
    let packets = [octets, octets.get(3..).unwrap_or_default()]; // with and without a header 02 70 00 in front
    for packet in packets {
        let _ = Header::of(packet);
        if let Some(keys) = packet
            .get(5)
            .zip(packet.get(6))
            .and_then(|(kic, kid)| keys(*kic, *kid))
        {
            let _ = wire::ota::decode(packet, &keys);
            // The same without cipher and checksum: what stands behind them is the mutation itself.
            let mut plain = packet.to_vec();
            plain.splice(3..5, [0, 0]);
            let _ = wire::ota::decode(&plain, &keys);
        }
        let spis =
            packet
                .first_chunk()
                .into_iter()
                .chain([&[0x16, 0x19], &[0x02, 0x01], &[0x00, 0x00]]);
        for spi in spis.filter_map(|spi| Spi::from_octets(*spi).ok()) {
            for keys in [keys(0x15, 0x15), keys(0x12, 0x12), keys(0x19, 0x19)]
                .into_iter()
                .flatten()
            {
                let _ = wire::ota::decode_response(packet, &keys, spi);
            }
        }
    }
}

/// A stream from an SMSC; and the octets as the body of each PDU that is read.
pub fn smpp(octets: &[u8]) {
    let mut frames = Frames::default();
    let (left, right) = octets.split_at(octets.len() / 2);
    for piece in [left, right] {
        frames.push(piece);
        loop {
            match frames.take() {
                Ok(Some(frame)) => pdu(&frame),
                Ok(None) => break,
                Err(out_of_step) => {
                    out_of_step.answer();
                    return;
                }
            }
        }
    }
    for command in [0x05, 0x0103, 0x8000_0004, 0x8000_0009] {
        pdu(&Frame {
            command,
            status: 0,
            sequence: 1,
            body: octets.to_vec(),
        });
    }
}

fn pdu(frame: &Frame) {
    status::words(frame.status);
    let Ok(pdu) = Pdu::decode(frame) else { return };
    pdu.encode();
    match &pdu.body {
        Body::Deliver(deliver) => {
            for plain_too in [false, true] {
                if let Some(receipt) = receipt::receipt(deliver, plain_too) {
                    receipt::forms(&receipt.id);
                }
            }
        }
        Body::SubmitResp {
            message_id: Some(id),
        } => drop(receipt::forms(id)),
        _ => {}
    }
}

/// A vCard file of any make.
pub fn vcard(octets: &[u8]) {
    book::vcard::import(octets, "GB");
}
