//! The ids that a gateway gave, and the forms in which its receipts give them back (SMPP.md, row 3).

use std::collections::{HashMap, VecDeque};

/// What a receipt's id belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    One(u64),
    /// Two messages, and nothing tells which: the receipt counts for none (CASES C60).
    Several,
}

/// Earlier messages that are remembered of one id.
const BEFORE: usize = 8;

/// Messages by id, and how often each form was the right one where forms differ.
#[derive(Debug, Default)]
pub(super) struct Ids {
    known: HashMap<String, u64>,
    /// Where an id was given again – a counter of 16 bits is soon round, and a restart begins it anew –, the messages
    /// that had it before, oldest first.
    before: HashMap<String, VecDeque<u64>>,
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
    /// A message got this id; `another`: whether one that had it before is not the same once more.
    pub(super) fn add(&mut self, id: &str, number: u64, another: impl Fn(u64) -> bool) {
        let lower = id.to_ascii_lowercase();
        let bare = bare(&lower).to_owned();
        let padded = (bare != lower).then_some(lower);
        for id in [Some(bare), padded].into_iter().flatten() {
            let had = self.known.get(&id).copied();
            if let Some(had) = had.filter(|had| another(*had)) {
                let before = self.before.entry(id.clone()).or_default();
                if before.len() >= BEFORE {
                    before.pop_front();
                }
                before.push_back(had);
            }
            self.known.insert(id, number);
        }
    }

    /// This message is forgotten.
    pub(super) fn remove(&mut self, id: &str, number: u64) {
        let lower = id.to_ascii_lowercase();
        for id in [bare(&lower), &lower] {
            if self.known.get(id) == Some(&number) {
                self.known.remove(id);
            }
            if let Some(before) = self.before.get_mut(id) {
                before.retain(|had| *had != number);
                if before.is_empty() {
                    self.before.remove(id);
                }
            }
        }
    }

    /// What a receipt's id belongs to. Where several messages match, those are meant whose form was right before on this
    /// link, then those that went to where the receipt comes `from`, then those that are still `open`, then the one with
    /// the very same id. A form that is not known to be this link's counts only for a number that fits.
    pub(super) fn find(
        &mut self,
        id: &str,
        from: impl Fn(u64) -> bool,
        open: impl Fn(u64) -> bool,
    ) -> Found {
        let forms = forms(id);
        let [_, bare, to_hex, to_decimal] = &forms;
        let telling = [to_hex, to_decimal]
            .into_iter()
            .any(|form| form.is_some() && form != bare);
        let right = |form: usize| self.right.get(form).copied().unwrap_or(0);
        let mut found: Vec<(usize, u64)> = Vec::new();
        for (form, id) in forms.iter().enumerate() {
            let Some(id) = id else {
                continue;
            };
            let before = self.before.get(id).into_iter().flatten();
            for number in before.chain(self.known.get(id)).copied() {
                let new = found.iter().all(|(_, other)| *other != number);
                if new && (form < 2 || right(form) > 0 || from(number)) {
                    found.push((form, number));
                }
            }
        }
        let most = found.iter().map(|(form, _)| right(*form)).max();
        let [same, bare, ..] = self.right;
        if found.iter().all(|(form, _)| *form > 1) && most < Some(same + bare) {
            // On a link that gives ids back as they are, none is that message: its own is still to come (row 4).
            return Found::Nothing;
        }
        found.retain(|(form, _)| Some(right(*form)) == most);
        narrow(&mut found, from);
        narrow(&mut found, &open);
        let mut literal = found.iter().filter(|(form, _)| *form == 0);
        match (&found[..], literal.next(), literal.next()) {
            ([], ..) => Found::Nothing,
            ([(form, number)], ..) => {
                if let Some(right) = self.right.get_mut(*form).filter(|_| telling) {
                    *right += 1;
                }
                Found::One(*number)
            }
            (_, Some((_, number)), None) => Found::One(*number),
            // What is only said again counts for nothing either.
            ([.., (_, number)], ..) if !open(*number) => Found::One(*number),
            _ => Found::Several,
        }
    }
}

/// Where several match, only those of which this holds, if it holds of any.
fn narrow(found: &mut Vec<(usize, u64)>, holds: impl Fn(u64) -> bool) {
    if found.len() > 1 && found.iter().any(|(_, number)| holds(*number)) {
        found.retain(|(_, number)| holds(*number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_one_id_is_bounded_and_forgotten_with_its_messages() {
        let mut ids = Ids::default();
        (0..100).for_each(|number| ids.add("00100", number, |_| true));
        let kept = |ids: &Ids| ids.before.values().map(VecDeque::len).collect::<Vec<_>>();
        assert_eq!(kept(&ids), [BEFORE, BEFORE]);
        (0..100).for_each(|number| ids.remove("00100", number));
        assert_eq!((ids.known.len(), ids.before.len()), (0, 0));
    }
}
