//! `CardProfile` (how a SIM is written) and `TerminalProfile` (what the phone can hold and show), as data files
//! under `profiles/`. Everything that differs from card to card stands here and nowhere in code (PROTOCOLS.md).

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use thiserror::Error;
use wire::ota::{Envelope, RefBits, Spi, Tar};

/// A profile that cannot be used: what is wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ProfileError(pub String);

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

/// The profiles that come with Kith, by name.
const CARDS: [(&str, &str); 4] = [
    (
        "sim-28x50",
        include_str!("../../../profiles/cards/sim-28x50.toml"),
    ),
    (
        "sim-28x50-3des",
        include_str!("../../../profiles/cards/sim-28x50-3des.toml"),
    ),
    (
        "usim-28x100",
        include_str!("../../../profiles/cards/usim-28x100.toml"),
    ),
    (
        "usim-34x250",
        include_str!("../../../profiles/cards/usim-34x250.toml"),
    ),
];
const TERMINALS: [(&str, &str); 2] = [
    (
        "feature-phone",
        include_str!("../../../profiles/terminals/feature-phone.toml"),
    ),
    (
        "card-phone",
        include_str!("../../../profiles/terminals/card-phone.toml"),
    ),
];

impl CardProfile {
    /// Reads a profile file and checks it.
    /// # Errors
    /// A sentence that names the key (and the line, where TOML tells).
    pub fn parse(toml: &str) -> Result<Self, ProfileError> {
        let profile: Self = read("card", toml)?;
        profile.check()?;
        Ok(profile)
    }

    /// The profile of this name that comes with Kith.
    pub fn builtin(name: &str) -> Option<Self> {
        static READ: LazyLock<Builtin<CardProfile>> =
            LazyLock::new(|| read_all(&CARDS, CardProfile::parse));
        READ.get(name).cloned()
    }

    /// Names of the profiles that come with Kith.
    pub fn builtin_names() -> impl Iterator<Item = &'static str> {
        CARDS.iter().map(|(name, _)| *name)
    }

    /// Whether every value is one that a card can have and a packet can carry.
    /// # Errors
    /// A sentence that names the key.
    pub fn check(&self) -> Result<(), ProfileError> {
        let wrong = |key: &str, sentence: String| {
            Err(ProfileError(format!(
                "Card profile “{}”: {key} {sentence}",
                self.name
            )))
        };
        let (first, last) = self.usable();
        if self.name.trim().is_empty() {
            return wrong(
                "name",
                "is empty: give the name by which terminals point here.".into(),
            );
        }
        if self.record_length < 15 || self.record_length > 254 {
            return wrong(
                "record_length",
                format!(
                    "is {}: it must be 15 to 254 octets (14 and the name).",
                    self.record_length
                ),
            );
        }
        if self.records == 0 || self.records == 255 {
            return wrong(
                "records",
                format!("is {}: an ADN file has 1 to 254.", self.records),
            );
        }
        if first == 0 || first > last || last > self.records {
            return wrong(
                "range",
                format!(
                    "is {first} to {last}: it must lie within 1 to {}.",
                    self.records
                ),
            );
        }
        if self.directory.is_empty() || self.directory.len() > 6 {
            return wrong(
                "directory",
                "needs one to six file ids from the MF, e.g. [\"7F10\", \"5F3A\"].".into(),
            );
        }
        for id in self.directory.iter().chain([&self.adn]).chain(&self.ext1) {
            octets::<2>("a file id (directory, adn, ext1)", id).map_err(|e| self.wrong(e))?;
        }
        if self.ext1_records > 0 && self.ext1.is_none() {
            return wrong(
                "ext1",
                "is missing while ext1_records is not 0: give the file id, or 0 records.".into(),
            );
        }
        if self.ext1_records == 255 {
            return wrong(
                "ext1_records",
                "is 255: a file has at most 254 records.".into(),
            );
        }
        for (key, sfi) in [("adn_sfi", self.adn_sfi), ("ext1_sfi", self.ext1_sfi)] {
            if let Some(sfi) = sfi.filter(|sfi| !(1..=30).contains(sfi)) {
                return wrong(key, format!("is {sfi}: a short file id is 1 to 30."));
            }
        }
        if !(1..=40).contains(&self.max_parts) {
            return wrong(
                "max_parts",
                format!("is {}: give 1 to 40 (8 is usual).", self.max_parts),
            );
        }
        if self.ref_bits != 8 && self.ref_bits != 16 {
            return wrong("ref_bits", format!("is {}: give 8 or 16.", self.ref_bits));
        }
        self.tar()?;
        let envelope = self.envelope()?;
        let need = 5 + 2 * (self.directory.len() + 1) + 5 + usize::from(self.record_length);
        let room = envelope.room(self.max_parts.into());
        if need > room {
            return wrong(
                "max_parts",
                format!(
                    "is {}, which carries {room} octets; one record needs {need}.",
                    self.max_parts
                ),
            );
        }
        let weak =
            |byte: Result<wire::ota::Algorithm, _>| byte.is_ok_and(wire::ota::Algorithm::is_weak);
        let spi = self.spi()?;
        let weak = spi.ciphered && weak(wire::ota::Algorithm::of_kic(self.kic()?))
            || spi.integrity == wire::ota::Integrity::Cc
                && weak(wire::ota::Algorithm::of_kid(self.kid()?));
        if weak && !self.allow_single_des {
            return wrong("kic_byte/kid_byte", "name single DES or ECB, which anybody can break: use triple DES or AES, or set allow_single_des.".into());
        }
        Ok(())
    }

    fn wrong(&self, error: ProfileError) -> ProfileError {
        ProfileError(format!("Card profile “{}”: {error}", self.name))
    }

    /// First and last record that Kith may use.
    pub fn usable(&self) -> (u8, u8) {
        self.range.unwrap_or((1, self.records))
    }

    /// The security parameters sent.
    /// # Errors
    /// A sentence when they are no SPI.
    pub fn spi(&self) -> Result<Spi, ProfileError> {
        let octets = octets("spi", &self.spi).map_err(|e| self.wrong(e))?;
        Spi::from_octets(octets).map_err(|e| self.wrong(ProfileError(e.to_string())))
    }

    /// The application that writes the phone book.
    /// # Errors
    /// A sentence when it is no TAR.
    pub fn tar(&self) -> Result<Tar, ProfileError> {
        octets("tar", &self.tar).map(Tar).map_err(|e| self.wrong(e))
    }

    /// The KIc octet.
    /// # Errors
    /// A sentence when it is no octet.
    pub fn kic(&self) -> Result<u8, ProfileError> {
        octets("kic_byte", &self.kic_byte)
            .map(|[b]: [u8; 1]| b)
            .map_err(|e| self.wrong(e))
    }

    /// The KID octet.
    /// # Errors
    /// A sentence when it is no octet.
    pub fn kid(&self) -> Result<u8, ProfileError> {
        octets("kid_byte", &self.kid_byte)
            .map(|[b]: [u8; 1]| b)
            .map_err(|e| self.wrong(e))
    }

    /// What surrounds a script on this card: its room in parts.
    /// # Errors
    /// A sentence when the security named is none that can be sent.
    pub fn envelope(&self) -> Result<Envelope, ProfileError> {
        let bits = if self.ref_bits == 16 {
            RefBits::Sixteen
        } else {
            RefBits::Eight
        };
        Envelope::new(
            self.spi()?,
            self.kic()?,
            self.kid()?,
            bits,
            self.udh_70_in_every_part,
        )
        .map_err(|e| self.wrong(ProfileError(e.to_string())))
    }

    /// The phone book's directory from the MF.
    pub fn path(&self) -> Vec<[u8; 2]> {
        self.directory
            .iter()
            .filter_map(|id| octets("directory", id).ok())
            .collect()
    }

    /// EF_ADN's file id.
    pub fn adn_id(&self) -> [u8; 2] {
        octets("adn", &self.adn).unwrap_or_default()
    }

    /// EF_EXT1's file id, where the card has the file.
    pub fn ext1_id(&self) -> Option<[u8; 2]> {
        octets("ext1", self.ext1.as_ref()?)
            .ok()
            .filter(|_| self.ext1_records > 0)
    }
}

impl TerminalProfile {
    /// Reads a profile file and checks it.
    /// # Errors
    /// A sentence that names the key (and the line, where TOML tells).
    pub fn parse(toml: &str) -> Result<Self, ProfileError> {
        let profile: Self = read("terminal", toml)?;
        if profile.name.trim().is_empty() {
            return Err(ProfileError(
                "Terminal profile: name is empty: give the name by which terminals point here."
                    .into(),
            ));
        }
        Ok(profile)
    }

    /// The profile of this name that comes with Kith.
    pub fn builtin(name: &str) -> Option<Self> {
        static READ: LazyLock<Builtin<TerminalProfile>> =
            LazyLock::new(|| read_all(&TERMINALS, TerminalProfile::parse));
        READ.get(name).cloned()
    }

    /// Names of the profiles that come with Kith.
    pub fn builtin_names() -> impl Iterator<Item = &'static str> {
        TERMINALS.iter().map(|(name, _)| *name)
    }
}

/// Profiles that come with Kith, by name. They are read once: every plan and every proof asks.
type Builtin<T> = BTreeMap<&'static str, T>;

fn read_all<T>(
    texts: &[(&'static str, &str)],
    parse: fn(&str) -> Result<T, ProfileError>,
) -> Builtin<T> {
    let read = texts
        .iter()
        .map(|(name, toml)| Some((*name, parse(toml).ok()?)));
    read.flatten().collect()
}

fn read<T: serde::de::DeserializeOwned>(kind: &str, toml: &str) -> Result<T, ProfileError> {
    toml::from_str(toml).map_err(|e| {
        ProfileError(format!(
            "The {kind} profile cannot be read: {}",
            e.to_string().trim_end()
        ))
    })
}

fn octets<const N: usize>(key: &str, typed: &str) -> Result<[u8; N], ProfileError> {
    let mut octets = [0; N];
    hex::decode_to_slice(typed, &mut octets)
        .map_err(|_| ProfileError(format!("{key} is “{typed}”: give {} hex digits.", 2 * N)))?;
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_that_comes_along_is_right_and_bears_its_name() {
        for name in CardProfile::builtin_names() {
            assert_eq!(CardProfile::builtin(name).unwrap().name, name);
        }
        for name in TerminalProfile::builtin_names() {
            assert_eq!(TerminalProfile::builtin(name).unwrap().name, name);
        }
        assert!(CardProfile::builtin("sim-99x99").is_none());
    }

    #[track_caller]
    fn check(from: &str, to: &str, said: &str) {
        let text = CARDS[2].1.replace(from, to);
        assert_ne!(text, CARDS[2].1);
        let sentence = CardProfile::parse(&text).unwrap_err().to_string();
        assert!(sentence.contains(said), "{sentence}");
    }

    #[test]
    fn a_wrong_value_is_named_with_what_to_do() {
        check("records = 100", "records = 0", "1 to 254");
        check(
            "records = 100",
            "records = 100\nrange = [90, 101]",
            "within 1 to 100",
        );
        check("\"4F3A\"", "\"4F3\"", "4 hex digits");
        check("adn_sfi = 2", "adn_sfi = 31", "1 to 30");
        check("kic_byte = \"12\"", "kic_byte = \"11\"", "single DES");
        check("kic_byte = \"12\"", "kic_byte = \"13\"", "no algorithm");
        check("spi = \"1639\"", "spi = \"F639\"", "reserved");
        check("max_parts = 8", "max_parts = 0", "1 to 40");
        check("max_parts = 8", "max_party = 8", "max_party");
        check("ext1 = \"4F4A\"", "", "ext1_records");
    }
}
