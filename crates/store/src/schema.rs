//! The schema, in numbered steps that never change once they were released: one text for both databases.

use crate::StoreError;
use crate::group::Transaction;
use crate::shipments::split_old;
use crate::table::At;
use crate::value::Columns;

/// Step *n* brings a store from schema *n* − 1 to *n*.
const STEPS: [&str; 7] = [
    include_str!("../migrations/0001_start.sql"),
    include_str!("../migrations/0002_many_nodes.sql"),
    include_str!("../migrations/0003_campaigns.sql"),
    include_str!("../migrations/0004_leaner.sql"),
    include_str!("../migrations/0005_flight.sql"),
    include_str!("../migrations/0006_needs.sql"),
    include_str!("../migrations/0007_retention.sql"),
];

/// PostgreSQL's reading of a step: 8-octet integers, texts in the order of their octets, no WITHOUT ROWID.
pub(crate) fn postgres(step: &str) -> String {
    step.replace("INTEGER", "BIGINT")
        .replace("BLOB", "BYTEA")
        .replace("TEXT", "TEXT COLLATE \"C\"")
        .replace(" WITHOUT ROWID", "")
        .replace("-- PostgreSQL: ", "")
}

/// SQLite's reading of a step.
pub(crate) fn sqlite(step: &str) -> String {
    step.replace("-- SQLite: ", "")
}

/// Brings the store to this build's schema, inside the caller's transaction: a process that dies meanwhile leaves the
/// old schema whole. `now` is ms UTC.
pub(crate) fn migrate(
    db: &dyn Transaction,
    is_new: bool,
    dialect: fn(&str) -> String,
    script: &dyn Fn(&str) -> Result<(), StoreError>,
    now: i64,
) -> Result<(), StoreError> {
    let schema = if is_new {
        0
    } else {
        let rows = db.rows(At::Home, "SELECT schema FROM store_state", &[])?;
        rows.first().map_or(Ok(0), |row| row.int(0))?
    };
    let steps = usize::try_from(schema)
        .ok()
        .and_then(|done| STEPS.get(done..));
    let Some(steps) = steps else {
        return Err(StoreError::Database {
            what: "be opened",
            why: format!("it is at schema {schema}, from a newer Kith: start that one"),
        });
    };
    for (number, step) in (schema + 1..).zip(steps) {
        script(&dialect(step))?;
        if number == 2 {
            split_old(db)?;
        }
    }
    db.run(
        "INSERT INTO store_state (one, schema, incarnation, created) VALUES (1, ?1, 1, ?2)
         ON CONFLICT (one) DO UPDATE SET schema = excluded.schema",
        &[(STEPS.len() as u64).into(), now.into()],
    )?;
    Ok(())
}
