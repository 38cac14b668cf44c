//! TAR: which application on the card a packet is for (ETSI TS 102 225 §5.1, values in TS 101 220 annex D).

use super::error::DecodeError;
use std::{fmt, str::FromStr};

/// Toolkit application reference, three octets; which one writes the phone book is the card profile's to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tar(pub [u8; 3]);

impl fmt::Display for Tar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for Tar {
    type Err = DecodeError;

    /// Six hex digits, as in `b00011`.
    fn from_str(typed: &str) -> Result<Self, DecodeError> {
        let mut octets = [0; 3];
        hex::decode_to_slice(typed, &mut octets).map_err(|_| DecodeError::Typed {
            what: "TAR",
            typed: typed.into(),
            want: "six hex digits, as in b00011",
        })?;
        Ok(Self(octets))
    }
}
