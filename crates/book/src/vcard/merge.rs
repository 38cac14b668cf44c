//! An import into a book: the same file twice doubles nothing.

use super::{Card, CardResult, ImportReport};
use crate::{
    Book, Edit, FriendDraft, FriendNo, FriendPatch, GroupNo, Number, NumberDraft, Rules, apply,
    draft,
};
use std::collections::{BTreeMap, BTreeSet};

/// What became of a card in the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// A new friend.
    Added(FriendNo),
    /// In the book already; numbers or groups that were missing were added.
    Completed(FriendNo),
    /// In the book already, with all of it.
    Already(FriendNo),
    /// A group, new or completed or there already.
    Group(GroupNo),
    /// Left out; the sentence says why.
    Refused(String),
}

/// A card's line, what became of it, and what was taken differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The line of its BEGIN.
    pub line: usize,
    /// What became of it.
    pub fate: Fate,
    /// From the report.
    pub notes: Vec<String>,
}

/// An import, ready to be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// To be applied to the book one after the other, with the same rules.
    pub edits: Vec<Edit>,
    /// The book after them.
    pub book: Book,
    /// One a card, in order.
    pub cards: Vec<Merged>,
}

/// Plans the edits that bring a file into a book. Friends without number are taken (`rules.numberless` is implied, and
/// must be set when the edits are applied).
pub fn merge(book: &Book, report: &ImportReport, rules: &Rules) -> Merge {
    let rules = rules.clone().numberless();
    let mut work = Work {
        book: book.clone(),
        edits: Vec::new(),
        rules: &rules,
        by_uid: BTreeMap::new(),
    };
    // Groups of cards may stand before their members.
    let is_group = |card: &CardResult| matches!(card.result, Ok(Card::Group { .. }));
    let mut cards: Vec<(usize, Merged)> = Vec::new();
    for groups in [false, true] {
        for (at, card) in report
            .cards
            .iter()
            .enumerate()
            .filter(|(_, card)| is_group(card) == groups)
        {
            let fate = match &card.result {
                Ok(Card::Friend { draft, uid, groups }) => {
                    work.friend(draft, uid.as_deref(), groups)
                }
                Ok(Card::Group { name, members }) => work.group_card(name, members),
                Err(sentence) => Err(sentence.clone()),
            };
            let fate = fate.unwrap_or_else(Fate::Refused);
            cards.push((
                at,
                Merged {
                    line: card.line,
                    fate,
                    notes: card.notes.clone(),
                },
            ));
        }
    }
    cards.sort_by_key(|(at, _)| *at);
    Merge {
        edits: work.edits,
        book: work.book,
        cards: cards.into_iter().map(|(_, card)| card).collect(),
    }
}

struct Work<'a> {
    book: Book,
    edits: Vec<Edit>,
    rules: &'a Rules,
    by_uid: BTreeMap<String, FriendNo>,
}

impl Work<'_> {
    fn apply(&mut self, edit: Edit) -> Result<(), String> {
        let outcome =
            apply(&self.book, &edit, self.rules).map_err(|refusal| refusal.to_string())?;
        if !outcome.changes.is_empty() {
            self.book = outcome.book;
            self.edits.push(edit);
        }
        Ok(())
    }

    fn friend(
        &mut self,
        typed: &FriendDraft,
        uid: Option<&str>,
        group_names: &[String],
    ) -> Result<Fate, String> {
        let mut wanted = typed.clone();
        for name in group_names {
            let group = self.group(name)?;
            wanted.groups.insert(group);
        }
        let line = |n: &Number| (n.main(), n.post_dial.clone());
        let mut numbers = Vec::new();
        for (index, number) in wanted.numbers.iter().enumerate() {
            let read = draft::number(index, number, &self.rules.region)
                .map_err(|refusal| refusal.to_string())?;
            numbers.push((line(&read), number.clone()));
        }
        let name = draft::name(&wanted.name, self.rules).map_err(|refusal| refusal.to_string())?;
        let known = self.book.friends.values().find(|f| {
            f.name == name
                && (numbers.is_empty()
                    || f.numbers
                        .iter()
                        .any(|n| numbers.iter().any(|(l, _)| *l == line(n))))
        });
        let (fate, no) = match known {
            Some(known) => {
                let no = known.no;
                let missing: Vec<NumberDraft> = numbers
                    .into_iter()
                    .filter(|(l, _)| known.numbers.iter().all(|n| line(n) != *l))
                    .map(|(_, draft)| draft)
                    .collect();
                let groups: BTreeSet<GroupNo> =
                    known.groups.union(&wanted.groups).copied().collect();
                if missing.is_empty() && groups == known.groups {
                    (Fate::Already(no), no)
                } else {
                    let mut all = FriendDraft::from(known).numbers;
                    all.extend(missing);
                    all.truncate(self.rules.numbers);
                    let patch = FriendPatch {
                        numbers: Some(all),
                        groups: Some(groups),
                        ..FriendPatch::default()
                    };
                    self.apply(Edit::ChangeFriend {
                        friend: no,
                        patch,
                        based_on: None,
                    })?;
                    (Fate::Completed(no), no)
                }
            }
            None => {
                // What is there already goes before what an import brings: nobody loses a key or a mark to a file.
                wanted.speed_dial = wanted
                    .speed_dial
                    .filter(|key| self.book.on_key(*key).is_none());
                wanted.emergency &= self.book.friends.values().filter(|f| f.emergency).count()
                    < self.rules.emergency;
                let no = FriendNo(self.book.next_friend);
                self.apply(Edit::AddFriend(wanted))?;
                (Fate::Added(no), no)
            }
        };
        if let Some(uid) = uid {
            self.by_uid.insert(uid.to_owned(), no);
        }
        Ok(fate)
    }

    /// The group of this name, made if there is none.
    fn group(&mut self, name: &str) -> Result<GroupNo, String> {
        if let Some(group) = self.book.groups.values().find(|g| g.name == name) {
            return Ok(group.no);
        }
        let no = GroupNo(self.book.next_group);
        self.apply(Edit::AddGroup {
            name: name.to_owned(),
            friends: BTreeSet::new(),
        })?;
        Ok(no)
    }

    fn group_card(&mut self, name: &str, members: &[String]) -> Result<Fate, String> {
        let group = self.group(name)?;
        let mut friends = self.book.members(group);
        friends.extend(members.iter().filter_map(|uid| self.by_uid.get(uid)));
        self.apply(Edit::ChangeGroup {
            group,
            name: None,
            friends: Some(friends),
        })?;
        Ok(Fate::Group(group))
    }
}
