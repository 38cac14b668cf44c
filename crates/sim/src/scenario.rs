//! A life: what is done when. Drawn from a seed, or read from a script.

use crate::action::{Action, FAULTS};
use crate::chance::Chance;
use crate::node::SLOWER;
use delivery::Policy;

/// Kinds of cards, as [`crate::phones`] makes them.
pub const KINDS: [&str; 7] = [
    "sim-28x50",
    "usim-28x100",
    "sim-28x50-3des",
    "small",
    "tiny",
    "clear-proof",
    "silent",
];

/// Everything that makes a life what it is.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Moves the network's chance and the nodes'.
    pub seed: u64,
    /// How many nodes share the store.
    pub nodes: usize,
    /// Times of delivery.
    pub policy: Policy,
    /// What is done, ms after the beginning, in order.
    pub steps: Vec<(i64, Action)>,
}

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

impl Scenario {
    /// The life of this seed.
    pub fn of_seed(seed: u64) -> Self {
        let mut chance = Chance::of(seed);
        let nodes = if seed.is_multiple_of(10) {
            chance.below(3) + 2
        } else {
            1
        };
        // Much that is due at one moment, in both lanes.
        let crowded = seed % 20 == 5;
        let policy = if chance.strikes(500) && nodes == 1 {
            Policy::SERVE
        } else {
            Policy::DEMO
        };
        // Where retries come every few seconds, hours are minutes.
        let pace = match (policy == Policy::SERVE, nodes) {
            (true, _) => 1,
            (false, 1) => 40,
            // Leases last minutes.
            _ => 100,
        };
        let mut life = Life {
            pace,
            quiet: policy.quiet,
            nodes,
            chance,
            at: 0,
            steps: Vec::new(),
            subscribers: 0,
            terminals: 0,
            friends: 0,
        };
        life.people(crowded);
        if crowded {
            life.crowd();
        }
        life.weather();
        let (least, most) = if crowded { (5, 15) } else { (15, 45) };
        for _ in 0..life.chance.within(least, most) {
            life.pass();
            life.something();
        }
        Self {
            seed,
            nodes,
            policy,
            steps: life.steps,
        }
    }

    /// Reads a script (see [`crate::action::HELP`]); lines that begin with `#` are remarks, `seed N` and `policy serve|demo`
    /// and `nodes N` may stand first.
    ///
    /// # Errors
    /// A sentence that names the line.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut scenario = Self {
            seed: 1,
            nodes: 1,
            policy: Policy::SERVE,
            steps: Vec::new(),
        };
        let mut at = 0;
        for (n, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = || {
                format!(
                    "line {n} is not understood: {line}\n{}",
                    crate::action::HELP
                )
            };
            match line.split_once(' ').unwrap_or((line, "")) {
                ("seed", seed) => scenario.seed = seed.trim().parse().map_err(|_| wrong())?,
                ("nodes", nodes) => scenario.nodes = nodes.trim().parse().map_err(|_| wrong())?,
                ("policy", "serve") => scenario.policy = Policy::SERVE,
                ("policy", "demo") => scenario.policy = Policy::DEMO,
                (first, rest) => {
                    let (wait, action) = match duration(first) {
                        Some(wait) => (wait, rest),
                        None => (0, line),
                    };
                    at += wait;
                    scenario
                        .steps
                        .push((at, Action::read(action).ok_or_else(wrong)?));
                }
            }
        }
        Ok(scenario)
    }

    /// The same life as a script.
    pub fn script(&self) -> String {
        let policy = if self.policy == Policy::SERVE {
            "serve"
        } else {
            "demo"
        };
        let mut text = format!(
            "seed {}\nnodes {}\npolicy {policy}\n",
            self.seed, self.nodes
        );
        let mut before = 0;
        for (at, action) in &self.steps {
            text += &format!("{}ms {action}\n", at - before);
            before = *at;
        }
        text
    }
}

fn duration(word: &str) -> Option<i64> {
    let (unit, size) = [
        ("ms", 1),
        ("s", SECOND),
        ("m", MINUTE),
        ("h", HOUR),
        ("d", 24 * HOUR),
    ]
    .into_iter()
    .find(|(unit, _)| word.ends_with(unit) && word.starts_with(|c: char| c.is_ascii_digit()))?;
    word.strip_suffix(unit)?
        .parse::<i64>()
        .ok()
        .map(|n| n * size)
}

/// A life as it is drawn.
struct Life {
    quiet: i64,
    nodes: usize,
    pace: i64,
    chance: Chance,
    at: i64,
    steps: Vec<(i64, Action)>,
    subscribers: usize,
    terminals: usize,
    friends: u32,
}

impl Life {
    fn does(&mut self, action: Action) {
        self.steps.push((self.at, action));
    }

    fn people(&mut self, crowded: bool) {
        let more = if crowded { 3 } else { 0 };
        for subscriber in 0..self.chance.below(3) + 2 + more {
            self.does(Action::Subscriber);
            self.subscribers += 1;
            for terminal in 0..self.chance.below(2) + 1 {
                if terminal > 0 || self.chance.strikes(150) {
                    self.does(Action::CardPhone { subscriber });
                } else {
                    let kind = self.chance.pick(&KINDS).copied().unwrap_or_default().into();
                    let in_use = self.chance.strikes(250);
                    self.does(Action::Sim {
                        subscriber,
                        kind,
                        in_use,
                    });
                }
                self.terminals += 1;
            }
            for _ in 0..self.chance.below(6) {
                self.add(subscriber);
            }
        }
    }

    /// Campaigns that reach some while the edits of others become due.
    fn crowd(&mut self) {
        for _ in 0..3 {
            self.at += 2 * HOUR / self.pace;
            for subscriber in 0..self.subscribers {
                if self.chance.strikes(500) {
                    self.add(subscriber);
                }
            }
            self.at += self.quiet - 100;
            for terminal in 0..self.terminals {
                self.does(Action::Bulk { terminal });
            }
        }
    }

    fn add(&mut self, subscriber: usize) {
        self.friends += 1;
        let friend = self.friends;
        self.does(Action::Add { subscriber, friend });
    }

    /// Which faults this life has, and how often they strike.
    fn weather(&mut self) {
        for which in 0..FAULTS.len() {
            let most = match FAULTS.get(which).copied().unwrap_or_default() {
                "refuse-number" | "refuse-message" => 30,
                _ => 400,
            };
            if self.chance.strikes(400) {
                let permille = u32::try_from(self.chance.within(10, most)).unwrap_or(0);
                self.does(Action::Fault { which, permille });
            }
        }
    }

    fn pass(&mut self) {
        let wait = match self.chance.below(20) {
            0..=11 => self.chance.within(50, 10 * SECOND),
            12..=16 => self.chance.within(MINUTE, 30 * MINUTE) / self.pace,
            17..=18 => self.chance.within(HOUR, 8 * HOUR) / self.pace,
            _ => self.chance.within(8 * HOUR, 72 * HOUR) / self.pace,
        };
        self.at += wait;
    }

    fn something(&mut self) {
        let subscriber = self.chance.below(self.subscribers);
        let terminal = self.chance.below(self.terminals);
        let nth = self.chance.below(20);
        let node = self.chance.below(self.nodes);
        if self.nodes > 1 && self.chance.strikes(300) {
            // A lease lasts ten seconds of its own clock.
            let ms = self.chance.spread(SECOND, MINUTE) * SLOWER;
            return match self.chance.below(6) {
                0 => self.does(Action::Leave {
                    node,
                    back_after: ms,
                }),
                1 => self.does(Action::Pause { node, ms }),
                _ => {
                    let requests = u32::try_from(self.chance.within(2, 9)).unwrap_or(2);
                    self.does(Action::Stall { node, requests, ms });
                }
            };
        }
        match self.chance.below(100) {
            0..=19 => self.add(subscriber),
            20..=27 => {
                self.friends += 1;
                self.does(Action::Renumber {
                    subscriber,
                    nth,
                    friend: self.friends,
                });
            }
            28..=35 => {
                self.friends += 1;
                self.does(Action::Rename {
                    subscriber,
                    nth,
                    friend: self.friends,
                });
            }
            36..=41 => self.does(Action::Remove { subscriber, nth }),
            42..=44 => {
                // A sitting that the brake holds, perhaps.
                for _ in 0..self.chance.within(4, 8) {
                    self.at += self.chance.within(500, 5 * SECOND);
                    self.does(Action::Remove { subscriber, nth: 0 });
                }
            }
            45..=48 => {
                let back = self.chance.bits() % 4;
                self.does(Action::Undo { subscriber, back });
            }
            49..=52 => {
                let yes = self.chance.strikes(500);
                self.does(Action::Decide { subscriber, yes });
            }
            53..=56 => {
                let all = self.chance.strikes(300);
                self.does(Action::Send { terminal, all });
            }
            57..=59 => self.does(Action::Verify { terminal }),
            60..=61 => self.does(Action::Test { terminal }),
            62..=63 => {
                // A campaign that becomes due in the very turn of an edit, perhaps.
                if self.chance.strikes(700) {
                    self.add(subscriber);
                    self.at += self.quiet - 100;
                    for terminal in 0..self.terminals {
                        self.does(Action::Bulk { terminal });
                    }
                } else {
                    self.does(Action::Bulk { terminal });
                }
            }
            64..=66 => {
                let wrong_keys = self.chance.strikes(200);
                self.does(Action::Swap {
                    terminal,
                    wrong_keys,
                });
            }
            67 => self.does(Action::Retire { terminal }),
            68..=72 => self.does(Action::Off { terminal }),
            73..=78 => self.does(Action::On { terminal }),
            79..=80 => {
                let gateway = self.chance.below(2);
                self.does(Action::Down { gateway });
            }
            81..=82 => {
                let gateway = self.chance.below(2);
                self.does(Action::Up { gateway });
            }
            83..=91 => {
                let requests = u32::try_from(self.chance.spread(1, 40)).unwrap_or(1);
                let (heard, sent) = (self.chance.strikes(500), self.chance.below(4));
                let back_after = self.chance.spread(1, 2 * HOUR / self.pace);
                let sent = u32::try_from(sent).unwrap_or(0);
                self.does(Action::Crash {
                    node,
                    requests,
                    heard,
                    sent,
                    back_after,
                });
            }
            92..=94 => {
                let after = u32::try_from(self.chance.below(12)).unwrap_or(0);
                let requests = u32::try_from(self.chance.spread(1, 20)).unwrap_or(1);
                let heard = self.chance.strikes(500);
                self.does(Action::Outage {
                    node,
                    after,
                    requests,
                    heard,
                });
            }
            95..=96 => {
                let far = self.chance.spread(SECOND, 12 * HOUR / self.pace);
                let ms = if self.chance.strikes(500) { far } else { -far };
                self.does(Action::Clock { node, ms });
            }
            97 => self.does(Action::BackUp),
            98 => self.does(Action::Restore),
            _ => {
                let which = self.chance.below(FAULTS.len());
                self.does(Action::Fault { which, permille: 0 });
            }
        }
    }
}
