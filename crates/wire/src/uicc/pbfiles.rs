//! The small files beside EF_ADN (3GPP TS 31.102 §4.4.2): names and numbers with a link, groups, pointers, counters.

use super::alpha;
use super::dial::{DialString, IN_ADN, SIGNS, bcd, of_bcd};
use thiserror::Error;

/// Something does not fit into a record. Nothing is cut silently here.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what} needs {needed} octets and the record has {room}: shorten it.")]
pub struct FieldError {
    /// What was to be written.
    pub what: &'static str,
    /// Its size.
    pub needed: usize,
    /// The record's.
    pub room: usize,
}

/// The last two octets of a type 2 record: which entry it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Short file id of the EF_ADN.
    pub adn_sfi: u8,
    /// Record in it, from 1.
    pub adn_record: u8,
}

/// The body of a record and, in a type 2 file, its link (none in a free record).
fn unlinked(record: &[u8], is_type_2: bool) -> (&[u8], Option<Link>) {
    match record {
        [body @ .., adn_sfi, adn_record] if is_type_2 => {
            let link = Link {
                adn_sfi: *adn_sfi,
                adn_record: *adn_record,
            };
            (body, Some(link).filter(|link| link.adn_record != 0xFF))
        }
        _ => (record, None),
    }
}

fn linked(
    mut content: Vec<u8>,
    what: &'static str,
    link: Option<Link>,
    length: usize,
) -> Result<Vec<u8>, FieldError> {
    let room = length.saturating_sub(if link.is_some() { 2 } else { 0 });
    if content.len() > room {
        return Err(FieldError {
            what,
            needed: content.len(),
            room,
        });
    }
    content.resize(room, 0xFF);
    content.extend(link.iter().flat_map(|link| [link.adn_sfi, link.adn_record]));
    Ok(content)
}

/// A record that is a name: EF_GAS (§4.4.2.7), EF_AAS (§4.4.2.10), EF_SNE (§4.4.2.8), EF_EMAIL (§4.4.2.13, default alphabet or UCS2 alike).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Text {
    /// Empty in a free record.
    pub text: String,
    /// In a type 2 file.
    pub link: Option<Link>,
}

impl Text {
    /// Reads a record; `is_type_2` as EF_PBR says.
    pub fn decode(record: &[u8], is_type_2: bool) -> Self {
        let (field, link) = unlinked(record, is_type_2);
        Self {
            text: alpha::decode(field),
            link,
        }
    }

    /// The record of `length` octets, link included.
    /// # Errors
    /// If the text does not fit whole.
    pub fn encode(&self, length: usize) -> Result<Vec<u8>, FieldError> {
        let field = alpha::shortest(&alpha::normalised(&self.text));
        linked(field, "The text", self.link, length)
    }
}

/// A further number, EF_ANR (§4.4.2.9): AAS record, length, TON/NPI, BCD[10], CCP, EXT1; then the link in type 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anr {
    /// The kind of number: a record of EF_AAS, 0 for none.
    pub aas: u8,
    /// Signs as in [`DialString`]; at most 20 digits here.
    pub number: String,
    /// In a type 2 file.
    pub link: Option<Link>,
}

impl Anr {
    /// Reads a record; `None` if it is free or holds no number.
    pub fn decode(record: &[u8], is_type_2: bool) -> Option<Self> {
        let (body, link) = unlinked(record, is_type_2);
        let [aas, length @ 2..=11, ton, digits @ .., _, _] = body else {
            return None;
        };
        let digits = digits.get(..usize::from(*length) - 1)?;
        let plus = if ton & 0xF0 == 0x90 { "+" } else { "" };
        Some(Self {
            aas: *aas,
            number: format!("{plus}{}", of_bcd(digits, SIGNS)),
            link,
        })
    }

    /// The record: 15 octets, 17 with a link.
    /// # Errors
    /// Above 20 digits.
    pub fn encode(aas: u8, number: &DialString, link: Option<Link>) -> Result<Vec<u8>, FieldError> {
        let (ton, half_octets) = number.ton_and_half_octets();
        let needed = half_octets.len().div_ceil(2);
        if needed > IN_ADN / 2 {
            return Err(FieldError {
                what: "The number",
                needed,
                room: IN_ADN / 2,
            });
        }
        let length = 1 + u8::try_from(needed).unwrap_or(10);
        let body = [&[aas, length, ton], &bcd(&half_octets)[..], &[0xFF, 0xFF]].concat();
        let octets = body.len() + if link.is_some() { 2 } else { 0 };
        linked(body, "The number", link, octets)
    }
}

/// The groups of an entry, EF_GRP (§4.4.2.6): records of EF_GAS. 00 is none, and FF on a fresh card.
pub fn groups(record: &[u8]) -> Vec<u8> {
    record
        .iter()
        .copied()
        .filter(|group| !matches!(group, 0x00 | 0xFF))
        .collect()
}

/// An EF_GRP record of `length` octets.
/// # Errors
/// More groups than octets.
pub fn groups_record(groups: &[u8], length: usize) -> Result<Vec<u8>, FieldError> {
    if groups.len() > length {
        return Err(FieldError {
            what: "The list of groups",
            needed: groups.len(),
            room: length,
        });
    }
    let mut record = groups.to_vec();
    record.resize(length, 0x00);
    Ok(record)
}

/// EF_IAP (§4.4.2.2): for every type 2 file, in [`super::iap_order`], its record or none.
pub fn pointers(record: &[u8]) -> Vec<Option<u8>> {
    record
        .iter()
        .map(|octet| Some(*octet).filter(|octet| *octet != 0xFF))
        .collect()
}

/// EF_PBC (§4.4.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pbc {
    /// A terminal changed the entry since the last look.
    pub modified: bool,
    /// Record of EF_HIDDENKEY, 0 for an entry that is not hidden.
    pub hidden: u8,
}

impl Pbc {
    /// `None` unless the record has 2 octets.
    pub fn decode(record: &[u8]) -> Option<Self> {
        let [flags, hidden] = record else { return None };
        Some(Self {
            modified: flags & 1 == 1,
            hidden: *hidden,
        })
    }

    /// The record.
    pub fn encode(self) -> [u8; 2] {
        [self.modified.into(), self.hidden]
    }
}

/// EF_UID, EF_PUID, EF_CC (2 octets) and EF_PSC (4): a number (§4.4.2.12). `None` for another length.
pub fn unsigned(content: &[u8]) -> Option<u32> {
    match *content {
        [high, low] => Some(u16::from_be_bytes([high, low]).into()),
        [a, b, c, d] => Some(u32::from_be_bytes([a, b, c, d])),
        _ => None,
    }
}

/// EF_CC after a write by us (§4.4.2.12.2); `None` when it would wrap: then EF_PSC changes and all EF_UIDs are given anew.
pub fn change_counter_after(before: [u8; 2]) -> Option<[u8; 2]> {
    Some(u16::from_be_bytes(before).checked_add(1)?.to_be_bytes())
}
