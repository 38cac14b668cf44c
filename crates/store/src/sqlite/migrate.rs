//! The schema, from the first day in numbered steps that never change once they were released.

use super::columns::run;
use rusqlite::{Connection, Result, TransactionBehavior};

/// Step *n* brings a store from schema *n* − 1 to *n*.
const STEPS: [&str; 2] = [
    include_str!("../../migrations/0001_start.sql"),
    include_str!("../../migrations/0003_campaigns.sql"),
];

/// Brings the store to this build's schema; the schema it has when it is from a newer Kith.
///
/// All in one transaction: a process that dies meanwhile leaves the old schema whole.
pub(super) fn migrate(db: &mut Connection, now: i64) -> Result<std::result::Result<(), i64>> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let is_new: bool = transaction.query_row(
        "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'store_state')",
        [],
        |row| row.get(0),
    )?;
    let schema: i64 = if is_new {
        0
    } else {
        transaction.query_row("SELECT schema FROM store_state", [], |row| row.get(0))?
    };
    let Some(steps) = usize::try_from(schema).ok().and_then(|n| STEPS.get(n..)) else {
        return Ok(Err(schema));
    };
    for step in steps {
        transaction.execute_batch(step)?;
    }
    transaction.execute(
        "INSERT INTO store_state (one, schema, incarnation, created) VALUES (1, ?1, 1, ?2)
         ON CONFLICT (one) DO UPDATE SET schema = excluded.schema",
        (STEPS.len() as i64, now),
    )?;
    transaction.commit()?;
    Ok(Ok(()))
}

/// Which copy of itself the store is, from 1.
pub(super) fn incarnation(db: &Connection) -> Result<u64> {
    db.query_row("SELECT incarnation FROM store_state", [], |row| {
        row.get(0).map(i64::cast_unsigned)
    })
}

/// One more incarnation.
pub(super) fn renew(db: &Connection) -> Result<()> {
    run(
        db,
        "UPDATE store_state SET incarnation = incarnation + 1",
        [],
    )
    .map(drop)
}
