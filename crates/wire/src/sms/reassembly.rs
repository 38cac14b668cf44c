//! Parts that arrive one by one, from many senders, with losses: a card's answers and texts alike. No clock: the time is
//! an argument.
//!
//! A gateway may keep all that follows until the part before is answered (a window of one is common), so a part cannot
//! wait for its fellows unanswered: the caller stores it under its token, answers it, and after a restart gives the stored
//! parts back to [`Reassembler::take`]. [`Taken::Whole`] names the tokens that can be removed in the very step that stores
//! what the message meant; [`Reassembler::expire`] and the limits name those whose message never became whole.

use super::udh::{self, Reference};
use std::collections::BTreeMap;

/// What belongs together: sender, reference, total (phones count references anew, totals tell some of those apart).
type Key = (String, Reference, u8);

/// How much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Unfinished messages of one sender.
    pub messages_each: usize,
    /// Unfinished messages of all.
    pub messages: usize,
    /// Octets of all parts that wait.
    pub octets: usize,
    /// How long a message waits for its parts since its first one, ms.
    pub patience: i64,
}

impl Limits {
    /// Four messages a sender, 16 MiB and 50,000 messages in all, a day: a phone sends its parts within seconds, and an
    /// SMSC may hold one back for as long as it keeps messages.
    pub const USUAL: Self = Self {
        messages_each: 4,
        messages: 50_000,
        octets: 16 << 20,
        patience: 86_400_000,
    };
}

/// What became of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The message is whole.
    Whole {
        /// User data of every part, in their order, headers included.
        parts: Vec<Vec<u8>>,
        /// The tokens of the parts that waited, this one's not among them.
        tokens: Vec<u64>,
    },
    /// Others are missing: store it, then answer it.
    Waiting {
        /// Tokens of parts that had to give way, oldest first.
        dropped: Vec<u64>,
    },
    /// This very part waits already: answer it, there is nothing to store.
    Repeated,
}

#[derive(Debug)]
struct Waiting {
    since: i64,
    parts: BTreeMap<u8, (Vec<u8>, u64)>,
}

/// Messages of which some parts are here.
#[derive(Debug)]
pub struct Reassembler {
    limits: Limits,
    octets: usize,
    waiting: BTreeMap<Key, Waiting>,
}

impl Reassembler {
    /// With nothing waiting.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            octets: 0,
            waiting: BTreeMap::new(),
        }
    }

    /// Takes a part at `now` (ms, any origin); `token` is the caller's name for it. What has no place in a longer message
    /// is whole at once, odd headers too: whoever reads it says what is wrong.
    ///
    /// The same part again with other octets means that the sender counts its references anew: the old parts give way.
    pub fn take(
        &mut self,
        from: &str,
        udhi: bool,
        user_data: Vec<u8>,
        token: u64,
        now: i64,
    ) -> Taken {
        let place = udh::read(&user_data)
            .ok()
            .filter(|_| udhi)
            .and_then(|(header, _)| header.place)
            .filter(|place| place.total > 1);
        let Some(place) = place else {
            return Taken::Whole {
                parts: vec![user_data],
                tokens: Vec::new(),
            };
        };
        let key = (from.to_owned(), place.reference, place.total);
        let mut dropped = Vec::new();
        let known = self.waiting.get(&key);
        match known.and_then(|message| message.parts.get(&place.number)) {
            Some((same, _)) if *same == user_data => return Taken::Repeated,
            Some(_) => dropped.extend(self.remove(&key)),
            None => {}
        }
        dropped.extend(self.make_room(&key, user_data.len()));
        self.octets += user_data.len();
        let message = self.waiting.entry(key.clone()).or_insert(Waiting {
            since: now,
            parts: BTreeMap::new(),
        });
        message.parts.insert(place.number, (user_data, token));
        if message.parts.len() < usize::from(place.total) {
            return Taken::Waiting { dropped };
        }
        let whole = self.waiting.remove(&key).map(|message| message.parts);
        let parts = whole.unwrap_or_default().into_values();
        let (parts, mut tokens): (Vec<_>, Vec<_>) = parts.unzip();
        self.octets -= parts.iter().map(Vec::len).sum::<usize>();
        tokens.retain(|known| *known != token);
        tokens.extend(dropped);
        Taken::Whole { parts, tokens }
    }

    /// Gives up the messages whose time is over at `now`: the tokens of their parts.
    pub fn expire(&mut self, now: i64) -> Vec<u64> {
        let over = self
            .waiting
            .iter()
            .filter(|(_, message)| now.saturating_sub(message.since) > self.limits.patience);
        let over: Vec<Key> = over.map(|(key, _)| key.clone()).collect();
        over.iter().flat_map(|key| self.remove(key)).collect()
    }

    /// Unfinished messages.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// No unfinished message.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Octets of all parts that wait.
    pub fn octets(&self) -> usize {
        self.octets
    }

    /// Lets the oldest go, of this sender first, until a part of this message has room.
    fn make_room(&mut self, key: &Key, octets: usize) -> Vec<u64> {
        let mut dropped = Vec::new();
        let from = (key.0.clone(), Reference::Eight(0), 0);
        if !self.waiting.contains_key(key) {
            let theirs = |message: &Key| message.0 == key.0;
            let of_sender = self.waiting.range(from.clone()..).map(|(key, _)| key);
            if of_sender.take_while(|key| theirs(key)).count() >= self.limits.messages_each {
                let of_sender = self
                    .waiting
                    .range(from..)
                    .take_while(|(key, _)| theirs(key));
                let oldest = of_sender.min_by_key(|(_, message)| message.since);
                if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                    dropped.extend(self.remove(&oldest));
                }
            }
        }
        let full = |this: &Self| {
            let more = usize::from(!this.waiting.contains_key(key));
            this.waiting.len() + more > this.limits.messages
                || this.octets + octets > this.limits.octets
        };
        while full(self) {
            let oldest = self.waiting.iter().min_by_key(|(_, message)| message.since);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                break;
            };
            dropped.extend(self.remove(&oldest));
        }
        dropped
    }

    fn remove(&mut self, key: &Key) -> Vec<u64> {
        let parts = self.waiting.remove(key).map(|message| message.parts);
        let parts = parts.unwrap_or_default();
        self.octets -= parts.values().map(|(part, _)| part.len()).sum::<usize>();
        parts.into_values().map(|(_, token)| token).collect()
    }
}
