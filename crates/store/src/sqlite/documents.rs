//! Documents of identity and control: `document`.

use super::Done;
use super::columns::{all, first, run};
use crate::{Document, DocumentWrite, Refused};
use rusqlite::{Connection, Result, Row};

const COLUMNS: &str = "SELECT key, value, version, expires FROM document";

fn row(row: &Row<'_>) -> Result<Document> {
    Ok(Document {
        key: row.get(0)?,
        value: row.get(1)?,
        version: row.get::<_, i64>(2)?.cast_unsigned(),
        expires: row.get(3)?,
    })
}

pub(super) fn one(db: &Connection, kind: &str, key: &str) -> Result<Option<Document>> {
    let sql = format!("{COLUMNS} WHERE kind = ?1 AND key = ?2");
    first(db, &sql, (kind, key), row)
}

pub(super) fn by_index(db: &Connection, kind: &str, index: &str) -> Result<Vec<Document>> {
    let sql = format!("{COLUMNS} WHERE kind = ?1 AND second = ?2 ORDER BY key");
    all(db, &sql, (kind, index), row)
}

pub(super) fn page(
    db: &Connection,
    kind: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<Document>> {
    // No key is empty.
    let sql = format!("{COLUMNS} WHERE kind = ?1 AND key > ?2 ORDER BY key LIMIT ?3");
    all(db, &sql, (kind, after.unwrap_or_default(), limit), row)
}

pub(super) fn write(db: &Connection, writes: &[DocumentWrite]) -> Done {
    demand(db, writes)?;
    Ok(put(db, writes)?)
}

/// Refused unless every expectation holds.
pub(super) fn demand(db: &Connection, writes: &[DocumentWrite]) -> Done {
    for write in writes {
        if let Some(expect) = write.expect {
            let there = one(db, write.kind, &write.key)?.map_or(0, |d| d.version);
            if there != expect {
                return Err(Refused::Stale.into());
            }
        }
    }
    Ok(())
}

/// Writes them all; [`demand`] was asked before.
pub(super) fn put(db: &Connection, writes: &[DocumentWrite]) -> Result<()> {
    for write in writes {
        match &write.value {
            Some(value) => run(
                db,
                "INSERT INTO document (kind, key, value, version, second, expires)
                 VALUES (?1, ?2, ?3, 1, ?4, ?5)
                 ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value,
                 version = document.version + 1, second = excluded.second, expires = excluded.expires",
                (write.kind, &write.key, value, &write.index, write.expires),
            )?,
            None => run(
                db,
                "DELETE FROM document WHERE kind = ?1 AND key = ?2",
                (write.kind, &write.key),
            )?,
        };
    }
    Ok(())
}

pub(super) fn expire(db: &Connection, now: i64, limit: u32) -> Result<usize> {
    run(
        db,
        "DELETE FROM document WHERE (kind, key) IN
         (SELECT kind, key FROM document WHERE expires <= ?1 ORDER BY expires LIMIT ?2)",
        (now, limit),
    )
}
