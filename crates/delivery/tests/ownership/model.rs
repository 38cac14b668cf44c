//! A model of nodes over one lease table: true time, each node's own clocks, pauses, deaths, a store that answers late,
//! not at all, or after the fact. Take is a compare-and-swap on (slice, epoch), as in the store.

use delivery::{Clocks, Decision, Lease, NodeId, Outcome, Ownership, SLICES, Times};
use std::collections::{BTreeMap, BTreeSet};

/// A step of true time, ms.
pub const TICK: u64 = 100;

/// The rows of a store.
#[derive(Default)]
pub struct Table {
    pub leases: BTreeMap<u8, Lease>,
    pub nodes: BTreeMap<NodeId, u64>,
}

impl Table {
    /// Carries out a step as the store does: whether its condition held.
    pub fn apply(&mut self, me: NodeId, step: Decision) -> bool {
        match step {
            Decision::Beat => *self.nodes.entry(me).or_default() += 1,
            Decision::Leave => drop(self.nodes.remove(&me)),
            Decision::Take {
                slice,
                seen,
                now,
                expires,
            } => {
                let row = self.leases.get(&slice);
                let as_seen = match row {
                    None => seen == 0,
                    Some(row) => row.epoch == seen && row.expires < now,
                };
                if !as_seen {
                    return false;
                }
                let epoch = seen + 1;
                let lease = Lease {
                    slice,
                    node: me,
                    epoch,
                    expires,
                };
                self.leases.insert(slice, lease);
            }
            Decision::Renew {
                slice,
                epoch,
                expires,
            } => return self.mine(me, slice, epoch, |row| row.expires = expires),
            Decision::HandOver { slice, epoch } => {
                return self.mine(me, slice, epoch, |row| row.expires = 0);
            }
            Decision::Begin { .. } | Decision::Stop { .. } => {}
        }
        true
    }

    fn mine(&mut self, me: NodeId, slice: u8, epoch: u64, change: impl FnOnce(&mut Lease)) -> bool {
        let row = self.leases.get_mut(&slice);
        let row = row.filter(|row| row.node == me && row.epoch == epoch);
        row.map(change).is_some()
    }
}

/// A node with its clocks.
pub struct Node {
    pub id: NodeId,
    pub ownership: Ownership,
    /// Its wall clock against true time, ms.
    pub wall: i64,
    /// Its monotonic clock's rate, ‰ of true time.
    pub rate: u64,
    /// Asleep until then (true time); everything it was about to do happens after.
    pub asleep: u64,
    pub dead: bool,
    next_reading: u64,
    doing: Vec<Decision>,
    /// What a node that is shutting down still has to do.
    pub leaving: bool,
}

impl Node {
    fn clocks(&self, true_time: u64) -> Clocks {
        Clocks {
            wall: 1_800_000_000_000 + self.wall + i64::try_from(true_time).unwrap(),
            monotonic: true_time * self.rate / 1_000,
        }
    }

    /// What it would still send for, however late it looks at its clock.
    fn sends_for(&self, true_time: u64) -> impl Iterator<Item = u8> + '_ {
        let now = self.clocks(true_time).monotonic;
        let owned = self.ownership.owned();
        owned
            .filter(move |(_, owned)| now < owned.good_until)
            .map(|(slice, _)| slice)
    }
}

/// All of it.
pub struct Model {
    pub now: u64,
    pub table: Table,
    pub nodes: Vec<Node>,
    /// The store does not answer before this (true time).
    pub away: u64,
    /// ‰ of the steps whose outcome nobody learns.
    pub lossy: u64,
    /// Commits that reach the store after their node gave them up.
    late: Vec<(u64, NodeId, Decision)>,
    seed: u64,
    /// Who ever owned a slice at an epoch.
    owners: BTreeMap<(u8, u64), NodeId>,
    /// When a lease was last taken or handed over.
    pub last_move: u64,
}

impl Model {
    pub fn new(seed: u64) -> Self {
        Self {
            now: 0,
            table: Table::default(),
            nodes: Vec::new(),
            away: 0,
            lossy: 0,
            late: Vec::new(),
            seed: seed | 1,
            owners: BTreeMap::new(),
            last_move: 0,
        }
    }

    pub fn join(&mut self, wall: i64, rate: u64) {
        let id = NodeId(self.chance(u64::MAX));
        let next_reading = self.now + self.chance(1_000);
        self.nodes.push(Node {
            id,
            ownership: Ownership::new(id, Vec::new(), Times::SERVE),
            wall,
            rate,
            asleep: 0,
            dead: false,
            next_reading,
            doing: Vec::new(),
            leaving: false,
        });
    }

    pub fn shut_down(&mut self, node: usize) {
        let node = &mut self.nodes[node];
        let first = node.ownership.shut_down();
        node.doing.extend(first);
        node.leaving = true;
    }

    /// xorshift64*: below `below`.
    fn chance(&mut self, below: u64) -> u64 {
        self.seed ^= self.seed >> 12;
        self.seed ^= self.seed << 25;
        self.seed ^= self.seed >> 27;
        self.seed.wrapping_mul(0x2545_F491_4F6C_DD1D) % below.max(1)
    }

    pub fn run(&mut self, ms: u64) {
        let end = self.now + ms;
        while self.now < end {
            self.now += TICK;
            self.tick();
            self.check();
        }
    }

    fn tick(&mut self) {
        let now = self.now;
        let (due, late) = std::mem::take(&mut self.late)
            .into_iter()
            .partition(|(at, ..)| *at <= now);
        self.late = late;
        let due: Vec<_> = due;
        for (_, node, step) in due {
            self.table.apply(node, step);
        }
        for index in 0..self.nodes.len() {
            let node = &mut self.nodes[index];
            if node.dead || node.asleep > now {
                continue;
            }
            // Half of what it decided, the rest at the next tick: others come between.
            let doing = std::mem::take(&mut node.doing);
            if doing.is_empty() && node.next_reading <= now {
                let pause = 900 + self.chance(200);
                self.nodes[index].next_reading = now + pause;
                if self.away <= now {
                    let leases: Vec<_> = self.table.leases.values().copied().collect();
                    let nodes: Vec<_> = self.table.nodes.iter().map(|(n, v)| (*n, *v)).collect();
                    let node = &mut self.nodes[index];
                    node.doing = node.ownership.read(&leases, &nodes, node.clocks(now));
                }
            } else {
                let half = doing.len().div_ceil(2);
                for step in &doing[..half] {
                    self.carry_out(index, *step);
                }
                self.nodes[index].doing.extend_from_slice(&doing[half..]);
            }
        }
    }

    fn carry_out(&mut self, index: usize, step: Decision) {
        let (id, asked) = {
            let node = &self.nodes[index];
            (node.id, node.clocks(self.now).monotonic)
        };
        if let Decision::Begin { slice, epoch } = step {
            self.began(id, slice, epoch);
        }
        if matches!(step, Decision::Begin { .. } | Decision::Stop { .. }) {
            return;
        }
        let lost = self.away > self.now || self.chance(1_000) < self.lossy;
        let outcome = if lost {
            // Never arrived, was done before the answer was lost, or is done a while later.
            match self.chance(3) {
                0 => {}
                1 => drop(self.table.apply(id, step)),
                _ => {
                    let at = self.now + self.chance(4_000);
                    self.late.push((at, id, step));
                }
            }
            Outcome::Unknown
        } else if self.table.apply(id, step) {
            Outcome::Done
        } else {
            Outcome::Stale
        };
        if matches!(step, Decision::Take { .. } | Decision::HandOver { .. }) {
            self.last_move = self.now;
        }
        let follows = self.nodes[index].ownership.done(step, outcome, asked);
        if let Some(Decision::Begin { slice, epoch }) = follows {
            self.began(id, slice, epoch);
        }
    }

    fn began(&mut self, node: NodeId, slice: u8, epoch: u64) {
        let first = *self.owners.entry((slice, epoch)).or_insert(node);
        assert_eq!(first, node, "slice {slice} has two owners at epoch {epoch}");
    }

    /// What holds at every moment.
    fn check(&self) {
        let mut sends = BTreeMap::new();
        for node in self.nodes.iter().filter(|node| !node.dead) {
            for slice in node.sends_for(self.now) {
                if let Some(other) = sends.insert(slice, node.id) {
                    panic!(
                        "{} ms: {other:?} and {:?} both send for slice {slice}",
                        self.now, node.id
                    );
                }
            }
            for (slice, owned) in node.ownership.owned() {
                let owner = self.owners.get(&(slice, owned.epoch));
                assert!(owner.is_none_or(|owner| *owner == node.id));
            }
        }
    }

    /// What holds once nothing went wrong for a while: every slice is owned, each node has its share and knows it.
    pub fn fair(&self) {
        let living: Vec<_> = self
            .nodes
            .iter()
            .filter(|n| !n.dead && !n.leaving)
            .collect();
        if living.is_empty() {
            return;
        }
        let mut seen = BTreeSet::new();
        for node in &living {
            let owned: Vec<_> = node.ownership.owned().collect();
            let share = SLICES / living.len()..=SLICES.div_ceil(living.len());
            assert!(
                share.contains(&owned.len()),
                "{:?} has {} of {SLICES}, {} nodes live",
                node.id,
                owned.len(),
                living.len()
            );
            for (slice, owned) in owned {
                let row = self.table.leases.get(&slice).unwrap();
                assert_eq!((row.node, row.epoch), (node.id, owned.epoch));
                seen.insert(slice);
            }
        }
        assert_eq!(seen.len(), SLICES, "a slice has no owner");
        for node in self.nodes.iter().filter(|n| !n.dead && n.leaving) {
            assert_eq!(node.ownership.owned().count(), 0);
        }
    }
}
