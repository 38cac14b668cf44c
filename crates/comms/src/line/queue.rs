//! What waits to be handed over, interactive before bulk (rule 6).

use super::{Flying, Line};
use delivery::route::takes;
use delivery::{Lane, Outbound, Target};
use wire::smpp::{Body, Submit};

impl Line {
    /// A message to send. One that waits already for the same part is replaced: its octets are the same (rule 3).
    pub fn push(&mut self, message: Outbound, now: i64) {
        let queue = &mut self.queues[usize::from(message.lane == Lane::Bulk)];
        let same = |known: &Outbound| known.target.is_again(&message.target);
        // Only repeated sendings can meet themselves in the queue; the first never looks.
        let again = matches!(message.target, Target::Part(part) if part.sending > 1);
        let twin = if again {
            queue.iter_mut().find(|known| same(known))
        } else {
            None
        };
        match twin {
            Some(known) => *known = message,
            None => queue.push_back(message),
        }
        self.flow(now);
    }

    /// Hands over what the window and the pace allow, interactive first (rule 6).
    pub(super) fn flow(&mut self, now: i64) {
        if !self.is_bound() || self.held || now < self.paused_until {
            self.show_queue();
            return;
        }
        let window = usize::try_from(self.config.window.max(1)).unwrap_or(usize::MAX);
        while self.flying.len() < window
            && self.breaker.lets(self.flying.len())
            && self.next_is_ours(now)
        {
            if let Some(pace) = self.pace {
                #[allow(clippy::cast_precision_loss)]
                let since = (now - self.refilled).max(0) as f64 / 1000.0;
                self.allowance = (self.allowance + since * pace).min(pace.max(1.0));
                self.refilled = now;
                if self.allowance < 1.0 {
                    break;
                }
                self.allowance -= 1.0;
            }
            let [interactive, bulk] = &mut self.queues;
            let Some(message) = interactive.pop_front().or_else(|| bulk.pop_front()) else {
                break;
            };
            let sequence = self.next_sequence();
            let submit = Body::Submit(self.submit(&message));
            self.put(0, 0, sequence, submit);
            self.flying.insert(sequence, Flying { message, at: now });
            self.breaker.handed();
        }
        self.rows.gateway.circuit = self.circuit();
        self.rows.gateway.window = (
            u32::try_from(self.flying.len()).unwrap_or(u32::MAX),
            self.config.window,
        );
        self.show_queue();
    }

    /// Throws away what waits at the head behind a closed fence, which is another node's to send or over; whether
    /// something is left to send.
    fn next_is_ours(&mut self, now: i64) -> bool {
        let monotonic = u64::try_from(now).unwrap_or(0);
        let mut late = Vec::new();
        let any = self.queues.iter_mut().any(|queue| {
            while queue
                .front()
                .is_some_and(|message| !message.is_open(monotonic))
            {
                late.extend(queue.pop_front());
            }
            !queue.is_empty()
        });
        // Its owner sends it again when its lease is renewed, or plans anew when its time is over.
        for message in late {
            self.tell_not_sent(message);
        }
        any
    }

    pub(super) fn show_queue(&mut self) {
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let [interactive, bulk] = &self.queues;
        let [passed, passed_bulk] = self.passed;
        let bulk = count(bulk.len()).saturating_add(passed_bulk);
        let queued = count(interactive.len() + self.later.len()).saturating_add(passed);
        self.rows.gateway.queued = queued.saturating_add(bulk);
        self.rows.gateway.queued_bulk = bulk;
    }

    /// What waits here although nothing goes by this gateway now, in its order: another one may take it. What was handed
    /// over stays: its outcome is this gateway's to tell.
    pub fn take_back(&mut self) -> Vec<Outbound> {
        if takes(&self.rows.gateway) && !self.elsewhere {
            return Vec::new();
        }
        let mut back: Vec<_> = self.queues.iter_mut().flat_map(std::mem::take).collect();
        if self.elsewhere {
            let later = std::mem::take(&mut self.later);
            back.extend(later.into_iter().map(|(_, message)| message));
        }
        self.show_queue();
        self.not_sent(back)
    }

    fn submit(&self, message: &Outbound) -> Submit {
        let data_coding = match message.dcs {
            0xF6 => self.config.data_coding_ota,
            0xF5 => self.config.data_coding_card,
            other => other,
        };
        let (ton, address) = match message.destination.strip_prefix('+') {
            Some(digits) => (1, digits),
            None => (0, message.destination.as_str()),
        };
        Submit {
            source: (
                self.config.source_ton,
                self.config.source_npi,
                self.config.source.clone(),
            ),
            destination: (ton, 1, address.to_owned()),
            esm_class: if message.udhi { 0x40 } else { 0 },
            protocol_id: message.pid,
            validity: message.validity_s.map(relative).unwrap_or_default(),
            // A receipt for success and failure, and intermediate notices (§5.2.17).
            registered: 0x11,
            data_coding,
            message: message.user_data.clone(),
        }
    }
}

/// A relative validity_period (§7.1.1): `YYMMDDhhmmss000R`.
fn relative(seconds: u32) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    format!(
        "0000{:02}{:02}{:02}{:02}000R",
        days.min(31),
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}
