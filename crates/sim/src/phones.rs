//! Phones and cards in software, and which profile Kith knows them by.

use lab::card::{Card, CardKind, Content};
use lab::smsc::inbox::Inbox;
use lab::smsc::pdu::Message;
use std::collections::BTreeMap;
use terminals::CardProfile;

/// A card with its keys, hex.
pub struct Sim {
    /// The card itself.
    pub card: Card,
    /// How Kith writes it.
    pub profile: CardProfile,
    /// KIc.
    pub kic: String,
    /// KID.
    pub kid: String,
    /// What its owner typed before Kith came: name and number.
    pub own: Vec<(String, String)>,
}

/// A phone on the network.
#[derive(Default)]
pub struct Phone {
    /// Switched on.
    pub on: bool,
    /// The card in it.
    pub iccid: Option<String>,
    /// Texts and business cards.
    pub inbox: Inbox,
    /// Messages that wait until it is on.
    pub held: Vec<usize>,
}

/// The profiles that no file brings.
pub fn profiles() -> BTreeMap<String, CardProfile> {
    ["small", "tiny", "clear-proof", "silent"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), kind(name)?.0)))
        .collect()
}

/// A kind of card, from Kith's side and from the card's.
fn kind(name: &str) -> Option<(CardProfile, CardKind)> {
    let base = CardProfile::builtin("sim-28x50")?;
    let named = CardProfile {
        name: name.into(),
        ..base.clone()
    };
    let plain = CardKind::sim(28, 50);
    Some(match name {
        // Full after a few friends, and short names.
        "small" => (
            CardProfile {
                record_length: 22,
                records: 8,
                ext1_records: 1,
                ..named
            },
            CardKind {
                ext1_records: 1,
                ..CardKind::sim(22, 8)
            },
        ),
        // A buffer of two parts: many packets.
        "tiny" => (
            CardProfile {
                max_parts: 2,
                ..named
            },
            CardKind {
                max_parts: 2,
                ..plain
            },
        ),
        // The answer has a checksum and is not ciphered.
        "clear-proof" => (
            CardProfile {
                spi: "1629".into(),
                ..named
            },
            plain,
        ),
        // A security error gets no answer.
        "silent" => (
            named,
            CardKind {
                silent_on_security_error: true,
                ..plain
            },
        ),
        known => (CardProfile::builtin(known)?, CardKind::named(known).ok()?),
    })
}

impl Sim {
    /// The `n`th card that is made.
    ///
    /// # Errors
    /// An unknown kind.
    pub fn make(name: &str, n: usize, in_use: bool) -> Result<Self, String> {
        let (profile, kind) = kind(name).ok_or(format!("there is no kind of card {name}"))?;
        let key = |salt: usize| -> Vec<u8> {
            (0..16)
                .map(|at| u8::try_from((at * 7 + n * 31 + salt) % 251).unwrap_or(0))
                .collect()
        };
        let (kic, kid) = (key(1), key(101));
        let mut card = Card::new(kind, &iccid(n), &kic, &kid)?;
        let mut own = Vec::new();
        if in_use {
            for (slot, name, number) in [(2, "Plumber", "07700900999"), (5, "Aunt", "+15555550123")]
            {
                lab::handset::book::write(&mut card, slot, name, number)?;
                own.push((name.to_owned(), number.to_owned()));
            }
        }
        Ok(Self {
            card,
            profile,
            kic: hex::encode(kic),
            kid: hex::encode(kid),
            own,
        })
    }

    /// A record of the phone book's file, or of the one for long numbers.
    pub fn record(&self, ext1: bool, number: usize) -> Option<&Vec<u8>> {
        let profile = &self.profile;
        let file = if ext1 {
            profile.ext1_id()?
        } else {
            profile.adn_id()
        };
        let ids = profile
            .path()
            .into_iter()
            .chain([file])
            .map(u16::from_be_bytes);
        let path: Vec<u16> = [0x3F00].into_iter().chain(ids).collect();
        match self.card.file(&path)? {
            Content::Records(records) => records.get(number.checked_sub(1)?),
            _ => None,
        }
    }

    /// What its phone shows: name and number, sorted.
    pub fn shown(&self) -> Vec<(String, String)> {
        let entries = lab::handset::book::read(&self.card).into_iter();
        let mut all: Vec<_> = entries
            .map(|(_, shown)| (shown.name, shown.number))
            .collect();
        all.sort();
        all
    }
}

/// The serial number of the `n`th card.
pub fn iccid(n: usize) -> String {
    format!("8944{n:015}")
}

impl Phone {
    /// Takes a message that is not for the card.
    pub fn take(&mut self, udhi: bool, dcs: u8, user_data: &[u8]) {
        self.inbox.take(&message(udhi, dcs, user_data));
    }

    /// Whether it was given this business card.
    pub fn was_given(&self, vcard: &[u8]) -> bool {
        // The header of a business card: port 9204 (Smart Messaging).
        let header = [0x06, 0x05, 0x04, 0x23, 0xF4, 0x00, 0x00];
        let mut probe = Inbox::default();
        probe.take(&message(true, 0xF5, &[&header[..], vcard].concat()));
        probe.cards.first().is_none_or(|wanted| {
            let mut given = self.inbox.cards.iter();
            given.any(|card| (&card.name, &card.numbers) == (&wanted.name, &wanted.numbers))
        })
    }
}

fn message(udhi: bool, dcs: u8, user_data: &[u8]) -> Message {
    Message {
        from: "12345".into(),
        esm_class: if udhi { 0x40 } else { 0 },
        data_coding: dcs,
        user_data: user_data.to_vec(),
        ..Message::default()
    }
}
