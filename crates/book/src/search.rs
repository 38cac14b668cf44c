//! Search by name, digits, full pinyin and initials (PEOPLE.md §4): a prefix a syllable, never any subsequence.

use crate::{Book, Friend, order, pinyin, plain_digits};
use std::collections::BTreeSet;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The friends that a query finds, names that begin with it first; an empty query finds all.
pub fn search<'a>(book: &'a Book, query: &str) -> Vec<&'a Friend> {
    let mut found: Vec<_> = order::listed(book)
        .into_iter()
        .filter_map(|f| Some((rank(f, query)?, f)))
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, friend)| friend).collect()
}

/// Whether a query finds a friend.
pub fn finds(friend: &Friend, query: &str) -> bool {
    rank(friend, query).is_some()
}

/// 0 at the beginning of the name, 1 elsewhere in it, 2 in a number.
fn rank(friend: &Friend, query: &str) -> Option<usize> {
    let plain = plain_digits(query);
    let pieces: Vec<String> = plain
        .split_whitespace()
        .map(fold)
        .filter(|p| !p.is_empty())
        .collect();
    let names: Vec<Vec<Syllable>> = std::iter::once(&friend.name)
        .chain(&friend.sort_as)
        .map(|n| syllables(n))
        .collect();
    let by_name = pieces
        .iter()
        .map(|piece| names.iter().filter_map(|name| place(name, piece)).min());
    let by_name: Option<Vec<usize>> = by_name.collect();
    match by_name {
        Some(places) => Some(places.first().copied().unwrap_or(0).min(1)),
        None if has_number(friend, &plain) => Some(2),
        // A name and a number together: “mei 0770”.
        None => pieces
            .iter()
            .all(|piece| {
                names.iter().any(|name| place(name, piece).is_some()) || has_number(friend, piece)
            })
            .then_some(2),
    }
}

/// Lower case, without marks and signs.
fn fold(text: &str) -> String {
    text.nfkd()
        .filter(|c| c.is_alphanumeric() && !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .collect()
}

/// What may be typed for one syllable of a name: the character itself, or its readings; a word of another script is one.
type Syllable = Vec<String>;

fn syllables(name: &str) -> Vec<Syllable> {
    let chars: Vec<char> = name.chars().collect();
    let mut all: Vec<Syllable> = Vec::new();
    let mut word = String::new();
    for (at, c) in chars.iter().enumerate() {
        let readings = pinyin::readings(&chars, at);
        if !readings.is_empty() || c.is_whitespace() || *c == '-' {
            push_word(&mut all, &mut word);
        }
        if readings.is_empty() {
            word.push(*c);
        } else {
            let mut ways = vec![c.to_string()];
            for reading in readings {
                ways.push(fold(reading));
                if reading.contains('ü') {
                    ways.push(reading.replace('ü', "v"));
                }
            }
            all.push(ways);
        }
    }
    push_word(&mut all, &mut word);
    all
}

fn push_word(all: &mut Vec<Syllable>, word: &mut String) {
    let folded = fold(&std::mem::take(word));
    if !folded.is_empty() {
        all.push(vec![folded]);
    }
}

/// The first syllable from which `piece` can be read.
fn place(name: &[Syllable], piece: &str) -> Option<usize> {
    (0..name.len()).find(|&at| reads(name.get(at..).unwrap_or_default(), piece))
}

/// Whether `piece` is made of one non-empty prefix of each of the next syllables: a walk over the ends reached so far,
/// so that no name makes it slow.
fn reads(name: &[Syllable], piece: &str) -> bool {
    let mut reached = BTreeSet::from([0]);
    for syllable in name {
        let mut next = BTreeSet::new();
        for &start in &reached {
            for way in syllable {
                let left = piece.get(start..).unwrap_or_default();
                let common = way.chars().zip(left.chars()).take_while(|(a, b)| a == b);
                next.extend(common.scan(start, |end, (c, _)| {
                    *end += c.len_utf8();
                    Some(*end)
                }));
            }
        }
        if next.contains(&piece.len()) {
            return true;
        }
        reached = next;
    }
    piece.is_empty()
}

/// Whether the digits of `query` stand in one of the numbers, in either form; nothing but a number may be in it.
fn has_number(friend: &Friend, query: &str) -> bool {
    if query.chars().any(char::is_alphabetic) {
        return false;
    }
    let digits = |text: &str| {
        text.chars()
            .filter(|c| c.is_ascii_digit() || matches!(c, '*' | '#'))
            .collect::<String>()
    };
    let wanted = digits(query);
    let inside = wanted.trim_start_matches('0');
    let has = |text: &str| text.contains(&wanted) || (inside.len() >= 3 && text.contains(inside));
    !wanted.is_empty()
        && friend
            .numbers
            .iter()
            .any(|n| has(&digits(&n.main())) || has(&digits(&n.base())))
}
