//! PostgreSQL: the tables' statements over arrays, a group's reads in one pipeline and its writes in another.
//!
//! A connection lives on a thread of its own with a small runtime of its own, so that questions stay plain functions.

mod arrays;
mod connect;
mod error;
mod hosts;
mod reader;
mod tls;

pub use connect::Servers;
pub(crate) use connect::{Known, Place, Writer, watch};
pub(crate) use reader::Reader;

use crate::StoreError;
use crate::group::Transaction;
use crate::health::Health;
use crate::table::{Asked, Database, Kind, Load, Lock, Table, Way, Write};
use crate::value::{Row, Value};
use arrays::Arrays;
use error::said;
use futures_util::future::{try_join, try_join_all};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Statement};

/// One connection to one server, with its prepared statements.
pub(crate) struct Postgres {
    runtime: Runtime,
    client: Client,
    prepared: RefCell<HashMap<String, Statement>>,
    /// The statements of tables, by the table and what is done with it.
    of_tables: RefCell<HashMap<(usize, u8), Statement>>,
    /// What opens the transaction: it goes out with the first statement in it.
    begin: Cell<Option<&'static str>>,
    /// Since when its plans stand.
    planned: Cell<Instant>,
    health: Health,
    /// How long one answer is waited for.
    patience: Cell<Patience>,
    /// It was waited for in vain: this connection is of no use any more.
    silent: Cell<bool>,
}

/// How long an answer is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// A silence after which something is taken to be wrong with the database, though it is still waited for; none: the
    /// answer takes its time, and that says nothing about the database.
    noticed: Option<Duration>,
    /// When the connection is given up.
    most: Duration,
}

impl Patience {
    /// For what looks rows up.
    const USUAL: Self = Self {
        noticed: Some(Duration::from_secs(3)),
        most: Duration::from_secs(10),
    };
    /// For what goes on without this server, where there are several: leases must be renewed within seconds.
    const SHORT: Self = Self {
        noticed: Some(Duration::from_secs(2)),
        most: Duration::from_millis(2_500),
    };
    /// For what walks through whole tables. The server ends it before (`COUNTED`).
    const COUNT: Self = Self {
        noticed: None,
        most: Duration::from_secs(70),
    };
    /// While the schema is brought up to date, which may rewrite a table.
    const MIGRATION: Self = Self {
        noticed: None,
        most: Duration::from_secs(24 * 3600),
    };
}

/// How long a plan stands: it was made for tables as long as they were then, and an empty one may have grown.
const PLANNED: Duration = Duration::from_secs(5);

type Params<'a> = Vec<&'a (dyn ToSql + Sync)>;

impl Postgres {
    /// The prepared form of a statement.
    async fn prepare(&self, sql: &str) -> Result<Statement, StoreError> {
        if let Some(known) = self.prepared.borrow().get(sql) {
            return Ok(known.clone());
        }
        let statement = self
            .client
            .prepare(sql)
            .await
            .map_err(said("prepare a statement"))?;
        let mut prepared = self.prepared.borrow_mut();
        prepared.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// The same for a statement that is made from a table.
    async fn prepare_of(
        &self,
        table: &'static Table,
        form: u8,
        text: impl FnOnce() -> String,
    ) -> Result<Statement, StoreError> {
        let key = (std::ptr::from_ref(table).addr(), form);
        if let Some(known) = self.of_tables.borrow().get(&key) {
            return Ok(known.clone());
        }
        let statement = self.prepare(&text()).await?;
        self.of_tables.borrow_mut().insert(key, statement.clone());
        Ok(statement)
    }

    /// Opens a transaction, without waiting for the answer.
    pub(crate) fn begin(&self, sql: &'static str) {
        self.begin.set(Some(sql));
    }

    /// Waits for `answer`, and for the transaction's beginning if it goes out with it. The server works off in order what
    /// is asked in order.
    async fn begun<T>(
        &self,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let Some(begin) = self.begin.take() else {
            return answer.await;
        };
        let old = self.planned.get().elapsed() > PLANNED;
        if old {
            self.planned.set(Instant::now());
        }
        let discarded = async {
            match old {
                true => self.client.batch_execute("DISCARD PLANS").await,
                false => Ok(()),
            }
        };
        let begun = try_join(discarded, self.client.batch_execute(begin));
        let begun = async { begun.await.map_err(said("begin")) };
        try_join(begun, answer).await.map(|(_, answer)| answer)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed() || self.silent.get()
    }

    /// Waits for an answer, but not for ever: a server that hangs is away.
    fn wait<T>(
        &self,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let why = || "it is connected and does not answer".to_owned();
        if self.silent.get() {
            return Err(StoreError::Away { why: why() });
        }
        let Patience { noticed, most } = self.patience.get();
        self.runtime.block_on(async {
            let mut answer = pin!(answer);
            if let Ok(done) = timeout(noticed.unwrap_or(most), &mut answer).await {
                return done;
            }
            if let Some(noticed) = noticed {
                self.health.silent(&why());
                let more = most.saturating_sub(noticed);
                if let Ok(done) = timeout(more, answer).await {
                    self.health.well();
                    return done;
                }
            }
            self.silent.set(true);
            Err(StoreError::Away { why: why() })
        })
    }

    /// Statements without parameters; a transaction in which nothing was asked is not begun any more.
    pub(crate) fn batch(&self, what: &'static str, sql: &str) -> Result<(), StoreError> {
        self.begin.set(None);
        self.wait(async { self.client.batch_execute(sql).await.map_err(said(what)) })
    }
}

/// `?1` as PostgreSQL writes it.
fn dollars(sql: &str) -> String {
    sql.replace('?', "$")
}

fn list(columns: &[(&'static str, Kind)], prefix: &str) -> String {
    let names: Vec<_> = columns
        .iter()
        .map(|(name, _)| format!("{prefix}{name}"))
        .collect();
    names.join(", ")
}

/// `unnest($1::int8[], …) AS w(a, b)`.
fn unnest(columns: &[(&'static str, Kind)]) -> String {
    let arrays: Vec<_> = (1..)
        .zip(columns)
        .map(|(n, (_, kind))| {
            let kind = match kind {
                Kind::Int => "int8",
                Kind::Text => "text",
                Kind::Blob => "bytea",
            };
            format!("${n}::{kind}[]")
        })
        .collect();
    format!("unnest({}) AS w({})", arrays.join(", "), list(columns, ""))
}

/// `t.a = w.a AND t.b = w.b`.
fn same(columns: &[(&'static str, Kind)]) -> String {
    let parts: Vec<_> = columns
        .iter()
        .map(|(name, _)| format!("t.{name} = w.{name}"))
        .collect();
    parts.join(" AND ")
}

fn load_text(table: &Table, lead: usize, lock: Lock) -> String {
    let lead = table.key.get(..lead).unwrap_or(table.key);
    let all: Vec<_> = table.columns().collect();
    let only = if table.only.is_empty() {
        String::new()
    } else {
        format!(" WHERE {}", table.only)
    };
    let lock = match lock {
        Lock::None => "",
        Lock::Share => " FOR SHARE OF t",
        Lock::Update => " FOR UPDATE OF t",
    };
    let (columns, wanted, order) = (list(&all, "t."), unnest(lead), list(table.key, "t."));
    if !table.newest.is_empty() {
        return format!(
            "SELECT {columns} FROM {wanted} CROSS JOIN LATERAL
             (SELECT * FROM {} t WHERE {} ORDER BY t.{} DESC LIMIT 1) t ORDER BY {order}",
            table.name,
            same(lead),
            table.newest,
        );
    }
    format!(
        "SELECT {columns} FROM {} t JOIN {wanted} ON {}{only} ORDER BY {order}{lock}",
        table.name,
        same(lead),
    )
}

fn put_text(table: &Table, way: Way) -> String {
    let all: Vec<_> = table.columns().collect();
    let from = unnest(&all);
    if way == Way::Update {
        let set: Vec<_> = table
            .rest
            .iter()
            .map(|(name, _)| format!("{name} = w.{name}"))
            .collect();
        return format!(
            "UPDATE {} t SET {} FROM {from} WHERE {}",
            table.name,
            set.join(", "),
            same(table.key)
        );
    }
    let set: Vec<_> = table
        .rest
        .iter()
        .map(|(name, _)| format!("{name} = excluded.{name}"))
        .collect();
    let otherwise = match (way, &set[..]) {
        (Way::Insert, _) => String::new(),
        (_, []) => format!(" ON CONFLICT ({}) DO NOTHING", list(table.key, "")),
        _ => format!(
            " ON CONFLICT ({}) DO UPDATE SET {}",
            list(table.key, ""),
            set.join(", ")
        ),
    };
    format!(
        "INSERT INTO {} ({}) SELECT {} FROM {from}{otherwise}",
        table.name,
        list(&all, ""),
        list(&all, "w."),
    )
}

fn remove_text(table: &Table, lead: usize) -> String {
    let lead = table.key.get(..lead).unwrap_or(table.key);
    format!(
        "DELETE FROM {} t USING {} WHERE {}",
        table.name,
        unnest(lead),
        same(lead)
    )
}

impl Database for Postgres {
    /// All asked at once; the server works them off in order.
    fn ask(&self, questions: &[Asked]) -> Result<Vec<Vec<Row>>, StoreError> {
        self.wait(async {
            let mut ready = Vec::with_capacity(questions.len());
            for (_, sql, values) in questions {
                let statement = self.prepare(&dollars(sql)).await?;
                let params: Params<'_> = values.iter().map(|value| value as _).collect();
                ready.push((statement, params));
            }
            let answers = ready.iter().map(|(statement, params)| async {
                let rows = self.client.query(statement, params).await;
                rows.map_err(said("be read"))?
                    .iter()
                    .map(arrays::row)
                    .collect()
            });
            self.begun(try_join_all(answers)).await
        })
    }

    fn load(&self, loads: &[Load]) -> Result<Vec<Vec<Row>>, StoreError> {
        self.wait(async {
            let mut ready = Vec::with_capacity(loads.len());
            for load in loads.iter().filter(|load| !load.keys.is_empty()) {
                let form = u8::try_from(load.lead).unwrap_or(u8::MAX) << 2 | load.lock as u8;
                let text = || load_text(load.table, load.lead, load.lock);
                let statement = self.prepare_of(load.table, form, text).await?;
                let lead = load.table.key.get(..load.lead).unwrap_or(load.table.key);
                ready.push((statement, Arrays::of(lead.iter().copied(), &load.keys)));
            }
            // Asked in order and all at once: the server works them off in order.
            let answers = ready.iter().map(|(statement, arrays)| async {
                let rows = self.client.query(statement, &arrays.params()).await;
                rows.map_err(said("be read"))?
                    .iter()
                    .map(arrays::row)
                    .collect()
            });
            let mut answers = self.begun(try_join_all(answers)).await?.into_iter();
            let answer = |load: &Load| {
                let asked = !load.keys.is_empty();
                asked.then(|| answers.next()).flatten().unwrap_or_default()
            };
            Ok(loads.iter().map(answer).collect())
        })
    }
}

impl Postgres {
    /// The statements of sets of writes, with their parameters.
    async fn ready<'a>(
        &self,
        writes: &'a [Write],
    ) -> Result<Vec<(Statement, Arrays<'a>)>, StoreError> {
        let mut ready = Vec::with_capacity(writes.len());
        for write in writes {
            ready.push(match write {
                Write::Put(table, way, rows) => {
                    let text = || put_text(table, *way);
                    let statement = self.prepare_of(table, 128 | *way as u8, text).await?;
                    (statement, Arrays::of(table.columns(), rows))
                }
                Write::Remove(table, lead, keys) => {
                    let columns = table.key.iter().copied().take(*lead);
                    let form = 192 | u8::try_from(*lead).unwrap_or(63);
                    let text = || remove_text(table, *lead);
                    let statement = self.prepare_of(table, form, text).await?;
                    (statement, Arrays::of(columns, keys))
                }
            });
        }
        Ok(ready)
    }

    async fn execute(&self, ready: &[(Statement, Arrays<'_>)]) -> Result<(), StoreError> {
        let done = ready.iter().map(|(statement, arrays)| async {
            let done = self.client.execute(statement, &arrays.params()).await;
            done.map_err(said("be written"))
        });
        try_join_all(done).await.map(drop)
    }

    /// The last writes of a transaction, the statement that notes it, and its commit, all sent at once. If one fails, the
    /// server rolls everything back.
    pub(crate) fn write_and_commit(
        &self,
        writes: &[Write],
        note: &str,
        values: &[Value],
    ) -> Result<(), StoreError> {
        self.wait(async {
            let ready = self.ready(writes).await?;
            let note = self.prepare(&dollars(note)).await?;
            let params: Params<'_> = values.iter().map(|value| value as _).collect();
            let noted = async {
                let noted = self.client.execute(&note, &params).await;
                noted.map_err(said("be written"))
            };
            let committed = async {
                let committed = self.client.batch_execute("COMMIT").await;
                committed.map_err(said("commit a change"))
            };
            let rest = try_join(noted, committed);
            self.begun(try_join(self.execute(&ready), rest))
                .await
                .map(drop)
        })
    }
}

impl Transaction for Postgres {
    fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        if writes.is_empty() {
            return Ok(());
        }
        self.wait(async {
            let ready = self.ready(writes).await?;
            self.begun(self.execute(&ready)).await
        })
    }

    fn run(&self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        self.wait(async {
            let statement = self.prepare(&dollars(sql)).await?;
            let params: Params<'_> = values.iter().map(|value| value as _).collect();
            let done = async {
                let done = self.client.execute(&statement, &params).await;
                done.map_err(said("be written"))
            };
            self.begun(done).await
        })
    }
}

/// Whether a column or parameter of this type is one that Kith uses.
fn is_ours(ty: &Type) -> bool {
    [
        Type::INT8,
        Type::INT4,
        Type::TEXT,
        Type::VARCHAR,
        Type::BYTEA,
    ]
    .contains(ty)
}
