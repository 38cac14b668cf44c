//! A gateway's circuit breaker: one that answers with system errors, or not at all, gets no more messages for a while;
//! then one message tries. Its times are ms of its caller's clock, which only goes forward.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// When it opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// This many failures in a row open it.
    pub in_row: u32,
    /// This many of a hundred among the last answers open it.
    pub share: u32,
    /// How many last answers are looked at; fewer say nothing about a share.
    pub window: usize,
    /// The first wait before one message tries, ms; doubled each time that one fails too.
    pub wait: i64,
    /// The longest wait, ms.
    pub wait_most: i64,
}

impl Rules {
    /// What `kith serve` uses.
    pub const SERVE: Self = Self {
        in_row: 5,
        share: 50,
        window: 40,
        wait: 5_000,
        wait_most: 300_000,
    };
}

/// Whether messages go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Circuit {
    /// They go.
    #[default]
    Closed,
    /// None goes until then, ms: in the network state table UTC.
    Open {
        /// When one message tries.
        until: i64,
    },
    /// One message tries.
    HalfOpen {
        /// It is on its way.
        trying: bool,
    },
}

/// What a gateway's answer says about its health. A throttle or a wrong number says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It took the message.
    Well,
    /// A system error, or no answer in time.
    Ill,
}

/// One gateway's breaker.
#[derive(Debug, Clone)]
pub struct Breaker {
    rules: Rules,
    circuit: Circuit,
    since: i64,
    in_row: u32,
    last: VecDeque<Sign>,
    /// How often it opened since it was last closed.
    opened: u32,
    sentence: String,
}

impl Breaker {
    /// A closed one.
    pub fn new(rules: Rules, now: i64) -> Self {
        Self {
            rules,
            circuit: Circuit::Closed,
            since: now,
            in_row: 0,
            last: VecDeque::new(),
            opened: 0,
            sentence: String::new(),
        }
    }

    /// How it stands.
    pub fn circuit(&self) -> Circuit {
        self.circuit
    }

    /// Since when, ms.
    pub fn since(&self) -> i64 {
        self.since
    }

    /// Why it is not closed, a sentence.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    /// Whether a message may be handed over, with `flying` on their way.
    pub fn lets(&self, flying: usize) -> bool {
        match self.circuit {
            Circuit::Closed => true,
            Circuit::Open { .. } => false,
            Circuit::HalfOpen { .. } => flying == 0,
        }
    }

    /// A message was handed over.
    pub fn handed(&mut self) {
        if let Circuit::HalfOpen { trying } = &mut self.circuit {
            *trying = true;
        }
    }

    /// Time passes. True when one message may try now.
    pub fn tick(&mut self, now: i64) -> bool {
        match self.circuit {
            Circuit::Open { until } if until <= now => {
                self.set(Circuit::HalfOpen { trying: false }, now);
                "The circuit is half open: one message tries the gateway."
                    .clone_into(&mut self.sentence);
                true
            }
            _ => false,
        }
    }

    /// The try ended without a sign (a wrong number, a throttle, the link broke): another message tries.
    pub fn untried(&mut self) {
        if let Circuit::HalfOpen { trying } = &mut self.circuit {
            *trying = false;
        }
    }

    /// An answer, or none in time. `jitter` (0–1) keeps nodes apart. True when the circuit changed.
    pub fn answered(&mut self, sign: Sign, jitter: f64, now: i64) -> bool {
        if self.last.len() >= self.rules.window {
            self.last.pop_front();
        }
        self.last.push_back(sign);
        self.in_row = match sign {
            Sign::Well => 0,
            Sign::Ill => self.in_row + 1,
        };
        match (self.circuit, sign) {
            (Circuit::Closed, Sign::Ill) => match self.why() {
                Some(why) => {
                    self.open(&why, jitter, now);
                    true
                }
                None => false,
            },
            (Circuit::HalfOpen { .. }, Sign::Ill) => {
                self.open("the message that tried failed too", jitter, now);
                true
            }
            (Circuit::HalfOpen { .. }, Sign::Well) => {
                self.set(Circuit::Closed, now);
                self.last.clear();
                self.opened = 0;
                self.sentence.clear();
                true
            }
            // Answers to messages that were on their way when it opened: the try decides.
            (Circuit::Closed, Sign::Well) | (Circuit::Open { .. }, _) => false,
        }
    }

    /// Why it must open.
    fn why(&self) -> Option<String> {
        if self.in_row >= self.rules.in_row {
            return Some(format!("{} messages in a row failed", self.in_row));
        }
        let ill = self.last.iter().filter(|sign| **sign == Sign::Ill).count();
        let many = self.last.len() >= self.rules.window
            && ill * 100 >= self.last.len() * usize::try_from(self.rules.share).unwrap_or(100);
        many.then(|| format!("{ill} of the last {} messages failed", self.last.len()))
    }

    fn open(&mut self, why: &str, jitter: f64, now: i64) {
        let doubled = self.rules.wait.saturating_mul(1 << self.opened.min(20));
        let wait = doubled.min(self.rules.wait_most);
        #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
        let spread = (wait as f64 * 0.25 * jitter.clamp(0.0, 1.0)) as i64;
        let until = now + wait + spread;
        self.opened = self.opened.saturating_add(1);
        self.set(Circuit::Open { until }, now);
        let seconds = (wait + spread + 500) / 1000;
        self.sentence =
            format!("The circuit is open: {why}; one message tries again after {seconds} s.");
    }

    fn set(&mut self, circuit: Circuit, now: i64) {
        self.circuit = circuit;
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::Circuit::*;
    use super::Sign::*;
    use super::*;

    const RULES: Rules = Rules {
        in_row: 3,
        share: 50,
        window: 6,
        wait: 1_000,
        wait_most: 3_000,
    };

    #[track_caller]
    fn check(signs: &[Sign], circuit: Circuit, words: &str) {
        let mut breaker = Breaker::new(RULES, 0);
        for sign in signs {
            breaker.answered(*sign, 0.0, 10);
        }
        assert_eq!(breaker.circuit(), circuit, "{signs:?}");
        assert!(breaker.sentence().contains(words), "{}", breaker.sentence());
    }

    #[test]
    fn it_opens_after_failures_in_a_row_or_by_their_share() {
        let open = Open { until: 1_010 };
        check(&[], Closed, "");
        check(&[Ill, Ill], Closed, "");
        check(&[Ill, Ill, Ill], open, "3 messages in a row");
        check(&[Ill, Ill, Well, Ill, Ill], Closed, "");
        check(&[Ill, Ill, Well, Ill, Well, Ill], open, "4 of the last 6");
        check(&[Ill, Well, Well, Well, Well, Ill], Closed, "");
        // What is older than the window is forgotten.
        check(&[Ill, Ill, Well, Well, Well, Well, Well, Ill], Closed, "");
    }

    #[test]
    fn one_message_tries_and_the_wait_doubles_to_its_most() {
        let mut breaker = Breaker::new(RULES, 0);
        let mut now = 0;
        for _ in 0..3 {
            breaker.answered(Ill, 0.0, now);
        }
        for wait in [1_000, 2_000, 3_000, 3_000] {
            assert!(!breaker.lets(0));
            assert!(!breaker.tick(now + wait - 1));
            // Late answers change nothing.
            breaker.answered(Well, 0.0, now);
            assert!(breaker.tick(now + wait));
            assert_eq!(breaker.circuit(), HalfOpen { trying: false });
            assert!(breaker.lets(0));
            breaker.handed();
            assert_eq!(breaker.circuit(), HalfOpen { trying: true });
            assert!(!breaker.lets(1));
            now += wait;
            assert!(breaker.answered(Ill, 0.0, now));
        }
        assert!(breaker.tick(now + 3_000));
        breaker.handed();
        assert!(breaker.answered(Well, 0.0, now + 3_000));
        assert_eq!((breaker.circuit(), breaker.since()), (Closed, now + 3_000));
        // The first wait again, and what was before is forgotten.
        breaker.answered(Ill, 0.0, now);
        breaker.answered(Ill, 0.0, now);
        assert_eq!(breaker.circuit(), Closed);
        breaker.answered(Ill, 0.0, now);
        assert_eq!(breaker.circuit(), Open { until: now + 1_000 });
    }

    #[test]
    fn jitter_lengthens_by_a_quarter_at_most() {
        for (jitter, until) in [(0.0, 1_000), (0.5, 1_125), (1.0, 1_250), (9.0, 1_250)] {
            let mut breaker = Breaker::new(RULES, 0);
            for _ in 0..3 {
                breaker.answered(Ill, jitter, 0);
            }
            assert_eq!(breaker.circuit(), Open { until });
        }
    }

    #[test]
    fn a_try_without_a_sign_leaves_room_for_another() {
        let mut breaker = Breaker::new(RULES, 0);
        for _ in 0..3 {
            breaker.answered(Ill, 0.0, 0);
        }
        breaker.tick(1_000);
        breaker.handed();
        breaker.untried();
        assert_eq!(breaker.circuit(), HalfOpen { trying: false });
        assert!(breaker.lets(0));
    }
}
