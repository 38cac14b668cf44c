//! What a phone shows of a record: Android's own reading, `vectors/phone_view.json` (AOSP AdnRecord, IccUtils, GsmAlphabet,
//! PhoneNumberUtils). Odder than [`super::read`], and what the owner sees.

use super::adn::FOOTER;
use super::alpha::window_text;
use super::dial::of_bcd;
use crate::sms::gsm7;

/// A line of the phone's book.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct View {
    /// Empty: shown by its number.
    pub shown_name: String,
    /// Empty: no number is shown. Both empty: no line.
    pub shown_number: String,
    /// Why the phone shows less, or other signs, than the record holds: a sentence each.
    pub notes: Vec<String>,
}

/// Half-octets A to E as Android shows them; F ends the number.
const SHOWN: &str = "0123456789*#,N;";

/// Reads `record` as the phone does, with `ext1`, the EF_EXT1 record it points to; `None` if that cannot be read.
pub fn shown(record: &[u8], ext1: Option<&[u8]>) -> View {
    let mut view = View::default();
    let split = record
        .len()
        .checked_sub(FOOTER)
        .and_then(|room| record.split_at_checked(room));
    let Some((name, [length, footer @ ..])) = split else {
        let octets = record.len();
        view.notes.push(format!(
            "The record has {octets} octets and an entry needs 14: nothing is shown."
        ));
        return view;
    };
    view.shown_name = name_of(name, &mut view.notes);
    let pointer = footer.last().copied().unwrap_or(0xFF);
    match *length {
        0xFF if footer.iter().all(|octet| *octet == 0xFF) => return view,
        12.. => {
            view.notes.push(format!(
                "The number's length octet is {length:02x}, above 0b: no number is shown."
            ));
            return view;
        }
        length => {
            let called = footer.get(..length.into()).unwrap_or_default();
            view.shown_number = number_of(called);
            let digits = called.get(1..).unwrap_or_default();
            if let [digits @ .., _] = digits
                && digits
                    .iter()
                    .any(|octet| octet & 0xF == 0xF || octet >> 4 == 0xF)
            {
                view.notes
                    .push("A half-octet F inside the number ends it there.".into());
            }
        }
    }
    if matches!(pointer, 0x00 | 0xFF) {
        return view;
    }
    match ext1 {
        None => {
            view.shown_number.clear();
            view.notes.push(format!(
                "The record points to EF_EXT1 record {pointer}, which cannot be read: no number is shown."
            ));
        }
        // AOSP looks at the two lowest bits of the type only.
        Some([kind, used @ 0..=10, data @ .., next]) if kind & 3 == 2 && data.len() == 10 => {
            view.shown_number += &of_bcd(data.get(..(*used).into()).unwrap_or_default(), SHOWN);
            if !matches!(next, 0x00 | 0xFF) {
                view.notes.push(format!(
                    "The number goes on in EF_EXT1 record {next}: phones do not follow that."
                ));
            }
        }
        Some(_) => view.notes.push(format!(
            "EF_EXT1 record {pointer} holds no further digits: the number is shown without it."
        )),
    }
    view
}

/// TON/NPI and BCD. TON 9x puts a plus in front, or, in a service code, before the number inside it.
fn number_of(called: &[u8]) -> String {
    let Some((ton, digits)) = called.split_first() else {
        return String::new();
    };
    let digits = of_bcd(digits, SHOWN);
    if ton & 0xF0 != 0x90 || digits.is_empty() {
        return digits;
    }
    // The two patterns of PhoneNumberUtils: `[#*] … [#*] … #` and `[#*] … [#*] …`, both greedy.
    let is_mark = |sign: char| matches!(sign, '#' | '*');
    let inner = |body: &str| {
        let last = body.rfind(is_mark)?;
        (last > 0 && body.starts_with(is_mark)).then_some(last + 1)
    };
    let enclosed = digits.strip_suffix('#').and_then(inner);
    let at = match enclosed {
        // “**21#”: nothing before the second mark, so no number inside.
        Some(2) => digits.len(),
        Some(at) => at,
        None => inner(&digits).unwrap_or(0),
    };
    let (before, after) = digits.split_at_checked(at).unwrap_or(("", &digits));
    format!("{before}+{after}")
}

fn name_of(field: &[u8], notes: &mut Vec<String>) -> String {
    match field {
        [0x80, rest @ ..] => {
            let units: Vec<u16> = rest
                .chunks_exact(2)
                .filter_map(|pair| <[u8; 2]>::try_from(pair).ok())
                .map(u16::from_be_bytes)
                .collect();
            let end = units.iter().rposition(|unit| *unit != 0xFFFF);
            let units = units
                .get(..end.map_or(0, |last| last + 1))
                .unwrap_or_default();
            let padded = rest.len() / 2 > units.len();
            if padded && units.last().is_some_and(|unit| unit & 0xFF == 0xFF) {
                notes.push("The name's last sign ends like the padding: if it was written with half a character at its end, the padding has completed that, and another sign is shown.".into());
            }
            String::from_utf16_lossy(units)
        }
        [0x81, count, page, signs @ ..] => windowed(signs, *count, u16::from(*page) << 7, notes),
        [0x82, count, high, low, signs @ ..] => {
            windowed(signs, *count, u16::from_be_bytes([*high, *low]), notes)
        }
        signs => {
            let signs = signs.split(|octet| *octet == 0xFF).next().unwrap_or(signs);
            if signs.iter().any(|octet| *octet >= 0x80) {
                notes.push("The name holds octets above 7f, which are no signs of its alphabet: spaces are shown.".into());
            }
            gsm7::decode(signs)
        }
    }
}

fn windowed(signs: &[u8], count: u8, base: u16, notes: &mut Vec<String>) -> String {
    if usize::from(count) > signs.len() {
        notes.push(format!(
            "The name's count is {count} and {} octets are there: the padding is shown as letters.",
            signs.len()
        ));
    }
    let signs = signs.get(..count.into()).unwrap_or(signs);
    if signs.contains(&gsm7::ESCAPE) {
        notes.push("The name uses the escape in form 81 or 82, where the standard has none: other phones may show other signs.".into());
    }
    window_text(signs, base)
}
