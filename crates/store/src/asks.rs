//! Every read of a store, each as a question to its readers.

use crate::*;
use book::{Book, Change, GroupNo, Revision, Subscriber, SubscriberId};
use delivery::{
    Due, Hold, Lease, Need, PartRef, Shipment, ShipmentId, Slices, Terminal, TerminalId,
};

/// The reads. Each fails only when the store does.
#[allow(clippy::missing_errors_doc)]
impl Store {
    /// Which copy of itself the store is, from 1; a restored one counts on.
    pub async fn incarnation(&self, slice: u8) -> Result<u64, StoreError> {
        self.read(move |r| r.incarnation(slice)).await
    }
    /// The console's figures at `now`.
    pub async fn counts(&self, now: i64) -> Result<Counts, StoreError> {
        self.for_counts().read(move |r| r.counts(now)).await
    }
    /// A subscriber.
    pub async fn subscriber(&self, id: SubscriberId) -> Result<Option<Subscriber>, StoreError> {
        self.read(move |r| r.subscriber(id)).await
    }
    /// Whose own number this is (normal form); several are allowed.
    pub async fn subscribers_by_number(&self, msisdn: &str) -> Result<Vec<Subscriber>, StoreError> {
        let msisdn = msisdn.to_owned();
        self.read(move |r| r.subscribers_by_number(&msisdn)).await
    }
    /// A page of all subscribers, by id.
    pub async fn subscribers(
        &self,
        after: Option<SubscriberId>,
        limit: u32,
    ) -> Result<Vec<Subscriber>, StoreError> {
        self.read(move |r| r.subscribers(after, limit)).await
    }
    /// A book.
    pub async fn book(&self, id: SubscriberId) -> Result<Option<Book>, StoreError> {
        self.read(move |r| r.book(id)).await
    }
    /// A page of a journal, newest first, before a revision.
    pub async fn changes(
        &self,
        id: SubscriberId,
        before: Option<Revision>,
        limit: u32,
    ) -> Result<Vec<Change>, StoreError> {
        self.read(move |r| r.changes(id, before, limit)).await
    }
    /// The change that made a revision.
    pub async fn change(
        &self,
        id: SubscriberId,
        revision: Revision,
    ) -> Result<Option<Change>, StoreError> {
        self.read(move |r| r.change(id, revision)).await
    }
    /// A terminal with its shadow.
    pub async fn terminal(&self, id: TerminalId) -> Result<Option<TerminalFull>, StoreError> {
        self.read(move |r| r.terminal(id)).await
    }
    /// A subscriber's terminals, retired ones too.
    pub async fn terminals_of(&self, id: SubscriberId) -> Result<Vec<TerminalFull>, StoreError> {
        self.read(move |r| r.terminals_of(id)).await
    }
    /// A page of all terminals, by id.
    pub async fn terminals(
        &self,
        after: Option<TerminalId>,
        limit: u32,
    ) -> Result<Vec<(Terminal, Option<Due>)>, StoreError> {
        self.read(move |r| r.terminals(after, limit)).await
    }
    /// A page of the terminals with this need, by id, each with its due mark.
    pub async fn terminals_in_need(
        &self,
        need: Need,
        after: Option<TerminalId>,
        limit: u32,
    ) -> Result<Vec<(Terminal, Option<Due>)>, StoreError> {
        let page = self.read(move |r| r.terminals_in_need(need, after, limit));
        page.await
    }
    /// The active terminals with this number.
    pub async fn terminals_by_address(&self, address: &str) -> Result<Vec<TerminalId>, StoreError> {
        let address = address.to_owned();
        self.read(move |r| r.terminals_by_address(&address)).await
    }
    /// The active terminal with this card.
    pub async fn terminal_by_iccid(&self, iccid: &str) -> Result<Option<TerminalId>, StoreError> {
        let iccid = iccid.to_owned();
        self.read(move |r| r.terminal_by_iccid(&iccid)).await
    }
    /// How far a card's counters came in the terminals that it has left, and under other keys in the one that it is in.
    pub async fn card_past(&self, iccid: &str) -> Result<Vec<CardPast>, StoreError> {
        let iccid = iccid.to_owned();
        self.read(move |r| r.card_past(&iccid)).await
    }
    /// What is to be planned at `now` in all slices, at most `limit` of a kind.
    pub async fn schedule(&self, now: i64, limit: u32) -> Result<Schedule, StoreError> {
        let of = ScheduleOf {
            owned: Slices::ALL,
            now,
            most: limit,
            bulk: limit,
        };
        self.read(move |r| r.schedule(&of)).await
    }
    /// Who owns which slice; a slice that nobody ever owned is not there.
    pub async fn leases(&self) -> Result<Vec<Lease>, StoreError> {
        self.read(move |r| r.leases()).await
    }
    /// Terminals whose due marks a verified call holds back.
    pub async fn held_back(&self) -> Result<Vec<TerminalId>, StoreError> {
        self.read(move |r| r.held_back(&Slices::ALL)).await
    }
    /// A shipment.
    pub async fn shipment(&self, id: ShipmentId) -> Result<Option<Shipment>, StoreError> {
        self.read(move |r| r.shipment(id)).await
    }
    /// A page of shipments, newest first.
    pub async fn shipments(&self, filter: ShipmentFilter) -> Result<Vec<Shipment>, StoreError> {
        self.read(move |r| r.shipments(filter)).await
    }
    /// Every shipment that is not final; interactive before bulk within a slice.
    pub async fn unfinished(&self) -> Result<Vec<Shipment>, StoreError> {
        self.read(move |r| r.unfinished(&Slices::ALL)).await
    }
    /// What a gateway's message id belongs to.
    pub async fn sent(&self, gateway: &str, message: &str) -> Result<Option<PartRef>, StoreError> {
        let gateway = gateway.to_owned();
        let message = message.to_owned();
        self.read(move |r| r.sent(&gateway, &message)).await
    }
    /// Holds, newest first.
    pub async fn holds(
        &self,
        of: Option<SubscriberId>,
        only_held: bool,
    ) -> Result<Vec<Hold>, StoreError> {
        self.read(move |r| r.holds(of, only_held)).await
    }
    /// A hold.
    pub async fn hold(&self, of: SubscriberId, no: u32) -> Result<Option<Hold>, StoreError> {
        self.read(move |r| r.hold(of, no)).await
    }
    /// The number that a new hold of this book gets.
    pub async fn next_hold_no(&self, of: SubscriberId) -> Result<u32, StoreError> {
        self.read(move |r| r.next_hold_no(of)).await
    }
    /// A shared group's members in order of their ids, behind `after` and up to `until`.
    pub async fn members(
        &self,
        group: GroupNo,
        after: Option<SubscriberId>,
        until: Option<SubscriberId>,
        limit: u32,
    ) -> Result<Vec<Member>, StoreError> {
        self.read(move |r| r.members(group, after, until, limit))
            .await
    }
    /// How many members a shared group has up to `until`, and on how many it is proven at `revision` or later.
    pub async fn member_counts(
        &self,
        group: GroupNo,
        revision: Revision,
        until: Option<SubscriberId>,
    ) -> Result<(u64, u64), StoreError> {
        self.read(move |r| r.member_counts(group, revision, until))
            .await
    }
    /// The rows of these subscribers' terminals with their due marks, without shadows.
    pub async fn standing(
        &self,
        of: Vec<SubscriberId>,
    ) -> Result<Vec<crate::reads::Owned>, StoreError> {
        self.read(move |r| r.standing(&of)).await
    }
    /// Bulk marks whose newest campaign is `shared` and that are not planned yet, without those held back.
    pub async fn open_marks(&self, shared: u64) -> Result<u64, StoreError> {
        self.read(move |r| r.open_marks(shared)).await
    }
    /// Terminals with a bulk mark whose newest campaign is `shared`, held back or not.
    pub async fn shared_marks(
        &self,
        shared: u64,
        paused: bool,
        limit: u32,
    ) -> Result<Vec<TerminalId>, StoreError> {
        self.read(move |r| r.shared_marks(shared, paused, limit))
            .await
    }
    /// A document.
    pub async fn document(&self, kind: &str, key: &str) -> Result<Option<Document>, StoreError> {
        let kind = kind.to_owned();
        let key = key.to_owned();
        self.read(move |r| r.document(&kind, &key)).await
    }
    /// A document that was written with rows of this slice.
    pub async fn document_beside(
        &self,
        slice: u8,
        kind: &'static str,
        key: &str,
    ) -> Result<Option<Document>, StoreError> {
        let key = key.to_owned();
        self.read(move |r| r.document_beside(slice, kind, &key))
            .await
    }
    /// The documents with this second key, by key.
    pub async fn documents_by_index(
        &self,
        kind: &str,
        index: &str,
    ) -> Result<Vec<Document>, StoreError> {
        let kind = kind.to_owned();
        let index = index.to_owned();
        self.read(move |r| r.documents_by_index(&kind, &index))
            .await
    }
    /// A page of all documents of a kind, by key.
    pub async fn documents(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Document>, StoreError> {
        let kind = kind.to_owned();
        let after = after.map(str::to_owned);
        self.read(move |r| r.documents(&kind, after.as_deref(), limit))
            .await
    }
}
