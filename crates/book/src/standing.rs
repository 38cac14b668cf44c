//! What a sitting changed that still stands, and what undo and redo would do. The journal keeps every step; an undo is a
//! change like any other, so what stands is found by pairing each change with the one that took it back.

use crate::{Book, Change, ChangeBody, Revision};

/// The standing changes of a sitting.
#[derive(Debug, Default)]
pub struct Standing<'a> {
    /// Oldest first.
    pub changes: Vec<&'a Change>,
    /// The last undo, which redoing takes back.
    pub redo: Option<Revision>,
}

impl Standing<'_> {
    /// The change that undo takes back.
    pub fn undo(&self) -> Option<Revision> {
        self.changes.last().map(|change| change.revision)
    }
}

/// `changes` of one call or sitting, oldest first.
pub fn standing(changes: &[Change]) -> Standing<'_> {
    let mut stands: Vec<&Change> = Vec::new();
    let mut undone: Vec<&Change> = Vec::new();
    for change in changes {
        if let Some(at) = stands
            .iter()
            .rposition(|c| takes_back(&change.body, &c.body))
        {
            stands.remove(at);
            undone.push(change);
        } else if undone
            .last()
            .is_some_and(|u| takes_back(&change.body, &u.body))
        {
            undone.pop();
            stands.push(change);
        } else {
            undone.clear();
            stands.push(change);
        }
    }
    Standing {
        changes: stands,
        redo: undone.last().map(|change| change.revision),
    }
}

/// Whether there is anything left of a change that undoing it could take back: a removal whose friend is back, and whatever
/// was done to a friend who is gone, was overtaken.
pub fn stands(book: &Book, change: &ChangeBody) -> bool {
    let there = match (change.friend, change.group) {
        (Some(friend), _) => book.friends.contains_key(&friend),
        (None, Some(group)) => book.groups.contains_key(&group),
        (None, None) => return false,
    };
    there == change.after.is_some()
}

/// Whether `later` is the exact reverse of `earlier`.
fn takes_back(later: &ChangeBody, earlier: &ChangeBody) -> bool {
    later.friend == earlier.friend
        && later.group == earlier.group
        && later.before == earlier.after
        && later.after == earlier.before
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, ActorKind, Book, Edit, FriendDraft, FriendNo, Rules, SubscriberId, Way};

    struct Pen {
        book: Book,
        changes: Vec<Change>,
    }

    impl Pen {
        fn write(&mut self, edit: &Edit) {
            let outcome = crate::apply(&self.book, edit, &Rules::new("GB")).unwrap();
            let first = self.book.revision.0 + 1;
            for (revision, body) in (first..).zip(outcome.changes) {
                self.changes.push(Change {
                    subscriber: SubscriberId(1),
                    revision: Revision(revision),
                    at_ms: 0,
                    actor: Actor {
                        kind: ActorKind::Agent,
                        id: String::new(),
                        name: String::new(),
                    },
                    way: Way::Desk,
                    call: None,
                    sitting: 0,
                    body,
                });
            }
            self.book = outcome.book;
        }

        fn undo(&mut self, revision: Revision) {
            let change = self.changes.iter().find(|c| c.revision == revision);
            let edit = Edit::Undo(Box::new(change.unwrap().clone()));
            self.write(&edit);
        }

        #[track_caller]
        fn check(&self, names: &[&str], redo: bool) {
            let standing = standing(&self.changes);
            let said: Vec<_> = standing
                .changes
                .iter()
                .filter_map(|c| c.body.friend_after().or(c.body.friend_before()))
                .map(|friend| friend.name.as_str())
                .collect();
            assert_eq!(said, names);
            assert_eq!(standing.redo.is_some(), redo);
        }
    }

    #[test]
    fn undo_and_redo_walk_back_and_forth() {
        let mut pen = Pen {
            book: Book::new(SubscriberId(1)),
            changes: Vec::new(),
        };
        pen.write(&Edit::AddFriend(FriendDraft::new("Mei", "07700 900123")));
        pen.write(&Edit::AddFriend(FriendDraft::new("Wei", "07700 900124")));
        pen.check(&["Mei", "Wei"], false);
        let last = standing(&pen.changes).undo().unwrap();
        pen.undo(last);
        pen.check(&["Mei"], true);
        let last = standing(&pen.changes).undo().unwrap();
        pen.undo(last);
        pen.check(&[], true);
        let redo = standing(&pen.changes).redo.unwrap();
        pen.undo(redo);
        pen.check(&["Mei"], true);
        let redo = standing(&pen.changes).redo.unwrap();
        pen.undo(redo);
        pen.check(&["Mei", "Wei"], false);
        // Who was added and deleted in one call was never there.
        pen.write(&Edit::RemoveFriend(FriendNo(1)));
        pen.check(&["Wei"], true);
    }
}
