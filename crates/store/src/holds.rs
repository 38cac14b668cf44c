//! Brakes held: `hold`.

use crate::StoreError;
use crate::job::Refused;
use crate::table::{At, Database, HOLD, Load, Lock, SUBSCRIBER};
use crate::unit::{Done, Unit, Wanted};
use crate::value::{Columns, Row, json, subscriber as key};
use crate::{marks, subscribers, terminals};
use book::SubscriberId;
use delivery::{Due, Hold, HoldState, TerminalId};

pub(crate) fn want(hold: &Hold, due: &[(TerminalId, Due)], wanted: &mut Wanted) {
    wanted.row(&SUBSCRIBER, Lock::None, key(hold.subscriber));
    want_row(hold, wanted);
    marks::want(due, wanted);
}

fn at(hold: &Hold) -> Row {
    let mut at = key(hold.subscriber);
    at.push(hold.no.into());
    at
}

pub(crate) fn want_row(hold: &Hold, wanted: &mut Wanted) {
    wanted.row(&HOLD, Lock::Update, at(hold));
}

/// Refused when somebody decided already, or when this is a word about other changes than are held now.
pub(crate) fn demand_open(unit: &Unit, hold: &Hold) -> Done {
    let Some(row) = unit.get(&HOLD, &at(hold))? else {
        return Ok(());
    };
    let there: Hold = row.json(2)?;
    let decided = there.state != HoldState::Held;
    let others = hold.state != HoldState::Held && there.changes != hold.changes;
    if decided || others {
        return Err(Refused::Stale.into());
    }
    Ok(())
}

pub(crate) fn put(unit: &mut Unit, hold: &Hold, due: &[(TerminalId, Due)]) -> Done {
    subscribers::demand(unit, hold.subscriber)?;
    terminals::demand_all(unit, due)?;
    demand_open(unit, hold)?;
    upsert(unit, hold)?;
    marks::merge_all(unit, due)
}

pub(crate) fn upsert(unit: &mut Unit, hold: &Hold) -> Done {
    let rest = vec![
        (hold.state == HoldState::Held).into(),
        hold.since.into(),
        json(hold)?,
    ];
    unit.put(&HOLD, at(hold), Some(rest));
    Ok(())
}

/// Newest first.
pub(crate) fn list(
    db: &dyn Database,
    of: Option<SubscriberId>,
    only_held: bool,
) -> Result<Vec<Hold>, StoreError> {
    let held = if only_held { "held = 1" } else { "1 = 1" };
    let (at, sql, values) = match of {
        Some(id) => (
            At::Slice(id.slice()),
            format!("SELECT body FROM hold WHERE slice = ?1 AND sub = ?2 AND {held}"),
            key(id),
        ),
        None => (
            At::Reachable,
            format!("SELECT body FROM hold WHERE {held}"),
            Vec::new(),
        ),
    };
    let rows = db.rows(at, &sql, &values)?;
    let mut holds: Vec<Hold> = rows
        .iter()
        .map(|row| row.json(0))
        .collect::<Result<_, _>>()?;
    holds.sort_by_key(|hold| {
        (
            std::cmp::Reverse(hold.since),
            hold.subscriber,
            std::cmp::Reverse(hold.no),
        )
    });
    Ok(holds)
}

/// The held holds among these rows.
pub(crate) fn held(rows: &[Row]) -> Result<Vec<Hold>, StoreError> {
    let held = rows.iter().filter(|row| matches!(row.int(3), Ok(1)));
    held.map(|row| row.json(5)).collect()
}

pub(crate) fn one(
    db: &dyn Database,
    of: SubscriberId,
    no: u32,
) -> Result<Option<Hold>, StoreError> {
    let mut at = key(of);
    at.push(no.into());
    let rows = db.load(&[Load::of(&HOLD, 3, [at])])?;
    rows.iter()
        .flatten()
        .next()
        .map(|row| row.json(5))
        .transpose()
}

pub(crate) fn next_no(db: &dyn Database, of: SubscriberId) -> Result<u32, StoreError> {
    let sql = "SELECT coalesce(max(no), 0) + 1 FROM hold WHERE slice = ?1 AND sub = ?2";
    let rows = db.rows(At::Slice(of.slice()), sql, &key(of))?;
    rows.first().map_or(Ok(1), |row| row.small(0))
}
