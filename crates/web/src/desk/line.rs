//! The line (SCREENS.md §6): one always-focused field in which an agent adds, changes, searches and commands. What was
//! typed goes in, what it means comes out; nothing is changed here.

use book::{Book, GroupNo, Label, Understood, understand};
use std::collections::BTreeSet;

/// What a line means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Nothing yet.
    Empty,
    /// `?`: all keys.
    Help,
    /// `/…`: who matches.
    Search(String),
    /// `.…`: a command by its word, as typed.
    Command(String),
    /// Plain text: somebody new.
    Add(Said),
    /// `= …`: something about the chosen person.
    Change(Said),
}

/// What was said about a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// Her name.
    pub name: Option<String>,
    /// The number, as typed.
    pub number: Option<String>,
    /// Which number it is.
    pub label: Option<Label>,
    /// Her key.
    pub key: Option<u8>,
    /// To be shown first.
    pub emergency: bool,
    /// Groups of this book.
    pub groups: BTreeSet<GroupNo>,
    /// A note.
    pub note: Option<String>,
    /// What was not understood: neither a kind, nor a key, nor a group of this book.
    pub unknown: Vec<String>,
}

/// Reads a line in the book that it is about.
pub fn read(typed: &str, book: &Book, region: &str) -> Line {
    let plain = plain(typed);
    let text = plain.trim();
    let Some(first) = text.chars().next() else {
        return Line::Empty;
    };
    let rest = text.get(first.len_utf8()..).unwrap_or_default();
    match first {
        '?' if rest.trim().is_empty() => Line::Help,
        '/' | '、' => Line::Search(rest.trim().to_owned()),
        '.' | '。' => Line::Command(rest.trim().to_lowercase()),
        '=' => Line::Change(said(rest, book, region)),
        _ => Line::Add(said(text, book, region)),
    }
}

/// Full-width digits, letters and signs count as plain ones (U+FF01–U+FF5E), and so does the ideographic space.
fn plain(typed: &str) -> String {
    typed
        .chars()
        .map(|c| match c {
            '\u{3000}' => ' ',
            '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
            c => c,
        })
        .collect()
}

fn said(text: &str, book: &Book, region: &str) -> Said {
    let mut said = Said::default();
    let mut parts = text.split([',', '、', ';', '；']);
    let head = parts.next().unwrap_or_default().trim();
    match number_in(head, region) {
        Some((name, number, rest)) => {
            said.name = some(name);
            said.number = Some(number.to_owned());
            said.words(rest, book);
        }
        // “= key 4”, “= family”: an attribute alone is no name.
        None if attribute(head, book).is_some() => said.take(head, book),
        None => said.name = some(head),
    }
    for part in parts {
        said.take(part, book);
    }
    said
}

impl Said {
    /// One attribute between commas.
    fn take(&mut self, text: &str, book: &Book) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        match attribute(text, book) {
            Some(Attribute::Label(label)) => self.label = Some(label),
            Some(Attribute::Key(key)) => self.key = Some(key),
            Some(Attribute::Emergency) => self.emergency = true,
            Some(Attribute::Group(group)) => {
                self.groups.insert(group);
            }
            Some(Attribute::Note(note)) => self.note = Some(note),
            None => self.unknown.push(text.to_owned()),
        }
    }

    /// What follows a number without a comma: one attribute, or several words that are one each.
    fn words(&mut self, text: &str, book: &Book) {
        let text = text.trim();
        if attribute(text, book).is_some() {
            return self.take(text, book);
        }
        let words: Vec<_> = text.split_whitespace().collect();
        let mut rest = &words[..];
        while let [word, more @ ..] = rest {
            // “key 3” is two words and one attribute.
            let pair = more.first().map(|next| format!("{word} {next}"));
            match pair.filter(|pair| attribute(pair, book).is_some()) {
                Some(pair) => {
                    self.take(&pair, book);
                    rest = more.get(1..).unwrap_or_default();
                }
                None => {
                    self.take(word, book);
                    rest = more;
                }
            }
        }
    }
}

enum Attribute {
    Label(Label),
    Key(u8),
    Emergency,
    Group(GroupNo),
    Note(String),
}

fn attribute(text: &str, book: &Book) -> Option<Attribute> {
    let text = text.trim();
    let small = text.to_lowercase();
    let label = match small.as_str() {
        "mobile" | "mob" | "cell" | "手机" => Some(Label::Mobile),
        "home" | "家" | "家里" | "家庭" => Some(Label::Home),
        "work" | "office" | "单位" | "公司" | "办公" => Some(Label::Work),
        "other" | "其他" => Some(Label::Other),
        _ => None,
    };
    if let Some(label) = label {
        return Some(Attribute::Label(label));
    }
    if matches!(small.as_str(), "emergency" | "sos" | "紧急") {
        return Some(Attribute::Emergency);
    }
    for word in ["key", "快捷键", "快捷", "键"] {
        let digit = small.strip_prefix(word).map(str::trim);
        if let Some(Ok(key)) = digit.map(str::parse) {
            return Some(Attribute::Key(key));
        }
    }
    for word in ["note", "备注"] {
        if let Some(note) = small.strip_prefix(word) {
            let note = note.trim_start_matches([':', ' ']);
            if !note.is_empty() {
                let tail = text.chars().rev().take(note.chars().count());
                return Some(Attribute::Note(
                    tail.collect::<Vec<_>>().iter().rev().collect(),
                ));
            }
        }
    }
    group(&small, book).map(Attribute::Group)
}

/// The group of this name, or the only one whose name begins so.
fn group(small: &str, book: &Book) -> Option<GroupNo> {
    if small.is_empty() {
        return None;
    }
    let names = || book.groups.values().map(|g| (g.no, g.name.to_lowercase()));
    if let Some((no, _)) = names().find(|(_, name)| name == small) {
        return Some(no);
    }
    let mut begin = names().filter(|(_, name)| name.starts_with(small));
    match (begin.next(), begin.next()) {
        (Some((no, _)), None) => Some(no),
        _ => None,
    }
}

/// What a number is written with.
fn is_dialled(c: char) -> bool {
    c.is_ascii_digit() || " +*#()-./".contains(c)
}

/// Splits `text` at its number: before, number, after. Of several places where it could begin (“Taxi 2 020 7946 0123”),
/// the first from which a valid number stands; else the first of all.
fn number_in<'a>(text: &'a str, region: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let mut first = None;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let begins = (c.is_ascii_digit() || "+*#(".contains(c))
            && !before.is_ascii_alphanumeric()
            && !"+*#(-./".contains(before);
        before = c;
        if !begins {
            continue;
        }
        let tail = text.get(at..)?;
        let mut length = tail.find(|c| !is_dialled(c)).unwrap_or(tail.len());
        // A letter in the middle of a number is a slip (“0770O 900123”) or an extension: it belongs to it.
        let stuck = tail.get(..length).is_some_and(|t| !t.ends_with(' '));
        if stuck
            && tail
                .get(length..)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
        {
            length = tail.len();
        }
        let (number, after) = tail.split_at_checked(length)?;
        let number = number.trim_end();
        if number.chars().filter(char::is_ascii_digit).count() < 2 {
            continue;
        }
        let found = (text.get(..at)?.trim(), number, after);
        first = first.or(Some(found));
        let valid = matches!(
            understand(number, region),
            Ok(Understood::Clear(reading)) if reading.normal.is_some() && reading.doubt.is_none()
        );
        if valid {
            return Some(found);
        }
    }
    first
}

fn some(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
