//! Books, their friends and groups, and the journal: `book`, `friend`, `friend_group`, `change`.

use super::Done;
use super::columns::{Json, all, first, json, run, subscriber};
use super::{documents, holds, terminals};
use crate::{EditJob, Refused};
use book::{Book, Change, Friend, Group, Revision, SubscriberId};
use rusqlite::{Connection, Result};

pub(super) fn one(db: &Connection, id: SubscriberId) -> Result<Option<Book>> {
    let key = subscriber(id);
    let book = first(
        db,
        "SELECT revision, next_friend, next_group, next_number FROM book
         WHERE slice = ?1 AND sub = ?2",
        key,
        |row| {
            Ok(Book {
                revision: Revision(row.get::<_, i64>(0)?.cast_unsigned()),
                next_friend: row.get(1)?,
                next_group: row.get(2)?,
                next_number: row.get(3)?,
                ..Book::new(id)
            })
        },
    )?;
    let Some(mut book) = book else {
        return Ok(None);
    };
    let friends = "SELECT body FROM friend WHERE slice = ?1 AND sub = ?2";
    let groups = "SELECT body FROM friend_group WHERE slice = ?1 AND sub = ?2";
    book.friends = all(db, friends, key, json::<Friend>)?
        .into_iter()
        .map(|f| (f.no, f))
        .collect();
    book.groups = all(db, groups, key, json::<Group>)?
        .into_iter()
        .map(|g| (g.no, g))
        .collect();
    Ok(Some(book))
}

fn revision(db: &Connection, id: SubscriberId) -> Result<Option<i64>> {
    let sql = "SELECT revision FROM book WHERE slice = ?1 AND sub = ?2";
    first(db, sql, subscriber(id), |row| row.get(0))
}

pub(super) fn edit(db: &Connection, edit: &EditJob) -> Done {
    let (slice, sub) = subscriber(edit.subscriber);
    let there = revision(db, edit.subscriber)?.ok_or(Refused::Missing)?;
    if let Some(request) = &edit.request {
        let sql = "SELECT 1 FROM change WHERE slice = ?1 AND request = ?2";
        if first(db, sql, (slice, request), |_| Ok(()))?.is_some() {
            return Err(Refused::Repeated.into());
        }
    }
    if there != edit.expect.0.cast_signed() {
        return Err(Refused::Stale.into());
    }
    terminals::demand_all(db, &edit.due)?;
    documents::demand(db, &edit.documents)?;

    let book = &edit.book;
    run(
        db,
        "UPDATE book SET revision = ?3, next_friend = ?4, next_group = ?5, next_number = ?6
         WHERE slice = ?1 AND sub = ?2",
        (
            slice,
            sub,
            book.revision.0.cast_signed(),
            book.next_friend,
            book.next_group,
            book.next_number,
        ),
    )?;
    for no in &edit.friends {
        put(db, "friend", (slice, sub, no.0), book.friends.get(no))?;
    }
    for no in &edit.groups {
        put(db, "friend_group", (slice, sub, no.0), book.groups.get(no))?;
    }
    for (change, request) in edit
        .changes
        .iter()
        .zip(std::iter::once(edit.request.as_deref()).chain(std::iter::repeat(None)))
    {
        run(
            db,
            "INSERT INTO change (slice, sub, rev, request, sitting, actor, at, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            (
                slice,
                sub,
                change.revision.0.cast_signed(),
                request,
                change.sitting.cast_signed(),
                &change.actor.id,
                change.at_ms,
                Json(change),
            ),
        )?;
    }
    if let Some(hold) = &edit.hold {
        holds::upsert(db, hold)?;
    }
    terminals::merge_all(db, &edit.due)?;
    documents::put(db, &edit.documents)?;
    Ok(())
}

/// Writes a row with a body, or removes it.
fn put<T: serde::Serialize>(
    db: &Connection,
    table: &str,
    (slice, sub, no): (i64, i64, u32),
    body: Option<&T>,
) -> Result<()> {
    match body {
        Some(body) => run(
            db,
            &format!(
                "INSERT INTO {table} (slice, sub, no, body) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (slice, sub, no) DO UPDATE SET body = excluded.body"
            ),
            (slice, sub, no, Json(body)),
        ),
        None => run(
            db,
            &format!("DELETE FROM {table} WHERE slice = ?1 AND sub = ?2 AND no = ?3"),
            (slice, sub, no),
        ),
    }
    .map(drop)
}

pub(super) fn changes(
    db: &Connection,
    id: SubscriberId,
    before: Option<Revision>,
    limit: u32,
) -> Result<Vec<Change>> {
    let (slice, sub) = subscriber(id);
    let before = before.map_or(i64::MAX, |r| r.0.cast_signed());
    all(
        db,
        "SELECT body FROM change WHERE slice = ?1 AND sub = ?2 AND rev < ?3
         ORDER BY rev DESC LIMIT ?4",
        (slice, sub, before, limit),
        json,
    )
}

pub(super) fn change(
    db: &Connection,
    id: SubscriberId,
    revision: Revision,
) -> Result<Option<Change>> {
    let (slice, sub) = subscriber(id);
    let sql = "SELECT body FROM change WHERE slice = ?1 AND sub = ?2 AND rev = ?3";
    first(db, sql, (slice, sub, revision.0.cast_signed()), json)
}

pub(super) fn changes_of_sitting(
    db: &Connection,
    id: SubscriberId,
    sitting: u64,
) -> Result<Vec<Change>> {
    let (slice, sub) = subscriber(id);
    let sql = "SELECT body FROM change WHERE slice = ?1 AND sub = ?2 AND sitting = ?3 ORDER BY rev";
    all(db, sql, (slice, sub, sitting.cast_signed()), json)
}

pub(super) fn last_change_by(
    db: &Connection,
    id: SubscriberId,
    actor: &str,
) -> Result<Option<Change>> {
    let (slice, sub) = subscriber(id);
    first(
        db,
        "SELECT body FROM change WHERE slice = ?1 AND sub = ?2 AND actor = ?3
         ORDER BY rev DESC LIMIT 1",
        (slice, sub, actor),
        json,
    )
}
