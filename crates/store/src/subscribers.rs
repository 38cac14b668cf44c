//! Subscribers: `subscriber`, and what stays of those who left, `departed`.

use crate::StoreError;
use crate::group::Transaction;
use crate::job::Refused;
use crate::table::{
    At, BOOK, DEPARTED, DOCUMENT, Database, Load, Lock, SUBSCRIBER, TERMINAL, Way, Write,
};
use crate::unit::{Done, Stop, Unit, Wanted};
use crate::value::{Columns, Row, Value, subscriber as key};
use crate::{cards, terminals};
use book::{Language, Subscriber, SubscriberId};
use sha2::{Digest, Sha256};

const COLUMNS: &str = "SELECT slice, sub, msisdn, name, language, region FROM subscriber";

pub(crate) fn read(row: &Row) -> Result<Subscriber, StoreError> {
    Ok(Subscriber {
        id: SubscriberId(row.unsigned(1)?),
        msisdn: row.text(2)?.to_owned(),
        name: row.text(3)?.to_owned(),
        language: Language::from_tag(row.text(4)?).unwrap_or_default(),
        region: row.text(5)?.to_owned(),
    })
}

pub(crate) fn of(db: &dyn Database, ids: &[SubscriberId]) -> Result<Vec<Subscriber>, StoreError> {
    let rows = db.load(&[Load::of(&SUBSCRIBER, 2, ids.iter().map(|id| key(*id)))])?;
    rows.iter().flatten().map(read).collect()
}

pub(crate) fn by_number(db: &dyn Database, msisdn: &str) -> Result<Vec<Subscriber>, StoreError> {
    let sql = format!("{COLUMNS} WHERE msisdn = ?1 ORDER BY sub");
    let mut found: Vec<_> = db
        .rows(At::Reachable, &sql, &[msisdn.into()])?
        .iter()
        .map(read)
        .collect::<Result<_, _>>()?;
    // She may be one of those who lie there.
    if found.is_empty() && !db.is_whole() {
        return Err(StoreError::left_out());
    }
    found.sort_by_key(|subscriber| subscriber.id);
    Ok(found)
}

pub(crate) fn page(
    db: &dyn Database,
    after: Option<SubscriberId>,
    limit: u32,
) -> Result<Vec<Subscriber>, StoreError> {
    let sql = format!("{COLUMNS} WHERE (slice, sub) > (?1, ?2) ORDER BY slice, sub LIMIT ?3");
    let mut values = after.map_or_else(|| vec![0_i64.into(), (-1_i64).into()], key);
    values.push(limit.into());
    let mut rows = db.rows(At::Everywhere, &sql, &values)?;
    rows.sort_unstable();
    rows.iter().take(limit as usize).map(read).collect()
}

pub(crate) fn want(id: SubscriberId, wanted: &mut Wanted) {
    wanted.row(&SUBSCRIBER, Lock::Update, key(id));
}

/// Refused unless he is there.
pub(crate) fn demand(unit: &Unit, id: SubscriberId) -> Done {
    match unit.get(&SUBSCRIBER, &key(id))? {
        Some(_) => Ok(()),
        None => Err(Refused::Missing.into()),
    }
}

fn put(unit: &mut Unit, new: &Subscriber) {
    let row = vec![
        (&new.msisdn).into(),
        (&new.name).into(),
        new.language.tag().into(),
        (&new.region).into(),
    ];
    unit.put(&SUBSCRIBER, key(new.id), Some(row));
}

pub(crate) fn create(unit: &mut Unit, new: &Subscriber) -> Done {
    if demand(unit, new.id).is_ok() {
        return Err(Refused::Taken(format!("the id {}", new.id)).into());
    }
    put(unit, new);
    let book = [0_i64, 1, 1, 1].map(Value::from).to_vec();
    unit.put(&BOOK, key(new.id), Some(book.clone()));
    unit.note(&BOOK, key(new.id), Some(book));
    Ok(())
}

pub(crate) fn update(unit: &mut Unit, new: &Subscriber) -> Done {
    demand(unit, new.id)?;
    put(unit, new);
    Ok(())
}

/// The salted digest is kept so that a journal handed out before can still be proven to be the one that was here.
pub(crate) fn delete(db: &dyn Transaction, id: SubscriberId) -> Done {
    let lock = Load {
        lock: Lock::Update,
        ..Load::of(&SUBSCRIBER, 2, [key(id)])
    };
    if db.load(&[lock])?.iter().flatten().next().is_none() {
        return Err(Refused::Missing.into());
    }
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|e| Stop::mistake("salt a digest", e.to_string()))?;
    let mut digest = Sha256::new();
    digest.update(salt);
    let journal = "SELECT rev, body FROM change
                   WHERE slice = ?1 AND sub = ?2 AND rev > ?3 ORDER BY rev LIMIT 500";
    let (mut changes, mut last) = (0_i64, -1_i64);
    loop {
        let mut values = key(id);
        values.push(last.into());
        let rows = db.rows(At::Slice(id.slice()), journal, &values)?;
        let Some(end) = rows.last() else { break };
        last = end.int(0)?;
        for row in &rows {
            digest.update(row.text(1)?.as_bytes());
            changes += 1;
        }
    }
    let mut row = key(id);
    row.extend([
        changes.into(),
        salt.to_vec().into(),
        digest.finalize().to_vec().into(),
    ]);
    db.write(&[Write::Put(&DEPARTED, Way::Upsert, vec![row])])?;
    remember_cards(db, id)?;
    // By the index's own expression (schema 4).
    let sent = "DELETE FROM sent WHERE slice = ?1 AND (ship & 36028797018963967) IN
                (SELECT ship & 36028797018963967 FROM shipment WHERE slice = ?1 AND sub = ?2)";
    let cargo = "DELETE FROM cargo WHERE (slice, ship) IN
                 (SELECT slice, ship FROM shipment WHERE slice = ?1 AND sub = ?2)";
    for sql in [sent, cargo] {
        db.run(sql, &key(id))?;
    }
    for table in [
        "member",
        "shipment",
        "undone",
        "slot",
        "placement",
        "due",
        "flight",
        "terminal",
        "hold",
        "change",
        "friend",
        "friend_group",
        "book",
        "subscriber",
    ] {
        let sql = format!("DELETE FROM {table} WHERE slice = ?1 AND sub = ?2");
        db.run(&sql, &key(id))?;
    }
    Ok(())
}

/// What the counters of his cards came to stays known. Nobody moves them meanwhile: steps of delivery lock these rows.
fn remember_cards(db: &dyn Transaction, id: SubscriberId) -> Result<(), StoreError> {
    let theirs = Load {
        lock: Lock::Update,
        ..Load::of(&TERMINAL, 2, [key(id)])
    };
    let mut memories = Vec::new();
    for row in db.load(&[theirs])?.iter().flatten() {
        if let Some((mut key, rest)) = cards::memory(&terminals::row(row)?)? {
            key.extend(rest);
            memories.push(key);
        }
    }
    memories.sort_unstable();
    memories.dedup();
    if !memories.is_empty() {
        db.write(&[Write::Put(&DOCUMENT, Way::Upsert, memories)])?;
    }
    Ok(())
}
