//! What edits begin from: the book, its owner, its holds, its terminals' marks and the sitting that goes on, of many edits
//! in one go.

use crate::reads::Sitting;
use crate::table::{Database, LAST, Load, SITTING};
use crate::value::{Columns, Row, subscriber as key};
use crate::{Basis, BasisOf, StoreError, books, marks};
use book::Change;
use delivery::{Due, TerminalId};
use std::collections::{BTreeMap, HashMap};

/// One answer a question, in order.
pub(crate) fn many(db: &dyn Database, of: &[BasisOf]) -> Result<Vec<Option<Basis>>, StoreError> {
    let ids: Vec<_> = of.iter().map(|one| one.subscriber).collect();
    let mut wanted = books::loads(&books::FULL, &ids);
    wanted.extend(books::loads(&marks::ROWS, &ids));
    wanted.push(Load::of(&LAST, 3, of.iter().map(last_key)));
    let found = db.load(&wanted)?;
    let books = books::full(&found)?;
    let [.., standing, due, last] = &found[..] else {
        return Ok(of.iter().map(|_| None).collect());
    };
    let mut marks: BTreeMap<_, Vec<(TerminalId, Option<Due>)>> = BTreeMap::new();
    for (id, mark) in marks::read(standing, due)? {
        marks.entry(id.subscriber).or_default().push((id, mark));
    }
    let sittings = sittings(db, of, last)?;
    let basis = |(one, sitting): (&BasisOf, Option<Sitting>)| {
        let full = books.get(&one.subscriber)?.clone();
        let marks = marks.get(&one.subscriber).cloned().unwrap_or_default();
        Some(Basis {
            full,
            sitting,
            marks,
        })
    };
    Ok(of.iter().zip(sittings).map(basis).collect())
}

fn last_key(one: &BasisOf) -> Row {
    let mut row = key(one.subscriber);
    row.push((&one.actor).into());
    row
}

/// The sittings that go on, from the rows of [`LAST`], one an edit.
fn sittings(
    db: &dyn Database,
    of: &[BasisOf],
    last: &[Row],
) -> Result<Vec<Option<Sitting>>, StoreError> {
    let last: HashMap<&[_], &Row> = last.iter().map(|row| (&row[..3], row)).collect();
    let mut goes_on = Vec::with_capacity(of.len());
    for one in of {
        let row = last.get(&last_key(one)[..]);
        let change: Option<Change> = row.map(|row| row.json(4)).transpose()?;
        let change = change.filter(|change| (one.goes_on)(change));
        goes_on.push(change.map(|change| {
            let mut row = key(one.subscriber);
            row.push(change.sitting.into());
            (change.sitting, row)
        }));
    }
    let wanted = goes_on.iter().flatten().map(|(_, key)| key.clone());
    let found = db.load(&[Load::of(&SITTING, 3, wanted)])?;
    let mut changes: HashMap<&[_], Vec<Change>> = HashMap::new();
    for row in found.iter().flatten() {
        changes.entry(&row[..3]).or_default().push(row.json(4)?);
    }
    for changes in changes.values_mut() {
        changes.sort_by_key(|change| change.revision);
    }
    let sitting = |(sitting, key): (u64, Row)| {
        let changes = changes.get(&key[..]).cloned().unwrap_or_default();
        (sitting, changes)
    };
    Ok(goes_on.into_iter().map(|one| one.map(sitting)).collect())
}
