//! The journal: every change of a book, by whom, by which way, before and after. History is the store.

use crate::{Book, Friend, FriendNo, Group, GroupNo, Revision, SubscriberId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What kind of actor made a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// At the desk, on the caller's instruction.
    Agent,
    /// The owner herself.
    Owner,
    /// Family.
    Guardian,
    /// Who runs Kith.
    Administrator,
    /// An API token.
    Token,
    /// Typed on the terminal.
    Terminal,
    /// Kith itself (a refused hold).
    System,
}

/// Who made a change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// What kind.
    pub kind: ActorKind,
    /// The account's or token's id.
    pub id: String,
    /// The name at that time.
    pub name: String,
}

/// By which way a change came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // The names are the words of API.md.
pub enum Way {
    Desk,
    Portal,
    Console,
    Api,
    #[serde(rename = "carddav")]
    CardDav,
    Terminal,
    Cli,
    Import,
}

/// A friend or a group as it stood before or after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// A friend.
    Friend(Friend),
    /// A group with its members.
    Group {
        /// The group.
        group: Group,
        /// Who was in it.
        friends: BTreeSet<FriendNo>,
    },
}

/// What one change did: exactly one friend or one group, before and after (`None`: not there).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeBody {
    /// The friend, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub friend: Option<FriendNo>,
    /// The group, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupNo>,
    /// As it stood.
    pub before: Option<Entry>,
    /// As it stands now.
    pub after: Option<Entry>,
    /// Who gave up the key that this friend took: undoing this change gives it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_from: Option<FriendNo>,
    /// What stood there is not kept any more (DECISIONS.md, “retention”): numbers and times alone are left, and it cannot
    /// be undone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forgotten: bool,
}

impl ChangeBody {
    /// Takes out every text of the entry: that there was one, and when, stays.
    pub fn forget(&mut self) {
        for entry in [&mut self.before, &mut self.after].into_iter().flatten() {
            match entry {
                Entry::Friend(friend) => {
                    *friend = Friend {
                        no: friend.no,
                        added: friend.added,
                        ..Friend::default()
                    }
                }
                Entry::Group { group, .. } => group.name.clear(),
            }
        }
        self.forgotten = true;
    }

    /// The friend before, if this is about one and it was there.
    pub fn friend_before(&self) -> Option<&Friend> {
        friend_of(self.before.as_ref())
    }

    /// The friend after, if this is about one and it is there.
    pub fn friend_after(&self) -> Option<&Friend> {
        friend_of(self.after.as_ref())
    }
}

fn friend_of(entry: Option<&Entry>) -> Option<&Friend> {
    match entry {
        Some(Entry::Friend(friend)) => Some(friend),
        _ => None,
    }
}

/// One journal record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Whose book.
    pub subscriber: SubscriberId,
    /// The book's revision after it.
    pub revision: Revision,
    /// When, ms UTC.
    pub at_ms: i64,
    /// By whom.
    pub actor: Actor,
    /// By which way.
    pub way: Way,
    /// In which call (its API id).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// Changes of one sitting belong together.
    pub sitting: u64,
    /// What.
    pub body: ChangeBody,
}

/// Applies a journal record as it was written: replaying a whole journal on an empty book gives the book.
pub fn replay(book: &mut Book, revision: Revision, body: &ChangeBody) {
    book.revision = revision;
    if let Some(no) = body.friend {
        match body.friend_after() {
            Some(friend) => book.friends.insert(no, friend.clone()),
            None => book.friends.remove(&no),
        };
        book.next_friend = book.next_friend.max(no.0.saturating_add(1));
        let highest = body
            .friend_after()
            .into_iter()
            .flat_map(|f| &f.numbers)
            .map(|n| n.no.0)
            .max();
        book.next_number = book.next_number.max(highest.unwrap_or(0).saturating_add(1));
    }
    if let Some(no) = body.group {
        let members = match &body.after {
            Some(Entry::Group { group, friends }) => {
                book.groups.insert(no, group.clone());
                friends.clone()
            }
            _ => {
                book.groups.remove(&no);
                BTreeSet::new()
            }
        };
        for friend in book.friends.values_mut() {
            if members.contains(&friend.no) {
                friend.groups.insert(no);
            } else {
                friend.groups.remove(&no);
            }
        }
        book.next_group = book.next_group.max(no.0.saturating_add(1));
    }
}
