//! Which slices this node owns (ARCHITECTURE.md, “Many nodes”): reads the leases, carries out what
//! `delivery::Ownership` decides, and shows the engine what it holds.
//!
//! A store that nobody else can open has no leases: everything in it is this process's, at epoch 0.

use crate::offers::OneBind;
use crate::{Control, locked};
use delivery::{Clocks, Decision, Fence, Lease, NodeId, Outcome, Ownership, SLICES, Slices, Times};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::{DocumentWrite, Job, LeaseStep, StoreError};
use tokio::sync::{Notify, mpsc};

/// How often the leases are read.
const LOOK: Duration = Duration::from_secs(1);
/// How long a server is waited for that is to write leases down, where there are several: their fences close after 8 s.
const ANSWER: Duration = Duration::from_secs(2);
/// A node's row; every write of it is a sign of life.
const NODE: &str = "node";
/// More nodes than anybody runs.
const NODES: u32 = 1_000;

/// How this process takes part among the nodes of one store.
#[derive(Debug, Clone)]
pub struct Sharing {
    /// Its name, drawn at its start.
    pub node: NodeId,
    /// Earlier processes of this installation that are certainly dead.
    pub former: Vec<NodeId>,
    /// Where other nodes tell it that something is due, `host:port`.
    pub address: String,
    /// Since when it runs, ms UTC.
    pub began: i64,
    /// Takes hints to other nodes.
    pub hints: mpsc::UnboundedSender<Hint>,
    /// The gateways whose carrier grants one bind for all nodes.
    pub one_bind: OneBind,
}

/// Something for another node to look at. It may be lost: everybody looks by himself after a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Where it listens, `host:port`.
    pub address: String,
    /// What it is to look at.
    pub at: LookAt,
}

/// What a hint is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LookAt {
    /// Something is due in a slice of its own.
    Due,
    /// Leases were handed over.
    Leases,
}

/// A node as the console shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub node: NodeId,
    /// Where it listens for hints.
    pub address: String,
    /// Since when, ms UTC by its own clock.
    pub began: i64,
    /// What it owns.
    pub slices: Slices,
}

/// What stands in a node's row.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Row {
    address: String,
    began: i64,
    /// The gateways whose only bind it holds, and that take nothing; why.
    #[serde(default)]
    ill: BTreeMap<String, String>,
}

/// A slice that this node holds.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    /// Goes with every job.
    pub epoch: u64,
    /// Goes with every part; none: nobody else can send for it.
    pub fence: Option<Fence>,
    /// Another one each time that what is unfinished in the slice must be taken up.
    pub turn: u64,
}

/// Everything that it holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Holdings(BTreeMap<u8, Held>);

impl Holdings {
    fn everything() -> Self {
        let held = Held {
            epoch: 0,
            fence: None,
            turn: 0,
        };
        Self((0..=u8::MAX).map(|slice| (slice, held.clone())).collect())
    }

    pub(crate) fn get(&self, slice: u8) -> Option<&Held> {
        self.0.get(&slice)
    }

    /// Where it differs from `before`, also in what must be taken up.
    pub(crate) fn changed(&self, before: &Self) -> Slices {
        let turn = |holdings: &Self, slice| holdings.get(slice).map(|held| (held.epoch, held.turn));
        let differs = |slice: &u8| turn(self, *slice) != turn(before, *slice);
        (0..=u8::MAX).filter(differs).collect()
    }

    pub(crate) fn slices(&self) -> Slices {
        self.0.keys().copied().collect()
    }
}

/// This node among the others.
pub(crate) struct Owner {
    sharing: Option<Sharing>,
    machine: Mutex<Ownership>,
    holdings: Mutex<Arc<Holdings>>,
    /// The gateways that other nodes hold the only bind of, and that take nothing; why.
    ill: Mutex<BTreeMap<(NodeId, String), String>>,
    /// Whom to tell about which slice, and everybody.
    neighbours: Mutex<(BTreeMap<u8, String>, Vec<String>)>,
    turn: Mutex<u64>,
    look: Notify,
    told: AtomicBool,
}

impl Owner {
    pub(crate) fn new(sharing: Option<Sharing>) -> Self {
        let (node, former) = sharing
            .as_ref()
            .map_or((NodeId(0), Vec::new()), |s| (s.node, s.former.clone()));
        let holdings = match &sharing {
            Some(_) => Holdings::default(),
            None => Holdings::everything(),
        };
        Self {
            sharing,
            machine: Mutex::new(Ownership::new(node, former, Times::SERVE)),
            holdings: Mutex::new(Arc::new(holdings)),
            ill: Mutex::default(),
            neighbours: Mutex::default(),
            turn: Mutex::default(),
            look: Notify::new(),
            told: AtomicBool::new(false),
        }
    }

    /// What it holds now; the same `Arc` until that changes.
    pub(crate) fn holdings(&self) -> Arc<Holdings> {
        Arc::clone(&locked(&self.holdings))
    }

    /// Whether there are other nodes on this store.
    pub(crate) fn shared(&self) -> bool {
        self.sharing.is_some()
    }

    /// What it knows of leases.
    pub(crate) fn machine(&self) -> &Mutex<Ownership> {
        &self.machine
    }

    /// Why a node that holds a gateway's only bind cannot use it, as it said last.
    pub(crate) fn ill(&self, node: NodeId, gateway: &str) -> Option<String> {
        locked(&self.ill).get(&(node, gateway.to_owned())).cloned()
    }

    /// Where all other nodes listen.
    pub(crate) fn others(&self) -> Vec<String> {
        locked(&self.neighbours).1.clone()
    }

    /// Whether another node said that something is due, since it was last asked.
    pub(crate) fn told(&self) -> bool {
        self.told.swap(false, Relaxed)
    }

    /// Shows what the machine owns: fences of what is lost close, those of what was renewed move.
    fn publish(&self, machine: &Ownership, answers: impl Fn(u8) -> bool, monotonic: u64) -> bool {
        let mut holdings = locked(&self.holdings);
        let mut turn = locked(&self.turn);
        let mut now = BTreeMap::new();
        let mut changed = false;
        // What lies on a server that is away rests until it is back; it is taken up then.
        for (slice, owned) in machine.owned().filter(|(slice, _)| answers(*slice)) {
            let known = holdings.0.get(&slice).filter(|h| h.epoch == owned.epoch);
            let held = match known {
                Some(held) => {
                    let fence = held.fence.as_ref();
                    if fence.is_none_or(|fence| fence.extend(owned.good_until, monotonic)) {
                        held.clone()
                    } else {
                        // Parts may have been thrown away at the closed fence.
                        *turn += 1;
                        changed = true;
                        Held {
                            turn: *turn,
                            ..held.clone()
                        }
                    }
                }
                None => {
                    *turn += 1;
                    changed = true;
                    Held {
                        epoch: owned.epoch,
                        fence: Some(Fence::until(owned.good_until)),
                        turn: *turn,
                    }
                }
            };
            now.insert(slice, held);
        }
        for (slice, held) in &holdings.0 {
            let kept = now.get(slice).is_some_and(|new| new.fence == held.fence);
            if let Some(fence) = held.fence.as_ref().filter(|_| !kept) {
                fence.close();
                changed = true;
            }
        }
        if changed {
            *holdings = Arc::new(Holdings(now));
        }
        changed
    }
}

/// The slice that a step is about.
fn slice_of(step: Decision) -> Option<u8> {
    match step {
        Decision::Beat | Decision::Leave => None,
        Decision::Take { slice, .. }
        | Decision::Renew { slice, .. }
        | Decision::HandOver { slice, .. }
        | Decision::Begin { slice, .. }
        | Decision::Stop { slice } => Some(slice),
    }
}

impl Control {
    /// Keeps this node's leases until `stop` resolves, then hands them over. Without other nodes it only waits.
    pub async fn own(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            if let Err(error) = self.look_at_leases().await {
                tracing::warn!(%error, "the leases could not be looked at; trying again");
            }
            tokio::select! {
                () = &mut stop => break,
                () = self.0.owner.look.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        self.hand_over_leases().await;
    }

    /// Reads the leases once and carries out what follows.
    ///
    /// # Errors
    /// The store's; what is held already stays until its fence closes.
    pub async fn look_at_leases(&self) -> Result<(), StoreError> {
        let owner = &self.0.owner;
        let Some(sharing) = &owner.sharing else {
            return Ok(());
        };
        let (leases, nodes) = self.read_nodes().await?;
        let at = self.clocks();
        let ill = nodes.iter().flat_map(|(node, _, row)| {
            let ill = row.ill.iter();
            ill.map(|(gateway, why)| ((*node, gateway.clone()), why.clone()))
        });
        *locked(&owner.ill) = ill.collect();
        let versions: Vec<_> = nodes
            .iter()
            .map(|(node, version, _)| (*node, *version))
            .collect();
        let (decisions, forgotten, alive) = {
            let mut machine = locked(&owner.machine);
            let decisions = machine.read(&leases, &versions, at);
            self.show(&machine, at);
            let alive = nodes.iter().map(|(node, ..)| *node);
            let alive = alive.filter(|node| machine.lives(*node).unwrap_or(true));
            (
                decisions,
                machine.forgotten(),
                alive.collect::<BTreeSet<_>>(),
            )
        };
        // Whoever is told of things: at a dead machine's address nobody answers.
        let addresses: BTreeMap<NodeId, &str> = nodes
            .iter()
            .filter(|(node, ..)| *node != sharing.node && alive.contains(node))
            .map(|(node, _, row)| (*node, row.address.as_str()))
            .collect();
        let by_slice = leases
            .iter()
            .filter_map(|row| Some((row.slice, (*addresses.get(&row.node)?).to_owned())));
        let all = addresses.values().map(|address| (*address).to_owned());
        *locked(&owner.neighbours) = (by_slice.collect(), all.collect());
        self.carry_out_leases(sharing, decisions).await;
        if self.is_first() {
            self.forget_nodes(forgotten).await;
        }
        Ok(())
    }

    /// Takes away the rows of nodes whose machines are gone, if they are still as they were seen.
    async fn forget_nodes(&self, forgotten: Vec<(NodeId, u64)>) {
        let gone = |(node, version): (NodeId, u64)| {
            Job::Documents(vec![DocumentWrite {
                expect: Some(version),
                ..DocumentWrite::remove(NODE, key(node))
            }])
        };
        let jobs: Vec<_> = forgotten.into_iter().map(gone).collect();
        if jobs.is_empty() {
            return;
        }
        for done in self.store().run_all(jobs).await {
            match done {
                // It was only asleep.
                Ok(()) | Err(StoreError::Refused(_)) => {}
                Err(error) => tracing::warn!(%error, "a dead node's row could not be removed"),
            }
        }
    }

    /// Stops everything and hands it over: others may go on at once.
    pub async fn hand_over_leases(&self) {
        let owner = &self.0.owner;
        let Some(sharing) = &owner.sharing else {
            return;
        };
        let decisions = {
            let mut machine = locked(&owner.machine);
            let decisions = machine.shut_down();
            self.show(&machine, self.clocks());
            decisions
        };
        self.carry_out_leases(sharing, decisions).await;
    }

    async fn carry_out_leases(&self, sharing: &Sharing, decisions: Vec<Decision>) {
        let owner = &self.0.owner;
        let asked = self.clocks().monotonic;
        let handed_over = decisions
            .iter()
            .any(|step| matches!(step, Decision::HandOver { .. }));
        let mut servers = BTreeMap::<usize, (Vec<Decision>, Vec<Job>)>::new();
        for step in decisions {
            if let Some(job) = self.job(sharing, step) {
                let server = slice_of(step).map_or(0, |slice| self.store().server_of(slice));
                let (steps, jobs) = servers.entry(server).or_default();
                steps.push(step);
                jobs.push(job);
            }
        }
        if servers.is_empty() {
            return;
        }
        // One that does not answer keeps nobody else's leases waiting.
        let several = self.store().servers() > 1;
        let each = servers
            .into_iter()
            .map(|(server, (steps, jobs))| async move {
                let results = self.leases_on(server, several, jobs).await;
                let mut machine = locked(&owner.machine);
                for (at, step) in steps.into_iter().enumerate() {
                    let outcome = match results.get(at) {
                        Some(Ok(())) => Outcome::Done,
                        Some(Err(StoreError::Refused(_))) => Outcome::Stale,
                        Some(Err(error)) => {
                            tracing::warn!(%error, ?step, "a lease could not be changed");
                            Outcome::Unknown
                        }
                        None => Outcome::Unknown,
                    };
                    machine.done(step, outcome, asked);
                }
                self.show(&machine, self.clocks());
            });
        join_all(each).await;
        if handed_over {
            let everybody = locked(&owner.neighbours).1.clone();
            for address in everybody {
                self.hint(address, LookAt::Leases);
            }
        }
    }

    /// Carries out leases' jobs on one server; nothing is known of what it does not answer within seconds.
    async fn leases_on(
        &self,
        server: usize,
        several: bool,
        jobs: Vec<Job>,
    ) -> Vec<Result<(), StoreError>> {
        if !self.store().answers(server) {
            return Vec::new();
        }
        let done = self.store().run_all(jobs);
        match several {
            true => tokio::time::timeout(ANSWER, done).await.unwrap_or_default(),
            false => done.await,
        }
    }

    /// Whether what lies in a slice can be asked for, as far as it is known.
    fn reaches(&self, slice: u8) -> bool {
        self.store().answers(self.store().server_of(slice))
    }

    /// The store said that a slice is another's.
    pub(crate) fn not_owner(&self, slice: u8, epoch: u64) {
        let mut machine = locked(&self.0.owner.machine);
        machine.refused(slice, epoch);
        self.show(&machine, self.clocks());
    }

    fn show(&self, machine: &Ownership, at: Clocks) {
        let answers = |slice| self.reaches(slice);
        if self.0.owner.publish(machine, answers, at.monotonic) {
            let held = machine.owned().count();
            tracing::info!(held, of = SLICES, "slices of this node");
            self.0.wake.notify_one();
            self.0.offers.look();
        }
        self.show_stands(machine, at.monotonic);
    }

    /// Something became due in a slice: its owner looks at once, here or on another node.
    pub(crate) fn wake_for(&self, slice: u8) {
        let owner = &self.0.owner;
        if owner.holdings().get(slice).is_some() {
            self.0.wake.notify_one();
            return;
        }
        let address = locked(&owner.neighbours).0.get(&slice).cloned();
        if let Some(address) = address {
            self.hint(address, LookAt::Due);
        }
    }

    /// Something became due in many slices: everybody looks at once.
    pub(crate) fn wake(&self) {
        self.0.wake.notify_one();
        let everybody = locked(&self.0.owner.neighbours).1.clone();
        for address in everybody {
            self.hint(address, LookAt::Due);
        }
    }

    /// Whether what is nobody's in particular is this node's to do.
    pub(crate) fn is_first(&self) -> bool {
        self.0.owner.holdings().get(0).is_some()
    }

    fn hint(&self, address: String, at: LookAt) {
        if let Some(sharing) = &self.0.owner.sharing {
            // Nobody takes it: Kith is going down.
            let _ = sharing.hints.send(Hint { address, at });
        }
    }

    /// Another node says that there is something to look at.
    pub fn hinted(&self, at: LookAt) {
        match at {
            LookAt::Due => {
                self.0.owner.told.store(true, Relaxed);
                self.0.wake.notify_one();
                self.0.offers.look();
            }
            LookAt::Leases => self.0.owner.look.notify_one(),
        }
    }

    /// The nodes of this store and what each owns; empty when no other can open it.
    ///
    /// # Errors
    /// The store's.
    pub async fn nodes(&self) -> Result<Vec<Node>, StoreError> {
        if !self.0.owner.shared() {
            return Ok(Vec::new());
        }
        let (leases, nodes) = self.read_nodes().await?;
        let node = |(node, _, row): (NodeId, u64, Row)| {
            let own = leases
                .iter()
                .filter(|lease| lease.node == node && lease.expires != 0);
            Node {
                node,
                address: row.address,
                began: row.began,
                slices: own.map(|lease| lease.slice).collect(),
            }
        };
        Ok(nodes.into_iter().map(node).collect())
    }

    /// How it takes part among the nodes of one store.
    pub(crate) fn sharing(&self) -> Option<&Sharing> {
        self.0.owner.sharing.as_ref()
    }

    /// This node's name among the others.
    pub fn node(&self) -> Option<NodeId> {
        self.0.owner.sharing.as_ref().map(|sharing| sharing.node)
    }

    async fn read_nodes(&self) -> Result<(Vec<Lease>, Vec<(NodeId, u64, Row)>), StoreError> {
        let read = self
            .own_store()
            .read(|reads| Ok((reads.leases()?, reads.documents(NODE, None, NODES)?)));
        let (leases, documents) = read.await?;
        let node = |document: store::Document| {
            let node = u64::from_str_radix(&document.key, 16).ok()?;
            let row = serde_json::from_str(&document.value).ok()?;
            Some((NodeId(node), document.version, row))
        };
        Ok((leases, documents.into_iter().filter_map(node).collect()))
    }

    pub(crate) fn clocks(&self) -> Clocks {
        Clocks {
            wall: self.now(),
            monotonic: self.0.surroundings.monotonic(),
        }
    }

    /// The job that a decision asks of the store.
    fn job(&self, sharing: &Sharing, step: Decision) -> Option<Job> {
        let node = sharing.node;
        Some(match step {
            Decision::Take {
                slice,
                seen,
                now,
                expires,
            } => Job::Lease(LeaseStep::Take {
                slice,
                node,
                seen,
                now,
                expires,
            }),
            Decision::Renew {
                slice,
                epoch,
                expires,
            } => Job::Lease(LeaseStep::Renew {
                slice,
                node,
                epoch,
                expires,
            }),
            Decision::HandOver { slice, epoch } => {
                Job::Lease(LeaseStep::HandOver { slice, node, epoch })
            }
            Decision::Beat => {
                let row = Row {
                    address: sharing.address.clone(),
                    began: sharing.began,
                    ill: self.ill_binds(),
                };
                let former = sharing
                    .former
                    .iter()
                    .map(|gone| DocumentWrite::remove(NODE, key(*gone)));
                let beat = DocumentWrite::put(NODE, key(node), &row);
                Job::Documents(former.chain([beat]).collect())
            }
            Decision::Leave => Job::Documents(vec![DocumentWrite::remove(NODE, key(node))]),
            Decision::Begin { .. } | Decision::Stop { .. } => return None,
        })
    }
}

/// The key of a node's row.
fn key(node: NodeId) -> String {
    format!("{:016x}", node.0)
}
