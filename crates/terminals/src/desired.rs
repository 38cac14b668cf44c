//! What a terminal should hold: the entries of a book that are meant for it, most important first.

use book::{FriendNo, GroupNo, NumberNo};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Which friends go to a terminal (API.md, `content`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// The whole book.
    #[default]
    All,
    /// The members of these groups.
    Groups(BTreeSet<GroupNo>),
}

/// One entry of a terminal is bound to one number of one friend; `number` 0 is a friend sent without a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EntryKey {
    /// The friend.
    pub friend: FriendNo,
    /// The friend's number.
    pub number: NumberNo,
}

/// An entry that the terminal should hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Whose.
    pub key: EntryKey,
    /// The name with its suffix (“Jo Doe W”) where a friend has several numbers, uncut, and the length of the
    /// suffix in characters: a cut is made before it.
    pub name: String,
    /// Characters at the end of `name` that must survive a cut.
    pub suffix: usize,
    /// What is dialled: digits, `* #`, `p` for a pause, `+` only in front.
    pub dial: String,
    /// The wish for a key, 2–9.
    pub speed_dial: Option<u8>,
}

/// Why an entry of the book is not on the terminal (rule 8, said-before-sent).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOutReason {
    /// The terminal holds `of` entries and this is number `place`.
    Full {
        /// Its place in the order of importance, from 1.
        place: u16,
        /// How many the terminal holds for Kith.
        of: u16,
    },
    /// The friend has no number.
    NoNumber,
    /// The owner keeps this friend off the phone.
    KeptOff,
    /// The number cannot be written to this terminal; the sentence says why.
    Number(String),
    /// The terminal takes one number of a friend.
    FirstNumberOnly,
    /// Not in a group that goes to this terminal.
    OtherContent,
}

/// An entry that stays off, with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Whose; `number` 0 when the friend has none.
    pub key: EntryKey,
    /// Why.
    pub reason: LeftOutReason,
}

/// The desired entries, most important first: emergency, then keys, then oldest first (DECISIONS.md, “terminal full”).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// What should be on the terminal, in order of importance.
    pub entries: Vec<Wanted>,
    /// What is left out whatever the room.
    pub left_out: Vec<LeftOut>,
}
