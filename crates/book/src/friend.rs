//! Friends, groups and the book that holds them.

use crate::{FriendNo, GroupNo, Number, Revision, SubscriberId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// An entry of a book.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Friend {
    /// Stable for ever.
    pub no: FriendNo,
    /// The name as the owner says it: one field, 1–64 graphemes, NFC.
    pub name: String,
    /// Where the name is sorted, if not by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort_as: Option<String>,
    /// At most ten, in order of importance; none is allowed (import, CardDAV).
    pub numbers: Vec<Number>,
    /// Free text that never goes to a terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The key 2–9 that she would like; unique in a book.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed_dial: Option<u8>,
    /// Shown first everywhere; at most five in a book.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub emergency: bool,
    /// In the book, but on no terminal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_off_phone: bool,
    /// The groups of this friend.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<GroupNo>,
    /// The revision that added the friend: “oldest first” when a terminal is full.
    #[serde(default)]
    pub added: Revision,
}

/// A named set of friends; who is in it is told by [`Friend::groups`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Stable for ever.
    pub no: GroupNo,
    /// 1–64 graphemes, NFC, unique in the book.
    pub name: String,
}

/// A subscriber's friends and groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// Whose.
    pub subscriber: SubscriberId,
    /// Grows by one with every change.
    pub revision: Revision,
    /// By number.
    pub friends: BTreeMap<FriendNo, Friend>,
    /// By number.
    pub groups: BTreeMap<GroupNo, Group>,
    /// The number of the next friend.
    pub next_friend: u32,
    /// The number of the next group.
    pub next_group: u32,
    /// The number of the next telephone number.
    pub next_number: u32,
}

impl Book {
    /// An empty book at revision 0; numbers start at 1.
    pub fn new(subscriber: SubscriberId) -> Self {
        Self {
            subscriber,
            revision: Revision(0),
            friends: BTreeMap::new(),
            groups: BTreeMap::new(),
            next_friend: 1,
            next_group: 1,
            next_number: 1,
        }
    }

    /// The friends of a group.
    pub fn members(&self, group: GroupNo) -> BTreeSet<FriendNo> {
        self.friends
            .values()
            .filter(|f| f.groups.contains(&group))
            .map(|f| f.no)
            .collect()
    }

    /// The friend who sits on a key.
    pub fn on_key(&self, key: u8) -> Option<&Friend> {
        self.friends.values().find(|f| f.speed_dial == Some(key))
    }
}

/// The language of a subscriber's messages and pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Language {
    /// English.
    #[default]
    #[serde(rename = "en")]
    En,
    /// 简体中文.
    #[serde(rename = "zh-Hans")]
    ZhHans,
}

impl Language {
    /// The BCP 47 tag: `en` or `zh-Hans`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::ZhHans => "zh-Hans",
        }
    }

    /// Reads a tag; every `zh…` is 简体中文 for now.
    pub fn from_tag(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next()?.to_ascii_lowercase().as_str() {
            "en" => Some(Self::En),
            "zh" => Some(Self::ZhHans),
            _ => None,
        }
    }
}

/// The owner of a terminal and of a book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscriber {
    /// Stable for ever.
    pub id: SubscriberId,
    /// Her own number in normal form, `+…`.
    pub msisdn: String,
    /// Her name.
    pub name: String,
    /// The language of what is sent to her.
    pub language: Language,
    /// ISO 3166 two letters: how numbers without a country are read (see [`crate::region_of`]).
    pub region: String,
}
