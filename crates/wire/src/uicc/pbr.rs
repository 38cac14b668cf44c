//! EF_PBR: which files make up the book, and how they hang together (3GPP TS 31.102 §4.4.2.1). Cards break rules (EF_PBC
//! under A9 is common): this says what the card says.

use thiserror::Error;

/// How an entry of EF_ADN finds its record in a file: the outer tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkedBy {
    /// A8, type 1: the record of the same number.
    Number,
    /// A9, type 2: through EF_IAP.
    Iap,
    /// AA, type 3: by a record number inside another record.
    Identifier,
}

impl LinkedBy {
    /// 1, 2 or 3, as the standard counts them.
    pub fn kind(self) -> u8 {
        match self {
            Self::Number => 1,
            Self::Iap => 2,
            Self::Identifier => 3,
        }
    }
}

/// A file of the book: the inner tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the standard's own names
pub enum File {
    Adn,
    Iap,
    Ext1,
    Sne,
    Anr,
    Pbc,
    Grp,
    Aas,
    Gas,
    Uid,
    Email,
    Ccp1,
    /// A tag that §4.4.2.1 does not name.
    Unknown(u8),
}

/// Tags from C0 on, in order (CC is not used here).
const FILES: [File; 12] = [
    File::Adn,
    File::Iap,
    File::Ext1,
    File::Sne,
    File::Anr,
    File::Pbc,
    File::Grp,
    File::Aas,
    File::Gas,
    File::Uid,
    File::Email,
    File::Ccp1,
];

impl File {
    fn of(tag: u8) -> Self {
        tag.checked_sub(0xC0)
            .and_then(|place| FILES.get(usize::from(place)))
            .copied()
            .unwrap_or(Self::Unknown(tag))
    }

    /// The standard's name, without “EF”.
    pub fn name(self) -> &'static str {
        match self {
            Self::Adn => "ADN",
            Self::Iap => "IAP",
            Self::Ext1 => "EXT1",
            Self::Sne => "SNE",
            Self::Anr => "ANR",
            Self::Pbc => "PBC",
            Self::Grp => "GRP",
            Self::Aas => "AAS",
            Self::Gas => "GAS",
            Self::Uid => "UID",
            Self::Email => "EMAIL",
            Self::Ccp1 => "CCP1",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// One file of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PbFile {
    /// How it is found.
    pub linked_by: LinkedBy,
    /// Which it is.
    pub file: File,
    /// File id, under DF_PHONEBOOK.
    pub fid: u16,
    /// Short file id, 1 to 30.
    pub sfi: Option<u8>,
}

/// The record cannot be used; nothing may be written to this book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "EF_PBR: object {tag:02x} claims {claimed} octets and {there} are there: the card's book cannot be used; give the files in the card profile."
)]
pub struct PbrError {
    /// The outer tag.
    pub tag: u8,
    /// Its length.
    pub claimed: usize,
    /// What follows.
    pub there: usize,
}

/// The files of one EF_PBR record, in the card's order; none for an unused record.
///
/// An inner object that is no file id (with or without SFI) is skipped, and so is an outer one of another tag.
/// # Errors
/// [`PbrError`] when an outer object runs past the record.
pub fn parse_pbr(record: &[u8]) -> Result<Vec<PbFile>, PbrError> {
    let mut files = Vec::new();
    let mut rest = record;
    while let [tag, after @ ..] = rest {
        if matches!(tag, 0x00 | 0xFF) {
            break;
        }
        let (length, after) = ber_length(after);
        let Some((mut inner, next)) = after.split_at_checked(length) else {
            return Err(PbrError {
                tag: *tag,
                claimed: length,
                there: after.len(),
            });
        };
        let linked_by = match tag {
            0xA8 => Some(LinkedBy::Number),
            0xA9 => Some(LinkedBy::Iap),
            0xAA => Some(LinkedBy::Identifier),
            _ => None,
        };
        while let (Some(linked_by), [tag, length, after @ ..]) = (linked_by, inner) {
            let Some((value, next)) = after.split_at_checked((*length).into()) else {
                break;
            };
            if let [high, low, sfi @ ..] = value
                && sfi.len() <= 1
            {
                files.push(PbFile {
                    linked_by,
                    file: File::of(*tag),
                    fid: u16::from_be_bytes([*high, *low]),
                    sfi: sfi.first().copied().filter(|sfi| (1..=30).contains(sfi)),
                });
            }
            inner = next;
        }
        rest = next;
    }
    Ok(files)
}

/// BER length of one or two octets (ETSI TS 101 220 §7.1.2). A missing one counts as 0.
fn ber_length(octets: &[u8]) -> (usize, &[u8]) {
    match octets {
        [0x81, length, after @ ..] => ((*length).into(), after),
        [length, after @ ..] => ((*length).into(), after),
        [] => (0, octets),
    }
}

/// The files that the octets of an EF_IAP record point into: those of type 2, in order (§4.4.2.2).
pub fn iap_order(files: &[PbFile]) -> Vec<File> {
    files
        .iter()
        .filter(|file| file.linked_by == LinkedBy::Iap)
        .map(|file| file.file)
        .collect()
}
