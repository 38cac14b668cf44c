//! A node: a real `Control` with a clock and chance of its own, and a line to the store that may break.

use crate::chance::Chance;
use crate::stall::{Stop, Turn};
use control::{Control, Emitted, Hint, Settings, Sharing, Surroundings};
use delivery::{Event, NodeId, Outbound, network::NetworkTable};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{Fate, Store};
use tokio::sync::{broadcast, mpsc};

/// The master key of every simulated house.
const KEY: &str = "4242424242424242424242424242424242424242424242424242424242424242";

/// What answers of the network were stored, or could not be.
pub type Stored = Arc<Mutex<Vec<(u64, bool)>>>;

/// The one true time, ms UTC.
#[derive(Clone, Default)]
pub struct Time(Arc<AtomicI64>);

impl Time {
    /// Now.
    pub fn now(&self) -> i64 {
        self.0.load(Relaxed)
    }

    /// It is this time now.
    pub fn set(&self, now: i64) {
        self.0.store(now, Relaxed);
    }
}

struct Place {
    time: Time,
    ahead: Arc<AtomicI64>,
    chance: Mutex<Chance>,
}

/// How much slower than the others the clock of the leases goes. Lives last days, and a lease seconds: at true speed they
/// would consist of renewals. Nothing else goes by this clock.
pub const SLOWER: i64 = 20;

/// The clock that only goes forward, at `now`, true time: the same on every node, and no jump moves it.
pub fn monotonic(now: i64) -> u64 {
    u64::try_from(now / SLOWER).unwrap_or(0)
}

impl Surroundings for Place {
    fn now(&self) -> i64 {
        self.time.now() + self.ahead.load(Relaxed)
    }

    fn monotonic(&self) -> u64 {
        monotonic(self.time.now())
    }

    fn random(&self, octets: &mut [u8]) {
        let mut chance = lock(&self.chance);
        for eight in octets.chunks_mut(8) {
            for (to, from) in eight.iter_mut().zip(chance.bits().to_be_bytes()) {
                *to = from;
            }
        }
    }
}

/// The way from a node to the store.
#[derive(Default)]
pub struct Line(Mutex<Breaks>);

#[derive(Default)]
struct Breaks {
    /// Requests until the node ends, and whether the last one is still carried out.
    end: Option<(u32, bool)>,
    dead: bool,
    /// A request was lost since somebody last asked.
    struck: bool,
    /// Requests until the line breaks, how many are lost then, and whether they are carried out all the same.
    outage: Option<(u32, u32, bool)>,
    stop: Option<Stop>,
    late: bool,
}

impl Line {
    /// The node ends at its request number `after` from now, counted from 0.
    pub fn end(&self, after: u32, heard: bool) {
        lock(&self.0).end = Some((after, heard));
    }

    /// From request number `after` on, `requests` are lost.
    pub fn outage(&self, after: u32, requests: u32, heard: bool) {
        lock(&self.0).outage = Some((after, requests, heard));
    }

    /// The turn that begins stops there, or nowhere.
    pub fn stop(&self, stop: Option<Stop>) {
        lock(&self.0).stop = stop;
    }

    /// Whether what this turn records is carried out only when it waits for that: meanwhile it reads what was before.
    pub fn late(&self, late: bool) {
        lock(&self.0).late = late;
    }

    /// The turn stops here, perhaps for ever.
    fn stand(&self) {
        let mut breaks = lock(&self.0);
        let here = breaks.stop.as_mut().is_some_and(Stop::is_here);
        let stop = breaks.stop.take_if(|_| here);
        drop(breaks);
        if stop.is_some_and(|stop| !stop.wait()) {
            lock(&self.0).dead = true;
        }
    }

    /// Nothing breaks any more.
    pub fn mend(&self) {
        let mut breaks = lock(&self.0);
        (breaks.end, breaks.outage) = (None, None);
    }

    /// Whether the node has ended.
    pub fn is_dead(&self) -> bool {
        lock(&self.0).dead
    }

    fn judge(&self) -> Fate {
        self.stand();
        let fate = self.fate();
        lock(&self.0).struck |= !fate.is_heard();
        fate
    }

    /// Whether a request was lost since this was last asked.
    pub fn struck(&self) -> bool {
        std::mem::take(&mut lock(&self.0).struck)
    }

    fn fate(&self) -> Fate {
        let mut breaks = lock(&self.0);
        let lost = |carried_out| {
            if carried_out {
                Fate::Unheard
            } else {
                Fate::Lost
            }
        };
        if breaks.dead {
            return Fate::Lost;
        }
        if let Some((after, heard)) = &mut breaks.end {
            let Some(rest) = after.checked_sub(1) else {
                let heard = *heard;
                breaks.dead = true;
                return lost(heard);
            };
            *after = rest;
        }
        if let Some((after, requests, heard)) = &mut breaks.outage {
            if let Some(rest) = after.checked_sub(1) {
                *after = rest;
            } else if let Some(rest) = requests.checked_sub(1) {
                *requests = rest;
                return lost(*heard);
            } else {
                breaks.outage = None;
            }
        }
        if breaks.late {
            return Fate::Late;
        }
        Fate::Heard
    }
}

/// A node that runs.
pub struct Running {
    /// Its name among the others.
    pub node: NodeId,
    /// Main control.
    pub control: Control,
    /// What it hands to its gateways.
    pub outbound: mpsc::UnboundedReceiver<Outbound>,
    /// What it tells everybody.
    pub emitted: broadcast::Receiver<Arc<Emitted>>,
    /// What it said of messages that came.
    pub stored: Stored,
    /// Its way to the store.
    pub line: Arc<Line>,
    /// What it has not looked at yet.
    pub inbox: Vec<Event>,
    /// What waits in its memory for a gateway.
    pub waiting: Vec<Outbound>,
    /// Of the messages of its last turn, so many go out when it ends in it.
    pub sent_at_end: usize,
    /// How long it is down when it ends, ms.
    pub back_after: i64,
    /// Its turn that stands at a request to the store.
    pub turn: Option<Turn>,
    /// What it has to tell other nodes.
    pub hints: mpsc::UnboundedReceiver<Hint>,
}

/// A node, running or not.
pub struct Node {
    /// How far its clock is ahead, ms.
    pub ahead: Arc<AtomicI64>,
    /// Which process this is, from 1.
    pub life: u32,
    /// When it looks again by itself, true time.
    pub wake: i64,
    /// It does nothing before this, true time: it was stopped and will go on.
    pub paused: i64,
    /// It stops at this request of a turn that makes so many, for so many ms.
    pub stall: Option<(u32, i64)>,
    /// Turns of this process that are still close together.
    pub eager: u32,
    /// The process.
    pub running: Option<Running>,
}

impl Node {
    /// A node that was never started.
    pub fn new() -> Self {
        Self {
            ahead: Arc::default(),
            life: 0,
            wake: i64::MAX,
            paused: 0,
            stall: None,
            eager: 0,
            running: None,
        }
    }
}

impl Default for Node {
    fn default() -> Self {
        Self::new()
    }
}

/// A control over `store`.
///
/// # Errors
/// A key that is none.
pub fn control(
    time: &Time,
    ahead: &Arc<AtomicI64>,
    chance: Chance,
    store: Store,
    settings: Settings,
) -> Result<(Control, mpsc::UnboundedReceiver<Outbound>), String> {
    let (outbound, sent) = mpsc::unbounded_channel();
    let place = Place {
        time: time.clone(),
        ahead: Arc::clone(ahead),
        chance: Mutex::new(chance),
    };
    let key = vault::MasterKey::from_hex("sim", KEY).map_err(|error| error.to_string())?;
    let control = Control::within(place, store, key, settings, outbound, NetworkTable::default);
    Ok((control, sent))
}

/// Where others find it.
pub fn address(node: NodeId) -> String {
    format!("node:{}", node.0)
}

/// Starts a process.
///
/// # Errors
/// A key that is none.
pub fn start(
    time: &Time,
    ahead: &Arc<AtomicI64>,
    chance: Chance,
    store: &Store,
    mut settings: Settings,
    shared: bool,
) -> Result<Running, String> {
    let mut chance = chance;
    let node = NodeId(chance.bits() >> 1);
    let (to_others, hints) = mpsc::unbounded_channel();
    settings.sharing = shared.then(|| Sharing {
        node,
        former: Vec::new(),
        address: address(node),
        began: time.now(),
        hints: to_others,
        one_bind: control::OneBind::default(),
    });
    let line = Arc::new(Line::default());
    let judge = Arc::clone(&line);
    let store = store.judged(move || judge.judge());
    let (control, outbound) = control(time, ahead, chance, store, settings)?;
    Ok(Running {
        node,
        emitted: control.subscribe(),
        control,
        outbound,
        stored: Stored::default(),
        line,
        inbox: Vec::new(),
        waiting: Vec::new(),
        sent_at_end: 0,
        back_after: 0,
        turn: None,
        hints,
    })
}

/// A lock that outlives a panic elsewhere.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
