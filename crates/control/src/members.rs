//! Who carries a shared group.

use crate::{Control, EditError, Event};
use book::{GroupNo, Revision, Subscriber, SubscriberId};
use delivery::{Due, Lane, TerminalId};
use identity::OrganisationGrant;
use std::collections::BTreeMap;
use store::{Job, Member, MembersJob, Refused, StoreError};

/// How many join or leave in one go.
const AT_ONCE: usize = 500;

/// Things by the slice that they belong to: nothing that is committed together crosses slices.
pub(crate) fn by_slice<T>(
    things: impl IntoIterator<Item = T>,
    slice: impl Fn(&T) -> u8,
) -> BTreeMap<u8, Vec<T>> {
    let mut all = BTreeMap::<u8, Vec<T>>::new();
    for thing in things {
        all.entry(slice(&thing)).or_default().push(thing);
    }
    all
}

/// What became of numbers that should join a shared group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Joined {
    /// Subscribers who are members now, those who were before included.
    pub members: Vec<SubscriberId>,
    /// Numbers that are no subscriber's.
    pub unknown: Vec<String>,
    /// Numbers that several subscribers have: say which by his id.
    pub several: Vec<String>,
}

impl Control {
    /// Subscribers join a shared group and leave it; their terminals are due with it (rule 1).
    ///
    /// # Errors
    /// [`EditError::NotFound`] when the group, or one who joins, is not there: nobody of his slice joined then.
    pub async fn change_members(
        &self,
        grant: &OrganisationGrant,
        group: GroupNo,
        join: Vec<SubscriberId>,
        leave: Vec<SubscriberId>,
    ) -> Result<(), EditError> {
        let known = self.shared_state(grant, group).await?;
        known.ok_or(EditError::NotFound)?;
        // A number of its own: a plan made before this joining does not clear its mark.
        let shared = self.next_shared().await?;
        let now = self.now();
        let due = Due {
            at: now + self.settings().policy.quiet,
            shared,
            ..Due::new(Revision(0), now, Lane::Bulk)
        };
        let mut jobs = Vec::new();
        for of in (join.chunks(AT_ONCE).map(|join| (join, true)))
            .chain(leave.chunks(AT_ONCE).map(|leave| (leave, false)))
        {
            let (who, joins) = of;
            let mut terminals = BTreeMap::<u8, Vec<TerminalId>>::new();
            for (_, theirs) in self.store().standing(who.to_vec()).await? {
                for (terminal, _) in theirs {
                    let slice = terminal.id.subscriber.slice();
                    terminals.entry(slice).or_default().push(terminal.id);
                }
            }
            for (slice, who) in by_slice(who.iter().copied(), |id| id.slice()) {
                let (join, leave) = if joins {
                    (who, Vec::new())
                } else {
                    (Vec::new(), who)
                };
                jobs.push(Job::Members(Box::new(MembersJob {
                    group,
                    join,
                    leave,
                    terminals: terminals.remove(&slice).unwrap_or_default(),
                    due,
                })));
            }
        }
        for done in self.store().run_all(jobs).await {
            match done {
                Ok(()) => {}
                Err(StoreError::Refused(Refused::Missing)) => return Err(EditError::NotFound),
                Err(error) => return Err(error.into()),
            }
        }
        self.emit(Event::Campaign { group, id: None });
        self.wake();
        Ok(())
    }

    async fn next_shared(&self) -> Result<u64, EditError> {
        for _ in 0..crate::organisations::ATTEMPTS {
            let (no, write) = self.draw_campaign().await?;
            if self.written(vec![write]).await? {
                return Ok(no.0);
            }
        }
        Err(EditError::Stale)
    }

    /// Subscribers join by their own numbers, as a file brings them: one number never stops another.
    ///
    /// # Errors
    /// As [`Control::change_members`].
    pub async fn join_by_number(
        &self,
        grant: &OrganisationGrant,
        group: GroupNo,
        numbers: &[String],
    ) -> Result<Joined, EditError> {
        let mut joined = Joined::default();
        for typed in numbers {
            let number = self.normal_number(typed).unwrap_or_else(|| typed.clone());
            let found = self.store().subscribers_by_number(&number).await?;
            match found.as_slice() {
                [] => joined.unknown.push(typed.clone()),
                [one] => joined.members.push(one.id),
                _ => joined.several.push(typed.clone()),
            }
        }
        joined.members.sort_unstable();
        joined.members.dedup();
        if !joined.members.is_empty() {
            let members = joined.members.clone();
            self.change_members(grant, group, members, Vec::new())
                .await?;
        }
        Ok(joined)
    }

    /// A page of a group's members, in order of their ids.
    ///
    /// # Errors
    /// The store's.
    pub async fn members(
        &self,
        grant: &OrganisationGrant,
        group: GroupNo,
        after: Option<SubscriberId>,
        limit: u32,
    ) -> Result<Vec<(Subscriber, Member)>, StoreError> {
        if self.shared_state(grant, group).await?.is_none() {
            return Ok(Vec::new());
        }
        self.store()
            .read(move |reads| {
                let mut found = Vec::new();
                for member in reads.members(group, after, None, limit)? {
                    let subscriber = reads.subscriber(member.subscriber)?;
                    found.extend(subscriber.map(|s| (s, member)));
                }
                Ok(found)
            })
            .await
    }
}
