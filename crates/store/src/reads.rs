//! What may be asked of a store. Every answer is one committed state.

use crate::{Document, StoreError};
use book::{Book, Change, GroupNo, Revision, Subscriber, SubscriberId};
use delivery::{Due, Hold, PartRef, Shipment, ShipmentId, ShipmentState, Terminal, TerminalId};
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

/// A member of a shared group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub subscriber: SubscriberId,
    /// The group's revision that is proven on all of his terminals.
    pub applied: Revision,
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
    fn terminals_of(&self, id: SubscriberId) -> Result<Vec<TerminalFull>, StoreError>;
    fn terminals(
        &self,
        after: Option<TerminalId>,
        limit: u32,
    ) -> Result<Vec<(Terminal, Option<Due>)>, StoreError>;
    fn terminals_by_address(&self, address: &str) -> Result<Vec<TerminalId>, StoreError>;
    fn terminal_by_iccid(&self, iccid: &str) -> Result<Option<TerminalId>, StoreError>;
    fn due(&self, now: i64, limit: u32) -> Result<Vec<(TerminalId, Due)>, StoreError>;
    fn next_due(&self) -> Result<Option<i64>, StoreError>;
    fn waiting(&self, now: i64) -> Result<Vec<Terminal>, StoreError>;
    fn next_try(&self) -> Result<Option<i64>, StoreError>;
    fn held_back(&self) -> Result<Vec<TerminalId>, StoreError>;

    fn shipment(&self, id: ShipmentId) -> Result<Option<Shipment>, StoreError>;
    fn shipments(&self, filter: ShipmentFilter) -> Result<Vec<Shipment>, StoreError>;
    fn unfinished(&self) -> Result<Vec<Shipment>, StoreError>;
    fn sent(&self, gateway: &str, message: &str) -> Result<Option<PartRef>, StoreError>;

    fn holds(&self, of: Option<SubscriberId>, only_held: bool) -> Result<Vec<Hold>, StoreError>;
    fn hold(&self, of: SubscriberId, no: u32) -> Result<Option<Hold>, StoreError>;
    fn next_hold_no(&self, of: SubscriberId) -> Result<u32, StoreError>;

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
    fn standing(
        &self,
        of: &[SubscriberId],
    ) -> Result<Vec<(SubscriberId, Vec<(Terminal, Option<Due>)>)>, StoreError>;
    fn open_marks(&self, shared: u64) -> Result<u64, StoreError>;

    fn document(&self, kind: &str, key: &str) -> Result<Option<Document>, StoreError>;
    fn documents_by_index(&self, kind: &str, index: &str) -> Result<Vec<Document>, StoreError>;
    fn documents(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Document>, StoreError>;
}
