//! The handle that the rest of Kith holds.

use crate::fate::{Fate, Judge};
use crate::health::Health;
use crate::postgres::{self, Place, Reader, Servers};
use crate::readers::{Asker, Questions};
use crate::sqlite::{self, Sqlite, checkpoint};
use crate::writer::{self, Ask, Question};
use crate::*;
use crate::{group, terminals};
use futures_util::future::{join, join_all};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::oneshot;

/// Connections that read while the writer writes.
const READERS: usize = 2;
/// The same over a network, where a question waits for its answer.
const CONNECTIONS: usize = 4;
/// Beside them, connections that only read for delivery and the leases.
const KEPT: usize = 1;
/// A server of several that has been away for longer is not waited for at every job: somebody tries it (`postgres::watch`).
const GONE: Duration = Duration::from_secs(10);
/// Documents deleted in one go: short enough that nobody notices.
const EXPIRED: u32 = 500;

/// A store; clones are the same store.
#[derive(Clone)]
pub struct Store(Arc<Shared>, Option<Judge>, Asker);

struct Shared {
    /// A pair a database; the home database's first.
    writers: Vec<Writers>,
    /// Which of them has a slice.
    place: Option<Place>,
    /// None: in memory, the writer reads.
    readers: Option<Arc<Questions>>,
    /// Edits that begin, until a reader takes them all.
    beginning: Mutex<Vec<Beginning>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    health: Vec<Health>,
    file: Option<PathBuf>,
    /// While this is there, servers that are away are tried.
    watched: Mutex<Option<Sender<()>>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(readers) = &self.readers {
            readers.close();
        }
    }
}

/// Who writes a database: one for both, or one for each, so that no edit waits for delivery's commits (rule 6).
struct Writers {
    people: Sender<Ask>,
    delivery: Sender<Ask>,
}

impl Writers {
    fn both(writer: Sender<Ask>) -> Self {
        Self {
            people: writer.clone(),
            delivery: writer,
        }
    }

    fn of(&self, jobs: &[Job]) -> &Sender<Ask> {
        match writer::is_delivery(jobs) {
            true => &self.delivery,
            false => &self.people,
        }
    }
}

/// Who waits for what an edit begins from.
type Begins = oneshot::Sender<Result<Option<Basis>, StoreError>>;
/// An edit that begins.
type Beginning = (BasisOf, Begins);

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Opens the store in `path`, made if it is not there, and brings its schema up to date.
    ///
    /// # Errors
    /// When another process holds it, it is from a newer Kith, or the file cannot be used.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let place = sqlite::Place::lock(path)?;
        let health = Health::default();
        let db = place.writer(&health)?;
        let readers = (0..READERS + KEPT)
            .map(|_| place.reader())
            .collect::<Result<Vec<_>, _>>()?;
        let questions = Arc::new(Questions::default());
        let mut threads = Vec::new();
        for (n, reader) in readers.into_iter().enumerate() {
            let asked = Arc::clone(&questions);
            threads.push(spawn("store-reader", move || {
                read(&reader, &asked, n < KEPT);
            })?);
        }
        let (wake, wakes): (SyncSender<()>, _) = mpsc::sync_channel(1);
        let (file, path) = (place.path.clone(), place.path.clone());
        threads.push(spawn("store-checkpoint", move || {
            checkpoint(&path, &wakes)
        })?);
        let (writer, asks) = mpsc::channel();
        let writing = {
            let health = health.clone();
            move || {
                // One wake-up waits at most: what was committed since goes with it.
                writer::run(db, &asks, &health, || {
                    let _ = wake.try_send(());
                });
                drop(wake);
                // The last connection that is closed writes the file.
                threads.into_iter().for_each(|t| drop(t.join()));
                place.left();
            }
        };
        Ok(Self::with(
            vec![Writers::both(writer)],
            None,
            Some(questions),
            vec![spawn("store-writer", writing)?],
            (vec![health], Some(file)),
        ))
    }

    /// A store in memory, for tests.
    ///
    /// # Errors
    /// When SQLite cannot start.
    pub fn memory() -> Result<Self, StoreError> {
        Self::of(Sqlite::memory()?)
    }

    /// A store in memory that holds what another did ([`Store::snapshot`]).
    ///
    /// # Errors
    /// When SQLite cannot start, or `octets` are no store.
    pub fn from_snapshot(octets: &[u8]) -> Result<Self, StoreError> {
        Self::of(Sqlite::of_snapshot(octets)?)
    }

    /// Everything that a store in memory holds, as octets.
    ///
    /// # Errors
    /// When the store failed, or is not in memory.
    pub async fn snapshot(&self) -> Result<Vec<u8>, StoreError> {
        let writers = self.0.writers.first().ok_or(StoreError::Closed)?;
        ask(&writers.people, Ask::Snapshot).await?
    }

    fn of(db: Sqlite) -> Result<Self, StoreError> {
        let (writer, asks) = mpsc::channel();
        let work = move || writer::run(db, &asks, &Health::default(), || ());
        let threads = vec![spawn("store-writer", work)?];
        let writers = vec![Writers::both(writer)];
        Ok(Self::with(writers, None, None, threads, (Vec::new(), None)))
    }

    /// Connects to PostgreSQL, and brings its schema up to date. Many nodes may.
    ///
    /// # Errors
    /// When a server does not answer for ten seconds, is from a newer Kith, or says no.
    pub fn connect(servers: &Servers) -> Result<Self, StoreError> {
        let (known, place) = postgres::Known::all(servers)?;
        let (mut writers, mut threads) = (Vec::new(), Vec::new());
        for known in &known {
            let people = writer(known, postgres::Writer::open)?;
            let delivery = writer(known, postgres::Writer::beside)?;
            writers.push(Writers {
                people: people.0,
                delivery: delivery.0,
            });
            threads.extend([people.1, delivery.1]);
        }
        let questions = Arc::new(Questions::default());
        for n in 0..CONNECTIONS + KEPT {
            let (asked, known, place) = (Arc::clone(&questions), known.clone(), place.clone());
            threads.push(spawn("store-reader", move || {
                let reader = Reader::new(&known, place);
                while let Some((asker, questions)) = asked.next(n < KEPT, 1) {
                    for question in questions {
                        reader.enter(asker);
                        question()(&reader);
                        reader.leave();
                    }
                }
            })?);
        }
        let health = known.iter().map(|known| known.health.clone()).collect();
        let (watched, over) = mpsc::channel();
        if known.len() > 1 {
            let watch = move || postgres::watch(&known, &over);
            threads.push(spawn("store-watch", watch)?);
        }
        let store = Self::with(
            writers,
            Some(place),
            Some(questions),
            threads,
            (health, None),
        );
        *lock(&store.0.watched) = Some(watched);
        Ok(store)
    }

    fn with(
        writers: Vec<Writers>,
        place: Option<Place>,
        readers: Option<Arc<Questions>>,
        threads: Vec<JoinHandle<()>>,
        (health, file): (Vec<Health>, Option<PathBuf>),
    ) -> Self {
        let shared = Arc::new(Shared {
            writers,
            place,
            health,
            file,
            readers,
            beginning: Mutex::default(),
            threads: Mutex::new(threads),
            watched: Mutex::default(),
        });
        Self(shared, None, Asker::People)
    }

    /// The same store for delivery and the leases: what is asked by this handle waits for no page.
    #[must_use]
    pub fn for_delivery(&self) -> Self {
        Self(Arc::clone(&self.0), self.1.clone(), Asker::Delivery)
    }

    /// The same store for who counts whole tables: it is waited for longer, and that it is slow makes nobody believe that
    /// the database is away.
    #[must_use]
    pub fn for_counts(&self) -> Self {
        Self(Arc::clone(&self.0), self.1.clone(), Asker::Count)
    }

    /// The same store, with `judge` asked before every request that comes by this handle (see [`Fate`]).
    #[must_use]
    pub fn judged(&self, judge: impl Fn() -> Fate + Send + Sync + 'static) -> Self {
        Self(Arc::clone(&self.0), Some(Arc::new(judge)), self.2)
    }

    fn fate(&self) -> Fate {
        self.1.as_ref().map_or(Fate::Heard, |judge| judge())
    }

    /// Carries out a job; when this returns `Ok`, it is on the disk.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when the job's own precondition failed, others when the store did. Nothing was done then,
    /// but for [`StoreError::Unknown`].
    pub async fn run(&self, job: Job) -> Result<(), StoreError> {
        let results = self.run_all(vec![job]).await;
        results
            .into_iter()
            .next()
            .unwrap_or(Err(StoreError::Closed))
    }

    /// Carries out jobs in order, each by itself, in one commit a database if they all can be; one result a job.
    pub async fn run_all(&self, jobs: Vec<Job>) -> Vec<Result<(), StoreError>> {
        let (fate, len) = (self.fate(), jobs.len());
        if fate == Fate::Lost {
            return (0..len).map(|_| Err(Fate::cut())).collect();
        }
        let done = match (fate, &self.1) {
            (_, None) => self.carry_out(jobs).await,
            (Fate::Late, _) => {
                Fate::once_more().await;
                self.carry_out(jobs).await
            }
            _ => join(self.carry_out(jobs), Fate::once_more()).await.0,
        };
        if fate == Fate::Unheard {
            return (0..len).map(|_| Err(Fate::unheard())).collect();
        }
        done
    }

    async fn carry_out(&self, jobs: Vec<Job>) -> Vec<Result<(), StoreError>> {
        let len = jobs.len();
        match &self.0.writers[..] {
            [only] => {
                let answers = ask(only.of(&jobs), |answer| Ask::Jobs(jobs, answer)).await;
                answers.unwrap_or_else(|_| closed(len))
            }
            _ => self.run_spread(jobs).await,
        }
    }

    /// The same over several databases, which work side by side.
    async fn run_spread(&self, jobs: Vec<Job>) -> Vec<Result<(), StoreError>> {
        let len = jobs.len();
        let mut parts: Vec<(Vec<usize>, Vec<Job>)> = Vec::new();
        parts.resize_with(self.0.writers.len(), Default::default);
        let mut results = closed(len);
        for (at, job) in jobs.into_iter().enumerate() {
            if let Err(error) = self.demand_free(&job).await {
                if let Some(result) = results.get_mut(at) {
                    *result = Err(error);
                }
                continue;
            }
            let place = match (group::slice_of(&job), &self.0.place) {
                (Some(slice), Some(place)) => place.of(slice),
                _ => 0,
            };
            if let Some((order, part)) = parts.get_mut(place) {
                order.push(at);
                part.push(job);
            }
        }
        let asked = parts
            .into_iter()
            .zip(&self.0.writers)
            .zip(&self.0.health)
            .map(|(((order, part), writers), health)| async move {
                let len = part.len();
                let answers = match len {
                    0 => Ok(Vec::new()),
                    _ if health.away_for().is_some_and(|time| time > GONE) => Ok(away(len)),
                    _ => ask(writers.of(&part), |answer| Ask::Jobs(part, answer)).await,
                };
                order
                    .into_iter()
                    .zip(answers.unwrap_or_else(|_| closed(len)))
                    .collect::<Vec<_>>()
            });
        for (at, result) in join_all(asked).await.into_iter().flatten() {
            if let Some(place) = results.get_mut(at) {
                *place = result;
            }
        }
        results
    }

    /// Cards and addresses are unique over all databases, and each database knows its own only. Two who take the same
    /// number on two databases at the same moment both get it; the directory then shows both.
    async fn demand_free(&self, job: &Job) -> Result<(), StoreError> {
        let (Job::AddTerminal(terminal) | Job::ChangeTerminal { terminal, .. }) = job else {
            return Ok(());
        };
        let terminal = terminal.clone();
        self.read(move |reads| terminals::demand_free_everywhere(reads, &terminal))
            .await
    }

    /// Asks several things of one and the same state.
    ///
    /// # Errors
    /// The question's own, and [`StoreError::Closed`].
    pub async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Reads) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if !self.fate().is_heard() {
            return Err(Fate::cut());
        }
        let (answer, answered) = oneshot::channel();
        self.ask_readers(Box::new(move || {
            Box::new(move |reads| drop(answer.send(question(reads))))
        }))?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// What an edit begins from; none when there is no such book. Edits that begin at the same moment are asked together.
    ///
    /// # Errors
    /// The store's, and [`StoreError::Closed`].
    pub async fn basis(&self, of: BasisOf) -> Result<Option<Basis>, StoreError> {
        if !self.fate().is_heard() {
            return Err(Fate::cut());
        }
        let (answer, answered) = oneshot::channel();
        let first = {
            let mut waiting = lock(&self.0.beginning);
            waiting.push((of, answer));
            waiting.len() == 1
        };
        // Whoever comes while others wait goes with them.
        if first {
            let all = Gathered(Some(Arc::clone(&self.0)));
            self.ask_readers(Box::new(move || {
                let (of, answers): (Vec<_>, Vec<_>) = all.take().into_iter().unzip();
                Box::new(move |reads| answer_all(reads, &of, answers))
            }))?;
        }
        answered.await.map_err(|_| StoreError::Closed)?
    }

    fn ask_readers(&self, question: Question) -> Result<(), StoreError> {
        if let Some(readers) = &self.0.readers {
            return readers.ask(self.2, question);
        }
        let writers = self.0.writers.first().ok_or(StoreError::Closed)?;
        let asked = writers.people.send(Ask::Read(question));
        asked.map_err(|_| StoreError::Closed)
    }

    /// Which server a slice lies on; 0 is home.
    pub fn server_of(&self, slice: u8) -> usize {
        self.0.place.as_ref().map_or(0, |place| place.of(slice))
    }

    /// On how many servers it lies.
    pub fn servers(&self) -> usize {
        self.0.health.len()
    }

    /// Whether a server answers, as far as it is known. One alone is always asked.
    pub fn answers(&self, server: usize) -> bool {
        let health = self.0.health.get(server);
        self.0.health.len() < 2 || health.is_none_or(|health| health.away_for().is_none())
    }

    /// What is wrong with the database at home, without which nothing goes on; none when it answers.
    pub fn ill_at_home(&self) -> Option<Ill> {
        self.0.health.first().and_then(Health::ill)
    }

    /// What is wrong with the database; of several, with each.
    pub fn ills(&self) -> Vec<Ill> {
        self.0.health.iter().filter_map(Health::ill).collect()
    }

    /// What happened to the database since this process began, and when last, ms UTC.
    pub fn happened(&self) -> BTreeMap<What, i64> {
        let mut all = BTreeMap::new();
        for (what, at) in self.0.health.iter().flat_map(Health::all_happened) {
            let last = all.entry(what).or_insert(at);
            *last = at.max(*last);
        }
        all
    }

    /// The file that holds it; none in memory and on PostgreSQL.
    pub fn file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// Asks the database at home something.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn home_answers(&self) -> Result<(), StoreError> {
        self.document("account", "").await.map(drop)
    }

    /// Tries whether the database can be written, so that [`Store::ills`] is what it is now, though nobody saves anything.
    /// Of several, those that are away are looked at all the time.
    ///
    /// # Errors
    /// When the one at home cannot.
    pub async fn probe(&self) -> Result<(), StoreError> {
        let there = self.0.writers.iter().enumerate();
        let there = there.filter(|(server, _)| *server == 0 || self.answers(*server));
        let tried = there.map(|(_, writers)| ask(&writers.people, Ask::Probe));
        let tried = join_all(tried).await;
        tried.into_iter().next().ok_or(StoreError::Closed)??
    }

    /// Deletes every document that expired at `now` (ms UTC) or before, a few at a time; how many it was.
    ///
    /// # Errors
    /// When the store failed; what was deleted before stays deleted.
    pub async fn expire(&self, now: i64) -> Result<usize, StoreError> {
        let mut gone = 0;
        for writers in &self.0.writers {
            loop {
                let step =
                    ask(&writers.people, |answer| Ask::Expire(now, EXPIRED, answer)).await??;
                gone += step;
                if step < EXPIRED as usize {
                    break;
                }
            }
        }
        Ok(gone)
    }

    /// Begins a new incarnation: this store is a restored copy, and every counter must jump at its first use (rule 2).
    ///
    /// # Errors
    /// When the store failed.
    pub async fn renew(&self) -> Result<(), StoreError> {
        for writers in &self.0.writers {
            ask(&writers.people, Ask::Renew).await??;
        }
        Ok(())
    }

    /// Finishes what is queued and lets go of the database. Whoever asks later is told that the store is closed.
    pub async fn close(&self) {
        if let Some(readers) = &self.0.readers {
            readers.close();
        }
        drop(lock(&self.0.watched).take());
        for writers in &self.0.writers {
            let _ = writers.people.send(Ask::Close);
            let _ = writers.delivery.send(Ask::Close);
        }
        let threads = std::mem::take(&mut *lock(&self.0.threads));
        let join = move || threads.into_iter().for_each(|t| drop(t.join()));
        let _ = tokio::task::spawn_blocking(join).await;
    }
}

async fn ask<T>(
    writer: &Sender<Ask>,
    ask: impl FnOnce(oneshot::Sender<T>) -> Ask,
) -> Result<T, StoreError> {
    let (answer, answered) = oneshot::channel();
    writer.send(ask(answer)).map_err(|_| StoreError::Closed)?;
    answered.await.map_err(|_| StoreError::Closed)
}

/// All edits that wait to begin when a reader comes to them. If none ever does, nobody waits for ever.
struct Gathered(Option<Arc<Shared>>);

impl Gathered {
    fn take(mut self) -> Vec<Beginning> {
        let shared = self.0.take();
        shared.map_or_else(Vec::new, |shared| {
            std::mem::take(&mut *lock(&shared.beginning))
        })
    }
}

impl Drop for Gathered {
    fn drop(&mut self) {
        if let Some(shared) = &self.0 {
            lock(&shared.beginning).clear();
        }
    }
}

/// One answer to each who waits. If the question fails for all together, each is asked alone: a book that cannot be read
/// is nobody else's failure.
fn answer_all(reads: &dyn Reads, of: &[BasisOf], answers: Vec<Begins>) {
    match reads.bases(of) {
        Ok(found) => {
            for (answer, one) in answers.into_iter().zip(found) {
                let _ = answer.send(Ok(one));
            }
        }
        Err(error) => {
            let alone = of.len() > 1 && !matches!(error, StoreError::Away { .. });
            for (answer, one) in answers.into_iter().zip(of) {
                let found = match alone {
                    true => reads.bases(std::slice::from_ref(one)),
                    false => Err(error.clone()),
                };
                let _ = answer.send(found.map(|found| found.into_iter().next().flatten()));
            }
        }
    }
}

fn away(len: usize) -> Vec<Result<(), StoreError>> {
    let away = || StoreError::Away {
        why: "its server has not answered for a while".into(),
    };
    (0..len).map(|_| Err(away())).collect()
}

fn closed(len: usize) -> Vec<Result<(), StoreError>> {
    (0..len).map(|_| Err(StoreError::Closed)).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A thread that writes over a connection of its own, once it is open.
fn writer(
    known: &Arc<postgres::Known>,
    open: fn(Arc<postgres::Known>) -> Result<postgres::Writer, StoreError>,
) -> Result<(Sender<Ask>, JoinHandle<()>), StoreError> {
    let (writer, asks) = mpsc::channel();
    let (opened, opening) = mpsc::channel();
    let known = Arc::clone(known);
    let thread = spawn("store-writer", move || {
        let health = known.health.clone();
        match open(known) {
            Ok(db) => {
                let _ = opened.send(Ok(()));
                writer::run(db, &asks, &health, || ());
            }
            Err(error) => drop(opened.send(Err(error))),
        }
    })?;
    opening.recv().map_err(|_| StoreError::Closed)??;
    Ok((writer, thread))
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    let started = thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map_err(|e| StoreError::Database {
        what: "start a thread",
        why: e.to_string(),
    })
}

/// Questions that share a snapshot at most.
const TOGETHER: usize = 8;

/// Answers until nobody can ask any more, each question from one snapshot. Questions that wait together share it: a
/// snapshot that begins after they were asked holds all that they may expect, and its pages are read once.
fn read(db: &Sqlite, asked: &Questions, kept: bool) {
    while let Some((_, questions)) = asked.next(kept, TOGETHER) {
        let questions: Vec<_> = questions.into_iter().map(|question| question()).collect();
        let snapshot = db.db.unchecked_transaction();
        if let Err(e) = &snapshot {
            tracing::error!("a read sees more than one state: {e}");
        }
        questions.into_iter().for_each(|answer| answer(db));
    }
}
