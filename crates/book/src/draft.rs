//! What a person wants a friend to be, before the rules have seen it; the shapes of API.md's bodies.

use crate::number::{Doubt, Number, Understood, understand};
use crate::{Friend, GroupNo, Label, NumberNo, Refusal, Rules};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeSet;
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// A number as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NumberDraft {
    /// As typed.
    pub number: String,
    /// Which one it is.
    pub label: Option<Label>,
    /// “Keep it as it is”: no question about its length or its readings.
    pub keep: bool,
    /// The number of the friend that this one replaces; found by itself if absent.
    pub no: Option<NumberNo>,
}

/// A friend as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FriendDraft {
    /// The name the phone should show.
    pub name: String,
    /// Where to sort it.
    pub sort_as: Option<String>,
    /// In order of importance.
    pub numbers: Vec<NumberDraft>,
    /// Free text.
    pub note: Option<String>,
    /// A key, 2–9.
    pub speed_dial: Option<u8>,
    /// Shown first.
    pub emergency: bool,
    /// On no terminal.
    pub keep_off_phone: bool,
    /// Existing groups.
    pub groups: BTreeSet<GroupNo>,
}

/// What to change of a friend: `None` leaves a field; the inner `None` empties it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // The fields of FriendDraft.
pub struct FriendPatch {
    pub name: Option<String>,
    #[serde(deserialize_with = "given")]
    pub sort_as: Option<Option<String>>,
    pub numbers: Option<Vec<NumberDraft>>,
    #[serde(deserialize_with = "given")]
    pub note: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    pub speed_dial: Option<Option<u8>>,
    pub emergency: Option<bool>,
    pub keep_off_phone: Option<bool>,
    pub groups: Option<BTreeSet<GroupNo>>,
}

/// In JSON a `null` that is there empties the field; one that is absent leaves it.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(json: D) -> Result<Option<T>, D::Error> {
    T::deserialize(json).map(Some)
}

impl FriendDraft {
    /// A name and one number.
    pub fn new(name: &str, number: &str) -> Self {
        let number = NumberDraft {
            number: number.to_owned(),
            ..NumberDraft::default()
        };
        Self {
            name: name.to_owned(),
            numbers: vec![number],
            ..Self::default()
        }
    }

    /// A patch that makes a friend equal to this draft.
    pub fn into_patch(self) -> FriendPatch {
        FriendPatch {
            name: Some(self.name),
            sort_as: Some(self.sort_as),
            numbers: Some(self.numbers),
            note: Some(self.note),
            speed_dial: Some(self.speed_dial),
            emergency: Some(self.emergency),
            keep_off_phone: Some(self.keep_off_phone),
            groups: Some(self.groups),
        }
    }
}

/// A form of an existing friend.
impl From<&Friend> for FriendDraft {
    fn from(friend: &Friend) -> Self {
        let numbers = friend.numbers.iter().map(|n| NumberDraft {
            number: n.typed.clone(),
            label: n.label,
            keep: false,
            no: Some(n.no),
        });
        Self {
            name: friend.name.clone(),
            sort_as: friend.sort_as.clone(),
            numbers: numbers.collect(),
            note: friend.note.clone(),
            speed_dial: friend.speed_dial,
            emergency: friend.emergency,
            keep_off_phone: friend.keep_off_phone,
            groups: friend.groups.clone(),
        }
    }
}

/// A name in NFC, trimmed, within the limits (DECISIONS.md, “integrity”).
pub(crate) fn name(typed: &str, rules: &Rules) -> Result<String, Refusal> {
    let name: String = typed.trim().nfc().collect();
    let length = name.graphemes(true).count();
    if name.chars().any(char::is_control) {
        Err(Refusal::ControlCharacter {
            field: "name".to_owned(),
        })
    } else if length == 0 {
        Err(Refusal::NameMissing)
    } else if length > rules.name_graphemes {
        Err(Refusal::NameTooLong {
            length,
            most: rules.name_graphemes,
        })
    } else {
        Ok(name)
    }
}

/// Optional text; empty is none. Lines are allowed in a note only.
pub(crate) fn text(
    field: &str,
    typed: Option<&str>,
    most: usize,
    lines: bool,
) -> Result<Option<String>, Refusal> {
    let Some(typed) = typed else { return Ok(None) };
    let text: String = typed.trim().nfc().collect();
    let length = text.graphemes(true).count();
    if text
        .chars()
        .any(|c| c.is_control() && !(lines && matches!(c, '\n' | '\r' | '\t')))
    {
        Err(Refusal::ControlCharacter {
            field: field.to_owned(),
        })
    } else if length > most {
        Err(Refusal::TextTooLong {
            field: field.to_owned(),
            length,
            most,
        })
    } else {
        Ok((!text.is_empty()).then_some(text))
    }
}

/// Reads one number. `no` is left at 0.
pub(crate) fn number(index: usize, draft: &NumberDraft, region: &str) -> Result<Number, Refusal> {
    if draft.number.trim().is_empty() {
        return Err(Refusal::NumberMissing { index });
    }
    let typed = crate::plain_digits(&draft.number);
    let reading = match understand(&draft.number, region)
        .map_err(|error| Refusal::Number { index, error })?
    {
        Understood::Clear(reading) => reading,
        Understood::TwoReadings { a, .. } if draft.keep => crate::Reading {
            typed: typed.clone(),
            normal: None,
            ..a
        },
        Understood::TwoReadings { a, b } => {
            return Err(Refusal::Ambiguous {
                index,
                typed,
                a: Box::new(a),
                b: Box::new(b),
            });
        }
    };
    match reading.doubt.filter(|_| !draft.keep) {
        Some(Doubt::TooShort) => return Err(Refusal::NumberTooShort { index, typed }),
        Some(Doubt::TooLong) => return Err(Refusal::NumberTooLong { index, typed }),
        None => {}
    }
    Ok(Number {
        no: NumberNo(0),
        typed,
        normal: reading.normal,
        post_dial: reading.post_dial,
        label: draft.label,
    })
}
