//! Receipts that came before the answer to their message (SMPP.md, row 4): kept for minutes, never dropped unheard.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use wire::smpp::receipt::{Receipt, forms};

/// How long a receipt waits unanswered, ms. Then it is handed on unmatched, so that the gateway gets its answer: an
/// earlier process may have sent its message.
const UNANSWERED: i64 = 2_000;
/// How long it is still matched when the answer to its message comes, ms, and how many wait.
const KEPT: i64 = 5 * 60_000;
const MOST: usize = 10_000;

#[derive(Debug)]
struct Waiting {
    receipt: Receipt,
    from: String,
    /// None once it was handed on unmatched.
    token: Option<u64>,
    at: i64,
}

/// The receipts that wait, in the order they came.
#[derive(Debug, Default)]
pub(super) struct Early {
    waiting: BTreeMap<u64, Waiting>,
    by_form: HashMap<String, BTreeSet<u64>>,
    count: u64,
}

impl Early {
    /// Keeps a receipt that matches nothing yet.
    pub(super) fn keep(&mut self, receipt: Receipt, from: String, token: u64, now: i64) {
        self.count += 1;
        for form in forms(&receipt.id) {
            self.by_form.entry(form).or_default().insert(self.count);
        }
        let token = Some(token);
        let waiting = Waiting {
            receipt,
            from,
            token,
            at: now,
        };
        self.waiting.insert(self.count, waiting);
    }

    /// The answer to a message gave this id: the receipts that waited for it, and their tokens if still unanswered.
    pub(super) fn matching(&mut self, id: &str) -> Vec<(Receipt, String, Option<u64>)> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let found = forms(id).into_iter().filter_map(|f| self.by_form.get(&f));
        let found: BTreeSet<u64> = found.flatten().copied().collect();
        let taken = found.into_iter().filter_map(|number| self.remove(number));
        taken.map(|w| (w.receipt, w.from, w.token)).collect()
    }

    /// Receipts that are to be handed on unmatched now; each once.
    pub(super) fn overdue(&mut self, now: i64) -> Vec<(Receipt, String, u64)> {
        let mut due = Vec::new();
        let above = self.waiting.len().saturating_sub(MOST);
        for (place, waiting) in self.waiting.values_mut().enumerate() {
            if (now - waiting.at > UNANSWERED || place < above)
                && let Some(token) = waiting.token.take()
            {
                due.push((waiting.receipt.clone(), waiting.from.clone(), token));
            }
        }
        while let Some((&number, first)) = self.waiting.first_key_value()
            && (now - first.at > KEPT || self.waiting.len() > MOST)
        {
            self.remove(number);
        }
        due
    }

    fn remove(&mut self, number: u64) -> Option<Waiting> {
        let waiting = self.waiting.remove(&number)?;
        for form in forms(&waiting.receipt.id) {
            if let Some(numbers) = self.by_form.get_mut(&form) {
                numbers.remove(&number);
                if numbers.is_empty() {
                    self.by_form.remove(&form);
                }
            }
        }
        Some(waiting)
    }
}
