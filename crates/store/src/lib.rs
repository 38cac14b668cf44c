//! The store: SQLite behind whole jobs; SQL lives only here.
//!
//! [`Store`] is what the rest of Kith holds: [`Store::run`] commits a [`Job`], in a group with whatever else waits, and
//! the typed reads look at the last committed state. [`Jobs`] and [`Reads`] are what a database must be able to do.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod asks;
mod job;
mod reads;
mod sqlite;
mod store;
mod writer;

pub use job::{Document, DocumentWrite, EditJob, Job, MembersJob, Refused, SettleJob, StoreError};
pub use reads::{Counts, Member, Reads, ShipmentFilter, TerminalFull};
pub use store::Store;

/// A database that carries out whole jobs.
pub trait Jobs {
    /// Commits a group in one transaction; one result a job, in order. A refused job leaves no trace, the others stand.
    ///
    /// # Errors
    /// When the database fails, or a job is a mistake of Kith's own: then nothing of the whole group was done.
    fn commit(&mut self, group: &[Job]) -> Result<Vec<Result<(), Refused>>, StoreError>;
}
