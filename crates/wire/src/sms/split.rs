//! Text and data as the user data of one or more messages (3GPP TS 23.040 §9.2.3.24.1, lengths of §9.2.3.16).

use super::{Alphabet, Reference, gsm7};
use thiserror::Error;

/// Octets of user data in one message, header included.
const TP_UD: usize = 140;

/// The user data of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// TP-UDL: septets for the default alphabet (the header counted as whole septets), octets else.
    pub udl: u8,
    /// TP-UD, header included.
    pub tp_ud: Vec<u8>,
}

/// A text as parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// TP-DCS: 00 default alphabet, 08 UCS-2.
    pub dcs: u8,
    /// In order; the header is there if there are several.
    pub parts: Vec<Part>,
}

/// Why it cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SplitError {
    /// More than a concatenation counts.
    #[error("The message needs {parts} parts and 255 is the most: shorten it.")]
    TooMany {
        /// Parts needed.
        parts: usize,
    },
    /// The elements leave no room.
    #[error(
        "A header of {octets} octets leaves no room in a message of 140: take some elements out."
    )]
    HeaderTooLong {
        /// The header's length.
        octets: usize,
    },
}

/// Makes parts of a text: the default alphabet if every sign is in it (160 septets, or 153 a part; 152 with a 16-bit
/// reference), else UCS-2 (70 units, or 67; 66). Neither an escape pair nor a surrogate pair is split.
/// # Errors
/// `TooMany` above 255 parts.
pub fn split_text(text: &str, reference: Reference) -> Result<Text, SplitError> {
    let septets: Option<Vec<_>> = text.chars().map(gsm7::septets_of).collect();
    let (dcs, alphabet, signs) = match septets {
        Some(signs) => (0x00, Alphabet::Gsm7, signs),
        None => (0x08, Alphabet::Ucs2, text.chars().map(utf16).collect()),
    };
    let parts = parts(alphabet, &signs, &[], reference)?;
    Ok(Text { dcs, parts })
}

/// Makes parts of octets: 140, or 134 a part (133 with a 16-bit reference), less the octets of `elements`, whole
/// information elements that every part carries before the concatenation.
/// # Errors
/// `TooMany` above 255 parts, `HeaderTooLong` if `elements` leave no room.
pub fn split_8bit(
    data: &[u8],
    elements: &[u8],
    reference: Reference,
) -> Result<Vec<Part>, SplitError> {
    let signs: Vec<_> = data.iter().map(|octet| vec![*octet]).collect();
    parts(Alphabet::Data, &signs, elements, reference)
}

fn utf16(sign: char) -> Vec<u8> {
    let mut units = [0; 2];
    let units = sign.encode_utf16(&mut units);
    units.iter().flat_map(|unit| unit.to_be_bytes()).collect()
}

/// Septets or octets that fit behind a header of `header` octets.
fn room(alphabet: Alphabet, header: usize) -> usize {
    let octets = TP_UD.saturating_sub(header);
    match alphabet {
        Alphabet::Gsm7 => 8 * octets / 7,
        Alphabet::Data => octets,
        Alphabet::Ucs2 => octets / 2 * 2,
    }
}

/// `signs` are what must stay whole, in septets or octets.
fn parts(
    alphabet: Alphabet,
    signs: &[Vec<u8>],
    elements: &[u8],
    reference: Reference,
) -> Result<Vec<Part>, SplitError> {
    let octets = 1 + elements.len() + reference.element_length();
    let several = room(alphabet, octets);
    if several < 4 {
        return Err(SplitError::HeaderTooLong { octets });
    }
    let alone = if elements.is_empty() {
        vec![]
    } else {
        header(elements, &[])
    };
    if signs.iter().map(Vec::len).sum::<usize>() <= room(alphabet, alone.len()) {
        return Ok(vec![part(alphabet, alone, &signs.concat())]);
    }
    let mut bodies: Vec<Vec<u8>> = vec![vec![]];
    for sign in signs {
        match bodies.last_mut() {
            Some(body) if body.len() + sign.len() <= several => body.extend(sign),
            _ => bodies.push(sign.clone()),
        }
    }
    let total = u8::try_from(bodies.len()).map_err(|_| SplitError::TooMany {
        parts: bodies.len(),
    })?;
    let part = |(number, body): (u8, &Vec<u8>)| {
        part(
            alphabet,
            header(elements, &reference.element(total, number)),
            body,
        )
    };
    Ok((1..=total).zip(&bodies).map(part).collect())
}

fn header(elements: &[u8], concatenation: &[u8]) -> Vec<u8> {
    let length = u8::try_from(elements.len() + concatenation.len()).unwrap_or(u8::MAX);
    [&[length], elements, concatenation].concat()
}

fn part(alphabet: Alphabet, header: Vec<u8>, body: &[u8]) -> Part {
    let (length, body) = match alphabet {
        // The text starts at a septet boundary behind the header (§9.2.3.24, figure 9.2.3.24 (a)).
        Alphabet::Gsm7 => {
            let septets = (8 * header.len()).div_ceil(7);
            let fill = 7 * septets - 8 * header.len();
            (septets + body.len(), gsm7::pack(body, fill))
        }
        _ => (header.len() + body.len(), body.to_vec()),
    };
    Part {
        udl: u8::try_from(length).unwrap_or(u8::MAX),
        tp_ud: [header, body].concat(),
    }
}
