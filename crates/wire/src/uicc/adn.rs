//! EF_ADN: a name and a number (3GPP TS 31.102 §4.4.2.3; TS 51.011 §10.5.1 for a SIM).
//!
//! A record is alpha[X], then 14 octets: length of TON/NPI and BCD (1–11), TON/NPI, BCD[10], CCP, EF_EXT1 record.

use super::dial::{DialString, IN_ADN, SIGNS, bcd, of_bcd};
use super::{Ext1, alpha, phone_view};
use thiserror::Error;

/// Octets behind the name.
pub(super) const FOOTER: usize = 14;

/// An entry to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adn {
    /// Any text; cut to the record's room.
    pub name: String,
    /// `None`: a name only.
    pub number: Option<DialString>,
}

/// An entry's octets, and what a phone shows of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The EF_ADN record.
    pub record: Vec<u8>,
    /// The EF_EXT1 record that it points to; write it first.
    pub ext1: Option<[u8; Ext1::LENGTH]>,
    /// As the phone shows it.
    pub shown_name: String,
    /// As the phone shows it (a pause is a comma).
    pub shown_number: String,
    /// The name did not fit whole.
    pub cut: bool,
}

/// Why an entry cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AdnError {
    /// No such record exists.
    #[error(
        "A record of {length} octets cannot hold an entry: 14 to 255 (14 less than the length are the name's room)."
    )]
    RecordLength {
        /// As given.
        length: usize,
    },
    /// The number goes on in EF_EXT1, and there is none.
    #[error(
        "“{number}” has {digits} digits and 20 fit: name a free record of EF_EXT1 for the rest, or shorten it."
    )]
    NeedsExt1 {
        /// The number.
        number: String,
        /// How many.
        digits: usize,
    },
    /// A record number that no file has.
    #[error("{0} is no record of EF_EXT1: 1 to 254.")]
    Ext1Record(u8),
}

impl Adn {
    /// The record of `record_length` octets (14 to 255). `ext1_record` (1 to 254) is the EF_EXT1 record that may be used; it
    /// is pointed to only if the number has more than 20 digits, as a pointer to nothing hides the number on phones.
    /// # Errors
    /// `RecordLength`, `NeedsExt1`, `Ext1Record`.
    pub fn encode(
        &self,
        record_length: usize,
        ext1_record: Option<u8>,
    ) -> Result<Encoded, AdnError> {
        let mut record = empty(record_length)?;
        if let Some(odd @ (0x00 | 0xFF)) = ext1_record {
            return Err(AdnError::Ext1Record(odd));
        }
        let name = alpha::encode(&self.name, record_length - FOOTER);
        let mut ext1 = None;
        let mut content = name.octets;
        if let Some(number) = &self.number {
            let (ton, half_octets) = number.ton_and_half_octets();
            let (here, rest) = half_octets.split_at(half_octets.len().min(IN_ADN));
            let mut pointer = 0xFF;
            if !rest.is_empty() {
                pointer = ext1_record.ok_or_else(|| AdnError::NeedsExt1 {
                    number: number.to_string(),
                    digits: half_octets.len(),
                })?;
                ext1 = Some(Ext1::additional(rest));
            }
            content.resize(record_length - FOOTER, 0xFF);
            let length = 1 + u8::try_from(here.len().div_ceil(2)).unwrap_or(10);
            content.extend([length, ton]);
            content.extend(bcd(here));
            content.extend([0xFF, pointer]);
        }
        for (octet, value) in record.iter_mut().zip(content) {
            *octet = value;
        }
        let view = phone_view::shown(&record, ext1.as_ref().map(<[_; _]>::as_slice));
        Ok(Encoded {
            record,
            ext1,
            shown_name: view.shown_name,
            shown_number: view.shown_number,
            cut: name.cut,
        })
    }
}

/// A record without an entry: all FF. Writing it is deleting.
/// # Errors
/// `RecordLength` outside 14 to 255.
pub fn empty(record_length: usize) -> Result<Vec<u8>, AdnError> {
    if (FOOTER..=255).contains(&record_length) {
        Ok(vec![0xFF; record_length])
    } else {
        Err(AdnError::RecordLength {
            length: record_length,
        })
    }
}

/// Whether a record may be used for a new entry: only if it is all FF. A number without a name is somebody's entry
/// (CASES C42), and so is what cannot be read.
pub fn is_free(record: &[u8]) -> bool {
    record.iter().all(|octet| *octet == 0xFF)
}

/// What could be made out of a record from a card in use.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Reading {
    /// Possibly empty.
    pub name: String,
    /// Possibly empty; `p` pause, `?` wild, `e` expansion.
    pub number: String,
    /// What is odd, a sentence each. A record with a note is never rewritten unasked.
    pub notes: Vec<String>,
}

/// Reads a record with `ext1`, the EF_EXT1 record that it points to, if the card has one.
///
/// Unlike a phone ([`super::shown`]) this keeps the 20 digits of a number whose rest is missing (CASES C40), reads a number with
/// an impossible length up to its first F (C44), clips a name's count to the field (C48), and adds a plus only for TON 9x (C56).
pub fn read(record: &[u8], ext1: Option<&[u8]>) -> Reading {
    let mut reading = Reading::default();
    let split = record
        .len()
        .checked_sub(FOOTER)
        .and_then(|room| record.split_at_checked(room));
    let Some((name, [length, ton, rest @ ..])) = split else {
        reading.notes.push(format!(
            "The record has {} octets and an entry needs 14: it is kept as it is.",
            record.len()
        ));
        return reading;
    };
    reading.name = alpha::decode(name);
    let (digits, pointer) = match rest {
        [digits @ .., _, pointer] => (digits, *pointer),
        _ => (rest, 0xFF),
    };
    let used = match (*length, *ton) {
        // 00 and 01: no digits; FF in an unused field.
        (0x00 | 0x01, _) | (0xFF, 0xFF) => return reading,
        (length @ 2..=11, _) => usize::from(length) - 1,
        (length, _) => {
            reading.notes.push(format!(
                "The number's length octet is {length:02x}, above 0b: the number is read up to its filler; phones show none."
            ));
            digits.len()
        }
    };
    let digits = of_bcd(digits.get(..used).unwrap_or_default(), SIGNS);
    if ton & 0xF0 == 0x90 && !digits.is_empty() {
        reading.number.push('+');
    }
    reading.number += &digits;
    if matches!(pointer, 0x00 | 0xFF) {
        return reading;
    }
    match ext1.map(Ext1::decode) {
        Some(Ext1::Additional { digits, next }) => {
            reading.number += &digits;
            if let Some(next) = next {
                reading.notes.push(format!(
                    "The number is cut: it goes on in EF_EXT1 record {next}, which is not read."
                ));
            }
        }
        Some(_) => reading.notes.push(format!(
            "The number may be cut: EF_EXT1 record {pointer} holds no digits."
        )),
        None => reading.notes.push(format!(
            "The number is cut: it goes on in EF_EXT1 record {pointer}, which is not there; phones show no number."
        )),
    }
    reading
}
