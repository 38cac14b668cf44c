//! The one writer: a thread that commits in groups. A group is what queued while the previous commit ran, so a lone job
//! never waits and a crowd shares its commits.

use crate::health::Health;
use crate::value::Value;
use crate::{Job, Reads, Refused, StoreError};
use std::collections::VecDeque;
use std::sync::mpsc;
use tokio::sync::oneshot;

/// The most jobs of a group: more make commits long, and edits wait for them.
const GROUP: usize = 200;

pub(crate) type Results = Vec<Result<(), StoreError>>;
/// Asked of one state. In two steps, because what others ask meanwhile may go with it: what the first takes in is
/// answered from a state that begins after it.
pub(crate) type Question = Box<dyn FnOnce() -> Answering + Send>;
pub(crate) type Answering = Box<dyn FnOnce(&dyn Reads)>;

/// A database that the writer holds.
pub(crate) trait Writes: Reads {
    /// Commits a group in one transaction; one result a job, in order. A refused job leaves no trace, the others stand.
    ///
    /// # Errors
    /// When the database fails, or a job is a mistake of Kith's own: then nothing of the whole group was done.
    fn commit(&mut self, group: &[Job]) -> Result<Vec<Result<(), Refused>>, StoreError>;
    /// One statement in a transaction of its own; how many rows it touched.
    fn statement(&mut self, sql: &str, values: &[Value]) -> Result<u64, StoreError>;
    /// Everything it holds, where that is in memory.
    fn snapshot(&mut self) -> Result<Vec<u8>, StoreError> {
        Err(StoreError::Database {
            what: "be copied",
            why: "it is not in memory".into(),
        })
    }
}

/// Documents that expired, a few at a time.
const EXPIRE: &str = "DELETE FROM document WHERE (kind, key) IN
    (SELECT kind, key FROM document WHERE expires <= ?1 ORDER BY expires LIMIT ?2)";
/// A restored copy is a new incarnation.
const RENEW: &str = "UPDATE store_state SET incarnation = incarnation + 1";

/// A change that changes nothing, and is written.
const PROBE: &str = "UPDATE store_state SET incarnation = incarnation";

/// What the writer is asked.
pub(crate) enum Ask {
    /// Jobs in order, each by itself.
    Jobs(Vec<Job>, oneshot::Sender<Results>),
    /// A read (a store in memory has no other connection).
    Read(Question),
    /// Delete documents that expired, at most so many.
    Expire(i64, u32, oneshot::Sender<Result<usize, StoreError>>),
    /// A new incarnation.
    Renew(oneshot::Sender<Result<(), StoreError>>),
    /// Everything that a database in memory holds.
    Snapshot(oneshot::Sender<Result<Vec<u8>, StoreError>>),
    /// Try whether it can be written.
    Probe(oneshot::Sender<Result<(), StoreError>>),
    /// Finish what is queued and end.
    Close,
}

/// Jobs of one call.
type Batch = (Vec<Job>, oneshot::Sender<Results>);

/// Whether jobs are delivery's own: nobody looks at a screen until they are done. What goes of shipments goes by the same
/// writer as what moves them, one after the other.
pub(crate) fn is_delivery(jobs: &[Job]) -> bool {
    jobs.iter()
        .any(|job| matches!(job, Job::Settle(_) | Job::Forget(_)))
}

/// What waits: people's work goes before delivery's steps (rule 6).
#[derive(Default)]
struct Waiting {
    interactive: VecDeque<Batch>,
    settle: VecDeque<Batch>,
}

impl Waiting {
    fn push(&mut self, batch: Batch) {
        if is_delivery(&batch.0) {
            self.settle.push_back(batch);
        } else {
            self.interactive.push_back(batch);
        }
    }

    /// The next group: whole batches, at least one, so a batch is never torn.
    fn group(&mut self) -> Vec<Batch> {
        let mut group = Vec::new();
        let mut jobs = 0;
        for queue in [&mut self.interactive, &mut self.settle] {
            while let Some(batch) =
                queue.pop_front_if(|next| jobs == 0 || jobs + next.0.len() <= GROUP)
            {
                jobs += batch.0.len();
                group.push(batch);
            }
        }
        group
    }
}

/// Runs until every asker is gone or one closes; `committed` is called after every commit.
pub(crate) fn run<W: Writes>(
    mut db: W,
    asks: &mpsc::Receiver<Ask>,
    health: &Health,
    committed: impl Fn(),
) {
    let mut waiting = Waiting::default();
    let mut open = true;
    while open {
        let Ok(ask) = asks.recv() else { break };
        let mut next = Some(ask);
        loop {
            while let Some(ask) = next.take().or_else(|| asks.try_recv().ok()) {
                match ask {
                    Ask::Jobs(jobs, answer) => waiting.push((jobs, answer)),
                    Ask::Read(question) => {
                        // What was handed in before it is done: no matter how fast this thread is.
                        while step(&mut db, health, &mut waiting, &committed) {}
                        question()(&db);
                    }
                    Ask::Expire(now, limit, answer) => {
                        let gone = db.statement(EXPIRE, &[now.into(), limit.into()]);
                        let _ = answer
                            .send(gone.map(|rows| usize::try_from(rows).unwrap_or(usize::MAX)));
                        committed();
                    }
                    Ask::Renew(answer) => {
                        let _ = answer.send(db.statement(RENEW, &[]).map(drop));
                    }
                    Ask::Probe(answer) => {
                        let done = db.statement(PROBE, &[]).map(drop);
                        tell(health, &done);
                        let _ = answer.send(done);
                        committed();
                    }
                    Ask::Snapshot(answer) => {
                        let _ = answer.send(db.snapshot());
                    }
                    Ask::Close => open = false,
                }
            }
            if !step(&mut db, health, &mut waiting, &committed) {
                break;
            }
        }
    }
}

/// Commits the next group; `false` when nothing waits.
fn step(
    db: &mut impl Writes,
    health: &Health,
    waiting: &mut Waiting,
    committed: &impl Fn(),
) -> bool {
    let group = waiting.group();
    if group.is_empty() {
        return false;
    }
    commit(db, health, group);
    committed();
    true
}

fn tell<T>(health: &Health, done: &Result<T, StoreError>) {
    match done {
        Ok(_) => health.well(),
        Err(error) => health.hurt(error),
    }
}

fn commit(db: &mut impl Writes, health: &Health, group: Vec<Batch>) {
    let mut jobs = Vec::new();
    let mut answers = Vec::with_capacity(group.len());
    for (batch, answer) in group {
        answers.push((batch.len(), answer));
        jobs.extend(batch);
    }
    let done = db.commit(&jobs);
    tell(health, &done);
    let mut results = match done {
        Ok(results) => results.into_iter().map(said).collect(),
        Err(e) if jobs.len() == 1 => vec![Err(e)],
        // The database itself is in trouble: nobody is better off alone.
        Err(
            e @ (StoreError::Away { .. } | StoreError::Unknown { .. } | StoreError::Full { .. }),
        ) => jobs.iter().map(|_| Err(e.clone())).collect(),
        // One job spoilt the group: each by itself, so that only that one fails.
        Err(_) => jobs
            .iter()
            .map(|job| {
                let results = db.commit(std::slice::from_ref(job))?;
                results.into_iter().try_for_each(said)
            })
            .collect::<Vec<_>>(),
    }
    .into_iter();
    for (len, answer) in answers {
        // Who asked may be gone; the jobs are done all the same.
        let _ = answer.send(results.by_ref().take(len).collect());
    }
}

fn said(result: Result<(), Refused>) -> Result<(), StoreError> {
    result.map_err(StoreError::Refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Forget, ForgetJob};

    #[test]
    fn what_goes_waits_behind_people_and_beside_delivery() {
        let go = Job::Forget(Box::new(ForgetJob {
            slice: 7,
            epoch: 0,
            what: Forget::Journals(Vec::new()),
        }));
        let mut waiting = Waiting::default();
        for jobs in [vec![go], vec![Job::Documents(Vec::new())]] {
            waiting.push((jobs, oneshot::channel().0));
        }
        let group = waiting.group();
        let first = &group[0].0[..];
        assert!(matches!(first, [Job::Documents(_)]), "{first:?}");
        assert!(is_delivery(&group[1].0));
    }
}
