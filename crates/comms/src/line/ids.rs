//! The ids that a gateway gave, and the forms in which its receipts give them back (SMPP.md, row 3).

use std::collections::HashMap;

/// What a receipt's id belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    One(u64),
    /// Two messages, and nothing tells which: the receipt counts for none (CASES C60).
    Several,
}

/// Messages by id, and how often each form was the right one where forms differ.
#[derive(Debug, Default)]
pub(super) struct Ids {
    known: HashMap<String, u64>,
    right: [u64; 4],
}

/// The id as it is but for case; without leading zeros; hex in the answer and decimal here; the other way round.
fn forms(id: &str) -> [Option<String>; 4] {
    let lower = id.to_ascii_lowercase();
    let bare = bare(&lower).to_owned();
    let to_hex = bare.parse::<u64>().ok().map(|n| format!("{n:x}"));
    let to_decimal = u64::from_str_radix(&bare, 16).ok().map(|n| n.to_string());
    [Some(lower), Some(bare), to_hex, to_decimal]
}

fn bare(id: &str) -> &str {
    match id.trim_start_matches('0') {
        "" => id,
        rest => rest,
    }
}

impl Ids {
    /// A message got this id.
    pub(super) fn add(&mut self, id: &str, number: u64) {
        let lower = id.to_ascii_lowercase();
        let bare = bare(&lower);
        if bare != lower {
            self.known.insert(bare.to_owned(), number);
        }
        self.known.insert(lower, number);
    }

    /// This message is forgotten.
    pub(super) fn remove(&mut self, id: &str, number: u64) {
        let lower = id.to_ascii_lowercase();
        for id in [bare(&lower), &lower] {
            if self.known.get(id) == Some(&number) {
                self.known.remove(id);
            }
        }
    }

    /// What a receipt's id belongs to. Where two messages match, the one is meant whose form was right before on this
    /// link, then the one that went to where the receipt comes `from`, then the one with the very same id.
    pub(super) fn find(&mut self, id: &str, from: impl Fn(u64) -> bool) -> Found {
        let forms = forms(id);
        let [_, bare, to_hex, to_decimal] = &forms;
        let telling = [to_hex, to_decimal]
            .into_iter()
            .any(|form| form.is_some() && form != bare);
        let mut found: Vec<(usize, u64)> = Vec::new();
        for (form, id) in forms.iter().enumerate() {
            let number = id.as_ref().and_then(|id| self.known.get(id));
            if let Some(number) = number.filter(|n| found.iter().all(|(_, other)| other != *n)) {
                found.push((form, *number));
            }
        }
        let right = |form: usize| self.right.get(form).copied();
        if let [(form, _)] = found[..] {
            // On a link that gives ids back as they are, this is not that message: its own is still to come (row 4).
            let [same, bare, ..] = self.right;
            if form > 1 && right(form).is_some_and(|right| right < same + bare) {
                return Found::Nothing;
            }
        }
        let most = found.iter().map(|(form, _)| right(*form)).max().flatten();
        found.retain(|(form, _)| right(*form) == most);
        if found.len() > 1 && found.iter().any(|(_, number)| from(*number)) {
            found.retain(|(_, number)| from(*number));
        }
        match found[..] {
            [] => Found::Nothing,
            [(form, number)] => {
                if let Some(right) = self.right.get_mut(form).filter(|_| telling) {
                    *right += 1;
                }
                Found::One(number)
            }
            [(0, number), ..] => Found::One(number),
            _ => Found::Several,
        }
    }
}
