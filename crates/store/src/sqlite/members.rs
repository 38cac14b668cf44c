//! Members of shared groups, and what campaigns do to their terminals' marks: `member`, and `due_*` of `terminal`.

use super::columns::{all, first, run, subscriber, subscriber_id};
use super::{Done, subscribers, terminals};
use crate::{Member, MembersJob};
use book::{GroupNo, Revision, SubscriberId};
use delivery::{Due, Terminal};
use rusqlite::{Connection, Result, Row};

// Reading.

fn row(row: &Row<'_>) -> Result<Member> {
    Ok(Member {
        subscriber: subscriber_id(row.get(0)?),
        applied: Revision(row.get::<_, i64>(1)?.cast_unsigned()),
    })
}

pub(super) fn memberships(
    db: &Connection,
    of: &[SubscriberId],
) -> Result<Vec<(SubscriberId, GroupNo)>> {
    let sql = "SELECT grp FROM member WHERE slice = ?1 AND sub = ?2 ORDER BY grp";
    let mut found = Vec::new();
    for id in of {
        let groups = all(db, sql, subscriber(*id), |row| row.get(0).map(GroupNo))?;
        found.extend(groups.into_iter().map(|group| (*id, group)));
    }
    Ok(found)
}

/// An id leads with its slice, so (slice, sub) is the order of ids.
fn after(id: Option<SubscriberId>) -> (i64, i64) {
    id.map_or((0, -1), subscriber)
}

fn until(id: Option<SubscriberId>) -> (i64, i64) {
    id.map_or((i64::MAX, i64::MAX), subscriber)
}

pub(super) fn page(
    db: &Connection,
    group: GroupNo,
    from: Option<SubscriberId>,
    to: Option<SubscriberId>,
    limit: u32,
) -> Result<Vec<Member>> {
    let (slice, sub) = after(from);
    let (last_slice, last_sub) = until(to);
    all(
        db,
        "SELECT sub, applied FROM member
         WHERE grp = ?1 AND (slice, sub) > (?2, ?3) AND (slice, sub) <= (?4, ?5)
         ORDER BY slice, sub LIMIT ?6",
        (group.0, slice, sub, last_slice, last_sub, limit),
        row,
    )
}

pub(super) fn counts(
    db: &Connection,
    group: GroupNo,
    revision: Revision,
    to: Option<SubscriberId>,
) -> Result<(u64, u64)> {
    let (slice, sub) = until(to);
    let found = first(
        db,
        "SELECT count(*), coalesce(sum(applied >= ?2), 0) FROM member
         WHERE grp = ?1 AND (slice, sub) <= (?3, ?4)",
        (group.0, revision.0.cast_signed(), slice, sub),
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
    )?;
    let (total, applied) = found.unwrap_or_default();
    Ok((total.cast_unsigned(), applied.cast_unsigned()))
}

/// A terminal's row beside its due mark.
type TerminalRow = (Terminal, Option<Due>);

pub(super) fn standing(
    db: &Connection,
    of: &[SubscriberId],
) -> Result<Vec<(SubscriberId, Vec<TerminalRow>)>> {
    let rows = |id: &SubscriberId| Ok((*id, terminals::rows(db, *id)?));
    of.iter().map(rows).collect()
}

pub(super) fn open_marks(db: &Connection, shared: u64) -> Result<u64> {
    let sql = "SELECT count(*) FROM terminal
               WHERE due_lane = 1 AND due_at < ?1 AND due_shared = ?2 AND in_flight IS NULL";
    let count = first(db, sql, (Due::PAUSED, shared.cast_signed()), |row| {
        row.get::<_, i64>(0)
    })?;
    Ok(count.unwrap_or_default().cast_unsigned())
}

// Writing.

pub(super) fn change(db: &Connection, job: &MembersJob) -> Done {
    for id in &job.join {
        subscribers::demand(db, *id)?;
    }
    for id in &job.join {
        let (slice, sub) = subscriber(*id);
        run(
            db,
            "INSERT INTO member (slice, sub, grp, applied) VALUES (?1, ?2, ?3, 0)
             ON CONFLICT (slice, sub, grp) DO NOTHING",
            (slice, sub, job.group.0),
        )?;
    }
    for id in &job.leave {
        let (slice, sub) = subscriber(*id);
        let sql = "DELETE FROM member WHERE slice = ?1 AND sub = ?2 AND grp = ?3";
        run(db, sql, (slice, sub, job.group.0))?;
    }
    mark(db, &job.join, &job.due)?;
    Ok(mark(db, &job.leave, &job.due)?)
}

/// Marks every active terminal of these subscribers; whoever is gone is passed over. A mark that is there keeps its time,
/// lane and flags: whatever it waits for, the plan then made holds what shared groups bring, too. Only a mark that an
/// older campaign's pause holds back goes again.
pub(super) fn mark(db: &Connection, of: &[SubscriberId], due: &Due) -> Result<()> {
    for id in of {
        let (slice, sub) = subscriber(*id);
        run(
            db,
            "UPDATE terminal SET
             due_at = CASE WHEN due_at IS NULL OR due_at = ?7 AND due_shared < ?6 THEN ?4 ELSE due_at END,
             due_rev = coalesce(due_rev, ?3), due_since = coalesce(due_since, ?4),
             due_lane = coalesce(due_lane, ?5), due_flags = coalesce(due_flags, 0),
             due_shared = max(coalesce(due_shared, 0), ?6)
             WHERE slice = ?1 AND sub = ?2 AND retired = 0",
            (
                slice,
                sub,
                due.revision.0.cast_signed(),
                due.at,
                terminals::lane(due.lane),
                due.shared.cast_signed(),
                Due::PAUSED,
            ),
        )?;
    }
    Ok(())
}

/// A campaign's bulk marks are held back ([`Due::PAUSED`]), or those held back go at `at`.
pub(super) fn hold_marks(db: &Connection, shared: u64, at: i64) -> Result<()> {
    let which = if at == Due::PAUSED { "<" } else { "=" };
    let sql = format!(
        "UPDATE terminal SET due_at = ?3 WHERE due_lane = 1 AND due_at {which} ?2 AND due_shared = ?1"
    );
    run(db, &sql, (shared.cast_signed(), Due::PAUSED, at)).map(drop)
}

pub(super) fn applied(
    db: &Connection,
    group: GroupNo,
    revision: Revision,
    members: &[SubscriberId],
) -> Done {
    for id in members {
        let (slice, sub) = subscriber(*id);
        run(
            db,
            "UPDATE member SET applied = max(applied, ?4)
             WHERE slice = ?1 AND sub = ?2 AND grp = ?3",
            (slice, sub, group.0, revision.0.cast_signed()),
        )?;
    }
    Ok(())
}
