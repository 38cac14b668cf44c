//! Which slices a node owns (ARCHITECTURE.md, “Many nodes”): the leases as they were read go in, with the time; what to
//! take, renew, hand over and stop comes out.
//!
//! The caller's contract: (1) read leases and nodes about once a second and give them to [`Ownership::read`]; (2) carry
//! out every [`Decision`] in order, and tell [`Ownership::done`] how each step at the store ended; (3) before anything
//! leaves for a terminal, look whether the monotonic clock is still below [`Owned::good_until`].
//!
//! Two nodes never own a slice at the same epoch, whatever their clocks say, because an epoch is taken by a
//! compare-and-swap. When to try is judged without comparing clocks: a lease that its owner has not renewed for a whole
//! lease time *of this node's monotonic clock* has expired. `expires` in the row is the owner's own wall clock; it only
//! has to move with every renewal, so that others see it move, and 0 says that the lease was handed over.

use crate::{Lease, NodeId, SLICES};
use std::collections::BTreeMap;

/// How many slices of its surplus a node hands over at one reading, at most.
const GENTLY: usize = 16;

/// Times of leases, ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// How long a lease lasts without a renewal.
    pub lease: u64,
    /// How often it is renewed.
    pub renew: u64,
    /// How long before its end nothing is sent any more.
    pub margin: u64,
}

impl Times {
    /// Those of a server (STORE.md): a node's death moves its slices within 15 s.
    pub const SERVE: Self = Self {
        lease: 10_000,
        renew: 3_000,
        margin: 2_000,
    };
}

/// What time it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// The wall clock, ms UTC; may be wrong by hours.
    pub wall: i64,
    /// A clock that only goes forward, ms since any moment.
    pub monotonic: u64,
}

/// What a node does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Say that this node lives: write its row again, so that its version grows.
    Beat,
    /// Take the row away: this node goes.
    Leave,
    /// Take a lease, if it is still as it was seen.
    Take {
        /// Which slice.
        slice: u8,
        /// The epoch seen; 0: there is no row yet.
        seen: u64,
        /// The lease must expire before this: one more than was seen, so that a renewal meanwhile keeps the owner.
        now: i64,
        /// What to write, ms UTC.
        expires: i64,
    },
    /// Renew a lease, if it is still this node's at this epoch.
    Renew {
        /// Which slice.
        slice: u8,
        /// This node's epoch.
        epoch: u64,
        /// What to write, ms UTC.
        expires: i64,
    },
    /// Let go of a lease: `expires` becomes 0. It was stopped before.
    HandOver {
        /// Which slice.
        slice: u8,
        /// This node's epoch.
        epoch: u64,
    },
    /// The slice is this node's from now on: take up what is unfinished in it.
    Begin {
        /// Which slice.
        slice: u8,
        /// This node's epoch: it goes with every job.
        epoch: u64,
    },
    /// The slice is not this node's any more: forget it, send nothing for it.
    Stop {
        /// Which slice.
        slice: u8,
    },
}

/// How a step at the store ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is committed.
    Done,
    /// Another was faster: nothing was written.
    Stale,
    /// The store did not answer: it may be written or not.
    Unknown,
}

/// A slice of this node's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owned {
    /// The fence.
    pub epoch: u64,
    /// Nothing is sent once the monotonic clock has come this far, ms.
    pub good_until: u64,
}

#[derive(Debug, Clone, Copy)]
struct Mine {
    epoch: u64,
    /// Monotonic, from the moment the last renewal was asked for.
    end: u64,
    /// What stands in the row.
    expires: i64,
    /// When a renewal was last asked for, monotonic; none: at once.
    asked: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Sighting {
    row: Lease,
    /// When it was last seen to change, monotonic.
    since: u64,
}

#[derive(Debug, Clone, Copy)]
struct Other {
    version: u64,
    /// When its row was last seen to change; none: it has only stood there so far.
    beat: Option<u64>,
    /// How long it has stood like this while it was watched, ms.
    stood: u64,
}

/// A node's row that has stood still for so long is no use to anybody, ms.
const FORGOTTEN: u64 = 3_600_000;

/// What one node knows of leases.
#[derive(Debug, Clone)]
pub struct Ownership {
    me: NodeId,
    times: Times,
    /// Earlier processes of this very installation: dead for certain.
    former: Vec<NodeId>,
    leaving: bool,
    beaten: Option<u64>,
    /// When the rows were last read.
    read: Option<u64>,
    mine: BTreeMap<u8, Mine>,
    /// Epochs that were let go of: never used again, even when the hand-over was not heard of, or comes late.
    let_go: BTreeMap<u8, u64>,
    leases: BTreeMap<u8, Sighting>,
    others: BTreeMap<NodeId, Other>,
}

impl Ownership {
    /// One node of many. `former` are earlier processes that are certainly dead (they held a lock that this one holds
    /// now): their leases need not run out.
    pub fn new(me: NodeId, former: Vec<NodeId>, times: Times) -> Self {
        Self {
            me,
            times,
            former,
            leaving: false,
            beaten: None,
            read: None,
            mine: BTreeMap::new(),
            let_go: BTreeMap::new(),
            leases: BTreeMap::new(),
            others: BTreeMap::new(),
        }
    }

    /// What this node owns.
    pub fn owned(&self) -> impl Iterator<Item = (u8, Owned)> + '_ {
        self.mine.iter().map(|(slice, mine)| {
            let owned = Owned {
                epoch: mine.epoch,
                good_until: mine.end.saturating_sub(self.times.margin),
            };
            (*slice, owned)
        })
    }

    /// Who owns a slice, and at which epoch, as far as this node knows; none when its lease has run out or was handed over.
    pub fn holder(&self, slice: u8, now: u64) -> Option<(NodeId, u64)> {
        if let Some(mine) = self.mine.get(&slice) {
            return Some((self.me, mine.epoch));
        }
        let seen = self.leases.get(&slice)?;
        (seen.row.node != self.me && !self.is_free(seen, now))
            .then_some((seen.row.node, seen.row.epoch))
    }

    /// Whether another node gave a sign of life within the time of a lease, as this one watched; none: it is not known here.
    /// A node that this one has only just begun to watch counts as living.
    pub fn lives(&self, node: NodeId) -> Option<bool> {
        if self.former.contains(&node) {
            return Some(false);
        }
        let other = self.others.get(&node)?;
        Some(other.stood < self.times.lease)
    }

    /// The nodes whose rows have stood still for an hour, each with its row's version: their machines are gone. One that
    /// only slept writes its row again.
    pub fn forgotten(&self) -> Vec<(NodeId, u64)> {
        let gone = self.others.iter();
        let gone = gone.filter(|(_, other)| other.stood >= FORGOTTEN);
        gone.map(|(node, other)| (*node, other.version)).collect()
    }

    /// The leases and the nodes (with the versions of their rows) as they stand in the store. `at` was taken after they
    /// were read: what they say was written before it.
    pub fn read(&mut self, leases: &[Lease], nodes: &[(NodeId, u64)], at: Clocks) -> Vec<Decision> {
        self.notice(leases, nodes, at.monotonic);
        let mut decisions = Vec::new();
        self.compare(&mut decisions);
        if self.leaving {
            return decisions;
        }
        self.renew(at, &mut decisions);
        let free = self.free(at.monotonic);
        let mut needs = self.needs(&free, at.monotonic);
        // Every node deals alike, so that two of them seldom reach for the same slice.
        for slice in &free {
            let Some((node, need)) = needs
                .iter_mut()
                .max_by_key(|(node, need)| (**need, std::cmp::Reverse(**node)))
            else {
                break;
            };
            *need -= 1;
            if *node == self.me {
                decisions.push(self.take(*slice, at.wall));
            }
        }
        self.hand_over_surplus(&needs, &mut decisions);
        decisions
    }

    /// How a step ended that was asked for when the monotonic clock said `asked`.
    pub fn done(&mut self, step: Decision, outcome: Outcome, asked: u64) -> Option<Decision> {
        let end = asked.saturating_add(self.times.lease);
        match (step, outcome) {
            (
                Decision::Take {
                    slice,
                    seen,
                    expires,
                    ..
                },
                Outcome::Done,
            ) => {
                let epoch = seen.saturating_add(1);
                let mine = Mine {
                    epoch,
                    end,
                    expires,
                    asked: Some(asked),
                };
                self.mine.insert(slice, mine);
                Some(Decision::Begin { slice, epoch })
            }
            (
                Decision::Renew {
                    slice,
                    epoch,
                    expires,
                },
                outcome,
            ) => {
                let mine = self.mine.get_mut(&slice);
                let mine = mine.filter(|mine| mine.epoch == epoch)?;
                match outcome {
                    Outcome::Done => {
                        mine.end = mine.end.max(end);
                        mine.expires = expires;
                        None
                    }
                    Outcome::Unknown => {
                        mine.asked = None;
                        None
                    }
                    Outcome::Stale => {
                        self.mine.remove(&slice);
                        Some(Decision::Stop { slice })
                    }
                }
            }
            // The next reading tells how it stands.
            _ => None,
        }
    }

    /// A job was refused because the slice is another's: the same as losing it.
    pub fn refused(&mut self, slice: u8, epoch: u64) -> Option<Decision> {
        let stale = self.mine.get(&slice)?.epoch == epoch;
        stale.then(|| {
            self.mine.remove(&slice);
            Decision::Stop { slice }
        })
    }

    /// This node goes: everything is stopped and handed over, and nothing is taken again.
    pub fn shut_down(&mut self) -> Vec<Decision> {
        self.leaving = true;
        let mut decisions = Vec::new();
        while self.let_go(&mut decisions) {}
        decisions.push(Decision::Leave);
        decisions
    }

    /// Remembers what was read, and since when it has stood like this. Readings further apart than a renewal (the store
    /// was away, this node slept) say nothing about the time between: nobody is taken for dead because of them.
    fn notice(&mut self, leases: &[Lease], nodes: &[(NodeId, u64)], now: u64) {
        let last = self.read.replace(now);
        let watched = last.is_some_and(|last| now.saturating_sub(last) <= self.times.renew);
        let before = std::mem::take(&mut self.leases);
        self.leases = leases
            .iter()
            .map(|row| {
                let same = before.get(&row.slice).filter(|seen| seen.row == *row);
                let since = same.filter(|_| watched).map_or(now, |seen| seen.since);
                (row.slice, Sighting { row: *row, since })
            })
            .collect();
        let before = std::mem::take(&mut self.others);
        let others = nodes.iter().filter(|(node, _)| *node != self.me);
        self.others = others
            .map(|(node, version)| {
                let beat = match before.get(node) {
                    Some(seen) if seen.version != *version => Some(now),
                    Some(seen) if watched => seen.beat,
                    Some(seen) => seen.beat.map(|_| now),
                    None => None,
                };
                let version = *version;
                let same = before.get(node).filter(|seen| seen.version == version);
                let passed = last
                    .filter(|_| watched)
                    .map_or(0, |last| now.saturating_sub(last));
                let stood = same.map_or(0, |seen| seen.stood.saturating_add(passed));
                let other = Other {
                    version,
                    beat,
                    stood,
                };
                (*node, other)
            })
            .collect();
    }

    /// What the rows say of this node against what it believes.
    fn compare(&mut self, decisions: &mut Vec<Decision>) {
        for Sighting { row, .. } in self.leases.values() {
            let slice = row.slice;
            let ours = row.node == self.me && row.expires != 0;
            match self.mine.get(&slice) {
                // A row older than what we know: the next reading, or the renewal, will tell.
                Some(mine) if row.epoch < mine.epoch => {}
                Some(mine) if row.epoch == mine.epoch && ours => {}
                Some(_) => {
                    self.mine.remove(&slice);
                    decisions.push(Decision::Stop { slice });
                }
                None => {}
            }
            if !ours || self.mine.contains_key(&slice) {
                continue;
            }
            let epoch = row.epoch;
            if self.leaving || self.let_go.get(&slice) == Some(&epoch) {
                decisions.push(Decision::HandOver { slice, epoch });
                continue;
            }
            // A take whose outcome nobody knew.
            let mine = Mine {
                epoch,
                end: 0,
                expires: row.expires,
                asked: None,
            };
            self.mine.insert(slice, mine);
            decisions.push(Decision::Begin { slice, epoch });
        }
    }

    fn renew(&mut self, at: Clocks, decisions: &mut Vec<Decision>) {
        let every = self.times.renew;
        let due = |asked: Option<u64>| {
            asked.is_none_or(|asked| at.monotonic.saturating_sub(asked) >= every)
        };
        if due(self.beaten) {
            self.beaten = Some(at.monotonic);
            decisions.push(Decision::Beat);
        }
        let until = self.until(at.wall);
        for (slice, mine) in self.mine.iter_mut().filter(|(_, mine)| due(mine.asked)) {
            mine.asked = Some(at.monotonic);
            decisions.push(Decision::Renew {
                slice: *slice,
                epoch: mine.epoch,
                // It must move, or others take us for dead, also when the wall clock was set back.
                expires: until.max(mine.expires.saturating_add(1)),
            });
        }
    }

    /// What a lease from now on is written with; never 0, which means handed over.
    fn until(&self, wall: i64) -> i64 {
        let lease = i64::try_from(self.times.lease).unwrap_or(i64::MAX);
        wall.saturating_add(lease).max(1)
    }

    fn take(&self, slice: u8, wall: i64) -> Decision {
        let seen = self.leases.get(&slice).map(|seen| seen.row);
        Decision::Take {
            slice,
            seen: seen.map_or(0, |row| row.epoch),
            now: seen.map_or(wall, |row| row.expires.saturating_add(1)),
            expires: self.until(wall),
        }
    }

    /// Slices that may be taken, in order.
    fn free(&self, now: u64) -> Vec<u8> {
        let free = |slice: &u8| match self.leases.get(slice) {
            _ if self.mine.contains_key(slice) => false,
            None => true,
            Some(seen) => self.is_free(seen, now),
        };
        (0..=u8::MAX).filter(free).collect()
    }

    fn is_free(&self, seen: &Sighting, now: u64) -> bool {
        let expired = now.saturating_sub(seen.since) >= self.times.lease;
        seen.row.expires == 0 || expired || self.former.contains(&seen.row.node)
    }

    /// How many slices each living node lacks of its fair share; below 0: has too many.
    fn needs(&self, free: &[u8], now: u64) -> BTreeMap<NodeId, i64> {
        let lives = |other: &Other| {
            let beat = other.beat;
            beat.is_some_and(|beat| now.saturating_sub(beat) < self.times.lease)
        };
        let others = self.others.iter().filter(|(_, other)| lives(other));
        let mut living: Vec<NodeId> = others.map(|(node, _)| *node).collect();
        living.push(self.me);
        living.sort_unstable();
        let mut needs = BTreeMap::new();
        for (rank, node) in living.iter().enumerate() {
            // The first few have one more when it does not come out even.
            let share = (SLICES + living.len() - 1 - rank) / living.len();
            needs.insert(*node, i64::try_from(share).unwrap_or(0));
        }
        for slice in 0..=u8::MAX {
            let owner = match self.leases.get(&slice) {
                _ if self.mine.contains_key(&slice) => self.me,
                Some(seen) if seen.row.node != self.me && free.binary_search(&slice).is_err() => {
                    seen.row.node
                }
                _ => continue,
            };
            if let Some(need) = needs.get_mut(&owner) {
                *need -= 1;
            }
        }
        needs
    }

    /// Lets go of what others lack, a few at a time.
    fn hand_over_surplus(&mut self, needs: &BTreeMap<NodeId, i64>, decisions: &mut Vec<Decision>) {
        let surplus = needs.get(&self.me).map_or(0, |need| -need);
        let lacking: i64 = needs.values().filter(|need| **need > 0).sum();
        let most = usize::try_from(surplus.min(lacking)).unwrap_or(0);
        for _ in 0..most.min(GENTLY) {
            self.let_go(decisions);
        }
    }

    /// Stops the last of its slices and hands it over; false when there is none.
    fn let_go(&mut self, decisions: &mut Vec<Decision>) -> bool {
        let Some((slice, Mine { epoch, .. })) = self.mine.pop_last() else {
            return false;
        };
        self.let_go.insert(slice, epoch);
        decisions.push(Decision::Stop { slice });
        decisions.push(Decision::HandOver { slice, epoch });
        true
    }
}
