//! The world: one queue of what will happen, ordered by time and by when it was planned; nodes, phones and the store.

use crate::action::{Action, FAULTS};
use crate::carrier::{Inbound, Message, Submit};
use crate::chance::Chance;
use crate::node::{self, Node, Time, lock};
use crate::phones::{Phone, Sim};
use crate::scenario::Scenario;
use crate::stall::{Came, Turn};
use crate::trace::Trace;
use book::SubscriberId;
use control::{Control, Hint, LookAt, Settings};
use delivery::{Event, NodeId, Outbound, Shipment, ShipmentId, TerminalId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::Store;

/// A rule that did not hold, in words.
pub type Found<T = ()> = Result<T, String>;

/// When every life begins, ms UTC.
const BEGINNING: i64 = 1_800_000_000_000;
/// The longest that a node sleeps when it knows of nothing: its clock may jump, and hints may be lost.
const NAP: i64 = 600_000;
/// A store tells its owner of an edit by another node within this, ms.
const HINT: i64 = 200;
/// How often a node looks at its leases, and at the latest at the store for what others wrote, ms.
const LOOK: i64 = 3_000 * node::SLOWER;
const POLL: i64 = 60_000;
/// Hints to other nodes that are lost, of a thousand.
const HINTS_LOST: u32 = 200;
/// Turns of a new process that are at most a second apart, as all are in a real house: it looks through a restored store.
const EAGER: u32 = 24;
/// Turns of a node at one moment; more is a hot loop.
const TURNS: u32 = 300;
/// How long everything may take to come right once nothing goes wrong any more.
const PATIENCE: i64 = 12 * 86_400_000;
/// The same where several nodes live in minutes what others live in hours.
const PATIENCE_SHARED: i64 = 86_400_000;

/// What is going to happen.
pub(crate) enum Next {
    Act {
        no: u64,
        action: Action,
    },
    Start {
        node: usize,
    },
    /// A node looks at its leases.
    Look {
        node: usize,
        life: u32,
    },
    /// A node is told that there is something to look at.
    Hint {
        node: usize,
        life: u32,
        at: LookAt,
    },
    /// The gateway's answer to a submit.
    Answer {
        submit: u64,
    },
    /// A message reaches the phone.
    Arrive {
        message: usize,
        again: bool,
    },
    /// A receipt or a message from a terminal reaches a node.
    Inbound {
        inbound: usize,
    },
}

/// A terminal as the world knows it.
pub(crate) struct Terminal {
    pub id: TerminalId,
    pub msisdn: String,
    pub kind: String,
    /// Its keys were typed in wrongly.
    pub wrong_keys: bool,
}

pub(crate) struct World {
    pub time: Time,
    pub chance: Chance,
    pub trace: Trace,
    pub store: Store,
    pub settings: Settings,
    /// Looks, with an unbroken line to the store; never takes a turn.
    pub watcher: Control,
    pub nodes: Vec<Node>,
    queue: BTreeMap<(i64, u64), Next>,
    planned: u64,
    pub faults: [u32; FAULTS.len()],
    pub calm: bool,
    /// Several nodes on one store.
    pub shared: bool,
    /// Retries come every few seconds, and everything else as much sooner.
    pub quick: bool,
    pub backup: Option<Vec<u8>>,
    /// The store is a back-up that was put back, in this incarnation: what it says of terminals is not proven any more.
    pub restored: Option<u64>,
    pub gateways: [bool; 2],
    pub submits: BTreeMap<u64, Submit>,
    pub messages: Vec<Message>,
    pub inbounds: Vec<Inbound>,
    pub subscribers: Vec<SubscriberId>,
    pub terminals: Vec<Terminal>,
    pub phones: BTreeMap<String, Phone>,
    pub sims: BTreeMap<String, Sim>,
    /// The card that an unfinished swap put in.
    pub swaps: BTreeMap<u64, String>,
    /// Whose terminals or book were written since the last look.
    pub touched: BTreeSet<SubscriberId>,
    /// Something was written that nobody heard of.
    pub unheard: bool,
    /// Shipments that were written since the last look.
    pub moved: BTreeSet<ShipmentId>,
    /// Every shipment as it was written last, in the order of their ids.
    pub shipments: BTreeMap<TerminalId, Vec<Shipment>>,
    /// Revisions that were told to the person who edited.
    pub told: BTreeMap<SubscriberId, u64>,
    /// Every counter that went out to a card, under the right keys or wrong ones, with the octets of its parts.
    pub counters: BTreeMap<(String, bool, u64, u8), Vec<u8>>,
    /// Who recorded something of which slice since the last look.
    pub wrote: BTreeSet<(NodeId, u8)>,
    turns: (i64, u32),
    pub steps: u64,
    /// When everything is looked at next.
    pub next_all: u64,
}

impl World {
    pub fn new(scenario: &Scenario, trace: Trace) -> Found<Self> {
        let mut chance = Chance::of(scenario.seed ^ 0x5EED);
        let time = Time::default();
        time.set(BEGINNING);
        let store = Store::memory().map_err(|error| error.to_string())?;
        let mut policy = scenario.policy;
        if scenario.nodes > 1 {
            // Leases want a look every few seconds: a life of many days would never end.
            policy.validity_s = policy.validity_s.min(120);
        }
        let settings = Settings {
            policy,
            cards: crate::phones::profiles(),
            ..Settings::default()
        };
        let still = Arc::default();
        let (watcher, _) = node::control(
            &time,
            &still,
            chance.fork(),
            store.clone(),
            settings.clone(),
        )?;
        let mut world = Self {
            time,
            chance,
            trace,
            store,
            settings,
            watcher,
            nodes: (0..scenario.nodes).map(|_| Node::new()).collect(),
            queue: BTreeMap::new(),
            planned: 0,
            faults: [0; FAULTS.len()],
            calm: false,
            shared: scenario.nodes > 1,
            quick: scenario.policy != delivery::Policy::SERVE,
            backup: None,
            restored: None,
            gateways: [true; 2],
            submits: BTreeMap::new(),
            messages: Vec::new(),
            inbounds: Vec::new(),
            subscribers: Vec::new(),
            terminals: Vec::new(),
            phones: BTreeMap::new(),
            sims: BTreeMap::new(),
            swaps: BTreeMap::new(),
            touched: BTreeSet::new(),
            unheard: false,
            moved: BTreeSet::new(),
            shipments: BTreeMap::new(),
            told: BTreeMap::new(),
            counters: BTreeMap::new(),
            wrote: BTreeSet::new(),
            turns: (0, 0),
            steps: 0,
            next_all: 0,
        };
        for node in 0..scenario.nodes {
            world.after(0, Next::Start { node });
        }
        for (no, (at, action)) in (1..).zip(&scenario.steps) {
            world.after(
                *at,
                Next::Act {
                    no,
                    action: action.clone(),
                },
            );
        }
        Ok(world)
    }

    /// Plans something in `wait` ms.
    pub fn after(&mut self, wait: i64, next: Next) {
        self.planned += 1;
        self.queue
            .insert((self.time.now() + wait.max(0), self.planned), next);
    }

    pub fn note(&mut self, what: std::fmt::Arguments) {
        self.trace.note(self.time.now() - BEGINNING, what);
    }

    /// Whether a fault strikes now.
    pub fn strikes(&mut self, fault: &str) -> bool {
        let at = FAULTS.iter().position(|name| *name == fault);
        let permille = at.and_then(|at| self.faults.get(at)).copied().unwrap_or(0);
        // Drawn in any case: a fault that is switched off moves nothing else.
        self.chance.strikes(permille) && !self.calm
    }

    /// Lives through the whole life, and then waits until everything is right.
    pub async fn live(&mut self) -> Found {
        let last = self
            .queue
            .last_key_value()
            .map_or(BEGINNING, |((at, _), _)| *at);
        while self.pending_acts() && self.time.now() <= last + PATIENCE {
            self.one(i64::MAX).await?;
        }
        self.note(format_args!("— calm —"));
        self.calm().await?;
        let patience = if self.shared {
            PATIENCE_SHARED
        } else {
            PATIENCE
        };
        let end = self.time.now() + patience;
        loop {
            let until = self.time.now() + if self.shared { 60_000 } else { 1_800_000 };
            while self.one(until).await? {}
            self.time.set(until);
            self.people_look().await?;
            if self.all_is_told() && self.all_right().await?.is_none() {
                self.compare().await?;
                return self.check_all().await;
            }
            if until > end {
                let wrong = self
                    .all_right()
                    .await?
                    .unwrap_or("messages of the network".into());
                return Err(format!("never right again: {wrong}"));
            }
        }
    }

    fn pending_acts(&self) -> bool {
        self.queue
            .values()
            .any(|next| matches!(next, Next::Act { .. }))
    }

    /// Whether the network has nothing left to say.
    fn all_is_told(&self) -> bool {
        !self.queue.values().any(|next| match next {
            Next::Inbound { inbound } => self.inbounds.get(*inbound).is_some_and(|i| !i.acked),
            Next::Arrive { message, .. } => self.messages.get(*message).is_some_and(|m| !m.done),
            Next::Answer { submit } => self.submits.contains_key(submit),
            _ => false,
        })
    }

    /// Lets the next thing happen, if it does by `until`.
    async fn one(&mut self, until: i64) -> Found<bool> {
        let queued = self
            .queue
            .first_key_value()
            .map_or(i64::MAX, |((at, _), _)| *at);
        let (node, wake) = self.first_node();
        let at = queued.min(wake);
        if at > until || at == i64::MAX {
            return Ok(false);
        }
        self.time.set(at.max(self.time.now()));
        self.steps += 1;
        if queued <= wake {
            if let Some((_, next)) = self.queue.pop_first() {
                self.happens(next).await?;
            }
        } else {
            self.turn(node).await?;
        }
        Ok(true)
    }

    fn first_node(&self) -> (usize, i64) {
        let times = self.nodes.iter().enumerate();
        let running = times.filter(|(_, node)| node.running.is_some());
        let wakes = running.map(|(n, node)| (n, node.wake.max(node.paused)));
        wakes.min_by_key(|(_, wake)| *wake).unwrap_or((0, i64::MAX))
    }

    /// Whether a node runs, and is not stopped.
    pub fn is_awake(&self, n: usize) -> bool {
        self.nodes.get(n).is_some_and(|node| {
            let running = node.running.as_ref();
            running.is_some_and(|r| r.turn.is_none()) && node.paused <= self.time.now()
        })
    }

    /// Nodes that can do something now.
    pub fn awake(&self) -> Vec<usize> {
        (0..self.nodes.len())
            .filter(|n| self.is_awake(*n))
            .collect()
    }

    async fn happens(&mut self, next: Next) -> Found {
        match next {
            Next::Act { no, action } => {
                self.note(format_args!("{action}"));
                if !self.act(no, &action).await? {
                    let wait = if self.shared { 5_000 } else { 60_000 };
                    self.after(wait, Next::Act { no, action });
                }
                self.every_node_looks(HINT);
                self.check_books().await?;
                self.check().await?;
            }
            Next::Start { node } => self.start(node).await?,
            Next::Look { node, life } => self.look(node, life).await?,
            Next::Hint { node, life, at } => self.hinted(node, life, at).await?,
            Next::Answer { submit } => self.answered(submit),
            Next::Arrive { message, again } => self.arrives(message, again),
            Next::Inbound { inbound } => self.comes_in(inbound),
        }
        Ok(())
    }

    /// Every node looks at the store within `wait` ms.
    pub fn every_node_looks(&mut self, wait: i64) {
        let at = self.time.now() + wait;
        for node in &mut self.nodes {
            node.wake = node.wake.min(at);
        }
    }

    /// A node gets something to look at, at once.
    pub fn give(&mut self, node: usize, event: Event) {
        let now = self.time.now();
        if let Some(node) = self.nodes.get_mut(node)
            && let Some(running) = &mut node.running
        {
            running.inbox.push(event);
            node.wake = now;
        }
    }

    async fn start(&mut self, n: usize) -> Found {
        let chance = self.chance.fork();
        let Some(node) = self.nodes.get_mut(n).filter(|node| node.running.is_none()) else {
            return Ok(());
        };
        let running = node::start(
            &self.time,
            &node.ahead,
            chance,
            &self.store,
            self.settings.clone(),
            self.shared,
        )?;
        node.life += 1;
        (node.stall, node.eager) = (None, EAGER);
        node.wake = self.time.now();
        node.running = Some(running);
        let life = node.life;
        self.note(format_args!("node {n} starts (life {life})"));
        if self.shared {
            self.after(0, Next::Look { node: n, life });
        }
        Ok(())
    }

    /// A node looks at its leases, unless it is stopped.
    async fn look(&mut self, n: usize, life: u32) -> Found {
        let now = self.time.now();
        let Some(node) = self.nodes.get(n).filter(|node| node.life == life) else {
            return Ok(());
        };
        if node.running.is_none() {
            return Ok(());
        }
        if node.paused > now {
            let wait = node.paused - now + self.chance.within(0, 20);
            self.after(wait, Next::Look { node: n, life });
            return Ok(());
        }
        self.after(LOOK, Next::Look { node: n, life });
        self.look_now(n).await
    }

    async fn look_now(&mut self, n: usize) -> Found {
        let running = self.nodes.get(n).and_then(|node| node.running.as_ref());
        let Some(control) = running.map(|running| running.control.clone()) else {
            return Ok(());
        };
        if let Err(error) = control.look_at_leases().await {
            self.note(format_args!("node {n}, leases: {error}"));
        }
        self.after_turn(n).await
    }

    /// Another node's hint has come.
    async fn hinted(&mut self, n: usize, life: u32, at: LookAt) -> Found {
        let now = self.time.now();
        let awake = self.is_awake(n);
        let Some(node) = self.nodes.get_mut(n).filter(|node| node.life == life) else {
            return Ok(());
        };
        let Some(running) = &node.running else {
            return Ok(());
        };
        match at {
            LookAt::Due => {
                running.control.hinted(at);
                node.wake = node.wake.min(now);
                Ok(())
            }
            LookAt::Leases if awake => self.look_now(n).await,
            LookAt::Leases => Ok(()),
        }
    }

    /// What a node has to tell others is on its way, or lost.
    fn tell_others(&mut self, hints: Vec<Hint>) {
        for Hint { address, at } in hints {
            let lost = self.chance.strikes(HINTS_LOST);
            let wait = self.chance.within(1, HINT);
            let to = self.nodes.iter().position(|node| {
                let running = node.running.as_ref();
                running.is_some_and(|running| node::address(running.node) == address)
            });
            let Some(node) = to.filter(|_| !lost) else {
                continue;
            };
            let life = self.nodes.get(node).map_or(0, |node| node.life);
            self.after(wait, Next::Hint { node, life, at });
        }
    }

    async fn turn(&mut self, n: usize) -> Found {
        self.flush(n);
        let now = self.time.now();
        self.turns = if self.turns.0 == now {
            (now, self.turns.1 + 1)
        } else {
            (now, 1)
        };
        if self.turns.1 > TURNS {
            return Err(format!(
                "a hot loop: node {n} took {TURNS} turns at one moment"
            ));
        }
        let stopped = self.nodes.get(n).and_then(|node| node.running.as_ref());
        let stopped = stopped.filter(|running| running.turn.is_some());
        let others = match stopped.map(|running| running.node) {
            Some(id) => Some((id, self.of_others(id).await?)),
            None => None,
        };
        let Some(node) = self.nodes.get_mut(n) else {
            return Ok(());
        };
        let Some(running) = &mut node.running else {
            return Ok(());
        };
        let stall = node.stall;
        let came = match running.turn.take() {
            Some(turn) => {
                self.trace
                    .note(now - BEGINNING, format_args!("node {n} goes on"));
                turn.go_on()
            }
            None => {
                let events = std::mem::take(&mut running.inbox);
                for event in &events {
                    let line = crate::carrier::said(event);
                    self.trace
                        .note(now - BEGINNING, format_args!("node {n} hears {line}"));
                }
                let (control, told) = (running.control.clone(), Arc::clone(&running.stored));
                let line = Arc::clone(&running.line);
                self.listen();
                self.wrote.clear();
                line.late(self.steps.is_multiple_of(2));
                match stall {
                    Some((after, _)) => {
                        let came = Turn::begin(control, events, told, &line, after);
                        line.stop(None);
                        came
                    }
                    None => {
                        let stored: control::Stored =
                            Box::new(move |ack, done| lock(&told).push((ack, done)));
                        let next = control.step(events, &stored).await;
                        Came::Over(next.map_err(|error| error.to_string()))
                    }
                }
            }
        };
        match others {
            Some((id, others)) => self.others_stand(id, others).await?,
            None => self.owners_wrote().await?,
        }
        let next = match came {
            Came::Over(next) => next,
            Came::Stopped(turn) => {
                // What it recorded, it tells when it goes on.
                self.unheard = true;
                let ms = stall.map_or(0, |(_, ms)| ms);
                self.note(format_args!("node {n} stands still for {ms} ms"));
                if let Some(node) = self.nodes.get_mut(n) {
                    (node.stall, node.paused, node.wake) = (None, now + ms, now + ms);
                    if let Some(running) = &mut node.running {
                        running.turn = Some(turn);
                    }
                }
                self.after_turn(n).await?;
                return self.check().await;
            }
        };
        self.after_turn(n).await?;
        let ahead = self.watcher_ahead(n);
        let mut failed = None;
        if let Some(node) = self.nodes.get_mut(n) {
            let nap = match (self.restored, node.eager.checked_sub(1)) {
                (Some(_), Some(rest)) => {
                    node.eager = rest;
                    1000
                }
                _ if self.shared => POLL,
                _ => NAP,
            };
            let wait = match next {
                Ok(next) => next.saturating_sub(ahead + now).clamp(0, nap),
                Err(error) => {
                    failed = Some(error);
                    1000
                }
            };
            node.wake = now + wait;
        }
        if let Some(error) = failed {
            self.note(format_args!("node {n}: {error}"));
        }
        self.check().await
    }

    fn watcher_ahead(&self, n: usize) -> i64 {
        let node = self.nodes.get(n);
        node.map_or(0, |node| {
            node.ahead.load(std::sync::atomic::Ordering::Relaxed)
        })
    }

    /// What a node did goes out; a node that ended is gone, with what it had not sent.
    pub async fn after_turn(&mut self, n: usize) -> Found {
        self.listen();
        let Some(node) = self.nodes.get_mut(n) else {
            return Ok(());
        };
        let Some(running) = &mut node.running else {
            return Ok(());
        };
        let mut out: Vec<Outbound> = Vec::new();
        while let Ok(message) = running.outbound.try_recv() {
            out.push(message);
        }
        let mut hints = Vec::new();
        while let Ok(hint) = running.hints.try_recv() {
            hints.push(hint);
        }
        let stored = std::mem::take(&mut *lock(&running.stored));
        let dead = running.line.is_dead().then_some(running.back_after);
        let node_id = running.node;
        if dead.is_some() {
            out.truncate(running.sent_at_end);
            node.running = None;
            self.unheard = true;
        }
        for (ack, done) in stored {
            if let Some(inbound) = usize::try_from(ack)
                .ok()
                .and_then(|at| self.inbounds.get_mut(at))
            {
                inbound.acked |= done;
            }
        }
        self.check_sent(node_id, &out).await?;
        self.tell_others(hints);
        for message in out {
            self.submit(n, message);
        }
        if let Some(back_after) = dead {
            self.check_all().await?;
            self.note(format_args!("node {n} is gone, back in {back_after} ms"));
            self.after(back_after, Next::Start { node: n });
        }
        Ok(())
    }

    /// Nothing goes wrong any more.
    async fn calm(&mut self) -> Found {
        self.calm = true;
        for gateway in 0..self.gateways.len() {
            self.gateway(gateway, true);
        }
        let numbers: BTreeSet<String> = self.phones.keys().cloned().collect();
        for number in numbers {
            self.power(&number, true);
        }
        for node in 0..self.nodes.len() {
            if let Some(node) = self.nodes.get_mut(node) {
                (node.paused, node.stall) = (0, None);
                if let Some(running) = &node.running {
                    running.line.mend();
                }
            }
            self.start(node).await?;
        }
        self.every_node_looks(0);
        Ok(())
    }
}
