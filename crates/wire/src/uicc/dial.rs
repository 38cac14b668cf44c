//! A number as a card holds it, and its BCD half-octets (3GPP TS 31.102 §4.4.2.3, TS 24.008 §10.5.4.7).

use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Digits that an EF_ADN record holds; as many again go on in EF_EXT1.
pub(super) const IN_ADN: usize = 20;

/// A number as a SIM holds it: `0-9 * #`, `p` for a pause, `+` only in front; 1 to 40 signs without the plus
/// (20 in EF_ADN, 20 in EF_EXT1; 3GPP TS 31.102 §4.4.2.3–4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DialString(String);

/// Why a number cannot go on a SIM. Spaces, dashes and brackets are taken out before this.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadNumber {
    /// Nothing to dial.
    #[error("There is nothing to dial: give the number.")]
    Empty,
    /// A sign that a record cannot hold there.
    #[error(
        "“{typed}” cannot go on a SIM because of “{sign}”: use digits, *, #, p for a pause, and + only in front."
    )]
    Sign {
        /// As given.
        typed: String,
        /// The first such sign.
        sign: char,
    },
    /// More than both files hold.
    #[error("“{typed}” has {digits} digits and a SIM holds 40: shorten it.")]
    TooLong {
        /// As given.
        typed: String,
        /// How many, without the plus.
        digits: usize,
    },
}

impl FromStr for DialString {
    type Err = BadNumber;

    fn from_str(typed: &str) -> Result<Self, BadNumber> {
        let digits = typed.strip_prefix('+').unwrap_or(typed);
        if let Some(sign) = digits.chars().find(|sign| half_octet(*sign).is_none()) {
            return Err(BadNumber::Sign {
                typed: typed.into(),
                sign,
            });
        }
        match digits.len() {
            0 => Err(BadNumber::Empty),
            digits if digits > 2 * IN_ADN => Err(BadNumber::TooLong {
                typed: typed.into(),
                digits,
            }),
            _ => Ok(Self(typed.into())),
        }
    }
}

impl fmt::Display for DialString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl DialString {
    /// With the plus in front: TON international.
    pub fn is_international(&self) -> bool {
        self.0.starts_with('+')
    }

    /// Without the plus.
    pub fn digits(&self) -> &str {
        self.0.strip_prefix('+').unwrap_or(&self.0)
    }

    /// TON/NPI: 91 international, else 81 (TS 24.008 §10.5.4.7), and the half-octets.
    pub(super) fn ton_and_half_octets(&self) -> (u8, Vec<u8>) {
        let ton = if self.is_international() { 0x91 } else { 0x81 };
        (ton, self.digits().chars().filter_map(half_octet).collect())
    }
}

fn half_octet(sign: char) -> Option<u8> {
    match sign {
        '0'..='9' => u8::try_from(sign).ok().map(|octet| octet - b'0'),
        '*' => Some(0xA),
        '#' => Some(0xB),
        'p' => Some(0xC),
        _ => None,
    }
}

/// Half-octets, low first, filled with F to 10 octets.
pub(super) fn bcd(half_octets: &[u8]) -> [u8; 10] {
    let mut octets = [0xFF; 10];
    for (octet, pair) in octets.iter_mut().zip(half_octets.chunks(2)) {
        *octet = match pair {
            [low, high] => low | high << 4,
            [low] => low | 0xF0,
            _ => 0xFF,
        };
    }
    octets
}

/// Half-octets up to the first F, each as the sign of its value in `signs` (16 less F).
pub(super) fn of_bcd(octets: &[u8], signs: &str) -> String {
    octets
        .iter()
        .flat_map(|octet| [octet & 0xF, octet >> 4])
        .map_while(|half| signs.chars().nth(half.into()))
        .collect()
}

/// As Kith writes them: pause `p`, wild `?`, expansion `e`.
pub(super) const SIGNS: &str = "0123456789*#p?e";
