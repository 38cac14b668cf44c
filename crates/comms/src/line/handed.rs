//! What the gateway took lately: a receipt finds its message here (SMPP.md, row 3), and silence is noticed.

use super::ids::{Found, Ids};
use crate::table::{calling_code, late};
use delivery::network::NetworkRow;
use delivery::{Outbound, Target};
use std::collections::{BTreeMap, VecDeque};
use wire::smpp::receipt::State;

/// Messages that are remembered to match receipts to what this process sent.
const MOST: usize = 200_000;
/// How far back a message to the same number is looked for that was overtaken.
const OVERTAKEN: usize = 32;
/// Fewer digits than these are no number without its country's code.
const NATIONAL: usize = 7;

/// A message that the gateway took.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) target: Target,
    pub(super) destination: String,
    /// When, ms.
    pub(super) at: i64,
    /// How far it is by its last receipt.
    pub(super) state: Option<State>,
    /// A notice said that its terminal is away: more of them say nothing new.
    pub(super) absent: bool,
    id: String,
}

/// The messages that were taken, by number and by every form of their ids.
#[derive(Debug, Default)]
pub(super) struct Handed {
    taken: VecDeque<Taken>,
    first: u64,
    ids: Ids,
    /// By calling code: those that no receipt has come for, and that are not said to be late yet.
    awaited: BTreeMap<String, VecDeque<u64>>,
}

impl Handed {
    /// The gateway took a message and gave it this id.
    pub(super) fn add(&mut self, id: &str, message: &Outbound, now: i64) {
        if self.taken.len() >= MOST {
            self.forget_first();
        }
        let number = self.first + self.taken.len() as u64;
        let (taken, first) = (&self.taken, self.first);
        let another = |number| {
            let had = place(number, first).and_then(|place| taken.get(place));
            had.is_some_and(|had| !had.target.is_again(&message.target))
        };
        self.ids.add(id, number, another);
        let network = calling_code(&message.destination);
        match self.awaited.get_mut(network) {
            Some(queue) => queue.push_back(number),
            None => drop(self.awaited.insert(network.to_owned(), [number].into())),
        }
        self.taken.push_back(Taken {
            target: message.target.clone(),
            destination: message.destination.clone(),
            at: now,
            state: None,
            absent: false,
            id: id.to_owned(),
        });
    }

    /// What a receipt belongs to, by its id and the number it comes from.
    pub(super) fn find(&mut self, id: &str, from: &str) -> Found {
        let (taken, first) = (&self.taken, self.first);
        let get = |number| place(number, first).and_then(|place| taken.get(place));
        let to = |number| get(number).is_some_and(|t| fits(&t.destination, from));
        let open = |number| {
            let state = get(number).and_then(|taken| taken.state);
            state.is_none_or(|state| !state.is_final())
        };
        self.ids.find(id, to, open)
    }

    /// A message by its number.
    pub(super) fn get(&mut self, number: u64) -> Option<&mut Taken> {
        self.taken.get_mut(place(number, self.first)?)
    }

    /// Whether an earlier message to the same number has no receipt yet.
    pub(super) fn overtook(&self, number: u64) -> bool {
        let get = |number: &u64| self.taken.get(place(*number, self.first)?);
        let Some(own) = get(&number) else {
            return false;
        };
        let Some(queue) = self.awaited.get(calling_code(&own.destination)) else {
            return false;
        };
        let before = queue.iter().take(OVERTAKEN).take_while(|n| **n < number);
        let mut before = before.filter_map(get);
        before.any(|taken| taken.state.is_none() && taken.destination == own.destination)
    }

    /// Networks where a message has waited longer for a receipt than is usual there, and how long, ms; each is told
    /// once.
    pub(super) fn silent(
        &mut self,
        networks: &BTreeMap<String, NetworkRow>,
        now: i64,
    ) -> Vec<(String, i64)> {
        let mut silent = Vec::new();
        for (network, queue) in &mut self.awaited {
            let limit = late(networks.get(network).and_then(|row| row.delay_ms));
            let mut longest = None;
            while let Some(number) = queue.front() {
                let taken = place(*number, self.first).and_then(|place| self.taken.get(place));
                if let Some(taken) = taken.filter(|taken| taken.state.is_none()) {
                    if now - taken.at <= limit {
                        break;
                    }
                    longest = longest.max(Some(now - taken.at));
                }
                queue.pop_front();
            }
            silent.extend(longest.map(|longest| (network.clone(), longest)));
        }
        silent
    }

    fn forget_first(&mut self) {
        let Some(taken) = self.taken.pop_front() else {
            return;
        };
        self.ids.remove(&taken.id, self.first);
        self.first += 1;
    }
}

fn place(number: u64, first: u64) -> Option<usize> {
    usize::try_from(number.checked_sub(first)?).ok()
}

/// Whether a receipt comes `from` where the message went: its number, or as its own country writes it.
fn fits(destination: &str, from: &str) -> bool {
    let bare = |number| str::trim_start_matches(number, ['+', '0']);
    let (to, from) = (bare(destination), bare(from));
    to == from || from.len() >= NATIONAL && to.ends_with(from)
}
