//! A name field (ETSI TS 102 221 annex A): the default alphabet a septet an octet, or UCS2 as 80, 81, 82; FF behind it.

use crate::sms::gsm7;
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// A name as it goes into a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Not padded; at most the room.
    pub octets: Vec<u8>,
    /// What the field reads as.
    pub shown: String,
    /// Something was left out at the end.
    pub cut: bool,
}

/// `name` composed (NFC), without the marks U+200E and U+200F, and without U+FFFF, which form 80 cannot tell from its
/// padding. Compare read-back names in this form (CASES C50).
pub fn normalised(name: &str) -> String {
    if name.is_ascii() {
        return name.to_owned();
    }
    name.nfc()
        .filter(|sign| !matches!(sign, '\u{200E}' | '\u{200F}' | '\u{FFFF}'))
        .collect()
}

/// The shortest legal form of `name`, [`normalised`], cut between graphemes until it takes at most `room` octets.
pub fn encode(name: &str, room: usize) -> Encoded {
    let name = normalised(name);
    let octets = shortest(&name);
    if octets.len() <= room {
        return Encoded {
            octets,
            shown: name,
            cut: false,
        };
    }
    // No grapheme takes less than an octet: more than `room` of them need not be tried.
    let tried: Vec<usize> = name
        .grapheme_indices(true)
        .map(|(start, _)| start)
        .take(room.saturating_add(1))
        .collect();
    let longest = tried.get(room).copied().unwrap_or(name.len());
    let mut end = longest;
    let mut starts = tried.into_iter().rev().filter(|start| *start < longest);
    loop {
        let (shown, rest) = name.split_at_checked(end).unwrap_or_default();
        let octets = shortest(shown);
        if octets.len() <= room || shown.is_empty() {
            return Encoded {
                octets,
                shown: shown.to_owned(),
                cut: !rest.is_empty(),
            };
        }
        end = starts.next().unwrap_or(0);
    }
}

/// The shortest legal form of exactly `text`; on a tie the alphabet's, then 81, then 82. Empty for an empty text.
pub fn shortest(text: &str) -> Vec<u8> {
    let alphabet = gsm7::encode(text);
    // A window takes three octets beside one a sign, UCS2 two a sign: they need not be tried.
    let least = text.chars().count() + 3;
    let alphabet = match alphabet {
        Some(octets) if octets.len() <= least => return octets,
        alphabet => alphabet,
    };
    // The window of 128 neighbours starts at the lowest sign that the alphabet lacks.
    let lowest = text
        .chars()
        .filter(|sign| gsm7::basic(*sign).is_none())
        .map(u32::from)
        .min()
        .unwrap_or(0);
    // The octet of 81 names bits 15 to 8 of a base whose bit 16 is zero.
    let page = u8::try_from(lowest >> 7)
        .ok()
        .and_then(|page| windowed(text, 0x81, &[page], u16::from(page) << 7));
    let based = u16::try_from(lowest)
        .ok()
        .and_then(|base| windowed(text, 0x82, &base.to_be_bytes(), base));
    let plain = std::iter::once(0x80)
        .chain(text.encode_utf16().flat_map(u16::to_be_bytes))
        .collect();
    [alphabet, page, based, Some(plain)]
        .into_iter()
        .flatten()
        .min_by_key(Vec::len)
        .unwrap_or_default()
}

/// Forms 81 and 82: tag, count, base, then an octet a sign: below 80 the basic table (no escape), else base + 0 to 7F.
fn windowed(text: &str, tag: u8, head: &[u8], base: u16) -> Option<Vec<u8>> {
    let count = u8::try_from(text.chars().count()).ok()?;
    let mut octets = [&[tag, count], head].concat();
    for sign in text.chars() {
        octets.push(match gsm7::basic(sign) {
            Some(septet) => septet,
            None => {
                let unit = u16::try_from(u32::from(sign)).ok()?;
                let place = u8::try_from(unit.checked_sub(base)?).ok()?;
                (place < 0x80).then_some(place | 0x80)?
            }
        });
    }
    Some(octets)
}

/// What a field holds, read so that nothing legible is lost.
///
/// A count that runs past the field is clipped to it, and FF is then filler (CASES C48); an odd last octet
/// is left out; in the alphabet an octet above 7F is U+FFFD.
pub fn decode(field: &[u8]) -> String {
    match field {
        [0x80, units @ ..] => {
            let whole: Vec<u16> = units
                .chunks_exact(2)
                .filter_map(|pair| <[u8; 2]>::try_from(pair).ok())
                .map(u16::from_be_bytes)
                .collect();
            let end = whole
                .iter()
                .rposition(|unit| *unit != 0xFFFF)
                .map_or(0, |last| last + 1);
            String::from_utf16_lossy(whole.get(..end).unwrap_or_default())
        }
        [0x81, count, page, signs @ ..] => of_window(signs, *count, u16::from(*page) << 7),
        [0x82, count, high, low, signs @ ..] => {
            of_window(signs, *count, u16::from_be_bytes([*high, *low]))
        }
        signs => {
            let end = signs.iter().position(|octet| *octet == 0xFF);
            let signs = signs.get(..end.unwrap_or(signs.len())).unwrap_or_default();
            // Read run by run: an octet above 7F belongs to no alphabet.
            signs
                .chunk_by(|a, b| (*a < 0x80) == (*b < 0x80))
                .map(|run| match run {
                    [0x80..=0xFF, ..] => "\u{FFFD}".repeat(run.len()),
                    run => gsm7::decode(run),
                })
                .collect()
        }
    }
}

fn of_window(signs: &[u8], count: u8, base: u16) -> String {
    let signs = match signs.get(..count.into()) {
        Some(signs) => signs,
        None => {
            let last = signs.iter().rposition(|octet| *octet != 0xFF);
            signs
                .get(..last.map_or(0, |last| last + 1))
                .unwrap_or_default()
        }
    };
    window_text(signs, base)
}

/// The signs of form 81 or 82.
pub(super) fn window_text(signs: &[u8], base: u16) -> String {
    let units: Vec<u16> = signs
        .chunk_by(|a, b| *a < 0x80 && *b < 0x80)
        .flat_map(|run| match run {
            [octet @ 0x80..=0xFF, ..] => vec![base.wrapping_add(u16::from(octet & 0x7F))],
            run => gsm7::decode(run).encode_utf16().collect(),
        })
        .collect();
    String::from_utf16_lossy(&units)
}
