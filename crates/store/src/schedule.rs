//! What is to be planned now and when there is more, in one go.

use crate::table::Database;
use crate::value::Columns;
use crate::{Schedule, ScheduleOf, StoreError, marks, terminals};
use delivery::Lane;

pub(crate) fn of(db: &dyn Database, of: &ScheduleOf) -> Result<Schedule, StoreError> {
    let ScheduleOf {
        owned,
        now,
        most,
        bulk,
    } = of;
    let found = db.ask(&[
        terminals::ask_waiting(owned, *now, *most),
        marks::ask_due(owned, Lane::Interactive, *now, *most),
        marks::ask_due(owned, Lane::Bulk, *now, *bulk),
        marks::ask_next(owned, Lane::Interactive, *now),
        marks::ask_next(owned, Lane::Bulk, *now),
        terminals::ask_next_try(owned, *now),
    ])?;
    let mut found = found.into_iter();
    let mut rows = || found.next().unwrap_or_default();
    let waiting = terminals::read_waiting(rows(), *most)?;
    let people = marks::read_due(&rows(), *most)?;
    let bulk = marks::read_due(&rows(), *bulk)?;
    let mut next = None;
    for row in [rows(), rows(), rows()].iter().flatten() {
        let at = row.int(0)?;
        next = Some(next.map_or(at, |next: i64| next.min(at)));
    }
    Ok(Schedule {
        waiting,
        people,
        bulk,
        next,
    })
}
