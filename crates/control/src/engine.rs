//! The loop that carries decisions out: what happened and what is due go in together; one question loads what they need,
//! decisions are made, one commit records them, and only then are they carried out (rules 1, 2 and 5). It may die after
//! any step: what was recorded is taken up again at the next start.

mod batch;
mod case;
mod deadlines;
mod fragments;
mod gather;
mod ids;
mod inbox;
mod known;
mod pace;
mod plan;
mod proof;
mod texts;

pub(crate) use plan::{OTA_KEYS, join_keys};

use crate::owner::Holdings;
use crate::{Control, Event, kill};
use batch::{Batch, Decided};
use case::Case;
use delivery::{Action, Lane, Outbound, ShipmentId, Slices, Target};
use gather::{Ack, Item, Loaded, Plans, Room, Wanted, What};
use std::sync::Arc;
use std::time::Duration;
use store::{Job, Refused, StoreError};
use tokio::sync::mpsc;

/// What the engine keeps in memory: all of it can be rebuilt from the store.
pub(crate) struct Engine {
    /// Whose terminals it works on, as it last saw; it is the only one that decides about them.
    held: Arc<Holdings>,
    deadlines: deadlines::Deadlines,
    ids: ids::Ids,
    pace: pace::Pace,
    known: known::Knowledge,
    recheck: crate::recheck::Recheck,
    /// What an earlier owner left on its way in these slices, after this shipment.
    take_up: Vec<(Slices, Option<ShipmentId>)>,
    /// Receipts for what nobody has recorded yet, and when they are looked at again, ms UTC.
    unknown: Vec<(i64, Item)>,
    /// When it last looked into the inbox, ms UTC.
    looked: i64,
    /// When calls, departures and figures were last looked after, ms UTC.
    tended: i64,
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            held: Arc::default(),
            deadlines: Default::default(),
            ids: Default::default(),
            pace: Default::default(),
            known: Default::default(),
            recheck: Default::default(),
            take_up: Vec::new(),
            unknown: Vec::new(),
            looked: i64::MIN,
            tended: i64::MIN,
        }
    }
}

/// Tells the communication module that a message was stored (`true`) or could not be.
pub type Stored = Box<dyn Fn(u64, bool) + Send + Sync>;

/// How long the loop sleeps when nothing is known to be due, and between two looks at calls and departures; edits wake it.
const IDLE: i64 = 1_000;
/// How much of a kind is decided in one commit: the next edit waits for no more than this.
const BATCH: u32 = 256;
/// How long a receipt waits for the record of its message, which another node may be writing, and how often it is
/// looked for, ms.
const SEARCH: i64 = 2_000;
const SEARCH_EVERY: i64 = 100;
/// How often a step decides again because somebody else changed a terminal meanwhile.
const ROUNDS: u32 = 16;

/// What a step has come to so far.
struct Progress {
    /// The next thing to do, ms UTC.
    next: i64,
    /// Answers that wait for the end of the step.
    acks: Vec<(Ack, bool)>,
    failed: Option<StoreError>,
}

impl Control {
    /// Runs until `stop` resolves. Takes up what an earlier process left.
    pub async fn run(
        &self,
        mut inbox: mpsc::Receiver<delivery::Event>,
        stored: Stored,
        stop: impl Future<Output = ()>,
    ) {
        const MOST: usize = BATCH as usize;
        tokio::pin!(stop);
        let mut events = Vec::new();
        // What other nodes write, nobody tells: it is looked for.
        let idle = if self.0.owner.shared() {
            inbox::LOOK
        } else {
            IDLE
        };
        loop {
            let wait = match self.step(std::mem::take(&mut events), &stored).await {
                Ok(next) => next.saturating_sub(self.now()).clamp(0, idle),
                Err(error) => {
                    tracing::error!(%error, "a step of delivery could not be done; trying again");
                    IDLE
                }
            };
            let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(0));
            tokio::select! {
                () = &mut stop => break,
                count = inbox.recv_many(&mut events, MOST) => if count == 0 { break },
                () = self.0.wake.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
            // What came together is taken in together.
            while events.len() < MOST
                && let Ok(event) = inbox.try_recv()
            {
                events.push(event);
            }
        }
    }

    /// One step: takes in `events`, everything overdue and what is due, records what is decided, then carries it out and
    /// answers what came with a token (`stored`). Gives when there is something to do next, ms UTC, as far as it knows;
    /// edits by others and calls want a look every second.
    ///
    /// # Errors
    /// The store's. What could not be recorded was not carried out; all of it comes again.
    pub async fn step(
        &self,
        events: Vec<delivery::Event>,
        stored: &Stored,
    ) -> Result<i64, StoreError> {
        let engine = &mut *self.0.engine.lock().await;
        let now = self.now();
        let mut progress = Progress {
            next: i64::MAX,
            acks: Vec::new(),
            failed: None,
        };
        engine.notice(self.0.owner.holdings());
        if let Err(error) = self.tend(engine, now).await {
            progress.fail(error);
        }
        let mut items = Vec::with_capacity(events.len());
        for event in events {
            self.say(&event);
            let copy = self.0.owner.shared().then(|| event.clone());
            let Some(mut item) = Item::from(event) else {
                continue;
            };
            item.event = copy;
            self.recognise(engine, &mut item);
            items.push(item);
        }
        let (again, rest) = std::mem::take(&mut engine.unknown)
            .into_iter()
            .partition(|(at, _)| *at <= now);
        engine.unknown = rest;
        let again: Vec<_> = again;
        items.extend(again.into_iter().map(|(_, item)| item));
        match self.inbox(engine, now).await {
            Ok(left) => items.extend(left),
            Err(error) => progress.fail(error),
        }
        // After the events: a proof that is here comes before its deadline.
        let late = engine.deadlines.take(now, BATCH as usize).into_iter();
        items.extend(late.map(|id| Item::of(What::Clock(id))));
        match self.left_over(engine).await {
            Ok(left) => {
                items.extend(left);
                if !engine.take_up.is_empty() {
                    progress.at(now);
                }
            }
            Err(error) => progress.fail(error),
        }
        self.rounds(engine, items, now, &mut progress).await;
        self.give_word(progress.acks, stored, &mut progress.failed)
            .await;
        if let Some(error) = progress.failed {
            return Err(error);
        }
        let again = engine.unknown.iter().map(|(at, _)| *at).min();
        let known = [engine.deadlines.next(), Some(progress.next), again];
        let known = known.into_iter().flatten().min();
        Ok(known.unwrap_or(i64::MAX))
    }

    /// Decides and records until nothing is left: a second shipment of a terminal, and a terminal that somebody else
    /// changed meanwhile, are decided from fresh state.
    async fn rounds(
        &self,
        engine: &mut Engine,
        mut items: Vec<Item>,
        now: i64,
        progress: &mut Progress,
    ) {
        let (per_s, most) = (self.settings().bulk_per_s, self.settings().bulk_waiting);
        let bulk = engine.pace.room(now, per_s, most, || self.parts_waiting());
        engine.notice(self.0.owner.holdings());
        let mut plans = Some(Plans {
            owned: engine.held.slices(),
            now,
            room: Room { most: BATCH, bulk },
        });
        for _ in 0..ROUNDS {
            let planning = plans.is_some();
            engine.notice(self.0.owner.holdings());
            let wanted = Wanted::of(&items, &engine.known, plans.take());
            let loaded = if wanted.is_nothing() {
                Ok(Loaded::default())
            } else {
                let shared = Arc::clone(&self.0.contents);
                let load = move |reads: &dyn store::Reads| wanted.load(reads, &shared);
                self.store().read(load).await
            };
            let loaded = match loaded {
                Ok(loaded) => loaded,
                Err(error) => {
                    progress.fail(error);
                    break;
                }
            };
            let held = Arc::clone(&engine.held);
            let mut batch = Batch::new(self, now, &mut engine.known, loaded, held);
            items.drain(..).for_each(|item| batch.take(item));
            if planning {
                batch.plan(&mut engine.ids);
                progress.at(batch.next.unwrap_or(i64::MAX));
                if batch.more {
                    progress.at(now);
                }
            }
            let more_bulk = planning && batch.more_bulk;
            let decided = batch.decided();
            items = self.record(engine, decided, now, progress).await;
            if more_bulk {
                progress.at(engine.pace.next(now, per_s, most));
            }
            if items.is_empty() {
                return;
            }
        }
        // It comes again: events by the gateway, deadlines here.
        for item in items {
            if let What::Clock(id) | What::TakeUp(id) = item.what {
                engine.deadlines.set(id, now + IDLE);
            }
            progress.acks.extend(item.ack.map(|ack| (ack, false)));
        }
    }

    /// Writes down, then does (EXAMPLES: “write down first, then do”). Gives what is to be decided again.
    async fn record(
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
        progress.done(batch.done);
        for id in batch.gone {
            engine.deadlines.remove(id);
        }
        let (mut jobs, mut changed) = (Vec::new(), Vec::new());
        let mut cases: Vec<Case> = batch.cases.into_values().collect();
        // What people wait for goes out first (rule 6).
        cases.sort_by_key(Case::turn);
        for mut case in cases {
            let slice = case.terminal().id.subscriber.slice();
            let Some(held) = engine.held.get(slice) else {
                // Lost between two looks: they find their way in the next round.
                again.extend(case.items);
                continue;
            };
            match case.job(held.epoch) {
                Some(job) => {
                    jobs.push(job);
                    changed.push(case);
                }
                None => self.carry_out(engine, case, false, now, progress),
            }
        }
        let elsewhere = self.for_others(batch.elsewhere, now, &mut jobs, engine, progress);
        if jobs.is_empty() {
            return again;
        }
        let mut results = self.store().run_all(jobs).await.into_iter();
        for (case, result) in changed.into_iter().zip(results.by_ref()) {
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
        for ((slice, ack), result) in elsewhere.into_iter().zip(results) {
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
        again
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

    /// Tells those who wait that what they brought is stored, or could not be.
    async fn give_word(
        &self,
        acks: Vec<(Ack, bool)>,
        stored: &Stored,
        failed: &mut Option<StoreError>,
    ) {
        let mut taken = Vec::new();
        for (ack, ok) in acks {
            match ack {
                Ack::Gateway { token, mobile } => {
                    let (before, after) = moments(mobile);
                    kill::after(before);
                    stored(token, ok);
                    kill::after(after);
                }
                Ack::Inbox(slice, key) if ok => taken.push(inbox::remove(slice, key)),
                Ack::Inbox(..) => {}
            }
        }
        if !taken.is_empty() {
            let results = self.store().run_all(taken).await;
            // What could not be removed comes again.
            if let Some(error) = results.into_iter().find_map(Result::err) {
                failed.get_or_insert(error);
            }
        }
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
                Action::Send(messages) => self.hand_over(engine, messages),
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
        let items = std::mem::take(&mut case.items).into_iter();
        progress.done(items.filter_map(|item| item.ack));
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

    /// A card's answer to what is in memory needs no question.
    fn recognise(&self, engine: &Engine, item: &mut Item) {
        let What::Mobile(message) = &item.what else {
            return;
        };
        let known = engine.known.at(&message.from);
        let Some((parts, known)) = message.whole.as_ref().zip(known) else {
            return;
        };
        let Some(answer) = proof::read(self, &known.terminal, parts) else {
            return;
        };
        let mut packets = known.shipment.packets.iter();
        if packets.any(|packet| packet.counter == Some(answer.counter)) {
            item.what = What::Proof(known.shipment.id, answer);
        }
    }

    fn hand_over(&self, engine: &mut Engine, messages: Vec<Outbound>) {
        let bulk = messages.iter().filter(|part| part.lane == Lane::Bulk);
        match bulk.count() {
            0 => {}
            parts => engine.pace.planned(parts),
        }
        let monotonic = self.clocks().monotonic;
        for mut message in messages {
            if let Target::Part(part) = message.target {
                let held = engine.held.get(part.shipment.slice());
                message.fence = held.and_then(|held| held.fence.clone());
            }
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

    /// Calls that ended by themselves, departures, figures: once a second.
    async fn tend(&self, engine: &mut Engine, now: i64) -> Result<(), StoreError> {
        if (engine.tended..engine.tended.saturating_add(IDLE)).contains(&now) {
            return Ok(());
        }
        engine.tended = now;
        let owned = engine.held.slices();
        self.recheck(&mut engine.recheck, owned).await?;
        // What is nobody's in particular is done by one node.
        let one = self.is_first();
        self.beat(one).await?;
        if !one {
            return Ok(());
        }
        self.keep_calls().await?;
        self.see_all_off().await
    }

    /// The next page of what an earlier process left on its way.
    async fn left_over(&self, engine: &mut Engine) -> Result<Vec<Item>, StoreError> {
        let Some((slices, last)) = engine.take_up.last().copied() else {
            return Ok(Vec::new());
        };
        let page = self
            .store()
            .read(move |reads| reads.in_flight_after(&slices, last, BATCH))
            .await?;
        engine.take_up.pop();
        if let Some(id) = page.last() {
            engine.take_up.push((slices, Some(*id)));
        }
        let page = page.into_iter();
        Ok(page.map(|id| Item::of(What::TakeUp(id))).collect())
    }

    /// Bulk parts that wait for a gateway.
    fn parts_waiting(&self) -> u32 {
        self.network().bulk_queued()
    }

    /// What pages and logs are told of an event before anything is decided.
    fn say(&self, event: &delivery::Event) {
        if let delivery::Event::Gateway {
            gateway,
            up,
            reason,
        } = event
        {
            tracing::info!(gateway, up, reason, "gateway");
            let state = if *up { "up" } else { "down" };
            self.emit(Event::Gateway {
                name: gateway.clone(),
                state: state.into(),
            });
        }
    }
}

impl Progress {
    /// There is something to do at `at`.
    fn at(&mut self, at: i64) {
        self.next = self.next.min(at);
    }

    fn done(&mut self, acks: impl IntoIterator<Item = Ack>) {
        self.acks.extend(acks.into_iter().map(|ack| (ack, true)));
    }

    /// The first failure says it all.
    fn fail(&mut self, error: StoreError) {
        self.failed.get_or_insert(error);
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

impl Engine {
    /// Goes by what this node holds now: what is lost is forgotten, what is new is taken up.
    fn notice(&mut self, held: Arc<Holdings>) {
        if Arc::ptr_eq(&self.held, &held) {
            return;
        }
        let changed = held.changed(&self.held);
        let new: Slices = changed.iter().filter(|s| held.get(*s).is_some()).collect();
        self.deadlines.forget(&changed);
        for (slices, _) in &mut self.take_up {
            changed.iter().for_each(|slice| slices.remove(slice));
        }
        self.take_up.retain(|(slices, _)| !slices.is_empty());
        if !new.is_empty() {
            self.take_up.push((new, None));
        }
        self.held = held;
    }
}
