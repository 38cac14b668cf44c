//! What a terminal should hold: the entries of a book that are meant for it, most important first.

use crate::TerminalProfile;
use crate::profile::Dial;
use book::{Book, DialForm, Friend, FriendNo, GroupNo, Label, Language, Number, NumberNo};
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

/// The desired entries, most important first: emergency, then keys, then oldest first (DECISIONS.md, “terminal full”);
/// what shared groups bring comes after everything of the owner's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// What should be on the terminal, in order of importance.
    pub entries: Vec<Wanted>,
    /// What is left out whatever the room.
    pub left_out: Vec<LeftOut>,
}

/// What `terminal` should hold of `book`, in order of importance.
///
/// `language` chooses the suffixes of a friend with several numbers (H/W/M, 家/单/手); `region` (ISO 3166, two letters)
/// is the subscriber's, for terminals that dial the national form. Whether a number can be written at all is the
/// channel's to say, in its plan.
pub fn desired(
    book: &Book,
    terminal: &TerminalProfile,
    content: &Content,
    language: Language,
    region: &str,
) -> Desired {
    let mut friends: Vec<&Friend> = book.friends.values().collect();
    friends.sort_by_key(|f| {
        let shared = f.no.is_shared();
        (
            shared,
            !f.emergency,
            f.speed_dial.unwrap_or(u8::MAX),
            f.added,
            f.no,
        )
    });
    let mut desired = Desired::default();
    for friend in friends {
        let whole = if friend.keep_off_phone {
            Some(LeftOutReason::KeptOff)
        } else if matches!(content, Content::Groups(groups) if groups.is_disjoint(&friend.groups)) {
            Some(LeftOutReason::OtherContent)
        } else if friend.numbers.is_empty() {
            Some(LeftOutReason::NoNumber)
        } else {
            None
        };
        if let Some(reason) = whole {
            let number = friend.numbers.first().map_or(NumberNo(0), |n| n.no);
            desired.left_out.push(LeftOut {
                key: EntryKey {
                    friend: friend.no,
                    number,
                },
                reason,
            });
            continue;
        }
        let several = friend.numbers.len() > 1 && !terminal.first_number_only;
        for (place, number) in friend.numbers.iter().enumerate() {
            let key = EntryKey {
                friend: friend.no,
                number: number.no,
            };
            if place > 0 && terminal.first_number_only {
                desired.left_out.push(LeftOut {
                    key,
                    reason: LeftOutReason::FirstNumberOnly,
                });
                continue;
            }
            let suffix = if several {
                suffix(&friend.numbers, place, language)
            } else {
                String::new()
            };
            desired.entries.push(Wanted {
                key,
                name: format!("{}{suffix}", friend.name),
                suffix: suffix.chars().count(),
                dial: number.dial(terminal.dial.into(), region),
                // A key dials one number: the friend's first.
                speed_dial: friend.speed_dial.filter(|_| place == 0),
            });
        }
    }
    desired
}

/// The suffix that tells a friend's numbers apart: a letter for the label, a count from the second of a kind on.
fn suffix(numbers: &[Number], place: usize, language: Language) -> String {
    let mark = |number: &Number| match (number.label, language) {
        (Some(Label::Home), Language::En) => " H",
        (Some(Label::Work), Language::En) => " W",
        (Some(Label::Mobile), Language::En) => " M",
        (Some(Label::Home), Language::ZhHans) => "家",
        (Some(Label::Work), Language::ZhHans) => "单",
        (Some(Label::Mobile), Language::ZhHans) => "手",
        (Some(Label::Other) | None, _) => "",
    };
    let Some(own) = numbers.get(place).map(mark) else {
        return String::new();
    };
    let before = numbers
        .iter()
        .take(place)
        .filter(|n| mark(n) == own)
        .count();
    match (own, before) {
        (_, 0) => own.to_owned(),
        ("", _) => format!(" {}", before + 1),
        _ => format!("{own}{}", before + 1),
    }
}

impl LeftOutReason {
    /// The reason as a sentence for a person.
    pub fn sentence(&self) -> String {
        match self {
            Self::Full { place, of } => format!("The phone holds {of}; this is number {place}."),
            Self::NoNumber => "No number yet: add one, and it goes to the phone.".into(),
            Self::KeptOff => "Kept off the phone, as the owner wishes.".into(),
            Self::Number(sentence) => sentence.clone(),
            Self::FirstNumberOnly => "This phone takes one number of a friend: the first.".into(),
            Self::OtherContent => "Not in a group that goes to this phone.".into(),
        }
    }
}

impl From<Dial> for DialForm {
    fn from(dial: Dial) -> Self {
        match dial {
            Dial::International => Self::International,
            Dial::National => Self::National,
            Dial::AsTyped => Self::AsTyped,
        }
    }
}
