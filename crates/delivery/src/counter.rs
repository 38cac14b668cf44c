//! The security counter: never used twice, per key set and TAR (rule 2). A terminal has one key set and one TAR, those of
//! its card; its row carries the next counter that was never used.

use crate::{Due, Lane, Shipment, Terminal};
use book::Revision;
use terminals::{ChannelKind, Owner, Shadow};
use wire::ota::Counter;

/// How far a counter jumps where counters may have been used that are not on record: at its first use in a new
/// incarnation of the store (STORE.md, “Durability and the counter”). They may include some that were themselves reached
/// by jumping past what a card had seen: it is further than two hundred of those.
pub const JUMP: u64 = 1 << 28;

/// How far it jumps when the card has seen a higher one.
const PAST: u64 = 1 << 20;

/// The last value is never sent: a card that has seen it takes nothing more under this key (TS 102 225, RSC 04).
const END: u64 = (1 << 40) - 1;

/// The counters of this card are used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CounterEnd;

impl std::fmt::Display for CounterEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("The card's counter is at its end: the card needs new keys, or a new card.")
    }
}

impl std::error::Error for CounterEnd {}

/// Gives a counter that was never used, and moves the terminal's row past it. At the first use in `incarnation` it jumps
/// by [`JUMP`] for every incarnation since: a restored store may have forgotten counters that went out, and the same
/// back-up may be restored twice.
///
/// # Errors
/// [`CounterEnd`]; the row stays as it is.
pub fn next_counter(terminal: &mut Terminal, incarnation: u64) -> Result<Counter, CounterEnd> {
    let from = terminal.counter_next;
    let known = terminal.incarnation == incarnation;
    let next = if known {
        Some(from)
    } else {
        let jumps = incarnation.abs_diff(terminal.incarnation);
        JUMP.checked_mul(jumps)
            .and_then(|far| from.checked_add(far))
    };
    let next = next.filter(|next| *next < END).ok_or(CounterEnd)?;
    let counter = Counter::new(next).ok_or(CounterEnd)?;
    if !known {
        terminal.record.gap = Some((from, next));
        terminal.incarnation = incarnation;
    }
    terminal.counter_next = next + 1;
    Ok(counter)
}

/// Where a card's counter begins that came to `counter` in a terminal that the card has left, in the store's incarnation
/// `then`: a restored store may have forgotten counters that went out since.
pub fn goes_on_at(counter: u64, then: u64, incarnation: u64) -> u64 {
    let jumps = JUMP.saturating_mul(incarnation.abs_diff(then));
    counter.saturating_add(jumps).min(END)
}

/// The card has seen a higher counter than this store knows of: past it, as far as a jump goes.
pub(crate) fn jump(terminal: &mut Terminal) {
    terminal.counter_next = terminal.counter_next.saturating_add(PAST).min(END);
}

/// A new card takes the terminal's place: nothing is on it, and nothing was sent to it. The counter goes on, so that none
/// is used twice whatever card this is and however often it is typed in; it `begins` only for keys that were never used,
/// with a card that takes each counter one higher.
pub fn new_card(terminal: &mut Terminal, begins: bool, now: i64) {
    if begins {
        terminal.counter_next = 1;
        terminal.record.keys_since = now;
        terminal.record.gap = None;
    }
    terminal.in_use = false;
    terminal.in_flight = None;
    terminal.proven = Revision(0);
    terminal.next_try = None;
    terminal.absent = false;
    terminal.trouble = None;
    terminal.proof_came();
}

/// How a terminal is made sure of after a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recheck {
    /// Its channel can read: what Kith wrote is read back.
    Verify,
    /// It cannot, or there is nothing to read back: everything goes again.
    Everything,
}

impl Recheck {
    /// As a due mark: it goes in place of `due`, whose edits are planned after it. A person's test goes first.
    pub fn mark(self, due: Option<Due>, revision: Revision, now: i64) -> Due {
        if let Some(test) = due.filter(|due| due.test) {
            return test;
        }
        Due {
            everything: self == Self::Everything,
            verify: self == Self::Verify,
            shared: due.map_or(0, |due| due.shared),
            ..Due::new(revision, now, due.map_or(Lane::Bulk, |due| due.lane))
        }
    }
}

/// What must happen before anything else goes to a terminal in this incarnation of the store: its shadow may be older, or
/// newer, than what is on it. None once it is made sure of, as the row says then, and for one on which nothing of ours can
/// stand. A card that began blank may have been filled since the copy was made, though the copy knows of nothing there.
pub fn after_restore(
    terminal: &mut Terminal,
    shadow: &Shadow,
    incarnation: u64,
) -> Option<Recheck> {
    let sure_in = terminal.record.sure_in.unwrap_or(terminal.incarnation);
    if terminal.retired || sure_in == incarnation {
        return None;
    }
    // The row's own incarnation moves with the next counter; this stays until there is a proof.
    terminal.record.sure_in = Some(sure_in);
    let reads = matches!(terminal.channel, ChannelKind::SimOta);
    let ours = shadow
        .slots
        .iter()
        .any(|(slot, state)| slot.ext1_record().is_none() && matches!(state.owner, Owner::Ours(_)));
    match (reads, ours) {
        (true, true) => Some(Recheck::Verify),
        (true, false) if !shadow.in_use => Some(Recheck::Everything),
        // Only a proof shows that this card is still the one in the phone. A swap may have been forgotten too: until then
        // the row is not sure, and a card that is typed in is made sure of.
        (true, false) => None,
        (false, false) => {
            terminal.record.sure_in = Some(incarnation);
            None
        }
        (false, true) => Some(Recheck::Everything),
    }
}

/// The counters of a shipment's packets, in order.
pub(crate) fn counters(shipment: &Shipment) -> impl Iterator<Item = u64> {
    shipment.packets.iter().filter_map(|packet| packet.counter)
}
