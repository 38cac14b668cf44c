//! Shipments and the directory of what was sent: `shipment`, `sent`; a step of delivery as a whole.

use super::columns::{Json, all, first, json, run, shipment as key, terminal};
use super::{Done, documents, terminals};
use crate::{Counts, SettleJob, ShipmentFilter};
use delivery::{PartRef, Shipment, ShipmentId, ShipmentKind, ShipmentState};
use rusqlite::types::ToSql;
use rusqlite::{Connection, Result};

pub(super) fn settle(db: &Connection, job: &SettleJob) -> Done {
    let id = job.terminal.id;
    let due = terminals::demand_step(db, &job.terminal)?;
    documents::demand(db, &job.documents)?;

    terminals::put(db, &job.terminal)?;
    if let (Some(there), Some(read)) = (due, job.clear_due)
        && terminals::is_unchanged(&there, &read)
    {
        terminals::clear_due(db, id)?;
    }
    if let Some(shipment) = &job.shipment {
        put(db, shipment)?;
    }
    for (slot, state) in &job.slots {
        terminals::put_slot(db, id, *slot, state)?;
    }
    terminals::place(db, id, job.placement.as_ref(), &job.freed)?;
    for (gateway, message, part) in &job.sent {
        let (slice, ship) = key(part.shipment);
        // A gateway that gives an id again means the newer message.
        run(
            db,
            "INSERT INTO sent (gateway, message, slice, ship, packet, part, sending)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (gateway, message) DO UPDATE SET slice = excluded.slice,
             ship = excluded.ship, packet = excluded.packet, part = excluded.part,
             sending = excluded.sending",
            (
                gateway,
                message,
                slice,
                ship,
                part.packet,
                part.part,
                part.sending,
            ),
        )?;
    }
    Ok(documents::put(db, &job.documents)?)
}

fn state(state: ShipmentState) -> i64 {
    match state {
        ShipmentState::Queued => 0,
        ShipmentState::Sending => 1,
        ShipmentState::Waiting => 2,
        ShipmentState::Proven => 3,
        ShipmentState::Failed => 4,
        ShipmentState::Superseded => 5,
    }
}

fn put(db: &Connection, shipment: &Shipment) -> Result<()> {
    let (slice, ship) = key(shipment.id);
    let (_, sub, term) = terminal(shipment.terminal);
    let kind = match shipment.kind {
        ShipmentKind::Write => 0_i64,
        ShipmentKind::Read => 1,
        ShipmentKind::Verify => 2,
        ShipmentKind::Test => 3,
    };
    run(
        db,
        "INSERT INTO shipment (slice, ship, sub, term, kind, lane, state, at, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (slice, ship) DO UPDATE SET
         lane = excluded.lane, state = excluded.state, body = excluded.body",
        (
            slice,
            ship,
            sub,
            term,
            kind,
            terminals::lane(shipment.lane),
            state(shipment.state),
            shipment.at,
            Json(shipment),
        ),
    )
    .map(drop)
}

pub(super) fn one(db: &Connection, id: ShipmentId) -> Result<Option<Shipment>> {
    let sql = "SELECT body FROM shipment WHERE slice = ?1 AND ship = ?2";
    first(db, sql, key(id), json)
}

/// Newest first; of the same instant the greater id first.
pub(super) fn page(db: &Connection, filter: ShipmentFilter) -> Result<Vec<Shipment>> {
    let mut sql = "SELECT body FROM shipment WHERE 1 = 1".to_owned();
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    if let Some(id) = filter.terminal {
        let (slice, sub, term) = terminal(id);
        sql += " AND slice = ? AND sub = ? AND term = ?";
        values.extend([
            Box::new(slice) as Box<dyn ToSql>,
            Box::new(sub),
            Box::new(term),
        ]);
    }
    if let Some(wanted) = filter.state {
        sql += " AND state = ?";
        values.push(Box::new(state(wanted)));
    }
    if let Some(id) = filter.after {
        let (slice, ship) = key(id);
        sql += " AND (at, ship) < (SELECT at, ship FROM shipment WHERE slice = ? AND ship = ?)";
        values.extend([Box::new(slice) as Box<dyn ToSql>, Box::new(ship)]);
    }
    sql += " ORDER BY at DESC, ship DESC LIMIT ?";
    values.push(Box::new(filter.limit));
    all(db, &sql, rusqlite::params_from_iter(values), json)
}

pub(super) fn unfinished(db: &Connection) -> Result<Vec<Shipment>> {
    let sql = "SELECT body FROM shipment WHERE state < 3 ORDER BY slice, lane, ship";
    all(db, sql, [], json)
}

/// By the terminals' rows: their index holds nothing else.
pub(super) fn in_flight_after(
    db: &Connection,
    after: Option<ShipmentId>,
    limit: u32,
) -> Result<Vec<ShipmentId>> {
    let (slice, ship) = after.map_or((-1, -1), key);
    let sql = "SELECT in_flight FROM terminal
               WHERE in_flight IS NOT NULL AND (slice, in_flight) > (?1, ?2)
               ORDER BY slice, in_flight LIMIT ?3";
    all(db, sql, (slice, ship, limit), |row| {
        Ok(ShipmentId(row.get::<_, i64>(0)?.cast_unsigned()))
    })
}

pub(super) fn sent(db: &Connection, gateway: &str, message: &str) -> Result<Option<PartRef>> {
    let sql = "SELECT ship, packet, part, sending FROM sent WHERE gateway = ?1 AND message = ?2";
    first(db, sql, (gateway, message), |row| {
        Ok(PartRef {
            shipment: ShipmentId(row.get::<_, i64>(0)?.cast_unsigned()),
            packet: row.get(1)?,
            part: row.get(2)?,
            sending: row.get(3)?,
        })
    })
}

pub(super) fn counts(db: &Connection, now: i64) -> Result<Counts> {
    let count = |sql: &str| db.query_row(sql, [], |row| row.get(0).map(i64::cast_unsigned));
    Ok(Counts {
        subscribers: count("SELECT count(*) FROM subscriber")?,
        terminals: count("SELECT count(*) FROM terminal WHERE retired = 0")?,
        due: count("SELECT count(*) FROM terminal WHERE due_at IS NOT NULL")?,
        in_flight: count("SELECT count(*) FROM terminal WHERE in_flight IS NOT NULL")?,
        proven_last_hour: db.query_row(
            "SELECT count(*) FROM shipment WHERE at > ?1 AND state = 3",
            [now.saturating_sub(3_600_000)],
            |row| row.get(0).map(i64::cast_unsigned),
        )?,
    })
}
