//! What goes wrong in the network, on demand and repeatable: every chance is drawn from one seed.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// The faults of the network, as `GET` and `PUT /lab/v1/faults` carry them. Probabilities are from 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Where the dice start; setting it again repeats the same luck.
    pub seed: u64,
    /// Every answer to a submit_sm waits so long, milliseconds.
    pub submit_delay_ms: f64,
    /// Every receipt waits so long after the delivery, milliseconds.
    pub receipt_delay_ms: f64,
    /// Chance that an accepted message never reaches the handset, and no receipt comes.
    pub lose_message: f64,
    /// Chance that a receipt is never sent.
    pub lose_receipt: f64,
    /// Chance that a card's answer (PoR) is never sent on.
    pub lose_por: f64,
    /// Chance that a handset gets a message twice, or the server a receipt twice.
    pub duplicate: f64,
    /// Chance that a message or a receipt is overtaken by the ones behind it.
    pub reorder: f64,
    /// More submits a second than this are answered 0x58 (throttled); none: no limit.
    pub throttle_above_per_s: Option<u32>,
    /// Every submit is answered with one of these statuses in turn (0 accepts); empty: all are accepted.
    pub refuse: Vec<u32>,
    /// Every connection is cut after so many seconds; none: never.
    pub drop_connection_every_s: Option<f64>,
    /// Binds are answered 0x0D, and what is bound is cut off.
    pub refuse_bind: bool,
    /// An account gets one bind: a second transmitter or receiver beside one that stands is answered 0x05.
    pub one_bind: bool,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            seed: 1,
            submit_delay_ms: 0.0,
            receipt_delay_ms: 0.0,
            lose_message: 0.0,
            lose_receipt: 0.0,
            lose_por: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            throttle_above_per_s: None,
            refuse: Vec::new(),
            drop_connection_every_s: None,
            refuse_bind: false,
            one_bind: false,
        }
    }
}

/// A fault that cannot be set.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum BadFault {
    /// A chance outside 0 to 1.
    #[error("“{0}” is a chance: give a number from 0 to 1")]
    Chance(&'static str),
    /// A time that is negative, not a number, or above an hour.
    #[error("“{0}” is a time: give a number from 0 to {1}")]
    Time(&'static str, f64),
}

impl Faults {
    /// Whether every value is in its range.
    ///
    /// # Errors
    /// The first field that is not, by name.
    pub fn check(&self) -> Result<(), BadFault> {
        let chances = [
            ("lose_message", self.lose_message),
            ("lose_receipt", self.lose_receipt),
            ("lose_por", self.lose_por),
            ("duplicate", self.duplicate),
            ("reorder", self.reorder),
        ];
        if let Some((name, _)) = chances.iter().find(|(_, p)| !(0.0..=1.0).contains(p)) {
            return Err(BadFault::Chance(name));
        }
        let times = [
            ("submit_delay_ms", self.submit_delay_ms, 3_600_000.0),
            ("receipt_delay_ms", self.receipt_delay_ms, 3_600_000.0),
            (
                "drop_connection_every_s",
                self.drop_connection_every_s.unwrap_or(0.0),
                86_400.0,
            ),
        ];
        match times.iter().find(|(_, t, most)| !(0.0..=*most).contains(t)) {
            Some((name, _, most)) => Err(BadFault::Time(name, *most)),
            None => Ok(()),
        }
    }

    /// How long an answer to a submit_sm waits.
    #[must_use]
    pub fn submit_delay(&self) -> Duration {
        Duration::from_secs_f64(self.submit_delay_ms / 1000.0)
    }

    /// How long a receipt waits.
    #[must_use]
    pub fn receipt_delay(&self) -> Duration {
        Duration::from_secs_f64(self.receipt_delay_ms / 1000.0)
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, seeded, good enough for faults, of no use for secrets.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// The throttle's count: submits in the second that began at `since`.
struct Second {
    since: Instant,
    count: u32,
}

/// The faults in force, with their dice and counters.
pub struct FaultBox {
    now: RwLock<Arc<Faults>>,
    dice: Mutex<Dice>,
    second: Mutex<Second>,
    refused: std::sync::atomic::AtomicUsize,
}

impl Default for FaultBox {
    fn default() -> Self {
        Self {
            now: RwLock::default(),
            dice: Mutex::new(Dice(1)),
            second: Mutex::new(Second {
                since: Instant::now(),
                count: 0,
            }),
            refused: 0.into(),
        }
    }
}

impl FaultBox {
    /// The faults in force now.
    #[must_use]
    pub fn get(&self) -> Arc<Faults> {
        self.now
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Puts other faults in force and starts the dice at their seed.
    pub fn set(&self, faults: Faults) {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner).0 = faults.seed;
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(faults);
    }

    /// Whether something of this `chance` (0 to 1) happens this time. A chance of 0 draws nothing.
    #[must_use]
    pub fn strikes(&self, chance: f64) -> bool {
        if chance <= 0.0 {
            return false;
        }
        // 53 bits, as many as a double holds.
        let draw = self
            .dice
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next()
            >> 11;
        (draw as f64) < chance * (1u64 << 53) as f64
    }

    /// The status that a submit is refused with at `now`, or `None` when it is taken.
    #[must_use]
    pub fn refusal(&self, faults: &Faults, now: Instant) -> Option<u32> {
        if !faults.refuse.is_empty() {
            let turn = self
                .refused
                .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if let Some(&status) = faults
                .refuse
                .get(turn % faults.refuse.len())
                .filter(|&&s| s != 0)
            {
                return Some(status);
            }
        }
        let limit = faults.throttle_above_per_s?;
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(second.since) >= Duration::from_secs(1) {
            *second = Second {
                since: now,
                count: 0,
            };
        }
        second.count += 1;
        (second.count > limit).then_some(0x58)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_luck() {
        let faults = FaultBox::default();
        let draw = || {
            faults.set(Faults {
                seed: 7,
                ..Faults::default()
            });
            (0..64).map(|_| faults.strikes(0.5)).collect::<Vec<_>>()
        };
        let first = draw();
        assert_eq!(first, draw());
        assert!(first.contains(&true) && first.contains(&false));
    }

    #[test]
    fn certain_and_impossible() {
        let faults = FaultBox::default();
        assert!((0..100).all(|_| faults.strikes(1.0) && !faults.strikes(0.0)));
    }

    #[test]
    fn the_throttle_lets_so_many_through_in_a_second() {
        let faults = FaultBox::default();
        let limit = Faults {
            throttle_above_per_s: Some(2),
            ..Faults::default()
        };
        let now = Instant::now();
        let answers: Vec<_> = (0..3).map(|_| faults.refusal(&limit, now)).collect();
        assert_eq!(answers, [None, None, Some(0x58)]);
        assert_eq!(faults.refusal(&limit, now + Duration::from_secs(2)), None);
    }

    #[test]
    fn refusals_come_in_turn() {
        let faults = FaultBox::default();
        let refuse = Faults {
            refuse: vec![0x14, 0],
            ..Faults::default()
        };
        let now = Instant::now();
        let answers: Vec<_> = (0..3).map(|_| faults.refusal(&refuse, now)).collect();
        assert_eq!(answers, [Some(0x14), None, Some(0x14)]);
    }

    #[test]
    fn a_chance_above_one_is_named() {
        let faults = Faults {
            duplicate: 1.5,
            ..Faults::default()
        };
        assert_eq!(faults.check(), Err(BadFault::Chance("duplicate")));
        assert_eq!(Faults::default().check(), Ok(()));
    }
}
