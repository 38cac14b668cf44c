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
mod record;
mod texts;

pub(crate) use inbox::left;
pub(crate) use plan::{OTA_KEYS, join_keys};

use crate::owner::Holdings;
use crate::{Control, Event};
use batch::{Batch, Decided};
use delivery::{ShipmentId, Slices};
use gather::{Ack, Item, Loaded, Plans, Room, Wanted, What};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::StoreError;
use tokio::sync::mpsc;

/// What the engine keeps in memory: all of it can be rebuilt from the store.
#[derive(Default)]
pub(crate) struct Engine {
    /// Whose terminals it works on, as it last saw; it is the only one that decides about them.
    held: Arc<Holdings>,
    deadlines: deadlines::Deadlines,
    ids: ids::Ids,
    pace: pace::Pace,
    known: known::Knowledge,
    /// What an earlier owner left on its way in these slices, after this shipment.
    take_up: Vec<(Slices, Option<ShipmentId>)>,
    /// What is being committed.
    writing: record::Writing,
    /// What concerns a terminal whose record is being written.
    waiting: Vec<Item>,
    /// Receipts for what nobody has recorded yet, and when they are looked at again, ms UTC.
    unknown: Vec<(i64, Item)>,
    inbox: inbox::Inbox,
}

/// Tells the communication module that a message was stored (`true`) or could not be.
pub type Stored = Box<dyn Fn(u64, bool) + Send + Sync>;

/// How long the loop sleeps when nothing is known to be due; edits wake it.
const IDLE: i64 = 1_000;
/// How much of a kind is decided in one commit: the next edit waits for no more than this.
const BATCH: u32 = 256;
/// How long a receipt waits for the record of its message, which another node may be writing, and how often it is
/// looked for, ms.
const SEARCH: i64 = 2_000;
const SEARCH_EVERY: i64 = 100;
/// How many commits may be on their way: while one is written down, the next is decided.
const COMMITS: usize = 2;
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

/// Takes in events until there are `enough`; whether there may be more.
async fn taken(
    inbox: &mut mpsc::Receiver<delivery::Event>,
    events: &mut Vec<delivery::Event>,
    enough: usize,
) -> bool {
    while events.len() < enough {
        let room = BATCH as usize - events.len();
        if inbox.recv_many(events, room).await == 0 {
            return false;
        }
    }
    true
}

impl Control {
    /// Runs until `stop` resolves. Takes up what an earlier process left.
    pub async fn run(
        &self,
        inbox: mpsc::Receiver<delivery::Event>,
        stored: Stored,
        stop: impl Future<Output = ()>,
    ) {
        tokio::select! {
            () = self.steps(inbox, stored, stop) => {}
            () = self.keep_up() => {}
        }
    }

    /// Step after step.
    async fn steps(
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
            let engine = &mut *self.0.engine.lock().await;
            let events_now = std::mem::take(&mut events);
            let wait = match self.begin(engine, events_now, &stored).await {
                Ok(next) => next.saturating_sub(self.now()).clamp(0, idle),
                Err(error) => {
                    tracing::error!(%error, "a step of delivery could not be done; trying again");
                    IDLE
                }
            };
            let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(0));
            // Decided together, things are recorded in fewer commits: while one is on its way, a step waits for a full batch.
            // But for an edit, while there is room: people wait for that one (rule 6).
            let (busy, room) = (engine.writing.len() > 0, engine.writing.len() < COMMITS);
            tokio::select! {
                () = &mut stop => break,
                () = engine.writing.answered() => {}
                open = taken(&mut inbox, &mut events, if busy { MOST } else { 1 }) => if !open { break },
                () = self.0.wake.notified(), if room => {}
                () = tokio::time::sleep(wait), if !busy => {}
            }
            // What came together is taken in together.
            while events.len() < MOST
                && let Ok(event) = inbox.try_recv()
            {
                events.push(event);
            }
        }
        // What has come by now is taken in: an acceptance that nobody records is a part that goes again.
        let came = inbox.len();
        events.extend(std::iter::from_fn(|| inbox.try_recv().ok()).take(came));
        // What is on its way to the disk is done, and answered.
        loop {
            let rest = events.split_off(events.len().min(MOST));
            if let Err(error) = self.whole(events, &stored).await {
                tracing::error!(%error, "the last step of delivery could not be done; it is taken up at the next start");
            }
            if rest.is_empty() {
                break;
            }
            events = rest;
        }
    }

    /// One step, and what is looked after once a second: takes in `events`, everything overdue and what is due, records
    /// what is decided, then carries it out and answers what came with a token (`stored`). Gives when there is something to
    /// do next, ms UTC, as far as it knows; edits by others and calls want a look every second.
    ///
    /// # Errors
    /// The store's. What could not be recorded was not carried out; all of it comes again.
    pub async fn step(
        &self,
        events: Vec<delivery::Event>,
        stored: &Stored,
    ) -> Result<i64, StoreError> {
        let kept_up = self.look_after().await;
        let next = self.whole(events, stored).await;
        kept_up.and(next)
    }

    /// The step alone, to its end.
    async fn whole(
        &self,
        events: Vec<delivery::Event>,
        stored: &Stored,
    ) -> Result<i64, StoreError> {
        let engine = &mut *self.0.engine.lock().await;
        let mut next = self.begin(engine, events, stored).await;
        while engine.writing.len() > 0 {
            engine.writing.answered().await;
            let more = self.go_on(engine, stored).await;
            next = next.and_then(|next| Ok(next.min(more?)));
        }
        next
    }

    /// Goes on with what is recorded by now.
    async fn go_on(&self, engine: &mut Engine, stored: &Stored) -> Result<i64, StoreError> {
        let now = self.now();
        let mut progress = Progress::default();
        let items = self.finish(engine, now, &mut progress);
        if !items.is_empty() {
            self.rounds(engine, items, None, now, &mut progress).await;
        }
        self.end(engine, progress, stored).await
    }

    /// The same as [`Control::step`], but for the last commits: they may still be on their way.
    async fn begin(
        &self,
        engine: &mut Engine,
        events: Vec<delivery::Event>,
        stored: &Stored,
    ) -> Result<i64, StoreError> {
        let now = self.now();
        let mut progress = Progress::default();
        self.notice(engine);
        let mut items = self.finish(engine, now, &mut progress);
        for event in events {
            self.say(&event);
            if self.heard_of_offer(&event) {
                continue;
            }
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
            Ok(left) => items.extend(left.into_iter().map(|mut item| {
                self.recognise(engine, &mut item);
                item
            })),
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
        let plans = self.room(engine, now);
        self.rounds(engine, items, Some(plans), now, &mut progress)
            .await;
        self.end(engine, progress, stored).await
    }

    /// Gives word, and when there is something to do next.
    async fn end(
        &self,
        engine: &mut Engine,
        progress: Progress,
        stored: &Stored,
    ) -> Result<i64, StoreError> {
        self.give_word(engine, progress.acks, stored).await;
        if let Some(error) = progress.failed {
            return Err(error);
        }
        let again = engine.unknown.iter().map(|(at, _)| *at).min();
        let known = [engine.deadlines.next(), Some(progress.next), again];
        let known = known.into_iter().flatten().min();
        Ok(known.unwrap_or(i64::MAX))
    }

    /// Goes by what this node holds now.
    fn notice(&self, engine: &mut Engine) {
        let place = |slice| self.store().server_of(slice);
        if engine.notice(self.0.owner.holdings(), place) {
            self.0.contents.forget();
        }
    }

    /// What may be planned now.
    fn room(&self, engine: &mut Engine, now: i64) -> Plans {
        let (per_s, most) = (self.settings().bulk_per_s, self.settings().bulk_waiting);
        let bulk = engine.pace.room(now, per_s, most, || self.parts_waiting());
        Plans {
            now,
            room: Room { most: BATCH, bulk },
            but: engine.writing.about(),
        }
    }

    /// Decides and begins to record until nothing is left: a second shipment of a terminal, and a terminal that somebody
    /// else changed meanwhile, are decided from fresh state.
    async fn rounds(
        &self,
        engine: &mut Engine,
        mut items: Vec<Item>,
        mut plans: Option<Plans>,
        now: i64,
        progress: &mut Progress,
    ) {
        let (per_s, most) = (self.settings().bulk_per_s, self.settings().bulk_waiting);
        for _ in 0..ROUNDS {
            let planning = plans.is_some();
            self.notice(engine);
            let about = engine.writing.about();
            let (waiting, free) = items.into_iter().partition(|item| about.concerns(item));
            engine.waiting.extend::<Vec<_>>(waiting);
            items = free;
            let wanted = Wanted::of(&items, &engine.known, engine.held.slices(), plans.take());
            let loaded = if wanted.is_nothing() {
                Ok(Loaded::default())
            } else {
                let shared = Arc::clone(&self.0.contents);
                let load = move |reads: &dyn store::Reads| wanted.load(reads, &shared);
                self.own_store().read(load).await
            };
            let loaded = match loaded {
                Ok(loaded) => loaded,
                Err(error) => {
                    progress.fail(error);
                    break;
                }
            };
            if loaded.people {
                engine.pace.edited(now);
            }
            let held = Arc::clone(&engine.held);
            let mut batch = Batch::new(self, now, &mut engine.known, loaded, held, about);
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
            while engine.writing.len() >= COMMITS {
                engine.writing.answered().await;
                items.extend(self.finish(engine, now, progress));
            }
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

    /// The next page of what an earlier process left on its way.
    async fn left_over(&self, engine: &mut Engine) -> Result<Vec<Item>, StoreError> {
        let Some((slices, last)) = engine.take_up.last().copied() else {
            return Ok(Vec::new());
        };
        let page = self
            .own_store()
            .read(move |reads| reads.in_flight_after(&slices, last, BATCH))
            .await;
        if page.is_err() {
            // Of another server first, the next time.
            engine.take_up.rotate_right(1);
        }
        let page = page?;
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

impl Default for Progress {
    fn default() -> Self {
        Self {
            next: i64::MAX,
            acks: Vec::new(),
            failed: None,
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

impl Engine {
    /// What is lost is forgotten, what is new is taken up; whether anything changed.
    fn notice(&mut self, held: Arc<Holdings>, place: impl Fn(u8) -> usize) -> bool {
        if Arc::ptr_eq(&self.held, &held) {
            return false;
        }
        // Others may have recorded something meanwhile, or the copy of the store that it was recorded in is lost.
        self.known = known::Knowledge::default();
        let changed = held.changed(&self.held);
        let new: Slices = changed.iter().filter(|s| held.get(*s).is_some()).collect();
        self.deadlines.forget(&changed);
        for (slices, _) in &mut self.take_up {
            changed.iter().for_each(|slice| slices.remove(slice));
        }
        self.take_up.retain(|(slices, _)| !slices.is_empty());
        // A server that is away is left out of a question without a word: each is asked for its own, or nobody is.
        let mut servers = BTreeMap::<usize, Slices>::new();
        for slice in new.iter() {
            servers.entry(place(slice)).or_default().insert(slice);
        }
        self.take_up
            .extend(servers.into_values().map(|slices| (slices, None)));
        self.held = held;
        true
    }
}
