//! Who is bound, and what waits for them: deliver_sm goes to a receiver of its account, or waits until one binds.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc::UnboundedSender;

/// What a session is told from outside.
#[derive(Debug)]
pub enum ToSession {
    /// A deliver_sm of sequence 0, to be numbered and sent.
    Deliver(Vec<u8>),
    /// Cut the connection now.
    Cut,
}

/// As many deliver_sm wait for an account that is not bound; the oldest go first.
const LONGEST_QUEUE: usize = 100_000;

struct Receiver {
    session: u64,
    to: UnboundedSender<ToSession>,
}

/// The receivers of one account.
#[derive(Default)]
pub struct Links {
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    receivers: Vec<Receiver>,
    waiting: VecDeque<Vec<u8>>,
    turn: usize,
}

impl Inside {
    fn deliver(&mut self, mut octets: Vec<u8>) {
        while !self.receivers.is_empty() {
            self.turn = (self.turn + 1) % self.receivers.len();
            let Some(receiver) = self.receivers.get(self.turn) else {
                break;
            };
            match receiver.to.send(ToSession::Deliver(octets)) {
                Ok(()) => return,
                Err(back) => {
                    self.receivers.swap_remove(self.turn);
                    let ToSession::Deliver(again) = back.0 else {
                        return;
                    };
                    octets = again;
                }
            }
        }
        if self.waiting.len() >= LONGEST_QUEUE {
            self.waiting.pop_front();
        }
        self.waiting.push_back(octets);
    }
}

impl Links {
    fn lock(&self) -> std::sync::MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a deliver_sm to the next receiver in turn, or keeps it until one binds.
    pub fn deliver(&self, octets: Vec<u8>) {
        self.lock().deliver(octets);
    }

    /// A receiver has bound: what waited goes to it.
    pub fn join(&self, session: u64, to: UnboundedSender<ToSession>) {
        let mut inside = self.lock();
        inside.receivers.push(Receiver { session, to });
        for octets in std::mem::take(&mut inside.waiting) {
            inside.deliver(octets);
        }
    }

    /// A receiver has gone: what it did not acknowledge goes to the next one.
    pub fn leave(&self, session: u64, unacknowledged: impl IntoIterator<Item = Vec<u8>>) {
        let mut inside = self.lock();
        inside
            .receivers
            .retain(|receiver| receiver.session != session);
        for octets in unacknowledged {
            inside.deliver(octets);
        }
    }

    /// Whether a receiver is bound.
    pub fn is_bound(&self) -> bool {
        !self.lock().receivers.is_empty()
    }
}
