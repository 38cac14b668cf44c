//! The file system of the card (TS 102 221 §8): directories and elementary files, kept as octets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::kind::{CardKind, Layout};

/// The master file.
pub const MF: u16 = 0x3F00;
/// DF_TELECOM.
pub const TELECOM: u16 = 0x7F10;
/// The application in use, here ADF.USIM (TS 102 221 §8.4.1).
pub const ADF: u16 = 0x7FFF;
/// DF_PHONEBOOK (TS 31.102 §4.4.2).
pub const PHONEBOOK: u16 = 0x5F3A;
/// EF_PBR.
pub const PBR: u16 = 0x4F30;

/// A file by the identifiers from the MF down to it.
pub type Path = Vec<u16>;

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// A directory.
    Directory,
    /// A transparent file: one row of octets.
    Transparent(Vec<u8>),
    /// A linear fixed file: records of one length, the first is number 1.
    Records(Vec<Vec<u8>>),
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// What it holds.
    pub content: Content,
    /// Short file identifier, 1 to 30.
    pub sfi: Option<u8>,
    /// Whether a script may change it.
    pub writable: bool,
}

/// All files of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    files: BTreeMap<Path, File>,
}

impl Files {
    /// The files of a fresh card, its phone book empty.
    #[must_use]
    pub fn of(kind: &CardKind, iccid: &str) -> Self {
        let mut files = BTreeMap::new();
        let mut put = |path: &[u16], content, sfi, writable| {
            let file = File {
                content,
                sfi,
                writable,
            };
            files.insert(path.to_vec(), file);
        };
        let free = |records: u8, length: u8| {
            Content::Records(vec![vec![0xFF; length.into()]; records.into()])
        };
        put(&[MF], Content::Directory, None, false);
        put(
            &[MF, 0x2FE2],
            Content::Transparent(swapped_digits(iccid)),
            Some(2),
            false,
        );
        put(&[MF, TELECOM], Content::Directory, None, false);
        put(&[MF, ADF], Content::Directory, None, false);
        let (dir, adn, ext1) = Self::phone_book_ids(kind);
        let inside = |fid: u16| [&dir[..], &[fid]].concat();
        if kind.layout == Layout::Usim {
            put(&dir, Content::Directory, None, false);
            let record = pbr(kind);
            put(
                &inside(PBR),
                Content::Records(vec![record.clone(), vec![0xFF; record.len()]]),
                None,
                false,
            );
        }
        put(
            &inside(adn),
            free(kind.records, kind.record_length),
            kind.adn_sfi,
            true,
        );
        if kind.ext1_records > 0 {
            put(
                &inside(ext1),
                free(kind.ext1_records, 13),
                kind.ext1_sfi,
                true,
            );
        }
        Self { files }
    }

    /// Directory of the phone book, identifiers of EF_ADN and EF_EXT1.
    fn phone_book_ids(kind: &CardKind) -> (Path, u16, u16) {
        match kind.layout {
            Layout::Sim => (vec![MF, TELECOM], 0x6F3A, 0x6F4A),
            Layout::Usim => (vec![MF, TELECOM, PHONEBOOK], 0x4F3A, 0x4F4A),
        }
    }

    /// The file at a path; DF_PHONEBOOK of the application is the one of DF_TELECOM.
    #[must_use]
    pub fn get(&self, path: &[u16]) -> Option<&File> {
        self.files.get(&real(path))
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, path: &[u16]) -> Option<&mut File> {
        self.files.get_mut(&real(path))
    }

    /// All of them, to be changed, in the order of their paths.
    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut File> {
        self.files.values_mut()
    }

    /// The file of a directory that has a short file identifier.
    #[must_use]
    pub fn by_sfi(&self, directory: &[u16], sfi: u8) -> Option<Path> {
        let directory = real(directory);
        self.files
            .iter()
            .find(|(path, file)| {
                file.sfi == Some(sfi)
                    && path
                        .split_last()
                        .is_some_and(|(_, parent)| parent == directory)
            })
            .map(|(path, _)| path.clone())
    }

    /// The elementary files, with what they hold.
    pub fn contents(&self) -> impl Iterator<Item = (&Path, &Content)> {
        self.files
            .iter()
            .filter(|(_, file)| file.content != Content::Directory)
            .map(|(path, file)| (path, &file.content))
    }
}

/// The path under which a file is kept.
fn real(path: &[u16]) -> Path {
    match path {
        [MF, ADF, PHONEBOOK, rest @ ..] => [&[MF, TELECOM, PHONEBOOK], rest].concat(),
        _ => path.to_vec(),
    }
}

/// EF_PBR's record: EF_ADN belongs to its entries by number, EF_EXT1 by a record number inside them (TS 31.102 §4.4.2.1).
fn pbr(kind: &CardKind) -> Vec<u8> {
    let (_, adn, ext1) = Files::phone_book_ids(kind);
    let named = |tag: u8, fid: u16, sfi: Option<u8>| {
        let mut value = fid.to_be_bytes().to_vec();
        value.extend(sfi);
        [vec![tag, value.len() as u8], value].concat()
    };
    let group = |tag: u8, value: Vec<u8>| [vec![tag, value.len() as u8], value].concat();
    let mut record = group(0xA8, named(0xC0, adn, kind.adn_sfi));
    if kind.ext1_records > 0 {
        record.extend(group(0xAA, named(0xC2, ext1, kind.ext1_sfi)));
    }
    record.resize(record.len().max(48), 0xFF);
    record
}

/// EF_ICCID: ten octets of digits, the first one in the low half (TS 102 221 §13.2).
fn swapped_digits(digits: &str) -> Vec<u8> {
    let mut halves = digits
        .bytes()
        .filter(u8::is_ascii_digit)
        .map(|digit| digit - b'0')
        .chain(std::iter::repeat(0xF));
    (0..10)
        .map(|_| {
            let low = halves.next().unwrap_or(0xF);
            low | halves.next().unwrap_or(0xF) << 4
        })
        .collect()
}
