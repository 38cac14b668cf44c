//! Edits of a book, and the rules that every one of them keeps (DECISIONS.md, “integrity”).

use crate::change::{Change, ChangeBody, Entry};
use crate::draft::{self, FriendDraft, FriendPatch, NumberDraft};
use crate::{Book, Friend, FriendNo, Group, GroupNo, Number, NumberNo, Refusal, undo};
use std::collections::BTreeSet;

/// What somebody wants to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// A new friend.
    AddFriend(FriendDraft),
    /// Some fields of a friend. With `based_on`, a field changed since by somebody else is refused.
    ChangeFriend {
        /// Whom.
        friend: FriendNo,
        /// What.
        patch: FriendPatch,
        /// What the person saw when she began to type.
        based_on: Option<Friend>,
    },
    /// A friend goes; history keeps her.
    RemoveFriend(FriendNo),
    /// A new group.
    AddGroup {
        /// Its name.
        name: String,
        /// Who is in it.
        friends: BTreeSet<FriendNo>,
    },
    /// Name or members of a group.
    ChangeGroup {
        /// Which.
        group: GroupNo,
        /// The new name, if it changes.
        name: Option<String>,
        /// All members, if they change.
        friends: Option<BTreeSet<FriendNo>>,
    },
    /// A group goes; its friends stay.
    RemoveGroup(GroupNo),
    /// The other way round, per field.
    Undo(Box<Change>),
}

/// The limits of a book and how numbers are read in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The subscriber's region, two letters.
    pub region: String,
    /// A friend without number is taken (import, CardDAV); forms and the API demand one.
    pub numberless: bool,
    /// Most graphemes of a name.
    pub name_graphemes: usize,
    /// Most graphemes of a note.
    pub note_graphemes: usize,
    /// Most numbers of a friend.
    pub numbers: usize,
    /// Most emergency contacts.
    pub emergency: usize,
    /// Most friends.
    pub friends: usize,
    /// Most groups.
    pub groups: usize,
}

impl Rules {
    /// The limits of DECISIONS.md for a subscriber of `region`.
    pub fn new(region: &str) -> Self {
        Self {
            region: region.to_owned(),
            numberless: false,
            name_graphemes: 64,
            note_graphemes: 2000,
            numbers: 10,
            emergency: 5,
            friends: 10_000,
            groups: 100,
        }
    }

    /// The same, taking friends without number.
    pub fn numberless(mut self) -> Self {
        self.numberless = true;
        self
    }
}

/// The book after an edit, and what changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The new book; its revision grew by the number of `changes` (none: nothing was different).
    pub book: Book,
    /// One record a friend or group, in order; the first is the one that was asked for. Record `i` (from 0) has the
    /// revision *old + i + 1*.
    pub changes: Vec<ChangeBody>,
    /// Friends to write, or to remove if they are not in `book`.
    pub friends: BTreeSet<FriendNo>,
    /// Groups to write, or to remove if they are not in `book`.
    pub groups: BTreeSet<GroupNo>,
}

/// Carries an edit out on a copy of the book. `edit` is not consumed: what was typed stays with the caller.
///
/// # Errors
/// [`Refusal`], and then nothing changed.
pub fn apply(book: &Book, edit: &Edit, rules: &Rules) -> Result<Outcome, Refusal> {
    let mut work = Work {
        book: book.clone(),
        old: book,
        rules,
        key_from: None,
    };
    let main = match edit {
        Edit::AddFriend(draft) => {
            let no = FriendNo(book.next_friend);
            let friend = work.patched(
                Friend {
                    no,
                    ..Friend::default()
                },
                &draft.clone().into_patch(),
            )?;
            work.book.next_friend = no.0.saturating_add(1);
            work.put(friend)?;
            Subject::Friend(no)
        }
        Edit::ChangeFriend {
            friend,
            patch,
            based_on,
        } => {
            let now = book
                .friends
                .get(friend)
                .ok_or(Refusal::NoFriend { friend: *friend })?;
            let new = work.patched(now.clone(), patch)?;
            if let Some(seen) = based_on {
                let fields = undo::fields_changed_since(seen, now, &new);
                if !fields.is_empty() {
                    return Err(Refusal::ChangedSince { fields });
                }
            }
            work.put(new)?;
            Subject::Friend(*friend)
        }
        Edit::RemoveFriend(no) => {
            work.book
                .friends
                .remove(no)
                .ok_or(Refusal::NoFriend { friend: *no })?;
            Subject::Friend(*no)
        }
        Edit::AddGroup { name, friends } => {
            if book.groups.len() >= rules.groups {
                return Err(Refusal::GroupsFull { most: rules.groups });
            }
            let no = GroupNo(book.next_group);
            work.book.next_group = no.0.saturating_add(1);
            work.put_group(no, name, Some(friends))?;
            Subject::Group(no)
        }
        Edit::ChangeGroup {
            group,
            name,
            friends,
        } => {
            let now = book
                .groups
                .get(group)
                .ok_or(Refusal::NoGroup { group: *group })?;
            work.put_group(*group, name.as_ref().unwrap_or(&now.name), friends.as_ref())?;
            Subject::Group(*group)
        }
        Edit::RemoveGroup(no) => {
            work.book
                .groups
                .remove(no)
                .ok_or(Refusal::NoGroup { group: *no })?;
            work.set_members(*no, &BTreeSet::new());
            Subject::Group(*no)
        }
        Edit::Undo(change) => undo::undo(&mut work, change)?,
    };
    Ok(work.finish(main))
}

/// What an edit is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Friend(FriendNo),
    Group(GroupNo),
}

/// An edit in progress.
pub(crate) struct Work<'a> {
    pub(crate) book: Book,
    old: &'a Book,
    rules: &'a Rules,
    key_from: Option<FriendNo>,
}

impl Work<'_> {
    /// A friend with the patch's values, each checked.
    fn patched(&mut self, mut friend: Friend, patch: &FriendPatch) -> Result<Friend, Refusal> {
        let new = friend.added.0 == 0;
        if new {
            friend.added = crate::Revision(self.old.revision.0.saturating_add(1));
        }
        if let Some(name) = &patch.name {
            friend.name = draft::name(name, self.rules)?;
        }
        if let Some(sort_as) = &patch.sort_as {
            friend.sort_as = draft::text(
                "sort_as",
                sort_as.as_deref(),
                self.rules.name_graphemes,
                false,
            )?;
        }
        if let Some(numbers) = &patch.numbers {
            friend.numbers = self.numbers(&friend.numbers, numbers)?;
        }
        if let Some(note) = &patch.note {
            friend.note = draft::text("note", note.as_deref(), self.rules.note_graphemes, true)?;
        }
        if let Some(key) = patch.speed_dial {
            friend.speed_dial = key;
        }
        friend.emergency = patch.emergency.unwrap_or(friend.emergency);
        friend.keep_off_phone = patch.keep_off_phone.unwrap_or(friend.keep_off_phone);
        if let Some(groups) = &patch.groups {
            friend.groups = groups.clone();
        }
        Ok(friend)
    }

    /// Puts a friend into the book if the book's rules allow it; whoever sits on her new key takes her old one.
    pub(crate) fn put(&mut self, friend: Friend) -> Result<(), Refusal> {
        let rules = self.rules;
        if !self.book.friends.contains_key(&friend.no) && self.book.friends.len() >= rules.friends {
            return Err(Refusal::FriendsFull {
                most: rules.friends,
            });
        }
        if let Some(group) = friend
            .groups
            .iter()
            .find(|g| !self.book.groups.contains_key(g))
        {
            return Err(Refusal::NoGroup { group: *group });
        }
        let others = || self.book.friends.values().filter(|f| f.no != friend.no);
        if friend.emergency && others().filter(|f| f.emergency).count() >= rules.emergency {
            return Err(Refusal::EmergencyFull {
                most: rules.emergency,
            });
        }
        if let Some(key) = friend.speed_dial {
            if !(2..=9).contains(&key) {
                return Err(Refusal::Key { key });
            }
            let sitting = others().find(|f| f.speed_dial == Some(key)).map(|f| f.no);
            let freed = self.book.friends.get(&friend.no).and_then(|f| f.speed_dial);
            if let Some(other) = sitting.and_then(|no| self.book.friends.get_mut(&no)) {
                other.speed_dial = freed;
                self.key_from = Some(other.no);
            }
        }
        self.book.friends.insert(friend.no, friend);
        Ok(())
    }

    /// Numbers keep their place (and so their slot on a terminal): named ones first, then equal ones, then by label
    /// and order; the rest are new.
    fn numbers(&mut self, old: &[Number], drafts: &[NumberDraft]) -> Result<Vec<Number>, Refusal> {
        if drafts.is_empty() && !self.rules.numberless {
            return Err(Refusal::NumberMissing { index: 0 });
        }
        if drafts.len() > self.rules.numbers {
            return Err(Refusal::TooManyNumbers {
                count: drafts.len(),
                most: self.rules.numbers,
            });
        }
        let mut free: Vec<&Number> = old.iter().collect();
        let mut new = Vec::new();
        for (index, draft) in drafts.iter().enumerate() {
            // Saving a form unchanged asks nothing again about what was kept before.
            let same = old.iter().find(|o| {
                o.typed == crate::plain_digits(&draft.number)
                    && draft.no.is_none_or(|no| no == o.no)
            });
            new.push(match same {
                Some(same) => Number {
                    no: NumberNo(0),
                    label: draft.label,
                    ..same.clone()
                },
                None => draft::number(index, draft, &self.rules.region)?,
            });
        }
        type Match = fn(&Number, &Number, &NumberDraft) -> bool;
        let rounds: [Match; 4] = [
            |o, _, d| d.no == Some(o.no),
            |o, n, d| d.no.is_none() && o.main() == n.main() && o.post_dial == n.post_dial,
            |o, n, d| d.no.is_none() && o.label == n.label,
            |_, _, d| d.no.is_none(),
        ];
        for fits in rounds {
            for (number, draft) in new.iter_mut().zip(drafts).filter(|(n, _)| n.no.0 == 0) {
                if let Some(at) = free.iter().position(|o| fits(o, number, draft)) {
                    number.no = free.remove(at).no;
                }
            }
        }
        for number in new.iter_mut().filter(|n| n.no.0 == 0) {
            number.no = NumberNo(self.book.next_number);
            self.book.next_number = self.book.next_number.saturating_add(1);
        }
        Ok(new)
    }

    /// Puts a group into the book with these members (`None`: as they are).
    pub(crate) fn put_group(
        &mut self,
        no: GroupNo,
        name: &str,
        friends: Option<&BTreeSet<FriendNo>>,
    ) -> Result<(), Refusal> {
        let name = draft::name(name, self.rules)?;
        if self
            .book
            .groups
            .values()
            .any(|g| g.no != no && g.name == name)
        {
            return Err(Refusal::GroupExists { name });
        }
        if let Some(friend) =
            friends.and_then(|f| f.iter().find(|f| !self.book.friends.contains_key(f)))
        {
            return Err(Refusal::NoFriend { friend: *friend });
        }
        self.book.groups.insert(no, Group { no, name });
        if let Some(friends) = friends {
            self.set_members(no, friends);
        }
        Ok(())
    }

    pub(crate) fn set_members(&mut self, no: GroupNo, members: &BTreeSet<FriendNo>) {
        for friend in self.book.friends.values_mut() {
            if members.contains(&friend.no) {
                friend.groups.insert(no);
            } else {
                friend.groups.remove(&no);
            }
        }
    }

    /// The records: the main one first, then a friend who changed keys with her.
    fn finish(self, main: Subject) -> Outcome {
        let Work {
            mut book,
            old,
            key_from,
            ..
        } = self;
        let touched: BTreeSet<FriendNo> = old
            .friends
            .keys()
            .chain(book.friends.keys())
            .filter(|no| old.friends.get(no) != book.friends.get(no))
            .copied()
            .collect();
        let friend_body = |no: FriendNo, key_from| ChangeBody {
            friend: Some(no),
            group: None,
            before: old.friends.get(&no).cloned().map(Entry::Friend),
            after: book.friends.get(&no).cloned().map(Entry::Friend),
            key_from,
            forgotten: false,
        };
        let (changes, groups) = match main {
            Subject::Friend(no) => {
                let others = touched
                    .iter()
                    .filter(|other| **other != no)
                    .map(|other| friend_body(*other, None));
                let own = touched.contains(&no).then(|| friend_body(no, key_from));
                (
                    own.into_iter().chain(others).collect::<Vec<_>>(),
                    BTreeSet::new(),
                )
            }
            Subject::Group(no) => {
                let entry = |book: &Book| {
                    let group = book.groups.get(&no)?.clone();
                    Some(Entry::Group {
                        group,
                        friends: book.members(no),
                    })
                };
                let body = ChangeBody {
                    friend: None,
                    group: Some(no),
                    before: entry(old),
                    after: entry(&book),
                    key_from: None,
                    forgotten: false,
                };
                let changed = body.before != body.after;
                (
                    changed.then_some(body).into_iter().collect(),
                    changed.then_some(no).into_iter().collect(),
                )
            }
        };
        book.revision.0 = old.revision.0.saturating_add(changes.len() as u64);
        Outcome {
            book,
            changes,
            friends: touched,
            groups,
        }
    }
}

/// Something to say before saving that forbids nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// SCREENS.md §5: “Mei already has this number.”
    #[error("{name} already has this number")]
    SameNumber {
        /// Which of the draft's numbers.
        index: usize,
        /// Who has it.
        friend: FriendNo,
        /// Her name.
        name: String,
    },
    /// Perhaps the same line (Argentina's 9).
    #[error("{name} may already have this number")]
    PerhapsSameNumber {
        /// Which of the draft's numbers.
        index: usize,
        /// Who has it.
        friend: FriendNo,
        /// Her name.
        name: String,
    },
    /// Somebody sits on the key and will move.
    #[error("key {key} was {name}")]
    KeyTaken {
        /// The key.
        key: u8,
        /// Who sits there.
        friend: FriendNo,
        /// Her name.
        name: String,
    },
}

impl Warning {
    /// The message's key in the locales, stable.
    pub fn key(&self) -> &'static str {
        match self {
            Self::SameNumber { .. } => "same-number",
            Self::PerhapsSameNumber { .. } => "perhaps-same-number",
            Self::KeyTaken { .. } => "key-taken",
        }
    }
}

/// What to say about a draft for `own` (`None`: a new friend) besides refusals.
pub fn warnings(
    book: &Book,
    own: Option<FriendNo>,
    draft: &FriendDraft,
    rules: &Rules,
) -> Vec<Warning> {
    let others = || book.friends.values().filter(|f| Some(f.no) != own);
    let mut warnings = Vec::new();
    for (index, typed) in draft.numbers.iter().enumerate() {
        let Ok(number) = draft::number(
            index,
            &NumberDraft {
                keep: true,
                ..typed.clone()
            },
            &rules.region,
        ) else {
            continue;
        };
        let (exact, loose) = number.likeness();
        let has = |like: &dyn Fn(&Number) -> bool| others().find(|f| f.numbers.iter().any(like));
        if let Some(f) = has(&|n| n.likeness().0 == exact && n.post_dial == number.post_dial) {
            warnings.push(Warning::SameNumber {
                index,
                friend: f.no,
                name: f.name.clone(),
            });
        } else if let Some(f) = has(&|n| n.likeness().1 == loose && n.post_dial == number.post_dial)
        {
            warnings.push(Warning::PerhapsSameNumber {
                index,
                friend: f.no,
                name: f.name.clone(),
            });
        }
    }
    if let Some((key, f)) = draft
        .speed_dial
        .and_then(|key| Some((key, others().find(|f| f.speed_dial == Some(key))?)))
    {
        warnings.push(Warning::KeyTaken {
            key,
            friend: f.no,
            name: f.name.clone(),
        });
    }
    warnings
}
