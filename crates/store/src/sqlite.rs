//! SQLite: the tables' statements as prepared loops in one transaction of one writing connection.

mod open;
mod sequence;

pub(crate) use open::{Place, beside, checkpoint};
use sequence::Sequence;

use crate::group::{self, Transaction};
use crate::table::{Asked, At, Database, Kind, Load, Table, Way, Write};
use crate::value::{Columns, Row, Value};
use crate::writer::Writes;
use crate::{Job, Refused, StoreError};
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, params_from_iter};
use std::cell::RefCell;
use std::collections::HashMap;

/// One connection.
pub(crate) struct Sqlite {
    pub(crate) db: Connection,
    sequence: Option<Sequence>,
    texts: RefCell<HashMap<(usize, u8), String>>,
}

pub(crate) fn failed(what: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |e| {
        let why = e.to_string();
        match e.sqlite_error_code() {
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::ReadOnly) => {
                StoreError::Full { why }
            }
            _ => StoreError::Database { what, why },
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(n) => ValueRef::Integer(*n),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(octets) => ValueRef::Blob(octets),
        }))
    }
}

fn value(column: ValueRef<'_>) -> Value {
    match column {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) => Value::Int(n),
        // Nothing writes a real number; whoever reads it is told.
        ValueRef::Real(n) => Value::Text(n.to_string()),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(octets) => Value::Blob(octets.to_vec()),
    }
}

fn query(
    statement: &mut CachedStatement<'_>,
    values: &[Value],
    found: &mut Vec<Row>,
) -> rusqlite::Result<()> {
    let columns = statement.column_count();
    let mut rows = statement.query(params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        let read = |n| Ok(value(row.get_ref(n)?));
        found.push((0..columns).map(read).collect::<rusqlite::Result<_>>()?);
    }
    Ok(())
}

impl Sqlite {
    /// One more commit; its number, where one is noted beside the file.
    fn count(&self) -> Result<Option<u64>, StoreError> {
        if self.sequence.is_none() {
            return Ok(None);
        }
        let sql = "UPDATE store_state SET sequence = sequence + 1 RETURNING sequence";
        let rows = self.rows(At::Home, sql, &[])?;
        rows.first().map(|row| row.unsigned(0)).transpose()
    }

    pub(crate) fn new(db: Connection) -> Self {
        Self {
            db,
            sequence: None,
            texts: RefCell::default(),
        }
    }

    /// A statement of a table, its text made once.
    fn with_text<T>(
        &self,
        table: &'static Table,
        form: u8,
        text: impl FnOnce() -> String,
        work: impl FnOnce(&str) -> T,
    ) -> T {
        let key = (std::ptr::from_ref(table).addr(), form);
        let mut texts = self.texts.borrow_mut();
        work(texts.entry(key).or_insert_with(text))
    }

    fn put(&self, table: &'static Table, way: Way, rows: &[Row]) -> rusqlite::Result<()> {
        // One writer: whether a row is there or not, nobody else comes between.
        let update = way == Way::Update;
        let text = || {
            if update {
                update_text(table)
            } else {
                upsert_text(table)
            }
        };
        self.with_text(table, 100 + u8::from(update), text, |sql| {
            let mut statement = self.db.prepare_cached(sql)?;
            for row in rows {
                statement.execute(params_from_iter(row))?;
            }
            Ok(())
        })
    }
}

fn names(columns: impl IntoIterator<Item = (&'static str, Kind)>) -> Vec<&'static str> {
    columns.into_iter().map(|(name, _)| name).collect()
}

/// `a = ?1 AND b = ?2`, from parameter `first` on.
fn these(columns: &[(&'static str, Kind)], first: usize) -> String {
    let parts = (first..)
        .zip(columns)
        .map(|(n, (name, _))| format!("{name} = ?{n}"));
    parts.collect::<Vec<_>>().join(" AND ")
}

fn upsert_text(table: &Table) -> String {
    let all = names(table.columns());
    let marks: Vec<_> = (1..=all.len()).map(|n| format!("?{n}")).collect();
    let set: Vec<_> = names(table.rest.iter().copied())
        .into_iter()
        .map(|name| format!("{name} = excluded.{name}"))
        .collect();
    let otherwise = match &set[..] {
        [] => "NOTHING".to_owned(),
        _ => format!("UPDATE SET {}", set.join(", ")),
    };
    format!(
        "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT ({}) DO {otherwise}",
        table.name,
        all.join(", "),
        marks.join(", "),
        names(table.key.iter().copied()).join(", "),
    )
}

fn update_text(table: &Table) -> String {
    let set: Vec<_> = (table.key.len() + 1..)
        .zip(table.rest)
        .map(|(n, (name, _))| format!("{name} = ?{n}"))
        .collect();
    format!(
        "UPDATE {} SET {} WHERE {}",
        table.name,
        set.join(", "),
        these(table.key, 1)
    )
}

fn select_text(table: &Table, lead: usize) -> String {
    let only = if table.only.is_empty() {
        String::new()
    } else {
        format!(" AND {}", table.only)
    };
    let order = if table.newest.is_empty() {
        String::new()
    } else {
        format!(" ORDER BY {} DESC LIMIT 1", table.newest)
    };
    let lead = table.key.get(..lead).unwrap_or(table.key);
    format!(
        "SELECT {} FROM {} t WHERE {}{only}{order}",
        names(table.columns()).join(", "),
        table.name,
        these(lead, 1),
    )
}

impl Database for Sqlite {
    fn ask(&self, questions: &[Asked]) -> Result<Vec<Vec<Row>>, StoreError> {
        let rows = |(at, sql, values): &Asked| self.rows(*at, sql, values);
        questions.iter().map(rows).collect()
    }

    fn rows(&self, _: At, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let mut found = Vec::new();
        let asked = self.db.prepare_cached(sql);
        asked
            .and_then(|mut statement| query(&mut statement, values, &mut found))
            .map_err(failed("be read"))?;
        Ok(found)
    }

    fn load(&self, loads: &[Load]) -> Result<Vec<Vec<Row>>, StoreError> {
        let load = |load: &Load| {
            let form = u8::try_from(load.lead).unwrap_or(u8::MAX);
            let text = || select_text(load.table, load.lead);
            self.with_text(load.table, form, text, |sql| {
                let mut found = Vec::with_capacity(load.keys.len());
                let mut statement = self.db.prepare_cached(sql)?;
                for key in &load.keys {
                    query(&mut statement, key, &mut found)?;
                }
                Ok(found)
            })
        };
        let found = loads.iter().map(load).collect::<rusqlite::Result<_>>();
        found.map_err(failed("be read"))
    }
}

impl Transaction for Sqlite {
    fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        for write in writes {
            let done = match write {
                Write::Put(table, way, rows) => self.put(table, *way, rows),
                Write::Remove(table, lead, keys) => {
                    let key = table.key.get(..*lead).unwrap_or(table.key);
                    let sql = format!("DELETE FROM {} WHERE {}", table.name, these(key, 1));
                    keys.iter().try_for_each(|key| {
                        let mut statement = self.db.prepare_cached(&sql)?;
                        statement.execute(params_from_iter(key)).map(drop)
                    })
                }
            };
            done.map_err(failed("be written"))?;
        }
        Ok(())
    }

    fn run(&self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        let mut statement = self.db.prepare_cached(sql).map_err(failed("be written"))?;
        let touched = statement.execute(params_from_iter(values));
        touched
            .map(|rows| rows as u64)
            .map_err(failed("be written"))
    }
}

impl Writes for Sqlite {
    fn commit(&mut self, group: &[Job]) -> Result<Vec<Result<(), Refused>>, StoreError> {
        self.db
            .execute_batch("BEGIN IMMEDIATE")
            .map_err(failed("begin a change"))?;
        let done = group::carry_out(self, group).and_then(|(results, last)| {
            self.write(&last)?;
            let number = self.count()?;
            self.db
                .execute_batch("COMMIT")
                .map_err(failed("commit a change"))?;
            if let (Some(sequence), Some(number)) = (&self.sequence, number) {
                sequence.note(number);
            }
            Ok(results)
        });
        if done.is_err() {
            // SQLite may have rolled back by itself.
            let _ = self.db.execute_batch("ROLLBACK");
        }
        done
    }

    fn statement(&mut self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        self.run(sql, values)
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, StoreError> {
        self.octets()
    }
}
