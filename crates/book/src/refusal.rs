//! Why an edit is refused: a key with arguments for the pages' languages, an English sentence for everybody else.

use crate::{FriendNo, GroupNo, NumberError, Reading};
use serde::{Deserialize, Serialize};

/// What a refusal means to the one who asked (RFC 9110 status).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// 422: a value is wrong.
    Invalid,
    /// 422: two readings; ask.
    Ambiguous,
    /// 409: against a rule of the book, or changed meanwhile.
    Conflict,
    /// 404.
    NotFound,
}

/// Why an edit changes nothing. What was typed is still in the caller's hands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[allow(missing_docs)] // Each is its own sentence.
pub enum Refusal {
    #[error("Write the name the phone should show")]
    NameMissing,
    #[error("The name has {length} characters; the most is {most}. Write it shorter")]
    NameTooLong { length: usize, most: usize },
    #[error(
        "The {field} holds a character that cannot be shown (a line break or a control character). Write it on one line"
    )]
    ControlCharacter { field: String },
    #[error("The {field} has {length} characters; the most is {most}. Write it shorter")]
    TextTooLong {
        field: String,
        length: usize,
        most: usize,
    },
    #[error("Write the number")]
    NumberMissing { index: usize },
    #[error("{error}")]
    Number { index: usize, error: NumberError },
    #[error(
        "{typed} is too short for a telephone number. Is a part missing? If it is right, keep it as it is"
    )]
    NumberTooShort { index: usize, typed: String },
    #[error(
        "{typed} is too long for a telephone number. Is it two numbers? If it is right, keep it as it is"
    )]
    NumberTooLong { index: usize, typed: String },
    #[error("{typed} can be read in two ways, {} and {}. Which one is it?", a.typed, b.typed)]
    Ambiguous {
        index: usize,
        typed: String,
        a: Box<Reading>,
        b: Box<Reading>,
    },
    #[error("{count} numbers are too many for one friend; the most is {most}")]
    TooManyNumbers { count: usize, most: usize },
    #[error("Key {key} cannot be used: keys are 2 to 9")]
    Key { key: u8 },
    #[error("There are {most} emergency contacts already. Take the mark from another one first")]
    EmergencyFull { most: usize },
    #[error("The book is full: it holds {most} friends")]
    FriendsFull { most: usize },
    #[error("The book is full: it holds {most} groups")]
    GroupsFull { most: usize },
    #[error("There is a group “{name}” already. Choose another name")]
    GroupExists { name: String },
    #[error("This friend is not in the book, or was deleted")]
    NoFriend { friend: FriendNo },
    #[error("This group is not in the book, or was deleted")]
    NoGroup { group: GroupNo },
    #[error("Changed meanwhile: {}. Look at both, then save again", fields.join(", "))]
    ChangedSince { fields: Vec<String> },
    #[error("This change belongs to another book")]
    OtherBook,
    #[error(
        "This was too long ago: what stood there is not kept any more, so it cannot be undone. Write it anew"
    )]
    Forgotten,
}

impl Refusal {
    /// The message's key in the locales, stable.
    pub fn key(&self) -> &'static str {
        match self {
            Self::NameMissing => "name-missing",
            Self::NameTooLong { .. } => "name-too-long",
            Self::ControlCharacter { .. } => "control-character",
            Self::TextTooLong { .. } => "text-too-long",
            Self::NumberMissing { .. } => "number-missing",
            Self::Number {
                error: NumberError::Empty,
                ..
            } => "number-missing",
            Self::Number {
                error: NumberError::Letters { .. },
                ..
            } => "number-letters",
            Self::Number {
                error: NumberError::Sign { .. },
                ..
            } => "number-sign",
            Self::NumberTooShort { .. } => "number-too-short",
            Self::NumberTooLong { .. } => "number-too-long",
            Self::Ambiguous { .. } => "ambiguous",
            Self::TooManyNumbers { .. } => "too-many-numbers",
            Self::Key { .. } => "key-range",
            Self::EmergencyFull { .. } => "emergency-full",
            Self::FriendsFull { .. } => "friends-full",
            Self::GroupsFull { .. } => "groups-full",
            Self::GroupExists { .. } => "group-exists",
            Self::NoFriend { .. } => "no-friend",
            Self::NoGroup { .. } => "no-group",
            Self::ChangedSince { .. } => "changed-since",
            Self::OtherBook => "other-book",
            Self::Forgotten => "forgotten",
        }
    }

    /// The message's arguments, by name.
    pub fn args(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::NameTooLong { length, most } => {
                vec![("length", length.to_string()), ("most", most.to_string())]
            }
            Self::TextTooLong {
                field,
                length,
                most,
            } => {
                vec![
                    ("field", field.clone()),
                    ("length", length.to_string()),
                    ("most", most.to_string()),
                ]
            }
            Self::ControlCharacter { field } => vec![("field", field.clone())],
            Self::Number {
                error: NumberError::Letters { typed, letter },
                ..
            } => {
                vec![("typed", typed.clone()), ("letter", letter.to_string())]
            }
            Self::Number {
                error: NumberError::Sign { typed, sign },
                ..
            } => {
                vec![("typed", typed.clone()), ("sign", sign.to_string())]
            }
            Self::NumberTooShort { typed, .. } | Self::NumberTooLong { typed, .. } => {
                vec![("typed", typed.clone())]
            }
            Self::Ambiguous { typed, a, b, .. } => {
                vec![
                    ("typed", typed.clone()),
                    ("a", a.typed.clone()),
                    ("b", b.typed.clone()),
                ]
            }
            Self::TooManyNumbers { count, most } => {
                vec![("count", count.to_string()), ("most", most.to_string())]
            }
            Self::Key { key } => vec![("key", key.to_string())],
            Self::EmergencyFull { most }
            | Self::FriendsFull { most }
            | Self::GroupsFull { most } => {
                vec![("most", most.to_string())]
            }
            Self::GroupExists { name } => vec![("name", name.clone())],
            Self::ChangedSince { fields } => vec![("fields", fields.join(", "))],
            _ => Vec::new(),
        }
    }

    /// The field to blame, as API.md names it (`numbers[0].number`), if one is.
    pub fn field(&self) -> Option<String> {
        Some(match self {
            Self::NameMissing | Self::NameTooLong { .. } | Self::GroupExists { .. } => {
                "name".to_owned()
            }
            Self::ControlCharacter { field } | Self::TextTooLong { field, .. } => field.clone(),
            Self::NumberMissing { index }
            | Self::Number { index, .. }
            | Self::NumberTooShort { index, .. }
            | Self::NumberTooLong { index, .. }
            | Self::Ambiguous { index, .. } => format!("numbers[{index}].number"),
            Self::TooManyNumbers { .. } => "numbers".to_owned(),
            Self::Key { .. } => "speed_dial".to_owned(),
            Self::EmergencyFull { .. } => "emergency".to_owned(),
            Self::NoGroup { .. } => "groups".to_owned(),
            Self::ChangedSince { fields } => fields.first()?.clone(),
            _ => return None,
        })
    }

    /// What it means to the one who asked.
    pub fn class(&self) -> Class {
        match self {
            Self::Ambiguous { .. } => Class::Ambiguous,
            Self::NoFriend { .. } | Self::NoGroup { .. } => Class::NotFound,
            Self::EmergencyFull { .. }
            | Self::FriendsFull { .. }
            | Self::GroupsFull { .. }
            | Self::GroupExists { .. }
            | Self::ChangedSince { .. }
            | Self::OtherBook
            | Self::Forgotten => Class::Conflict,
            _ => Class::Invalid,
        }
    }

    /// Both readings of an ambiguous number.
    pub fn readings(&self) -> Option<(&Reading, &Reading)> {
        match self {
            Self::Ambiguous { a, b, .. } => Some((a, b)),
            _ => None,
        }
    }
}
