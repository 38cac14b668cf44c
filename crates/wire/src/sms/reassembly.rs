//! Parts that arrive one by one, from many senders, with losses. No clock: the time is an argument.

use super::join::Received;
use super::udh::{self, Reference};
use std::collections::BTreeMap;

/// What belongs together: sender, reference, total (phones count references anew, totals tell some of those apart).
type Key = (String, Reference, u8);

#[derive(Debug)]
struct Waiting {
    since: u64,
    parts: BTreeMap<u8, Received>,
}

/// Messages of which some parts are here.
#[derive(Debug)]
pub struct Reassembly {
    capacity: usize,
    patience: u64,
    waiting: BTreeMap<Key, Waiting>,
}

impl Reassembly {
    /// At most `capacity` unfinished messages (the oldest goes first), each for at most `patience` milliseconds since
    /// its first part.
    pub fn new(capacity: usize, patience: u64) -> Self {
        Self {
            capacity,
            patience,
            waiting: BTreeMap::new(),
        }
    }

    /// Takes a part at `now` (milliseconds, any origin) and gives back a message's parts in order once all are here.
    /// What has no place in a message comes back at once, odd headers too: [`super::join`] says what is wrong.
    pub fn take(&mut self, sender: &str, part: Received, now: u64) -> Option<Vec<Received>> {
        self.waiting
            .retain(|_, message| now.saturating_sub(message.since) <= self.patience);
        let place = udh::read(&part.tp_ud)
            .ok()
            .filter(|_| part.udhi)
            .and_then(|(header, _)| header.place);
        let Some(place) = place else {
            return Some(vec![part]);
        };
        let key = (sender.to_owned(), place.reference, place.total);
        if !self.waiting.contains_key(&key) && self.waiting.len() >= self.capacity {
            let oldest = self.waiting.iter().min_by_key(|(_, message)| message.since);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                self.waiting.remove(&oldest);
            }
        }
        let message = self.waiting.entry(key.clone()).or_insert(Waiting {
            since: now,
            parts: BTreeMap::new(),
        });
        message.parts.entry(place.number).or_insert(part);
        if message.parts.len() < usize::from(place.total) {
            return None;
        }
        let message = self.waiting.remove(&key)?;
        Some(message.parts.into_values().collect())
    }

    /// Unfinished messages.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// No unfinished message.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
