//! What is not kept any longer (DECISIONS.md, “retention”): finished shipments with their cargo and their messages' ids, the
//! beginnings of journals, texts of entries that were deleted. It is found here in pages, a slice at a time, and goes by
//! jobs that name every row and look at it once more.

use crate::StoreError;
use crate::group::{ORDER, Transaction};
use crate::job::{Forget, ForgetJob, Texts};
use crate::reads::{Aged, Deletion};
use crate::table::{
    At, BOOK, CARGO, CHANGE, Database, FLIGHT, Lock, PROGRESS, SENT, SHIPMENT, TEXT, UNDONE,
};
use crate::unit::{Done, Unit, Wanted};
use crate::value::{Columns, Row, Value, json, shipment as ship_key, subscriber as key, terminal};
use crate::{holds, leases, shipments};
use book::{Change, ChangeBody, Revision, SubscriberId};
use delivery::{Hold, HoldState, Shipment, ShipmentId, TerminalId};
use std::collections::{BTreeMap, BTreeSet};
use terminals::Proof;

/// Records of one journal that are made anew in one job at most.
const TOGETHER: u32 = 500;

// Finding.

/// Of a page of a slice's shipments behind `after`, oldest first, those planned before `before` that may go: they are final,
/// and no proof of a later moment rests on them.
pub(crate) fn finished(
    db: &dyn Database,
    slice: u8,
    after: Option<ShipmentId>,
    before: i64,
    limit: u32,
) -> Result<Aged<ShipmentId, ShipmentId>, StoreError> {
    let after = after.map_or(-1, |id| id.0.cast_signed());
    let page = shipments::oldest(db, slice, after, limit)?;
    let last = page.last().map(|shipment| shipment.id);
    let whole = u32::try_from(page.len()).is_ok_and(|n| n >= limit);
    let old: Vec<_> = page.into_iter().filter(|s| s.at < before).collect();
    // Ids are in the order of planning: behind a page without an old one there is none.
    let next = last.filter(|_| whole && !old.is_empty());
    let old = old.into_iter().filter(|s| s.state.is_final()).collect();
    let rows = unneeded(db, slice, old, before)?;
    Ok(Aged { rows, next })
}

/// Those of these shipments that no proof of `since` or later rests on.
fn unneeded(
    db: &dyn Database,
    slice: u8,
    mut shipments: Vec<Shipment>,
    since: i64,
) -> Result<Vec<ShipmentId>, StoreError> {
    let later = proven_since(db, slice, &shipments, since)?;
    shipments.retain(|shipment| {
        let proofs = later.get(&shipment.terminal);
        !proofs.is_some_and(|slots| proven(shipment).any(|write| slots.contains(&write)))
    });
    Ok(shipments.into_iter().map(|s| s.id).collect())
}

/// A slot, and what stands in it.
type Content = (u16, Vec<u8>);

/// What the proven packets of a shipment wrote.
fn proven(shipment: &Shipment) -> impl Iterator<Item = Content> {
    let packets = shipment.packets.iter().filter(|p| p.proof > Proof::None);
    let writes = packets.flat_map(|packet| packet.planned.commands.iter().flatten());
    writes
        .filter_map(|write| shipment.writes.get(*write))
        .map(|write| (write.slot.0, write.content.clone()))
}

/// What was proven at `since` or later on the terminals of these shipments. A card that was away for months answers a
/// shipment that is as old: what the shadow then says is still to be found in it.
fn proven_since(
    db: &dyn Database,
    slice: u8,
    old: &[Shipment],
    since: i64,
) -> Result<BTreeMap<TerminalId, BTreeSet<Content>>, StoreError> {
    let proven = old
        .iter()
        .filter(|shipment| proven(shipment).next().is_some());
    let terminals: BTreeSet<_> = proven.map(|shipment| shipment.terminal).collect();
    let sql = "SELECT slot, content FROM slot WHERE slice = ?1 AND sub = ?2 AND term = ?3 AND since >= ?4";
    let ask = |id: &TerminalId| {
        let mut values = terminal(*id);
        values.push(since.into());
        (At::Slice(slice), sql.to_owned(), values)
    };
    let found = db.ask(&terminals.iter().map(ask).collect::<Vec<_>>())?;
    let content = |row: &Row| Ok((row.small(0)?, row.blob(1)?.to_vec()));
    let of = |(id, rows): (TerminalId, Vec<Row>)| {
        let slots = rows.iter().map(content).collect::<Result<_, StoreError>>();
        Ok((id, slots?))
    };
    terminals.into_iter().zip(found).map(of).collect()
}

/// The first records of journals, made before `before`, of a page of a slice's books behind `after`. What an open hold
/// may yet undo stays, and so does what comes after it.
pub(crate) fn journals(
    db: &dyn Database,
    slice: u8,
    after: Option<SubscriberId>,
    before: i64,
    limit: u32,
) -> Result<Aged<(SubscriberId, Revision), SubscriberId>, StoreError> {
    let books = "SELECT b.sub, (SELECT c.at FROM change c WHERE c.slice = b.slice AND c.sub = b.sub ORDER BY c.rev LIMIT 1)
                 FROM book b WHERE b.slice = ?1 AND b.sub > ?2 ORDER BY b.sub LIMIT ?3";
    let from = after.map_or(-1, |id| id.0.cast_signed());
    let values = [slice.into(), from.into(), limit.into()];
    let page = db.rows(At::Slice(slice), books, &values)?;
    let whole = u32::try_from(page.len()).is_ok_and(|n| n >= limit);
    let (mut rows, mut done) = (Vec::new(), after);
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    for row in &page {
        let id = SubscriberId(row.unsigned(0)?);
        if row.optional(1)?.is_some_and(|first| first < before) {
            let left = most.saturating_sub(rows.len());
            if left == 0 {
                return Ok(Aged { rows, next: done });
            }
            let (old, more) = beginning(db, id, before, left)?;
            rows.extend(old.into_iter().map(|revision| (id, revision)));
            if more {
                // This one is not at its end: it comes again.
                let next = done.unwrap_or(SubscriberId(0));
                return Ok(Aged {
                    rows,
                    next: Some(next),
                });
            }
        }
        done = Some(id);
    }
    Ok(Aged {
        rows,
        next: done.filter(|_| whole),
    })
}

/// The first records of a journal that may go, and whether there may be more.
fn beginning(
    db: &dyn Database,
    id: SubscriberId,
    before: i64,
    most: usize,
) -> Result<(Vec<Revision>, bool), StoreError> {
    let sql = "SELECT rev, at FROM change WHERE slice = ?1 AND sub = ?2 ORDER BY rev LIMIT ?3";
    let mut values = key(id);
    values.push(u32::try_from(most).unwrap_or(u32::MAX).into());
    let found = db.rows(At::Slice(id.slice()), sql, &values)?;
    let open = holds::list(db, Some(id), true)?;
    let mut old = Vec::new();
    for row in &found {
        let revision = Revision(row.unsigned(0)?);
        if row.int(1)? >= before || open.iter().any(|hold| hold.changes.contains(&revision)) {
            return Ok((old, false));
        }
        old.push(revision);
    }
    Ok((old, found.len() >= most))
}

/// The next deletion, and what takes its text out.
pub(crate) fn next_text(
    db: &dyn Database,
    slice: u8,
    after: Option<Deletion>,
    before: i64,
) -> Result<Option<(Deletion, Option<Texts>)>, StoreError> {
    let found = deletion(db, slice, after, before)?;
    found
        .map(|deletion| Ok((deletion, texts(db, deletion, before)?)))
        .transpose()
}

/// The first deletion behind `after` in a slice that was made before `before`, and whose text stands in the journal.
fn deletion(
    db: &dyn Database,
    slice: u8,
    after: Option<Deletion>,
    before: i64,
) -> Result<Option<Deletion>, StoreError> {
    let sql = "SELECT at, sub, rev FROM change WHERE slice = ?1 AND gone IS NOT NULL AND at < ?2
               AND at >= ?3 AND (at, sub, rev) > (?3, ?4, ?5) ORDER BY at, sub, rev LIMIT 1";
    let after = after.map_or([i64::MIN, -1, -1], |last| {
        let (sub, rev) = (last.subscriber.0, last.revision.0);
        [last.at, sub.cast_signed(), rev.cast_signed()]
    });
    let mut values = vec![slice.into(), before.into()];
    values.extend(after.map(Value::from));
    let found = db.rows(At::Slice(slice), sql, &values)?;
    let read = |row: &Row| {
        Ok(Deletion {
            at: row.int(0)?,
            subscriber: SubscriberId(row.unsigned(1)?),
            revision: Revision(row.unsigned(2)?),
        })
    };
    found.first().map(read).transpose()
}

/// What is to be written so that nothing is left of an entry's text in the journal and in the holds that were decided: at
/// most so many records at once. None while an open hold may yet bring the entry back.
fn texts(db: &dyn Database, deletion: Deletion, before: i64) -> Result<Option<Texts>, StoreError> {
    let id = deletion.subscriber;
    let Some(change) = crate::books::change(db, id, deletion.revision)? else {
        return Ok(None);
    };
    let Some(book) = crate::books::of(db, &[id])?.into_iter().next() else {
        return Ok(None);
    };
    let body = &change.body;
    let back = body.friend.is_some_and(|no| book.friends.contains_key(&no))
        || body.group.is_some_and(|no| book.groups.contains_key(&no));
    let mut texts = Texts {
        subscriber: id,
        expect: book.revision,
        changes: Vec::new(),
        holds: Vec::new(),
        done: Some(deletion.revision),
    };
    // It is in the book again, or was deleted again since: a later deletion stands for it.
    if back || later(db, &change, before)? {
        return Ok(Some(texts));
    }
    let all = holds::list(db, Some(id), false)?;
    let names = |hold: &Hold| {
        body.friend
            .is_some_and(|no| hold.released.iter().any(|(f, _)| *f == no))
    };
    if all
        .iter()
        .any(|hold| hold.state == HoldState::Held && names(hold))
    {
        return Ok(None);
    }
    for mut hold in all.into_iter().filter(names) {
        for (no, friend) in &mut hold.released {
            if Some(*no) == body.friend {
                *friend = book::Friend {
                    no: *no,
                    ..book::Friend::default()
                };
            }
        }
        texts.holds.push(hold);
    }
    texts.changes = told(
        db,
        id,
        body,
        "AND body NOT LIKE '%\"forgotten\":true%'",
        &[],
    )?;
    if u32::try_from(texts.changes.len()).is_ok_and(|n| n >= TOGETHER) {
        texts.done = None;
    }
    for change in &mut texts.changes {
        change.body.forget();
    }
    Ok(Some(texts))
}

/// Whether something was written about the same entry at `before` or later.
fn later(db: &dyn Database, change: &Change, before: i64) -> Result<bool, StoreError> {
    let of = change.subscriber;
    let found = told(db, of, &change.body, "AND at >= ?4", &[before.into()])?;
    Ok(!found.is_empty())
}

/// The records about the same entry. Quotes within a text are escaped, so that no text looks like this.
fn told(
    db: &dyn Database,
    of: SubscriberId,
    body: &ChangeBody,
    and: &str,
    values: &[Value],
) -> Result<Vec<Change>, StoreError> {
    let entry = match (body.friend, body.group) {
        (Some(no), _) => format!("%\"body\":{{\"friend\":{},%", no.0),
        (None, Some(no)) => format!("%\"body\":{{\"group\":{},%", no.0),
        (None, None) => return Ok(Vec::new()),
    };
    let sql = format!(
        "SELECT body FROM change WHERE slice = ?1 AND sub = ?2 AND body LIKE ?3 {and} ORDER BY rev LIMIT {TOGETHER}"
    );
    let mut all = key(of);
    all.push(entry.into());
    all.extend_from_slice(values);
    let rows = db.rows(At::Slice(of.slice()), &sql, &all)?;
    rows.iter().map(|row| row.json(0)).collect()
}

// Forgetting.

/// Carries out the job; what is not any more as it was found stays.
pub(crate) fn forget(db: &dyn Transaction, job: &ForgetJob) -> Done {
    let mut wanted = Wanted::default();
    leases::want_owner(job.slice, job.epoch, &mut wanted);
    match &job.what {
        Forget::Shipments { ids, .. } => {
            for id in ids {
                wanted.row(&PROGRESS, Lock::Update, ship_key(*id));
                wanted.row(&FLIGHT, Lock::None, ship_key(*id));
            }
        }
        Forget::Journals(_) => {}
        Forget::Texts(texts) => {
            let id = texts.subscriber;
            wanted.row(&BOOK, Lock::Update, key(id));
            let changed = texts.changes.iter().map(|change| change.revision);
            for revision in changed.chain(texts.done) {
                wanted.row(&TEXT, Lock::Update, record(id, revision));
            }
        }
    }
    let loads = wanted.loads(&ORDER);
    let rows = db.load(&loads)?;
    let mut unit = Unit::default();
    for (load, rows) in loads.into_iter().zip(rows) {
        unit.learn(load, rows);
    }
    leases::demand_owner(&unit, job.slice, job.epoch)?;
    match &job.what {
        Forget::Shipments { ids, before } => {
            forget_shipments(db, &mut unit, job.slice, ids, *before)?;
        }
        Forget::Journals(records) => {
            for (id, revision) in records {
                unit.put(&CHANGE, record(*id, *revision), None);
            }
        }
        Forget::Texts(texts) => forget_texts(&mut unit, texts)?,
    }
    Ok(db.write(&unit.writes())?)
}

fn record(id: SubscriberId, revision: Revision) -> Row {
    let mut at = key(id);
    at.push(revision.0.into());
    at
}

fn forget_shipments(
    db: &dyn Transaction,
    unit: &mut Unit,
    slice: u8,
    ids: &[ShipmentId],
    before: i64,
) -> Done {
    let mut over = Vec::new();
    for id in ids {
        let at = ship_key(*id);
        let state = unit
            .get(&PROGRESS, &at)?
            .map(|row| row.int(0))
            .transpose()?;
        let is_final = state.is_some_and(shipments::is_final);
        if is_final && unit.get(&FLIGHT, &at)?.is_none() {
            over.push(*id);
        }
    }
    // Looked at once more: a proof may have come since they were found.
    let over = shipments::many(db, &over)?;
    let mut asked = Vec::new();
    for id in unneeded(db, slice, over, before)? {
        let at = ship_key(id);
        for table in [&SHIPMENT, &UNDONE, &CARGO] {
            unit.put(table, at.clone(), None);
        }
        let of = shipments::SENT_OF.to_owned();
        asked.push((At::Slice(slice), of, at));
    }
    for row in db.ask(&asked)?.into_iter().flatten() {
        unit.put(&SENT, row, None);
    }
    Ok(())
}

fn forget_texts(unit: &mut Unit, texts: &Texts) -> Done {
    let id = texts.subscriber;
    let there = unit.get(&BOOK, &key(id))?.map(|row| row.unsigned(0));
    // Somebody changed the book since, and may have taken the entry back: it is looked at again.
    if there.transpose()? != Some(texts.expect.0) {
        return Ok(());
    }
    for change in &texts.changes {
        let at = record(id, change.revision);
        if unit.get(&TEXT, &at)?.is_some() {
            // Until nothing is left of the entry, its deletion is to be found.
            let open = change.body.after.is_none() && texts.done.is_none();
            let gone = open.then_some(1_i64);
            unit.put(&TEXT, at, Some(vec![gone.into(), json(change)?]));
        }
    }
    if let Some(done) = texts.done {
        let at = record(id, done);
        if let Some(mut row) = unit.get(&TEXT, &at)?.cloned() {
            if let Some(gone) = row.first_mut() {
                *gone = Value::Null;
            }
            unit.put(&TEXT, at, Some(row));
        }
    }
    for hold in &texts.holds {
        holds::upsert(unit, hold)?;
    }
    Ok(())
}
