//! A group of jobs, carried out in one transaction of any database.

use crate::job::{Job, LeaseStep, Refused};
use crate::table::{
    ADDRESS, BOOK, CARD, Database, FLIGHT, HOLD, LEASE, LOADED, MARK, MEMBER, PLACEMENT, PROGRESS,
    REQUEST, SEATED, STANDING, SUBSCRIBER, TEXT, Table, VERSION, Write,
};
use crate::unit::{Done, Stop, Unit, Wanted};
use crate::value::Value;
use crate::{
    StoreError, books, documents, forget, holds, leases, marks, members, shipments, subscribers,
    terminals,
};

/// A database in the middle of a transaction.
pub(crate) trait Transaction: Database {
    /// Carries out sets of writes in order.
    fn write(&self, writes: &[Write]) -> Result<(), StoreError>;
    /// A statement of its own; how many rows it touched.
    fn run(&self, sql: &str, values: &[Value]) -> Result<u64, StoreError>;
}

/// The order in which rows are locked.
pub(crate) static ORDER: [&Table; 17] = [
    &LEASE,
    &SUBSCRIBER,
    &BOOK,
    &REQUEST,
    &MEMBER,
    &STANDING,
    &SEATED,
    &MARK,
    &CARD,
    &ADDRESS,
    &PLACEMENT,
    &LOADED,
    &HOLD,
    &VERSION,
    &TEXT,
    &PROGRESS,
    &FLIGHT,
];

/// One result a job, in order. A refused job leaves no trace, the others stand.
pub(crate) type Results = Vec<Result<(), Refused>>;

/// Carries out all but the last writes, which may go in together with the commit.
///
/// # Errors
/// When the database fails or a job is a mistake of Kith's own: the transaction must not be committed then.
pub(crate) fn carry_out(
    db: &dyn Transaction,
    group: &[Job],
) -> Result<(Results, Vec<Write>), StoreError> {
    let mut results = Vec::with_capacity(group.len());
    let mut last = Vec::new();
    for jobs in group.chunk_by(|a, b| !is_alone(a) && !is_alone(b)) {
        db.write(&std::mem::take(&mut last))?;
        if let [Job::DeleteSubscriber(id)] = jobs {
            results.push(said(subscribers::delete(db, *id))?);
            continue;
        }
        if let [Job::Forget(job)] = jobs {
            results.push(said(forget::forget(db, job))?);
            continue;
        }
        let mut wanted = Wanted::default();
        jobs.iter().for_each(|job| want(job, &mut wanted));
        let loads = wanted.loads(&ORDER);
        let rows = db.load(&loads)?;
        let mut unit = Unit::default();
        for (load, rows) in loads.into_iter().zip(rows) {
            unit.learn(load, rows);
        }
        for job in jobs {
            results.push(said(step(&mut unit, job))?);
        }
        last = unit.writes();
    }
    Ok((results, last))
}

fn said(done: Done) -> Result<Result<(), Refused>, StoreError> {
    match done {
        Ok(()) => Ok(Ok(())),
        Err(Stop::Refused(refused)) => Ok(Err(refused)),
        Err(Stop::Database(error)) => Err(error),
    }
}

/// Touches rows that nobody can name beforehand.
fn is_alone(job: &Job) -> bool {
    matches!(job, Job::DeleteSubscriber(_) | Job::Forget(_))
}

/// What a job must see.
fn want(job: &Job, wanted: &mut Wanted) {
    match job {
        Job::CreateSubscriber(s) | Job::UpdateSubscriber(s) => subscribers::want(s.id, wanted),
        Job::DeleteSubscriber(_) | Job::Forget(_) => {}
        Job::Edit(edit) => books::want_edit(edit, wanted),
        Job::AddTerminal(terminal) => terminals::want(terminal, wanted),
        Job::ChangeTerminal { terminal, .. } => terminals::want_change(terminal, wanted),
        Job::MarkDue { marks: due, .. } => marks::want(due, wanted),
        Job::Settle(settle) => shipments::want_settle(settle, wanted),
        Job::PutHold { hold, due } => holds::want(hold, due, wanted),
        Job::Documents(writes) => documents::want(writes, wanted),
        Job::Lease(step) => leases::want(step, wanted),
        Job::Members(job) => members::want(job, wanted),
        Job::MarkShared { terminals, .. } | Job::HoldMarks { terminals, .. } => {
            members::want_marks(terminals, wanted);
        }
        Job::Applied { group, members, .. } => members::want_applied(*group, members, wanted),
    }
}

fn step(unit: &mut Unit, job: &Job) -> Done {
    match job {
        Job::CreateSubscriber(s) => subscribers::create(unit, s),
        Job::UpdateSubscriber(s) => subscribers::update(unit, s),
        Job::DeleteSubscriber(_) | Job::Forget(_) => Ok(()),
        Job::Edit(edit) => books::edit(unit, edit),
        Job::AddTerminal(terminal) => terminals::add(unit, terminal),
        Job::ChangeTerminal {
            terminal,
            blank,
            due,
        } => terminals::change(unit, terminal, *blank, due.as_ref()),
        Job::MarkDue {
            marks: due,
            replace,
        } => marks::put(unit, due, *replace),
        Job::Settle(settle) => shipments::settle(unit, settle),
        Job::PutHold { hold, due } => holds::put(unit, hold, due),
        Job::Documents(writes) => documents::write(unit, writes),
        Job::Lease(step) => leases::step(unit, step),
        Job::Members(job) => members::change(unit, job),
        Job::MarkShared { terminals, due } => members::mark(unit, terminals, due),
        Job::HoldMarks {
            terminals,
            shared,
            at,
        } => members::hold_marks(unit, terminals, *shared, *at),
        Job::Applied {
            group,
            revision,
            members,
        } => members::applied(unit, *group, *revision, members),
    }
}

/// The slice that a job belongs to; none when it belongs to the home database.
pub(crate) fn slice_of(job: &Job) -> Option<u8> {
    match job {
        Job::CreateSubscriber(s) | Job::UpdateSubscriber(s) => Some(s.id.slice()),
        Job::DeleteSubscriber(id) => Some(id.slice()),
        Job::Edit(edit) => Some(edit.subscriber.slice()),
        Job::AddTerminal(terminal) | Job::ChangeTerminal { terminal, .. } => {
            Some(terminal.id.subscriber.slice())
        }
        Job::MarkDue { marks, .. } => marks.first().map(|(id, _)| id.subscriber.slice()),
        Job::Settle(settle) => Some(settle.terminal.id.subscriber.slice()),
        Job::PutHold { hold, .. } => Some(hold.subscriber.slice()),
        Job::Documents(writes) => writes.first().and_then(|write| write.slice),
        Job::Lease(
            LeaseStep::Take { slice, .. }
            | LeaseStep::Renew { slice, .. }
            | LeaseStep::HandOver { slice, .. },
        ) => Some(*slice),
        Job::Members(job) => {
            let who = job.join.iter().chain(&job.leave);
            who.map(|id| id.slice()).next()
        }
        Job::MarkShared { terminals, .. } | Job::HoldMarks { terminals, .. } => {
            terminals.first().map(|id| id.subscriber.slice())
        }
        Job::Applied { members, .. } => members.first().map(|id| id.slice()),
        Job::Forget(job) => Some(job.slice),
    }
}
