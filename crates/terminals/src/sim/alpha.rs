//! The name field of a record (ETSI TS 102 221 annex A): the default alphabet a character an octet, or UCS2 as 80, 81, 82.

/// 3GPP TS 23.038 §6.2.1, in order; 1B (escape) is left out of use by a sign that no name has.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1B}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// 3GPP TS 23.038 §6.2.1.1: after 1B.
const EXTENSION: [(char, u8); 9] = [
    ('^', 0x14),
    ('{', 0x28),
    ('}', 0x29),
    ('\\', 0x2F),
    ('[', 0x3C),
    ('~', 0x3D),
    (']', 0x3E),
    ('|', 0x40),
    ('€', 0x65),
];

fn basic(sign: char) -> Option<u8> {
    let at = BASIC.chars().position(|b| b == sign && b != '\u{1B}')?;
    u8::try_from(at).ok()
}

fn seven_bit(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    for sign in text.chars() {
        match basic(sign) {
            Some(octet) => octets.push(octet),
            None => {
                let (_, octet) = EXTENSION.iter().find(|(e, _)| *e == sign)?;
                octets.extend([0x1B, *octet]);
            }
        }
    }
    Some(octets)
}

/// 81 or 82: signs of the alphabet and 128 neighbours from `base`.
fn paged(text: &str, head: &[u8], base: u32) -> Option<Vec<u8>> {
    let mut octets = vec![head[0], u8::try_from(text.chars().count()).ok()?];
    octets.extend_from_slice(head.get(1..)?);
    for sign in text.chars() {
        octets.push(match basic(sign) {
            Some(octet) => octet,
            None => {
                u8::try_from(u32::from(sign).checked_sub(base).filter(|o| *o < 0x80)?).ok()? | 0x80
            }
        });
    }
    Some(octets)
}

/// The shortest legal form, the alphabet's on a tie. Not padded.
pub(super) fn encode(text: &str) -> Vec<u8> {
    let lowest = text
        .chars()
        .filter(|c| basic(*c).is_none())
        .map(u32::from)
        .min()
        .unwrap_or(0);
    let plain = [
        vec![0x80],
        text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
    ]
    .concat();
    // The octet of 81 names bits 15 to 8 of a base with bit 16 zero.
    let page = u8::try_from(lowest >> 7)
        .ok()
        .and_then(|page| paged(text, &[0x81, page], lowest >> 7 << 7));
    let based = u16::try_from(lowest).ok().and_then(|base| {
        let [high, low] = base.to_be_bytes();
        paged(text, &[0x82, high, low], lowest)
    });
    let forms = [seven_bit(text), Some(plain), page, based];
    forms
        .into_iter()
        .flatten()
        .min_by_key(Vec::len)
        .unwrap_or_default()
}

/// What a phone shows of a name field, padding included.
pub(super) fn decode(field: &[u8]) -> String {
    match field {
        [0x80, units @ ..] => {
            let mut units: Vec<u16> = units
                .chunks_exact(2)
                .filter_map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)))
                .collect();
            while units.last() == Some(&0xFFFF) {
                units.pop();
            }
            String::from_utf16_lossy(&units)
        }
        [0x81, count, page, signs @ ..] => of_page(signs, *count, u32::from(*page) << 7),
        [0x82, count, high, low, signs @ ..] => {
            of_page(signs, *count, u32::from(u16::from_be_bytes([*high, *low])))
        }
        signs => of_alphabet(signs),
    }
}

fn of_page(signs: &[u8], count: u8, base: u32) -> String {
    let sign = |octet: &u8| match octet {
        0x80.. => char::from_u32(base + u32::from(octet & 0x7F)).unwrap_or('\u{FFFD}'),
        _ => BASIC.chars().nth((*octet).into()).unwrap_or(' '),
    };
    signs.iter().take(count.into()).map(sign).collect()
}

fn of_alphabet(signs: &[u8]) -> String {
    let mut text = String::new();
    let mut signs = signs.iter().take_while(|octet| **octet != 0xFF);
    while let Some(octet) = signs.next() {
        let escaped = if *octet == 0x1B { signs.next() } else { None };
        match (octet, escaped) {
            (0x1B, None) => {}
            (0x1B, Some(octet)) => {
                let extended = EXTENSION
                    .iter()
                    .find(|(_, e)| e == octet)
                    .map(|(sign, _)| *sign);
                text.extend(extended.or_else(|| BASIC.chars().nth((*octet).into())));
            }
            (octet, _) => text.push(BASIC.chars().nth((*octet).into()).unwrap_or(' ')),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, octets: &str) {
        assert_eq!(hex::encode(encode(text)), octets);
        let padded = [encode(text), vec![0xFF; 5]].concat();
        assert_eq!(decode(&padded), text);
    }

    #[test]
    fn the_shortest_form() {
        check("Mum", "4d756d");
        check("Dr. O'Neil", "44722e204f274e65696c");
        check("René_", "52656e0511");
        check("{Home} [€]", "1b28486f6d651b29201b3c1b651b3e");
        check("Ünal & Søn", "5e6e616c202620530c6e");
        check("Café Zoë", "81080143616605205a6feb");
        check("Мама", "8104089cb0bcb0");
        check("小梅", "805c0f6885");
        check("王医生", "80738b533b751f");
        check("Σ Ω Δ", "1820152010");
        check("😀", "80d83dde00");
        check("", "");
    }

    #[test]
    fn an_odd_field_is_read_as_far_as_it_goes() {
        for (field, text) in [
            ("436166e9ffff", "Caf "),
            ("416e6eff4c6565", "Ann"),
            ("1b41ffff", "A"),
            ("41421b", "AB"),
            ("8104089cb0", "Ма"),
            ("80", ""),
            ("81", " "),
        ] {
            assert_eq!(decode(&hex::decode(field).unwrap()), text, "{field}");
        }
    }
}
