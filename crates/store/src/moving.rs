//! `kith store move`: a store in a file becomes one on PostgreSQL, table by table in the order of the keys, checked row
//! by row afterwards. It may be stopped at any point and started again: every row is written whole under its key.

use crate::postgres::{Known, Place, Servers, Writer};
use crate::sqlite::{self, beside};
use crate::table::{At, Database, Table, WHOLE, Way, Write};
use crate::value::{Columns, Row, Value, slice_of};
use crate::{StoreError, writer::Writes};
use std::fs;
use std::path::{Path, PathBuf};

/// Rows carried at once.
const PAGE: u32 = 2_000;

/// How far a move is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// The table in hand.
    pub table: &'static str,
    /// Whether its rows are being compared, rather than copied.
    pub checking: bool,
    /// Rows done, of all tables.
    pub done: u64,
    /// Rows to do: each is copied, and compared.
    pub all: u64,
}

/// Moves the store in `from` to `to`; `told` hears how far it is. At the end the file has another name, which is given:
/// nobody must serve it any more.
///
/// # Errors
/// When a server holds the store, a server does not answer, or a row is not the same on both sides. Nothing is lost: the
/// file stays as it is, and the same command goes on where it stopped.
pub fn move_to(
    from: &Path,
    to: &Servers,
    mut told: impl FnMut(Moved),
) -> Result<PathBuf, StoreError> {
    let place = sqlite::Place::lock(from)?;
    if !from.exists() {
        return Err(StoreError::Database {
            what: "be moved",
            why: format!("there is no store in {}", from.display()),
        });
    }
    let source = place.writer(&Default::default())?;
    let (known, slices) = Known::all(to)?;
    let mut targets = Vec::new();
    for known in known {
        targets.push(Writer::open(known)?);
    }
    let tables = || WHOLE.iter().filter(|table| table.name != "lease");
    let mut all = 0;
    for table in tables() {
        let sql = format!("SELECT count(*) FROM {}", table.name);
        let rows = source.rows(At::Home, &sql, &[])?;
        all += 2 * rows.first().map_or(Ok(0), |row| row.unsigned(0))?;
    }
    let mut done = 0;
    for checking in [false, true] {
        for table in tables() {
            let mut last = None;
            while let Some(page) = page(&source, table, last.as_ref())? {
                let parts = spread(table, &page, &slices, targets.len());
                for (target, rows) in targets.iter_mut().zip(parts) {
                    match checking {
                        false => target.transaction(&rows_in(table, rows))?,
                        true => same(target, table, &rows)?,
                    }
                }
                done += page.len() as u64;
                last = page.last().map(|row| row[..table.key.len()].to_vec());
                told(Moved {
                    table: table.name,
                    checking,
                    done,
                    all,
                });
            }
        }
    }
    for table in tables() {
        counted(&source, &targets, table)?;
    }
    let incarnation = source.rows(At::Home, "SELECT incarnation FROM store_state", &[])?;
    let incarnation = incarnation.first().map_or(Ok(1), |row| row.unsigned(0))?;
    for target in &mut targets {
        target.statement(
            "UPDATE store_state SET incarnation = ?1 WHERE incarnation < ?1",
            &[incarnation.into()],
        )?;
    }
    drop(source);
    let moved = beside(from, "-moved");
    for suffix in ["", "-wal", "-shm"] {
        let old = beside(from, suffix);
        if old.exists() {
            fs::rename(old, beside(&moved, suffix)).map_err(|e| StoreError::Database {
                what: "be put aside",
                why: e.to_string(),
            })?;
        }
    }
    Ok(moved)
}

/// The rows after `last` in the order of their keys; none when there are no more.
fn page(
    source: &dyn Database,
    table: &'static Table,
    last: Option<&Row>,
) -> Result<Option<Vec<Row>>, StoreError> {
    let names = |columns: &[(&'static str, crate::table::Kind)]| {
        columns
            .iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let key = names(table.key);
    let columns = names(&table.columns().collect::<Vec<_>>());
    let mut values: Vec<Value> = last.cloned().unwrap_or_default();
    let after = match last {
        Some(last) => {
            let marks: Vec<_> = (1..=last.len()).map(|n| format!("?{n}")).collect();
            format!("WHERE ({key}) > ({})", marks.join(", "))
        }
        None => String::new(),
    };
    let sql = format!(
        "SELECT {columns} FROM {} {after} ORDER BY {key} LIMIT ?{}",
        table.name,
        values.len() + 1
    );
    values.push(PAGE.into());
    let rows = source.rows(At::Home, &sql, &values)?;
    Ok((!rows.is_empty()).then_some(rows))
}

/// The rows of each server.
fn spread(table: &Table, page: &[Row], slices: &Place, servers: usize) -> Vec<Vec<Row>> {
    let mut parts = vec![Vec::new(); servers];
    let slice_at = table.columns().position(|(name, _)| name == "slice");
    for row in page {
        let server = slice_at.map_or(0, |at| slices.of(slice_of(&row[at..])));
        if let Some(part) = parts.get_mut(server) {
            part.push(row.clone());
        }
    }
    parts
}

fn rows_in(table: &'static Table, rows: Vec<Row>) -> Vec<Write> {
    match rows.is_empty() {
        true => Vec::new(),
        false => vec![Write::Put(table, Way::Upsert, rows)],
    }
}

/// Every row is there as it was here.
fn same(target: &Writer, table: &'static Table, rows: &[Row]) -> Result<(), StoreError> {
    let keys = rows.iter().map(|row| row[..table.key.len()].to_vec());
    let load = crate::table::Load::of(table, table.key.len(), keys);
    let there = target.load(&[load])?.into_iter().flatten();
    let there: std::collections::BTreeSet<Row> = there.collect();
    match rows.iter().find(|row| !there.contains(*row)) {
        None => Ok(()),
        Some(row) => Err(StoreError::Database {
            what: "be moved",
            why: format!(
                "a row of {} is not the same on PostgreSQL: {:?}. Start the move again; it copies every row anew",
                table.name,
                &row[..table.key.len()]
            ),
        }),
    }
}

/// As many rows there as here: nothing is there that was not here.
fn counted(
    source: &dyn Database,
    targets: &[Writer],
    table: &'static Table,
) -> Result<(), StoreError> {
    let sql = format!("SELECT count(*) FROM {}", table.name);
    let count = |db: &dyn Database| {
        let rows = db.rows(At::Home, &sql, &[])?;
        rows.first().map_or(Ok(0), |row| row.unsigned(0))
    };
    let here = count(source)?;
    let there: u64 = targets
        .iter()
        .map(|target| count(target))
        .sum::<Result<_, _>>()?;
    if here == there {
        return Ok(());
    }
    Err(StoreError::Database {
        what: "be moved",
        why: format!(
            "{} has {here} rows in the file and {there} on PostgreSQL: something else is in that database; use an empty one",
            table.name
        ),
    })
}
