//! What a card's counter came to in terminals that it has left, and under keys that it had (rule 2: a counter is never used
//! twice, whatever terminal the card is in next and whatever keys are typed in between). A retired terminal's own row
//! remembers it. Of a card that was swapped or got other keys, and of one whose subscriber was deleted, a document does, in
//! the same commit: the digests of ICCID and keys, the counter, and nothing of a person.

use crate::StoreError;
use crate::table::{At, Database};
use crate::value::{Row, json};
use crate::{documents, terminals};
use delivery::Terminal;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const KIND: &str = "card";

/// How far a card's counter came in one terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CardPast {
    /// The first one that was never used there.
    pub counter_next: u64,
    /// The store's incarnation, in this slice, when that was so.
    pub incarnation: u64,
    /// The terminal's slice.
    pub slice: u8,
    /// Its key set's digest; none where key sets were not told apart yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_set: Option<u64>,
}

impl CardPast {
    fn of(terminal: &Terminal) -> Self {
        Self {
            counter_next: terminal.counter_next,
            incarnation: terminal.incarnation,
            slice: terminal.id.subscriber.slice(),
            key_set: terminal.record.key_set,
        }
    }
}

fn digest(iccid: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(b"card ");
    hash.update(iccid.as_bytes());
    hex::encode(hash.finalize())
}

/// The document's row that remembers this terminal's card; none when it has none. Its key says all that it holds, so it
/// is never written differently, and several of one card stand beside each other, on whichever server.
pub(crate) fn memory(terminal: &Terminal) -> Result<Option<(Row, Row)>, StoreError> {
    let Some(iccid) = &terminal.iccid else {
        return Ok(None);
    };
    let past = CardPast::of(terminal);
    let card = digest(iccid);
    let CardPast {
        counter_next,
        incarnation,
        slice,
        key_set,
    } = past;
    let of = key_set.map_or_else(String::new, |keys| format!(" {keys:016x}"));
    let key = format!("{card} {slice:02x} {incarnation} {counter_next}{of}");
    let rest = vec![1_i64.into(), json(&past)?, card.into(), None::<i64>.into()];
    Ok(Some((vec![KIND.into(), key.into()], rest)))
}

/// How far this card's counters came in the terminals that it has left, and under other keys in the one that it is in.
pub(crate) fn past(db: &dyn Database, iccid: &str) -> Result<Vec<CardPast>, StoreError> {
    let sql = "SELECT slice, sub, term, version, channel, address, iccid, retired, counter_next, in_flight, next_try, body
               FROM terminal WHERE iccid = ?1 AND retired = 1";
    let rows = db.rows(At::Everywhere, sql, &[iccid.into()])?;
    let retired = rows
        .iter()
        .map(|row| Ok(CardPast::of(&terminals::row(row)?)));
    let mut found: Vec<_> = retired.collect::<Result<_, StoreError>>()?;
    for document in documents::by_index(db, KIND, &digest(iccid))? {
        let past = serde_json::from_str(&document.value).map_err(|e| StoreError::Database {
            what: "read what a card's counter came to",
            why: e.to_string(),
        })?;
        found.push(past);
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}
