//! The full loop, edit → commit → plan → encode → submit → receipt → PoR → shadow, against a crowd in another process.

use crate::crowd::{self, PREFIX, Running};
use crate::{installation, population, process};
use book::{Edit, FriendNo, FriendPatch};
use comms::{GatewayConfig, Gateways};
use control::{Control, EditOptions, Settings};
use delivery::Event;
use identity::{Grant, JobKind};
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// What is measured.
#[derive(Clone, Copy)]
pub struct Load {
    /// How many terminals there are.
    pub terminals: u32,
    /// How many friends each has.
    pub friends: u32,
    /// For so long.
    pub seconds: u64,
    /// Edits a second; none: as many as go.
    pub rate: Option<u32>,
    /// Loops under way at once at most.
    pub together: u32,
}

/// What it came to.
pub struct Figures {
    /// Loops a second.
    pub per_s: f64,
    /// From the edit's request to its message at the carrier, ms.
    pub wire: Vec<f64>,
    /// From the edit's request to its proof in the shadow, ms.
    pub proven: Vec<f64>,
    /// Processor seconds per 10,000 loops: Kith with who edits, and the carrier with its cards.
    pub cpu: (f64, f64),
    /// Memory, MiB.
    pub resident: f64,
}

/// Kith in this process, joined to a crowd: one node or several.
pub struct House {
    /// The first node's main control.
    pub control: Control,
    /// All of them.
    pub controls: Vec<Control>,
    board: Arc<Board>,
    crowd: Running,
    tasks: Vec<JoinHandle<()>>,
}

/// What is under way.
#[derive(Default)]
struct Board {
    begun: Mutex<HashMap<u32, u128>>,
    /// By node and token.
    asked: Mutex<HashMap<(usize, u64), u32>>,
    wire: Mutex<Vec<f64>>,
    proven: Mutex<Vec<f64>>,
    loops: AtomicU64,
    room: Mutex<Option<Arc<Semaphore>>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[allow(clippy::cast_precision_loss)] // A run's microseconds fit.
fn ms(from: u128, to: u128) -> f64 {
    to.saturating_sub(from) as f64 / 1000.0
}

impl Board {
    /// The carrier has a message for `n`.
    fn at_carrier(&self, n: u32, at: u128) {
        if let Some(begun) = locked(&self.begun).get(&n) {
            locked(&self.wire).push(ms(*begun, at));
        }
    }

    /// A card's answer came: it waits to be stored.
    fn answer(&self, token: (usize, u64), from: &str) {
        let digits = from.trim_start_matches('+').strip_prefix(PREFIX);
        if let Some(n) = digits.and_then(|digits| digits.parse().ok()) {
            locked(&self.asked).insert(token, n);
        }
    }

    /// What came with `token` is stored.
    fn stored(&self, token: (usize, u64)) {
        let Some(n) = locked(&self.asked).remove(&token) else {
            return;
        };
        self.loops.fetch_add(1, Relaxed);
        if let Some(begun) = locked(&self.begun).remove(&n) {
            locked(&self.proven).push(ms(begun, crowd::now()));
            if let Some(room) = &*locked(&self.room) {
                room.add_permits(1);
            }
        }
    }
}

impl House {
    /// Starts both processes on a store in `folder`.
    pub fn start(folder: &Path, settings: Settings) -> Result<Self, String> {
        Self::of(folder, vec![settings])
    }

    /// The same with a node for each of these settings.
    pub fn of(folder: &Path, nodes: Vec<Settings>) -> Result<Self, String> {
        let board = Arc::new(Board::default());
        let told = Arc::clone(&board);
        let crowd = Running::start(move |n, at| told.at_carrier(n, at))?;
        let (mut controls, mut tasks) = (Vec::new(), Vec::new());
        for (n, settings) in nodes.into_iter().enumerate() {
            let one = node(folder, settings, crowd.port, (n, &board), &mut tasks)?;
            controls.push(one);
        }
        Ok(Self {
            control: controls.first().cloned().ok_or("there is no node.")?,
            controls,
            board,
            crowd,
            tasks,
        })
    }

    /// Edits books `from` … `to` − 1 in turn, each again when its turn comes, and measures.
    pub async fn measure(&self, range: std::ops::Range<u32>, load: Load) -> Figures {
        let room = Arc::new(Semaphore::new(load.together.try_into().unwrap_or(1)));
        *locked(&self.board.room) = Some(Arc::clone(&room));
        let editor = {
            let (controls, board) = (self.controls.clone(), Arc::clone(&self.board));
            tokio::spawn(async move { edit_on(&controls, board, room, range, load).await })
        };
        // The first seconds fill caches and queues.
        tokio::time::sleep(Duration::from_secs(2)).await;
        for list in [&self.board.wire, &self.board.proven] {
            locked(list).clear();
        }
        let us = std::process::id();
        let cpu = || {
            (
                process::cpu_seconds(us),
                process::cpu_seconds(self.crowd.id()),
            )
        };
        let (before, loops) = (cpu(), self.board.loops.load(Relaxed));
        let begun = Instant::now();
        tokio::time::sleep(Duration::from_secs(load.seconds)).await;
        let (after, seconds) = (cpu(), begun.elapsed().as_secs_f64());
        #[allow(clippy::cast_precision_loss)]
        let done = (self.board.loops.load(Relaxed) - loops) as f64;
        editor.abort();
        let wire = std::mem::take(&mut *locked(&self.board.wire));
        let proven = std::mem::take(&mut *locked(&self.board.proven));
        Figures {
            per_s: done / seconds,
            wire,
            proven,
            cpu: (
                (after.0 - before.0) / done * 10_000.0,
                (after.1 - before.1) / done * 10_000.0,
            ),
            resident: process::resident_mib(us),
        }
    }

    /// Waits until nothing is under way, and looks whether every book of `range` is proven on its terminal.
    pub async fn proven(&self, range: std::ops::Range<u32>) -> Result<(), String> {
        for n in range {
            let deadline = Instant::now() + Duration::from_secs(30);
            loop {
                let store = self.control.store();
                let book = store.book(population::subscriber(n)).await;
                let terminal = store.terminal(population::terminal(n)).await;
                let (Ok(Some(book)), Ok(Some(full))) = (book, terminal) else {
                    return Err(format!("subscriber {n} is not there."));
                };
                if full.terminal.proven == book.revision && full.due.is_none() {
                    break;
                }
                if Instant::now() > deadline {
                    return Err(format!("the book of {n} is not proven after 30 s."));
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }

    /// Ends both processes.
    pub async fn close(self) {
        for task in self.tasks {
            task.abort();
            let _ = task.await;
        }
        for control in &self.controls {
            control.store().close().await;
        }
    }
}

/// A node with a gateway of its own; what it does is added to `tasks`.
fn node(
    folder: &Path,
    settings: Settings,
    port: u16,
    (n, board): (usize, &Arc<Board>),
    tasks: &mut Vec<JoinHandle<()>>,
) -> Result<Control, String> {
    let config: GatewayConfig = serde_json::from_value(serde_json::json!({
        "name": "bench", "host": "127.0.0.1", "port": port, "system_id": "kith",
        "password": "secret8", "source": "12345", "window": 500,
    }))
    .map_err(|why| why.to_string())?;
    let (events, mut told) = tokio::sync::mpsc::channel(10_000);
    let (to_control, inbox) = tokio::sync::mpsc::channel(10_000);
    let gateways = Arc::new(Gateways::start(vec![config], events));
    let (outbound, mut sent) = tokio::sync::mpsc::unbounded_channel();
    let table = gateways.table();
    let network = move || locked(&table).clone();
    let control = installation::with(settings, folder, outbound, network)?;
    let answers = Arc::clone(board);
    tasks.push(tokio::spawn(async move {
        while let Some(event) = told.recv().await {
            if let Event::Mobile { from, ack, .. } = &event {
                answers.answer((n, *ack), from);
            }
            if to_control.send(event).await.is_err() {
                return;
            }
        }
    }));
    let stored = {
        let (gateways, board) = (Arc::clone(&gateways), Arc::clone(board));
        Box::new(move |ack, ok| {
            gateways.stored(ack, ok);
            board.stored((n, ack));
        })
    };
    let engine = control.clone();
    tasks.push(tokio::spawn(async move {
        engine.run(inbox, stored, std::future::pending()).await;
    }));
    tasks.push(tokio::spawn(async move {
        while let Some(message) = sent.recv().await {
            gateways.send(message);
        }
    }));
    Ok(control)
}

/// Renames one friend after another, each in another book.
async fn edit_on(
    controls: &[Control],
    board: Arc<Board>,
    room: Arc<Semaphore>,
    range: std::ops::Range<u32>,
    load: Load,
) {
    let period = load
        .rate
        .map(|rate| Duration::from_secs_f64(1.0 / f64::from(rate.max(1))));
    let mut tick = tokio::time::interval(period.unwrap_or(Duration::from_millis(1)));
    let turn = AtomicU32::new(0);
    loop {
        if period.is_some() {
            tick.tick().await;
        }
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        permit.forget();
        let turn = turn.fetch_add(1, Relaxed);
        // Far from each other, as people's edits are.
        let n = range.start + turn.wrapping_mul(7919) % (range.end - range.start);
        locked(&board.begun).insert(n, crowd::now());
        // Whoever edits comes to any node.
        let Some(control) = controls.get(turn as usize % controls.len().max(1)).cloned() else {
            return;
        };
        tokio::spawn(async move {
            let grant = Grant::of_job(JobKind::CommandLine, population::subscriber(n));
            let patch = FriendPatch {
                name: Some(format!("Name {turn:08}")),
                ..FriendPatch::default()
            };
            let edit = Edit::ChangeFriend {
                friend: FriendNo(1 + turn % load.friends.max(1)),
                patch,
                based_on: None,
            };
            let edited = control.edit(&grant, edit, EditOptions::default()).await;
            if let Err(why) = edited {
                eprintln!("bench: an edit failed: {why}");
            }
        });
    }
}

/// Prints the figures of one load.
pub fn run(load: Load) -> Result<(), String> {
    installation::in_a_folder(|folder| {
        let runtime = tokio::runtime::Runtime::new().map_err(|why| why.to_string())?;
        runtime.block_on(measured(folder, load))
    })
}

async fn measured(folder: &Path, load: Load) -> Result<(), String> {
    let house = House::start(folder, installation::settings())?;
    population::settle(&house.control, load.terminals, load.friends, 0).await?;
    let figures = house.measure(0..load.terminals, load).await;
    println!("{}", row(load.terminals, figures));
    house.proven(0..load.terminals.min(100)).await?;
    let octets = installation::octets(folder)?;
    println!(
        "{} octets on disk a terminal",
        octets / u64::from(load.terminals)
    );
    house.close().await;
    Ok(())
}

/// One line.
pub fn row(terminals: u32, mut figures: Figures) -> String {
    format!(
        "{terminals} terminals: {:.0} loops/s; edit → carrier p50 {:.1} p99 {:.1} ms; edit → shadow p50 {:.1} p99 {:.1} ms; \
         cpu-s per 10,000: Kith {:.2}, carrier and cards {:.2}; {:.0} MiB",
        figures.per_s,
        process::percentile(&mut figures.wire, 50),
        process::percentile(&mut figures.wire, 99),
        process::percentile(&mut figures.proven, 50),
        process::percentile(&mut figures.proven, 99),
        figures.cpu.0,
        figures.cpu.1,
        figures.resident,
    )
}
