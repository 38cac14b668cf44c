//! When terminals are due: `due`. A table of its own, because a mark comes and goes with every edit, and a terminal's row
//! is long.

use crate::StoreError;
use crate::table::{Asked, At, Database, Load, Lock, MARK, STANDING, Table};
use crate::terminals::{demand_all, id_at, standing, within};
use crate::unit::{Done, Unit, Wanted};
use crate::value::{Columns, Row, Value, subscriber, terminal as key};
use book::{Revision, SubscriberId};
use delivery::{Due, Lane, Slices, TerminalId};
use std::collections::BTreeMap;

// Reading.

/// A mark's columns, as [`due_at`] reads them.
pub(crate) const COLUMNS: &str = "d.rev, d.at, d.since, d.lane, d.flags, d.shared";
/// Terminals `t` with their marks, if they have one.
pub(crate) const BESIDE: &str =
    "LEFT JOIN due d ON d.slice = t.slice AND d.sub = t.sub AND d.term = t.term";
/// Marks of terminals with nothing on its way. A question within the question on purpose: no planner turns it round, so the
/// walk along the marks' index ends at the limit, whatever it believes of the terminals.
pub(crate) const FREE: &str = "due d WHERE (SELECT t.in_flight IS NULL FROM terminal t
    WHERE t.slice = d.slice AND t.sub = d.sub AND t.term = d.term)";

/// The mark from column `at` on; none where a terminal has none.
pub(crate) fn due_at(row: &[Value], at: usize) -> Result<Option<Due>, StoreError> {
    let Some(revision) = row.optional(at)? else {
        return Ok(None);
    };
    let flags = row.int(at + 4)?;
    Ok(Some(Due {
        revision: Revision(revision.cast_unsigned()),
        at: row.int(at + 1)?,
        since: row.int(at + 2)?,
        lane: if row.int(at + 3)? == 0 {
            Lane::Interactive
        } else {
            Lane::Bulk
        },
        everything: flags & 1 != 0,
        verify: flags & 2 != 0,
        test: flags & 4 != 0,
        shared: row.optional(at + 5)?.unwrap_or(0).cast_unsigned(),
    }))
}

fn flags(due: &Due) -> i64 {
    i64::from(due.everything) | i64::from(due.verify) << 1 | i64::from(due.test) << 2
}

pub(crate) fn lane(lane: Lane) -> Value {
    Value::Int(match lane {
        Lane::Interactive => 0,
        Lane::Bulk => 1,
    })
}

fn row(due: &Due) -> Row {
    vec![
        due.revision.0.into(),
        due.at.into(),
        due.since.into(),
        lane(due.lane),
        flags(due).into(),
        due.shared.into(),
    ]
}

/// Of the active ones, in order.
pub(crate) fn of(
    db: &dyn Database,
    id: SubscriberId,
) -> Result<Vec<(TerminalId, Option<Due>)>, StoreError> {
    let found = db.load(&ROWS.map(|table| Load::of(table, 2, [subscriber(id)])))?;
    let [standing, marks] = &found[..] else {
        return Ok(Vec::new());
    };
    Ok(read(standing, marks)?.into_iter().collect())
}

/// What the marks of active terminals are made of.
pub(crate) const ROWS: [&Table; 2] = [&STANDING, &MARK];

/// The active terminals' marks from the rows of these tables.
pub(crate) fn read(
    standing: &[Row],
    marks: &[Row],
) -> Result<BTreeMap<TerminalId, Option<Due>>, StoreError> {
    let mut found = BTreeMap::new();
    for row in standing {
        if row.int(5)? == 0 {
            found.insert(id_at(row, 1)?, None);
        }
    }
    for row in marks {
        if let Some(mark) = found.get_mut(&id_at(row, 1)?) {
            *mark = due_at(row, 3)?;
        }
    }
    Ok(found)
}

/// A retired terminal has no mark (`change`); one with a shipment on its way is planned again after its outcome.
pub(crate) fn ask_due(owned: &Slices, of: Lane, now: i64, limit: u32) -> Asked {
    let sql = format!(
        "SELECT d.sub, d.term, {COLUMNS} FROM {FREE} AND d.lane = ?1 AND d.at <= ?2{} ORDER BY d.at LIMIT ?3",
        within("d.slice + 0", owned)
    );
    let values = vec![lane(of), now.into(), limit.into()];
    (At::Reachable, sql, values)
}

/// From rows of [`ask_due`], of several databases.
pub(crate) fn read_due(rows: &[Row], limit: u32) -> Result<Vec<(TerminalId, Due)>, StoreError> {
    let mut found = Vec::new();
    for row in rows {
        if let Some(due) = due_at(row, 2)? {
            found.push((id_at(row, 0)?, due));
        }
    }
    found.sort_by_key(|(_, due)| due.at);
    found.truncate(limit as usize);
    Ok(found)
}

/// When the first of a lane is due after `now`. Marks that a verified call or a pause holds back are never next.
pub(crate) fn ask_next(owned: &Slices, of: Lane, now: i64) -> Asked {
    let sql = format!(
        "SELECT d.at FROM {FREE} AND d.lane = ?1 AND d.at > ?2 AND d.at < ?3{} ORDER BY d.at LIMIT 1",
        within("d.slice + 0", owned)
    );
    let values = vec![lane(of), now.into(), Due::PAUSED.into()];
    (At::Reachable, sql, values)
}

pub(crate) fn held_back(db: &dyn Database, owned: &Slices) -> Result<Vec<TerminalId>, StoreError> {
    let sql = format!(
        "SELECT sub, term FROM due WHERE lane IN (0, 1) AND at = ?1{}",
        within("slice + 0", owned)
    );
    let rows = db.rows(At::Reachable, &sql, &[Due::IN_CALL.into()])?;
    rows.iter().map(|row| id_at(row, 0)).collect()
}

// Writing.

pub(crate) fn want(marks: &[(TerminalId, Due)], wanted: &mut Wanted) {
    for (id, _) in marks {
        wanted.row(&STANDING, Lock::Update, key(*id));
        wanted.row(&MARK, Lock::None, key(*id));
    }
}

pub(crate) fn put(unit: &mut Unit, marks: &[(TerminalId, Due)], replace: bool) -> Done {
    demand_all(unit, marks)?;
    if !replace {
        return merge_all(unit, marks);
    }
    for (id, due) in marks {
        set(unit, *id, due)?;
    }
    Ok(())
}

pub(crate) fn there(unit: &Unit, id: TerminalId) -> Result<Option<Due>, StoreError> {
    match unit.get(&MARK, &key(id))? {
        Some(row) => due_at(row, 0),
        None => Ok(None),
    }
}

/// The newer revision, the earlier times, the more urgent lane, the flags of both.
pub(crate) fn merge_all(unit: &mut Unit, marks: &[(TerminalId, Due)]) -> Done {
    for (id, new) in marks {
        let due = there(unit, *id)?.map_or(*new, |old| Due {
            revision: old.revision.max(new.revision),
            at: old.at.min(new.at),
            since: old.since.min(new.since),
            lane: old.lane.min(new.lane),
            everything: old.everything || new.everything,
            verify: old.verify || new.verify,
            test: old.test || new.test,
            shared: old.shared.max(new.shared),
        });
        set(unit, *id, &due)?;
    }
    Ok(())
}

pub(crate) fn set(unit: &mut Unit, id: TerminalId, due: &Due) -> Done {
    // Nothing is sent to a retired terminal any more.
    if standing(unit, id)?.is_some_and(|there| !there.retired) {
        // Whoever read the mark before a campaign came does not forget it.
        let shared = there(unit, id)?.map_or(0, |there| there.shared);
        let shared = shared.max(due.shared);
        unit.put(&MARK, key(id), Some(row(&Due { shared, ..*due })));
    }
    Ok(())
}

pub(crate) fn clear(unit: &mut Unit, id: TerminalId) {
    unit.put(&MARK, key(id), None);
}

/// Clears the mark that a step was planned from, unless something newer was marked since: a later revision, a later
/// change of a shared group, other flags.
pub(crate) fn clear_unchanged(unit: &mut Unit, id: TerminalId, read: &Due) -> Done {
    let now = there(unit, id)?;
    let unchanged = |now: Due| {
        now.revision <= read.revision && now.shared <= read.shared && flags(&now) == flags(read)
    };
    if now.is_some_and(unchanged) {
        clear(unit, id);
    }
    Ok(())
}
