//! The one writer: a thread that commits in groups. A group is what queued while the previous commit ran, so a lone job
//! never waits and a crowd shares its commits.

use crate::sqlite::Sqlite;
use crate::{Job, Jobs, Reads, Refused, StoreError};
use std::collections::VecDeque;
use std::sync::mpsc;
use tokio::sync::oneshot;

/// The most jobs of a group: more make commits long, and edits wait for them.
const GROUP: usize = 200;

pub(crate) type Results = Vec<Result<(), StoreError>>;
pub(crate) type Question = Box<dyn FnOnce(&dyn Reads) + Send>;

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
    /// Finish what is queued and end.
    Close,
}

/// Jobs of one call.
type Batch = (Vec<Job>, oneshot::Sender<Results>);

/// What waits: people's work goes before delivery's steps (rule 6).
#[derive(Default)]
struct Waiting {
    interactive: VecDeque<Batch>,
    settle: VecDeque<Batch>,
}

impl Waiting {
    fn push(&mut self, batch: Batch) {
        if batch.0.iter().any(|job| matches!(job, Job::Settle(_))) {
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
pub(crate) fn run(mut db: Sqlite, asks: &mpsc::Receiver<Ask>, committed: impl Fn()) {
    let mut waiting = Waiting::default();
    let mut open = true;
    while open {
        let Ok(ask) = asks.recv() else { break };
        let mut next = Some(ask);
        loop {
            while let Some(ask) = next.take().or_else(|| asks.try_recv().ok()) {
                match ask {
                    Ask::Jobs(jobs, answer) => waiting.push((jobs, answer)),
                    Ask::Read(question) => question(&db),
                    Ask::Expire(now, limit, answer) => {
                        let _ = answer.send(db.expire(now, limit));
                        committed();
                    }
                    Ask::Renew(answer) => {
                        let _ = answer.send(db.renew());
                    }
                    Ask::Close => open = false,
                }
            }
            let group = waiting.group();
            if group.is_empty() {
                break;
            }
            commit(&mut db, group);
            committed();
        }
    }
}

fn commit(db: &mut Sqlite, group: Vec<Batch>) {
    let mut jobs = Vec::new();
    let mut answers = Vec::with_capacity(group.len());
    for (batch, answer) in group {
        answers.push((batch.len(), answer));
        jobs.extend(batch);
    }
    let mut results = match db.commit(&jobs) {
        Ok(results) => results.into_iter().map(said).collect(),
        Err(e) if jobs.len() == 1 => vec![Err(e)],
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
