//! SPI: what is done to a packet and what answer is asked for, two octets (ETSI TS 102 225 §5.1.1).

use super::error::DecodeError;
use std::{fmt, str::FromStr};

/// What guards a packet against change (b2b1 of the first octet, b4b3 of the second).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Integrity {
    /// Nothing.
    None,
    /// A redundancy check (CRC-16 or CRC-32), no proof of the sender.
    Rc,
    /// A cryptographic checksum of 8 octets under KID.
    Cc,
    /// A digital signature. It can be read in an SPI; Kith neither makes nor checks one.
    Ds,
}

/// What the card does with the counter (b5b4 of the first octet).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CounterRule {
    /// No counter; its octets are there all the same and mean nothing.
    None,
    /// Present, not checked.
    Present,
    /// Must be higher than the last one.
    Higher,
    /// Must be the last one plus one.
    OneHigher,
}

/// When the card is to answer (b2b1 of the second octet).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Por {
    /// Never.
    No,
    /// Always.
    Always,
    /// When something went wrong.
    OnError,
}

/// Both SPI octets by meaning. Reserved bits cannot be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Spi {
    /// Guard of the command packet.
    pub integrity: Integrity,
    /// Whether the command packet is ciphered.
    pub ciphered: bool,
    /// The counter's rule.
    pub counter: CounterRule,
    /// When an answer (proof of receipt) is wanted.
    pub por: Por,
    /// Guard of the answer.
    pub por_integrity: Integrity,
    /// Whether the answer is ciphered.
    pub por_ciphered: bool,
    /// The answer comes as a message of its own (SMS-SUBMIT), else in the delivery report (SMS-DELIVER-REPORT).
    pub por_by_submit: bool,
}

impl Integrity {
    fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::None,
            1 => Self::Rc,
            2 => Self::Cc,
            _ => Self::Ds,
        }
    }

    fn bits(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Rc => 1,
            Self::Cc => 2,
            Self::Ds => 3,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::None => "no checksum",
            Self::Rc => "redundancy check (RC)",
            Self::Cc => "cryptographic checksum (CC)",
            Self::Ds => "digital signature (DS)",
        }
    }
}

impl Spi {
    /// Reads both octets.
    /// # Errors
    /// `Reserved` when a reserved bit is set or b2b1 of the second octet is 11.
    pub fn from_octets(octets: [u8; 2]) -> Result<Self, DecodeError> {
        let [first, second] = octets;
        let reserved = DecodeError::Reserved { octets };
        if first & 0xE0 != 0 || second & 0xC0 != 0 {
            return Err(reserved);
        }
        Ok(Self {
            integrity: Integrity::from_bits(first),
            ciphered: first & 4 != 0,
            counter: match first >> 3 & 3 {
                0 => CounterRule::None,
                1 => CounterRule::Present,
                2 => CounterRule::Higher,
                _ => CounterRule::OneHigher,
            },
            por: match second & 3 {
                0 => Por::No,
                1 => Por::Always,
                2 => Por::OnError,
                _ => return Err(reserved),
            },
            por_integrity: Integrity::from_bits(second >> 2),
            por_ciphered: second & 0x10 != 0,
            por_by_submit: second & 0x20 != 0,
        })
    }

    /// The two octets as they stand in a packet.
    pub fn octets(self) -> [u8; 2] {
        let counter = match self.counter {
            CounterRule::None => 0,
            CounterRule::Present => 1,
            CounterRule::Higher => 2,
            CounterRule::OneHigher => 3,
        };
        let por = match self.por {
            Por::No => 0,
            Por::Always => 1,
            Por::OnError => 2,
        };
        [
            self.integrity.bits() | u8::from(self.ciphered) << 2 | counter << 3,
            por | self.por_integrity.bits() << 2
                | u8::from(self.por_ciphered) << 4
                | u8::from(self.por_by_submit) << 5,
        ]
    }
}

impl FromStr for Spi {
    type Err = DecodeError;

    /// Four hex digits, as in `1619`.
    fn from_str(typed: &str) -> Result<Self, DecodeError> {
        let mut octets = [0; 2];
        hex::decode_to_slice(typed, &mut octets).map_err(|_| DecodeError::Typed {
            what: "SPI",
            typed: typed.into(),
            want: "four hex digits, as in 1619",
        })?;
        Self::from_octets(octets)
    }
}

impl fmt::Display for Spi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cipher = |on| if on { "ciphered" } else { "not ciphered" };
        let counter = match self.counter {
            CounterRule::None => "no counter",
            CounterRule::Present => "counter present but not checked",
            CounterRule::Higher => "counter must be higher",
            CounterRule::OneHigher => "counter must be one higher",
        };
        write!(
            f,
            "{}, {}, {counter}; ",
            self.integrity.words(),
            cipher(self.ciphered)
        )?;
        let when = match self.por {
            Por::No => return f.write_str("no answer"),
            Por::Always => "answer always",
            Por::OnError => "answer on error",
        };
        let way = if self.por_by_submit {
            "SMS-SUBMIT"
        } else {
            "SMS-DELIVER-REPORT"
        };
        write!(
            f,
            "{when}: {}, {}, by {way}",
            self.por_integrity.words(),
            cipher(self.por_ciphered)
        )
    }
}
