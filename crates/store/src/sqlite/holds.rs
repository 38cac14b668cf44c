//! Brakes held: `hold`.

use super::columns::{Json, all, first, json, run, subscriber};
use super::{Done, subscribers, terminals};
use book::SubscriberId;
use delivery::{Due, Hold, HoldState, TerminalId};
use rusqlite::{Connection, Result};

pub(super) fn put(db: &Connection, hold: &Hold, due: &[(TerminalId, Due)]) -> Done {
    subscribers::demand(db, hold.subscriber)?;
    terminals::demand_all(db, due)?;
    upsert(db, hold)?;
    Ok(terminals::merge_all(db, due)?)
}

pub(super) fn upsert(db: &Connection, hold: &Hold) -> Result<()> {
    let (slice, sub) = subscriber(hold.subscriber);
    run(
        db,
        "INSERT INTO hold (slice, sub, no, held, since, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (slice, sub, no) DO UPDATE SET
         held = excluded.held, since = excluded.since, body = excluded.body",
        (
            slice,
            sub,
            hold.no,
            i64::from(hold.state == HoldState::Held),
            hold.since,
            Json(hold),
        ),
    )
    .map(drop)
}

/// Newest first.
pub(super) fn list(
    db: &Connection,
    of: Option<SubscriberId>,
    only_held: bool,
) -> Result<Vec<Hold>> {
    const NEWEST: &str = "ORDER BY since DESC, sub, no DESC";
    match (of.map(subscriber), only_held) {
        (Some(key), held) => {
            let which = if held { "AND held = 1" } else { "" };
            let sql =
                format!("SELECT body FROM hold WHERE slice = ?1 AND sub = ?2 {which} {NEWEST}");
            all(db, &sql, key, json)
        }
        (None, true) => all(
            db,
            &format!("SELECT body FROM hold WHERE held = 1 {NEWEST}"),
            [],
            json,
        ),
        (None, false) => all(db, &format!("SELECT body FROM hold {NEWEST}"), [], json),
    }
}

pub(super) fn one(db: &Connection, of: SubscriberId, no: u32) -> Result<Option<Hold>> {
    let (slice, sub) = subscriber(of);
    let sql = "SELECT body FROM hold WHERE slice = ?1 AND sub = ?2 AND no = ?3";
    first(db, sql, (slice, sub, no), json)
}

pub(super) fn next_no(db: &Connection, of: SubscriberId) -> Result<u32> {
    let sql = "SELECT coalesce(max(no), 0) + 1 FROM hold WHERE slice = ?1 AND sub = ?2";
    Ok(first(db, sql, subscriber(of), |row| row.get(0))?.unwrap_or(1))
}
