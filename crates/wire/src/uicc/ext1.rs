//! EF_EXT1: what does not fit into EF_ADN (3GPP TS 31.102 §4.4.2.4).

use super::dial::{SIGNS, bcd, of_bcd};

/// One record of EF_EXT1, 13 octets: type, data[11], next record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ext1 {
    /// 00 FF…, or all FF.
    Free,
    /// Type 02: further digits of a number.
    Additional {
        /// Up to 20, as [`super::DialString`] writes them.
        digits: String,
        /// The record where they go on.
        next: Option<u8>,
    },
    /// Another type (01: a subaddress), or a length above 10: not read, kept as it is.
    Other,
}

impl Ext1 {
    /// Octets of a record.
    pub const LENGTH: usize = 13;

    /// Reads a record; one of another length is `Other`.
    pub fn decode(record: &[u8]) -> Self {
        match record {
            [0x00 | 0xFF, rest @ ..]
                if rest.len() + 1 == Self::LENGTH && rest.iter().all(|octet| *octet == 0xFF) =>
            {
                Self::Free
            }
            [0x02, used @ 0..=10, data @ .., next] if data.len() == 10 => Self::Additional {
                digits: of_bcd(data.get(..(*used).into()).unwrap_or_default(), SIGNS),
                next: Some(*next).filter(|next| !matches!(next, 0x00 | 0xFF)),
            },
            _ => Self::Other,
        }
    }

    /// The record of up to 20 half-octets, without a next one.
    pub(super) fn additional(half_octets: &[u8]) -> [u8; Self::LENGTH] {
        let mut record = [0xFF; Self::LENGTH];
        let used = u8::try_from(half_octets.len().div_ceil(2)).unwrap_or(10);
        for (octet, value) in record
            .iter_mut()
            .zip([0x02, used].into_iter().chain(bcd(half_octets)))
        {
            *octet = value;
        }
        record
    }
}
