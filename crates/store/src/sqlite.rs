//! SQLite as a store: [`Jobs`] as prepared statements in one transaction, [`Reads`] as one statement or a few.

mod books;
mod columns;
mod documents;
mod holds;
mod members;
mod migrate;
mod open;
mod shipments;
mod subscribers;
mod terminals;

pub(crate) use open::{Place, checkpoint};

use crate::*;
use book::{Book, Change, GroupNo, Revision, Subscriber, SubscriberId};
use delivery::{Due, Hold, PartRef, Shipment, ShipmentId, Terminal, TerminalId};
use rusqlite::{Connection, TransactionBehavior};

/// One connection.
pub(crate) struct Sqlite(pub(crate) Connection);

/// Why a job stopped.
enum Stop {
    Refused(Refused),
    Database(rusqlite::Error),
    /// Kith asked for what must never be done.
    Mistake(String),
}

impl From<Refused> for Stop {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// What a job came to. Every job reads what it demands before it writes, so a refusal needs nothing undone.
type Done = Result<(), Stop>;

fn failed(what: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |e| StoreError::Database {
        what,
        why: e.to_string(),
    }
}

impl Jobs for Sqlite {
    fn commit(&mut self, group: &[Job]) -> Result<Vec<Result<(), Refused>>, StoreError> {
        let immediate = TransactionBehavior::Immediate;
        let transaction = self
            .0
            .transaction_with_behavior(immediate)
            .map_err(failed("begin a change"))?;
        let mut results = Vec::with_capacity(group.len());
        for job in group {
            let (what, done) = carry_out(&transaction, job);
            results.push(match done {
                Ok(()) => Ok(()),
                Err(Stop::Refused(refused)) => Err(refused),
                Err(Stop::Database(e)) => return Err(failed(what)(e)),
                Err(Stop::Mistake(why)) => return Err(StoreError::Database { what, why }),
            });
        }
        transaction.commit().map_err(failed("commit a change"))?;
        Ok(results)
    }
}

fn carry_out(db: &Connection, job: &Job) -> (&'static str, Done) {
    match job {
        Job::CreateSubscriber(s) => ("create a subscriber", subscribers::create(db, s)),
        Job::UpdateSubscriber(s) => ("change a subscriber", subscribers::update(db, s)),
        Job::DeleteSubscriber(id) => ("delete a subscriber", subscribers::delete(db, *id)),
        Job::Edit(edit) => ("write an edit", books::edit(db, edit)),
        Job::AddTerminal(terminal) => ("add a terminal", terminals::add(db, terminal)),
        Job::ChangeTerminal {
            terminal,
            blank,
            due,
        } => (
            "change a terminal",
            terminals::change(db, terminal, *blank, due.as_ref()),
        ),
        Job::MarkDue { marks, replace } => (
            "mark terminals due",
            terminals::mark_due(db, marks, *replace),
        ),
        Job::Settle(settle) => ("record a delivery's step", shipments::settle(db, settle)),
        Job::PutHold { hold, due } => ("write a hold", holds::put(db, hold, due)),
        Job::Documents(writes) => ("write documents", documents::write(db, writes)),
        Job::Members(job) => ("change a shared group's members", members::change(db, job)),
        Job::MarkMembers { members, due } => (
            "mark members' terminals due",
            members::mark(db, members, due).map_err(Stop::from),
        ),
        Job::HoldMarks { shared, at } => (
            "hold back a campaign",
            members::hold_marks(db, *shared, *at).map_err(Stop::from),
        ),
        Job::Applied {
            group,
            revision,
            members,
        } => (
            "write what members have",
            members::applied(db, *group, *revision, members),
        ),
    }
}

impl Reads for Sqlite {
    fn incarnation(&self) -> Result<u64, StoreError> {
        migrate::incarnation(&self.0).map_err(failed("read its own state"))
    }
    fn counts(&self, now: i64) -> Result<Counts, StoreError> {
        shipments::counts(&self.0, now).map_err(failed("count"))
    }

    fn subscriber(&self, id: SubscriberId) -> Result<Option<Subscriber>, StoreError> {
        subscribers::one(&self.0, id).map_err(failed("read a subscriber"))
    }
    fn subscribers_by_number(&self, msisdn: &str) -> Result<Vec<Subscriber>, StoreError> {
        subscribers::by_number(&self.0, msisdn).map_err(failed("find subscribers"))
    }
    fn subscribers(
        &self,
        after: Option<SubscriberId>,
        limit: u32,
    ) -> Result<Vec<Subscriber>, StoreError> {
        subscribers::page(&self.0, after, limit).map_err(failed("list subscribers"))
    }

    fn book(&self, id: SubscriberId) -> Result<Option<Book>, StoreError> {
        books::one(&self.0, id).map_err(failed("read a book"))
    }
    fn changes(
        &self,
        id: SubscriberId,
        before: Option<Revision>,
        limit: u32,
    ) -> Result<Vec<Change>, StoreError> {
        books::changes(&self.0, id, before, limit).map_err(failed("read a journal"))
    }
    fn change(&self, id: SubscriberId, revision: Revision) -> Result<Option<Change>, StoreError> {
        books::change(&self.0, id, revision).map_err(failed("read a change"))
    }
    fn changes_of_sitting(
        &self,
        id: SubscriberId,
        sitting: u64,
    ) -> Result<Vec<Change>, StoreError> {
        books::changes_of_sitting(&self.0, id, sitting).map_err(failed("read a sitting"))
    }
    fn last_change_by(&self, id: SubscriberId, actor: &str) -> Result<Option<Change>, StoreError> {
        books::last_change_by(&self.0, id, actor).map_err(failed("read a journal"))
    }

    fn terminal(&self, id: TerminalId) -> Result<Option<TerminalFull>, StoreError> {
        terminals::one(&self.0, id).map_err(failed("read a terminal"))
    }
    fn terminals_of(&self, id: SubscriberId) -> Result<Vec<TerminalFull>, StoreError> {
        terminals::of(&self.0, id).map_err(failed("read a subscriber's terminals"))
    }
    fn terminals(
        &self,
        after: Option<TerminalId>,
        limit: u32,
    ) -> Result<Vec<(Terminal, Option<Due>)>, StoreError> {
        terminals::page(&self.0, after, limit).map_err(failed("list terminals"))
    }
    fn terminals_by_address(&self, address: &str) -> Result<Vec<TerminalId>, StoreError> {
        terminals::by_address(&self.0, address).map_err(failed("find terminals"))
    }
    fn terminal_by_iccid(&self, iccid: &str) -> Result<Option<TerminalId>, StoreError> {
        terminals::by_iccid(&self.0, iccid).map_err(failed("find a terminal"))
    }
    fn due(&self, now: i64, limit: u32) -> Result<Vec<(TerminalId, Due)>, StoreError> {
        terminals::due(&self.0, now, limit).map_err(failed("read what is due"))
    }
    fn next_due(&self) -> Result<Option<i64>, StoreError> {
        terminals::next_due(&self.0).map_err(failed("read what is due"))
    }
    fn waiting(&self, now: i64) -> Result<Vec<Terminal>, StoreError> {
        terminals::waiting(&self.0, now).map_err(failed("read what waits"))
    }
    fn next_try(&self) -> Result<Option<i64>, StoreError> {
        terminals::next_try(&self.0).map_err(failed("read what waits"))
    }
    fn held_back(&self) -> Result<Vec<TerminalId>, StoreError> {
        terminals::held_back(&self.0).map_err(failed("read what waits"))
    }

    fn shipment(&self, id: ShipmentId) -> Result<Option<Shipment>, StoreError> {
        shipments::one(&self.0, id).map_err(failed("read a shipment"))
    }
    fn shipments(&self, filter: ShipmentFilter) -> Result<Vec<Shipment>, StoreError> {
        shipments::page(&self.0, filter).map_err(failed("list shipments"))
    }
    fn unfinished(&self) -> Result<Vec<Shipment>, StoreError> {
        shipments::unfinished(&self.0).map_err(failed("read unfinished shipments"))
    }
    fn sent(&self, gateway: &str, message: &str) -> Result<Option<PartRef>, StoreError> {
        shipments::sent(&self.0, gateway, message).map_err(failed("find a message"))
    }

    fn holds(&self, of: Option<SubscriberId>, only_held: bool) -> Result<Vec<Hold>, StoreError> {
        holds::list(&self.0, of, only_held).map_err(failed("list holds"))
    }
    fn hold(&self, of: SubscriberId, no: u32) -> Result<Option<Hold>, StoreError> {
        holds::one(&self.0, of, no).map_err(failed("read a hold"))
    }
    fn next_hold_no(&self, of: SubscriberId) -> Result<u32, StoreError> {
        holds::next_no(&self.0, of).map_err(failed("read holds"))
    }

    fn memberships(&self, of: &[SubscriberId]) -> Result<Vec<(SubscriberId, GroupNo)>, StoreError> {
        members::memberships(&self.0, of).map_err(failed("read memberships"))
    }
    fn members(
        &self,
        group: GroupNo,
        after: Option<SubscriberId>,
        until: Option<SubscriberId>,
        limit: u32,
    ) -> Result<Vec<Member>, StoreError> {
        members::page(&self.0, group, after, until, limit).map_err(failed("list members"))
    }
    fn member_counts(
        &self,
        group: GroupNo,
        revision: Revision,
        until: Option<SubscriberId>,
    ) -> Result<(u64, u64), StoreError> {
        members::counts(&self.0, group, revision, until).map_err(failed("count members"))
    }
    fn standing(
        &self,
        of: &[SubscriberId],
    ) -> Result<Vec<(SubscriberId, Vec<(Terminal, Option<Due>)>)>, StoreError> {
        members::standing(&self.0, of).map_err(failed("read members' terminals"))
    }
    fn open_marks(&self, shared: u64) -> Result<u64, StoreError> {
        members::open_marks(&self.0, shared).map_err(failed("count a campaign's marks"))
    }

    fn document(&self, kind: &str, key: &str) -> Result<Option<Document>, StoreError> {
        documents::one(&self.0, kind, key).map_err(failed("read a document"))
    }
    fn documents_by_index(&self, kind: &str, index: &str) -> Result<Vec<Document>, StoreError> {
        documents::by_index(&self.0, kind, index).map_err(failed("find documents"))
    }
    fn documents(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Document>, StoreError> {
        documents::page(&self.0, kind, after, limit).map_err(failed("list documents"))
    }
}

impl Sqlite {
    /// Deletes at most `limit` documents that expired at `now` or before; how many it was.
    pub(crate) fn expire(&mut self, now: i64, limit: u32) -> Result<usize, StoreError> {
        documents::expire(&self.0, now, limit).map_err(failed("delete old documents"))
    }
    /// The store is a restored copy: a new incarnation.
    pub(crate) fn renew(&mut self) -> Result<(), StoreError> {
        migrate::renew(&self.0).map_err(failed("begin a new incarnation"))
    }
}
