//! What the gateway took lately: a receipt finds its message here (SMPP.md, row 3), and silence is noticed.

use crate::table::{calling_code, late};
use delivery::network::NetworkRow;
use delivery::{Outbound, Target};
use std::collections::{BTreeMap, HashMap, VecDeque};
use wire::smpp::receipt::{State, forms};

/// Messages that are remembered to match receipts to what this process sent.
const MOST: usize = 200_000;
/// How far back a message to the same number is looked for that was overtaken.
const OVERTAKEN: usize = 32;

/// A message that the gateway took.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) target: Target,
    pub(super) destination: String,
    /// When, ms.
    pub(super) at: i64,
    /// How far it is by its last receipt.
    pub(super) state: Option<State>,
    id: String,
}

/// The messages that were taken, by number and by every form of their ids.
#[derive(Debug, Default)]
pub(super) struct Handed {
    taken: VecDeque<Taken>,
    first: u64,
    ids: HashMap<String, u64>,
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
        let id = id.to_ascii_lowercase();
        // A receipt may have lost the leading zeros.
        let bare = id.trim_start_matches('0');
        if bare != id && !bare.is_empty() {
            self.ids.insert(bare.to_owned(), number);
        }
        self.ids.insert(id.clone(), number);
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
            id,
        });
    }

    /// What a receipt's id belongs to: exact first, then every form that gateways give ids in; two different matches
    /// are none (CASES C60).
    pub(super) fn find(&self, id: &str) -> Option<u64> {
        if let Some(number) = self.ids.get(&id.to_ascii_lowercase()) {
            return Some(*number);
        }
        let forms = forms(id);
        let mut found = forms.iter().filter_map(|form| self.ids.get(form));
        let first = found.next()?;
        found.all(|other| other == first).then_some(*first)
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
        for id in [&taken.id[..], taken.id.trim_start_matches('0')] {
            if self.ids.get(id) == Some(&self.first) {
                self.ids.remove(id);
            }
        }
        self.first += 1;
    }
}

fn place(number: u64, first: u64) -> Option<usize> {
    usize::try_from(number.checked_sub(first)?).ok()
}
