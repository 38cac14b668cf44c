//! What can be wrong with a packet, each said so that a person can act on it.

use super::keys::Algorithm;
use std::fmt;
use thiserror::Error;

/// Which of the two key octets of a packet is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Octet {
    /// Ciphering (ETSI TS 102 225 §5.1.2).
    Kic,
    /// RC/CC/DS (ETSI TS 102 225 §5.1.3).
    Kid,
}

impl fmt::Display for Octet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kic => "KIc",
            Self::Kid => "KID",
        })
    }
}

/// A key or a key octet that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// No cipher has keys of this length.
    #[error(
        "A key of {octets} octets fits no cipher: give 16 or 24 octets for triple DES; 16, 24 or 32 for AES; 8 for single DES."
    )]
    Size {
        /// The key's length.
        octets: usize,
    },
    /// The key's length is not the named algorithm's.
    #[error("The {octet} octet names {algorithm}, but the key has {octets} octets: give {}, or correct the octet.", algorithm.key_sizes())]
    Mismatch {
        /// Which octet names the algorithm.
        octet: Octet,
        /// The algorithm.
        algorithm: Algorithm,
        /// The key's length.
        octets: usize,
    },
    /// The octet's low half names nothing that can be done.
    #[error(
        "The {octet} octet {byte:02x} names no algorithm that is known here: its low digit must be 5 or 9 (triple DES), 2 (AES), or for a redundancy check 1 or 5."
    )]
    Algorithm {
        /// Which octet.
        octet: Octet,
        /// Its value.
        byte: u8,
    },
    /// Single DES or ECB, and nobody allowed it.
    #[error(
        "The {octet} octet names {algorithm}, which is too weak to send with: use triple DES or AES, or allow weak ciphers in the card profile."
    )]
    Weak {
        /// Which octet.
        octet: Octet,
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// The SPI asks for a digital signature.
    #[error("The SPI asks for a digital signature (DS), which is not supported: use CC (10).")]
    Signature,
}

/// Why a packet could not be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// No script.
    #[error("The command script is empty: give at least one command.")]
    Empty,
    /// More than any number of parts holds.
    #[error(
        "The script has {need} octets and {room} is the most that one command packet carries (255 parts): make two packets of it."
    )]
    TooLong {
        /// Octets of script given.
        need: usize,
        /// Octets that fit.
        room: usize,
    },
    /// The keys do not fit the wish.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Why a packet could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Text that is not the value it should be.
    #[error("“{typed}” is no {what}: give {want}.")]
    Typed {
        /// The field.
        what: &'static str,
        /// What was given.
        typed: String,
        /// What would be right.
        want: &'static str,
    },
    /// It ends inside a field.
    #[error("The packet ends too early: {what} needs {need} octets and {got} are there.")]
    Short {
        /// The field it ends in.
        what: &'static str,
        /// Octets needed.
        need: usize,
        /// Octets there.
        got: usize,
    },
    /// The length octets and the length differ.
    #[error(
        "Length mismatch: {field} says {said} octets follow and {got} do; a part may be missing, or the message was cut."
    )]
    Length {
        /// CPL or RPL.
        field: &'static str,
        /// What it says.
        said: usize,
        /// What is there.
        got: usize,
    },
    /// The header length does not fit the security asked for.
    #[error(
        "Header length {field} is {said:02x}, but with this SPI it must be {want:02x}: the packet was made with another SPI, or is damaged."
    )]
    HeaderLength {
        /// CHL or RHL.
        field: &'static str,
        /// What it says.
        said: u8,
        /// What it must be.
        want: u8,
    },
    /// SPI bits without meaning.
    #[error("SPI {:02x}{:02x} uses reserved bits (first octet b8–b6, second b8b7, PoR 11): correct it.", octets[0], octets[1])]
    Reserved {
        /// Both octets.
        octets: [u8; 2],
    },
    /// The packet names other keys than those given.
    #[error(
        "The packet's {octet} octet is {said:02x} and the keys given are for {given:02x}: give the keys that the packet names."
    )]
    OtherKeys {
        /// Which octet.
        octet: Octet,
        /// In the packet.
        said: u8,
        /// In the key set.
        given: u8,
    },
    /// The ciphered part is not whole blocks.
    #[error(
        "The ciphered part has {octets} octets, which is no multiple of the cipher's block of {block}: an octet is missing or too many."
    )]
    Blocks {
        /// Its length.
        octets: usize,
        /// The block.
        block: usize,
    },
    /// The checksum is wrong.
    #[error(
        "The integrity check fails: the checksum in the packet is not the one these keys give; the keys are wrong or the packet was changed."
    )]
    Integrity,
    /// More padding than data.
    #[error("PCNTR says {padding} octets of padding and only {octets} octets of data are there.")]
    Padding {
        /// PCNTR.
        padding: u8,
        /// Octets of data.
        octets: usize,
    },
    /// A success without the checksum that was asked for proves nothing.
    #[error(
        "The answer says “done” without the checksum that the SPI asked for: it proves nothing and may be forged."
    )]
    Unsigned,
    /// RSC with no meaning.
    #[error("Response status {0:02x} is not defined (ETSI TS 102 225 table 5).")]
    Rsc(u8),
    /// The keys do not fit the packet.
    #[error(transparent)]
    Key(#[from] KeyError),
}
