//! Compact command scripts (ETSI TS 102 226 §5.2.1.1) of SELECT, UPDATE RECORD and READ RECORD (ETSI TS 102 221 §11.1).

use crate::{CardProfile, SlotNo};

/// The two files of a SIM's phone book that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum File {
    Adn,
    Ext1,
}

impl File {
    pub(crate) fn of(slot: SlotNo) -> Self {
        if slot.ext1_record().is_some() {
            Self::Ext1
        } else {
            Self::Adn
        }
    }

    fn id(self, card: &CardProfile) -> [u8; 2] {
        match self {
            Self::Adn => card.adn_id(),
            Self::Ext1 => card.ext1_id().unwrap_or_default(),
        }
    }

    fn sfi(self, card: &CardProfile) -> Option<u8> {
        match self {
            Self::Adn => card.adn_sfi,
            Self::Ext1 => card.ext1_sfi,
        }
    }
}

/// How a run of commands on one file is reached: the SELECT before it, if any, and P2 of its commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reach {
    pub select: Option<Vec<u8>>,
    /// 04 (absolute, the current EF), or the SFI in its upper five bits.
    pub p2: u8,
}

/// SELECT without response data (P2 0C): from the MF by path (P1 08), or a file of the current directory (P1 00).
fn select(p1: u8, ids: &[[u8; 2]]) -> Vec<u8> {
    let ids = ids.concat();
    let lc = u8::try_from(ids.len()).unwrap_or_default();
    [&[0x00, 0xA4, p1, 0x0C, lc], &ids[..]].concat()
}

const CURRENT: u8 = 0x04;

/// The cheapest way to reach `files`, in this order, from wherever the script starts.
///
/// The first is selected by its path from the MF, or its directory is and its SFI names it. The others lie in the same
/// directory: by SFI, or by SELECT of their file id.
pub(crate) fn reach(card: &CardProfile, files: &[File]) -> Vec<Reach> {
    let mut path = card.path();
    let by_sfi = |file: File| file.sfi(card).map(|sfi| sfi << 3 | CURRENT);
    files
        .iter()
        .enumerate()
        .map(|(place, file)| match (place, by_sfi(*file)) {
            (0, Some(p2)) => Reach {
                select: Some(select(0x08, &path)),
                p2,
            },
            (0, None) => {
                path.push(file.id(card));
                Reach {
                    select: Some(select(0x08, &path)),
                    p2: CURRENT,
                }
            }
            (_, Some(p2)) => Reach { select: None, p2 },
            (_, None) => Reach {
                select: Some(select(0x00, &[file.id(card)])),
                p2: CURRENT,
            },
        })
        .collect()
}

/// Octets of the SELECTs that reach `files`.
pub(crate) fn overhead(card: &CardProfile, files: &[File]) -> usize {
    reach(card, files)
        .iter()
        .filter_map(|r| r.select.as_ref())
        .map(Vec::len)
        .sum()
}

/// The record number of a slot in its file.
fn record(slot: SlotNo) -> u8 {
    slot.ext1_record()
        .unwrap_or_else(|| u8::try_from(slot.0).unwrap_or_default())
}

/// UPDATE RECORD, absolute: CLA INS P1 P2 Lc and the whole record (NEXT is unsafe to repeat).
pub(crate) fn update(slot: SlotNo, p2: u8, content: &[u8]) -> Vec<u8> {
    let lc = u8::try_from(content.len()).unwrap_or_default();
    [&[0x00, 0xDC, record(slot), p2, lc], content].concat()
}

/// READ RECORD, absolute, of the whole record.
pub(crate) fn read(card: &CardProfile, slot: SlotNo) -> Vec<u8> {
    let file = File::of(slot);
    let length = if file == File::Ext1 {
        EXT1
    } else {
        card.record_length
    };
    let mut script = Vec::new();
    for reach in reach(card, &[file]) {
        script.extend(reach.select.unwrap_or_default());
        script.extend([0x00, 0xB2, record(slot), reach.p2, length]);
    }
    script
}

/// Octets of an EF_EXT1 record (3GPP TS 31.102 §4.4.2.4).
pub(crate) const EXT1: u8 = 13;

/// SELECT of the phone book's directory and nothing more: a harmless exchange that proves keys, route and answer.
pub(crate) fn test(card: &CardProfile) -> Vec<u8> {
    select(0x08, &card.path())
}
