//! Who owns which slice: `lease` (ARCHITECTURE.md, “Many nodes”). Every change is a compare-and-swap on the epoch.

use crate::StoreError;
use crate::job::{LeaseStep, Refused};
use crate::table::{At, Database, LEASE, Lock};
use crate::unit::{Done, Unit, Wanted};
use crate::value::{Columns, Row};
use delivery::{Lease, NodeId};

pub(crate) fn all(db: &dyn Database) -> Result<Vec<Lease>, StoreError> {
    let sql = "SELECT slice, node, epoch, expires FROM lease";
    let mut rows = db.rows(At::Reachable, sql, &[])?;
    rows.sort_unstable();
    let read = |row: &Row| {
        Ok(Lease {
            slice: row.small(0)?,
            node: NodeId(row.unsigned(1)?),
            epoch: row.unsigned(2)?,
            expires: row.int(3)?,
        })
    };
    rows.iter().map(read).collect()
}

fn slice(step: &LeaseStep) -> u8 {
    match step {
        LeaseStep::Take { slice, .. }
        | LeaseStep::Renew { slice, .. }
        | LeaseStep::HandOver { slice, .. } => *slice,
    }
}

pub(crate) fn want(step: &LeaseStep, wanted: &mut Wanted) {
    // A taker waits for the owner's transactions that are under way: they hold it to their commit.
    wanted.row(&LEASE, Lock::Update, vec![slice(step).into()]);
}

pub(crate) fn step(unit: &mut Unit, step: &LeaseStep) -> Done {
    let key = vec![slice(step).into()];
    let there = unit.get(&LEASE, &key)?;
    let (node, epoch, expires) = match there {
        Some(row) => (NodeId(row.unsigned(0)?), row.unsigned(1)?, row.int(2)?),
        None => (NodeId(0), 0, 0),
    };
    let new = match *step {
        LeaseStep::Take {
            node,
            seen,
            now,
            expires: until,
            ..
        } if epoch == seen && expires < now => (node, epoch + 1, until),
        LeaseStep::Renew {
            node: mine,
            epoch: held,
            expires: until,
            ..
        } if node == mine && epoch == held => (node, epoch, until),
        LeaseStep::HandOver {
            node: mine,
            epoch: held,
            ..
        } if node == mine && epoch == held => (node, epoch, 0),
        _ => return Err(Refused::Stale.into()),
    };
    unit.put(
        &LEASE,
        key,
        Some(vec![new.0.0.into(), new.1.into(), new.2.into()]),
    );
    Ok(())
}

/// An owner's transaction looks at its lease and holds it to the commit: refused when another owns the slice by now.
pub(crate) fn want_owner(slice: u8, epoch: u64, wanted: &mut Wanted) {
    if epoch > 0 {
        wanted.row(&LEASE, Lock::Share, vec![slice.into()]);
    }
}

/// Refused unless `epoch` is still the slice's; 0 is not asked.
pub(crate) fn demand_owner(unit: &Unit, slice: u8, epoch: u64) -> Done {
    if epoch == 0 {
        return Ok(());
    }
    match unit.get(&LEASE, &[slice.into()])? {
        Some(row) if row.unsigned(1)? == epoch => Ok(()),
        _ => Err(Refused::NotOwner.into()),
    }
}
