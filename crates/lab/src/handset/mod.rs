//! The handset's side of the card: it passes messages on, shows the phone book from the card's own octets, and writes what its owner types.

pub mod alphabet;
pub mod book;
pub mod record;

use std::path::{Path, PathBuf};

use crate::CardSpec;
use crate::card::{Answer, Card, CardKind};

/// The place for a card in a handset, and the folder that keeps its state.
#[derive(Default)]
pub struct Handset {
    card: Option<Card>,
    dir: Option<PathBuf>,
}

impl Handset {
    /// A handset with the card as described, with what the folder keeps of it; without one it shows no phone book.
    ///
    /// # Errors
    /// A kind of card that is not known, keys or a state that do not fit it.
    pub fn open(spec: Option<&CardSpec>, dir: Option<&Path>) -> Result<Self, String> {
        Ok(Self {
            card: spec.map(|spec| card(spec, dir)).transpose()?,
            dir: dir.map(Path::to_owned),
        })
    }

    /// A handset with this card.
    #[must_use]
    pub fn with(card: Card) -> Self {
        Self {
            card: Some(card),
            dir: None,
        }
    }

    /// The card in it.
    #[must_use]
    pub fn card(&self) -> Option<&Card> {
        self.card.as_ref()
    }

    /// Passes a message with TP-PID 7F on to the card, which the phone never looks into (TS 31.111 §7.1). Without a card it is refused.
    pub fn receive(&mut self, from: &str, user_data: &[u8]) -> Answer {
        self.card
            .as_mut()
            .map(|card| card.receive(from, user_data))
            .unwrap_or_default()
    }

    /// The phone book as the handset shows it: slots from 1, name and number; empty records are left out.
    #[must_use]
    pub fn phone_book(&self) -> Vec<(usize, record::Shown)> {
        self.card.as_ref().map(book::read).unwrap_or_default()
    }

    /// Records of the card's phone book; 0 without a card.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.card.as_ref().map_or(0, book::capacity)
    }

    /// The owner types an entry; both empty deletes it.
    ///
    /// # Errors
    /// No card, no such slot, a name or number that does not fit.
    pub fn type_entry(&mut self, slot: usize, name: &str, number: &str) -> Result<(), String> {
        let card = self
            .card
            .as_mut()
            .ok_or("there is no card in this phone: entries are kept on the card")?;
        book::write(card, slot, name, number)
    }

    /// Puts another card of the same kind in; keys in hex.
    ///
    /// # Errors
    /// A handset that takes no card, keys or a state that do not fit.
    pub fn swap(&mut self, iccid: &str, kic: &str, kid: &str) -> Result<(), String> {
        let old = self.card.as_ref().ok_or("this phone takes no card")?;
        let spec = CardSpec {
            kind: old.kind().name.clone(),
            iccid: iccid.to_owned(),
            kic: kic.to_owned(),
            kid: kid.to_owned(),
        };
        self.card = Some(card(&spec, self.dir.as_deref())?);
        Ok(())
    }
}

fn card(spec: &CardSpec, dir: Option<&Path>) -> Result<Card, String> {
    let kind = CardKind::named(&spec.kind)?;
    let key = |text: &str, which: &str| {
        hex::decode(text).map_err(|_| {
            format!(
                "the {which} of card {} is not hex: give 32, 48 or 64 hex digits",
                spec.iccid
            )
        })
    };
    let (kic, kid) = (key(&spec.kic, "kic")?, key(&spec.kid, "kid")?);
    match dir {
        Some(dir) => Card::open(dir, kind, &spec.iccid, &kic, &kid),
        None => Card::new(kind, &spec.iccid, &kic, &kid),
    }
}

#[cfg(test)]
mod tests;
