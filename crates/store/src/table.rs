//! The tables as values, and what a database must be able to do with them. Every statement that writes is made from a
//! [`Table`], so that SQLite's loop and PostgreSQL's arrays cannot differ.

use crate::StoreError;
use crate::value::{Row, Value};

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Text,
    Blob,
}

/// Columns of a table that are read and written together: its key, and the rest.
#[derive(Debug)]
pub(crate) struct Table {
    /// The table's name in the database.
    pub(crate) name: &'static str,
    /// Several of these may look at one table; together with the name this is what tells them apart.
    pub(crate) part: &'static str,
    pub(crate) key: &'static [(&'static str, Kind)],
    pub(crate) rest: &'static [(&'static str, Kind)],
    /// A condition on what is read.
    pub(crate) only: &'static str,
    /// The column by which only the newest row of a key is read; empty: every row is.
    pub(crate) newest: &'static str,
}

impl Table {
    /// Key columns, then the rest.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (&'static str, Kind)> {
        self.key.iter().chain(self.rest).copied()
    }
    /// Whether its rows belong to slices.
    pub(crate) fn is_sliced(&self) -> bool {
        self.key.first().is_some_and(|(name, _)| *name == "slice")
    }
}

use Kind::{Blob, Int, Text};
const SUBSCRIBER_KEY: &[(&str, Kind)] = &[("slice", Int), ("sub", Int)];
const TERMINAL_KEY: &[(&str, Kind)] = &[("slice", Int), ("sub", Int), ("term", Int)];
const SHIPMENT_KEY: &[(&str, Kind)] = &[("slice", Int), ("ship", Int)];
const NUMBERED: &[(&str, Kind)] = &[("slice", Int), ("sub", Int), ("no", Int)];

macro_rules! tables {
    ($($(#[$doc:meta])* $id:ident = $name:literal / $part:literal, $key:expr, $rest:expr $(, where $only:literal)? $(, newest by $newest:literal)?;)*) => {
        $($(#[$doc])* pub(crate) static $id: Table = Table {
            name: $name, part: $part, key: $key, rest: $rest, only: concat!($($only)?), newest: concat!($($newest)?),
        };)*
    };
}

tables! {
    SUBSCRIBER = "subscriber" / "", SUBSCRIBER_KEY,
        &[("msisdn", Text), ("name", Text), ("language", Text), ("region", Text)];
    BOOK = "book" / "", SUBSCRIBER_KEY,
        &[("revision", Int), ("next_friend", Int), ("next_group", Int), ("next_number", Int)];
    FRIEND = "friend" / "", NUMBERED, &[("body", Text)];
    GROUP = "friend_group" / "", NUMBERED, &[("body", Text)];
    CHANGE = "change" / "", &[("slice", Int), ("sub", Int), ("rev", Int)],
        &[("request", Text), ("sitting", Int), ("actor", Text), ("at", Int), ("body", Text),
          ("gone", Int)];
    /// What is made anew of a journal record when its text is forgotten.
    TEXT = "change" / "text", &[("slice", Int), ("sub", Int), ("rev", Int)], &[("gone", Int), ("body", Text)];
    /// Which change carries a request's id.
    REQUEST = "change" / "request", &[("slice", Int), ("request", Text)], &[("rev", Int)];
    /// An actor's last change of a book.
    LAST = "change" / "last", &[("slice", Int), ("sub", Int), ("actor", Text)], &[("rev", Int), ("body", Text)],
        newest by "rev";
    /// The changes of a sitting.
    SITTING = "change" / "sitting", &[("slice", Int), ("sub", Int), ("sitting", Int)],
        &[("rev", Int), ("body", Text)];
    TERMINAL = "terminal" / "", TERMINAL_KEY,
        &[("version", Int), ("channel", Text), ("address", Text), ("iccid", Text), ("retired", Int),
          ("counter_next", Int), ("in_flight", Int), ("next_try", Int), ("body", Text), ("needs", Int)];
    /// What a step of delivery changes of a terminal: SQLite touches the index of every column that is named in an update,
    /// whether it changes or not.
    STEP = "terminal" / "step", TERMINAL_KEY,
        &[("version", Int), ("counter_next", Int), ("in_flight", Int), ("next_try", Int), ("body", Text),
          ("needs", Int)];
    /// What is demanded of a terminal before it is written.
    STANDING = "terminal" / "standing", TERMINAL_KEY,
        &[("version", Int), ("counter_next", Int), ("retired", Int), ("in_flight", Int)];
    /// Which card is in a terminal, to be remembered when it leaves.
    SEATED = "terminal" / "seated", TERMINAL_KEY, &[("iccid", Text), ("body", Text)];
    /// What is on its way to a terminal: as `terminal.in_flight` says, and written with it.
    FLIGHT = "flight" / "", SHIPMENT_KEY, &[("sub", Int), ("term", Int)];
    /// A terminal's due mark, while it is due: edits of any node write it.
    MARK = "due" / "", TERMINAL_KEY,
        &[("rev", Int), ("at", Int), ("since", Int), ("lane", Int), ("flags", Int), ("shared", Int)];
    /// Who carries which shared group, and the group's revision that is proven there.
    MEMBER = "member" / "", &[("slice", Int), ("sub", Int), ("grp", Int)], &[("applied", Int)];
    /// Whose card this is.
    CARD = "terminal" / "card", &[("iccid", Text)], &[("slice", Int), ("sub", Int), ("term", Int)],
        where "t.retired = 0";
    /// Whose number this is on a channel.
    ADDRESS = "terminal" / "address", &[("address", Text), ("channel", Text)],
        &[("slice", Int), ("sub", Int), ("term", Int)], where "t.retired = 0";
    PLACEMENT = "placement" / "", TERMINAL_KEY, &[("entries", Text), ("freed", Text)];
    SLOT = "slot" / "", &[("slice", Int), ("sub", Int), ("term", Int), ("slot", Int)],
        &[("content", Blob), ("owner", Int), ("friend", Int), ("number", Int), ("proof", Int),
          ("since", Int), ("doubt", Int)];
    /// How far a shipment is: written at every step.
    SHIPMENT = "shipment" / "", SHIPMENT_KEY,
        &[("sub", Int), ("term", Int), ("kind", Int), ("lane", Int), ("state", Int), ("at", Int),
          ("body", Text)];
    /// How far a shipment is that is there already.
    PROGRESS = "shipment" / "progress", SHIPMENT_KEY, &[("state", Int), ("body", Text)];
    /// A shipment that failed or was superseded, as it ended first.
    UNDONE = "undone" / "", SHIPMENT_KEY, &[("sub", Int), ("state", Int), ("at", Int)];
    /// What a shipment carries: written once.
    CARGO = "cargo" / "", SHIPMENT_KEY, &[("body", Text)];
    /// Whether its cargo is written.
    LOADED = "cargo" / "loaded", SHIPMENT_KEY, &[];
    SENT = "sent" / "", &[("gateway", Text), ("message", Text)],
        &[("slice", Int), ("ship", Int), ("packet", Int), ("part", Int), ("sending", Int)];
    HOLD = "hold" / "", NUMBERED, &[("held", Int), ("since", Int), ("body", Text)];
    DOCUMENT = "document" / "", &[("kind", Text), ("key", Text)],
        &[("version", Int), ("value", Text), ("second", Text), ("expires", Int)];
    /// A document's version.
    VERSION = "document" / "version", &[("kind", Text), ("key", Text)], &[("version", Int)];
    LEASE = "lease" / "", &[("slice", Int)], &[("node", Int), ("epoch", Int), ("expires", Int)];
    DEPARTED = "departed" / "", SUBSCRIBER_KEY,
        &[("changes", Int), ("salt", Blob), ("digest", Blob)];
}

/// Every table that holds subscribers' rows, in the order in which they are written.
pub(crate) static WHOLE: &[&Table] = &[
    &SUBSCRIBER,
    &BOOK,
    &FRIEND,
    &GROUP,
    &CHANGE,
    &MEMBER,
    &TERMINAL,
    &MARK,
    &FLIGHT,
    &PLACEMENT,
    &SLOT,
    &SHIPMENT,
    &UNDONE,
    &CARGO,
    &SENT,
    &HOLD,
    &DOCUMENT,
    &LEASE,
    &DEPARTED,
];

/// Parts of rows that are there already, written after the whole rows.
pub(crate) static PARTS: &[&Table] = &[&STEP, &PROGRESS, &TEXT];

/// Whether a row that is read stays as it is until the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lock {
    /// It is only looked at.
    None,
    /// Nobody may write it meanwhile (a lease).
    Share,
    /// It is about to be written.
    Update,
}

/// Rows to be read: those whose first key columns are one of `keys`.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) table: &'static Table,
    /// How many of the key's columns `keys` give.
    pub(crate) lead: usize,
    /// In order, each once.
    pub(crate) keys: Vec<Row>,
    pub(crate) lock: Lock,
}

impl Load {
    /// Rows to look at; keys in any order, repeated or not.
    pub(crate) fn of(
        table: &'static Table,
        lead: usize,
        keys: impl IntoIterator<Item = Row>,
    ) -> Self {
        let mut keys: Vec<_> = keys.into_iter().collect();
        keys.sort_unstable();
        keys.dedup();
        Self {
            table,
            lead,
            keys,
            lock: Lock::None,
        }
    }
}

/// How rows go in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// They are known not to be there: if one is, another was faster and the whole group is done again.
    Insert,
    /// Whether they are there or not.
    Upsert,
    /// They are known to be there.
    Update,
}

/// One set of writes.
#[derive(Debug)]
pub(crate) enum Write {
    /// Whole rows (key, then rest), in the order of their keys, each key once.
    Put(&'static Table, Way, Vec<Row>),
    /// Every row whose first key columns are one of these.
    Remove(&'static Table, usize, Vec<Row>),
}

/// Where rows lie, when a store has several databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// With this slice.
    Slice(u8),
    /// In the home database: what belongs to no slice.
    Home,
    /// Anywhere: every database is asked, and the answers stand one after another. None can be done without.
    Everywhere,
    /// The same, but for those that are away: their rows are missing, and [`Database::is_whole`] says so.
    Reachable,
}

/// A statement that reads, with its parameters `?1`, `?2`, …
pub(crate) type Asked = (At, String, Vec<Value>);

/// A database that is asked.
pub(crate) trait Database {
    /// The rows of several statements, in one go where that is faster.
    fn ask(&self, questions: &[Asked]) -> Result<Vec<Vec<Row>>, StoreError>;
    /// The rows of a statement.
    fn rows(&self, at: At, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let found = self.ask(&[(at, sql.to_owned(), values.to_vec())])?;
        Ok(found.into_iter().next().unwrap_or_default())
    }
    /// Which of its servers has a slice.
    fn place(&self, _slice: u8) -> usize {
        0
    }
    /// Whether nothing was left out of what this question was answered so far.
    fn is_whole(&self) -> bool {
        true
    }
    /// Several sets of rows in one go: one answer a load, each row key first, in the order of the keys.
    fn load(&self, loads: &[Load]) -> Result<Vec<Vec<Row>>, StoreError>;
}
