//! A unit of work: the rows that a group of jobs demands are read in one go, every job is carried out on them in memory,
//! and what they wrote goes in as one set of writes a table. Written once for every database.

use crate::StoreError;
use crate::job::Refused;
use crate::table::{Load, Lock, PARTS, Table, WHOLE, Way, Write};
use crate::value::{Row, Value};
use std::collections::{BTreeMap, HashMap};
use std::ptr::from_ref;

/// Why a job stopped.
pub(crate) enum Stop {
    Refused(Refused),
    Database(StoreError),
}

impl From<Refused> for Stop {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Database(error)
    }
}

impl Stop {
    /// Kith asked for what must never be done.
    pub(crate) fn mistake(what: &'static str, why: String) -> Self {
        Self::Database(StoreError::Database { what, why })
    }
}

/// What a job came to. Every job looks at what it demands before it writes, so a refusal needs nothing undone.
pub(crate) type Done = Result<(), Stop>;

/// Tables are told apart by where they stand.
type Id = usize;

fn id(table: &'static Table) -> Id {
    from_ref(table).addr()
}

/// What the jobs of a group want to see.
#[derive(Default)]
pub(crate) struct Wanted(Vec<(&'static Table, Lock, Vec<Row>)>);

impl Wanted {
    /// A row, by its whole key.
    pub(crate) fn row(&mut self, table: &'static Table, lock: Lock, key: Row) {
        match self.0.iter_mut().find(|(known, ..)| id(known) == id(table)) {
            Some((_, held, keys)) => {
                *held = (*held).max(lock);
                keys.push(key);
            }
            None => self.0.push((table, lock, vec![key])),
        }
    }

    /// Always the same tables in the same order, keys in order: two groups that want the same rows never wait for each
    /// other in a circle.
    pub(crate) fn loads(self, order: &[&'static Table]) -> Vec<Load> {
        let place = |table: &'static Table| order.iter().position(|o| id(o) == id(table));
        let mut loads: Vec<_> = self
            .0
            .into_iter()
            .map(|(table, lock, mut keys)| {
                keys.sort_unstable();
                keys.dedup();
                Load {
                    table,
                    lead: table.key.len(),
                    keys,
                    lock,
                }
            })
            .collect();
        loads.sort_by_key(|load| place(load.table));
        loads
    }
}

/// A row as a unit knows it.
struct Known {
    /// Whether the database has it.
    there: bool,
    /// The rest of it as the jobs so far left it.
    now: Option<Row>,
}

/// Rows read, and rows written.
#[derive(Default)]
pub(crate) struct Unit {
    known: HashMap<Id, HashMap<Row, Known>>,
    written: HashMap<Id, BTreeMap<Row, Option<Row>>>,
    under: Vec<(&'static Table, Row)>,
}

impl Unit {
    /// Takes in what was read.
    pub(crate) fn learn(&mut self, load: Load, rows: Vec<Row>) {
        let known = self.known.entry(id(load.table)).or_default();
        for mut row in rows {
            let rest = row.split_off(load.lead);
            let there = true;
            known.insert(
                row,
                Known {
                    there,
                    now: Some(rest),
                },
            );
        }
        for key in load.keys {
            known.entry(key).or_insert(Known {
                there: false,
                now: None,
            });
        }
    }

    /// The rest of a row that was wanted; none if it is not there.
    pub(crate) fn get(
        &self,
        table: &'static Table,
        key: &[Value],
    ) -> Result<Option<&Row>, StoreError> {
        let known = self.known.get(&id(table)).and_then(|rows| rows.get(key));
        known
            .map(|row| row.now.as_ref())
            .ok_or_else(|| StoreError::Database {
                what: "carry out a job",
                why: format!("a row of {} {} was not asked for", table.name, table.part),
            })
    }

    /// Changes what the jobs after this one see, and nothing in the database.
    pub(crate) fn note(&mut self, table: &'static Table, key: Row, rest: Option<Row>) {
        let known = self.known.entry(id(table)).or_default();
        known
            .entry(key)
            .or_insert(Known {
                there: false,
                now: None,
            })
            .now = rest;
    }

    /// What is known of a row's being there holds for another look at the same row.
    pub(crate) fn same(&mut self, from: &'static Table, to: &'static Table, key: &[Value]) {
        let there = self
            .known
            .get(&id(from))
            .and_then(|rows| rows.get(key))
            .is_some_and(|row| row.there);
        let known = self.known.entry(id(to)).or_default();
        known
            .entry(key.to_vec())
            .or_insert(Known { there, now: None });
    }

    /// Writes a whole row; `None` removes it.
    pub(crate) fn put(&mut self, table: &'static Table, key: Row, rest: Option<Row>) {
        if let Some(known) = self
            .known
            .get_mut(&id(table))
            .and_then(|rows| rows.get_mut(&key))
        {
            known.now.clone_from(&rest);
        }
        let written = self.written.entry(id(table)).or_default();
        written.insert(key, rest);
    }

    /// Whether a job of this unit wrote this row, or removed it.
    pub(crate) fn is_written(&self, table: &'static Table, key: &[Value]) -> bool {
        self.written
            .get(&id(table))
            .is_some_and(|rows| rows.contains_key(key))
    }

    /// Takes back what was to be written of a row: another look at it writes all.
    pub(crate) fn take_back(&mut self, table: &'static Table, key: &[Value]) {
        if let Some(rows) = self.written.get_mut(&id(table)) {
            rows.remove(key);
        }
    }

    /// Removes every row under the first columns of a key; rows put before or after stay.
    pub(crate) fn remove_under(&mut self, table: &'static Table, key: Row) {
        if let Some(written) = self.written.get_mut(&id(table)) {
            written.retain(|row, _| !row.starts_with(&key));
        }
        self.under.push((table, key));
    }

    /// Everything that was written, table by table in order.
    pub(crate) fn writes(mut self) -> Vec<Write> {
        let mut writes = Vec::new();
        for (table, key) in self.under {
            writes.push(Write::Remove(table, key.len(), vec![key]));
        }
        for table in WHOLE.iter().chain(PARTS) {
            let known = self.known.get(&id(table));
            let (mut gone, mut ways): (Vec<Row>, [Vec<Row>; 3]) = Default::default();
            for (key, rest) in self.written.remove(&id(table)).unwrap_or_default() {
                let there = known.and_then(|rows| rows.get(&key)).map(|row| row.there);
                let Some(rest) = rest else {
                    if there != Some(false) {
                        gone.push(key);
                    }
                    continue;
                };
                let way = match there {
                    None => Way::Upsert,
                    Some(false) => Way::Insert,
                    Some(true) => Way::Update,
                };
                let mut row = key;
                row.extend(rest);
                ways[way as usize].push(row);
            }
            if !gone.is_empty() {
                writes.push(Write::Remove(table, table.key.len(), gone));
            }
            for (way, rows) in [Way::Insert, Way::Upsert, Way::Update]
                .into_iter()
                .zip(ways)
            {
                if !rows.is_empty() {
                    writes.push(Write::Put(table, way, rows));
                }
            }
        }
        writes
    }
}
