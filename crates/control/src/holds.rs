//! A person's word about what the brake held (rule 9): it goes to the terminals, or is undone, once and as a whole.

use crate::books::Draft;
use crate::{Control, EditError, EditOptions, Event, kill};
use book::{Change, Edit, Revision, Rules, standing, stands};
use delivery::{Hold, HoldState};
use identity::Grant;
use store::{Job, Refused, StoreError};

impl Control {
    /// Releases a hold (its changes go to the terminals) or refuses it (what still stands of them is undone, newest first),
    /// in one commit with the word itself.
    ///
    /// # Errors
    /// [`EditError::NotFound`] when there is no such open hold; [`EditError::Refused`] when a held field was changed since,
    /// and [`EditError::Stale`] when somebody else decided, or more was changed meanwhile: nothing was changed then.
    pub async fn decide_hold(
        &self,
        grant: &Grant,
        no: u32,
        release: bool,
    ) -> Result<Hold, EditError> {
        let mut hold = self.open_hold(grant, no).await?;
        hold.decided = Some((grant.actor().name.clone(), self.now()));
        if release {
            hold.state = HoldState::Released;
            self.release_held(&hold).await?;
        } else {
            hold.state = HoldState::Refused;
            self.take_back(grant, &hold).await?;
        }
        kill::after("hold-decided");
        Ok(hold)
    }

    async fn open_hold(&self, grant: &Grant, no: u32) -> Result<Hold, EditError> {
        let hold = self.store().hold(grant.subscriber(), no).await?;
        hold.filter(|hold| hold.state == HoldState::Held)
            .ok_or(EditError::NotFound)
    }

    async fn release_held(&self, hold: &Hold) -> Result<(), EditError> {
        let id = hold.subscriber;
        let book = self.store().book(id).await?;
        let revision = book.map_or(Revision(0), |b| b.revision);
        let due = self.due_marks(id, revision, self.now(), None).await?;
        let job = Job::PutHold {
            hold: Box::new(hold.clone()),
            due,
        };
        match self.store().run(job).await {
            Ok(()) => {}
            Err(StoreError::Refused(Refused::Stale)) => return Err(EditError::Stale),
            Err(error) => return Err(error.into()),
        }
        self.emit(Event::Change {
            subscriber: id,
            revision,
        });
        self.wake_for(id.slice());
        Ok(())
    }

    /// Undoes what still stands of a refused hold's changes to the friends that it holds.
    async fn take_back(&self, grant: &Grant, hold: &Hold) -> Result<(), EditError> {
        let mut changes = Vec::new();
        for revision in &hold.changes {
            changes.extend(self.store().change(hold.subscriber, *revision).await?);
        }
        let held = |change: &&Change| {
            let mut friends = hold.released.iter();
            friends.any(|(friend, _)| change.body.friend == Some(*friend))
        };
        let undo: Vec<Change> = standing(&changes)
            .changes
            .into_iter()
            .rev()
            .filter(held)
            .cloned()
            .collect();
        self.commit(grant, &EditOptions::default(), |subscriber, book| {
            let rules = Rules::new(&subscriber.region);
            let mut draft = Draft::of(book);
            draft.decides = Some(hold.clone());
            for change in &undo {
                // Undone already, or otherwise since: nothing of it is left to be taken back.
                if stands(&draft.book, &change.body) {
                    draft.apply(&Edit::Undo(Box::new(change.clone())), &rules)?;
                }
            }
            Ok(draft)
        })
        .await
        .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{house, owner};
    use crate::{Edited, Settings};
    use book::{FriendDraft, FriendNo, FriendPatch, NumberDraft};
    use identity::JobKind;

    struct House {
        control: Control,
        /// Who pulled the brake, and who decides.
        owner: Grant,
        decider: Grant,
        friends: Vec<FriendNo>,
        hold: u32,
    }

    impl House {
        /// Nine friends: three get another number and then, with two others, are removed, in one sitting.
        async fn new() -> Self {
            let control = house(Settings::default());
            let id = owner(&control, 100).await;
            let mut house = Self {
                control,
                owner: Grant::of_job(JobKind::Sample, id),
                decider: Grant::of_job(JobKind::CommandLine, id),
                friends: Vec::new(),
                hold: 0,
            };
            // Another sitting: what is added in one never counts in it.
            for n in 0..9 {
                let draft = FriendDraft::new(&format!("Friend {n}"), &format!("07700 90030{n}"));
                let added = house.edit(&house.decider, Edit::AddFriend(draft)).await;
                house.friends.push(added.friend.unwrap());
            }
            for n in 0..3 {
                house
                    .renumber(&house.owner, n, &format!("07700 90040{n}"))
                    .await;
            }
            for no in &house.friends[..5] {
                let removed = house.edit(&house.owner, Edit::RemoveFriend(*no)).await;
                house.hold = removed.hold.unwrap_or(house.hold);
            }
            assert_ne!(house.hold, 0);
            house
        }

        async fn edit(&self, grant: &Grant, edit: Edit) -> Edited {
            let edited = self.control.edit(grant, edit, EditOptions::default());
            edited.await.unwrap()
        }

        async fn renumber(&self, grant: &Grant, n: usize, number: &str) -> Edited {
            let patch = FriendPatch {
                numbers: Some(vec![NumberDraft {
                    number: number.into(),
                    ..NumberDraft::default()
                }]),
                ..FriendPatch::default()
            };
            let edit = Edit::ChangeFriend {
                friend: self.friends[n],
                patch,
                based_on: None,
            };
            self.edit(grant, edit).await
        }

        async fn hold(&self) -> Hold {
            let of = self.owner.subscriber();
            self.control
                .store()
                .hold(of, self.hold)
                .await
                .unwrap()
                .unwrap()
        }

        async fn decide(&self, release: bool) -> Result<Hold, EditError> {
            self.control
                .decide_hold(&self.decider, self.hold, release)
                .await
        }

        async fn numbers(&self) -> Vec<String> {
            let of = self.owner.subscriber();
            let book = self.control.store().book(of).await.unwrap().unwrap();
            let numbers = book.friends.values().flat_map(|f| &f.numbers);
            numbers.filter_map(|n| n.normal.clone()).collect()
        }
    }

    fn all() -> Vec<String> {
        (0..9).map(|n| format!("+44770090030{n}")).collect()
    }

    #[tokio::test]
    async fn a_refusal_that_was_broken_off_anywhere_comes_to_its_end() {
        for done in 0..=8 {
            let house = House::new().await;
            let hold = house.hold().await;
            // As an earlier Kith undid them: one by one, and then it died.
            for revision in hold.changes.iter().rev().take(done) {
                house.control.undo(&house.decider, *revision).await.unwrap();
            }
            let refused = house.decide(false).await.unwrap();
            assert_eq!(refused.state, HoldState::Refused, "{done} undone before");
            assert_eq!(house.numbers().await, all(), "{done} undone before");
            let again = house.decide(false).await;
            assert!(matches!(again, Err(EditError::NotFound)), "{again:?}");
        }
    }

    #[tokio::test]
    async fn a_refusal_undoes_everything_or_nothing() {
        let house = House::new().await;
        // Somebody brought one of them back, with another number.
        let first = house.hold().await.changes[3];
        house.control.undo(&house.decider, first).await.unwrap();
        house.renumber(&house.decider, 0, "07700 900500").await;
        let before = house.numbers().await;
        let changed = house.decide(false).await;
        assert!(matches!(changed, Err(EditError::Refused(_))), "{changed:?}");
        assert_eq!(house.numbers().await, before);
        assert_eq!(house.hold().await.state, HoldState::Held);
        // With that number as the sitting left it, it can be refused to its end.
        house.renumber(&house.decider, 0, "07700 900400").await;
        house.decide(false).await.unwrap();
        assert_eq!(house.numbers().await, all());
    }

    #[tokio::test]
    async fn of_two_who_decide_at_once_one_is_told_and_changes_nothing() {
        let house = House::new().await;
        let held = house.numbers().await;
        let (released, refused) = tokio::join!(house.decide(true), house.decide(false));
        let state = house.hold().await.state;
        let (done, late, numbers) = match state {
            HoldState::Released => (released, refused, held),
            _ => (refused, released, all()),
        };
        assert_eq!(done.unwrap().state, state);
        assert!(matches!(late, Err(EditError::Stale)), "{late:?}");
        assert_eq!(house.numbers().await, numbers);
        // Wherever the other one's word comes between.
        let house = House::new().await;
        let mut seen = house.hold().await;
        house.decide(true).await.unwrap();
        let before = house.numbers().await;
        seen.state = HoldState::Refused;
        let late = house.control.take_back(&house.decider, &seen).await;
        assert!(matches!(late, Err(EditError::Stale)), "{late:?}");
        assert_eq!(house.numbers().await, before);
        assert_eq!(house.hold().await.state, HoldState::Released);
    }

    #[tokio::test]
    async fn who_decides_second_overwrites_nothing() {
        let house = House::new().await;
        let mut seen = house.hold().await;
        house.decide(true).await.unwrap();
        // The other one read it before.
        seen.state = HoldState::Refused;
        let job = |hold: &Hold| Job::PutHold {
            hold: Box::new(hold.clone()),
            due: Vec::new(),
        };
        let late = house.control.store().run(job(&seen)).await;
        assert!(matches!(late, Err(StoreError::Refused(Refused::Stale))));
        assert_eq!(house.hold().await.state, HoldState::Released);

        // Nor does a word about some changes count for more of them.
        let house = House::new().await;
        let mut seen = house.hold().await;
        house
            .edit(&house.owner, Edit::RemoveFriend(house.friends[6]))
            .await;
        assert_ne!(house.hold().await.changes, seen.changes);
        seen.state = HoldState::Released;
        let late = house.control.store().run(job(&seen)).await;
        assert!(matches!(late, Err(StoreError::Refused(Refused::Stale))));
        assert_eq!(house.hold().await.state, HoldState::Held);
    }
}
