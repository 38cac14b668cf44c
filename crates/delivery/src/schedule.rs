//! When what went wrong is tried again: one row a class, and nowhere else a wait (SMPP.md, rows 10–12; PROTOCOLS.md,
//! status codes of the card). Every wait is at least [`LEAST`] and grows up to the row's most, so that nothing ever
//! spins, whatever a gateway, a network or a card says.

use crate::{Class, Policy};

/// The shortest wait before a next try, ms.
pub const LEAST: i64 = 1_000;

/// A stretch of time in terms of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// So many of [`Policy::gateway_wait`].
    Gateway(i64),
    /// So many of [`Policy::proof_wait`].
    Proof(i64),
    /// So many of [`Policy::proof_wait_most`].
    Most(i64),
}

impl Span {
    fn of(self, policy: &Policy) -> i64 {
        let (count, one) = match self {
            Self::Gateway(count) => (count, policy.gateway_wait),
            Self::Proof(count) => (count, policy.proof_wait),
            Self::Most(count) => (count, policy.proof_wait_most),
        };
        count.saturating_mul(one).max(LEAST)
    }
}

/// What goes out at the next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The very same packet, octet for octet: a second copy does no harm (DECISIONS.md, “packet”).
    Same,
    /// A new plan from the newest book, with new counters.
    New,
}

/// When a person is asked, and what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// At the so-manieth time since the last proof, from 1.
    pub after: u16,
    /// [`crate::Trouble::key`].
    pub key: &'static str,
    /// What to do, a sentence; what happened stands before it.
    pub act: &'static str,
}

/// One class's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The wait after the first time.
    pub first: Span,
    /// Each further one is so many times longer …
    pub factor: i64,
    /// … up to this.
    pub most: Span,
    /// What goes then.
    pub next: Next,
    /// Who must know.
    pub ask: Option<Ask>,
    /// Nothing more goes by itself from the so-manieth time on: only a person's yes starts again.
    pub stop: Option<u16>,
}

impl Row {
    /// The wait after the `times`-th time (from 1), ms: at least [`LEAST`].
    pub fn wait(&self, policy: &Policy, times: u16) -> i64 {
        let grown = self.factor.saturating_pow(u32::from(times.max(1)) - 1);
        let wait = self.first.of(policy).saturating_mul(grown);
        wait.min(self.most.of(policy)).max(LEAST)
    }
}

const fn row(first: Span, factor: i64, most: Span, next: Next) -> Row {
    Row {
        first,
        factor,
        most,
        next,
        ask: None,
        stop: None,
    }
}

impl Row {
    const fn asks(mut self, after: u16, key: &'static str, act: &'static str) -> Self {
        self.ask = Some(Ask { after, key, act });
        self
    }

    const fn stops(mut self, after: u16) -> Self {
        self.stop = Some(after);
        self
    }
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::Throttled,
        Self::Temporary,
        Self::Destination,
        Self::Ours,
        Self::Unknown,
        Self::NoAnswer,
        Self::Absent,
        Self::MemoryFull,
        Self::Barred,
        Self::Undelivered,
        Self::Expired,
        Self::NoReceipt,
        Self::NoProof,
        Self::Silent,
        Self::CounterLow,
        Self::CounterHigh,
        Self::CounterBlocked,
        Self::Keys,
        Self::Security,
        Self::TarUnknown,
        Self::SecurityTooLow,
        Self::CardMemory,
        Self::CardBusy,
        Self::Stopped,
    ];

    /// Its row of the schedule. With `serve`'s policy a gateway's wait is 5 s, a proof's 10 min, the most 6 h.
    pub fn row(self) -> Row {
        use Next::{New, Same};
        use Span::{Gateway, Most, Proof};
        match self {
            // The link itself slows down; the message only steps aside.
            Self::Throttled => row(Gateway(1), 2, Gateway(12), Same),
            Self::Temporary => row(Gateway(2), 2, Proof(1), Same).asks(
                12,
                "gateway",
                "Ask the gateway's operator.",
            ),
            // A vendor's own number: temporary, with few tries before a person looks (row 11).
            Self::Unknown => row(Gateway(6), 4, Most(1), Same).asks(
                5,
                "gateway",
                "Ask the gateway's operator what this status means.",
            ),
            Self::NoAnswer => row(Gateway(1), 2, Proof(1), Same),
            Self::Ours => row(Most(1), 2, Most(4), New)
                .asks(1, "ours", "Check the gateway's profile.")
                .stops(1),
            Self::Destination => {
                row(Most(1), 2, Most(4), New).asks(1, "number", "Check the terminal's number.")
            }
            Self::Barred => row(Most(1), 2, Most(4), New).asks(
                2,
                "barred",
                "Ask the carrier whether this number may get messages.",
            ),
            Self::Absent => row(Proof(1), 2, Most(1), New),
            Self::MemoryFull => row(Proof(3), 2, Most(1), New).asks(
                3,
                "memory",
                "Ask the owner to delete messages on the phone.",
            ),
            Self::Undelivered => row(Proof(1), 2, Most(1), New).asks(
                8,
                "number",
                "Check the terminal's number and ask the carrier.",
            ),
            // The validity was the wait: the newest state goes soon.
            Self::Expired => row(Gateway(1), 2, Proof(1), New),
            Self::NoReceipt => row(Proof(1), 2, Most(1), Same),
            Self::NoProof => row(Gateway(1), 2, Proof(1), New),
            // A card that cannot check a packet may also say nothing at all (PROTOCOLS.md).
            Self::Silent => row(Proof(1), 2, Most(1), New).asks(
                4,
                "silent",
                "Check the address for answers, the card's keys and the gateway's coding (DCS).",
            ),
            Self::CounterLow => row(Gateway(1), 4, Most(1), New).asks(
                3,
                "counter",
                "Find out who else writes to this card, or give the counter that the card is at.",
            ),
            Self::CounterHigh => row(Most(1), 2, Most(4), New)
                .asks(1, "counter", "The card needs new keys, or a new card.")
                .stops(3),
            Self::CounterBlocked => row(Most(1), 2, Most(4), New)
                .asks(1, "counter", "The card needs new keys, or a new card.")
                .stops(1),
            // Few tries: a card may count wrong checksums and lock its key.
            Self::Keys => row(Most(1), 2, Most(4), New)
                .asks(1, "keys", "Check the card's keys and the card profile.")
                .stops(3),
            Self::Security => row(Proof(1), 2, Most(1), New)
                .asks(
                    3,
                    "security",
                    "Check the card's keys and the gateway's coding (DCS).",
                )
                .stops(10),
            Self::TarUnknown => row(Most(1), 2, Most(4), New)
                .asks(1, "tar", "Check the card profile's TAR.")
                .stops(3),
            Self::SecurityTooLow => row(Most(1), 2, Most(4), New)
                .asks(1, "security", "Check the card profile's SPI.")
                .stops(3),
            Self::CardMemory => row(Proof(1), 2, Most(1), New).asks(
                3,
                "card",
                "Lower the card profile's max_parts: the card has too little memory.",
            ),
            Self::CardBusy => row(Gateway(6), 2, Proof(1), New).asks(
                10,
                "card",
                "Ask the owner to end what the SIM shows on the phone, or to switch it off and on.",
            ),
            Self::Stopped => row(Most(1), 2, Most(4), New)
                .asks(
                    1,
                    "card",
                    "Check the card profile (files, record length, SFI).",
                )
                .stops(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the history: a second away at least, never shorter than before, longer until the row's most.
    #[test]
    fn every_wait_is_a_second_at_least_and_grows() {
        let none = Policy {
            quiet: 0,
            longest: 0,
            proof_wait: 0,
            proof_wait_most: 0,
            gateway_wait: 0,
            validity_s: 0,
        };
        for policy in [Policy::SERVE, Policy::DEMO, none] {
            for class in Class::ALL {
                let row = class.row();
                let mut before = 0;
                for times in (0..100).chain([u16::MAX - 1, u16::MAX]) {
                    let wait = row.wait(&policy, times);
                    assert!(wait >= LEAST, "{class:?} {times}: {wait}");
                    assert!(wait >= before, "{class:?} {times}: {wait} < {before}");
                    let longest = wait == row.most.of(&policy).max(LEAST);
                    let grows = times < 2 || longest || wait > before;
                    assert!(grows, "{class:?} {times} stays at {wait}");
                    before = wait;
                }
            }
        }
    }

    #[test]
    fn what_stops_asks_first() {
        for class in Class::ALL {
            let row = class.row();
            let asked = row.ask.map_or(u16::MAX, |ask| ask.after);
            assert!(row.stop.is_none_or(|stop| asked <= stop), "{class:?}");
            assert!(row.ask.is_none_or(|ask| ask.act.ends_with('.')));
            let of = |span: Span| span.of(&Policy::SERVE);
            assert!(of(row.first) < of(row.most), "{class:?}");
        }
        let mut all = Class::ALL.to_vec();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), Class::ALL.len());
    }

    #[track_caller]
    fn check(class: Class, seconds: [i64; 4]) {
        let waits = [1, 2, 3, 20].map(|n| class.row().wait(&Policy::SERVE, n) / 1000);
        assert_eq!(waits, seconds, "{class:?}");
    }

    #[test]
    fn waits_of_an_installation() {
        check(Class::Throttled, [5, 10, 20, 60]);
        check(Class::Temporary, [10, 20, 40, 600]);
        check(Class::Unknown, [30, 120, 480, 21_600]);
        check(Class::Absent, [600, 1_200, 2_400, 21_600]);
        check(Class::Destination, [21_600, 43_200, 86_400, 86_400]);
        check(Class::CounterLow, [5, 20, 80, 21_600]);
    }
}
