//! Edits: integrity, brake, journal and due marks in one commit (rules 1, 7, 9, 10).

use crate::{BookView, Control, Event, kill};
use book::{
    Book, Change, ChangeBody, Edit, FriendNo, GroupNo, Refusal, Revision, Rules, Subscriber, vcard,
};
use delivery::{Due, Hold, HoldState, Lane, TerminalId};
use identity::Grant;
use store::{Basis, BasisOf, BookFull, EditJob, Job, Refused, StoreError};

/// What a request brings beside the edit itself.
#[derive(Debug, Clone, Default)]
pub struct EditOptions {
    /// The request's own id: the same id again changes nothing.
    pub request: Option<String>,
    /// Only if the book is still at this revision.
    pub if_revision: Option<Revision>,
}

/// An edit that was committed.
#[derive(Debug, Clone)]
pub struct Edited {
    /// The book's revision now.
    pub revision: Revision,
    /// The journal's new records; none when nothing differed.
    pub changes: Vec<Change>,
    /// The friend that it is about.
    pub friend: Option<FriendNo>,
    /// The group that it is about.
    pub group: Option<GroupNo>,
    /// The hold that keeps it off the terminals until somebody says yes.
    pub hold: Option<u32>,
}

/// Why an edit was not committed; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// A rule of the book.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Somebody else changed the book meanwhile.
    #[error("somebody else changed this meanwhile: read it again and repeat the change")]
    Stale,
    /// The request was carried out before.
    #[error("this request was already carried out")]
    Repeated,
    /// The grant does not allow it.
    #[error("you may look at this book, not change it")]
    Forbidden,
    /// It is not there.
    #[error("there is no such thing in this book")]
    NotFound,
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of every card of a file.
#[derive(Debug, Clone)]
pub struct Imported {
    /// A row a card, in the file's order.
    pub cards: Vec<vcard::Merged>,
    /// What the file had beside cards.
    pub notes: Vec<String>,
    /// The commit; none when nothing differed.
    pub edited: Option<Edited>,
}

/// A book after an edit, before it is committed.
pub(crate) struct Draft {
    pub(crate) book: Book,
    bodies: Vec<ChangeBody>,
    friends: Vec<FriendNo>,
    groups: Vec<GroupNo>,
    /// A word about a hold that is one commit with it: if somebody else decided, nothing is changed.
    pub(crate) decides: Option<Hold>,
}

impl Draft {
    pub(crate) fn of(book: &Book) -> Self {
        Self {
            book: book.clone(),
            bodies: Vec::new(),
            friends: Vec::new(),
            groups: Vec::new(),
            decides: None,
        }
    }

    /// One more edit of it.
    pub(crate) fn apply(&mut self, edit: &Edit, rules: &Rules) -> Result<(), Refusal> {
        let outcome = book::apply(&self.book, edit, rules)?;
        self.book = outcome.book;
        self.bodies.extend(outcome.changes);
        self.friends.extend(outcome.friends);
        self.groups.extend(outcome.groups);
        Ok(())
    }
}

/// How often an edit is made again when others change the book at the same time.
const ATTEMPTS: u32 = 8;
/// A sitting ends after this long without an edit by the same actor (DECISIONS.md, “brake”).
const SITTING_GAP: i64 = 30 * 60_000;

impl Control {
    /// The book that `grant` opens, with what its terminals hold.
    ///
    /// # Errors
    /// [`EditError::NotFound`] when the subscriber is gone; the store's errors.
    pub async fn read(&self, grant: &Grant) -> Result<BookView, EditError> {
        let id = grant.subscriber();
        let (subscriber, book, holds) = self.book_of(id).await?.ok_or(EditError::NotFound)?;
        let mut terminals = Vec::new();
        for full in self.store().terminals_of(id).await? {
            terminals.push(self.view(&subscriber, &book, &holds, full).await?);
        }
        Ok(BookView {
            subscriber,
            book,
            terminals,
            holds,
            shared: self.shared_of(id).await?,
        })
    }

    /// Commits `edit` with its journal records and its terminals' due marks.
    ///
    /// # Errors
    /// [`EditError`]; nothing was changed then.
    pub async fn edit(
        &self,
        grant: &Grant,
        edit: Edit,
        options: EditOptions,
    ) -> Result<Edited, EditError> {
        self.commit(grant, &options, |subscriber, book| {
            let mut draft = Draft::of(book);
            draft.apply(&edit, &Rules::new(&subscriber.region))?;
            Ok(draft)
        })
        .await
    }

    /// Undoes the change that made `revision`, field by field; an undo is a change like any other.
    ///
    /// # Errors
    /// [`EditError::Refused`] names a field that was changed since.
    pub async fn undo(&self, grant: &Grant, revision: Revision) -> Result<Edited, EditError> {
        let change = self.change_to_undo(grant, revision).await?;
        let edit = Edit::Undo(Box::new(change));
        self.edit(grant, edit, EditOptions::default()).await
    }

    /// The change that made `revision`.
    ///
    /// # Errors
    /// [`Refusal::Forgotten`] when the journal does not go back so far any more; [`EditError::NotFound`] when there was
    /// never such a revision.
    pub async fn change_to_undo(
        &self,
        grant: &Grant,
        revision: Revision,
    ) -> Result<Change, EditError> {
        let id = grant.subscriber();
        if let Some(change) = self.store().change(id, revision).await? {
            return Ok(change);
        }
        let book = self.store().book(id).await?.ok_or(EditError::NotFound)?;
        match (1..=book.revision.0).contains(&revision.0) {
            true => Err(Refusal::Forgotten.into()),
            false => Err(EditError::NotFound),
        }
    }

    /// Takes in a vCard file: one result a card, a bad card stops no other, the same file twice doubles nothing.
    ///
    /// # Errors
    /// [`EditError`] when the commit fails; cards that cannot be read are rows of the answer.
    pub async fn import(&self, grant: &Grant, octets: &[u8]) -> Result<Imported, EditError> {
        let subscriber = self.store().subscriber(grant.subscriber()).await?;
        let region = subscriber.ok_or(EditError::NotFound)?.region;
        let report = vcard::import(octets, &region);
        let mut merged = None;
        let edited = self
            .commit(grant, &EditOptions::default(), |subscriber, book| {
                let rules = Rules::new(&subscriber.region).numberless();
                let merge = vcard::merge(book, &report, &rules);
                let mut draft = Draft::of(book);
                for edit in &merge.edits {
                    draft.apply(edit, &rules)?;
                }
                merged = Some(merge);
                Ok(draft)
            })
            .await?;
        Ok(Imported {
            cards: merged.map(|merge| merge.cards).unwrap_or_default(),
            notes: report.notes.clone(),
            edited: (!edited.changes.is_empty()).then_some(edited),
        })
    }

    /// The book as a vCard file.
    ///
    /// # Errors
    /// As [`Control::read`].
    pub async fn export(
        &self,
        grant: &Grant,
        version: vcard::Version,
    ) -> Result<String, EditError> {
        let book = self.store().book(grant.subscriber()).await?;
        Ok(vcard::export(&book.ok_or(EditError::NotFound)?, version))
    }

    pub(crate) async fn commit(
        &self,
        grant: &Grant,
        options: &EditOptions,
        mut make: impl FnMut(&Subscriber, &Book) -> Result<Draft, EditError>,
    ) -> Result<Edited, EditError> {
        if !grant.may_write() {
            return Err(EditError::Forbidden);
        }
        let id = grant.subscriber();
        let request = options.request.as_deref();
        if let Some(edited) = self.done_before(id, request).await? {
            return Ok(edited);
        }
        for _ in 0..ATTEMPTS {
            let now = self.now();
            let basis = self.store().basis(basis_of(grant, now)).await?;
            let Basis {
                full,
                sitting,
                marks,
            } = basis.ok_or(EditError::NotFound)?;
            let BookFull {
                subscriber,
                book,
                holds,
                ..
            } = full;
            if options.if_revision.is_some_and(|r| r != book.revision) {
                return Err(EditError::Stale);
            }
            let draft = make(&subscriber, &book)?;
            let still_open = |decided: &Hold| {
                let mut open = holds.iter();
                open.any(|hold| hold.no == decided.no && hold.changes == decided.changes)
            };
            if draft.decides.as_ref().is_some_and(|hold| !still_open(hold)) {
                return Err(EditError::Stale);
            }
            let (friend, group) = subject(&draft.bodies);
            if draft.bodies.is_empty() && draft.decides.is_none() {
                return Ok(Edited {
                    revision: book.revision,
                    changes: Vec::new(),
                    friend,
                    group,
                    hold: None,
                });
            }
            let (sitting, before) = sitting.unwrap_or_else(|| (self.random_u64() >> 1, Vec::new()));
            let changes = journal(grant, &book, &draft.bodies, sitting, now);
            let hold = match draft.decides {
                Some(decided) => Some(decided),
                None => {
                    self.brake(&book, &holds, sitting, before, &changes, now)
                        .await?
                }
            };
            let open = hold.as_ref().filter(|hold| hold.state == HoldState::Held);
            let hold_no = open.map(|hold| hold.no);
            let revision = draft.book.revision;
            let due = self.marks(marks, revision, now, grant.call());
            let edited = Edited {
                revision,
                changes: changes.clone(),
                friend,
                group,
                hold: hold_no,
            };
            let job = Job::Edit(Box::new(EditJob {
                subscriber: id,
                expect: book.revision,
                book: draft.book,
                friends: draft.friends,
                groups: draft.groups,
                changes,
                due: due.clone(),
                hold,
                request: options.request.clone(),
                documents: request
                    .map(|request| self.done(request, &edited))
                    .into_iter()
                    .collect(),
            }));
            // The second job moves the mark to “quiet since the last edit”: merging alone keeps the earlier time.
            let marks = Job::MarkDue {
                marks: due,
                replace: true,
            };
            let mut done = self.store().run_all(vec![job, marks]).await.into_iter();
            match done.next() {
                Some(Ok(())) => kill::after("edit-committed"),
                Some(Err(StoreError::Refused(Refused::Stale))) => continue,
                Some(Err(StoreError::Refused(Refused::Repeated))) => {
                    return Err(EditError::Repeated);
                }
                Some(Err(error)) => return Err(error.into()),
                None => return Err(StoreError::Closed.into()),
            }
            self.emit(Event::Change {
                subscriber: id,
                revision,
            });
            self.wake_for(id.slice());
            return Ok(edited);
        }
        Err(EditError::Stale)
    }

    /// The hold that the sitting needs with these changes, if any (rule 9).
    async fn brake(
        &self,
        book: &Book,
        holds: &[Hold],
        sitting: u64,
        before: Vec<Change>,
        changes: &[Change],
        now: i64,
    ) -> Result<Option<Hold>, StoreError> {
        let id = book.subscriber;
        let mut all = before;
        let added = all
            .iter()
            .filter(|c| c.body.before.is_none() && c.body.friend.is_some());
        let removed = all
            .iter()
            .filter(|c| c.body.after.is_none() && c.body.friend.is_some());
        let size = (book.friends.len() + removed.count()).saturating_sub(added.count());
        all.extend(changes.iter().cloned());
        let Some(reason) = book::brake(all.iter().map(|change| &change.body), size) else {
            return Ok(None);
        };
        let (gone, renumbered) = book::altered(all.iter().map(|change| &change.body));
        let altered = gone.union(&renumbered);
        let released = altered
            .filter_map(|no| {
                let first = all.iter().find(|change| change.body.friend == Some(*no))?;
                Some((*no, first.body.friend_before()?.clone()))
            })
            .collect();
        let known = holds.iter().find(|hold| hold.sitting == sitting);
        let no = match known {
            Some(hold) => hold.no,
            None => self.store().next_hold_no(id).await?,
        };
        Ok(Some(Hold {
            subscriber: id,
            no,
            sitting,
            reason: reason.to_string(),
            changes: all.iter().map(|change| change.revision).collect(),
            released,
            state: HoldState::Held,
            since: known.map_or(now, |hold| hold.since),
            decided: None,
        }))
    }

    /// The due marks that an edit leaves: a verified call holds them back until it ends (DECISIONS.md, “when edits go”).
    pub(crate) async fn due_marks(
        &self,
        id: book::SubscriberId,
        revision: Revision,
        now: i64,
        call: Option<&str>,
    ) -> Result<Vec<(TerminalId, Due)>, StoreError> {
        let marks = self.store().read(move |reads| reads.marks_of(id)).await?;
        Ok(self.marks(marks, revision, now, call))
    }

    /// The same from the marks that are there.
    fn marks(
        &self,
        known: Vec<(TerminalId, Option<Due>)>,
        revision: Revision,
        now: i64,
        call: Option<&str>,
    ) -> Vec<(TerminalId, Due)> {
        let policy = self.settings().policy;
        known
            .into_iter()
            .map(|(id, known)| {
                let since = known.map_or(now, |due| due.since);
                let held_back = call.is_some() || known.is_some_and(|due| due.at == i64::MAX);
                let due = Due {
                    revision,
                    at: if held_back {
                        i64::MAX
                    } else {
                        policy.due_at(since, now)
                    },
                    since,
                    lane: Lane::Interactive,
                    everything: known.is_some_and(|due| due.everything),
                    verify: known.is_some_and(|due| due.verify),
                    test: known.is_some_and(|due| due.test),
                    shared: known.map_or(0, |due| due.shared),
                };
                (id, due)
            })
            .collect()
    }
}

/// What is asked before an edit by `grant`: her own book, without what shared groups bring. The sitting is its call, or
/// the actor's last one if that was not long ago.
fn basis_of(grant: &Grant, now: i64) -> BasisOf {
    let (call, way) = (grant.call().map(str::to_owned), grant.way());
    BasisOf {
        subscriber: grant.subscriber(),
        actor: grant.actor().id.clone(),
        goes_on: Box::new(move |last| {
            last.call == call
                && last.way == way
                && (call.is_some() || now - last.at_ms <= SITTING_GAP)
        }),
    }
}

fn subject(bodies: &[ChangeBody]) -> (Option<FriendNo>, Option<GroupNo>) {
    let first = bodies.first();
    (
        first.and_then(|body| body.friend),
        first.and_then(|body| body.group),
    )
}

fn journal(
    grant: &Grant,
    book: &Book,
    bodies: &[ChangeBody],
    sitting: u64,
    now: i64,
) -> Vec<Change> {
    (book.revision.0 + 1..)
        .zip(bodies)
        .map(|(revision, body)| Change {
            subscriber: grant.subscriber(),
            revision: Revision(revision),
            at_ms: now,
            actor: grant.actor().clone(),
            way: grant.way(),
            call: grant.call().map(str::to_owned),
            sitting,
            body: body.clone(),
        })
        .collect()
}
