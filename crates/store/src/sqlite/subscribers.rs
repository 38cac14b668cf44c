//! Subscribers: `subscriber`, and what stays of those who left, `departed`.

use super::columns::{all, first, run, subscriber, subscriber_id};
use super::{Done, Stop};
use crate::Refused;
use book::{Language, Subscriber, SubscriberId};
use rusqlite::{Connection, Result, Row};
use sha2::{Digest, Sha256};

const COLUMNS: &str = "SELECT sub, msisdn, name, language, region FROM subscriber";

fn row(row: &Row<'_>) -> Result<Subscriber> {
    Ok(Subscriber {
        id: subscriber_id(row.get(0)?),
        msisdn: row.get(1)?,
        name: row.get(2)?,
        language: Language::from_tag(&row.get::<_, String>(3)?).unwrap_or_default(),
        region: row.get(4)?,
    })
}

pub(super) fn one(db: &Connection, id: SubscriberId) -> Result<Option<Subscriber>> {
    let sql = format!("{COLUMNS} WHERE slice = ?1 AND sub = ?2");
    first(db, &sql, subscriber(id), row)
}

pub(super) fn by_number(db: &Connection, msisdn: &str) -> Result<Vec<Subscriber>> {
    let sql = format!("{COLUMNS} WHERE msisdn = ?1 ORDER BY sub");
    all(db, &sql, [msisdn], row)
}

pub(super) fn page(
    db: &Connection,
    after: Option<SubscriberId>,
    limit: u32,
) -> Result<Vec<Subscriber>> {
    let (slice, sub) = after.map_or((0, -1), subscriber);
    let sql = format!("{COLUMNS} WHERE (slice, sub) > (?1, ?2) ORDER BY slice, sub LIMIT ?3");
    all(db, &sql, (slice, sub, limit), row)
}

/// Refused unless he is there.
pub(super) fn demand(db: &Connection, id: SubscriberId) -> Done {
    match one(db, id)? {
        Some(_) => Ok(()),
        None => Err(Refused::Missing.into()),
    }
}

pub(super) fn create(db: &Connection, new: &Subscriber) -> Done {
    if one(db, new.id)?.is_some() {
        return Err(Refused::Taken(format!("the id {}", new.id)).into());
    }
    let (slice, sub) = subscriber(new.id);
    run(
        db,
        "INSERT INTO subscriber (slice, sub, msisdn, name, language, region)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (
            slice,
            sub,
            &new.msisdn,
            &new.name,
            new.language.tag(),
            &new.region,
        ),
    )?;
    run(
        db,
        "INSERT INTO book (slice, sub, revision, next_friend, next_group, next_number)
         VALUES (?1, ?2, 0, 1, 1, 1)",
        (slice, sub),
    )?;
    Ok(())
}

pub(super) fn update(db: &Connection, new: &Subscriber) -> Done {
    let (slice, sub) = subscriber(new.id);
    let touched = run(
        db,
        "UPDATE subscriber SET msisdn = ?3, name = ?4, language = ?5, region = ?6
         WHERE slice = ?1 AND sub = ?2",
        (
            slice,
            sub,
            &new.msisdn,
            &new.name,
            new.language.tag(),
            &new.region,
        ),
    )?;
    if touched == 0 {
        return Err(Refused::Missing.into());
    }
    Ok(())
}

/// The salted digest is kept so that a journal handed out before can still be proven to be the one that was here.
pub(super) fn delete(db: &Connection, id: SubscriberId) -> Done {
    demand(db, id)?;
    let key = subscriber(id);
    let salt: Vec<u8> = db.query_row("SELECT randomblob(16)", [], |row| row.get(0))?;
    let mut digest = Sha256::new();
    digest.update(&salt);
    let journal = "SELECT body FROM change WHERE slice = ?1 AND sub = ?2 ORDER BY rev";
    let mut changes = 0_i64;
    let mut statement = db.prepare_cached(journal)?;
    let mut rows = statement.query(key)?;
    while let Some(row) = rows.next()? {
        digest.update(row.get_ref(0)?.as_bytes().map_err(rusqlite::Error::from)?);
        changes += 1;
    }
    run(
        db,
        "INSERT INTO departed (slice, sub, changes, salt, digest) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (slice, sub) DO UPDATE SET
         changes = excluded.changes, salt = excluded.salt, digest = excluded.digest",
        (key.0, key.1, changes, &salt, &digest.finalize()[..]),
    )?;
    run(
        db,
        "DELETE FROM sent WHERE (slice, ship) IN
         (SELECT slice, ship FROM shipment WHERE slice = ?1 AND sub = ?2)",
        key,
    )?;
    for table in [
        "member",
        "shipment",
        "slot",
        "placement",
        "terminal",
        "hold",
        "change",
        "friend",
        "friend_group",
        "book",
        "subscriber",
    ] {
        let sql = format!("DELETE FROM {table} WHERE slice = ?1 AND sub = ?2");
        run(db, &sql, key).map_err(Stop::from)?;
    }
    Ok(())
}
