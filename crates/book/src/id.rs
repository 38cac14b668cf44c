//! Keys, and the ids that programs see: a letter for the kind and base32 of the whole key (DECISIONS.md, “slice, ids”).

use crate::OrganisationNo;
use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A subscriber: 0 ‖ slice (8 bits) ‖ random (55 bits), so that every id finds its slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SubscriberId(pub u64);

impl SubscriberId {
    /// The id for a slice and 55 random bits (higher bits of `random` are dropped).
    pub const fn new(slice: u8, random: u64) -> Self {
        Self(((slice as u64) << 55) | (random & ((1 << 55) - 1)))
    }
    /// The slice that holds everything of this subscriber.
    pub const fn slice(self) -> u8 {
        ((self.0 >> 55) & 0xFF) as u8
    }
}

/// A subscriber prints as its API id.
impl fmt::Display for SubscriberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&subscriber_id(*self))
    }
}

/// A friend within a book, from 1, never used again.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct FriendNo(pub u32);

/// A group within a book, from 1, never used again.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct GroupNo(pub u32);

/// A number within a book, from 1, never used again: a slot of a terminal is bound to it. 0 means “no number”.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct NumberNo(pub u32);

/// A book's revision: grows by one with every change, 0 for a new book.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct Revision(pub u64);

/// The API id of any key: `letter`, then base32 (RFC 4648 §6, lower case, no padding) of its octets.
pub fn encode(letter: char, key: &[u8]) -> String {
    let mut id = String::from(letter);
    id.push_str(&BASE32_NOPAD.encode(key).to_ascii_lowercase());
    id
}

/// The octets of an API id, or `None` unless it is exactly what [`encode`] writes for this letter.
pub fn decode(letter: char, id: &str) -> Option<Vec<u8>> {
    let key = BASE32_NOPAD
        .decode(id.strip_prefix(letter)?.to_ascii_uppercase().as_bytes())
        .ok()?;
    (encode(letter, &key) == id).then_some(key)
}

/// The API id of something of a subscriber that is numbered with 32 bits (`t` terminals, `h` holds …).
pub fn encode_in(letter: char, subscriber: SubscriberId, no: u32) -> String {
    encode(
        letter,
        &[&subscriber.0.to_be_bytes()[..], &no.to_be_bytes()].concat(),
    )
}

/// Reads what [`encode_in`] writes.
pub fn decode_in(letter: char, id: &str) -> Option<(SubscriberId, u32)> {
    let key = decode(letter, id)?;
    let (subscriber, no) = key.split_at_checked(8)?;
    Some((
        SubscriberId(u64::from_be_bytes(subscriber.try_into().ok()?)),
        u32::from_be_bytes(no.try_into().ok()?),
    ))
}

/// `s…`
pub fn subscriber_id(subscriber: SubscriberId) -> String {
    encode('s', &subscriber.0.to_be_bytes())
}

/// Reads `s…`.
pub fn parse_subscriber_id(id: &str) -> Option<SubscriberId> {
    Some(SubscriberId(u64::from_be_bytes(
        decode('s', id)?.try_into().ok()?,
    )))
}

/// `f…`
pub fn friend_id(subscriber: SubscriberId, friend: FriendNo) -> String {
    encode_in('f', subscriber, friend.0)
}

/// Reads `f…`.
pub fn parse_friend_id(id: &str) -> Option<(SubscriberId, FriendNo)> {
    decode_in('f', id).map(|(s, no)| (s, FriendNo(no)))
}

/// `g…`
pub fn group_id(subscriber: SubscriberId, group: GroupNo) -> String {
    encode_in('g', subscriber, group.0)
}

/// Reads `g…`.
pub fn parse_group_id(id: &str) -> Option<(SubscriberId, GroupNo)> {
    decode_in('g', id).map(|(s, no)| (s, GroupNo(no)))
}

/// `n…`
pub fn number_id(subscriber: SubscriberId, number: NumberNo) -> String {
    encode_in('n', subscriber, number.0)
}

/// Reads `n…`.
pub fn parse_number_id(id: &str) -> Option<(SubscriberId, NumberNo)> {
    decode_in('n', id).map(|(s, no)| (s, NumberNo(no)))
}

/// `c…`
pub fn change_id(subscriber: SubscriberId, revision: Revision) -> String {
    encode(
        'c',
        &[subscriber.0.to_be_bytes(), revision.0.to_be_bytes()].concat(),
    )
}

/// Reads `c…`.
pub fn parse_change_id(id: &str) -> Option<(SubscriberId, Revision)> {
    let key = decode('c', id)?;
    let (subscriber, revision) = key.split_at_checked(8)?;
    Some((
        SubscriberId(u64::from_be_bytes(subscriber.try_into().ok()?)),
        Revision(u64::from_be_bytes(revision.try_into().ok()?)),
    ))
}

/// `o…`
pub fn organisation_id(organisation: OrganisationNo) -> String {
    encode('o', &organisation.0.to_be_bytes())
}

/// Reads `o…`.
pub fn parse_organisation_id(id: &str) -> Option<OrganisationNo> {
    Some(OrganisationNo(word('o', id)?))
}

/// `q…`: a shared group.
pub fn shared_group_id(group: GroupNo) -> String {
    encode('q', &group.0.to_be_bytes())
}

/// Reads `q…`.
pub fn parse_shared_group_id(id: &str) -> Option<GroupNo> {
    word('q', id).map(GroupNo).filter(|group| group.is_shared())
}

/// `e…`: a friend of a shared group.
pub fn shared_friend_id(friend: FriendNo) -> String {
    encode('e', &friend.0.to_be_bytes())
}

/// Reads `e…`.
pub fn parse_shared_friend_id(id: &str) -> Option<FriendNo> {
    word('e', id)
        .map(FriendNo)
        .filter(|friend| friend.is_shared())
}

fn word(letter: char, id: &str) -> Option<u32> {
    Some(u32::from_be_bytes(decode(letter, id)?.try_into().ok()?))
}
