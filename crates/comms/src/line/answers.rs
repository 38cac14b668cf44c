//! What the gateway answers to a message, and what follows: pace, health, circuit (SMPP.md, rows 10–12).

use super::{Flying, Line};
use crate::table::seconds;
use delivery::breaker::Sign;
use delivery::network::Health;
use delivery::{Class, Event, Outbound, Target};
use wire::smpp::status;

/// An answer that takes longer than this is slow, ms.
const SLOW: i64 = 500;
/// A throttled link is silent for this long before it goes on, ms.
const PAUSE: i64 = 1_000;
/// A text that is refused for the moment goes again after this long, ms, and so often at most.
const AGAIN: i64 = 5_000;
const AGAIN_MOST: u8 = 5;
/// One that is throttled: after a pause, doubled each time, so that ten tries fill the minutes that a text is worth.
const THROTTLED_MOST: u8 = 10;
/// Answers that are still waited for after their time, at most.
const LATE_MOST: usize = 10_000;
/// The slowest that a throttled link gets, messages a second.
const SLOWEST: f64 = 1.0;

impl Line {
    pub(super) fn answered(&mut self, sequence: u32, status: u32, id: Option<String>, now: i64) {
        let Some(Flying { message, at }) = self.flying.remove(&sequence) else {
            if let Some(message) = self.late.remove(&sequence) {
                self.answered_late(message, status, id, now);
            }
            return;
        };
        self.rows.gateway.window.0 = u32::try_from(self.flying.len()).unwrap_or(u32::MAX);
        // Counted only while it waits here.
        let refusals = self.refusals.remove(&message.target).unwrap_or(0) + 1;
        if status == 0 {
            self.rows.accepted(now - at, now);
            self.rows.sent(&message.destination, now);
            self.creep();
            self.recover(now - at, now);
            self.sign(Some(Sign::Well), now);
            self.accepted(message, id, now);
            return;
        }
        let words = status::words(status);
        self.rows.gateway.refused += 1;
        self.rows.failed(now);
        self.count(&words);
        let class = class_of(status);
        if matches!(class, Class::Throttled | Class::Temporary) {
            self.rows.refused(&message.destination, now);
        }
        let reason = match class {
            Class::Throttled => {
                let pace = self.throttled(now);
                format!("{words} – sending slower, {pace:.0}/s")
            }
            _ => words,
        };
        if class != Class::Throttled {
            self.ails(&format!("The last message was refused: {reason}."), now);
        }
        // A system error is its own; a throttle or a wrong number says nothing about its health.
        self.sign((class == Class::Temporary).then_some(Sign::Ill), now);
        match (&message.target, again(class, refusals)) {
            // Nobody else sends a text again. It waits aside: a queue may be full for its number alone.
            (Target::Notice { .. }, Some(wait)) => {
                self.refusals.insert(message.target.clone(), refusals);
                self.later.push((now + wait, message));
            }
            _ => self.events.push(Event::Refused {
                target: message.target,
                gateway: self.config.name.clone(),
                status,
                class,
                reason,
            }),
        }
    }

    /// The gateway has the message, under this id.
    fn accepted(&mut self, message: Outbound, id: Option<String>, now: i64) {
        if let Some(id) = &id {
            self.handed.add(id, &message, now);
        }
        self.events.push(Event::Accepted {
            target: message.target,
            gateway: self.config.name.clone(),
            message_id: id.clone(),
        });
        if let Some(id) = id {
            self.match_early(&id, now);
        }
    }

    /// A message got no answer in time; one may still come on this session.
    pub(super) fn expect_late(&mut self, sequence: u32, message: &Outbound) {
        if self.late.len() >= LATE_MOST {
            self.late.pop_first();
        }
        self.late.insert(sequence, message.clone());
    }

    /// An answer after its time: the message was given up as unknown, and counted as that; window, pace and circuit are
    /// done with it. But what became of it is known now: without its id no receipt would find it, and a business card
    /// would go a second time (CASES C74).
    fn answered_late(&mut self, message: Outbound, status: u32, id: Option<String>, now: i64) {
        self.count("late answer");
        if status == 0 {
            self.rows.sent(&message.destination, now);
            self.accepted(message, id, now);
            return;
        }
        self.events.push(Event::Refused {
            target: message.target,
            gateway: self.config.name.clone(),
            status,
            class: class_of(status),
            reason: status::words(status),
        });
    }

    /// Too fast, or its queue is full: the whole link pauses and goes on at half the pace (SMPP.md, row 10).
    fn throttled(&mut self, now: i64) -> f64 {
        if now >= self.paused_until {
            let before = self
                .pace
                .unwrap_or_else(|| self.rows.gateway.rate.max(10.0));
            self.pace = Some((before / 2.0).max(SLOWEST));
        }
        self.paused_until = now + PAUSE;
        let pace = self.pace.unwrap_or(SLOWEST);
        self.rows.gateway.pace = self.pace;
        let reason = format!("Throttled – sending slower, {pace:.0}/s.");
        self.ails(&reason, now);
        pace
    }

    /// After a throttle the pace creeps up again with every message taken, to what the configuration allows.
    fn creep(&mut self) {
        let Some(pace) = self.pace else {
            return;
        };
        // A twentieth of a message a second with every message: 5 % a second at any pace.
        let faster = pace + 0.05;
        self.pace = match self.config.rate_per_s {
            Some(most) => Some(faster.min(most)),
            None if faster > 10_000.0 => None,
            None => Some(faster),
        };
        self.rows.gateway.pace = self.pace;
    }

    /// A message was taken: what was wrong is over, unless the answer came slowly or a throttle was a moment ago.
    fn recover(&mut self, round_trip: i64, now: i64) {
        if self.pace.is_some() && now <= self.paused_until.saturating_add(5 * PAUSE) {
            return;
        }
        if round_trip > SLOW {
            let reason = format!("The gateway answers slowly: after {}.", seconds(round_trip));
            self.ails(&reason, now);
        } else if self.rows.gateway.state == Health::Slow {
            self.up("Messages go out.", now);
        }
    }

    /// What waits is noticed: an answer of the gateway, or a receipt of a network.
    pub(super) fn notice_silence(&mut self, now: i64) {
        let oldest = self.oldest().and_then(|oldest| self.flying.get(&oldest));
        if let Some(waited) = oldest.map(|flying| now - flying.at)
            && waited > SLOW
            && self.rows.gateway.state == Health::Up
        {
            let waited = seconds(waited);
            let reason = format!("The gateway answers slowly: a message has waited {waited}.");
            self.rows.set(Health::Slow, &reason, now);
        }
        for (network, waited) in self.handed.silent(&self.rows.networks, now) {
            self.rows.silent(&network, waited, now);
        }
    }
}

/// After how long, ms, a text goes again that was refused so often by now; none: it is over.
fn again(class: Class, refusals: u8) -> Option<i64> {
    match class {
        Class::Throttled if refusals < THROTTLED_MOST => Some(PAUSE << (refusals - 1)),
        Class::Temporary if refusals < AGAIN_MOST => Some(AGAIN),
        _ => None,
    }
}

/// What a refusal means for us.
fn class_of(status: u32) -> Class {
    match status::meaning(status).1 {
        status::Meaning::Throttled => Class::Throttled,
        status::Meaning::Temporary => Class::Temporary,
        status::Meaning::Destination => Class::Destination,
        status::Meaning::Ours => Class::Ours,
        status::Meaning::Ok | status::Meaning::Unknown => Class::Unknown,
    }
}
