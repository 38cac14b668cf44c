//! How much script fits a number of messages, known before anything is ciphered (3GPP TS 31.115 §4.2, TS 23.040 §9.2.3.24).

use super::{
    Algorithm, KeyError, Spi,
    command::{CLEAR, COUNTERS},
    seal::Check,
};

/// Octets of TP-UD in one message.
pub(super) const TP_UD: usize = 140;
/// UDHL and the empty IE 70 (or 71).
pub(super) const SINGLE: usize = 3;
/// The most parts that a concatenation counts.
pub(super) const MOST_PARTS: usize = 255;

/// How wide a concatenation reference is: IE 00 or IE 08.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RefBits {
    /// IE 00, five octets.
    #[default]
    Eight,
    /// IE 08, six octets.
    Sixteen,
}

impl RefBits {
    /// Octets of the whole concatenation IE.
    pub(super) fn octets(self) -> usize {
        match self {
            Self::Eight => 5,
            Self::Sixteen => 6,
        }
    }
}

/// What surrounds the script: everything that its room depends on, and no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Envelope {
    /// The cipher's block in octets: 8, 16, or 1 when not ciphered.
    pub block: usize,
    /// Octets of RC or CC: 0, 2, 4 or 8.
    pub checksum: usize,
    /// The concatenation reference.
    pub ref_bits: RefBits,
    /// Whether IE 70 stands first in every part (some cards want it) or in the first part only (the standard).
    pub ie70_everywhere: bool,
}

impl Envelope {
    /// From what a card profile says.
    /// # Errors
    /// As [`super::encode`], but for the keys' lengths.
    pub fn new(
        spi: Spi,
        kic_byte: u8,
        kid_byte: u8,
        ref_bits: RefBits,
        ie70_everywhere: bool,
    ) -> Result<Self, KeyError> {
        let block = if spi.ciphered {
            Algorithm::of_kic(kic_byte)?.block()
        } else {
            1
        };
        Ok(Self {
            block,
            checksum: Check::of(spi.integrity, kid_byte)?.octets(),
            ref_bits,
            ie70_everywhere,
        })
    }

    /// The most octets of script in `parts` messages (0 to 255): AES with CC 98 in one, triple DES 106.
    pub fn room(&self, parts: usize) -> usize {
        let carried = match parts.min(MOST_PARTS) {
            0 => 0,
            1 => TP_UD - SINGLE,
            n => self.first() + self.further() * (n - 1),
        };
        let sealed = carried.saturating_sub(CLEAR) / self.block * self.block;
        sealed.saturating_sub(COUNTERS + self.checksum)
    }

    /// The fewest messages that carry `script_len` octets of script; `None` above 255.
    pub fn parts_for(&self, script_len: usize) -> Option<usize> {
        (1..=MOST_PARTS).find(|&parts| self.room(parts) >= script_len)
    }

    /// Octets of packet in the first of several parts.
    pub(super) fn first(&self) -> usize {
        TP_UD - SINGLE - self.ref_bits.octets()
    }

    /// Octets of packet in each further part.
    pub(super) fn further(&self) -> usize {
        if self.ie70_everywhere {
            self.first()
        } else {
            TP_UD - 1 - self.ref_bits.octets()
        }
    }
}
