//! The command packet (ETSI TS 102 225 §5.1, 3GPP TS 31.115 §4.2): CPL CHL SPI KIc KID TAR CNTR PCNTR RC/CC/DS data.

use super::{
    Algorithm, Counter, DecodeError, EncodeError, Integrity, KeyError, KeySet, Octet, Spi, Tar,
    room::{Envelope, RefBits},
    seal::{Check, decipher, encipher, padding},
};

/// CPL(2) CHL(1) SPI(2) KIc(1) KID(1) TAR(3): never ciphered.
pub(super) const CLEAR: usize = 10;
/// CNTR(5) PCNTR(1), where ciphering starts.
pub(super) const COUNTERS: usize = 6;
/// CHL without a checksum: SPI up to PCNTR.
const CHL: usize = 13;

/// What a command packet says in clear, before any key is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Octets after CPL.
    pub cpl: u16,
    /// Octets from SPI to the end of the checksum.
    pub chl: u8,
    /// What was done and is asked for.
    pub spi: Spi,
    /// Ciphering key index and algorithm.
    pub kic_byte: u8,
    /// Integrity key index and algorithm, or the CRC.
    pub kid_byte: u8,
    /// The application addressed.
    pub tar: Tar,
}

/// A command packet, opened and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Its clear part.
    pub header: Header,
    /// The counter.
    pub cntr: Counter,
    /// Octets of padding at the end.
    pub pcntr: u8,
    /// The RC or CC, already checked; empty without one.
    pub checksum: Vec<u8>,
    /// The command script, padding taken off.
    pub script: Vec<u8>,
}

/// Wraps a compact command script (ETSI TS 102 226 §5.2.1) into one secured command packet for SMS-PP.
///
/// Returns CPL up to the padded end (ETSI TS 102 225 §5.1), no UDH; [`super::split`] makes parts of it.
/// `script` is 1 to [`Envelope::room`] octets. `cntr` is sent as given: record it first.
/// # Errors
/// `Empty`; `TooLong` with need and room in octets; `Key` for keys that do not fit their octets, for a digital
/// signature, and for single DES or ECB unless `keys.allow_weak`.
pub fn encode(
    script: &[u8],
    keys: &KeySet,
    spi: Spi,
    tar: Tar,
    cntr: Counter,
) -> Result<Vec<u8>, EncodeError> {
    if script.is_empty() {
        return Err(EncodeError::Empty);
    }
    let check = Check::of(spi.integrity, keys.kid_byte)?;
    let cipher = if spi.ciphered {
        Some(Algorithm::of_kic(keys.kic_byte)?)
    } else {
        None
    };
    refuse_weak(keys, check, cipher)?;

    let body = COUNTERS + check.octets() + script.len();
    let pad = cipher.map_or(0, |algorithm| padding(body, algorithm.block()));
    let total = CLEAR + body + pad;
    let envelope = Envelope {
        block: cipher.map_or(1, Algorithm::block),
        checksum: check.octets(),
        ref_bits: RefBits::Eight,
        ie70_everywhere: false,
    };
    let too_long = EncodeError::TooLong {
        need: script.len(),
        room: envelope.room(255),
    };
    let Ok(cpl) = u16::try_from(total - 2) else {
        return Err(too_long);
    };
    if script.len() > envelope.room(255) {
        return Err(too_long);
    }

    let mut packet = Vec::with_capacity(total);
    packet.extend_from_slice(&cpl.to_be_bytes());
    packet.push((CHL + check.octets()) as u8);
    packet.extend_from_slice(&spi.octets());
    packet.extend_from_slice(&[keys.kic_byte, keys.kid_byte]);
    packet.extend_from_slice(&tar.0);
    packet.extend_from_slice(&cntr.octets());
    packet.push(pad as u8);
    packet.resize(CLEAR + COUNTERS + check.octets(), 0);
    packet.extend_from_slice(script);
    packet.resize(total, 0);

    // CPL to the end of the data, padding included, the field itself left out (3GPP TS 31.115 §4.2).
    let (head, rest) = packet.split_at_mut(CLEAR + COUNTERS);
    let (field, data) = rest.split_at_mut(check.octets());
    field.copy_from_slice(check.sum(keys, &[head, data])?.octets());
    if let (Some(algorithm), Some(ciphered)) = (cipher, packet.get_mut(CLEAR..)) {
        encipher(algorithm, keys, ciphered)?;
    }
    Ok(packet)
}

fn refuse_weak(keys: &KeySet, check: Check, cipher: Option<Algorithm>) -> Result<(), KeyError> {
    let kid = if let Check::Cc(algorithm) = check {
        Some(algorithm)
    } else {
        None
    };
    for (octet, algorithm) in [(Octet::Kic, cipher), (Octet::Kid, kid)] {
        if let Some(algorithm) =
            algorithm.filter(|algorithm| algorithm.is_weak() && !keys.allow_weak)
        {
            return Err(KeyError::Weak { octet, algorithm });
        }
    }
    Ok(())
}

impl Header {
    /// Reads the clear part of a whole packet (CPL up to the end).
    /// # Errors
    /// `Short`, `Length` when CPL is not what follows, `Reserved`.
    pub fn of(packet: &[u8]) -> Result<Self, DecodeError> {
        let &[
            c,
            p,
            chl,
            s1,
            s2,
            kic_byte,
            kid_byte,
            t1,
            t2,
            t3,
            ref rest @ ..,
        ] = packet
        else {
            return Err(DecodeError::Short {
                what: "the command header",
                need: CLEAR,
                got: packet.len(),
            });
        };
        let cpl = u16::from_be_bytes([c, p]);
        let got = CLEAR - 2 + rest.len();
        if usize::from(cpl) != got {
            return Err(DecodeError::Length {
                field: "CPL",
                said: cpl.into(),
                got,
            });
        }
        Ok(Self {
            cpl,
            chl,
            spi: Spi::from_octets([s1, s2])?,
            kic_byte,
            kid_byte,
            tar: Tar([t1, t2, t3]),
        })
    }
}

/// Opens a command packet as a card does (ETSI TS 102 225 §5.1); the counter is the caller's to judge.
///
/// Single DES and ECB are read whatever `keys.allow_weak` says.
/// # Errors
/// `OtherKeys` when the packet names other keys; `Integrity` before anything inside is believed; lengths as they are.
pub fn decode(packet: &[u8], keys: &KeySet) -> Result<Command, DecodeError> {
    let header = Header::of(packet)?;
    let spi = header.spi;
    let named = [
        (Octet::Kic, header.kic_byte, keys.kic_byte),
        (Octet::Kid, header.kid_byte, keys.kid_byte),
    ];
    for (octet, said, given) in named {
        if said != given {
            return Err(DecodeError::OtherKeys { octet, said, given });
        }
    }
    let check = Check::of(spi.integrity, header.kid_byte)?;
    let want = (CHL + check.octets()) as u8;
    if header.chl != want {
        return Err(DecodeError::HeaderLength {
            field: "CHL",
            said: header.chl,
            want,
        });
    }
    let mut packet = packet.to_vec();
    if let (true, Some(ciphered)) = (spi.ciphered, packet.get_mut(CLEAR..)) {
        decipher(Algorithm::of_kic(header.kic_byte)?, keys, ciphered)?;
    }
    let data_at = CLEAR + COUNTERS + check.octets();
    let short = DecodeError::Short {
        what: "CNTR, PCNTR and checksum",
        need: data_at,
        got: packet.len(),
    };
    let (Some((head, rest)), true) = (
        packet.split_at_checked(CLEAR + COUNTERS),
        packet.len() >= data_at,
    ) else {
        return Err(short);
    };
    let (field, data) = rest.split_at(check.octets());
    if spi.integrity != Integrity::None {
        check.sum(keys, &[head, data])?.check(field)?;
    }
    let &[.., a, b, c, d, e, pcntr] = head else {
        return Err(short);
    };
    let script = unpad(data, pcntr)?;
    Ok(Command {
        header,
        cntr: Counter::from_octets([a, b, c, d, e]),
        pcntr,
        checksum: field.to_vec(),
        script: script.to_vec(),
    })
}

/// Takes the padding off.
pub(super) fn unpad(data: &[u8], pcntr: u8) -> Result<&[u8], DecodeError> {
    let kept = data.len().checked_sub(pcntr.into());
    kept.and_then(|kept| data.get(..kept))
        .ok_or(DecodeError::Padding {
            padding: pcntr,
            octets: data.len(),
        })
}
