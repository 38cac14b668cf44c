//! The GSM 7-bit default alphabet and its extension table (3GPP TS 23.038 §6.2.1), packed and unpacked (§6.1.2.1.1).

/// The sign that opens the extension table.
pub const ESCAPE: u8 = 0x1B;

/// §6.2.1 in order. The place of the escape holds a sign of its own that is never looked up.
const BASIC: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å', 'Δ', '_',
    'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', '\u{1B}', 'Æ', 'æ', 'ß', 'É', ' ', '!', '"', '#',
    '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/', '0', '1', '2', '3', '4', '5', '6',
    '7', '8', '9', ':', ';', '<', '=', '>', '?', '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I',
    'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö',
    'Ñ', 'Ü', '§', '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
];

/// §6.2.1.1: the signs after [`ESCAPE`].
const EXTENSION: [(char, u8); 10] = [
    ('\u{C}', 0x0A),
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

/// The septet of a sign of the basic table; `None` for every other sign, the escape included.
pub fn basic(sign: char) -> Option<u8> {
    // Letters and figures stand where ASCII has them.
    if sign.is_ascii_alphanumeric() {
        return u8::try_from(sign).ok();
    }
    let at = BASIC.iter().position(|b| *b == sign)?;
    u8::try_from(at).ok().filter(|septet| *septet != ESCAPE)
}

/// The sign of a septet in the basic table; `None` for the escape and above 7F.
pub fn sign(septet: u8) -> Option<char> {
    BASIC
        .get(usize::from(septet))
        .copied()
        .filter(|_| septet != ESCAPE)
}

/// The sign of a septet after [`ESCAPE`]; `None` where the extension table is empty.
pub fn extended(septet: u8) -> Option<char> {
    EXTENSION
        .iter()
        .find(|(_, e)| *e == septet)
        .map(|(sign, _)| *sign)
}

/// The one or two septets of a sign; `None` if it is in neither table.
pub fn septets_of(sign: char) -> Option<Vec<u8>> {
    let basic = basic(sign).map(|septet| vec![septet]);
    basic.or_else(|| Some(vec![ESCAPE, escaped(sign)?]))
}

/// The septet of a sign of the extension table.
fn escaped(sign: char) -> Option<u8> {
    let mut extension = EXTENSION.iter();
    extension
        .find(|(e, _)| *e == sign)
        .map(|(_, septet)| *septet)
}

/// `text` one septet an octet, escapes included; `None` if a sign is in neither table.
pub fn encode(text: &str) -> Option<Vec<u8>> {
    let mut septets = Vec::with_capacity(text.len());
    for sign in text.chars() {
        match basic(sign) {
            Some(septet) => septets.push(septet),
            None => septets.extend([ESCAPE, escaped(sign)?]),
        }
    }
    Some(septets)
}

/// Septets (or unpacked octets) as text. An escape before a septet without an extended sign shows the basic sign
/// (§6.2.1.1), two escapes show a space, one at the end nothing; what is above 7F shows a space.
pub fn decode(septets: &[u8]) -> String {
    let mut text = String::new();
    let mut escaped = false;
    for septet in septets {
        match (escaped, *septet) {
            (false, ESCAPE) => escaped = true,
            (true, ESCAPE) => {
                text.push(' ');
                escaped = false;
            }
            (true, septet) => {
                text.push(extended(septet).or(sign(septet)).unwrap_or(' '));
                escaped = false;
            }
            (false, septet) => text.push(sign(septet).unwrap_or(' ')),
        }
    }
    text
}

/// Septets in octets, the first `fill` bits (0–6) left zero, spare bits at the end zero.
pub fn pack(septets: &[u8], fill: usize) -> Vec<u8> {
    let mut octets = vec![0_u8; (fill + 7 * septets.len()).div_ceil(8)];
    for (place, septet) in septets.iter().enumerate() {
        let bit = fill + 7 * place;
        let wide = u16::from(septet & 0x7F) << (bit % 8);
        let [low, high] = wide.to_le_bytes();
        if let Some(octet) = octets.get_mut(bit / 8) {
            *octet |= low;
        }
        if let Some(octet) = octets.get_mut(bit / 8 + 1) {
            *octet |= high;
        }
    }
    octets
}

/// The septets in `octets` after `fill` bits: `count` of them, or as many as are there.
///
/// Without a count, seven zero bits at the very end are taken for padding, not for an `@`.
pub fn unpack(octets: &[u8], fill: usize, count: Option<usize>) -> Vec<u8> {
    let bits = (8 * octets.len()).saturating_sub(fill);
    let there = bits / 7;
    let mut septets: Vec<u8> = (0..count.map_or(there, |count| count.min(there)))
        .map(|place| {
            let bit = fill + 7 * place;
            let at = |n: usize| u16::from(octets.get(n).copied().unwrap_or(0));
            let wide = at(bit / 8) | at(bit / 8 + 1) << 8;
            (wide >> (bit % 8)) as u8 & 0x7F
        })
        .collect();
    if count.is_none() && bits.is_multiple_of(7) && septets.last() == Some(&0) {
        septets.pop();
    }
    septets
}
