//! Terminals with their due marks, shadows and placements: `terminal`, `slot`, `placement`.

use super::columns::{Json, all, first, json, run, subscriber_id, terminal as key};
use super::{Done, Stop, subscribers};
use crate::{Refused, TerminalFull};
use ::terminals::{EntryKey, Owner, Proof, Shadow, SlotNo, SlotState};
use book::{FriendNo, NumberNo, Revision, SubscriberId};
use delivery::{Due, Lane, Terminal, TerminalId};
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, Result, Row};
use std::collections::BTreeMap;

const ROW: &str =
    "SELECT body, due_rev, due_at, due_since, due_lane, due_flags, due_shared FROM terminal";
const DUE: &str =
    "SELECT sub, term, due_rev, due_at, due_since, due_lane, due_flags, due_shared FROM terminal";
const THIS: &str = "WHERE slice = ?1 AND sub = ?2 AND term = ?3";

// Reading.

/// The due mark from column `at` on.
fn due_at(row: &Row<'_>, at: usize) -> Result<Option<Due>> {
    let Some(revision) = row.get::<_, Option<i64>>(at)? else {
        return Ok(None);
    };
    let flags: i64 = row.get(at + 4)?;
    Ok(Some(Due {
        revision: Revision(revision.cast_unsigned()),
        at: row.get(at + 1)?,
        since: row.get(at + 2)?,
        lane: if row.get::<_, i64>(at + 3)? == 0 {
            Lane::Interactive
        } else {
            Lane::Bulk
        },
        everything: flags & 1 != 0,
        verify: flags & 2 != 0,
        test: flags & 4 != 0,
        shared: row
            .get::<_, Option<i64>>(at + 5)?
            .unwrap_or(0)
            .cast_unsigned(),
    }))
}

fn flags(due: &Due) -> i64 {
    i64::from(due.everything) | i64::from(due.verify) << 1 | i64::from(due.test) << 2
}

pub(super) fn lane(lane: Lane) -> i64 {
    match lane {
        Lane::Interactive => 0,
        Lane::Bulk => 1,
    }
}

fn row(row: &Row<'_>) -> Result<(Terminal, Option<Due>)> {
    Ok((json(row)?, due_at(row, 1)?))
}

fn id(row: &Row<'_>) -> Result<TerminalId> {
    Ok(TerminalId {
        subscriber: subscriber_id(row.get(0)?),
        no: row.get(1)?,
    })
}

fn bare(db: &Connection, id: TerminalId) -> Result<Option<(Terminal, Option<Due>)>> {
    first(db, &format!("{ROW} {THIS}"), key(id), row)
}

fn full(db: &Connection, (terminal, due): (Terminal, Option<Due>)) -> Result<TerminalFull> {
    let sql = format!(
        "SELECT slot, content, owner, friend, number, proof, since, doubt FROM slot {THIS}"
    );
    let slots = all(db, &sql, key(terminal.id), slot)?;
    let (placement, freed) = placement(db, terminal.id)?;
    Ok(TerminalFull {
        shadow: Shadow {
            slots: slots.into_iter().collect(),
            in_use: terminal.in_use,
        },
        terminal,
        due,
        placement,
        freed,
    })
}

fn slot(row: &Row<'_>) -> Result<(SlotNo, SlotState)> {
    let odd = |n| rusqlite::Error::from(FromSqlError::OutOfRange(n));
    let owner = match row.get(2)? {
        0 => Owner::Free,
        1 => Owner::Ours(EntryKey {
            friend: FriendNo(row.get(3)?),
            number: NumberNo(row.get(4)?),
        }),
        2 => Owner::Foreign,
        3 => Owner::Unknown,
        n => return Err(odd(n)),
    };
    let proof = match row.get(5)? {
        0 => Proof::None,
        1 => Proof::Accepted,
        2 => Proof::Delivered,
        3 => Proof::Applied,
        4 => Proof::Verified,
        n => return Err(odd(n)),
    };
    Ok((
        SlotNo(row.get(0)?),
        SlotState {
            content: row.get(1)?,
            owner,
            proof,
            since: row.get(6)?,
            doubt: row.get(7)?,
        },
    ))
}

type Placement = (BTreeMap<EntryKey, SlotNo>, Vec<SlotNo>);

fn placement(db: &Connection, id: TerminalId) -> Result<Placement> {
    let sql = format!("SELECT entries, freed FROM placement {THIS}");
    let found = first(db, &sql, key(id), |row| {
        Ok((
            row.get::<_, Json<Vec<(EntryKey, SlotNo)>>>(0)?.0,
            row.get::<_, Json<Vec<SlotNo>>>(1)?.0,
        ))
    })?;
    let (entries, freed) = found.unwrap_or_default();
    Ok((entries.into_iter().collect(), freed))
}

pub(super) fn one(db: &Connection, id: TerminalId) -> Result<Option<TerminalFull>> {
    bare(db, id)?.map(|found| full(db, found)).transpose()
}

pub(super) fn of(db: &Connection, id: SubscriberId) -> Result<Vec<TerminalFull>> {
    rows(db, id)?
        .into_iter()
        .map(|found| full(db, found))
        .collect()
}

/// A subscriber's terminals without their shadows.
pub(super) fn rows(db: &Connection, id: SubscriberId) -> Result<Vec<(Terminal, Option<Due>)>> {
    let sql = format!("{ROW} WHERE slice = ?1 AND sub = ?2 ORDER BY term");
    all(db, &sql, super::columns::subscriber(id), row)
}

pub(super) fn page(
    db: &Connection,
    after: Option<TerminalId>,
    limit: u32,
) -> Result<Vec<(Terminal, Option<Due>)>> {
    let (slice, sub, term) = after.map_or((0, -1, 0), key);
    let sql =
        format!("{ROW} WHERE (slice, sub, term) > (?1, ?2, ?3) ORDER BY slice, sub, term LIMIT ?4");
    all(db, &sql, (slice, sub, term, limit), row)
}

pub(super) fn by_address(db: &Connection, address: &str) -> Result<Vec<TerminalId>> {
    let sql =
        "SELECT sub, term FROM terminal WHERE address = ?1 AND retired = 0 ORDER BY sub, term";
    all(db, sql, [address], id)
}

pub(super) fn by_iccid(db: &Connection, iccid: &str) -> Result<Option<TerminalId>> {
    let sql = "SELECT sub, term FROM terminal WHERE iccid = ?1 AND retired = 0";
    first(db, sql, [iccid], id)
}

/// A retired terminal has no mark (`change`); one with a shipment on its way is planned again after its outcome.
pub(super) fn due(db: &Connection, now: i64, limit: u32) -> Result<Vec<(TerminalId, Due)>> {
    let sql = format!(
        "{DUE} WHERE due_lane = ?1 AND due_at <= ?2 AND in_flight IS NULL ORDER BY due_at LIMIT ?3"
    );
    let mut found = Vec::new();
    for lane in [0_i64, 1] {
        let room = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        let more = all(db, &sql, (lane, now, room), |row| {
            Ok(due_at(row, 2)?.map(|due| id(row).map(|id| (id, due))))
        })?;
        found.extend(more.into_iter().flatten().collect::<Result<Vec<_>>>()?);
    }
    Ok(found)
}

/// Marks that a verified call or a pause holds back are never next.
pub(super) fn next_due(db: &Connection) -> Result<Option<i64>> {
    let sql = "SELECT due_at FROM terminal
               WHERE due_lane = ?1 AND due_at < ?2 AND in_flight IS NULL ORDER BY due_at LIMIT 1";
    let next = |lane: i64| first(db, sql, (lane, Due::PAUSED), |row| row.get(0));
    Ok(next(0)?.into_iter().chain(next(1)?).min())
}

/// What a verified call or a pause holds back is not tried before it lets go.
pub(super) fn waiting(db: &Connection, now: i64) -> Result<Vec<Terminal>> {
    let sql = "SELECT body FROM terminal
               WHERE next_try <= ?1 AND in_flight IS NULL AND retired = 0
               AND (due_at IS NULL OR due_at < ?2) ORDER BY next_try";
    all(db, sql, (now, Due::PAUSED), json)
}

pub(super) fn held_back(db: &Connection) -> Result<Vec<TerminalId>> {
    let sql = "SELECT sub, term FROM terminal WHERE due_lane IN (0, 1) AND due_at = ?1";
    all(db, sql, [Due::IN_CALL], id)
}

pub(super) fn next_try(db: &Connection) -> Result<Option<i64>> {
    let sql = "SELECT next_try FROM terminal
               WHERE next_try IS NOT NULL AND in_flight IS NULL AND retired = 0
               AND (due_at IS NULL OR due_at < ?1) ORDER BY next_try LIMIT 1";
    first(db, sql, [Due::PAUSED], |row| row.get(0))
}

// Demands.

/// Refused unless they are all there.
pub(super) fn demand_all(db: &Connection, marks: &[(TerminalId, Due)]) -> Done {
    for (id, _) in marks {
        if bare(db, *id)?.is_none() {
            return Err(Refused::Missing.into());
        }
    }
    Ok(())
}

/// Refused when its card or its address belongs to another active one.
fn demand_free(db: &Connection, terminal: &Terminal) -> Done {
    if terminal.retired {
        return Ok(());
    }
    if let Some(iccid) = &terminal.iccid
        && by_iccid(db, iccid)?.is_some_and(|id| id != terminal.id)
    {
        return Err(Refused::Taken(format!("the card {iccid}")).into());
    }
    let sql = "SELECT sub, term FROM terminal WHERE address = ?1 AND channel = ?2 AND retired = 0";
    let channel = terminal.channel.as_str();
    let there = first(db, sql, (&terminal.msisdn, channel), id)?;
    if there.is_some_and(|id| id != terminal.id) {
        let what = format!("the number {} over {channel}", terminal.msisdn);
        return Err(Refused::Taken(what).into());
    }
    Ok(())
}

/// The row that a delivery's step may replace: refused when a person gave the terminal another card meanwhile.
pub(super) fn demand_step(
    db: &Connection,
    terminal: &Terminal,
) -> std::result::Result<Option<Due>, Stop> {
    let (there, due) = bare(db, terminal.id)?.ok_or(Refused::Missing)?;
    if there.keys != terminal.keys {
        return Err(Refused::Stale.into());
    }
    if terminal.counter_next < there.counter_next {
        return Err(Stop::Mistake(format!(
            "the counter of terminal {} of {} would go back from {} to {}, and be used twice",
            terminal.id.no, terminal.id.subscriber, there.counter_next, terminal.counter_next
        )));
    }
    Ok(due)
}

// Writing.

pub(super) fn add(db: &Connection, terminal: &Terminal) -> Done {
    subscribers::demand(db, terminal.id.subscriber)?;
    if bare(db, terminal.id)?.is_some() {
        return Err(Refused::Taken(format!("terminal {}", terminal.id.no)).into());
    }
    demand_free(db, terminal)?;
    Ok(put(db, terminal)?)
}

pub(super) fn change(
    db: &Connection,
    terminal: &Terminal,
    blank: bool,
    mark: Option<&Due>,
) -> Done {
    let (there, _) = bare(db, terminal.id)?.ok_or(Refused::Missing)?;
    // A step of delivery came between reading and changing; only a new card begins its counter anew.
    if !blank && terminal.counter_next < there.counter_next {
        return Err(Refused::Stale.into());
    }
    demand_free(db, terminal)?;
    put(db, terminal)?;
    if blank {
        for table in ["slot", "placement"] {
            run(db, &format!("DELETE FROM {table} {THIS}"), key(terminal.id))?;
        }
    }
    if terminal.retired {
        clear_due(db, terminal.id)?;
    } else if let Some(mark) = mark {
        merge_all(db, &[(terminal.id, *mark)])?;
    }
    Ok(())
}

/// The whole row but for its due mark.
pub(super) fn put(db: &Connection, terminal: &Terminal) -> Result<()> {
    let (slice, sub, term) = key(terminal.id);
    run(
        db,
        "INSERT INTO terminal
         (slice, sub, term, channel, address, iccid, retired, counter_next, in_flight, next_try, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (slice, sub, term) DO UPDATE SET
         channel = excluded.channel, address = excluded.address, iccid = excluded.iccid,
         retired = excluded.retired, counter_next = excluded.counter_next,
         in_flight = excluded.in_flight, next_try = excluded.next_try, body = excluded.body",
        rusqlite::params![
            slice,
            sub,
            term,
            terminal.channel.as_str(),
            terminal.msisdn,
            terminal.iccid,
            i64::from(terminal.retired),
            terminal.counter_next.cast_signed(),
            terminal.in_flight.map(|ship| ship.0.cast_signed()),
            terminal.next_try,
            Json(terminal),
        ],
    )
    .map(drop)
}

pub(super) fn mark_due(db: &Connection, marks: &[(TerminalId, Due)], replace: bool) -> Done {
    demand_all(db, marks)?;
    if !replace {
        return Ok(merge_all(db, marks)?);
    }
    for (id, due) in marks {
        set_due(db, *id, due)?;
    }
    Ok(())
}

/// The newer revision, the earlier times, the more urgent lane, the flags of both.
pub(super) fn merge_all(db: &Connection, marks: &[(TerminalId, Due)]) -> Result<()> {
    for (id, new) in marks {
        let there = bare(db, *id)?.and_then(|(_, due)| due);
        let due = there.map_or(*new, |old| Due {
            revision: old.revision.max(new.revision),
            at: old.at.min(new.at),
            since: old.since.min(new.since),
            lane: old.lane.min(new.lane),
            everything: old.everything || new.everything,
            verify: old.verify || new.verify,
            test: old.test || new.test,
            shared: old.shared.max(new.shared),
        });
        set_due(db, *id, &due)?;
    }
    Ok(())
}

fn set_due(db: &Connection, id: TerminalId, due: &Due) -> Result<()> {
    let (slice, sub, term) = key(id);
    // Nothing is sent to a retired terminal any more.
    let sql = format!(
        "UPDATE terminal SET due_rev = ?4, due_at = ?5, due_since = ?6, due_lane = ?7, due_flags = ?8,
         due_shared = max(coalesce(due_shared, 0), ?9)
         {THIS} AND retired = 0"
    );
    run(
        db,
        &sql,
        (
            slice,
            sub,
            term,
            due.revision.0.cast_signed(),
            due.at,
            due.since,
            lane(due.lane),
            flags(due),
            due.shared.cast_signed(),
        ),
    )
    .map(drop)
}

/// Whether nothing newer than `read` was marked since: no later revision, no later change of a shared group, no other
/// flags.
pub(super) fn is_unchanged(there: &Due, read: &Due) -> bool {
    there.revision <= read.revision && there.shared <= read.shared && flags(there) == flags(read)
}

pub(super) fn clear_due(db: &Connection, id: TerminalId) -> Result<()> {
    let sql = format!(
        "UPDATE terminal SET due_rev = NULL, due_at = NULL, due_since = NULL, due_lane = NULL,
         due_flags = NULL, due_shared = NULL {THIS}"
    );
    run(db, &sql, key(id)).map(drop)
}

pub(super) fn put_slot(
    db: &Connection,
    id: TerminalId,
    slot: SlotNo,
    state: &SlotState,
) -> Result<()> {
    let (slice, sub, term) = key(id);
    let (owner, entry) = match state.owner {
        Owner::Free => (0_i64, None),
        Owner::Ours(entry) => (1, Some(entry)),
        Owner::Foreign => (2, None),
        Owner::Unknown => (3, None),
    };
    let proof = match state.proof {
        Proof::None => 0_i64,
        Proof::Accepted => 1,
        Proof::Delivered => 2,
        Proof::Applied => 3,
        Proof::Verified => 4,
    };
    run(
        db,
        "INSERT INTO slot
         (slice, sub, term, slot, content, owner, friend, number, proof, since, doubt)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (slice, sub, term, slot) DO UPDATE SET
         content = excluded.content, owner = excluded.owner, friend = excluded.friend,
         number = excluded.number, proof = excluded.proof, since = excluded.since,
         doubt = excluded.doubt",
        rusqlite::params![
            slice,
            sub,
            term,
            slot.0,
            state.content,
            owner,
            entry.map(|e| e.friend.0),
            entry.map(|e| e.number.0),
            proof,
            state.since,
            i64::from(state.doubt),
        ],
    )
    .map(drop)
}

/// A new placement, if there is one, and slots freed: each stands once, at its last freeing.
pub(super) fn place(
    db: &Connection,
    id: TerminalId,
    new: Option<&BTreeMap<EntryKey, SlotNo>>,
    newly_freed: &[SlotNo],
) -> Result<()> {
    if new.is_none() && newly_freed.is_empty() {
        return Ok(());
    }
    let (old, mut freed) = placement(db, id)?;
    freed.retain(|slot| !newly_freed.contains(slot));
    freed.extend(newly_freed);
    let entries: Vec<_> = new.unwrap_or(&old).iter().collect();
    let (slice, sub, term) = key(id);
    run(
        db,
        "INSERT INTO placement (slice, sub, term, entries, freed) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (slice, sub, term) DO UPDATE SET
         entries = excluded.entries, freed = excluded.freed",
        (slice, sub, term, Json(&entries), Json(&freed)),
    )
    .map(drop)
}
