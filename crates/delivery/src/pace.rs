//! How fast a destination network is fed: the network state table drives the rate, as it drives route and retry. A
//! network that fails is fed its campaigns more slowly, so that it does not eat the gateways' windows, and faster again
//! as messages arrive. Pure: its row goes in, a rate comes out.

use crate::network::{FEW, NetworkRow};

/// Where this share of the last outcomes is ill, the network is sick.
const SICK: f64 = 0.5;
/// Where no more than this is, it is well.
const WELL: f64 = 0.25;
/// Outcomes that are looked at: older ones fade.
const WINDOW: f64 = 40.0;
/// Outcomes since the last change that the next one goes by.
const ENOUGH: f64 = 10.0;
/// What a change did is seen after this, ms: not slower again before, nor faster.
const SETTLE_DOWN: i64 = 5_000;
const SETTLE_UP: i64 = 1_000;
/// Each step down, each step up, and each where neither is certain.
const DOWN: f64 = 0.5;
const UP: f64 = 1.5;
const CREEP: f64 = 1.1;
/// The slowest, messages a second: some must go, else nobody would see that it is well again.
pub const SLOWEST: f64 = 1.0;
/// The rate that the first step begins at, at least.
const FIRST: f64 = 10.0;
/// A network that nothing more is heard of is fed as usual after this, ms.
const FORGET: i64 = 15 * 60_000;

/// A rate that is configured for some numbers (`[[network]]`).
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// The beginnings of the numbers (`+44`).
    pub prefixes: Vec<String>,
    /// Most messages a second to them, by all gateways of this node together.
    pub rate_per_s: f64,
}

impl Limit {
    /// How much of the number its longest prefix covers; none when it is not for it.
    pub fn reach(&self, destination: &str) -> Option<usize> {
        let prefixes = self.prefixes.iter();
        let fitting = prefixes.filter(|prefix| destination.starts_with(prefix.as_str()));
        fitting.map(String::len).max()
    }
}

/// The place of the limit that holds for a number: the longest prefix.
pub fn limit_of(limits: &[Limit], destination: &str) -> Option<usize> {
    let fitting = limits.iter().enumerate();
    let fitting = fitting.filter_map(|(place, limit)| Some((limit.reach(destination)?, place)));
    fitting
        .max_by_key(|(reach, place)| (*reach, std::cmp::Reverse(*place)))
        .map(|(_, place)| place)
}

/// Messages that may go now, at a rate.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bucket {
    allowance: f64,
    refilled: i64,
}

impl Bucket {
    /// Whether one more may go at `rate` a second.
    pub fn lets(&mut self, rate: f64, now: i64) -> bool {
        #[allow(clippy::cast_precision_loss)] // A pause so long is cut to one second's worth.
        let since = (now - self.refilled).max(0) as f64 / 1000.0;
        self.allowance = (self.allowance + since * rate).min(rate.max(1.0));
        self.refilled = now;
        self.allowance >= 1.0
    }

    /// One went.
    pub fn spend(&mut self) {
        self.allowance -= 1.0;
    }
}

/// Good and bad outcomes, the newer the heavier.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Signs {
    well: f64,
    ill: f64,
}

impl Signs {
    fn add(&mut self, well: u64, ill: u64) {
        let float = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        self.well += float(well);
        self.ill += float(ill);
        let sum = self.sum();
        if sum > WINDOW {
            self.well *= WINDOW / sum;
            self.ill *= WINDOW / sum;
        }
    }

    fn sum(&self) -> f64 {
        self.well + self.ill
    }

    fn ill(&self, enough: f64) -> Option<f64> {
        (self.sum() >= enough).then(|| self.ill / self.sum())
    }
}

/// What was counted already.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Seen {
    sent: u64,
    refused: u64,
    arrived: u64,
    lost: u64,
}

/// What is learned of one network.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pacer {
    seen: Seen,
    /// What became of messages there.
    fates: Signs,
    /// Whether gateways take messages for it, or refuse them for the moment.
    handed: Signs,
    rate: Option<f64>,
    /// The rate at which it is as usual again.
    usual: f64,
    changed: i64,
    heard: i64,
    bucket: Bucket,
}

impl Pacer {
    /// Its row as it is now; `now` only goes forward. True when the rate changed.
    pub fn observe(&mut self, row: &NetworkRow, now: i64) -> bool {
        let new = Seen {
            sent: row.sent,
            refused: row.refused,
            arrived: row.delivered,
            lost: row.failed + row.absent,
        };
        let old = std::mem::replace(&mut self.seen, new);
        let (arrived, lost) = (
            new.arrived.saturating_sub(old.arrived),
            new.lost.saturating_sub(old.lost),
        );
        let (sent, refused) = (
            new.sent.saturating_sub(old.sent),
            new.refused.saturating_sub(old.refused),
        );
        self.fates.add(arrived, lost);
        self.handed.add(sent, refused);
        if arrived + lost + refused > 0 {
            self.heard = now;
        }
        self.judge(row, now)
    }

    fn judge(&mut self, row: &NetworkRow, now: i64) -> bool {
        let enough = match self.rate {
            None => f64::from(FEW),
            Some(_) => ENOUGH,
        };
        let (fates, handed) = (self.fates.ill(enough), self.handed.ill(enough));
        let worst = fates.unwrap_or(0.0).max(handed.unwrap_or(0.0));
        let since = now - self.changed;
        let Some(rate) = self.rate else {
            if worst < SICK || (self.changed > 0 && since < SETTLE_DOWN) {
                return false;
            }
            let before = f64::from(row.history.recent(now, 1).taken) / 60.0;
            self.usual = before.max(FIRST);
            return self.set(Some(self.usual * DOWN), now);
        };
        if worst >= SICK {
            let slower = (rate * DOWN).max(SLOWEST);
            return since >= SETTLE_DOWN && self.set(Some(slower), now);
        }
        // Messages that a gateway takes are no proof where receipts tell more.
        let told = row.delivered + row.failed + row.absent > 0;
        let Some(ill) = (if told { fates } else { handed }) else {
            return false;
        };
        if since < SETTLE_UP {
            return false;
        }
        let faster = rate * if ill <= WELL { UP } else { CREEP };
        self.set((faster < self.usual).then_some(faster), now)
    }

    fn set(&mut self, rate: Option<f64>, now: i64) -> bool {
        let same = self.rate == rate;
        self.rate = rate;
        self.changed = now;
        // The next step goes by what this one did.
        self.fates = Signs::default();
        self.handed = Signs::default();
        !same
    }

    /// Time passes: what nothing was heard of for long is fed as usual. True when the rate changed.
    pub fn tick(&mut self, now: i64) -> bool {
        let over = self.rate.is_some() && now - self.heard.max(self.changed) > FORGET;
        over && self.set(None, now)
    }

    /// Most messages of campaigns a second; none: as many as the gateways take.
    pub fn rate(&self) -> Option<f64> {
        self.rate
    }

    /// Whether one more message of a campaign may go there.
    pub fn lets(&mut self, now: i64) -> bool {
        match self.rate {
            Some(rate) => self.bucket.lets(rate, now),
            None => true,
        }
    }

    /// One went.
    pub fn spend(&mut self) {
        if self.rate.is_some() {
            self.bucket.spend();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    /// A network and its pacer.
    #[derive(Default)]
    struct Net {
        row: NetworkRow,
        pacer: Pacer,
        now: i64,
    }

    impl Net {
        fn new() -> Self {
            Self {
                now: 1_000_000,
                ..Self::default()
            }
        }

        /// After `ms`: so many outcomes.
        fn after(&mut self, ms: i64, (delivered, failed, refused): (u64, u64, u64)) -> Option<f64> {
            self.now += ms;
            let taken = u32::try_from(delivered + failed).unwrap();
            Arc::make_mut(&mut self.row.history).at(self.now).taken += taken;
            self.row.sent += delivered + failed;
            self.row.delivered += delivered;
            self.row.failed += failed;
            self.row.refused += refused;
            self.pacer.observe(&self.row, self.now);
            self.pacer.rate()
        }
    }

    #[test]
    fn few_failures_slow_nothing_and_many_halve_the_rate_step_by_step_to_the_slowest() {
        let mut net = Net::new();
        assert_eq!(net.after(10, (0, 19, 0)), None, "too few to say anything");
        let mut net = Net::new();
        assert_eq!(net.after(10, (30, 20, 0)), None, "two of five");
        let mut net = Net::new();
        // 1,200 in the last two minutes are 20 a second.
        assert_eq!(net.after(10, (0, 1_200, 0)), Some(10.0));
        assert_eq!(
            net.after(10, (0, 100, 0)),
            Some(10.0),
            "what it did is not seen yet"
        );
        for slower in [5.0, 2.5, 1.25, 1.0, 1.0] {
            assert_eq!(net.after(SETTLE_DOWN, (0, 20, 0)), Some(slower));
        }
    }

    #[test]
    fn it_recovers_as_messages_arrive_and_then_is_as_it_was() {
        let mut net = Net::new();
        assert_eq!(net.after(10, (0, 20, 0)), Some(5.0));
        assert_eq!(net.after(SETTLE_UP, (9, 0, 0)), Some(5.0), "too few");
        assert_eq!(net.after(1, (1, 0, 0)), Some(7.5));
        assert_eq!(net.after(1, (50, 0, 0)), Some(7.5), "not so soon");
        // Some fail: it creeps.
        let crept = net.after(SETTLE_UP, (0, 25, 0)).unwrap();
        assert!((crept - 8.25).abs() < 1e-9, "{crept}");
        assert_eq!(net.after(SETTLE_UP, (10, 0, 0)), None);
        assert_eq!(net.after(SETTLE_UP, (100, 10, 0)), None);
    }

    #[test]
    fn refusals_for_the_moment_slow_it_and_acceptance_alone_is_no_proof_of_arrival() {
        let mut net = Net::new();
        assert_eq!(net.after(10, (0, 0, 20)), Some(5.0));
        // No receipts were ever seen: what is taken counts.
        net.row.sent += 10;
        net.now += SETTLE_UP;
        assert!(net.pacer.observe(&net.row, net.now));
        assert_eq!(net.pacer.rate(), Some(7.5));
        // Receipts are there: they decide.
        net.after(1, (0, 1, 0));
        net.row.sent += 100;
        net.now += SETTLE_UP;
        assert!(!net.pacer.observe(&net.row, net.now));
        assert_eq!(net.after(1, (12, 0, 0)), None);
    }

    #[test]
    fn what_nothing_is_heard_of_is_forgotten() {
        let mut net = Net::new();
        net.after(10, (0, 20, 0));
        assert!(!net.pacer.tick(net.now + FORGET));
        assert!(net.pacer.tick(net.now + FORGET + 1));
        assert_eq!(net.pacer.rate(), None);
        assert!(!net.pacer.tick(net.now + 2 * FORGET));
    }

    #[test]
    fn a_bucket_gives_its_rate_and_never_more_than_a_second_at_once() {
        for (rate, every, most) in [
            (5.0, 10, 55),
            (5.0, 250, 55),
            (0.5, 250, 6),
            (100.0, 10, 1_100),
        ] {
            let (mut bucket, mut went) = (Bucket::default(), 0);
            for now in (1_000_000..1_010_000).step_by(every) {
                while bucket.lets(rate, now) {
                    bucket.spend();
                    went += 1;
                }
            }
            let least = most - most / 10 - 2;
            assert!((least..=most).contains(&went), "{rate}/s: {went} in 10 s");
        }
    }

    #[test]
    fn the_longest_prefix_of_a_limit_holds() {
        let limit = |prefixes: &[&str], rate_per_s| Limit {
            prefixes: prefixes.iter().map(|p| (*p).to_owned()).collect(),
            rate_per_s,
        };
        let limits = [limit(&["+44", "+353"], 5.0), limit(&["+4477"], 1.0)];
        for (number, place) in [
            ("+447700900101", Some(1)),
            ("+441514960101", Some(0)),
            ("+353155501", Some(0)),
            ("+8613900001234", None),
        ] {
            assert_eq!(limit_of(&limits, number), place, "{number}");
        }
    }
}
