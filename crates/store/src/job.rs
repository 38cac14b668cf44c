//! Whole jobs: what the rest of Kith may ask of a store to change, each atomic by itself, committed in groups.
//! No statement crosses this seam: what a job does is written once, in the files of its subject, over rows in memory.

use book::{Book, Change, FriendNo, GroupNo, Revision, Subscriber, SubscriberId};
use delivery::{Due, Hold, NodeId, PartRef, Shipment, ShipmentId, Terminal, TerminalId};
use std::collections::BTreeMap;
use terminals::{EntryKey, SlotNo, SlotState};

/// One atomic change of the store.
#[derive(Debug, Clone)]
pub enum Job {
    /// A new subscriber with an empty book. Refused when the id is taken.
    CreateSubscriber(Subscriber),
    /// New particulars of a subscriber (never the id).
    UpdateSubscriber(Subscriber),
    /// A subscriber and everything of his is gone; the journal's digest stays.
    DeleteSubscriber(SubscriberId),
    /// An edit of a book (rule 1: with its journal records and its due marks).
    Edit(Box<EditJob>),
    /// A new terminal. Refused when its ICCID, or its address on the same channel, belongs to another active terminal.
    AddTerminal(Box<Terminal>),
    /// New particulars of a terminal; `blank` empties shadow and placement (a new card).
    ChangeTerminal {
        /// The whole row.
        terminal: Box<Terminal>,
        /// Forget shadow, placement and freed slots.
        blank: bool,
        /// Mark it due.
        due: Option<Due>,
    },
    /// A due mark alone (send now, verify, test, the end of a call). Merged with one that is there: the newer revision,
    /// the earlier time, the flags of both; `replace` sets exactly this.
    MarkDue {
        /// Whose marks.
        marks: Vec<(TerminalId, Due)>,
        /// Set, do not merge.
        replace: bool,
    },
    /// What delivery decided about one terminal, recorded before it is carried out (rule 2).
    Settle(Box<SettleJob>),
    /// A hold, new or decided, with the due marks that follow. `Refused::Stale` when it was decided already, or when what it
    /// holds is not what was decided about.
    PutHold {
        /// The hold; its number is its key.
        hold: Box<Hold>,
        /// What follows from a release.
        due: Vec<(TerminalId, Due)>,
    },
    /// Documents of identity and control: accounts, sessions, codes, calls, tokens, notices, idempotency keys.
    /// All are written, or none when an expectation fails.
    Documents(Vec<DocumentWrite>),
    /// A step towards owning a slice, or away from it. `Refused::Stale` when another was faster.
    Lease(LeaseStep),
    /// Subscribers join a shared group, or leave it, with their terminals' marks (rule 1).
    Members(Box<MembersJob>),
    /// Terminals are due for a campaign (`due.shared`), all of one slice; one that is gone is passed over. A mark that is
    /// there keeps its time, lane and flags, and remembers the newest campaign; only one that an older campaign's pause
    /// holds back ([`Due::PAUSED`]) goes again. The same job again changes nothing.
    MarkShared {
        /// Which terminals.
        terminals: Vec<TerminalId>,
        /// The mark of one that has none.
        due: Due,
    },
    /// Of these terminals, all of one slice, the bulk marks whose newest campaign is `shared` wait ([`Due::PAUSED`]), or
    /// those that wait go at `at`; other marks stay.
    HoldMarks {
        /// Which terminals.
        terminals: Vec<TerminalId>,
        /// The campaign's number.
        shared: u64,
        /// [`Due::PAUSED`], or when they go.
        at: i64,
    },
    /// A shared group's revision is proven on all terminals of these members, all of one slice; never moves back.
    Applied {
        /// Which group.
        group: GroupNo,
        /// What is proven.
        revision: Revision,
        /// Whose; one who left is passed over.
        members: Vec<SubscriberId>,
    },
    /// What is not kept any longer goes, of one slice, by its owner.
    Forget(Box<ForgetJob>),
}

/// What is not kept any longer, each by what it demands.
#[derive(Debug, Clone)]
pub struct ForgetJob {
    /// The slice of everything that it names.
    pub slice: u8,
    /// The epoch at which this node owns the slice; 0: whoever holds the store alone.
    pub epoch: u64,
    /// What goes.
    pub what: Forget,
}

/// One kind of it.
#[derive(Debug, Clone)]
pub enum Forget {
    /// Finished shipments with what they carried and their messages' ids. One that is not final, that is on its way, or
    /// that a proof of `before` or later rests on, stays.
    Shipments {
        /// Which.
        ids: Vec<ShipmentId>,
        /// They were planned before that, ms UTC.
        before: i64,
    },
    /// Records of journals: they are never written again, and go as they were named.
    Journals(Vec<(SubscriberId, Revision)>),
    /// Texts of an entry that was deleted.
    Texts(Texts),
}

/// The texts of an entry that was deleted: what is to be written in their place, if the book is as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    /// Whose book.
    pub subscriber: SubscriberId,
    /// The revision that the book had.
    pub expect: Revision,
    /// Records without their text.
    pub changes: Vec<Change>,
    /// Decided holds without it.
    pub holds: Vec<Hold>,
    /// The deletion that nothing is left of then; none: there are more records.
    pub done: Option<Revision>,
}

/// Who joins a shared group and who leaves it, all of one slice. Refused when one who joins is not there; who is a member
/// already stays as he is, and who was none leaves nothing.
#[derive(Debug, Clone)]
pub struct MembersJob {
    /// Which group.
    pub group: GroupNo,
    /// New members.
    pub join: Vec<SubscriberId>,
    /// Members no more.
    pub leave: Vec<SubscriberId>,
    /// Their terminals.
    pub terminals: Vec<TerminalId>,
    /// The mark of these, as in [`Job::MarkShared`].
    pub due: Due,
}

/// One compare-and-swap on a slice's lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseStep {
    /// Become its owner, at the next epoch: only if the lease is as it was seen, and has expired.
    Take {
        /// Which slice.
        slice: u8,
        /// Who takes it.
        node: NodeId,
        /// The epoch that was seen; 0: nobody ever owned it.
        seen: u64,
        /// Now, ms UTC.
        now: i64,
        /// When the lease expires, ms UTC.
        expires: i64,
    },
    /// Stay its owner.
    Renew {
        /// Which slice.
        slice: u8,
        /// Its owner.
        node: NodeId,
        /// The owner's epoch.
        epoch: u64,
        /// When the lease expires now, ms UTC.
        expires: i64,
    },
    /// Stop being its owner: anybody may take it at once.
    HandOver {
        /// Which slice.
        slice: u8,
        /// Its owner.
        node: NodeId,
        /// The owner's epoch.
        epoch: u64,
    },
}

/// An edit: committed only if the book is still at `expect`.
#[derive(Debug, Clone)]
pub struct EditJob {
    /// Whose book.
    pub subscriber: SubscriberId,
    /// The revision that the edit was made from; another one there now is `Refused::Stale`.
    pub expect: Revision,
    /// The book after the edit (its revision, its next numbers).
    pub book: Book,
    /// Friends to write (they are in `book`) or to remove.
    pub friends: Vec<FriendNo>,
    /// Groups to write or to remove.
    pub groups: Vec<GroupNo>,
    /// The journal records.
    pub changes: Vec<Change>,
    /// Terminals that are due now (merged as `MarkDue`).
    pub due: Vec<(TerminalId, Due)>,
    /// A hold that this edit starts, extends or decides: `Refused::Stale` as for [`Job::PutHold`].
    pub hold: Option<Hold>,
    /// The request's own id: the same id again is `Refused::Repeated` and changes nothing.
    pub request: Option<String>,
    /// Documents written with it (an idempotency answer, a call's notes).
    pub documents: Vec<DocumentWrite>,
}

/// Everything that one decision about a terminal changes, in one transaction.
#[derive(Debug, Clone)]
pub struct SettleJob {
    /// The terminal's whole row, but for its due mark; refused when it was written since this was read.
    pub terminal: Terminal,
    /// The terminal's row is as it was read: it is looked at, and not written.
    pub same_terminal: bool,
    /// The epoch at which this node owns the terminal's slice (the fence); 0: whoever holds the store alone.
    pub epoch: u64,
    /// The shipment's whole state (new or known).
    pub shipment: Option<Shipment>,
    /// Slots whose state moved.
    pub slots: Vec<(SlotNo, SlotState)>,
    /// The whole placement, when it changed.
    pub placement: Option<BTreeMap<EntryKey, SlotNo>>,
    /// Slots that were freed, appended to those freed before.
    pub freed: Vec<SlotNo>,
    /// Message ids to remember: (gateway, id) → part.
    pub sent: Vec<(String, String, PartRef)>,
    /// Clear the due mark if no edit newer than this came meanwhile: revision and flags as they were read.
    pub clear_due: Option<Due>,
    /// Documents written with it (a stored message from a terminal).
    pub documents: Vec<DocumentWrite>,
}

impl SettleJob {
    /// A terminal's row, and nothing beside it.
    pub fn of(terminal: Terminal) -> Self {
        Self {
            terminal,
            same_terminal: false,
            epoch: 0,
            shipment: None,
            slots: Vec::new(),
            placement: None,
            freed: Vec::new(),
            sent: Vec::new(),
            clear_due: None,
            documents: Vec::new(),
        }
    }
}

/// A small value under a kind and a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentWrite {
    /// `account`, `session`, `code`, `call`, `token`, `idempotency`, `notice`, `mobile`, `tries`, …
    pub kind: &'static str,
    /// Its key.
    pub key: String,
    /// JSON; none removes it.
    pub value: Option<String>,
    /// A second key to find it by (an account's login, a call's state).
    pub index: Option<String>,
    /// When it may be thrown away, ms UTC.
    pub expires: Option<i64>,
    /// Only if the version there is this one (0: not there yet); every write adds one.
    pub expect: Option<u64>,
    /// The slice that it lies with, when it is written together with a subscriber's rows; none: the home database.
    pub slice: Option<u8>,
}

impl DocumentWrite {
    /// Puts `value` there, whatever was there before.
    pub fn put(kind: &'static str, key: impl Into<String>, value: &impl serde::Serialize) -> Self {
        Self {
            // Kith's own types are all JSON: nothing here has a map with keys that are no text.
            value: serde_json::to_string(value).ok(),
            ..Self::remove(kind, key)
        }
    }

    /// Takes it away.
    pub fn remove(kind: &'static str, key: impl Into<String>) -> Self {
        Self {
            kind,
            key: key.into(),
            value: None,
            index: None,
            expires: None,
            expect: None,
            slice: None,
        }
    }

    /// With a second key to find it by.
    pub fn indexed(self, index: impl Into<String>) -> Self {
        Self {
            index: Some(index.into()),
            ..self
        }
    }

    /// Beside the rows of this slice.
    pub fn beside(self, slice: u8) -> Self {
        Self {
            slice: Some(slice),
            ..self
        }
    }

    /// To be thrown away after that, ms UTC.
    pub fn until(self, expires: i64) -> Self {
        Self {
            expires: Some(expires),
            ..self
        }
    }

    /// Only if this version is there (0: none).
    pub fn expecting(self, version: u64) -> Self {
        Self {
            expect: Some(version),
            ..self
        }
    }
}

/// A document as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its key.
    pub key: String,
    /// JSON.
    pub value: String,
    /// Its version, from 1.
    pub version: u64,
    /// When it may be thrown away, ms UTC.
    pub expires: Option<i64>,
}

/// Why a job was not done; nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The book, or a document, was changed by another meanwhile.
    #[error("somebody else changed this meanwhile: read it again and repeat the change")]
    Stale,
    /// The same request was done before.
    #[error("this request was already carried out")]
    Repeated,
    /// It is not there.
    #[error("there is no such thing here")]
    Missing,
    /// Another node owns the slice by now.
    #[error("another node has taken this slice over")]
    NotOwner,
    /// Its key belongs to another already.
    #[error("{0} already belongs to another: retire that one first")]
    Taken(String),
}

/// Why the store could not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The job's own precondition failed.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The database said no: what it said, and what was being done.
    #[error("the store could not {what}: {why}")]
    Database {
        /// What was being done.
        what: &'static str,
        /// The database's words.
        why: String,
    },
    /// The database does not answer; nothing was done.
    #[error("the database does not answer ({why}): nothing was changed, try again in a moment")]
    Away {
        /// The connection's words.
        why: String,
    },
    /// The database went away in the middle of a commit: nobody knows yet.
    #[error(
        "the database went away while this was being saved ({why}): look whether it is there before you repeat it"
    )]
    Unknown {
        /// The connection's words.
        why: String,
    },
    /// The disk is full, or cannot be written; nothing was done.
    #[error(
        "the database has no room or cannot write ({why}): nothing was changed; make room, then try again"
    )]
    Full {
        /// The database's words.
        why: String,
    },
    /// Others changed the same rows at the same moment, again and again; nothing was done.
    #[error("others are changing the same just now ({why}): try again")]
    Busy {
        /// The database's words.
        why: String,
    },
    /// Kith is shutting down.
    #[error("the store is closed: Kith is shutting down, try again in a moment")]
    Closed,
}

impl StoreError {
    /// One of several databases was left out of a question, and what was asked for may lie there.
    pub(crate) fn left_out() -> Self {
        Self::Away {
            why: "one of several is away, and it may lie there".into(),
        }
    }
}
