//! Undo is a change like any other, field by field (DECISIONS.md, “undo after later edits”).

use crate::change::{Change, Entry};
use crate::edit::{Subject, Work};
use crate::{Friend, FriendNo, Refusal};
use std::collections::BTreeSet;

/// One field of a friend: its name in API.md, whether two friends agree in it, and how to copy it.
struct Field {
    name: &'static str,
    same: fn(&Friend, &Friend) -> bool,
    copy: fn(&Friend, &mut Friend),
}

macro_rules! fields {
    ($($field:ident),*) => {
        [$(Field {
            name: stringify!($field),
            same: |a, b| a.$field == b.$field,
            copy: |from, to| to.$field = from.$field.clone(),
        }),*]
    };
}

const FIELDS: [Field; 8] = fields![
    name,
    sort_as,
    numbers,
    note,
    speed_dial,
    emergency,
    keep_off_phone,
    groups
];

/// Fields that `new` would change although somebody changed them after `seen`.
pub(crate) fn fields_changed_since(seen: &Friend, now: &Friend, new: &Friend) -> Vec<String> {
    let lost = FIELDS
        .iter()
        .filter(|f| !(f.same)(now, new) && !(f.same)(seen, now));
    lost.map(|f| f.name.to_owned()).collect()
}

/// The fields in which two friends differ, by their names in API.md.
pub fn changed_fields(before: &Friend, after: &Friend) -> Vec<&'static str> {
    FIELDS
        .iter()
        .filter(|f| !(f.same)(before, after))
        .map(|f| f.name)
        .collect()
}

/// Takes a change back, as far as it still stands.
pub(crate) fn undo(work: &mut Work<'_>, change: &Change) -> Result<Subject, Refusal> {
    if change.subscriber != work.book.subscriber {
        return Err(Refusal::OtherBook);
    }
    if change.body.forgotten {
        return Err(Refusal::Forgotten);
    }
    match (change.body.friend, change.body.group) {
        (Some(no), _) => {
            undo_friend(work, no, change)?;
            Ok(Subject::Friend(no))
        }
        (None, Some(no)) => {
            let refused = |field: &str| Refusal::ChangedSince {
                fields: vec![field.to_owned()],
            };
            let now = work.book.groups.get(&no).cloned();
            let members_now = work.book.members(no);
            match (&change.body.before, &change.body.after, now) {
                (None, Some(Entry::Group { group, friends }), Some(now)) => {
                    if now != *group || members_now != *friends {
                        return Err(refused(if now == *group { "friends" } else { "name" }));
                    }
                    work.book.groups.remove(&no);
                    work.set_members(no, &BTreeSet::new());
                }
                (Some(Entry::Group { group, friends }), None, None) => {
                    let friends = friends
                        .iter()
                        .filter(|f| work.book.friends.contains_key(f))
                        .copied()
                        .collect();
                    work.put_group(no, &group.name, Some(&friends))?;
                }
                (
                    Some(Entry::Group {
                        group: before,
                        friends: was,
                    }),
                    Some(Entry::Group {
                        group: after,
                        friends: became,
                    }),
                    Some(now),
                ) => {
                    let name = if before.name == after.name || now.name == before.name {
                        now.name
                    } else if now.name == after.name {
                        before.name.clone()
                    } else {
                        return Err(refused("name"));
                    };
                    // Members are taken back one by one: somebody who joined since stays.
                    let mut members: BTreeSet<FriendNo> = members_now;
                    members.retain(|f| was.contains(f) || !became.contains(f));
                    let left = was
                        .difference(became)
                        .filter(|f| work.book.friends.contains_key(f));
                    members.extend(left.copied());
                    work.put_group(no, &name, Some(&members))?;
                }
                _ => return Err(Refusal::NoGroup { group: no }),
            }
            Ok(Subject::Group(no))
        }
        (None, None) => Err(Refusal::OtherBook),
    }
}

fn undo_friend(work: &mut Work<'_>, no: FriendNo, change: &Change) -> Result<(), Refusal> {
    let body = &change.body;
    let now = work.book.friends.get(&no).cloned();
    match (body.friend_before(), body.friend_after(), now) {
        (None, Some(after), Some(now)) => {
            let fields = changed_fields(after, &now);
            if !fields.is_empty() {
                return Err(Refusal::ChangedSince {
                    fields: fields.into_iter().map(str::to_owned).collect(),
                });
            }
            work.book.friends.remove(&no);
        }
        (Some(before), None, None) => {
            let mut friend = before.clone();
            friend.groups.retain(|g| work.book.groups.contains_key(g));
            work.put(friend)?;
        }
        (Some(before), Some(after), Some(now)) => {
            let mut friend = now.clone();
            let mut fields = Vec::new();
            for field in FIELDS
                .iter()
                .filter(|f| !(f.same)(before, after) && !(f.same)(&now, before))
            {
                if (field.same)(&now, after) {
                    (field.copy)(before, &mut friend);
                } else {
                    fields.push(field.name.to_owned());
                }
            }
            if !fields.is_empty() {
                return Err(Refusal::ChangedSince { fields });
            }
            friend.groups.retain(|g| work.book.groups.contains_key(g));
            work.put(friend)?;
        }
        _ => return Err(Refusal::NoFriend { friend: no }),
    }
    // The key goes back to the friend who gave it up, if nobody has it now.
    let key = body.friend_after().and_then(|f| f.speed_dial);
    if let (Some(other), Some(key)) = (body.key_from, key)
        && work.book.on_key(key).is_none()
        && let Some(other) = work
            .book
            .friends
            .get_mut(&other)
            .filter(|f| f.speed_dial.is_none())
    {
        other.speed_dial = Some(key);
    }
    Ok(())
}
