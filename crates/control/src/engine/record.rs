//! What a round decided is written down, and then done (EXAMPLES: “write down first, then do”). A commit takes its time:
//! meanwhile the next round is about other terminals, and what concerns these waits for it.

use super::case::Case;
use super::gather::{Ack, Item, Mobile, What};
use super::{Decided, Engine, IDLE, Progress, SEARCH, SEARCH_EVERY, Stored, inbox};
use crate::{Control, Event, kill};
use delivery::{Action, Outbound, ShipmentId, TerminalId};
use futures_util::future::{MaybeDone, maybe_done};
use std::collections::{HashSet, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use store::{Job, Refused, StoreError};

type Results = Vec<Result<(), StoreError>>;
type Answer = Pin<Box<dyn Future<Output = Results> + Send>>;

/// What is being committed, and about whom.
#[derive(Default)]
pub(super) struct Writing {
    commits: VecDeque<Commit>,
    about: Arc<About>,
}

/// Terminals whose record is being written, by all that an item may name.
#[derive(Clone, Default)]
pub(super) struct About {
    pub terminals: HashSet<TerminalId>,
    shipments: HashSet<ShipmentId>,
    addresses: HashSet<String>,
}

struct Commit {
    answer: MaybeDone<Answer>,
    /// One a job, in order.
    cases: Vec<Case>,
    /// Then what is left for others, by slice, and who waits for that.
    left: Vec<(u8, Option<Ack>)>,
    /// Then what is removed from the inbox, by its keys.
    removed: Vec<String>,
}

impl About {
    fn of<'a>(cases: impl Iterator<Item = &'a Case>) -> Self {
        let mut about = Self::default();
        for case in cases {
            let (terminal, shipment) = case.outcome();
            about.terminals.insert(terminal);
            about.shipments.extend(shipment.map(|(id, _)| id));
            about.addresses.insert(case.terminal().msisdn.clone());
        }
        about
    }

    /// Whether `item` must wait.
    pub(super) fn concerns(&self, item: &Item) -> bool {
        match &item.what {
            What::Nothing | What::Receipt { .. } => false,
            What::Part(part, _) => self.shipments.contains(&part.shipment),
            What::Proof(id, _) | What::Clock(id) | What::TakeUp(id) => self.shipments.contains(id),
            What::Mobile(Mobile { from, .. }) => self.addresses.contains(from),
            What::Answer(id, _) | What::Text(id, _) => self.terminals.contains(id),
        }
    }
}

impl Writing {
    /// How many commits are on their way.
    pub(super) fn len(&self) -> usize {
        self.commits.len()
    }

    /// Whom they are about.
    pub(super) fn about(&self) -> Arc<About> {
        Arc::clone(&self.about)
    }

    /// Hands a commit to the store, without waiting for its answer.
    async fn begin(&mut self, mut commit: Commit) {
        std::future::poll_fn(|context| {
            let _ = Pin::new(&mut commit.answer).poll(context);
            Poll::Ready(())
        })
        .await;
        self.commits.push_back(commit);
        self.look();
    }

    /// Waits for the answer of the oldest.
    pub(super) async fn answered(&mut self) {
        match self.commits.front_mut() {
            Some(commit) => Pin::new(&mut commit.answer).await,
            None => std::future::pending().await,
        }
    }

    /// The oldest, if its answer is here.
    fn take(&mut self) -> Option<(Commit, Results)> {
        let results = Pin::new(&mut self.commits.front_mut()?.answer).take_output()?;
        let commit = self.commits.pop_front()?;
        self.look();
        Some((commit, results))
    }

    fn look(&mut self) {
        let cases = self.commits.iter().flat_map(|commit| &commit.cases);
        self.about = Arc::new(About::of(cases));
    }
}

impl Control {
    /// Begins to write down what was decided. Gives what is to be decided again.
    pub(super) async fn record(
        &self,
        engine: &mut Engine,
        batch: Decided,
        now: i64,
        progress: &mut Progress,
    ) -> Vec<Item> {
        let mut again = batch.later;
        let unknown = batch.unknown.into_iter().map(|item| {
            let until = item.until.or(Some(now + SEARCH));
            (now + SEARCH_EVERY, Item { until, ..item })
        });
        engine.unknown.extend(unknown);
        engine.waiting.extend(batch.waiting);
        progress.done(batch.done);
        let untaken = batch.untaken.into_iter().map(|ack| (ack, false));
        progress.acks.extend(untaken);
        for id in batch.gone {
            engine.deadlines.remove(id);
        }
        let (mut jobs, mut changed) = (Vec::new(), Vec::new());
        let mut cases: Vec<Case> = batch.cases.into_values().collect();
        // What people wait for goes out first (rule 6).
        cases.sort_by_key(Case::turn);
        for mut case in cases {
            let slice = case.terminal().id.subscriber.slice();
            case.bulk().for_each(|parts| engine.pace.planned(parts));
            let Some(held) = engine.held.get(slice) else {
                // Lost between two looks: they find their way in the next round.
                again.extend(case.items);
                continue;
            };
            case.sends_within(held.fence.as_ref());
            match case.job(held.epoch) {
                Some(job) => {
                    jobs.push(job);
                    changed.push(case);
                }
                None => self.carry_out(engine, case, false, now, progress),
            }
        }
        let left = self.for_others(batch.elsewhere, now, &mut jobs, engine, progress);
        self.write_down(engine, jobs, changed, left).await;
        again
    }

    /// Does what was written down, of every commit that is answered. Gives what is to be decided again: what had to wait,
    /// and what somebody else's record was faster than.
    pub(super) fn finish(
        &self,
        engine: &mut Engine,
        now: i64,
        progress: &mut Progress,
    ) -> Vec<Item> {
        let mut again = Vec::new();
        while let Some((commit, results)) = engine.writing.take() {
            again.append(&mut engine.waiting);
            self.recorded(engine, commit, results, now, progress, &mut again);
        }
        again
    }

    fn recorded(
        &self,
        engine: &mut Engine,
        commit: Commit,
        results: Results,
        now: i64,
        progress: &mut Progress,
        again: &mut Vec<Item>,
    ) {
        let mut results = results.into_iter();
        for (case, result) in commit.cases.into_iter().zip(results.by_ref()) {
            match result {
                Ok(()) => self.carry_out(engine, case, true, now, progress),
                Err(StoreError::Refused(Refused::Stale)) => {
                    // What was due is still due.
                    progress.at(now);
                    again.extend(case.items);
                }
                Err(StoreError::Refused(Refused::NotOwner)) => {
                    let slice = case.terminal().id.subscriber.slice();
                    if let Some(held) = engine.held.get(slice) {
                        self.not_owner(slice, held.epoch);
                    }
                    again.extend(case.items);
                }
                // The terminal is gone, and whatever was to be done about it.
                Err(StoreError::Refused(Refused::Missing)) => {
                    if let (_, Some((id, _))) = case.outcome() {
                        engine.deadlines.remove(id);
                    }
                    progress.done(case.items.into_iter().filter_map(|item| item.ack));
                }
                Err(error) => {
                    progress.fail(error);
                    // It may have been recorded all the same: then nobody else looks after it.
                    if let (_, Some((id, _))) = case.outcome() {
                        engine.deadlines.set(id, now + IDLE);
                    }
                    for item in case.items {
                        if let What::Clock(id) | What::TakeUp(id) = item.what {
                            engine.deadlines.set(id, now + IDLE);
                        }
                        progress.acks.extend(item.ack.map(|ack| (ack, false)));
                    }
                }
            }
        }
        for ((slice, ack), result) in commit.left.into_iter().zip(results.by_ref()) {
            match result {
                Ok(()) => {
                    progress.done(ack);
                    self.wake_for(slice);
                }
                Err(error) => {
                    progress.fail(error);
                    progress.acks.extend(ack.map(|ack| (ack, false)));
                }
            }
        }
        for (key, result) in commit.removed.into_iter().zip(results) {
            // What could not be removed comes again.
            engine.inbox.lay_down(&key);
            if let Err(error) = result {
                progress.fail(error);
            }
        }
    }

    /// What is another node's: its jobs are added; gives their slices and who waits for them.
    fn for_others(
        &self,
        elsewhere: Vec<(u8, Item)>,
        now: i64,
        jobs: &mut Vec<Job>,
        engine: &mut Engine,
        progress: &mut Progress,
    ) -> Vec<(u8, Option<Ack>)> {
        let mut left = Vec::new();
        for (slice, item) in elsewhere {
            match (item.what, item.event) {
                (What::Clock(id) | What::TakeUp(id), _) => engine.deadlines.remove(id),
                (_, Some(event)) => {
                    jobs.push(inbox::leave(slice, &event, self.random_u64(), now));
                    left.push((slice, item.ack));
                }
                // From the inbox: it stays there for the next owner.
                _ => progress.acks.extend(item.ack.map(|ack| (ack, false))),
            }
        }
        left
    }

    /// Tells those who wait that what they brought is stored, or could not be. What is not removed from the inbox with its
    /// own record goes with the next commit, or in one of its own when there is none.
    pub(super) async fn give_word(
        &self,
        engine: &mut Engine,
        acks: Vec<(Ack, bool)>,
        stored: &Stored,
    ) {
        for (ack, ok) in acks {
            match ack {
                Ack::Gateway { token, mobile } => {
                    let (before, after) = moments(mobile);
                    kill::after(before);
                    stored(token, ok);
                    kill::after(after);
                }
                Ack::Inbox(slice, key) if ok => engine.inbox.is_done(slice, key),
                Ack::Inbox(_, key) => engine.inbox.lay_down(&key),
            }
        }
        if engine.writing.len() == 0 {
            self.write_down(engine, Vec::new(), Vec::new(), Vec::new())
                .await;
        }
    }

    /// Begins a commit of `jobs`, one a case and then one a thing left, and of what is to be removed from the inbox.
    async fn write_down(
        &self,
        engine: &mut Engine,
        mut jobs: Vec<Job>,
        cases: Vec<Case>,
        left: Vec<(u8, Option<Ack>)>,
    ) {
        let (removals, removed) = engine.inbox.removals();
        jobs.extend(removals);
        if jobs.is_empty() {
            return;
        }
        let store = self.store().clone();
        let answer: Answer = Box::pin(async move { store.run_all(jobs).await });
        let commit = Commit {
            answer: maybe_done(answer),
            cases,
            left,
            removed,
        };
        engine.writing.begin(commit).await;
    }

    /// What was decided about a terminal is recorded: does it.
    fn carry_out(
        &self,
        engine: &mut Engine,
        mut case: Case,
        changed: bool,
        now: i64,
        progress: &mut Progress,
    ) {
        case.moments.iter().for_each(|moment| kill::after(moment));
        let (terminal, shipment) = case.outcome();
        let over = shipment.is_some_and(|(_, state)| state.is_final());
        let due = case.mark.filter(|_| case.terminal().in_flight.is_none());
        if let (Some(mark), None) = (due, case.planned) {
            progress.at(mark.at);
        }
        if over {
            // An edit that came meanwhile has waited for this.
            progress.at(now);
        }
        let number = case.terminal().msisdn.clone();
        for action in std::mem::take(&mut case.actions) {
            match action {
                // Proven or given up while it waited to be recorded: nothing is to be sent any more.
                Action::Send(_) if over => {}
                Action::Send(messages) => self.hand_over(messages),
                Action::Wake(at) => {
                    if let Some((id, _)) = shipment.filter(|_| !over) {
                        engine.deadlines.set(id, at);
                    }
                }
                // The time is in the terminal's row (`next_try`); the next step finds it there.
                Action::Replan(at) => progress.at(at),
            }
        }
        if let Some((id, _)) = shipment.filter(|_| over) {
            engine.deadlines.remove(id);
        }
        if let Some(mark) = case.planned {
            self.handed_over(mark.at, self.now().max(now));
        }
        if let Some(Err(error)) = case.answer.take().map(|text| self.text(&number, &text)) {
            tracing::warn!(%error, "the answer to a text was not sent");
        }
        let acks = std::mem::take(&mut case.items).into_iter();
        for ack in acks.filter_map(|item| item.ack) {
            match &ack {
                // It was removed with the record.
                Ack::Inbox(slice, key) if changed && *slice == terminal.subscriber.slice() => {
                    engine.inbox.lay_down(key);
                }
                _ => progress.done([ack]),
            }
        }
        if let Some(known) = case.into_known(changed) {
            engine.known.keep(known);
        }
        if !changed {
            return;
        }
        if let Some((id, state)) = shipment {
            self.emit(Event::Shipment {
                id,
                terminal,
                state,
            });
        }
        self.emit(Event::Terminal {
            id: terminal,
            state: None,
        });
    }

    fn hand_over(&self, messages: Vec<Outbound>) {
        let monotonic = self.clocks().monotonic;
        for message in messages {
            // It goes when the lease is renewed, or by another node.
            if message
                .fence
                .as_ref()
                .is_some_and(|fence| !fence.open(monotonic))
            {
                continue;
            }
            // A closed channel: Kith is going down, and what is recorded goes out at the next start.
            let _ = self.0.outbound.send(message);
            kill::after("part-handed-over");
        }
    }
}

/// The moments before and after the answer to a gateway, as [`crate::kill::after`] names them.
fn moments(mobile: bool) -> (&'static str, &'static str) {
    if mobile {
        ("answer-stored", "answer-acknowledged")
    } else {
        ("receipt-stored", "receipt-acknowledged")
    }
}
