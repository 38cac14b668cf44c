//! The handset and its card, as the radio sees them.

use std::path::Path;

use serde::Serialize;

use super::inbox::Inbox;
use super::pdu::Message;
use super::{now_text, trail};
use crate::HandsetSpec;

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
#[derive(Default)]
pub struct Phone {
    inbox: Inbox,
    received: Vec<Arrived>,
}

/// So many arrivals are kept.
const REMEMBERED: usize = 500;

impl Phone {
    /// Takes a handset out of its folder, or a new one.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the card asked for.
    pub fn open(spec: &HandsetSpec, dir: Option<&Path>) -> Result<Self, String> {
        let _ = (spec, dir);
        Ok(Self::default())
    }

    /// Takes a message: one for the SIM goes to the card, the others into the inbox.
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
        if kind == "update" {
            return Received {
                taken: false,
                answers: Vec::new(),
            };
        }
        self.inbox.take(message);
        Received {
            taken: true,
            answers: Vec::new(),
        }
    }

    /// What can be seen on it.
    #[must_use]
    pub fn view(&self) -> View {
        View {
            iccid: None,
            capacity: 0,
            phone_book: Vec::new(),
            groups: Vec::new(),
            inbox: self.inbox.texts.clone(),
            cards_received: self.inbox.cards.clone(),
            received: self.received.clone(),
        }
    }

    /// The raw records of a card's file, in hex; `None` when there is no such file.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<Vec<String>> {
        let _ = path;
        None
    }

    /// The owner types an entry herself.
    ///
    /// # Errors
    /// A sentence that says why it cannot be saved.
    pub fn type_entry(&mut self, slot: usize, name: &str, number: &str) -> Result<(), String> {
        let _ = (slot, name, number);
        Err("there is no card in this phone: entries are kept on the card".into())
    }

    /// Puts another card in.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the card.
    pub fn swap(&mut self, iccid: &str, kic: &str, kid: &str) -> Result<(), String> {
        let _ = (iccid, kic, kid);
        Err("this phone takes no card".into())
    }
}
