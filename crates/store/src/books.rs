//! Books, their friends and groups, and the journal: `book`, `friend`, `friend_group`, `change`.

use crate::StoreError;
use crate::job::{EditJob, Refused};
use crate::table::{
    At, BOOK, CHANGE, Database, FRIEND, GROUP, HOLD, Load, Lock, MEMBER, REQUEST, SUBSCRIBER, Table,
};
use crate::unit::{Done, Unit, Wanted};
use crate::value::{Columns, Row, Value, json, subscriber as key};
use crate::{BookFull, documents, holds, marks, subscribers, terminals};
use book::{Book, Change, Friend, Group, GroupNo, Revision, SubscriberId};
use delivery::Hold;
use std::collections::BTreeMap;

/// The books of these subscribers; who has none is left out.
pub(crate) fn of(db: &dyn Database, ids: &[SubscriberId]) -> Result<Vec<Book>, StoreError> {
    let found = db.load(&loads(&[&BOOK, &FRIEND, &GROUP], ids))?;
    let [heads, friends, groups] = &found[..] else {
        return Ok(Vec::new());
    };
    Ok(read(heads, friends, groups)?.into_values().collect())
}

/// Books from the rows of their tables.
fn read(
    heads: &[Row],
    friends: &[Row],
    groups: &[Row],
) -> Result<BTreeMap<SubscriberId, Book>, StoreError> {
    let mut books = BTreeMap::new();
    for row in heads {
        let id = SubscriberId(row.unsigned(1)?);
        books.insert(
            id,
            Book {
                revision: Revision(row.unsigned(2)?),
                next_friend: row.small(3)?,
                next_group: row.small(4)?,
                next_number: row.small(5)?,
                ..Book::new(id)
            },
        );
    }
    for row in friends {
        if let Some(book) = books.get_mut(&SubscriberId(row.unsigned(1)?)) {
            let friend: Friend = row.json(3)?;
            book.friends.insert(friend.no, friend);
        }
    }
    for row in groups {
        if let Some(book) = books.get_mut(&SubscriberId(row.unsigned(1)?)) {
            let group: Group = row.json(3)?;
            book.groups.insert(group.no, group);
        }
    }
    Ok(books)
}

/// Books with their owners, their holds and the shared groups that are carried.
pub(crate) const FULL: [&Table; 6] = [&SUBSCRIBER, &BOOK, &FRIEND, &GROUP, &HOLD, &MEMBER];

/// The rows of these subscribers in these tables.
pub(crate) fn loads(tables: &[&'static Table], ids: &[SubscriberId]) -> Vec<Load> {
    let load = |table: &&'static Table| Load::of(table, 2, ids.iter().map(|id| key(*id)));
    tables.iter().map(load).collect()
}

/// From the rows of [`FULL`].
pub(crate) fn full(rows: &[Vec<Row>]) -> Result<BTreeMap<SubscriberId, BookFull>, StoreError> {
    let [owners, heads, friends, groups, held, members, ..] = rows else {
        return Ok(BTreeMap::new());
    };
    let mut books = read(heads, friends, groups)?;
    let mut open: BTreeMap<_, Vec<Hold>> = BTreeMap::new();
    for hold in holds::held(held)? {
        open.entry(hold.subscriber).or_default().push(hold);
    }
    let mut carried: BTreeMap<_, Vec<GroupNo>> = BTreeMap::new();
    for row in members {
        let member = SubscriberId(row.unsigned(1)?);
        carried
            .entry(member)
            .or_default()
            .push(GroupNo(row.small(2)?));
    }
    let mut found = BTreeMap::new();
    for row in owners {
        let subscriber = subscribers::read(row)?;
        if let Some(book) = books.remove(&subscriber.id) {
            let holds = open.remove(&subscriber.id).unwrap_or_default();
            let shared = carried.remove(&subscriber.id).unwrap_or_default();
            found.insert(
                subscriber.id,
                BookFull {
                    subscriber,
                    book,
                    holds,
                    shared,
                },
            );
        }
    }
    Ok(found)
}

fn request_key(edit: &EditJob) -> Option<Row> {
    let request = edit.request.as_ref()?;
    Some(vec![edit.subscriber.slice().into(), request.into()])
}

pub(crate) fn want_edit(edit: &EditJob, wanted: &mut Wanted) {
    wanted.row(&BOOK, Lock::Update, key(edit.subscriber));
    if let Some(request) = request_key(edit) {
        wanted.row(&REQUEST, Lock::None, request);
    }
    if let Some(hold) = &edit.hold {
        holds::want_row(hold, wanted);
    }
    marks::want(&edit.due, wanted);
    documents::want_beside(&edit.documents, wanted);
}

pub(crate) fn edit(unit: &mut Unit, edit: &EditJob) -> Done {
    let there = unit.get(&BOOK, &key(edit.subscriber))?;
    let there = there.ok_or(Refused::Missing)?.int(0)?;
    if let Some(request) = request_key(edit)
        && unit.get(&REQUEST, &request)?.is_some()
    {
        return Err(Refused::Repeated.into());
    }
    if there != edit.expect.0.cast_signed() {
        return Err(Refused::Stale.into());
    }
    terminals::demand_all(unit, &edit.due)?;
    documents::demand(unit, &edit.documents)?;
    if let Some(hold) = &edit.hold {
        holds::demand_open(unit, hold)?;
    }

    let book = &edit.book;
    let head = vec![
        book.revision.0.into(),
        book.next_friend.into(),
        book.next_group.into(),
        book.next_number.into(),
    ];
    unit.put(&BOOK, key(edit.subscriber), Some(head));
    for no in &edit.friends {
        put(unit, &FRIEND, edit.subscriber, no.0, book.friends.get(no))?;
    }
    for no in &edit.groups {
        put(unit, &GROUP, edit.subscriber, no.0, book.groups.get(no))?;
    }
    // The request's id stands on the first change of its edit.
    let mut request = edit.request.as_ref();
    for change in &edit.changes {
        let mut at = key(edit.subscriber);
        at.push(change.revision.0.into());
        let rest = vec![
            request.take().into(),
            change.sitting.into(),
            (&change.actor.id).into(),
            change.at_ms.into(),
            json(change)?,
            // The text of what is deleted is forgotten one day.
            change.body.after.is_none().then_some(1_i64).into(),
        ];
        unit.note(&CHANGE, at.clone(), None);
        unit.put(&CHANGE, at, Some(rest));
    }
    if let (Some(request), Some(first)) = (request_key(edit), edit.changes.first()) {
        unit.note(&REQUEST, request, Some(vec![first.revision.0.into()]));
    }
    if let Some(hold) = &edit.hold {
        holds::upsert(unit, hold)?;
    }
    marks::merge_all(unit, &edit.due)?;
    documents::put(unit, &edit.documents)
}

/// Writes a row with a body, or removes it.
fn put<T: serde::Serialize>(
    unit: &mut Unit,
    table: &'static Table,
    of: SubscriberId,
    no: u32,
    body: Option<&T>,
) -> Done {
    let mut row = key(of);
    row.push(no.into());
    let rest = body.map(json).transpose()?.map(|body| vec![body]);
    unit.put(table, row, rest);
    Ok(())
}

fn journal(
    db: &dyn Database,
    id: SubscriberId,
    which: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<Change>, StoreError> {
    let sql = format!("SELECT body FROM change WHERE slice = ?1 AND sub = ?2 {which}");
    let mut key = key(id);
    key.extend(values);
    let rows = db.rows(At::Slice(id.slice()), &sql, &key)?;
    rows.iter().map(|row| row.json(0)).collect()
}

pub(crate) fn changes(
    db: &dyn Database,
    id: SubscriberId,
    before: Option<Revision>,
    limit: u32,
) -> Result<Vec<Change>, StoreError> {
    let before = before.map_or(i64::MAX, |r| r.0.cast_signed());
    journal(
        db,
        id,
        "AND rev < ?3 ORDER BY rev DESC LIMIT ?4",
        [before.into(), limit.into()],
    )
}

pub(crate) fn change(
    db: &dyn Database,
    id: SubscriberId,
    at: Revision,
) -> Result<Option<Change>, StoreError> {
    let found = journal(db, id, "AND rev = ?3", [at.0.into()])?;
    Ok(found.into_iter().next())
}
