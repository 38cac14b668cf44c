//! `CardProfile` (how a SIM is written) and `TerminalProfile` (what the phone can hold and show), as data files
//! under `profiles/`. Everything that differs from card to card stands here and nowhere in code (PROTOCOLS.md).

use serde::{Deserialize, Serialize};

/// How a kind of card is written over the air.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardProfile {
    /// The name by which subscribers' terminals point here, e.g. `usim-28x100`.
    pub name: String,
    /// Octets of an EF_ADN record (14 + room for the name).
    pub record_length: u8,
    /// Records of EF_ADN, 1–254.
    pub records: u8,
    /// First and last record that Kith may use; the whole file when absent.
    #[serde(default)]
    pub range: Option<(u8, u8)>,
    /// Records of EF_EXT1, 0 when the card has none: then a number has at most 20 digits.
    #[serde(default)]
    pub ext1_records: u8,
    /// The directory of the phone book from the MF, file ids in hex, e.g. `["7F10", "5F3A"]` or `["7F10"]`.
    pub directory: Vec<String>,
    /// File id of EF_ADN, hex.
    pub adn: String,
    /// Short file id of EF_ADN (1–30) where the card takes UPDATE RECORD by SFI.
    #[serde(default)]
    pub adn_sfi: Option<u8>,
    /// File id of EF_EXT1, hex.
    #[serde(default)]
    pub ext1: Option<String>,
    /// Short file id of EF_EXT1.
    #[serde(default)]
    pub ext1_sfi: Option<u8>,
    /// Toolkit application reference, hex, e.g. `B00010`.
    pub tar: String,
    /// The KIc octet (key index and algorithm), hex.
    pub kic_byte: String,
    /// The KID octet, hex.
    pub kid_byte: String,
    /// The security parameters sent, hex, e.g. `1639`: CC, ciphered, counter higher; PoR always, ciphered with CC, by SMS-SUBMIT.
    pub spi: String,
    /// Most parts that a command may have (the card's buffer).
    #[serde(default = "eight")]
    pub max_parts: u8,
    /// Bits of the concatenation reference, 8 or 16.
    #[serde(default = "eight")]
    pub ref_bits: u8,
    /// Whether the card wants `70 00` in every part's header rather than in the first only.
    #[serde(default)]
    pub udh_70_in_every_part: bool,
    /// `record`: slot = speed-dial place; else places are not on this phone.
    #[serde(default)]
    pub speed_dial_is_record: bool,
    /// Whether single DES or ECB is allowed with this card (refused otherwise).
    #[serde(default)]
    pub allow_single_des: bool,
}

fn eight() -> u8 {
    8
}

/// What a kind of phone can hold and show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TerminalProfile {
    /// The name by which terminals point here, e.g. `feature-phone`.
    pub name: String,
    /// Which form of a number the phone dials.
    #[serde(default)]
    pub dial: Dial,
    /// Only the first number of a friend goes on the phone.
    #[serde(default)]
    pub first_number_only: bool,
    /// Most entries, where the terminal (not a card) sets it.
    #[serde(default)]
    pub entries: Option<u16>,
    /// Most characters of a name, where the terminal sets it.
    #[serde(default)]
    pub name_characters: Option<u16>,
}

/// DECISIONS.md, “number on a terminal”.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dial {
    /// `+…` where the number has a normal form.
    #[default]
    International,
    /// As dialled inside the subscriber's country.
    National,
    /// As typed, without spaces.
    AsTyped,
}
