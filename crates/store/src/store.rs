//! The handle that the rest of Kith holds.

use crate::sqlite::{Place, Sqlite, checkpoint};
use crate::writer::{self, Ask, Question};
use crate::*;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use tokio::sync::oneshot;

/// Connections that read while the writer writes.
const READERS: usize = 2;
/// Documents deleted in one go: short enough that nobody notices.
const EXPIRED: u32 = 500;

/// A store; clones are the same store.
#[derive(Clone)]
pub struct Store(Arc<Shared>);

struct Shared {
    writer: Sender<Ask>,
    /// None: in memory, the writer reads.
    readers: Mutex<Option<Sender<Question>>>,
    in_memory: bool,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

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
        let place = Place::lock(path)?;
        let db = place.writer()?;
        let readers = (0..READERS)
            .map(|_| place.reader())
            .collect::<Result<Vec<_>, _>>()?;
        let (questions, asked) = mpsc::channel::<Question>();
        let asked = Arc::new(Mutex::new(asked));
        let mut threads = Vec::new();
        for reader in readers {
            let asked = Arc::clone(&asked);
            threads.push(spawn("store-reader", move || read(&reader, &asked))?);
        }
        let (wake, wakes): (SyncSender<()>, _) = mpsc::sync_channel(1);
        let path = place.path.clone();
        threads.push(spawn("store-checkpoint", move || {
            checkpoint(&path, &wakes)
        })?);
        let (writer, asks) = mpsc::channel();
        threads.push(spawn("store-writer", move || {
            // One wake-up waits at most: what was committed since goes with it.
            writer::run(db, &asks, || {
                let _ = wake.try_send(());
            });
            drop(place);
        })?);
        Ok(Self::new(writer, Some(questions), threads))
    }

    /// A store in memory, for tests.
    ///
    /// # Errors
    /// When SQLite cannot start.
    pub fn memory() -> Result<Self, StoreError> {
        let db = Sqlite::memory()?;
        let (writer, asks) = mpsc::channel();
        let thread = spawn("store-writer", move || writer::run(db, &asks, || ()))?;
        Ok(Self::new(writer, None, vec![thread]))
    }

    fn new(
        writer: Sender<Ask>,
        readers: Option<Sender<Question>>,
        threads: Vec<JoinHandle<()>>,
    ) -> Self {
        Self(Arc::new(Shared {
            writer,
            in_memory: readers.is_none(),
            readers: Mutex::new(readers),
            threads: Mutex::new(threads),
        }))
    }

    /// Carries out a job; when this returns `Ok`, it is on the disk.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when the job's own precondition failed, others when the store did. Nothing was done then.
    pub async fn run(&self, job: Job) -> Result<(), StoreError> {
        let results = self.run_all(vec![job]).await;
        results
            .into_iter()
            .next()
            .unwrap_or(Err(StoreError::Closed))
    }

    /// Carries out jobs in order, each by itself, in one commit if they all can be; one result a job.
    pub async fn run_all(&self, jobs: Vec<Job>) -> Vec<Result<(), StoreError>> {
        let len = jobs.len();
        self.ask(|answer| Ask::Jobs(jobs, answer))
            .await
            .unwrap_or_else(|_| (0..len).map(|_| Err(StoreError::Closed)).collect())
    }

    /// Asks several things of one and the same state.
    ///
    /// # Errors
    /// The question's own, and [`StoreError::Closed`].
    pub async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Reads) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let question: Question = Box::new(move |reads| drop(answer.send(question(reads))));
        if self.0.in_memory {
            let sent = self.0.writer.send(Ask::Read(question));
            sent.map_err(|_| StoreError::Closed)?;
        } else {
            let readers = self.0.readers.lock();
            let readers = readers.unwrap_or_else(PoisonError::into_inner);
            let sender = readers.as_ref().ok_or(StoreError::Closed)?;
            sender.send(question).map_err(|_| StoreError::Closed)?;
        }
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Deletes every document that expired at `now` (ms UTC) or before, a few at a time; how many it was.
    ///
    /// # Errors
    /// When the store failed; what was deleted before stays deleted.
    pub async fn expire(&self, now: i64) -> Result<usize, StoreError> {
        let mut gone = 0;
        loop {
            let step = self
                .ask(|answer| Ask::Expire(now, EXPIRED, answer))
                .await??;
            gone += step;
            if step < EXPIRED as usize {
                return Ok(gone);
            }
        }
    }

    /// Begins a new incarnation: this store is a restored copy, and every counter must jump at its first use (rule 2).
    ///
    /// # Errors
    /// When the store failed.
    pub async fn renew(&self) -> Result<(), StoreError> {
        self.ask(Ask::Renew).await?
    }

    /// Finishes what is queued and lets go of the file. Whoever asks later is told that the store is closed.
    pub async fn close(&self) {
        drop(lock(&self.0.readers).take());
        let _ = self.0.writer.send(Ask::Close);
        let threads = std::mem::take(&mut *lock(&self.0.threads));
        let join = move || threads.into_iter().for_each(|t| drop(t.join()));
        let _ = tokio::task::spawn_blocking(join).await;
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let sent = self.0.writer.send(ask(answer));
        sent.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    let started = thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map_err(|e| StoreError::Database {
        what: "start a thread",
        why: e.to_string(),
    })
}

/// Answers until nobody can ask any more, each question from one snapshot.
fn read(db: &Sqlite, asked: &Mutex<Receiver<Question>>) {
    loop {
        let Ok(question) = lock(asked).recv() else {
            return;
        };
        let snapshot = db.0.unchecked_transaction();
        if let Err(e) = &snapshot {
            tracing::error!("a read sees more than one state: {e}");
        }
        question(db);
    }
}
