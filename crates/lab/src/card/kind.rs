//! What a card is made as: its files, its rules for secured packets, and its weaknesses.

use serde::{Deserialize, Serialize};

/// Cipher family of the card's keys (TS 102 225 §5.1.2, §5.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// AES in CBC mode and CMAC; keys of 16, 24 or 32 octets.
    Aes,
    /// Triple DES in outer CBC mode; keys of 16 (two-key) or 24 octets (three-key).
    TripleDes,
}

/// What the card asks of a packet's counter, whatever the packet says of itself (TS 102 225 §5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CounterRule {
    /// Nothing.
    None,
    /// A counter is there but not checked.
    Available,
    /// Higher than the last one.
    Higher,
    /// One higher than the last one.
    OneHigher,
}

/// Where the card keeps its phone book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// EF_ADN 6F3A and EF_EXT1 6F4A in DF_TELECOM (TS 51.011 §10.5).
    Sim,
    /// EF_PBR 4F30, EF_ADN 4F3A and EF_EXT1 4F4A in DF_PHONEBOOK of DF_TELECOM, seen from ADF.USIM as well (TS 31.102 §4.4.2).
    Usim,
}

/// What becomes of a command with more parts than the card's buffer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overflow {
    /// Nothing is answered.
    Silence,
    /// Status 07, no memory.
    NoMemory,
}

/// A kind of card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardKind {
    /// Its name, such as `usim-28x100`.
    pub name: String,
    /// Where the phone book is.
    pub layout: Layout,
    /// Octets of an EF_ADN record, 14 to 255; the name has 14 less.
    pub record_length: u8,
    /// Records of EF_ADN, 1 to 254.
    pub records: u8,
    /// Records of EF_EXT1; 0: no such file.
    pub ext1_records: u8,
    /// Short file identifier of EF_ADN, 1 to 30.
    pub adn_sfi: Option<u8>,
    /// Short file identifier of EF_EXT1, 1 to 30.
    pub ext1_sfi: Option<u8>,
    /// The card knows no short file identifiers over the air, whatever its files say.
    pub refuses_sfi: bool,
    /// Toolkit application references that are answered.
    pub tars: Vec<[u8; 3]>,
    /// Scripts start in ADF.USIM; else in the MF.
    pub starts_in_usim: bool,
    /// Family of the keys.
    pub algorithm: Algorithm,
    /// Whether the packet must carry a cryptographic checksum (part of the minimum security level).
    pub demands_checksum: bool,
    /// Whether the packet must be ciphered (part of the minimum security level).
    pub demands_ciphering: bool,
    /// What the counter must be at least.
    pub counter_rule: CounterRule,
    /// Parts that the buffer holds, over all commands on their way.
    pub max_parts: u8,
    /// What follows when that is too few.
    pub overflow: Overflow,
    /// A security error gets no proof of receipt, only a refused message.
    pub silent_on_security_error: bool,
}

impl CardKind {
    /// A SIM: `records` of `record_length` octets in 7F10/6F3A, ten of EXT1.
    #[must_use]
    pub fn sim(record_length: u8, records: u8) -> Self {
        Self {
            name: format!("sim-{record_length}x{records}"),
            layout: Layout::Sim,
            record_length,
            records,
            ext1_records: 10,
            adn_sfi: None,
            ext1_sfi: None,
            refuses_sfi: false,
            tars: vec![[0xB0, 0x00, 0x10], [0xB0, 0x00, 0x11]],
            starts_in_usim: false,
            algorithm: Algorithm::Aes,
            demands_checksum: true,
            demands_ciphering: true,
            counter_rule: CounterRule::Higher,
            max_parts: 8,
            overflow: Overflow::Silence,
            silent_on_security_error: false,
        }
    }

    /// A USIM: `records` of `record_length` octets in DF_PHONEBOOK, reachable by short file identifiers, EXT1 behind it.
    #[must_use]
    pub fn usim(record_length: u8, records: u8) -> Self {
        Self {
            name: format!("usim-{record_length}x{records}"),
            layout: Layout::Usim,
            ext1_records: if records > 100 { 30 } else { 20 },
            adn_sfi: Some(2),
            ext1_sfi: Some(6),
            ..Self::sim(record_length, records)
        }
    }

    /// A kind by its name: `sim-LxN` or `usim-LxN` (L octets, N records), with `-3des` for keys of triple DES.
    ///
    /// # Errors
    /// A name that is none of these; the sentence says what is known.
    pub fn named(name: &str) -> Result<Self, String> {
        let unknown = || {
            format!(
                "no kind of card is called {name}: give sim-28x50, usim-28x100, usim-34x250, or other lengths (14 to 255) and records (1 to 254), with -3des at the end for triple DES"
            )
        };
        let (base, triple_des) = match name.strip_suffix("-3des") {
            Some(base) => (base, true),
            None => (name, false),
        };
        let (layout, size) = base.split_once('-').ok_or_else(unknown)?;
        let (length, records) = size.split_once('x').ok_or_else(unknown)?;
        let (Ok(length @ 14..), Ok(records @ 1..=254)) =
            (length.parse::<u8>(), records.parse::<u8>())
        else {
            return Err(unknown());
        };
        let mut kind = match layout {
            "sim" => Self::sim(length, records),
            "usim" => Self::usim(length, records),
            _ => return Err(unknown()),
        };
        if triple_des {
            kind.algorithm = Algorithm::TripleDes;
        }
        kind.name = name.to_owned();
        Ok(kind)
    }
}
