//! Connections to PostgreSQL: made, made again, and what a broken one leaves open.

use super::{Patience, Postgres, hosts, tls};
use crate::group::{self, Transaction};
use crate::health::{Health, What};
use crate::table::{Asked, At, Database, Load, Write};
use crate::value::{Columns, Row, Value};
use crate::writer::Writes;
use crate::{Job, StoreError, schema};
use delivery::{SLICES, Slices};
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};
use tokio::time::timeout;
use tokio_postgres::config::Host;

/// How long a group waits for a database that is away before who asked is told.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one try to connect may take, over all hosts.
const CONNECT: Duration = Duration::from_secs(10);
/// How often a server is tried that is away, where there are several.
const TRIED: Duration = Duration::from_secs(1);
/// How long such a try may take.
const ALIVE: Duration = Duration::from_secs(2);
/// Between two tries to connect.
const PAUSE: Duration = Duration::from_millis(250);
/// How often a group may be beaten by others before who asked is told.
const BEATEN: u32 = 20;
/// Keeps two nodes from bringing the schema up to date at once.
const MIGRATION_LOCK: &str = "SELECT pg_advisory_xact_lock(5270217)";

/// Where the rows lie: what belongs to no slice at home, each slice at home or on another server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Servers {
    /// The home database, as a URL of libpq (`postgres://user@host/kith`); several hosts are tried in order, and the one
    /// that may be written is taken (`target_session_attrs=read-write`).
    pub home: String,
    /// Other databases, each with its slices; all others are at home.
    pub others: Vec<(String, Slices)>,
}

impl Servers {
    /// One database for everything.
    pub fn one(url: impl Into<String>) -> Self {
        Self {
            home: url.into(),
            others: Vec::new(),
        }
    }

    /// What of their URLs and slices cannot be meant, before anything is opened.
    ///
    /// # Errors
    /// A sentence; it does not repeat the URL, which may have a password in it.
    pub fn check(&self) -> Result<(), String> {
        let others = self.others.iter().map(|(url, _)| url);
        for url in std::iter::once(&self.home).chain(others) {
            tls::read(url).map_err(|error| error.to_string())?;
        }
        self.spread().map_err(|error| error.to_string())?;
        Ok(())
    }

    /// Where they are, as `host:port`; none of those on this machine's own sockets, nor of a URL that cannot be read.
    pub fn hosts(&self) -> Vec<String> {
        let others = self.others.iter().map(|(url, _)| url);
        let mut hosts = Vec::new();
        for url in std::iter::once(&self.home).chain(others) {
            let Ok((config, _)) = tls::read(url) else {
                continue;
            };
            let port = config.get_ports().first().unwrap_or(&5432);
            for host in config.get_hosts() {
                if let Host::Tcp(name) = host {
                    hosts.push(format!("{name}:{port}"));
                }
            }
        }
        hosts
    }

    /// Each server's URL, and which server has which slice.
    ///
    /// # Errors
    /// When two servers are given one slice.
    fn spread(&self) -> Result<(Vec<String>, Place), StoreError> {
        let mut urls = vec![self.home.clone()];
        let mut place = [0; SLICES];
        for (url, slices) in &self.others {
            for slice in slices.iter() {
                let at = &mut place[usize::from(slice)];
                if *at != 0 {
                    return Err(StoreError::Database {
                        what: "be opened",
                        why: format!("slice {slice} is given to two databases: give it to one"),
                    });
                }
                *at = urls.len();
            }
            urls.push(url.clone());
        }
        Ok((urls, Place(Arc::new(place))))
    }
}

/// Which server has which slice.
#[derive(Debug, Clone)]
pub(crate) struct Place(Arc<[usize; SLICES]>);

impl Place {
    pub(crate) fn of(&self, slice: u8) -> usize {
        self.0.get(usize::from(slice)).copied().unwrap_or(0)
    }

    /// The slices of a server.
    fn at(&self, server: usize) -> Slices {
        (0..=u8::MAX)
            .filter(|slice| self.of(*slice) == server)
            .collect()
    }
}

/// What this process knows of a server.
pub(crate) struct Known {
    pub(crate) url: String,
    /// What lies there, as the configuration has it.
    slices: Slices,
    /// The highest timeline seen: a server with a lower one is an old copy that came back.
    timeline: AtomicI64,
    pub(crate) health: Health,
}

impl Known {
    /// Every server of a configuration, and which slice lies where.
    ///
    /// # Errors
    /// When two servers are given one slice.
    pub(crate) fn all(servers: &Servers) -> Result<(Vec<Arc<Self>>, Place), StoreError> {
        let (urls, place) = servers.spread()?;
        let several = urls.len() > 1;
        let known = urls.into_iter().enumerate().map(|(server, url)| {
            let slices = place.at(server);
            Arc::new(Self {
                url,
                slices,
                timeline: AtomicI64::new(0),
                health: match several {
                    true => Health::of_slices(slices.to_string()),
                    false => Health::default(),
                },
            })
        });
        Ok((known.collect(), place))
    }

    /// A connection to the server, if it may be written and is not an old copy.
    pub(super) fn connect(&self) -> Result<Postgres, StoreError> {
        self.connect_within(CONNECT)
    }

    /// The same, given up after `limit`.
    pub(super) fn connect_within(&self, limit: Duration) -> Result<Postgres, StoreError> {
        let fault = |why: String| StoreError::Database {
            what: "be opened",
            why,
        };
        let (config, wish) = tls::read(&self.url)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| fault(e.to_string()))?;
        let seen = self.timeline.load(Ordering::SeqCst);
        let newest = hosts::newest(&config, &wish, seen);
        // Beyond what each host is given, and the others after it.
        let (client, timeline) = runtime
            .block_on(async { timeout(limit, newest).await })
            .map_err(|_| StoreError::Away {
                why: "it does not answer".into(),
            })??;
        let seen = self.timeline.fetch_max(timeline, Ordering::SeqCst);
        if seen > 0 && seen < timeline {
            self.health.happened(What::FailedOver);
        }
        Ok(Postgres {
            runtime,
            client,
            prepared: RefCell::default(),
            of_tables: RefCell::default(),
            begin: Cell::new(None),
            planned: Cell::new(Instant::now()),
            health: self.health.clone(),
            patience: Cell::new(Patience::USUAL),
            silent: Cell::new(false),
        })
    }

    /// A fail-over to an older copy may have forgotten counters that were used: a new incarnation (rule 2). On every
    /// new connection, a reader's too, so that nobody plans from the copy before its counters jump.
    pub(super) fn notice_failover(&self, db: &Postgres) -> Result<(), StoreError> {
        let timeline = self.timeline.load(Ordering::SeqCst);
        let state = || {
            db.rows(
                At::Home,
                "SELECT timeline, incarnation FROM store_state",
                &[],
            )
        };
        let mut rows = state()?;
        let mut there = rows.first().map_or(Ok(0), |row| row.int(0))?;
        if there < timeline {
            if there > 0 {
                self.health.happened(What::FailedOver);
                // The lost copy may have known owners at higher epochs, who believe in them still: none is given again.
                db.run("UPDATE lease SET epoch = epoch + 1048576, expires = 0", &[])?;
            }
            let jumped = db.run(
                "UPDATE store_state SET incarnation = incarnation + CASE WHEN timeline = 0 THEN 0 ELSE 1 END,
                 timeline = ?1 WHERE timeline < ?1",
                &[timeline.into()],
            )?;
            rows = state()?;
            if jumped > 0 && there > 0 {
                let incarnation = rows.first().map_or(Ok(0), |row| row.int(1))?;
                tracing::warn!(
                    target: "alert",
                    what = What::FailedOver.name(),
                    timeline,
                    incarnation,
                    "the database failed over: every counter jumps and every terminal is made sure of"
                );
            }
            there = rows.first().map_or(Ok(0), |row| row.int(0))?;
        }
        if there > timeline {
            let why =
                format!("this server is an older copy (timeline {timeline}, and {there} was seen)");
            return Err(StoreError::Away { why });
        }
        Ok(())
    }

    /// Each database remembers which slices lie there. With another spread, what lies at the other server could not be
    /// seen, and two nodes would own one slice in two databases.
    pub(super) fn demand_slices(&self, db: &Postgres) -> Result<(), StoreError> {
        let here = self.slices.to_string();
        let there = || {
            let rows = db.rows(At::Home, "SELECT slices FROM store_state", &[])?;
            rows.first()
                .map_or(Ok(String::new()), |row| row.text(0).map(ToOwned::to_owned))
        };
        let mut noted = there()?;
        if noted.is_empty() {
            let note = "UPDATE store_state SET slices = ?1 WHERE slices = ''";
            db.run(note, &[(&here).into()])?;
            noted = there()?;
        }
        if noted == here {
            return Ok(());
        }
        Err(StoreError::Database {
            what: "be opened",
            why: format!(
                "the slices {noted} of subscribers lie there, and the configuration says {here}: give every server the slices that it has, in [[store.server]] of every node (docs/POSTGRES.md, “Several servers”)"
            ),
        })
    }

    /// Tries again until `deadline`.
    fn connect_until(&self, deadline: Instant) -> Result<Postgres, StoreError> {
        loop {
            match self.connect() {
                Err(StoreError::Away { why }) if Instant::now() + PAUSE < deadline => {
                    self.health.away(&why);
                    std::thread::sleep(PAUSE);
                }
                other => return other,
            }
        }
    }
}

/// Tries servers that are away, or may be, until they are back, and until `over` has no sender left: where there are
/// several, who asks for what lies on the others does not try them.
pub(crate) fn watch(known: &[Arc<Known>], over: &Receiver<()>) {
    let ill = |one: &&Arc<Known>| one.health.away_for().is_some() || one.health.is_doubted();
    while over.recv_timeout(TRIED) == Err(RecvTimeoutError::Timeout) {
        for known in known.iter().filter(ill) {
            match known.connect_within(ALIVE) {
                Ok(_) => known.health.well(),
                Err(error) => known.health.hurt(&error),
            }
        }
    }
}

/// The connection that writes.
pub(crate) struct Writer {
    db: Option<Postgres>,
    known: Arc<Known>,
    /// This writer's row in `writer`, and the last number it put there.
    node: u64,
    last: u64,
    /// What a commit would answer whose outcome is not known.
    open: Option<group::Results>,
}

impl Writer {
    /// Connects and brings the schema up to date.
    pub(crate) fn open(known: Arc<Known>) -> Result<Self, StoreError> {
        let db = known.connect_until(Instant::now() + PATIENCE)?;
        db.patience.set(Patience::MIGRATION);
        migrate(&db)?;
        db.patience.set(Patience::USUAL);
        Self::over(db, known)
    }

    /// Connects beside one that did so.
    pub(crate) fn beside(known: Arc<Known>) -> Result<Self, StoreError> {
        let db = known.connect_until(Instant::now() + PATIENCE)?;
        Self::over(db, known)
    }

    fn over(db: Postgres, known: Arc<Known>) -> Result<Self, StoreError> {
        let mut node = [0; 8];
        getrandom::fill(&mut node).map_err(|e| StoreError::Database {
            what: "draw a writer's number",
            why: e.to_string(),
        })?;
        let mut writer = Self {
            db: Some(db),
            known,
            node: u64::from_be_bytes(node) >> 1,
            last: 0,
            open: None,
        };
        writer.greet()?;
        Ok(writer)
    }

    /// On every new connection: this writer's row, and the timeline.
    fn greet(&mut self) -> Result<(), StoreError> {
        let db = self.db.as_ref().ok_or_else(gone)?;
        db.run(
            "INSERT INTO writer (node, last) VALUES (?1, 0) ON CONFLICT (node) DO NOTHING",
            &[self.node.into()],
        )?;
        self.known.demand_slices(db)?;
        self.known.notice_failover(db)?;
        self.known.health.well();
        Ok(())
    }

    /// A connection, old or new; with a commit's outcome found out if one is open.
    fn ready(&mut self, deadline: Instant) -> Result<(), StoreError> {
        if self.db.as_ref().is_some_and(|db| !db.is_closed()) {
            return Ok(());
        }
        self.db = None;
        loop {
            self.db = Some(self.known.connect_until(deadline)?);
            match self.greet() {
                Err(StoreError::Away { why }) if Instant::now() + PAUSE < deadline => {
                    self.known.health.away(&why);
                    std::thread::sleep(PAUSE);
                }
                other => return other,
            }
        }
    }

    /// Whether the last group is in the database. Its row is locked: a commit still under way is waited for.
    fn was_committed(&self) -> Result<bool, StoreError> {
        let db = self.db.as_ref().ok_or_else(gone)?;
        let sql = "SELECT last FROM writer WHERE node = ?1 FOR UPDATE";
        let rows = db.rows(At::Home, sql, &[self.node.into()])?;
        let last = rows.first().map_or(Ok(0), |row| row.unsigned(0))?;
        Ok(last == self.last)
    }

    fn attempt(&mut self, group: &[Job]) -> Result<group::Results, StoreError> {
        let db = self.db.as_ref().ok_or_else(gone)?;
        self.last += 1;
        db.begin("BEGIN");
        let (results, last) = group::carry_out(db, group)?;
        let mark = "UPDATE writer SET last = ?2 WHERE node = ?1";
        self.open = Some(results);
        db.write_and_commit(&last, mark, &[self.node.into(), self.last.into()])?;
        self.open.take().ok_or_else(gone)
    }
}

impl Writes for Writer {
    fn commit(&mut self, group: &[Job]) -> Result<group::Results, StoreError> {
        let deadline = Instant::now() + PATIENCE;
        let mut beaten = 0;
        self.open = None;
        loop {
            let done = self.ready(deadline).and_then(|()| {
                if self.open.is_some() && self.was_committed()? {
                    return self.open.take().ok_or_else(gone);
                }
                self.open = None;
                self.attempt(group)
            });
            match done {
                Ok(results) => return Ok(results),
                Err(StoreError::Busy { .. }) if beaten < BEATEN => {
                    beaten += 1;
                    self.open = None;
                    self.roll_back();
                }
                Err(StoreError::Away { why }) => {
                    self.known.health.silent(&why);
                    self.db = None;
                    if Instant::now() + PAUSE >= deadline {
                        return Err(match self.open.take() {
                            Some(_) => StoreError::Unknown { why },
                            None => StoreError::Away { why },
                        });
                    }
                }
                Err(error) => {
                    self.open = None;
                    self.roll_back();
                    self.known.health.hurt(&error);
                    return Err(error);
                }
            }
        }
    }

    fn statement(&mut self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        self.ready(Instant::now() + PATIENCE)?;
        self.db.as_ref().ok_or_else(gone)?.run(sql, values)
    }
}

impl Writer {
    /// Writes rows in a transaction of their own.
    pub(crate) fn transaction(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        self.ready(Instant::now() + PATIENCE)?;
        let db = self.db.as_ref().ok_or_else(gone)?;
        db.batch("begin a change", "BEGIN")?;
        db.write(writes)?;
        db.batch("commit a change", "COMMIT")
    }

    fn roll_back(&mut self) {
        let rolled = self
            .db
            .as_ref()
            .map(|db| db.batch("undo a change", "ROLLBACK"));
        if !matches!(rolled, Some(Ok(()))) {
            self.db = None;
        }
    }
}

pub(super) fn gone() -> StoreError {
    StoreError::Away {
        why: "the connection is gone".into(),
    }
}

fn migrate(db: &Postgres) -> Result<(), StoreError> {
    let what = "bring its schema up to date";
    db.batch(what, "BEGIN")?;
    db.rows(At::Home, &format!("{MIGRATION_LOCK}::text"), &[])?;
    let sql =
        "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'store_state'";
    let is_new = db.rows(At::Home, sql, &[])?.is_empty();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX));
    schema::migrate(
        db,
        is_new,
        schema::postgres,
        &|text| db.batch(what, text),
        now,
    )?;
    db.batch(what, "COMMIT")
}

/// A writer reads only what its groups demand, on its own server.
impl Database for Writer {
    fn ask(&self, questions: &[Asked]) -> Result<Vec<Vec<Row>>, StoreError> {
        self.db.as_ref().ok_or_else(gone)?.ask(questions)
    }
    fn load(&self, loads: &[Load]) -> Result<Vec<Vec<Row>>, StoreError> {
        self.db.as_ref().ok_or_else(gone)?.load(loads)
    }
}
