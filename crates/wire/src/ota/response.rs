//! The response packet, the proof of receipt (ETSI TS 102 225 §5.2, 3GPP TS 31.115 §4.5; its data: TS 102 226 §5.2.1).

use super::{
    Algorithm, Counter, DecodeError, EncodeError, Integrity, KeySet, Spi, Tar,
    command::unpad,
    seal::{Check, decipher, encipher, padding},
};

/// RPL(2) RHL(1) TAR(3): never ciphered.
const CLEAR: usize = 6;
/// CNTR(5) PCNTR(1) RSC(1), where ciphering starts.
const COUNTERS: usize = 7;
/// RHL without a checksum: TAR up to RSC.
const RHL: usize = 10;
/// The header octets that a response's checksum covers besides the packet, unlike a command's (3GPP TS 31.115 §4.5).
const UDH: &[u8] = &[0x02, 0x71, 0x00];

/// Response status code (ETSI TS 102 225 table 5; 0B and 0C: 3GPP TS 31.115 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Rsc {
    /// Security is right; the script was run, up to its first error.
    Ok = 0x00,
    /// The card found another checksum.
    ChecksumFailed = 0x01,
    /// The counter was used before, or a later one was.
    CounterLow = 0x02,
    /// The counter jumps too far.
    CounterHigh = 0x03,
    /// The counter is at its end; this key is lost.
    CounterBlocked = 0x04,
    /// Deciphering failed.
    CipheringError = 0x05,
    /// A security error without a name.
    SecurityError = 0x06,
    /// No memory for the packet.
    NoMemory = 0x07,
    /// The card is not done yet.
    MoreTime = 0x08,
    /// No application with this TAR.
    TarUnknown = 0x09,
    /// The SPI gives less security than the application wants.
    SecurityTooLow = 0x0A,
    /// The answer itself comes by SMS-SUBMIT.
    FollowsBySubmit = 0x0B,
    /// The answer itself comes by USSD.
    FollowsByUssd = 0x0C,
}

impl Rsc {
    /// All of them, in order.
    pub const ALL: [Self; 13] = [
        Self::Ok,
        Self::ChecksumFailed,
        Self::CounterLow,
        Self::CounterHigh,
        Self::CounterBlocked,
        Self::CipheringError,
        Self::SecurityError,
        Self::NoMemory,
        Self::MoreTime,
        Self::TarUnknown,
        Self::SecurityTooLow,
        Self::FollowsBySubmit,
        Self::FollowsByUssd,
    ];

    /// The code.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// # Errors
    /// `Rsc` for a code that is not defined.
    pub fn from_code(code: u8) -> Result<Self, DecodeError> {
        Self::ALL
            .get(usize::from(code))
            .copied()
            .ok_or(DecodeError::Rsc(code))
    }

    /// What it means, for a person.
    pub fn words(self) -> &'static str {
        match self {
            Self::Ok => "security checked, script run",
            Self::ChecksumFailed => "the card found the checksum wrong",
            Self::CounterLow => "counter too low",
            Self::CounterHigh => "counter too high",
            Self::CounterBlocked => "counter blocked: this key can be used no more",
            Self::CipheringError => "ciphering error",
            Self::SecurityError => "unidentified security error",
            Self::NoMemory => "no memory on the card for this packet",
            Self::MoreTime => "the card needs more time",
            Self::TarUnknown => "no application with this TAR on the card",
            Self::SecurityTooLow => "security level too low for this application",
            Self::FollowsBySubmit => "the answer follows by SMS-SUBMIT",
            Self::FollowsByUssd => "the answer follows by USSD",
        }
    }
}

/// What the script did (compact format, ETSI TS 102 226 §5.2.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// Commands run, the failed one included.
    pub commands: u8,
    /// Status word of the last one.
    pub sw: [u8; 2],
    /// Data of the last one.
    pub data: Vec<u8>,
}

/// A response packet, opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The application that answers.
    pub tar: Tar,
    /// The counter of the command it answers.
    pub cntr: Counter,
    /// The outcome.
    pub rsc: Rsc,
    /// What was run; `None` with any code but [`Rsc::Ok`], or when the card gives none.
    pub executed: Option<Executed>,
    /// Whether the checksum that the SPI asked for was there and right. Without it this is a hint, never a proof:
    /// a card that fails the security check may answer unprotected.
    pub checked: bool,
}

/// Opens a response packet (RPL up to the end, as [`super::join`] gives it), `spi` being the command's.
///
/// An error status without the checksum asked for is passed on with `checked: false`, as cards that cannot check a
/// packet also cannot sign; a success without it is refused.
/// # Errors
/// `Integrity` for a wrong checksum, `Unsigned`, `Rsc`, and lengths as they are.
pub fn decode_response(packet: &[u8], keys: &KeySet, spi: Spi) -> Result<Response, DecodeError> {
    let &[r, p, rhl, t1, t2, t3, ref rest @ ..] = packet else {
        return Err(DecodeError::Short {
            what: "the response header",
            need: CLEAR,
            got: packet.len(),
        });
    };
    let (said, got) = (
        usize::from(u16::from_be_bytes([r, p])),
        CLEAR - 2 + rest.len(),
    );
    if said != got {
        return Err(DecodeError::Length {
            field: "RPL",
            said,
            got,
        });
    }
    let bare = spi.por_integrity != Integrity::None && usize::from(rhl) == RHL;
    let check = match spi.por_integrity {
        _ if bare => Check::None,
        // The header's length says which CRC the card took; KID may name a cipher here.
        Integrity::Rc if usize::from(rhl) == RHL + Check::Crc16.octets() => Check::Crc16,
        Integrity::Rc => Check::Crc32,
        integrity => Check::of(integrity, keys.kid_byte)?,
    };
    let want = (RHL + check.octets()) as u8;
    if rhl != want {
        return Err(DecodeError::HeaderLength {
            field: "RHL",
            said: rhl,
            want,
        });
    }
    let mut packet = packet.to_vec();
    if let (true, Some(ciphered)) = (spi.por_ciphered && !bare, packet.get_mut(CLEAR..)) {
        decipher(Algorithm::of_kic(keys.kic_byte)?, keys, ciphered)?;
    }
    let data_at = CLEAR + COUNTERS + check.octets();
    let short = DecodeError::Short {
        what: "CNTR, PCNTR, RSC and checksum",
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
    if check != Check::None {
        check.sum(keys, &[UDH, head, data])?.check(field)?;
    }
    let &[.., a, b, c, d, e, pcntr, code] = head else {
        return Err(short);
    };
    let rsc = Rsc::from_code(code)?;
    if bare && rsc == Rsc::Ok {
        return Err(DecodeError::Unsigned);
    }
    let executed = match (rsc, unpad(data, pcntr)?) {
        (Rsc::Ok, &[commands, s1, s2, ref data @ ..]) => Some(Executed {
            commands,
            sw: [s1, s2],
            data: data.to_vec(),
        }),
        (Rsc::Ok, rest @ (&[_] | &[_, _])) => {
            return Err(DecodeError::Short {
                what: "the count of commands and the status word",
                need: 3,
                got: rest.len(),
            });
        }
        _ => None,
    };
    Ok(Response {
        tar: Tar([t1, t2, t3]),
        cntr: Counter::from_octets([a, b, c, d, e]),
        rsc,
        executed,
        checked: check != Check::None,
    })
}

/// Makes a response packet as a card does (RPL up to the padded end): for tests. `response.checked` is not looked at.
/// # Errors
/// As [`super::encode`].
pub fn encode_response(
    response: &Response,
    keys: &KeySet,
    spi: Spi,
) -> Result<Vec<u8>, EncodeError> {
    let check = Check::of(spi.por_integrity, keys.kid_byte)?;
    let cipher = if spi.por_ciphered {
        Some(Algorithm::of_kic(keys.kic_byte)?)
    } else {
        None
    };
    let mut data = Vec::new();
    if let Some(executed) = &response.executed {
        data.push(executed.commands);
        data.extend_from_slice(&executed.sw);
        data.extend_from_slice(&executed.data);
    }
    let need = data.len();
    let body = COUNTERS + check.octets() + need;
    let pad = cipher.map_or(0, |algorithm| padding(body, algorithm.block()));
    let rpl = CLEAR - 2 + body + pad;
    let rpl = u16::try_from(rpl).map_err(|_| EncodeError::TooLong {
        need,
        room: usize::from(u16::MAX) - 64,
    })?;

    let mut packet = rpl.to_be_bytes().to_vec();
    packet.push((RHL + check.octets()) as u8);
    packet.extend_from_slice(&response.tar.0);
    packet.extend_from_slice(&response.cntr.octets());
    packet.extend_from_slice(&[pad as u8, response.rsc.code()]);
    data.resize(need + pad, 0);
    let sum = check.sum(keys, &[UDH, &packet, &data])?;
    packet.extend_from_slice(sum.octets());
    packet.extend_from_slice(&data);
    if let (Some(algorithm), Some(ciphered)) = (cipher, packet.get_mut(CLEAR..)) {
        encipher(algorithm, keys, ciphered)?;
    }
    Ok(packet)
}
