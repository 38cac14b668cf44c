//! Texts that came lately: one that the gateway sends again, because our answer was lost, is handed on once (SMPP.md,
//! row 9).

use std::collections::VecDeque;
use wire::smpp::Deliver;

/// How long a text is remembered, ms, and how many are.
const LATELY: i64 = 5 * 60_000;
const MOST: usize = 1_000;

#[derive(Debug)]
struct Text {
    at: i64,
    token: u64,
    stored: bool,
    from: String,
    to: String,
    octets: Vec<u8>,
}

/// What came lately, oldest first.
#[derive(Debug, Default)]
pub(super) struct Texts(VecDeque<Text>);

impl Texts {
    /// The token that the same text was handed on with, and whether control has stored it.
    pub(super) fn seen(&self, deliver: &Deliver) -> Option<(u64, bool)> {
        let same = |text: &&Text| {
            (&text.from, &text.to, &text.octets)
                == (&deliver.source.2, &deliver.destination.2, &deliver.message)
        };
        let text = self.0.iter().find(same)?;
        Some((text.token, text.stored))
    }

    /// A new one, handed on with this token.
    pub(super) fn take(&mut self, deliver: &Deliver, token: u64, now: i64) {
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back(Text {
            at: now,
            token,
            stored: false,
            from: deliver.source.2.clone(),
            to: deliver.destination.2.clone(),
            octets: deliver.message.clone(),
        });
    }

    /// Control stored it, or could not: then it counts as new when it comes again.
    pub(super) fn stored(&mut self, token: u64, ok: bool) {
        let Some(at) = self.0.iter().position(|text| text.token == token) else {
            return;
        };
        if !ok {
            self.0.remove(at);
        } else if let Some(text) = self.0.get_mut(at) {
            text.stored = true;
        }
    }

    /// Time passes.
    pub(super) fn forget(&mut self, now: i64) {
        while self.0.front().is_some_and(|text| now - text.at > LATELY) {
            self.0.pop_front();
        }
    }
}
