//! The GSM default alphabet and its extension, one character an octet (TS 23.038 §6.2.1).

/// The basic table. 1B is the escape; it is never shown.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1B}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// The extension table.
const EXTENSION: [(u8, char); 10] = [
    (0x0A, '\u{0C}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2F, '\\'),
    (0x3C, '['),
    (0x3D, '~'),
    (0x3E, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

fn basic(octet: u8) -> char {
    // Octets that the table does not have are shown as a space.
    BASIC.chars().nth(octet.into()).unwrap_or(' ')
}

/// Reads octets, one a septet, as Android does: 1B before a code without a sign shows the basic sign, twice 1B a space.
#[must_use]
pub fn read(octets: &[u8]) -> String {
    let mut text = String::new();
    let mut escaped = false;
    for &octet in octets {
        match (octet, escaped) {
            (0x1B, true) => text.push(' '),
            (0x1B, false) => {}
            (_, false) => text.push(basic(octet)),
            (_, true) => text.push(
                EXTENSION
                    .iter()
                    .find(|(code, _)| *code == octet)
                    .map_or_else(|| basic(octet), |(_, sign)| *sign),
            ),
        }
        escaped = octet == 0x1B && !escaped;
    }
    text
}

/// Writes text, one octet a septet; `None` when a character is in neither table.
#[must_use]
pub fn write(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    for sign in text.chars() {
        if let Some(at) = BASIC
            .chars()
            .position(|other| other == sign && sign != '\u{1B}')
        {
            octets.push(at as u8);
        } else {
            let (code, _) = EXTENSION.iter().find(|(_, other)| *other == sign)?;
            octets.extend([0x1B, *code]);
        }
    }
    Some(octets)
}
