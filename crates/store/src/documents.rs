//! Documents of identity and control: `document`.

use crate::StoreError;
use crate::job::{Document, DocumentWrite, Refused};
use crate::table::{At, DOCUMENT, Database, Lock, VERSION};
use crate::unit::{Done, Stop, Unit, Wanted};
use crate::value::{Columns, Row};
use delivery::Slices;

const COLUMNS: &str = "SELECT key, value, version, expires FROM document WHERE kind = ?1";

fn read(row: &Row) -> Result<Document, StoreError> {
    Ok(Document {
        key: row.text(0)?.to_owned(),
        value: row.text(1)?.to_owned(),
        version: row.unsigned(2)?,
        expires: row.optional(3)?,
    })
}

/// In order, each once. A document that was written with an edit as well lies on two databases: the home database's counts,
/// in whatever order they answered. It is asked once more, which is seldom.
fn once(db: &dyn Database, kind: &str, mut rows: Vec<Row>) -> Result<Vec<Row>, StoreError> {
    rows.sort_by(|a, b| a.first().cmp(&b.first()));
    let mut all = Vec::with_capacity(rows.len());
    for same in rows.chunk_by(|a, b| a.first() == b.first()) {
        let mut home = Vec::new();
        if let [row, _, ..] = same {
            let sql = format!("{COLUMNS} AND key = ?2");
            home = db.rows(At::Home, &sql, &[kind.into(), row.text(0)?.into()])?;
        }
        all.extend(home.into_iter().next().or_else(|| same.first().cloned()));
    }
    Ok(all)
}

pub(crate) fn one(
    db: &dyn Database,
    kind: &str,
    key: &str,
) -> Result<Option<Document>, StoreError> {
    let sql = format!("{COLUMNS} AND key = ?2");
    let values = [kind.into(), key.into()];
    // What is at home counts, and other servers may be away.
    let mut rows = Vec::new();
    if db.servers() > 1 {
        rows = db.rows(At::Home, &sql, &values)?;
    }
    if rows.is_empty() {
        rows = db.rows(At::Everywhere, &sql, &values)?;
    }
    rows.first().map(read).transpose()
}

pub(crate) fn by_index(
    db: &dyn Database,
    kind: &str,
    index: &str,
) -> Result<Vec<Document>, StoreError> {
    let sql = format!("{COLUMNS} AND second = ?2 ORDER BY key");
    let rows = db.rows(At::Everywhere, &sql, &[kind.into(), index.into()])?;
    once(db, kind, rows)?.iter().map(read).collect()
}

pub(crate) fn page(
    db: &dyn Database,
    kind: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<Document>, StoreError> {
    within(db, kind, &Slices::ALL, after, limit)
}

/// Those whose keys begin with the two digits of one of these slices.
pub(crate) fn within(
    db: &dyn Database,
    kind: &str,
    owned: &Slices,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<Document>, StoreError> {
    let digits: Vec<_> = owned.iter().map(|slice| format!("'{slice:02x}'")).collect();
    let of = match (*owned == Slices::ALL, digits.is_empty()) {
        (true, _) => String::new(),
        (_, true) => return Ok(Vec::new()),
        // In the text, because a list is no parameter. A set changes a few times a day.
        _ => format!(" AND substr(key, 1, 2) IN ({})", digits.join(", ")),
    };
    // No key is empty.
    let sql = format!("{COLUMNS} AND key > ?2{of} ORDER BY key LIMIT ?3");
    let values = [kind.into(), after.unwrap_or_default().into(), limit.into()];
    let rows = db.rows(At::Everywhere, &sql, &values)?;
    once(db, kind, rows)?
        .iter()
        .take(limit as usize)
        .map(read)
        .collect()
}

fn key(write: &DocumentWrite) -> Row {
    vec![write.kind.into(), (&write.key).into()]
}

pub(crate) fn want(writes: &[DocumentWrite], wanted: &mut Wanted) {
    for write in writes {
        wanted.row(&VERSION, Lock::Update, key(write));
    }
}

fn version(unit: &Unit, write: &DocumentWrite) -> Result<u64, StoreError> {
    let there = unit.get(&VERSION, &key(write))?;
    there.map_or(Ok(0), |row| row.unsigned(0))
}

pub(crate) fn write(unit: &mut Unit, writes: &[DocumentWrite]) -> Done {
    if writes.windows(2).any(|pair| pair[0].slice != pair[1].slice) {
        let why = "they belong to several slices".to_owned();
        return Err(Stop::mistake("write documents together", why));
    }
    demand(unit, writes)?;
    put(unit, writes)
}

/// Refused unless every expectation holds.
pub(crate) fn demand(unit: &Unit, writes: &[DocumentWrite]) -> Done {
    for write in writes {
        if let Some(expect) = write.expect
            && version(unit, write)? != expect
        {
            return Err(Refused::Stale.into());
        }
    }
    Ok(())
}

/// Writes them all; [`demand`] was asked before.
pub(crate) fn put(unit: &mut Unit, writes: &[DocumentWrite]) -> Done {
    for write in writes {
        let version = version(unit, write)? + 1;
        let rest = write.value.as_ref().map(|value| {
            vec![
                version.into(),
                value.into(),
                write.index.as_ref().into(),
                write.expires.into(),
            ]
        });
        let seen = rest.as_ref().map(|_| vec![version.into()]);
        // The row's being there was learnt of its version.
        unit.same(&VERSION, &DOCUMENT, &key(write));
        unit.note(&VERSION, key(write), seen);
        unit.put(&DOCUMENT, key(write), rest);
    }
    Ok(())
}
