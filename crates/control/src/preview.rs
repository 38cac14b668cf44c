//! Said before sent (rule 8): what an edit would look like on the terminals, worked out by the plan that would be sent.

use crate::{Control, EditError};
use book::{Edit, FriendNo, Rules};
use identity::Grant;
use terminals::{LeftOutReason, Plan};

/// What an edit would do to one friend's entries, before anything is committed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preview {
    /// Name and number as a terminal will show them, and whether the name is cut.
    pub shown: Vec<(String, String, bool)>,
    /// Why she would not be on a terminal.
    pub left_out: Vec<LeftOutReason>,
    /// Entries that the fullest terminal would hold, and can hold.
    pub room: Option<(usize, u16)>,
    /// Messages that would be sent for all that waits, this edit included.
    pub parts: u32,
}

impl Control {
    /// What `edit` would look like on the subscriber's terminals.
    ///
    /// # Errors
    /// As [`Control::edit`]; nothing is changed in any case.
    pub async fn preview(&self, grant: &Grant, edit: &Edit) -> Result<Preview, EditError> {
        let id = grant.subscriber();
        let (subscriber, mut book, holds) = self.book_of(id).await?.ok_or(EditError::NotFound)?;
        let (shared, own) = std::mem::take(&mut book.friends)
            .into_iter()
            .partition(|(no, _)| no.is_shared());
        book.friends = own;
        let mut outcome = book::apply(&book, edit, &Rules::new(&subscriber.region))?;
        let shared: std::collections::BTreeMap<_, _> = shared;
        outcome.book.friends.extend(shared);
        let friend = outcome.changes.first().and_then(|change| change.friend);
        let friend = friend.or(match edit {
            Edit::ChangeFriend { friend, .. } => Some(*friend),
            _ => None,
        });
        let mut preview = Preview::default();
        for full in self.store().terminals_of(id).await? {
            if full.terminal.retired {
                continue;
            }
            let planned = self.plan_for(&subscriber, &outcome.book, &holds, &full, false);
            if let (Ok(plan), Some(friend)) = (planned.plan, friend) {
                preview.take(&plan, friend);
            }
        }
        Ok(preview)
    }
}

impl Preview {
    fn take(&mut self, plan: &Plan, friend: FriendNo) {
        let shown = plan.shown.iter().filter(|entry| entry.key.friend == friend);
        for entry in shown {
            let entry = (entry.name.clone(), entry.number.clone(), entry.cut);
            if !self.shown.contains(&entry) {
                self.shown.push(entry);
            }
        }
        let left_out = plan.left_out.iter().filter(|l| l.key.friend == friend);
        self.left_out
            .extend(left_out.map(|left| left.reason.clone()));
        self.parts += plan.parts();
        let room = (plan.shown.len(), plan.capacity);
        let left = |(used, of): (usize, u16)| usize::from(of).saturating_sub(used);
        if plan.capacity < u16::MAX && self.room.is_none_or(|known| left(room) < left(known)) {
            self.room = Some(room);
        }
    }
}
