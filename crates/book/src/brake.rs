//! The brake on mass changes (DECISIONS.md, “brake”; DESIGN.md, rule 9).

use crate::ChangeBody;
use std::collections::BTreeSet;

/// Why a sitting's changes wait for a person's yes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{altered} of {of} entries would be removed or get another number ({removed} removed, {renumbered} renumbered). \
     Somebody must look at them before the phone is changed"
)]
pub struct BrakeReason {
    /// Existing entries removed or renumbered in this sitting.
    pub altered: usize,
    /// Of these, removed.
    pub removed: usize,
    /// Of these, renumbered.
    pub renumbered: usize,
    /// Entries of the book before the sitting.
    pub of: usize,
}

/// The reason to hold a sitting: more than 10, or more than a quarter and at least 5, existing entries removed or
/// renumbered. `changes` are all of the sitting, in order; `book_size` is the number of friends before it.
/// Additions, and what happens to friends added in the same sitting, never count; what was undone does not either.
pub fn brake<'a>(
    changes: impl IntoIterator<Item = &'a ChangeBody>,
    book_size: usize,
) -> Option<BrakeReason> {
    let (removed, renumbered) = altered(changes);
    let count = removed.len() + renumbered.len();
    let too_many = count > 10 || (count >= 5 && count * 4 > book_size);
    too_many.then_some(BrakeReason {
        altered: count,
        removed: removed.len(),
        renumbered: renumbered.len(),
        of: book_size,
    })
}

/// The friends that a sitting removed, and those whose numbers it changed: from the first state to the last.
pub fn altered<'a>(
    changes: impl IntoIterator<Item = &'a ChangeBody>,
) -> (BTreeSet<crate::FriendNo>, BTreeSet<crate::FriendNo>) {
    let mut span = std::collections::BTreeMap::new();
    for body in changes {
        if let Some(no) = body.friend {
            let (before, after) = (body.friend_before(), body.friend_after());
            span.entry(no).or_insert((before, after)).1 = after;
        }
    }
    let (mut removed, mut renumbered) = (BTreeSet::new(), BTreeSet::new());
    for (no, ends) in span {
        match ends {
            (Some(_), None) => {
                removed.insert(no);
            }
            // A number more is an addition; one that is gone or different is not.
            (Some(before), Some(after)) => {
                let dialled = |f: &crate::Friend| {
                    f.numbers
                        .iter()
                        .map(|n| (n.main(), n.post_dial.clone()))
                        .collect::<BTreeSet<_>>()
                };
                if !dialled(before).is_subset(&dialled(after)) {
                    renumbered.insert(no);
                }
            }
            (None, _) => {}
        }
    }
    (removed, renumbered)
}
