//! What may be asked of a store. Every answer is one committed state.

use crate::table::{At, Database, WHOLE};
use crate::value::Columns;
use crate::{
    CardPast, Document, StoreError, Texts, basis, books, cards, documents, forget, holds, leases,
    marks, members, schedule, shipments, subscribers, terminals,
};
use ::terminals::{EntryKey, Shadow, SlotNo};
use book::{Book, Change, GroupNo, Revision, Subscriber, SubscriberId};
use delivery::{
    Due, Hold, Lease, Need, PartRef, Shipment, ShipmentId, ShipmentState, Slices, Terminal,
    TerminalId,
};
use std::collections::BTreeMap;

/// A terminal with all that a plan needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalFull {
    /// Its row.
    pub terminal: Terminal,
    /// Its due mark.
    pub due: Option<Due>,
    /// What is proven to be on it.
    pub shadow: Shadow,
    /// Where its entries stand.
    pub placement: BTreeMap<EntryKey, SlotNo>,
    /// Slots freed before, oldest first, each once.
    pub freed: Vec<SlotNo>,
}

/// Which shipments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ShipmentFilter {
    /// To this terminal.
    pub terminal: Option<TerminalId>,
    /// In this state.
    pub state: Option<ShipmentState>,
    /// Older than this one: the last of the page before.
    pub after: Option<ShipmentId>,
    /// At most so many.
    pub limit: u32,
}

/// The console's figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Subscribers.
    pub subscribers: u64,
    /// Terminals that are not retired.
    pub terminals: u64,
    /// Of these, with a due mark.
    pub due: u64,
    /// Of these, with a shipment on its way.
    pub in_flight: u64,
    /// Shipments planned in the last hour and proven since.
    pub proven_last_hour: u64,
    /// Of the terminals, those that a person must look after.
    pub in_trouble: u64,
    /// Shipments on their way: queued, sending, waiting for proof.
    pub unfinished: [u64; 3],
}

/// A member of a shared group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub subscriber: SubscriberId,
    /// The group's revision that is proven on all of his terminals.
    pub applied: Revision,
}

/// A book with what a plan needs beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookFull {
    /// Its owner.
    pub subscriber: Subscriber,
    /// The book.
    pub book: Book,
    /// The open holds on it.
    pub holds: Vec<Hold>,
    /// The shared groups that its owner carries, in order; their friends are not in the book.
    pub shared: Vec<GroupNo>,
}

/// What is asked of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScheduleOf {
    /// The slices that are asked about.
    pub owned: Slices,
    /// Now, ms UTC.
    pub now: i64,
    /// At most so many whose owners wait, and so many to be tried again.
    pub most: u32,
    /// At most so many of bulk work.
    pub bulk: u32,
}

/// What is to be planned, of terminals with nothing on their way; what a call or a pause holds back is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schedule {
    /// To be tried again, oldest first.
    pub waiting: Vec<TerminalId>,
    /// Due, and people wait for it; oldest first.
    pub people: Vec<(TerminalId, Due)>,
    /// Due in bulk, oldest first.
    pub bulk: Vec<(TerminalId, Due)>,
    /// When the first after `now` is due or tried again, ms UTC.
    pub next: Option<i64>,
}

/// Whose book an edit is of, and whose edit it is.
pub struct BasisOf {
    /// Whose book.
    pub subscriber: SubscriberId,
    /// Who edits it: an actor's id.
    pub actor: String,
    /// Whether the sitting of his last change goes on.
    pub goes_on: Box<dyn Fn(&Change) -> bool + Send>,
}

/// A sitting and its changes so far, oldest first.
pub type Sitting = (u64, Vec<Change>);

/// What an edit begins from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    /// The book, with its owner and its open holds.
    pub full: BookFull,
    /// The sitting that goes on, if one does.
    pub sitting: Option<Sitting>,
    /// The due marks of the owner's active terminals.
    pub marks: Vec<(TerminalId, Option<Due>)>,
}

/// A subscriber's terminals, each with its due mark.
pub type Owned = (SubscriberId, Vec<(Terminal, Option<Due>)>);

/// A gateway's message id, and the part that it was given for.
pub type Sent = ((String, String), PartRef);

/// A page of what is not kept any longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aged<R, C> {
    /// What goes.
    pub rows: Vec<R>,
    /// Behind which the next page begins; none: there is none.
    pub next: Option<C>,
}

/// A change that deleted an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// When, ms UTC.
    pub at: i64,
    /// In whose book.
    pub subscriber: SubscriberId,
    /// Which change.
    pub revision: Revision,
}

/// Questions to a store. `owned` are the slices that are asked about.
#[allow(missing_docs)] // What is not said here is said at `Store`'s methods of the same names.
pub trait Reads {
    fn incarnation(&self, slice: u8) -> Result<u64, StoreError>;
    /// The same of several slices.
    fn incarnations(&self, slices: &Slices) -> Result<BTreeMap<u8, u64>, StoreError>;
    /// Whether every database was there that was asked; what lies on one that is away was left out otherwise.
    fn is_whole(&self) -> bool;
    fn counts(&self, now: i64) -> Result<Counts, StoreError>;
    /// Every row of every subscriber's table as a line, in order: to compare two stores.
    fn dump(&self) -> Result<Vec<String>, StoreError>;
    fn leases(&self) -> Result<Vec<Lease>, StoreError>;

    fn subscriber(&self, id: SubscriberId) -> Result<Option<Subscriber>, StoreError>;
    fn subscribers_by_number(&self, msisdn: &str) -> Result<Vec<Subscriber>, StoreError>;
    fn subscribers(
        &self,
        after: Option<SubscriberId>,
        limit: u32,
    ) -> Result<Vec<Subscriber>, StoreError>;

    fn book(&self, id: SubscriberId) -> Result<Option<Book>, StoreError>;
    /// Those of these terminals and of these books that are there.
    fn full(
        &self,
        terminals: &[TerminalId],
        books: &[SubscriberId],
    ) -> Result<(Vec<TerminalFull>, Vec<BookFull>), StoreError>;
    /// Those of these books that are there.
    fn books_full(&self, ids: &[SubscriberId]) -> Result<Vec<BookFull>, StoreError>;
    fn changes(
        &self,
        id: SubscriberId,
        before: Option<Revision>,
        limit: u32,
    ) -> Result<Vec<Change>, StoreError>;
    fn change(&self, id: SubscriberId, revision: Revision) -> Result<Option<Change>, StoreError>;
    /// What edits begin from, one answer a question; none where there is no such book.
    fn bases(&self, of: &[BasisOf]) -> Result<Vec<Option<Basis>>, StoreError>;

    fn terminal(&self, id: TerminalId) -> Result<Option<TerminalFull>, StoreError>;
    /// Those of these terminals that are there.
    fn terminals_full(&self, ids: &[TerminalId]) -> Result<Vec<TerminalFull>, StoreError>;
    fn terminals_of(&self, id: SubscriberId) -> Result<Vec<TerminalFull>, StoreError>;
    /// The due marks of a subscriber's active terminals.
    fn marks_of(&self, id: SubscriberId) -> Result<Vec<(TerminalId, Option<Due>)>, StoreError>;
    fn terminals(
        &self,
        after: Option<TerminalId>,
        limit: u32,
    ) -> Result<Vec<(Terminal, Option<Due>)>, StoreError>;
    /// A page of the terminals with this need, by id.
    fn terminals_in_need(
        &self,
        need: Need,
        after: Option<TerminalId>,
        limit: u32,
    ) -> Result<Vec<(Terminal, Option<Due>)>, StoreError>;
    fn terminals_by_address(&self, address: &str) -> Result<Vec<TerminalId>, StoreError>;
    /// The active terminals with one of these numbers, each with its number.
    fn terminals_by_addresses(
        &self,
        addresses: &[String],
    ) -> Result<Vec<(String, TerminalId)>, StoreError>;
    fn terminal_by_iccid(&self, iccid: &str) -> Result<Option<TerminalId>, StoreError>;
    /// How far a card's counter came in the terminals that it has left.
    fn card_past(&self, iccid: &str) -> Result<Vec<CardPast>, StoreError>;
    /// What is to be planned at `now`, and when there is more.
    fn schedule(&self, of: &ScheduleOf) -> Result<Schedule, StoreError>;
    fn held_back(&self, owned: &Slices) -> Result<Vec<TerminalId>, StoreError>;

    fn shipment(&self, id: ShipmentId) -> Result<Option<Shipment>, StoreError>;
    /// Those of these shipments that are there.
    fn shipments_by_id(&self, ids: &[ShipmentId]) -> Result<Vec<Shipment>, StoreError>;
    fn shipments(&self, filter: ShipmentFilter) -> Result<Vec<Shipment>, StoreError>;
    fn unfinished(&self, owned: &Slices) -> Result<Vec<Shipment>, StoreError>;
    /// A page of the shipments that terminals have on their way, by slice and id.
    fn in_flight_after(
        &self,
        owned: &Slices,
        after: Option<ShipmentId>,
        limit: u32,
    ) -> Result<Vec<ShipmentId>, StoreError>;
    fn sent(&self, gateway: &str, message: &str) -> Result<Option<PartRef>, StoreError>;
    /// Of a page of a slice's shipments, oldest first, those planned before `before` that may go: they are final, and
    /// nothing that was proven since rests on them.
    fn finished(
        &self,
        slice: u8,
        after: Option<ShipmentId>,
        before: i64,
        limit: u32,
    ) -> Result<Aged<ShipmentId, ShipmentId>, StoreError>;
    /// The first records, made before `before`, of the journals of a page of a slice's books.
    fn old_journals(
        &self,
        slice: u8,
        after: Option<SubscriberId>,
        before: i64,
        limit: u32,
    ) -> Result<Aged<(SubscriberId, Revision), SubscriberId>, StoreError>;
    /// The next deletion in a slice, made before `before`, whose text stands in the journal; and what takes it out, none
    /// while an open hold may bring the entry back.
    fn old_text(
        &self,
        slice: u8,
        after: Option<Deletion>,
        before: i64,
    ) -> Result<Option<(Deletion, Option<Texts>)>, StoreError>;
    /// What these gateways' message ids belong to, as far as it is known.
    fn sent_many(&self, ids: &[(String, String)]) -> Result<Vec<Sent>, StoreError>;

    fn holds(&self, of: Option<SubscriberId>, only_held: bool) -> Result<Vec<Hold>, StoreError>;
    fn hold(&self, of: SubscriberId, no: u32) -> Result<Option<Hold>, StoreError>;
    fn next_hold_no(&self, of: SubscriberId) -> Result<u32, StoreError>;

    /// Which shared groups these subscribers carry.
    fn memberships(&self, of: &[SubscriberId]) -> Result<Vec<(SubscriberId, GroupNo)>, StoreError>;
    fn members(
        &self,
        group: GroupNo,
        after: Option<SubscriberId>,
        until: Option<SubscriberId>,
        limit: u32,
    ) -> Result<Vec<Member>, StoreError>;
    fn member_counts(
        &self,
        group: GroupNo,
        revision: Revision,
        until: Option<SubscriberId>,
    ) -> Result<(u64, u64), StoreError>;
    fn standing(&self, of: &[SubscriberId]) -> Result<Vec<Owned>, StoreError>;
    fn open_marks(&self, shared: u64) -> Result<u64, StoreError>;
    fn shared_marks(
        &self,
        shared: u64,
        paused: bool,
        limit: u32,
    ) -> Result<Vec<TerminalId>, StoreError>;

    fn document(&self, kind: &str, key: &str) -> Result<Option<Document>, StoreError>;
    /// One that was written with rows of this slice.
    fn document_beside(
        &self,
        slice: u8,
        kind: &str,
        key: &str,
    ) -> Result<Option<Document>, StoreError>;
    fn documents_by_index(&self, kind: &str, index: &str) -> Result<Vec<Document>, StoreError>;
    fn documents(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Document>, StoreError>;
    /// Those whose keys begin with a slice of these, in two hexadecimal digits.
    fn documents_within(
        &self,
        kind: &str,
        owned: &Slices,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Document>, StoreError>;
}

/// Every database that can be asked answers every question: the statements are the same.
impl<D: Database> Reads for D {
    fn incarnation(&self, slice: u8) -> Result<u64, StoreError> {
        let sql = "SELECT incarnation FROM store_state";
        let rows = self.rows(At::Slice(slice), sql, &[])?;
        rows.first().map_or(Ok(1), |row| row.unsigned(0))
    }
    fn is_whole(&self) -> bool {
        Database::is_whole(self)
    }
    fn incarnations(&self, slices: &Slices) -> Result<BTreeMap<u8, u64>, StoreError> {
        // Each server is asked about its own, and no other.
        let mut servers = BTreeMap::<usize, Vec<u8>>::new();
        for slice in slices.iter() {
            servers.entry(self.place(slice)).or_default().push(slice);
        }
        let mut all = BTreeMap::new();
        for slices in servers.into_values() {
            if let Some(first) = slices.first() {
                let incarnation = self.incarnation(*first)?;
                all.extend(slices.iter().map(|slice| (*slice, incarnation)));
            }
        }
        Ok(all)
    }
    fn dump(&self) -> Result<Vec<String>, StoreError> {
        let mut lines = Vec::new();
        for table in WHOLE.iter().filter(|table| table.name != "departed") {
            let names: Vec<_> = table.columns().map(|(name, _)| name).collect();
            let sql = format!("SELECT {} FROM {}", names.join(", "), table.name);
            let rows = self.rows(At::Everywhere, &sql, &[])?;
            let line = |row| format!("{} {} {row:?}", table.name, table.part);
            lines.extend(rows.into_iter().map(line));
        }
        lines.sort_unstable();
        Ok(lines)
    }
    fn counts(&self, now: i64) -> Result<Counts, StoreError> {
        shipments::counts(self, now)
    }
    fn leases(&self) -> Result<Vec<Lease>, StoreError> {
        leases::all(self)
    }

    fn subscriber(&self, id: SubscriberId) -> Result<Option<Subscriber>, StoreError> {
        one(subscribers::of(self, &[id]))
    }
    fn subscribers_by_number(&self, msisdn: &str) -> Result<Vec<Subscriber>, StoreError> {
        subscribers::by_number(self, msisdn)
    }
    fn subscribers(
        &self,
        after: Option<SubscriberId>,
        limit: u32,
    ) -> Result<Vec<Subscriber>, StoreError> {
        subscribers::page(self, after, limit)
    }

    fn book(&self, id: SubscriberId) -> Result<Option<Book>, StoreError> {
        one(books::of(self, &[id]))
    }
    fn books_full(&self, ids: &[SubscriberId]) -> Result<Vec<BookFull>, StoreError> {
        Ok(self.full(&[], ids)?.1)
    }
    fn full(
        &self,
        terminals: &[TerminalId],
        books: &[SubscriberId],
    ) -> Result<(Vec<TerminalFull>, Vec<BookFull>), StoreError> {
        terminals::with_books(self, terminals, books)
    }
    fn changes(
        &self,
        id: SubscriberId,
        before: Option<Revision>,
        limit: u32,
    ) -> Result<Vec<Change>, StoreError> {
        books::changes(self, id, before, limit)
    }
    fn change(&self, id: SubscriberId, revision: Revision) -> Result<Option<Change>, StoreError> {
        books::change(self, id, revision)
    }
    fn bases(&self, of: &[BasisOf]) -> Result<Vec<Option<Basis>>, StoreError> {
        basis::many(self, of)
    }

    fn terminal(&self, id: TerminalId) -> Result<Option<TerminalFull>, StoreError> {
        one(self.terminals_full(&[id]))
    }
    fn terminals_full(&self, ids: &[TerminalId]) -> Result<Vec<TerminalFull>, StoreError> {
        Ok(self.full(ids, &[])?.0)
    }
    fn terminals_of(&self, id: SubscriberId) -> Result<Vec<TerminalFull>, StoreError> {
        terminals::of(self, id)
    }
    fn marks_of(&self, id: SubscriberId) -> Result<Vec<(TerminalId, Option<Due>)>, StoreError> {
        marks::of(self, id)
    }
    fn terminals(
        &self,
        after: Option<TerminalId>,
        limit: u32,
    ) -> Result<Vec<(Terminal, Option<Due>)>, StoreError> {
        terminals::page(self, None, after, limit)
    }
    fn terminals_in_need(
        &self,
        need: Need,
        after: Option<TerminalId>,
        limit: u32,
    ) -> Result<Vec<(Terminal, Option<Due>)>, StoreError> {
        terminals::page(self, Some(need), after, limit)
    }
    fn terminals_by_address(&self, address: &str) -> Result<Vec<TerminalId>, StoreError> {
        let found = terminals::by_addresses(self, &[address.to_owned()])?;
        Ok(found.into_iter().map(|(_, id)| id).collect())
    }
    fn terminals_by_addresses(
        &self,
        addresses: &[String],
    ) -> Result<Vec<(String, TerminalId)>, StoreError> {
        terminals::by_addresses(self, addresses)
    }
    fn terminal_by_iccid(&self, iccid: &str) -> Result<Option<TerminalId>, StoreError> {
        terminals::by_iccid(self, iccid)
    }
    fn card_past(&self, iccid: &str) -> Result<Vec<CardPast>, StoreError> {
        cards::past(self, iccid)
    }
    fn schedule(&self, of: &ScheduleOf) -> Result<Schedule, StoreError> {
        schedule::of(self, of)
    }
    fn held_back(&self, owned: &Slices) -> Result<Vec<TerminalId>, StoreError> {
        marks::held_back(self, owned)
    }

    fn shipment(&self, id: ShipmentId) -> Result<Option<Shipment>, StoreError> {
        one(shipments::many(self, &[id]))
    }
    fn shipments_by_id(&self, ids: &[ShipmentId]) -> Result<Vec<Shipment>, StoreError> {
        shipments::many(self, ids)
    }
    fn shipments(&self, filter: ShipmentFilter) -> Result<Vec<Shipment>, StoreError> {
        shipments::page(self, filter)
    }
    fn unfinished(&self, owned: &Slices) -> Result<Vec<Shipment>, StoreError> {
        shipments::unfinished(self, owned)
    }
    fn in_flight_after(
        &self,
        owned: &Slices,
        after: Option<ShipmentId>,
        limit: u32,
    ) -> Result<Vec<ShipmentId>, StoreError> {
        shipments::in_flight_after(self, owned, after, limit)
    }
    fn sent(&self, gateway: &str, message: &str) -> Result<Option<PartRef>, StoreError> {
        let found = shipments::sent(self, &[(gateway.to_owned(), message.to_owned())])?;
        Ok(found.into_iter().next().map(|(_, part)| part))
    }
    fn sent_many(&self, ids: &[(String, String)]) -> Result<Vec<Sent>, StoreError> {
        shipments::sent(self, ids)
    }

    fn finished(
        &self,
        slice: u8,
        after: Option<ShipmentId>,
        before: i64,
        limit: u32,
    ) -> Result<Aged<ShipmentId, ShipmentId>, StoreError> {
        forget::finished(self, slice, after, before, limit)
    }
    fn old_journals(
        &self,
        slice: u8,
        after: Option<SubscriberId>,
        before: i64,
        limit: u32,
    ) -> Result<Aged<(SubscriberId, Revision), SubscriberId>, StoreError> {
        forget::journals(self, slice, after, before, limit)
    }
    fn old_text(
        &self,
        slice: u8,
        after: Option<Deletion>,
        before: i64,
    ) -> Result<Option<(Deletion, Option<Texts>)>, StoreError> {
        forget::next_text(self, slice, after, before)
    }

    fn holds(&self, of: Option<SubscriberId>, only_held: bool) -> Result<Vec<Hold>, StoreError> {
        holds::list(self, of, only_held)
    }
    fn hold(&self, of: SubscriberId, no: u32) -> Result<Option<Hold>, StoreError> {
        holds::one(self, of, no)
    }
    fn next_hold_no(&self, of: SubscriberId) -> Result<u32, StoreError> {
        holds::next_no(self, of)
    }

    fn memberships(&self, of: &[SubscriberId]) -> Result<Vec<(SubscriberId, GroupNo)>, StoreError> {
        members::memberships(self, of)
    }
    fn members(
        &self,
        group: GroupNo,
        after: Option<SubscriberId>,
        until: Option<SubscriberId>,
        limit: u32,
    ) -> Result<Vec<Member>, StoreError> {
        members::page(self, group, after, until, limit)
    }
    fn member_counts(
        &self,
        group: GroupNo,
        revision: Revision,
        until: Option<SubscriberId>,
    ) -> Result<(u64, u64), StoreError> {
        members::counts(self, group, revision, until)
    }
    fn standing(&self, of: &[SubscriberId]) -> Result<Vec<Owned>, StoreError> {
        members::standing(self, of)
    }
    fn open_marks(&self, shared: u64) -> Result<u64, StoreError> {
        members::open_marks(self, shared)
    }
    fn shared_marks(
        &self,
        shared: u64,
        paused: bool,
        limit: u32,
    ) -> Result<Vec<TerminalId>, StoreError> {
        members::shared_marks(self, shared, paused, limit)
    }

    fn document(&self, kind: &str, key: &str) -> Result<Option<Document>, StoreError> {
        documents::one(self, kind, key)
    }
    fn document_beside(
        &self,
        slice: u8,
        kind: &str,
        key: &str,
    ) -> Result<Option<Document>, StoreError> {
        documents::beside(self, slice, kind, key)
    }
    fn documents_by_index(&self, kind: &str, index: &str) -> Result<Vec<Document>, StoreError> {
        documents::by_index(self, kind, index)
    }
    fn documents(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Document>, StoreError> {
        documents::page(self, kind, after, limit)
    }
    fn documents_within(
        &self,
        kind: &str,
        owned: &Slices,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Document>, StoreError> {
        documents::within(self, kind, owned, after, limit)
    }
}

fn one<T>(found: Result<Vec<T>, StoreError>) -> Result<Option<T>, StoreError> {
    Ok(found?.into_iter().next())
}
