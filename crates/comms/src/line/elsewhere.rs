//! A line whose gateway grants one bind, and another node holds it: it has no session, and what goes by it is passed on.

use super::{Line, PortState};
use delivery::breaker::{Breaker, Circuit, Rules};
use delivery::{Event, Outbound};

impl Line {
    /// Another node holds the only bind, or nobody does: how the gateway is for this node. Its connections are closed.
    pub fn elsewhere(&mut self, up: bool, sentence: &str, now: i64) {
        if !self.elsewhere {
            self.elsewhere = true;
            // How the gateway was for this node says nothing any more.
            self.failures = 0;
            self.paused_until = 0;
            self.breaker = Breaker::new(Rules::SERVE, now);
            self.rows.gateway.circuit = Circuit::Closed;
        }
        if up {
            self.up(sentence, now);
        } else {
            self.down(sentence, now);
        }
    }

    /// This node holds the only bind now.
    pub fn here(&mut self, now: i64) {
        if std::mem::take(&mut self.elsewhere) {
            self.down("This node holds the only bind now; connecting.", now);
        }
    }

    /// So many messages were passed on and are not answered yet: interactive, bulk.
    pub fn passed(&mut self, waiting: [u32; 2]) {
        if self.passed != waiting {
            self.passed = waiting;
            self.show_queue();
        }
    }

    /// What had to go by this gateway and does not; the others may go by another.
    pub(super) fn not_sent(&mut self, messages: Vec<Outbound>) -> Vec<Outbound> {
        for message in &messages {
            self.refusals.remove(&message.target);
        }
        let (by, free): (Vec<_>, Vec<_>) = messages.into_iter().partition(|m| m.by.is_some());
        for message in by {
            self.tell_not_sent(message);
        }
        free
    }

    /// This message was not handed over, and will not be.
    pub(super) fn tell_not_sent(&mut self, message: Outbound) {
        self.refusals.remove(&message.target);
        self.events.push(Event::NotSent {
            target: message.target,
            gateway: self.config.name.clone(),
        });
    }

    /// Whether it is bound, so that messages can be handed over.
    pub(super) fn is_bound(&self) -> bool {
        let first = self.ports.first();
        first.is_some_and(|port| port.state == PortState::Bound)
    }
}
