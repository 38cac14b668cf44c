//! One entry as a SIM holds it: an EF_ADN record and, for a long number, an EF_EXT1 record (3GPP TS 31.102 §4.4.2.3–4).

use crate::{CardProfile, TerminalProfile, Wanted};

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
    let _ = terminal;
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
    let mut name: Vec<char> = wanted.name.chars().collect();
    let before = name.len();
    let encode_name = |name: &[char]| -> Vec<u8> {
        if name.iter().all(|c| c.is_ascii_alphanumeric() || *c == ' ') {
            name.iter().map(|c| *c as u8).collect()
        } else {
            [
                vec![0x80],
                name.iter()
                    .collect::<String>()
                    .encode_utf16()
                    .flat_map(u16::to_be_bytes)
                    .collect(),
            ]
            .concat()
        }
    };
    while encode_name(&name).len() > room && name.len() > wanted.suffix {
        name.remove(name.len() - 1 - wanted.suffix);
    }
    let mut adn = encode_name(&name);
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
        adn,
        ext1,
        cut: name.len() < before,
        name: name.iter().collect(),
        number: wanted.dial.clone(),
    })
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
    let text = match name {
        [0x80, units @ ..] => {
            let units: Vec<u16> = units
                .chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
                .collect();
            String::from_utf16_lossy(&units)
                .trim_end_matches('\u{FFFF}')
                .to_owned()
        }
        plain => plain
            .iter()
            .take_while(|o| **o != 0xFF)
            .map(|o| char::from(*o))
            .collect(),
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
    (text, number)
}
