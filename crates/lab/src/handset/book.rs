//! The phone book on the card, as the phone finds it: by EF_PBR on a USIM, else EF_ADN of DF_TELECOM (TS 31.102 §4.4.2, TS 51.011 §10.5).

use super::record::{self, Shown};
use crate::card::{Card, Content};

const TELECOM: [u16; 2] = [0x3F00, 0x7F10];
const PHONEBOOK: u16 = 0x5F3A;
const PBR: u16 = 0x4F30;

/// A file of entries and the one for what does not fit into them, as paths.
struct Set {
    adn: Vec<u16>,
    ext1: Option<Vec<u16>>,
}

/// Where one entry is: path of its file, record number from 1, its octets, and its set's EF_EXT1.
struct Place {
    path: Vec<u16>,
    number: usize,
    octets: Vec<u8>,
    ext1: Option<Vec<u16>>,
}

/// The entries of a card that are not empty, with their slots from 1.
#[must_use]
pub fn read(card: &Card) -> Vec<(usize, Shown)> {
    (1..)
        .zip(places(card))
        .map(|(slot, place)| {
            let ext1 = |number: u8| {
                let file = records(card, place.ext1.as_ref()?)?;
                file.get(usize::from(number).checked_sub(1)?).cloned()
            };
            (slot, record::read(&place.octets, ext1))
        })
        .filter(|(_, shown)| *shown != Shown::default())
        .collect()
}

/// Records that the phone book has.
#[must_use]
pub fn capacity(card: &Card) -> usize {
    places(card).len()
}

/// Writes an entry that the owner types.
///
/// # Errors
/// No such slot, a name or number that does not fit, a card that cannot keep it.
pub fn write(card: &mut Card, slot: usize, name: &str, number: &str) -> Result<(), String> {
    let mut places = places(card);
    let last = places.len();
    let at = slot.checked_sub(1).filter(|at| *at < last);
    let place = at
        .map(|at| places.swap_remove(at))
        .ok_or_else(|| format!("this card has no slot {slot}: give 1 to {last}"))?;
    let octets = record::write(name, number, place.octets.len())?;
    card.write_records(&[(place.path, place.number, octets)])
}

fn places(card: &Card) -> Vec<Place> {
    let mut all = Vec::new();
    for set in sets(card) {
        let file = records(card, &set.adn).unwrap_or_default();
        all.extend((1..).zip(file).map(|(number, octets)| Place {
            path: set.adn.clone(),
            number,
            octets: octets.clone(),
            ext1: set.ext1.clone(),
        }));
    }
    all
}

fn records<'a>(card: &'a Card, path: &[u16]) -> Option<&'a [Vec<u8>]> {
    match card.file(path)? {
        Content::Records(records) => Some(records),
        _ => None,
    }
}

fn sets(card: &Card) -> Vec<Set> {
    let inside = |directory: &[u16], fid: u16| [directory, &[fid]].concat();
    let phone_book = inside(&TELECOM, PHONEBOOK);
    match records(card, &inside(&phone_book, PBR)) {
        Some(pbr) => pbr
            .iter()
            .filter_map(|record| {
                let ids = named_files(record);
                let of = |tag: u8| ids.iter().find(|(t, _)| *t == tag);
                Some(Set {
                    adn: inside(&phone_book, of(0xC0)?.1),
                    ext1: of(0xC2).map(|(_, fid)| inside(&phone_book, *fid)),
                })
            })
            .collect(),
        None => vec![Set {
            adn: inside(&TELECOM, 0x6F3A),
            ext1: Some(inside(&TELECOM, 0x6F4A)),
        }],
    }
}

/// Tags and file identifiers of an EF_PBR record: A8, A9 and AA with C0 to CB inside. Objects of other lengths are skipped.
fn named_files(record: &[u8]) -> Vec<(u8, u16)> {
    let mut files = Vec::new();
    for (tag, group) in objects(record) {
        if !matches!(tag, 0xA8..=0xAA) {
            continue;
        }
        for (tag, value) in objects(group) {
            if let &[high, low] | &[high, low, _] = value {
                files.push((tag, u16::from_be_bytes([high, low])));
            }
        }
    }
    files
}

/// Tag, length, value; ends at FF or at an object that runs past the end.
fn objects(octets: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    let mut rest = octets;
    while let [tag, length, after @ ..] = rest
        && *tag != 0xFF
        && let Some((value, next)) = after.split_at_checked((*length).into())
    {
        found.push((*tag, value));
        rest = next;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pbr_of_real_cards() {
        let named = |text| named_files(&hex::decode(text).unwrap());
        assert_eq!(
            named("a80ac0034f3a02c5034f0904aa0acb034f3d07c2034f4a06"),
            [
                (0xC0, 0x4F3A),
                (0xC5, 0x4F09),
                (0xCB, 0x4F3D),
                (0xC2, 0x4F4A)
            ]
        );
        assert_eq!(
            named("a809c0034f3a04c9024f80a905c5034f6008aa08c2024f4acb024f5affff"),
            [
                (0xC0, 0x4F3A),
                (0xC9, 0x4F80),
                (0xC5, 0x4F60),
                (0xC2, 0x4F4A),
                (0xCB, 0x4F5A)
            ]
        );
        assert_eq!(named("a806c0044f3a0100"), []);
        assert_eq!(named("a87fc0034f3a01"), []);
        assert_eq!(named("ffffffff"), []);
    }
}
