//! What may be asked of a store. Every answer is one committed state.

use crate::{Document, StoreError};
use book::{Book, Change, Revision, Subscriber, SubscriberId};
use delivery::{
    Due, Hold, Lane, PartRef, Shipment, ShipmentId, ShipmentState, Terminal, TerminalId,
};
use std::collections::BTreeMap;
use terminals::{EntryKey, Shadow, SlotNo};

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
}

/// Questions to a store.
#[allow(missing_docs)] // Said at `Store`'s methods of the same names.
pub trait Reads {
    fn incarnation(&self) -> Result<u64, StoreError>;
    fn counts(&self, now: i64) -> Result<Counts, StoreError>;

    fn subscriber(&self, id: SubscriberId) -> Result<Option<Subscriber>, StoreError>;
    fn subscribers_by_number(&self, msisdn: &str) -> Result<Vec<Subscriber>, StoreError>;
    fn subscribers(
        &self,
        after: Option<SubscriberId>,
        limit: u32,
    ) -> Result<Vec<Subscriber>, StoreError>;

    fn book(&self, id: SubscriberId) -> Result<Option<Book>, StoreError>;
    /// Those of these books that are there.
    fn books_full(&self, ids: &[SubscriberId]) -> Result<Vec<BookFull>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            if let (Some(subscriber), Some(book)) = (self.subscriber(*id)?, self.book(*id)?) {
                found.push(BookFull {
                    subscriber,
                    book,
                    holds: self.holds(Some(*id), true)?,
                });
            }
        }
        Ok(found)
    }
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
    fn terminals_full(&self, ids: &[TerminalId]) -> Result<Vec<TerminalFull>, StoreError> {
        let found = ids.iter().map(|id| self.terminal(*id));
        found.filter_map(Result::transpose).collect()
    }
    fn terminals_of(&self, id: SubscriberId) -> Result<Vec<TerminalFull>, StoreError>;
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
    ) -> Result<Vec<(String, TerminalId)>, StoreError> {
        let mut found = Vec::with_capacity(addresses.len());
        for address in addresses {
            let ids = self.terminals_by_address(address)?;
            found.extend(ids.into_iter().map(|id| (address.clone(), id)));
        }
        Ok(found)
    }
    fn terminal_by_iccid(&self, iccid: &str) -> Result<Option<TerminalId>, StoreError>;
    fn due(&self, now: i64, limit: u32) -> Result<Vec<(TerminalId, Due)>, StoreError>;
    fn next_due(&self) -> Result<Option<i64>, StoreError>;
    /// As `due`, of one lane, oldest first.
    fn due_in(
        &self,
        lane: Lane,
        now: i64,
        limit: u32,
    ) -> Result<Vec<(TerminalId, Due)>, StoreError>;
    /// As `next_due`, after `now`.
    fn due_after(&self, now: i64) -> Result<Option<i64>, StoreError>;
    /// As `waiting`, at most so many.
    fn waiting_first(&self, now: i64, limit: u32) -> Result<Vec<TerminalId>, StoreError>;
    /// As `next_try`, after `now`.
    fn next_try_after(&self, now: i64) -> Result<Option<i64>, StoreError>;
    fn waiting(&self, now: i64) -> Result<Vec<Terminal>, StoreError>;
    fn next_try(&self) -> Result<Option<i64>, StoreError>;
    fn held_back(&self) -> Result<Vec<TerminalId>, StoreError>;

    fn shipment(&self, id: ShipmentId) -> Result<Option<Shipment>, StoreError>;
    /// Those of these shipments that are there.
    fn shipments_by_id(&self, ids: &[ShipmentId]) -> Result<Vec<Shipment>, StoreError> {
        let found = ids.iter().map(|id| self.shipment(*id));
        found.filter_map(Result::transpose).collect()
    }
    fn shipments(&self, filter: ShipmentFilter) -> Result<Vec<Shipment>, StoreError>;
    fn unfinished(&self) -> Result<Vec<Shipment>, StoreError>;
    /// A page of the shipments that terminals have on their way, by slice and id.
    fn in_flight_after(
        &self,
        after: Option<ShipmentId>,
        limit: u32,
    ) -> Result<Vec<ShipmentId>, StoreError>;
    fn sent(&self, gateway: &str, message: &str) -> Result<Option<PartRef>, StoreError>;
    /// What these gateways' message ids belong to, as far as it is known.
    fn sent_many(
        &self,
        ids: &[(String, String)],
    ) -> Result<Vec<((String, String), PartRef)>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            found.extend(self.sent(&id.0, &id.1)?.map(|part| (id.clone(), part)));
        }
        Ok(found)
    }

    fn holds(&self, of: Option<SubscriberId>, only_held: bool) -> Result<Vec<Hold>, StoreError>;
    fn hold(&self, of: SubscriberId, no: u32) -> Result<Option<Hold>, StoreError>;
    fn next_hold_no(&self, of: SubscriberId) -> Result<u32, StoreError>;

    fn document(&self, kind: &str, key: &str) -> Result<Option<Document>, StoreError>;
    fn documents_by_index(&self, kind: &str, index: &str) -> Result<Vec<Document>, StoreError>;
    fn documents(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Document>, StoreError>;
}
