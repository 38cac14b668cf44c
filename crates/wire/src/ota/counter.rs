//! CNTR: the replay counter, 40 bits (ETSI TS 102 225 §5.1.4).

use super::error::DecodeError;
use std::{fmt, str::FromStr};

/// A 40-bit counter. It is sent as given: whoever counts records it before sending, and never gives one out twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Counter(u64);

impl Counter {
    /// The last value. A card that has seen it is blocked for this key for ever (RSC 04).
    pub const MAX: Self = Self((1 << 40) - 1);

    /// `None` above [`Counter::MAX`].
    pub fn new(value: u64) -> Option<Self> {
        (value <= Self::MAX.0).then_some(Self(value))
    }

    /// The value, 0 to 2⁴⁰ − 1.
    pub fn value(self) -> u64 {
        self.0
    }

    /// One higher; `None` at the end, where a wrap would make every old packet valid again.
    pub fn next(self) -> Option<Self> {
        Self::new(self.0 + 1)
    }

    /// Five octets, most significant first.
    pub fn octets(self) -> [u8; 5] {
        let [_, _, _, a, b, c, d, e] = self.0.to_be_bytes();
        [a, b, c, d, e]
    }

    /// From five octets, most significant first.
    pub fn from_octets([a, b, c, d, e]: [u8; 5]) -> Self {
        Self(u64::from_be_bytes([0, 0, 0, a, b, c, d, e]))
    }
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:010x}", self.0)
    }
}

impl FromStr for Counter {
    type Err = DecodeError;

    /// Ten hex digits, as in `000000002a`.
    fn from_str(typed: &str) -> Result<Self, DecodeError> {
        let mut octets = [0; 5];
        hex::decode_to_slice(typed, &mut octets).map_err(|_| DecodeError::Typed {
            what: "CNTR",
            typed: typed.into(),
            want: "ten hex digits, as in 000000002a",
        })?;
        Ok(Self::from_octets(octets))
    }
}
