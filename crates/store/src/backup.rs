//! A copy of a SQLite store while it is in use, and its way back. What comes back is never trusted: it is a new
//! incarnation, every counter jumps and every terminal is made sure of (rule 2).

use crate::StoreError;
use crate::sqlite::{Place, beside, failed};
use rusqlite::{Connection, OpenFlags};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// What a back-up holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Subscribers.
    pub subscribers: u64,
    /// Octets of the file.
    pub octets: u64,
}

fn refused(what: &'static str, why: impl ToString) -> StoreError {
    StoreError::Database {
        what,
        why: why.to_string(),
    }
}

/// Copies the store in `store` into the new file `to`, one committed state of it; a running server goes on meanwhile.
///
/// # Errors
/// When `to` is there already, there is no room, or the copy is not whole.
pub fn backup(store: &Path, to: &Path) -> Result<Copied, StoreError> {
    const WHAT: &str = "be backed up";
    if to.exists() {
        let why = format!("{} is there already: give a new name", to.display());
        return Err(refused(WHAT, why));
    }
    if !store.exists() {
        return Err(refused(
            WHAT,
            format!("there is no store in {}", store.display()),
        ));
    }
    let what = failed(WHAT);
    let db =
        Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(&what)?;
    // Until it is whole it has another name.
    let part = beside(to, ".part");
    let _ = fs::remove_file(&part);
    let name = part.to_string_lossy();
    let copied = db
        .execute("VACUUM INTO ?1", [&name[..]])
        .map_err(&what)
        .and_then(|_| look(&part))
        .and_then(|copied| {
            let whole = File::open(&part).and_then(|file| file.sync_all());
            whole
                .and_then(|()| fs::rename(&part, to))
                .map_err(|e| refused(WHAT, e))?;
            Ok(copied)
        });
    if copied.is_err() {
        let _ = fs::remove_file(&part);
    }
    copied
}

/// The incarnation of the store in `path`; 0 when there is none that can be read.
fn incarnation(path: &Path) -> i64 {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let read =
        |db: Connection| db.query_row("SELECT incarnation FROM store_state", [], |row| row.get(0));
    db.and_then(read).unwrap_or(0)
}

/// Looks whether a file is a whole store.
fn look(path: &Path) -> Result<Copied, StoreError> {
    let what = failed("be read whole");
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(&what)?;
    let verdict: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .map_err(&what)?;
    if verdict != "ok" {
        return Err(refused("be read whole", verdict));
    }
    let count = |row: &rusqlite::Row<'_>| row.get(0).map(i64::cast_unsigned);
    Ok(Copied {
        subscribers: db
            .query_row("SELECT count(*) FROM subscriber", [], count)
            .map_err(&what)?,
        octets: fs::metadata(path).map_or(0, |file| file.len()),
    })
}

/// Puts the back-up `from` in the place of the store in `to`, as a new incarnation; gives where the store that was there
/// before lies now. No server may hold it.
///
/// # Errors
/// When a server holds the store, `from` is no whole store, or there is no room. What was there is there still, then.
pub fn restore(from: &Path, to: &Path) -> Result<(Copied, Option<PathBuf>), StoreError> {
    const WHAT: &str = "be restored";
    let copied = look(from)?;
    let place = Place::lock(to)?;
    let part = beside(to, ".part");
    fs::copy(from, &part)
        .and_then(|_| File::open(&part)?.sync_all())
        .map_err(|e| refused(WHAT, e))?;
    let what = failed(WHAT);
    let db = Connection::open(&part).map_err(&what)?;
    // Above that of the store in its place too: a back-up that is restored twice jumps twice as far.
    db.execute(
        "UPDATE store_state SET incarnation = max(incarnation, ?1) + 1",
        [incarnation(to)],
    )
    .map_err(&what)?;
    db.close().map_err(|(_, e)| what(e))?;
    let before = to
        .exists()
        .then(|| beside(to, &format!("-before-{}", copied.octets)));
    if let Some(before) = &before {
        // Its log is part of it.
        for suffix in ["", "-wal"] {
            let (old, new) = (beside(to, suffix), beside(before, suffix));
            if old.exists() {
                fs::rename(old, new).map_err(|e| refused(WHAT, e))?;
            }
        }
        let _ = fs::remove_file(beside(to, "-shm"));
    }
    fs::rename(&part, to).map_err(|e| refused(WHAT, e))?;
    // The number beside it belongs to the store that was here: this one begins its own.
    let _ = fs::remove_file(place.sequence());
    Ok((copied, before))
}
