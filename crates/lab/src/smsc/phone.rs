//! The handset on the radio: a card that is written over the air, an inbox, and what can be seen of both.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::inbox::Inbox;
use super::pdu::Message;
use super::{now_text, trail};
use crate::card::{Card, CardKind};
use crate::handset::book;
use crate::{CardSpec, HandsetSpec};

/// What came of a message at the handset.
pub struct Received {
    /// Whether the handset took it (else the receipt says undelivered).
    pub taken: bool,
    /// What it sends back, as user data with its header; the radio fills in the addresses.
    pub answers: Vec<Message>,
}

/// An entry as the handset shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Record number on the card, from 1.
    pub slot: usize,
    /// Name as shown.
    pub name: String,
    /// Number as shown.
    pub number: String,
}

/// A text in the inbox.
#[derive(Clone, Debug, Serialize)]
pub struct Text {
    /// RFC 3339 in UTC.
    pub at: String,
    /// The sender.
    pub from: String,
    /// The text.
    pub text: String,
}

/// A business card that came.
#[derive(Clone, Debug, Serialize)]
pub struct CardReceived {
    /// Name on it.
    pub name: String,
    /// Numbers on it.
    pub numbers: Vec<String>,
}

/// A message that arrived.
#[derive(Clone, Debug, Serialize)]
pub struct Arrived {
    /// RFC 3339 in UTC.
    pub at: String,
    /// Octets of user data.
    pub octets: usize,
    /// `text`, `card`, `update` or `other`.
    pub kind: String,
}

/// Everything that can be seen on a handset.
#[derive(Clone, Debug, Serialize)]
pub struct View {
    /// The card in it.
    pub iccid: Option<String>,
    /// Records of the card's phone book; 0 without a card.
    pub capacity: usize,
    /// The phone book, decoded from the card's file bytes.
    pub phone_book: Vec<Entry>,
    /// Groups, likewise.
    pub groups: Vec<serde_json::Value>,
    /// Texts.
    pub inbox: Vec<Text>,
    /// Business cards.
    pub cards_received: Vec<CardReceived>,
    /// Everything that arrived.
    pub received: Vec<Arrived>,
}

/// A handset.
pub struct Phone {
    card: Option<Card>,
    inbox: Inbox,
    received: Vec<Arrived>,
    dir: Option<PathBuf>,
}

/// A card's proof as a message, but for its addresses.
pub(super) fn proof(user_data: Vec<u8>) -> Message {
    Message {
        esm_class: 0x40,
        protocol_id: 0x7F,
        data_coding: 0xF6,
        user_data,
        ..Message::default()
    }
}

/// So many arrivals are kept.
const REMEMBERED: usize = 500;
const NO_CARD: &str = "there is no card in this phone: give it one when it is made";

impl Phone {
    /// Takes a handset with its card out of the folder, or makes a new one.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the card asked for.
    pub fn open(spec: &HandsetSpec, dir: Option<&Path>) -> Result<Self, String> {
        let card = spec.card.as_ref().map(|spec| card(spec, dir)).transpose()?;
        Ok(Self {
            card,
            inbox: Inbox::default(),
            received: Vec::new(),
            dir: dir.map(Path::to_owned),
        })
    }

    /// Takes a message: one for the SIM (TP-PID 7F) goes to the card, the others into the inbox.
    pub fn receive(&mut self, message: &Message) -> Received {
        let kind = trail::kind(message);
        self.received.push(Arrived {
            at: now_text(),
            octets: message.user_data.len(),
            kind: kind.into(),
        });
        if self.received.len() > REMEMBERED {
            self.received.remove(0);
        }
        if kind != "update" {
            self.inbox.take(message);
            return Received {
                taken: true,
                answers: Vec::new(),
            };
        }
        let Some(card) = &mut self.card else {
            return Received {
                taken: false,
                answers: Vec::new(),
            };
        };
        // A proof in the delivery report is handed over as a message as well: SMPP 3.4 has no field for it.
        let answer = card.receive(&message.from, &message.user_data);
        Received {
            taken: answer.taken,
            answers: answer.por.into_iter().map(proof).collect(),
        }
    }

    /// The power goes: parts of a command that is not whole are lost.
    pub fn power_off(&mut self) {
        if let Some(card) = &mut self.card {
            card.power_off();
        }
    }

    /// What can be seen on it; the phone book is decoded from the card's file octets.
    #[must_use]
    pub fn view(&self) -> View {
        let entries = self
            .card
            .as_ref()
            .map(book::read)
            .unwrap_or_default()
            .into_iter();
        View {
            iccid: self.card.as_ref().map(|card| card.iccid().to_owned()),
            capacity: self.card.as_ref().map_or(0, book::capacity),
            phone_book: entries
                .map(|(slot, shown)| Entry {
                    slot,
                    name: shown.name,
                    number: shown.number,
                })
                .collect(),
            groups: Vec::new(),
            inbox: self.inbox.texts.clone(),
            cards_received: self.inbox.cards.clone(),
            received: self.received.clone(),
        }
    }

    /// The raw records of a card's file, in hex; `None` when there is no such file.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<Vec<String>> {
        self.card.as_ref()?.file_rows(path)
    }

    /// The owner types an entry herself; name and number empty: she deletes it.
    ///
    /// # Errors
    /// A sentence that says why it cannot be saved.
    pub fn type_entry(&mut self, slot: usize, name: &str, number: &str) -> Result<(), String> {
        book::write(self.card.as_mut().ok_or(NO_CARD)?, slot, name, number)
    }

    /// Puts another card of the same kind in; keys in hex.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the card.
    pub fn swap(&mut self, iccid: &str, kic: &str, kid: &str) -> Result<(), String> {
        let kind = self.card.as_ref().ok_or(NO_CARD)?.kind().name.clone();
        let spec = CardSpec {
            kind,
            iccid: iccid.into(),
            kic: kic.into(),
            kid: kid.into(),
        };
        self.card = Some(card(&spec, self.dir.as_deref())?);
        Ok(())
    }
}

fn card(spec: &CardSpec, dir: Option<&Path>) -> Result<Card, String> {
    let kind = CardKind::named(&spec.kind)?;
    let key = |text: &str, which: &str| {
        let wrong = |_| {
            format!(
                "the {which} of card {} is not hex: give 32, 48 or 64 hex digits",
                spec.iccid
            )
        };
        hex::decode(text).map_err(wrong)
    };
    let (kic, kid) = (key(&spec.kic, "kic")?, key(&spec.kid, "kid")?);
    match dir {
        Some(dir) => Card::open(dir, kind, &spec.iccid, &kic, &kid),
        None => Card::new(kind, &spec.iccid, &kic, &kid),
    }
}
