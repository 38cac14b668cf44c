//! What an organisation keeps for many books at once: shared groups. Their friends are joined to a member's own book when
//! it is read for planning and for the pages; nobody's book holds a copy.

use crate::{
    Book, ChangeBody, Entry, Friend, FriendNo, Group, GroupNo, Language, Refusal, Rules,
    SubscriberId, draft,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Numbers from here on are a shared group's or its friends', unique over the whole store: they never meet a book's own.
pub const SHARED: u32 = 1 << 31;

impl FriendNo {
    /// Whether it is a friend of a shared group: read-only in a subscriber's book.
    pub const fn is_shared(self) -> bool {
        self.0 >= SHARED
    }
}

impl GroupNo {
    /// Whether it is a shared group.
    pub const fn is_shared(self) -> bool {
        self.0 >= SHARED
    }
}

/// An organisation, from 1, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OrganisationNo(pub u32);

/// Who keeps shared groups: a care service, a school, a company that hands out phones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organisation {
    /// Stable for ever.
    pub no: OrganisationNo,
    /// As the owners of the phones know it, 1–64 graphemes.
    pub name: String,
    /// Of its own pages and texts.
    pub language: Language,
    /// ISO 3166 two letters: how numbers without a country are read.
    pub region: String,
}

/// A shared group as it was last edited. `book` holds its friends and, as its only group, itself; its subscriber is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedGroup {
    /// Stable for ever.
    pub no: GroupNo,
    /// Whose.
    pub organisation: OrganisationNo,
    /// Friends, name, revision.
    pub book: Book,
}

impl SharedGroup {
    /// A group without friends, at revision 0.
    pub fn new(no: GroupNo, organisation: OrganisationNo, name: &str) -> Self {
        let mut book = Book::new(SubscriberId(0));
        let name = name.to_owned();
        book.groups.insert(no, Group { no, name });
        Self {
            no,
            organisation,
            book,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.book.groups.get(&self.no).map_or("", |g| &g.name)
    }
}

/// The name of an organisation or of a shared group, in NFC, trimmed, 1–64 graphemes.
///
/// # Errors
/// A [`Refusal`] that says what is wrong with it.
pub fn organisation_name(typed: &str) -> Result<String, Refusal> {
    draft::name(typed, &Rules::new(""))
}

/// Joins the friends of a shared group to a member's book.
pub fn carry<'a>(book: &mut Book, friends: impl IntoIterator<Item = &'a Friend>) {
    let friends = friends.into_iter().map(|f| (f.no, f.clone()));
    book.friends.extend(friends);
}

/// What differs between two contents of a group, by friend: one record each, before and after.
pub fn between<'a>(
    before: impl IntoIterator<Item = &'a Friend>,
    after: impl IntoIterator<Item = &'a Friend>,
) -> Vec<ChangeBody> {
    let by_no = |friends: Vec<&'a Friend>| -> std::collections::BTreeMap<FriendNo, &'a Friend> {
        friends.into_iter().map(|f| (f.no, f)).collect()
    };
    let before = by_no(before.into_iter().collect());
    let after = by_no(after.into_iter().collect());
    let all: BTreeSet<FriendNo> = before.keys().chain(after.keys()).copied().collect();
    let entry = |friend: Option<&&'a Friend>| friend.map(|f| Entry::Friend((*f).clone()));
    all.into_iter()
        .filter(|no| before.get(no) != after.get(no))
        .map(|no| ChangeBody {
            friend: Some(no),
            group: None,
            before: entry(before.get(&no)),
            after: entry(after.get(&no)),
            key_from: None,
            forgotten: false,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn friend(no: u32, name: &str) -> Friend {
        Friend {
            no: FriendNo(no),
            name: name.into(),
            ..Friend::default()
        }
    }

    #[test]
    fn shared_friends_stand_beside_the_own_ones() {
        let mut book = Book::new(SubscriberId(1));
        book.friends.insert(FriendNo(1), friend(1, "Own"));
        carry(&mut book, &[friend(SHARED + 1, "Care line")]);
        let names: Vec<_> = book.friends.values().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["Own", "Care line"]);
        assert!(FriendNo(SHARED + 1).is_shared() && !FriendNo(SHARED - 1).is_shared());
        assert!(GroupNo(SHARED).is_shared());
        // The numbers of the owner's next friend do not move.
        assert_eq!(book.next_friend, 1);
    }

    #[test]
    fn what_differs_is_told_by_friend() {
        let (a, b, c) = (friend(1, "A"), friend(2, "B"), friend(2, "C"));
        let names =
            |before: &[Friend], after: &[Friend]| -> Vec<(Option<String>, Option<String>)> {
                let name = |f: Option<&Friend>| f.map(|f| f.name.clone());
                between(before, after)
                    .iter()
                    .map(|body| (name(body.friend_before()), name(body.friend_after())))
                    .collect()
            };
        let some = |name: &str| Some(name.to_owned());
        assert_eq!(
            names(std::slice::from_ref(&a), std::slice::from_ref(&a)),
            []
        );
        assert_eq!(
            names(&[a.clone(), b.clone()], std::slice::from_ref(&c)),
            [(some("A"), None), (some("B"), some("C"))]
        );
        assert_eq!(names(&[], &[a]), [(None, some("A"))]);
    }
}
