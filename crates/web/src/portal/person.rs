//! The form of one person: what was typed, as it was typed, and what it means for the book.

use book::{
    Friend, FriendDraft, GroupNo, Label, Number, NumberDraft, NumberNo, SubscriberId, group_id,
    parse_group_id, plain_digits,
};

/// Numbers beyond these are not read: the book's own limit is lower.
const LINES: usize = 20;

/// Kinds of numbers in the order of the form.
pub const LABELS: [(&str, Label); 4] = [
    ("mobile", Label::Mobile),
    ("home", Label::Home),
    ("work", Label::Work),
    ("other", Label::Other),
];

/// What was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    pub name: String,
    /// At least one.
    pub lines: Vec<Line>,
    pub sort_as: String,
    pub note: String,
    pub key: Option<u8>,
    pub emergency: bool,
    pub keep_off: bool,
    /// The groups' ids.
    pub groups: Vec<String>,
    /// Numbers that are meant as they are: “keep as it is”.
    pub keep: Vec<String>,
    /// Numbers that are meant though somebody else has them: “keep both”.
    pub both: Vec<String>,
    /// The friend when the form was drawn, to see what somebody else changed since.
    pub seen: String,
}

/// One number as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    pub number: String,
    /// Which of the friend's numbers it is; empty for a new one.
    pub id: String,
    /// One of [`LABELS`], or empty.
    pub label: String,
}

impl Person {
    /// An empty form.
    pub fn blank() -> Self {
        Self {
            lines: vec![Line::default()],
            ..Self::default()
        }
    }

    /// The form of a friend.
    pub fn of(subscriber: SubscriberId, friend: &Friend) -> Self {
        let label = |label: Option<Label>| {
            let known = LABELS.iter().find(|(_, l)| Some(*l) == label);
            known.map(|(name, _)| (*name).to_owned())
        };
        let lines = friend.numbers.iter().map(|number| Line {
            number: number.typed.clone(),
            id: number.no.0.to_string(),
            label: label(number.label).unwrap_or_default(),
        });
        let groups = friend.groups.iter();
        Self {
            name: friend.name.clone(),
            lines: lines.collect(),
            sort_as: friend.sort_as.clone().unwrap_or_default(),
            note: friend.note.clone().unwrap_or_default(),
            key: friend.speed_dial,
            emergency: friend.emergency,
            keep_off: friend.keep_off_phone,
            groups: groups.map(|no| group_id(subscriber, *no)).collect(),
            seen: serde_json::to_string(friend).unwrap_or_default(),
            ..Self::default()
        }
        .tidy()
    }

    /// A form as a browser sends it.
    pub fn read(pairs: Vec<(String, String)>) -> Self {
        let mut person = Self::default();
        let mut taken = None;
        for (key, value) in pairs {
            // The first line has no place behind its name.
            let (field, at) = key.split_once('.').unwrap_or((&key, "0"));
            let at = at.parse().ok().filter(|at| *at < LINES);
            match (field, at) {
                ("number", Some(at)) => person.line(at).number = value,
                ("id", Some(at)) => person.line(at).id = value,
                ("label", Some(at)) => person.line(at).label = value,
                ("name", _) => person.name = value,
                ("sort_as", _) => person.sort_as = value,
                ("note", _) => person.note = value,
                ("key", _) => person.key = value.parse().ok(),
                ("emergency", _) => person.emergency = true,
                ("keep_off", _) => person.keep_off = true,
                ("group", _) => person.groups.push(value),
                ("keep", _) => person.keep.push(value),
                ("both", _) => person.both.push(value),
                ("seen", _) => person.seen = value,
                ("take", _) => taken = taken_of(&value),
                _ => {}
            }
        }
        if let Some((at, keep, typed)) = taken
            && let Some(line) = person.lines.get_mut(at)
        {
            line.number.clone_from(&typed);
            person.keep.extend(keep.then_some(typed));
        }
        person.tidy()
    }

    fn line(&mut self, at: usize) -> &mut Line {
        if self.lines.len() <= at {
            self.lines.resize(at + 1, Line::default());
        }
        &mut self.lines[at]
    }

    /// Empty lines go; the first stays, so that there is one to write on.
    fn tidy(mut self) -> Self {
        self.lines.retain(|line| !line.number.trim().is_empty());
        if self.lines.is_empty() {
            self.lines.push(Line::default());
        }
        self
    }

    /// What it means. A number that is as it was is not asked about again.
    pub fn draft(&self, subscriber: SubscriberId, known: &[Number]) -> FriendDraft {
        let numbers = self.lines.iter().map(|line| {
            let label = LABELS.iter().find(|(name, _)| *name == line.label);
            NumberDraft {
                number: line.number.clone(),
                label: label.map(|(_, label)| *label),
                keep: self.keep.contains(&plain_digits(&line.number)) || line.is_of(known),
                no: line.no(),
            }
        });
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.trim().is_empty());
        FriendDraft {
            name: self.name.clone(),
            sort_as: text(&self.sort_as),
            numbers: numbers.collect(),
            note: text(&self.note),
            speed_dial: self.key,
            emergency: self.emergency,
            keep_off_phone: self.keep_off,
            groups: self
                .groups
                .iter()
                .filter_map(|g| group(subscriber, g))
                .collect(),
        }
    }

    /// Whether anything behind “More” is filled in.
    pub fn has_more(&self) -> bool {
        let filled = [&self.sort_as, &self.note];
        self.lines.len() > 1
            || self.lines.iter().any(|line| !line.label.is_empty())
            || filled.iter().any(|text| !text.trim().is_empty())
            || self.key.is_some()
            || self.emergency
            || self.keep_off
            || !self.groups.is_empty()
    }
}

impl Line {
    fn no(&self) -> Option<NumberNo> {
        self.id.parse().ok().map(NumberNo)
    }

    /// Whether it stands among these already, unchanged.
    pub fn is_of(&self, known: &[Number]) -> bool {
        let same = |n: &&Number| Some(n.no) == self.no() && n.typed == self.number;
        known.iter().any(|n| same(&n))
    }
}

/// The value of a button that takes a reading of line `at`.
pub fn taking(at: usize, keep: bool, typed: &str) -> String {
    format!("{at}:{}:{typed}", u8::from(keep))
}

fn taken_of(value: &str) -> Option<(usize, bool, String)> {
    let (at, rest) = value.split_once(':')?;
    let (keep, typed) = rest.split_once(':')?;
    Some((at.parse().ok()?, keep == "1", typed.to_owned()))
}

/// A group's number, if it is of this book.
pub fn group(subscriber: SubscriberId, id: &str) -> Option<GroupNo> {
    let (owner, no) = parse_group_id(id)?;
    (owner == subscriber).then_some(no)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Person {
        let pairs = pairs.iter().map(|(k, v)| ((*k).into(), (*v).into()));
        Person::read(pairs.collect())
    }

    #[test]
    fn lines_are_read_by_their_place_and_empty_ones_go() {
        let check = |pairs: &[(&str, &str)], expected: &[&str]| {
            let person = read(pairs);
            let numbers: Vec<_> = person.lines.iter().map(|line| &line.number).collect();
            assert_eq!(numbers, expected, "{pairs:?}");
        };
        check(&[], &[""]);
        check(&[("number", " ")], &[""]);
        check(&[("number.1", "2"), ("number", "1")], &["1", "2"]);
        check(
            &[("number", ""), ("number.1", "2"), ("number.99", "3")],
            &["2"],
        );
        check(&[("number", "O1"), ("take", "0:1:01:2")], &["01:2"]);
    }

    #[test]
    fn a_friend_comes_back_from_her_form_as_she_was() {
        let subscriber = SubscriberId(1);
        let number = |no, typed: &str, label| Number {
            no: NumberNo(no),
            typed: typed.into(),
            normal: None,
            post_dial: None,
            label,
        };
        let friend = Friend {
            name: "单老师".into(),
            sort_as: Some("Shan".into()),
            numbers: vec![
                number(7, "112", None),
                number(9, "020 7946 0123", Some(Label::Work)),
            ],
            note: Some("two\nlines".into()),
            speed_dial: Some(3),
            emergency: true,
            groups: [GroupNo(2)].into(),
            ..Friend::default()
        };
        let draft = Person::of(subscriber, &friend).draft(subscriber, &friend.numbers);
        let mut expected = FriendDraft::from(&friend);
        // What stands there unchanged is not asked about.
        expected.numbers.iter_mut().for_each(|n| n.keep = true);
        assert_eq!(draft, expected);
        let other = Person::of(SubscriberId(2), &friend).draft(subscriber, &friend.numbers);
        assert!(other.groups.is_empty(), "another book's groups");
    }
}
