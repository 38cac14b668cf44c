//! Shipments and the directory of what was sent: `shipment`, `cargo`, `sent`; a step of delivery as a whole.
//!
//! What a shipment carries is written once (`cargo`); how far it is, at every step (`shipment`).

mod split;

use crate::StoreError;
use crate::group::Transaction;
use crate::job::SettleJob;
use crate::reads::{Counts, Sent, ShipmentFilter};
use crate::table::{
    At, CARGO, Database, LOADED, Load, Lock, MARK, PLACEMENT, PROGRESS, SENT, SHIPMENT, STANDING,
    Table, UNDONE,
};
use crate::terminals::within;
use crate::unit::{Done, Stop, Unit, Wanted};
use crate::value::{Columns, Row, Value, json, shipment as key, terminal};
use crate::{documents, leases, marks, terminals};
use book::SubscriberId;
use delivery::{
    Lane, PartRef, Shipment, ShipmentId, ShipmentKind, ShipmentState, Slices, TerminalId,
};
use std::collections::BTreeMap;

pub(crate) fn want_settle(job: &SettleJob, wanted: &mut Wanted) {
    let id = job.terminal.id;
    leases::want_owner(id.subscriber.slice(), job.epoch, wanted);
    wanted.row(&STANDING, Lock::Update, terminal(id));
    if job.clear_due.is_some() {
        wanted.row(&MARK, Lock::None, terminal(id));
    }
    if job.placement.is_some() || !job.freed.is_empty() {
        wanted.row(&PLACEMENT, Lock::None, terminal(id));
    }
    if let Some(shipment) = &job.shipment {
        wanted.row(&LOADED, Lock::None, key(shipment.id));
    }
    documents::want_beside(&job.documents, wanted);
}

pub(crate) fn settle(unit: &mut Unit, job: &SettleJob) -> Done {
    let id = job.terminal.id;
    leases::demand_owner(unit, id.subscriber.slice(), job.epoch)?;
    terminals::demand_step(unit, &job.terminal)?;
    documents::demand(unit, &job.documents)?;

    if !job.same_terminal {
        terminals::put_step(unit, &job.terminal)?;
    }
    if let Some(read) = &job.clear_due {
        marks::clear_unchanged(unit, id, read)?;
    }
    if let Some(shipment) = &job.shipment {
        put(unit, shipment)?;
        note_undone(unit, shipment);
    }
    for (slot, state) in &job.slots {
        terminals::put_slot(unit, id, *slot, state);
    }
    terminals::place(unit, id, job.placement.as_ref(), &job.freed)?;
    for (gateway, message, part) in &job.sent {
        let mut rest = key(part.shipment);
        rest.extend([part.packet.into(), part.part.into(), part.sending.into()]);
        // A gateway that gives an id again means the newer message.
        unit.put(&SENT, vec![gateway.into(), message.into()], Some(rest));
    }
    documents::put(unit, &job.documents)
}

const STATES: [ShipmentState; 6] = [
    ShipmentState::Queued,
    ShipmentState::Sending,
    ShipmentState::Waiting,
    ShipmentState::Proven,
    ShipmentState::Failed,
    ShipmentState::Superseded,
];
const KINDS: [ShipmentKind; 4] = [
    ShipmentKind::Write,
    ShipmentKind::Read,
    ShipmentKind::Verify,
    ShipmentKind::Test,
];

fn place_in<T: PartialEq>(all: &[T], one: &T) -> Value {
    let place = all.iter().position(|known| known == one);
    Value::from(place.and_then(|n| u32::try_from(n).ok()))
}

fn one_of<T: Copy>(all: &[T], row: &[Value], at: usize) -> Result<T, StoreError> {
    let found = usize::try_from(row.int(at)?).ok().and_then(|n| all.get(n));
    found.map_or_else(|| row.odd(at), |one| Ok(*one))
}

fn put(unit: &mut Unit, shipment: &Shipment) -> Done {
    let id = key(shipment.id);
    let state = place_in(&STATES, &shipment.state);
    let progress = json(&split::progress(shipment))?;
    if unit.get(&LOADED, &id)?.is_none() {
        unit.note(&LOADED, id.clone(), Some(Vec::new()));
        unit.note(&CARGO, id.clone(), None);
        let cargo = json(&split::cargo(shipment))?;
        unit.put(&CARGO, id.clone(), Some(vec![cargo]));
    } else if !unit.is_written(&SHIPMENT, &id) {
        unit.same(&LOADED, &PROGRESS, &id);
        unit.put(&PROGRESS, id, Some(vec![state, progress]));
        return Ok(());
    }
    let mut rest = terminal(shipment.terminal).split_off(1);
    rest.extend([
        place_in(&KINDS, &shipment.kind),
        marks::lane(shipment.lane),
        state,
        shipment.at.into(),
        progress,
    ]);
    unit.put(&SHIPMENT, id, Some(rest));
    Ok(())
}

/// What failed or was superseded is found by itself (`undone`).
fn note_undone(unit: &mut Unit, shipment: &Shipment) {
    if matches!(
        shipment.state,
        ShipmentState::Failed | ShipmentState::Superseded
    ) {
        let rest = vec![
            shipment.terminal.subscriber.0.into(),
            place_in(&STATES, &shipment.state),
            shipment.at.into(),
        ];
        unit.put(&UNDONE, key(shipment.id), Some(rest));
    }
}

/// From columns slice, ship, sub, term, kind, lane, state, at, progress and the cargo beside.
fn read(row: &[Value], cargo: &Value) -> Result<Shipment, StoreError> {
    let mut shipment =
        split::join(std::slice::from_ref(cargo).json(0)?, row.json(8)?).ok_or_else(|| {
            StoreError::Database {
                what: "read a shipment",
                why: "its cargo and its progress are not of one shipment".into(),
            }
        })?;
    shipment.id = ShipmentId(row.unsigned(1)?);
    shipment.terminal = TerminalId {
        subscriber: SubscriberId(row.unsigned(2)?),
        no: row.small(3)?,
    };
    shipment.kind = one_of(&KINDS, row, 4)?;
    shipment.lane = if row.int(5)? == 0 {
        Lane::Interactive
    } else {
        Lane::Bulk
    };
    shipment.state = one_of(&STATES, row, 6)?;
    shipment.at = row.int(7)?;
    Ok(shipment)
}

pub(crate) fn many(db: &dyn Database, ids: &[ShipmentId]) -> Result<Vec<Shipment>, StoreError> {
    let load = |table: &'static Table| Load::of(table, 2, ids.iter().map(|id| key(*id)));
    let found = db.load(&[load(&SHIPMENT), load(&CARGO)])?;
    let [rows, cargo] = &found[..] else {
        return Ok(Vec::new());
    };
    let cargo: BTreeMap<_, _> = cargo.iter().map(|row| (&row[..2], row.column(2))).collect();
    let of = |row: &Row| read(row, cargo.get(&row[..2]).copied().unwrap_or(&Value::Null));
    rows.iter().map(of).collect()
}

/// Shipments from before the cargo stood apart (schema 1): their body was the whole of them.
pub(crate) fn split_old(db: &dyn Transaction) -> Result<(), StoreError> {
    loop {
        let whole = "SELECT body FROM shipment WHERE NOT EXISTS
                     (SELECT 1 FROM cargo c WHERE c.slice = shipment.slice AND c.ship = shipment.ship) LIMIT 500";
        let rows = db.rows(At::Everywhere, whole, &[])?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut unit = Unit::default();
        for row in &rows {
            let shipment: Shipment = row.json(0)?;
            unit.note(&LOADED, key(shipment.id), None);
            if let Err(Stop::Database(error)) = put(&mut unit, &shipment) {
                return Err(error);
            }
        }
        db.write(&unit.writes())?;
    }
}

/// The ids under which a shipment's messages went out, by the index's own expression (schema 4).
pub(crate) const SENT_OF: &str = "SELECT gateway, message FROM sent
    WHERE (ship & 36028797018963967) = (?2 & 36028797018963967) AND slice = ?1 AND ship = ?2";

/// Whether nothing more happens to a shipment whose column `state` holds this.
pub(crate) fn is_final(state: i64) -> bool {
    let state = usize::try_from(state).ok().and_then(|n| STATES.get(n));
    state.is_some_and(|state| state.is_final())
}

/// A page of a slice's shipments behind an id, in the order of their ids: that of planning.
pub(crate) fn oldest(
    db: &dyn Database,
    slice: u8,
    after: i64,
    limit: u32,
) -> Result<Vec<Shipment>, StoreError> {
    let sql = format!("{COLUMNS} {WHOLE} s.slice = ?1 AND s.ship > ?2 ORDER BY s.ship LIMIT ?3");
    let values = [slice.into(), after.into(), limit.into()];
    found(&db.rows(At::Slice(slice), &sql, &values)?)
}

const COLUMNS: &str =
    "SELECT s.slice, s.ship, s.sub, s.term, s.kind, s.lane, s.state, s.at, s.body, c.body FROM";
const WHOLE: &str = "shipment s JOIN cargo c ON c.slice = s.slice AND c.ship = s.ship WHERE";
/// The same, found by the few rows of another table, in this order on purpose.
const BESIDE: &str = "CROSS JOIN shipment s CROSS JOIN cargo c
    WHERE s.slice = f.slice AND s.ship = f.ship AND c.slice = s.slice AND c.ship = s.ship AND";

/// Where shipments like these are found, and whose columns say their state and their time: none is looked for among all.
fn source(filter: &ShipmentFilter) -> (String, &'static str) {
    match filter.state {
        Some(ShipmentState::Failed | ShipmentState::Superseded) if filter.terminal.is_none() => {
            let from = format!("{COLUMNS} undone f {BESIDE} f.state = s.state");
            (from, "f")
        }
        // What is unfinished is on its way to a terminal.
        Some(ShipmentState::Queued | ShipmentState::Sending | ShipmentState::Waiting)
            if filter.terminal.is_none() =>
        {
            (format!("{COLUMNS} flight f {BESIDE} 1 = 1"), "s")
        }
        _ => (format!("{COLUMNS} {WHOLE} 1 = 1"), "s"),
    }
}

fn found(rows: &[Row]) -> Result<Vec<Shipment>, StoreError> {
    rows.iter().map(|row| read(row, row.column(9))).collect()
}

/// Newest first; of the same instant the greater id first.
pub(crate) fn page(db: &dyn Database, filter: ShipmentFilter) -> Result<Vec<Shipment>, StoreError> {
    let mut at = At::Everywhere;
    let (mut sql, of) = source(&filter);
    let mut values: Vec<Value> = Vec::new();
    if let Some(id) = filter.terminal {
        at = At::Slice(id.subscriber.slice());
        sql += " AND s.slice = ?1 AND s.sub = ?2 AND s.term = ?3";
        values.extend(terminal(id));
    }
    if let Some(wanted) = filter.state {
        sql += &format!(" AND {of}.state = ?{}", values.len() + 1);
        values.push(place_in(&STATES, &wanted));
    }
    if let Some(id) = filter.after {
        // One that was forgotten since the page before was planned when its id says.
        let last = many(db, &[id])?;
        let before = last.first().map_or(id.planned_at(), |last| last.at);
        sql += &format!(
            " AND ({of}.at, {of}.ship) < (?{}, ?{})",
            values.len() + 1,
            values.len() + 2
        );
        values.extend([before.into(), id.0.into()]);
    }
    sql += &format!(
        " ORDER BY {of}.at DESC, {of}.ship DESC LIMIT ?{}",
        values.len() + 1
    );
    values.push(filter.limit.into());
    let mut shipments = found(&db.rows(at, &sql, &values)?)?;
    shipments.sort_by_key(|shipment| std::cmp::Reverse((shipment.at, shipment.id)));
    shipments.truncate(filter.limit as usize);
    Ok(shipments)
}

pub(crate) fn unfinished(db: &dyn Database, owned: &Slices) -> Result<Vec<Shipment>, StoreError> {
    let within = within("s.slice", owned);
    let sql = format!("{COLUMNS} {WHOLE} s.state < 3{within} ORDER BY s.slice, s.lane, s.ship");
    let mut shipments = found(&db.rows(At::Everywhere, &sql, &[])?)?;
    // Of one server they are in order.
    shipments.sort_by_key(|shipment| shipment.id.slice());
    Ok(shipments)
}

/// A page of the shipments that terminals have on their way, by slice and id. Slices of one server need no other.
pub(crate) fn in_flight_after(
    db: &dyn Database,
    owned: &Slices,
    after: Option<ShipmentId>,
    limit: u32,
) -> Result<Vec<ShipmentId>, StoreError> {
    let sql = format!(
        "SELECT slice, ship FROM flight WHERE (slice, ship) > (?1, ?2){} ORDER BY slice, ship LIMIT ?3",
        within("slice", owned)
    );
    let mut values = after.map_or_else(|| [-1_i64, -1].map(Value::from).to_vec(), key);
    values.push(limit.into());
    let mut servers = owned.iter().map(|slice| (db.place(slice), slice));
    let at = match servers.next() {
        None => return Ok(Vec::new()),
        Some((one, slice)) if servers.all(|(other, _)| other == one) => At::Slice(slice),
        Some(_) => At::Everywhere,
    };
    let mut rows = db.rows(at, &sql, &values)?;
    rows.sort_unstable();
    let id = |row: &Row| row.unsigned(1).map(ShipmentId);
    rows.iter().take(limit as usize).map(id).collect()
}

/// What these gateways' message ids belong to, as far as it is known.
pub(crate) fn sent(
    db: &dyn Database,
    messages: &[(String, String)],
) -> Result<Vec<Sent>, StoreError> {
    let keys = messages.iter().map(|(g, m)| vec![g.into(), m.into()]);
    let rows = db.load(&[Load::of(&SENT, 2, keys)])?;
    let read = |row: &Row| {
        let part = PartRef {
            shipment: ShipmentId(row.unsigned(3)?),
            packet: row.small(4)?,
            part: row.small(5)?,
            sending: row.small(6)?,
        };
        Ok(((row.text(0)?.to_owned(), row.text(1)?.to_owned()), part))
    };
    rows.iter().flatten().map(read).collect()
}

pub(crate) fn counts(db: &dyn Database, now: i64) -> Result<Counts, StoreError> {
    let count = |sql: &str, values: &[Value]| {
        let rows = db.rows(At::Everywhere, sql, values)?;
        rows.iter()
            .try_fold(0, |sum, row| Ok::<_, StoreError>(sum + row.unsigned(0)?))
    };
    let mut unfinished = [0; 3];
    // In this order on purpose: few terminals have something on its way.
    let states = "SELECT s.state, count(*) FROM flight f CROSS JOIN shipment s
                  WHERE s.slice = f.slice AND s.ship = f.ship GROUP BY s.state";
    for row in db.rows(At::Everywhere, states, &[])? {
        if let Some(count) = unfinished.get_mut(row.small::<usize>(0)?) {
            *count += row.unsigned(1)?;
        }
    }
    let hour_ago = now.saturating_sub(3_600_000);
    Ok(Counts {
        unfinished,
        subscribers: count("SELECT count(*) FROM subscriber", &[])?,
        terminals: count("SELECT count(*) FROM terminal WHERE retired = 0", &[])?,
        due: count("SELECT count(*) FROM due", &[])?,
        in_trouble: count("SELECT count(*) FROM terminal WHERE needs = 2", &[])?,
        in_flight: count("SELECT count(*) FROM flight", &[])?,
        proven_last_hour: count(
            "SELECT count(*) FROM shipment WHERE at > ?1 AND state = 3",
            &[hour_ago.into()],
        )?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::Sqlite;

    /// The console's filters: what is rare is never looked for among all.
    #[test]
    fn shipments_of_a_rare_state_are_no_walk() {
        let db = Sqlite::memory().unwrap();
        for (state, found_by) in [
            (ShipmentState::Failed, "undone_at"),
            (ShipmentState::Superseded, "undone_at"),
            (ShipmentState::Queued, "SCAN f"),
        ] {
            let filter = ShipmentFilter {
                state: Some(state),
                ..ShipmentFilter::default()
            };
            let (sql, of) = source(&filter);
            let sql = format!(
                "EXPLAIN QUERY PLAN {sql} AND {of}.state = ?1 AND ({of}.at, {of}.ship) < (?2, ?3)
                 ORDER BY {of}.at DESC, {of}.ship DESC LIMIT 50"
            );
            let values = [place_in(&STATES, &state), 5_i64.into(), 5_i64.into()];
            let plan = db.rows(At::Home, &sql, &values).unwrap();
            let plan = format!("{plan:?}");
            assert!(plan.contains(found_by), "{plan}");
            assert!(
                !plan.contains("SCAN s") && !plan.contains("SCAN c"),
                "{plan}"
            );
        }
    }
}
