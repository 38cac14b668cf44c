//! TP-DCS (3GPP TS 23.038 §4): which alphabet the user data is in.

/// How user data is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alphabet {
    /// The 7-bit default alphabet, packed.
    Gsm7,
    /// Octets.
    Data,
    /// UTF-16, big endian.
    Ucs2,
}

/// The alphabet that a TP-DCS names. Reserved codings are the default alphabet, as §4 asks of a receiver.
pub fn alphabet(dcs: u8) -> Alphabet {
    match (dcs >> 4, dcs >> 2 & 3) {
        // General data coding (and with automatic deletion): b4b3 name the alphabet.
        (0..=7, 1) => Alphabet::Data,
        (0..=7, 2) => Alphabet::Ucs2,
        // Message waiting, stored, UCS-2.
        (0xE, _) => Alphabet::Ucs2,
        // With a message class: b3.
        (0xF, 1 | 3) => Alphabet::Data,
        _ => Alphabet::Gsm7,
    }
}
