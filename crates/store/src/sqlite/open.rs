//! Where a store lies, and how its connections are set.

use super::sequence::{Copied, Sequence};
use super::{Sqlite, failed};
use crate::health::{Health, What};
use crate::table::{At, Database};
use crate::value::Columns;
use crate::writer::Writes;
use crate::{StoreError, schema};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

/// A log of more pages than this is waited for until it can be begun anew: PASSIVE alone lets it grow under load (STORE.md).
const LONG: i64 = 50_000;
/// More than so many pages that could not be moved out of the log: a reader that began long ago holds them.
const HELD: i64 = 5_000;
/// How long the log is not begun anew after a reader that holds it (a back-up) was waited for in vain: the writer waits, too.
const REST: Duration = Duration::from_secs(5);
/// When nothing was committed for so long, the log's file is cut. Until then it is written over from its beginning: a file
/// that does not grow is synced faster.
const IDLE: Duration = Duration::from_secs(10);

/// A store's file, and the lock that keeps a second process out as long as this lives.
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    /// Not the database's own file: closing it would drop SQLite's locks.
    lock: File,
}

impl Place {
    /// Locks the place; the system lets go of the lock when this process ends, however it ends.
    pub(crate) fn lock(path: &Path) -> Result<Self, StoreError> {
        let refused = |why| StoreError::Database {
            what: "be opened",
            why,
        };
        let beside = beside(path, "-lock");
        let lock = File::options()
            .create(true)
            .write(true)
            .truncate(false)
            .open(&beside)
            .map_err(|e| refused(format!("{}: {e}", beside.display())))?;
        lock.try_lock().map_err(|e| {
            refused(match e {
                TryLockError::WouldBlock => format!(
                    "another Kith holds {}: stop it or use its socket",
                    path.display()
                ),
                TryLockError::Error(e) => format!("{}: {e}", beside.display()),
            })
        })?;
        Ok(Self {
            path: path.to_owned(),
            lock,
        })
    }

    /// Where it is noted how the file was left.
    pub(crate) fn sequence(&self) -> PathBuf {
        beside(&self.path, "-sequence")
    }

    /// Notes how the file was left: no connection is open any more.
    pub(crate) fn left(&self) {
        Sequence::end(&self.sequence(), &self.path);
    }

    /// The writing connection, at this build's schema. A file that is not as it was left was copied back: it is a new
    /// incarnation.
    pub(crate) fn writer(&self, health: &Health) -> Result<Sqlite, StoreError> {
        let what = failed("open its file");
        // Opening it may write it.
        let before = self.path.metadata();
        let db = Connection::open(&self.path).map_err(&what)?;
        // A page is set before anything is written and stays; the log is emptied by the checkpoint thread only.
        db.execute_batch(
            // 128 MiB of pages at most: nobody else writes, so what was read once need not be read again.
            "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
             PRAGMA cache_size = -131072;",
        )
        .map_err(&what)?;
        let mut db = ready(db)?;
        let refused = |path: &Path, e| StoreError::Database {
            what: "be opened",
            why: format!("{}: {e}", path.display()),
        };
        let path = self.sequence();
        let file = self.path.metadata().map_err(|e| refused(&self.path, e))?;
        let there = db.rows(At::Home, "SELECT sequence FROM store_state", &[])?;
        let there = there.first().map_or(Ok(0), |row| row.unsigned(0))?;
        let before = before.as_ref().unwrap_or(&file);
        let copied = Sequence::judge(&path, there, before).map_err(|e| refused(&path, e))?;
        if let Some(copied) = copied {
            let why = match copied {
                Copied::Older => "is older than what was committed",
                Copied::Other => "is another one than the one that was written last",
                Copied::Overwritten => "was overwritten, and the note beside it",
                Copied::Written => "was written by somebody else since Kith was done with it",
            };
            tracing::warn!(
                target: "alert",
                what = What::CopiedBack.name(),
                there,
                "the store's file {why}: it was copied back, or moved, by hand; every counter jumps and every terminal is made sure of"
            );
            health.happened(What::CopiedBack);
            db.statement("UPDATE store_state SET incarnation = incarnation + 1", &[])?;
        }
        let sequence = Sequence::begin(&path, there, &file).map_err(|e| refused(&path, e))?;
        db.sequence = Some(sequence);
        Ok(db)
    }

    /// A connection that cannot write.
    pub(crate) fn reader(&self) -> Result<Sqlite, StoreError> {
        let what = failed("open its file for reading");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(&self.path, flags).map_err(&what)?;
        set(&db).map_err(&what)?;
        Ok(Sqlite::new(db))
    }
}

impl Drop for Place {
    /// A child that is being started at this moment holds the same descriptor until it becomes its program: closing
    /// ours would leave the place locked until then.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

impl Sqlite {
    /// A store that is gone with its connection.
    pub(crate) fn memory() -> Result<Self, StoreError> {
        ready(Connection::open_in_memory().map_err(failed("open memory"))?)
    }

    /// The same with what another held: what [`Sqlite::snapshot`] gave.
    pub(crate) fn of_snapshot(octets: &[u8]) -> Result<Self, StoreError> {
        let what = failed("open memory");
        let mut db = Connection::open_in_memory().map_err(&what)?;
        db.deserialize_read_exact("main", octets, octets.len(), false)
            .map_err(&what)?;
        ready(db)
    }

    /// Everything it holds.
    pub(crate) fn octets(&mut self) -> Result<Vec<u8>, StoreError> {
        let copy = self.db.serialize("main").map_err(failed("be copied"))?;
        Ok(copy.to_vec())
    }
}

fn ready(db: Connection) -> Result<Sqlite, StoreError> {
    set(&db).map_err(failed("open its file"))?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX));
    let what = failed("bring its schema up to date");
    let fresh = "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'store_state')";
    let is_new = db.query_row(fresh, [], |row| row.get(0)).map_err(&what)?;
    let db = Sqlite::new(db);
    db.db.execute_batch("BEGIN IMMEDIATE").map_err(&what)?;
    let script = |text: &str| db.db.execute_batch(text).map_err(&what);
    schema::migrate(&db, is_new, schema::sqlite, &script, now)?;
    db.db.execute_batch("COMMIT").map_err(&what)?;
    Ok(db)
}

fn set(db: &Connection) -> rusqlite::Result<()> {
    db.set_prepared_statement_cache_capacity(128);
    // A statement is compiled once, and not anew when a parameter might choose another partial index.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.busy_timeout(Duration::from_secs(5))?;
    db.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
}

/// How the log is emptied: a function of what came of it and the time.
#[derive(Debug, Default)]
struct Emptying {
    /// Pages in the log.
    pages: i64,
    /// Until then it is not begun anew: a reader that holds it was waited for in vain.
    rests: Option<Instant>,
}

/// What a checkpoint answers.
#[derive(Debug, Clone, Copy)]
struct Emptied {
    /// It waited in vain for a reader, or for the writer.
    busy: bool,
    /// Pages in the log.
    pages: i64,
    /// Of these, pages that are in the file by now.
    moved: i64,
}

impl Emptying {
    /// What a quiet checkpoint came to; whether the log is to be begun anew, which makes the writer read all its pages
    /// anew, and holds it back while readers are waited for.
    fn moved(&mut self, done: Emptied, now: Instant) -> bool {
        self.pages = done.pages;
        // Where nearly everything could be moved, whoever was waited for in vain was there for a moment only: a log that is
        // then left alone grows by gigabytes under load.
        let held = done.pages.saturating_sub(done.moved) > HELD;
        let rests = held && self.rests.is_some_and(|until| now < until);
        done.pages >= LONG && !rests
    }

    /// What came of beginning it anew.
    fn begun_anew(&mut self, done: Emptied, now: Instant) {
        self.pages = done.pages;
        self.rests = done.busy.then(|| now + REST);
    }
}

/// Moves what is committed from the log into the file, until `wakes` has no sender left.
///
/// A wake-up says that something was committed; an idle store wakes nobody.
pub(crate) fn checkpoint(path: &Path, wakes: &Receiver<()>) {
    let db = match Connection::open(path) {
        Ok(db) => db,
        Err(e) => {
            tracing::error!("the store's log is not emptied: {e}");
            return;
        }
    };
    // RESTART and TRUNCATE hold the writer back while they wait for readers: not for long.
    let set = db.busy_timeout(Duration::from_millis(200));
    if let Err(e) = set.and_then(|()| db.execute_batch("PRAGMA synchronous = FULL")) {
        tracing::error!("the store's log is not emptied: {e}");
    }
    let run = |way: &str| {
        db.query_row(way, [], |row| {
            Ok(Emptied {
                busy: row.get::<_, i64>(0)? != 0,
                pages: row.get(1)?,
                moved: row.get(2)?,
            })
        })
    };
    let mut log = Emptying::default();
    loop {
        let wake = match log.pages {
            0 => wakes.recv().map_err(|_| RecvTimeoutError::Disconnected),
            _ => wakes.recv_timeout(IDLE),
        };
        let done = match wake {
            Ok(()) => {
                std::thread::sleep(Duration::from_millis(50));
                run("PRAGMA wal_checkpoint(PASSIVE)").and_then(|done| {
                    if log.moved(done, Instant::now()) {
                        let done = run("PRAGMA wal_checkpoint(RESTART)")?;
                        log.begun_anew(done, Instant::now());
                    }
                    Ok(())
                })
            }
            Err(RecvTimeoutError::Timeout) => {
                let done = run("PRAGMA wal_checkpoint(TRUNCATE)");
                done.map(|done| log.pages = done.pages)
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if let Err(e) = done {
            let pages = log.pages;
            tracing::warn!("the store's log ({pages} pages) was not emptied: {e}");
        }
    }
}

pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_holds_the_log_holds_the_writer_back_once_in_a_while() {
        let now = Instant::now();
        let emptied = |busy, pages, moved| Emptied { busy, pages, moved };
        // A back-up has stood at the log's beginning for a while; and nobody holds anything.
        let held = emptied(false, LONG, 100);
        let free = emptied(false, LONG, LONG - 10);
        let in_vain = emptied(true, LONG, 100);
        let mut log = Emptying::default();
        assert!(!log.moved(emptied(false, LONG - 1, 100), now));
        assert!(log.moved(held, now));
        // In vain: it is left alone for a while, then tried again.
        log.begun_anew(in_vain, now);
        assert!(!(1..100).any(|n| log.moved(held, now + n * REST / 100)));
        assert!(log.moved(held, now + REST));
        log.begun_anew(in_vain, now + REST);
        assert!(!log.moved(held, now + REST));
        // The back-up is done: everything is moved, and the log is begun anew at once.
        assert!(log.moved(free, now + REST));
        // So it is under load, where somebody always reads for a moment.
        log.begun_anew(in_vain, now + REST * 2);
        assert!(log.moved(free, now + REST * 2));
        // Begun anew: the next long log is not waited with.
        log.begun_anew(free, now + REST * 3);
        assert!(log.moved(held, now + REST * 3));
    }

    /// What the decision goes by: a checkpoint says in its first column that it waited for a reader in vain.
    #[test]
    fn a_checkpoint_says_that_a_reader_holds_the_log() {
        let folder = std::env::temp_dir().join(format!("kith-log-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join("kith.db");
        let db = Connection::open(&file).expect("a file");
        let set = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (n);";
        db.execute_batch(set).expect("a log");
        let reader = Connection::open(&file).expect("a reader");
        let restart = || {
            let way = "PRAGMA wal_checkpoint(RESTART)";
            db.query_row(way, [], |row| row.get::<_, i64>(0))
                .expect("an answer")
        };
        let held = reader.unchecked_transaction().expect("a snapshot");
        let seen = held.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0));
        assert_eq!(seen.expect("a read"), 0);
        db.execute_batch("INSERT INTO t VALUES (1)")
            .expect("a commit");
        assert_eq!(restart(), 1);
        drop(held);
        assert_eq!(restart(), 0);
        std::fs::remove_dir_all(folder).expect("removed");
    }

    #[test]
    fn a_place_is_free_though_a_child_still_holds_its_descriptor() {
        let folder = std::env::temp_dir().join(format!("kith-place-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join("kith.db");
        let place = Place::lock(&file).expect("the first");
        let of_a_child = place.lock.try_clone().expect("a second descriptor");
        assert!(Place::lock(&file).is_err());
        drop(place);
        assert!(Place::lock(&file).is_ok());
        drop(of_a_child);
        std::fs::remove_dir_all(folder).expect("removed");
    }
}
