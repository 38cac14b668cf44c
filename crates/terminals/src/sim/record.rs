//! One entry as a SIM holds it: an EF_ADN record and, for a long number, an EF_EXT1 record (3GPP TS 31.102 §4.4.2.3–4).

use super::alpha;
use crate::{CardProfile, TerminalProfile, Wanted};
use unicode_segmentation::UnicodeSegmentation;

/// An entry's octets before it has an EF_EXT1 record of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// The EF_ADN record; its last octet (the EF_EXT1 record) is FF.
    pub adn: Vec<u8>,
    /// The EF_EXT1 record, when the number goes on there.
    pub ext1: Option<Vec<u8>>,
    /// As the phone will show it.
    pub name: String,
    /// As the phone will show it.
    pub number: String,
    /// The name was cut.
    pub cut: bool,
}

/// Encodes `wanted` for this card, or says why its number cannot be written (never bent: CASES C22).
pub(crate) fn encode(
    card: &CardProfile,
    terminal: &TerminalProfile,
    wanted: &Wanted,
) -> Result<Record, String> {
    let room = usize::from(card.record_length) - 14;
    let (international, digits) = match wanted.dial.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, wanted.dial.as_str()),
    };
    let mut nibbles = Vec::new();
    for sign in digits.chars() {
        nibbles.push(match sign {
            '0'..='9' => sign as u8 - b'0',
            '*' => 0xA,
            '#' => 0xB,
            'p' => 0xC,
            _ => {
                return Err(format!(
                    "“{}” cannot go on a SIM because of “{sign}”: use digits, *, #, p for a pause, and + only in front.",
                    wanted.dial
                ));
            }
        });
    }
    if nibbles.is_empty() {
        return Err("There is nothing to dial: give the number.".into());
    }
    if nibbles.len() > 40 {
        return Err(format!(
            "“{}” has {} digits; a SIM holds 40.",
            wanted.dial,
            nibbles.len()
        ));
    }
    if nibbles.len() > 20 && card.ext1_id().is_none() {
        return Err(format!(
            "“{}” has {} digits; this card holds 20.",
            wanted.dial,
            nibbles.len()
        ));
    }
    let bcd = |nibbles: &[u8]| -> Vec<u8> {
        let mut octets: Vec<u8> = nibbles
            .chunks(2)
            .map(|pair| pair[0] | pair.get(1).copied().unwrap_or(0xF) << 4)
            .collect();
        octets.resize(10, 0xFF);
        octets
    };
    let (head, tail) = nibbles.split_at(nibbles.len().min(20));
    let (name, cut) = fit(wanted, room, terminal.name_characters);
    let mut adn = alpha::encode(&name);
    adn.resize(room, 0xFF);
    adn.push(1 + head.len().div_ceil(2) as u8);
    adn.push(if international { 0x91 } else { 0x81 });
    adn.extend(bcd(head));
    adn.extend([0xFF, 0xFF]);
    let ext1 = (!tail.is_empty()).then(|| {
        [
            vec![0x02, tail.len().div_ceil(2) as u8],
            bcd(tail),
            vec![0xFF],
        ]
        .concat()
    });
    Ok(Record {
        name: alpha::decode(adn.get(..room).unwrap_or_default()),
        adn,
        ext1,
        cut,
        // Phones show the pause as a comma.
        number: wanted.dial.replace('p', ","),
    })
}

/// The name cut, whole graphemes before its suffix, until it fits; and whether it was.
fn fit(wanted: &Wanted, room: usize, most: Option<u16>) -> (String, bool) {
    let before = wanted.name.chars().count().saturating_sub(wanted.suffix);
    let suffix: String = wanted.name.chars().skip(before).collect();
    let name: String = wanted.name.chars().take(before).collect();
    let mut graphemes: Vec<&str> = name.graphemes(true).collect();
    let fits = |name: &str| {
        alpha::encode(name).len() <= room
            && most.is_none_or(|most| name.graphemes(true).count() <= most.into())
    };
    let mut whole = wanted.name.clone();
    while !fits(&whole) && graphemes.pop().is_some() {
        whole = format!("{}{suffix}", graphemes.concat().trim_end());
    }
    if !fits(&whole) {
        whole.clear();
    }
    let cut = whole != wanted.name;
    (whole, cut)
}

/// Name and number of a record as the phone shows it.
pub(crate) fn shown_of(content: &[u8], ext1: Option<&[u8]>) -> (String, String) {
    let Some((name, rest)) = content
        .len()
        .checked_sub(14)
        .and_then(|room| content.split_at_checked(room))
    else {
        return Default::default();
    };
    let mut number = String::from(if rest.get(1) == Some(&0x91) { "+" } else { "" });
    let tail = ext1.and_then(|tail| tail.get(2..12)).unwrap_or_default();
    let pointer = rest.last() != Some(&0xFF);
    for octet in rest
        .get(2..12)
        .unwrap_or_default()
        .iter()
        .chain(tail.iter().filter(|_| pointer))
    {
        number.extend(
            [octet & 0xF, octet >> 4]
                .into_iter()
                .filter_map(|n| "0123456789*#,NE".chars().nth(n.into())),
        );
    }
    (alpha::decode(name), number)
}
