//! Books in and out as vCard files: 2.1, 3.0 and 4.0 as phones write them, in any charset (RFC 6350, RFC 2426, vCard 2.1).
//!
//! Reading works on octets: lines are unfolded and quoted-printable is joined *before* anything is decoded, so that a
//! fold inside a character, a charset a property, and lower-case or bare parameters do no harm. That is all that is
//! needed of a card here, so no library reads it again.

mod card;
mod content;
mod export;
mod lines;
mod merge;

pub use export::{Version, export};
pub use merge::{Fate, Merge, Merged, merge};

use crate::FriendDraft;

/// What a file held, card by card.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// One a card, in order.
    pub cards: Vec<CardResult>,
    /// What stood outside of cards and was left alone, a sentence each.
    pub notes: Vec<String>,
}

/// What became of one card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardResult {
    /// The line of its `BEGIN:VCARD`, from 1.
    pub line: usize,
    /// What it is, or a sentence: what is wrong, and what to do.
    pub result: Result<Card, String>,
    /// What was taken differently from how it was written, a sentence each.
    pub notes: Vec<String>,
}

/// A card is a person, or a group of cards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Card {
    /// A person.
    Friend {
        /// The fields; `keep` is set on every number: an import never asks.
        draft: FriendDraft,
        /// The card's UID, for group cards.
        uid: Option<String>,
        /// Names of groups (`CATEGORIES`).
        groups: Vec<String>,
    },
    /// A group (`KIND:group`, or Apple's `X-ADDRESSBOOKSERVER-KIND:group`).
    Group {
        /// Its name.
        name: String,
        /// UIDs of its members.
        members: Vec<String>,
    },
}

impl CardResult {
    /// The person of this card, if it is one.
    pub fn friend(&self) -> Option<&FriendDraft> {
        match &self.result {
            Ok(Card::Friend { draft, .. }) => Some(draft),
            _ => None,
        }
    }
}

/// Reads a file. `region` tells how numbers without a country are meant. Never fails: a bad card never stops the rest.
pub fn import(file: &[u8], region: &str) -> ImportReport {
    let lines::File {
        cards,
        notes,
        charset,
    } = lines::read(file, region);
    let cards = cards
        .into_iter()
        .map(|raw| card::read(raw, charset, region))
        .collect();
    ImportReport { cards, notes }
}
