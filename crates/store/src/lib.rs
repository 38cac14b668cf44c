//! The store: SQLite and PostgreSQL behind whole jobs; SQL lives only here.
//!
//! [`Store`] is what the rest of Kith holds: [`Store::run`] commits a [`Job`], in a group with whatever else waits, and
//! the typed reads look at the last committed state.
//!
//! A group of jobs reads what it demands in one go (`unit::Wanted`), is carried out on rows in memory (`unit::Unit`, the
//! files by subject), and goes in as one set of writes a table (`table::Write`). The databases differ only in how they
//! load and write sets of rows.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod asks;
mod backup;
mod basis;
mod books;
mod cards;
mod documents;
mod fate;
mod forget;
mod group;
mod health;
mod holds;
mod job;
mod leases;
mod marks;
mod members;
mod moving;
mod postgres;
mod readers;
mod reads;
mod schedule;
mod schema;
mod shipments;
mod sqlite;
mod store;
mod subscribers;
mod table;
mod terminals;
mod unit;
mod value;
mod writer;

pub use backup::{Copied, backup, restore};
pub use cards::CardPast;
pub use fate::Fate;
pub use health::{Ill, What};
pub use job::{
    Document, DocumentWrite, EditJob, Forget, ForgetJob, Job, LeaseStep, MembersJob, Refused,
    SettleJob, StoreError, Texts,
};
pub use moving::{Moved, move_to};
pub use postgres::Servers;
pub use reads::{
    Aged, Basis, BasisOf, BookFull, Counts, Deletion, Member, Reads, Schedule, ScheduleOf,
    ShipmentFilter, TerminalFull,
};
pub use store::Store;
