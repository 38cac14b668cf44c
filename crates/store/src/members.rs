//! Members of shared groups, and what campaigns do to their terminals' marks: `member`, and `due`.

use crate::job::{MembersJob, Refused};
use crate::reads::Member;
use crate::table::{At, Database, Load, Lock, MARK, MEMBER, STANDING, SUBSCRIBER, TERMINAL};
use crate::unit::{Done, Unit, Wanted};
use crate::value::{Columns, Row, Value, subscriber as key, terminal};
use crate::{StoreError, marks, terminals};
use book::{GroupNo, Revision, SubscriberId};
use delivery::{Due, Lane, Terminal, TerminalId};
use std::collections::BTreeMap;

// Reading.

pub(crate) fn memberships(
    db: &dyn Database,
    of: &[SubscriberId],
) -> Result<Vec<(SubscriberId, GroupNo)>, StoreError> {
    let rows = db.load(&[Load::of(&MEMBER, 2, of.iter().map(|id| key(*id)))])?;
    let read = |row: &Row| Ok((SubscriberId(row.unsigned(1)?), GroupNo(row.small(2)?)));
    rows.iter().flatten().map(read).collect()
}

/// An id leads with its slice, so (slice, sub) is the order of ids.
fn after(id: Option<SubscriberId>) -> [Value; 2] {
    let (slice, sub) = id.map_or((0, -1), |id| (id.slice().into(), id.0.cast_signed()));
    [Value::Int(slice), sub.into()]
}

fn until(id: Option<SubscriberId>) -> [Value; 2] {
    let last = id.map_or((i64::MAX, i64::MAX), |id| {
        (id.slice().into(), id.0.cast_signed())
    });
    [last.0.into(), last.1.into()]
}

pub(crate) fn page(
    db: &dyn Database,
    group: GroupNo,
    from: Option<SubscriberId>,
    to: Option<SubscriberId>,
    limit: u32,
) -> Result<Vec<Member>, StoreError> {
    let mut values = vec![group.0.into()];
    values.extend(after(from));
    values.extend(until(to));
    values.push(limit.into());
    let sql = "SELECT sub, applied FROM member
               WHERE grp = ?1 AND (slice, sub) > (?2, ?3) AND (slice, sub) <= (?4, ?5)
               ORDER BY slice, sub LIMIT ?6";
    let mut rows = db.rows(At::Everywhere, sql, &values)?;
    rows.sort_unstable();
    let read = |row: &Row| {
        Ok(Member {
            subscriber: SubscriberId(row.unsigned(0)?),
            applied: Revision(row.unsigned(1)?),
        })
    };
    rows.iter().take(limit as usize).map(read).collect()
}

pub(crate) fn counts(
    db: &dyn Database,
    group: GroupNo,
    revision: Revision,
    to: Option<SubscriberId>,
) -> Result<(u64, u64), StoreError> {
    let mut values = vec![group.0.into(), revision.0.into()];
    values.extend(until(to));
    let sql = "SELECT count(*), count(CASE WHEN applied >= ?2 THEN 1 END) FROM member
               WHERE grp = ?1 AND (slice, sub) <= (?3, ?4)";
    let mut found = (0, 0);
    for row in db.rows(At::Everywhere, sql, &values)? {
        found = (found.0 + row.unsigned(0)?, found.1 + row.unsigned(1)?);
    }
    Ok(found)
}

/// A terminal's row beside its due mark.
type TerminalRow = (Terminal, Option<Due>);

pub(crate) fn standing(
    db: &dyn Database,
    of: &[SubscriberId],
) -> Result<Vec<(SubscriberId, Vec<TerminalRow>)>, StoreError> {
    let load = |table| Load::of(table, 2, of.iter().map(|id| key(*id)));
    let found = db.load(&[load(&TERMINAL), load(&MARK)])?;
    let mut all: BTreeMap<_, Vec<TerminalRow>> = of.iter().map(|id| (*id, Vec::new())).collect();
    if let [rows, due] = &found[..] {
        let due: BTreeMap<_, _> = due.iter().map(|row| (&row[..3], row)).collect();
        for row in rows {
            let terminal = terminals::row(row)?;
            let mark = due.get(&row[..3]).map(|mark| marks::due_at(mark, 3));
            let theirs = all.entry(terminal.id.subscriber).or_default();
            theirs.push((terminal, mark.transpose()?.flatten()));
        }
    }
    Ok(all.into_iter().collect())
}

pub(crate) fn open_marks(db: &dyn Database, shared: u64) -> Result<u64, StoreError> {
    let sql = format!(
        "SELECT count(*) FROM {} AND d.lane = ?1 AND d.at < ?2 AND d.shared = ?3",
        marks::FREE
    );
    let values = [marks::lane(Lane::Bulk), Due::PAUSED.into(), shared.into()];
    let rows = db.rows(At::Everywhere, &sql, &values)?;
    rows.iter().map(|row| row.unsigned(0)).sum()
}

pub(crate) fn shared_marks(
    db: &dyn Database,
    shared: u64,
    paused: bool,
    limit: u32,
) -> Result<Vec<TerminalId>, StoreError> {
    let sql = format!(
        "SELECT sub, term FROM due WHERE lane = ?1 AND at {} ?2 AND shared = ?3 LIMIT ?4",
        if paused { "=" } else { "<" }
    );
    let values = [
        marks::lane(Lane::Bulk),
        Due::PAUSED.into(),
        shared.into(),
        limit.into(),
    ];
    let rows = db.rows(At::Everywhere, &sql, &values)?;
    let mut found: Vec<_> = rows
        .iter()
        .map(|row| terminals::id_at(row, 0))
        .collect::<Result<_, _>>()?;
    found.sort_unstable();
    Ok(found)
}

// Writing.

fn member(id: SubscriberId, group: GroupNo) -> Row {
    let mut key = key(id);
    key.push(group.0.into());
    key
}

pub(crate) fn want(job: &MembersJob, wanted: &mut Wanted) {
    for id in &job.join {
        wanted.row(&SUBSCRIBER, Lock::Update, key(*id));
    }
    for id in job.join.iter().chain(&job.leave) {
        wanted.row(&MEMBER, Lock::Update, member(*id, job.group));
    }
    want_marks(&job.terminals, wanted);
}

pub(crate) fn want_marks(ids: &[TerminalId], wanted: &mut Wanted) {
    for id in ids {
        wanted.row(&STANDING, Lock::Update, terminal(*id));
        wanted.row(&MARK, Lock::None, terminal(*id));
    }
}

pub(crate) fn want_applied(group: GroupNo, of: &[SubscriberId], wanted: &mut Wanted) {
    for id in of {
        wanted.row(&MEMBER, Lock::Update, member(*id, group));
    }
}

pub(crate) fn change(unit: &mut Unit, job: &MembersJob) -> Done {
    for id in &job.join {
        let there = unit.get(&SUBSCRIBER, &key(*id))?;
        there.ok_or(Refused::Missing)?;
    }
    for id in &job.join {
        let member = member(*id, job.group);
        if unit.get(&MEMBER, &member)?.is_none() {
            unit.put(&MEMBER, member, Some(vec![0_i64.into()]));
        }
    }
    for id in &job.leave {
        unit.put(&MEMBER, member(*id, job.group), None);
    }
    mark(unit, &job.terminals, &job.due)
}

/// Marks these terminals; one that is gone is passed over. A mark that is there keeps its time, lane and flags: whatever
/// it waits for, the plan then made holds what shared groups bring, too. Only a mark that an older campaign's pause holds
/// back goes again.
pub(crate) fn mark(unit: &mut Unit, ids: &[TerminalId], due: &Due) -> Done {
    for id in ids {
        let new = marks::there(unit, *id)?.map_or(*due, |there| {
            let resumed = there.at == Due::PAUSED && there.shared < due.shared;
            Due {
                at: if resumed { due.at } else { there.at },
                shared: there.shared.max(due.shared),
                ..there
            }
        });
        marks::set(unit, *id, &new)?;
    }
    Ok(())
}

/// A campaign's bulk marks are held back ([`Due::PAUSED`]), or those held back go at `at`.
pub(crate) fn hold_marks(unit: &mut Unit, ids: &[TerminalId], shared: u64, at: i64) -> Done {
    for id in ids {
        let Some(there) = marks::there(unit, *id)? else {
            continue;
        };
        let free = there.at < Due::PAUSED;
        let moves = (at == Due::PAUSED) == free && there.at != Due::IN_CALL;
        if moves && there.lane == Lane::Bulk && there.shared == shared {
            marks::set(unit, *id, &Due { at, ..there })?;
        }
    }
    Ok(())
}

pub(crate) fn applied(
    unit: &mut Unit,
    group: GroupNo,
    revision: Revision,
    of: &[SubscriberId],
) -> Done {
    for id in of {
        let key = member(*id, group);
        let Some(there) = unit.get(&MEMBER, &key)? else {
            continue;
        };
        if there.unsigned(0)? < revision.0 {
            unit.put(&MEMBER, key, Some(vec![revision.0.into()]));
        }
    }
    Ok(())
}
