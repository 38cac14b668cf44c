//! The order of a book: Latin and Chinese names interleave, A–Z (DECISIONS.md, “sort order”).

use crate::{Book, Friend, pinyin};
use icu_collator::{CollatorBorrowed, options::CollatorOptions};
use icu_locale_core::locale;
use std::cmp::Ordering;
use std::sync::LazyLock;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

static ROOT: LazyLock<Option<CollatorBorrowed<'static>>> = LazyLock::new(|| {
    CollatorBorrowed::try_new(locale!("und").into(), CollatorOptions::default()).ok()
});
static CHINESE: LazyLock<Option<CollatorBorrowed<'static>>> = LazyLock::new(|| {
    CollatorBorrowed::try_new(locale!("zh").into(), CollatorOptions::default()).ok()
});

fn compare(collator: &Option<CollatorBorrowed<'static>>, a: &str, b: &str) -> Ordering {
    collator
        .as_ref()
        .map_or_else(|| a.cmp(b), |c| c.compare(a, b))
}

/// What a name is sorted by: `sort_as`, else the name with pinyin for Han (surname table first). Han in `sort_as` is
/// read too.
pub fn sort_text(name: &str, sort_as: Option<&str>) -> String {
    let chars: Vec<char> = sort_as.unwrap_or(name).chars().collect();
    let mut text = String::new();
    let mut after_han = false;
    for (at, c) in chars.iter().enumerate() {
        let syllable = pinyin::reading(&chars, at);
        if (syllable.is_some() || after_han) && !text.is_empty() && !text.ends_with(' ') {
            text.push(' ');
        }
        after_han = syllable.is_some();
        match syllable {
            Some(syllable) => text.push_str(syllable),
            None => text.push(*c),
        }
    }
    text
}

/// The letter under which a friend stands, A–Z, or `#`.
pub fn letter(friend: &Friend) -> char {
    let text = sort_text(&friend.name, friend.sort_as.as_deref());
    let first = text
        .nfkd()
        .find(|c| c.is_alphanumeric() && !is_combining_mark(*c));
    first
        .map(|c| c.to_ascii_uppercase())
        .filter(char::is_ascii_uppercase)
        .unwrap_or('#')
}

/// All friends by name.
pub fn by_name(book: &Book) -> Vec<&Friend> {
    sorted(book.friends.values(), |_| 0)
}

/// All friends as a list shows them: emergency first, then keys 2–9, then by name (SCREENS.md §4).
pub fn listed(book: &Book) -> Vec<&Friend> {
    sorted(book.friends.values(), |f| {
        match (f.emergency, f.speed_dial) {
            (true, _) => 0,
            (false, Some(key)) => key,
            (false, None) => 10,
        }
    })
}

fn sorted<'a>(
    friends: impl Iterator<Item = &'a Friend>,
    rank: fn(&Friend) -> u8,
) -> Vec<&'a Friend> {
    let mut keyed: Vec<_> = friends
        .map(|f| (rank(f), sort_text(&f.name, f.sort_as.as_deref()), f))
        .collect();
    keyed.sort_by(|(rank_a, key_a, a), (rank_b, key_b, b)| {
        rank_a
            .cmp(rank_b)
            .then_with(|| compare(&ROOT, key_a, key_b))
            .then_with(|| compare(&CHINESE, &a.name, &b.name))
            .then_with(|| a.no.cmp(&b.no))
    });
    keyed.into_iter().map(|(_, _, friend)| friend).collect()
}
