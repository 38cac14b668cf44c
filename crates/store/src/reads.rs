//! What may be asked of a store. Every answer is one committed state.

use crate::table::{At, Database, WHOLE};
use crate::value::Columns;
use crate::{
    Document, StoreError, books, documents, holds, leases, marks, members, shipments, subscribers,
    terminals,
};
use ::terminals::{EntryKey, Shadow, SlotNo};
use book::{Book, Change, GroupNo, Revision, Subscriber, SubscriberId};
use delivery::{
    Due, Hold, Lane, Lease, PartRef, Shipment, ShipmentId, ShipmentState, Slices, Terminal,
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
}

/// A subscriber's terminals, each with its due mark.
pub type Owned = (SubscriberId, Vec<(Terminal, Option<Due>)>);

/// A gateway's message id, and the part that it was given for.
pub type Sent = ((String, String), PartRef);

/// Questions to a store. `owned` are the slices that are asked about.
#[allow(missing_docs)] // What is not said here is said at `Store`'s methods of the same names.
pub trait Reads {
    fn incarnation(&self, slice: u8) -> Result<u64, StoreError>;
    /// The same of several slices.
    fn incarnations(&self, slices: &Slices) -> Result<BTreeMap<u8, u64>, StoreError>;
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
    /// Those of these books that are there.
    fn books_full(&self, ids: &[SubscriberId]) -> Result<Vec<BookFull>, StoreError>;
    fn changes(
        &self,
        id: SubscriberId,
        before: Option<Revision>,
        limit: u32,
    ) -> Result<Vec<Change>, StoreError>;
    fn change(&self, id: SubscriberId, revision: Revision) -> Result<Option<Change>, StoreError>;
    fn changes_of_sitting(&self, id: SubscriberId, sitting: u64)
    -> Result<Vec<Change>, StoreError>;
    fn last_change_by(&self, id: SubscriberId, actor: &str) -> Result<Option<Change>, StoreError>;

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
    fn terminals_by_address(&self, address: &str) -> Result<Vec<TerminalId>, StoreError>;
    /// The active terminals with one of these numbers, each with its number.
    fn terminals_by_addresses(
        &self,
        addresses: &[String],
    ) -> Result<Vec<(String, TerminalId)>, StoreError>;
    fn terminal_by_iccid(&self, iccid: &str) -> Result<Option<TerminalId>, StoreError>;
    /// What is due at `now` in a lane and has nothing on its way, oldest first.
    fn due_in(
        &self,
        owned: &Slices,
        lane: Lane,
        now: i64,
        limit: u32,
    ) -> Result<Vec<(TerminalId, Due)>, StoreError>;
    /// The first due mark after `now`, of terminals with nothing on their way; marks held back by a call never come.
    fn due_after(&self, owned: &Slices, now: i64) -> Result<Option<i64>, StoreError>;
    /// Terminals to be tried again at `now`, with nothing on their way, oldest first.
    fn waiting_first(
        &self,
        owned: &Slices,
        now: i64,
        limit: u32,
    ) -> Result<Vec<TerminalId>, StoreError>;
    /// When the first after `now` is tried again.
    fn next_try_after(&self, owned: &Slices, now: i64) -> Result<Option<i64>, StoreError>;
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
    fn documents_by_index(&self, kind: &str, index: &str) -> Result<Vec<Document>, StoreError>;
    fn documents(
        &self,
        kind: &str,
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
    fn incarnations(&self, slices: &Slices) -> Result<BTreeMap<u8, u64>, StoreError> {
        let rows = self.rows(At::Everywhere, "SELECT incarnation FROM store_state", &[])?;
        if let [only] = &rows[..] {
            let incarnation = only.unsigned(0)?;
            return Ok(slices.iter().map(|slice| (slice, incarnation)).collect());
        }
        let of = |slice| Ok((slice, self.incarnation(slice)?));
        slices.iter().map(of).collect()
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
        let mut books: BTreeMap<_, _> = books::of(self, ids)?
            .into_iter()
            .map(|book| (book.subscriber, book))
            .collect();
        let mut holds: BTreeMap<_, Vec<Hold>> = BTreeMap::new();
        for hold in holds::held_of(self, ids)? {
            holds.entry(hold.subscriber).or_default().push(hold);
        }
        let full = |subscriber: Subscriber| {
            Some(BookFull {
                book: books.remove(&subscriber.id)?,
                holds: holds.remove(&subscriber.id).unwrap_or_default(),
                subscriber,
            })
        };
        Ok(subscribers::of(self, ids)?
            .into_iter()
            .filter_map(full)
            .collect())
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
    fn changes_of_sitting(
        &self,
        id: SubscriberId,
        sitting: u64,
    ) -> Result<Vec<Change>, StoreError> {
        books::changes_of_sitting(self, id, sitting)
    }
    fn last_change_by(&self, id: SubscriberId, actor: &str) -> Result<Option<Change>, StoreError> {
        books::last_change_by(self, id, actor)
    }

    fn terminal(&self, id: TerminalId) -> Result<Option<TerminalFull>, StoreError> {
        one(terminals::many(self, &[id]))
    }
    fn terminals_full(&self, ids: &[TerminalId]) -> Result<Vec<TerminalFull>, StoreError> {
        terminals::many(self, ids)
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
        terminals::page(self, after, limit)
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
    fn due_in(
        &self,
        owned: &Slices,
        lane: Lane,
        now: i64,
        limit: u32,
    ) -> Result<Vec<(TerminalId, Due)>, StoreError> {
        marks::due_in(self, owned, lane, now, limit)
    }
    fn due_after(&self, owned: &Slices, now: i64) -> Result<Option<i64>, StoreError> {
        marks::due_after(self, owned, now)
    }
    fn waiting_first(
        &self,
        owned: &Slices,
        now: i64,
        limit: u32,
    ) -> Result<Vec<TerminalId>, StoreError> {
        terminals::waiting_first(self, owned, now, limit)
    }
    fn next_try_after(&self, owned: &Slices, now: i64) -> Result<Option<i64>, StoreError> {
        terminals::next_try_after(self, owned, now)
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
}

fn one<T>(found: Result<Vec<T>, StoreError>) -> Result<Option<T>, StoreError> {
    Ok(found?.into_iter().next())
}
