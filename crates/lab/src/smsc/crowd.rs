//! A crowd of handsets that come to be when somebody writes to them: every number of a range has a card of one kind, all
//! with the same keys. For measurements with a hundred thousand cards: none is drawn, logged or kept on disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::pdu::{Message, Outcome};
use super::{Arriving, Carrier, lock, phone};
use crate::card::{Card, Memory};
use crate::handset::book;

/// The crowd.
pub struct Crowd {
    /// What the numbers begin with, digits without `+`.
    prefix: String,
    /// Told of every number that is written to, as soon as the message is there.
    seen: Box<dyn Fn(&str) + Send + Sync>,
    inside: Mutex<Inside>,
}

struct Inside {
    /// The one card that all take turns in.
    card: Card,
    memories: HashMap<u64, Memory>,
}

impl Crowd {
    /// Every number that begins with `prefix` has a card like `card`; `seen` is told whom somebody writes to.
    #[must_use]
    pub fn new(prefix: &str, card: Card, seen: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self {
            seen: Box::new(seen),
            prefix: prefix.trim_start_matches('+').to_owned(),
            inside: Mutex::new(Inside {
                card,
                memories: HashMap::new(),
            }),
        }
    }

    fn number(&self, to: &str) -> Option<u64> {
        let digits = to.trim_start_matches('+');
        digits
            .starts_with(&self.prefix)
            .then(|| digits.parse().ok())?
    }

    fn with<T>(&self, number: u64, act: impl FnOnce(&mut Card) -> T) -> T {
        let mut inside = lock(&self.inside);
        let Inside { card, memories } = &mut *inside;
        let memory = memories.remove(&number);
        card.exchange(memory);
        let done = act(card);
        memories.insert(number, card.exchange(None));
        done
    }

    /// Names and numbers on a card of the crowd, as its phone shows them.
    #[must_use]
    pub fn book(&self, number: &str) -> Vec<(String, String)> {
        let Some(number) = self.number(number) else {
            return Vec::new();
        };
        let shown = self.with(number, |card| book::read(card)).into_iter();
        shown.map(|(_, shown)| (shown.name, shown.number)).collect()
    }

    /// Whether this message is for one of the crowd; then it was taken, and its answer and receipt are on their way.
    pub(super) fn take(&self, carrier: &Arc<Carrier>, arriving: &Arriving) -> bool {
        let message = &arriving.message;
        let Some(number) = self.number(&message.to) else {
            return false;
        };
        (self.seen)(&message.to);
        let answer = self.with(number, |card| {
            card.receive(&message.from, &message.user_data)
        });
        for user_data in answer.por {
            let por = Message {
                from: message.to.trim_start_matches('+').to_owned(),
                to: message.from.clone(),
                ..phone::proof(user_data)
            };
            carrier.answer(arriving.account, &por);
        }
        let outcome = if answer.taken {
            Outcome::Delivered
        } else {
            Outcome::Refused
        };
        carrier.receipt(arriving, outcome);
        true
    }
}
