//! Numbers for the eye and for the ear.

use super::{Number, plain, read};
use crate::Language;

/// The number grouped for the eye: as written inside `region` if it belongs there, with `+` otherwise; what has no
/// normal form stays as typed.
pub fn spaced(number: &Number, region: &str) -> String {
    match number
        .normal
        .as_deref()
        .and_then(|normal| read::grouped(normal, region))
    {
        Some(shown) => match &number.post_dial {
            Some(post) => format!("{shown} {}", post.replace('p', ",").replace('w', ";")),
            None => shown,
        },
        None => number.typed.clone(),
    }
}

/// The groups of a read-back, in order (SCREENS.md §6): join with a comma.
pub type Spoken = Vec<String>;

/// The number as an agent reads it back: “oh double-seven, double-oh, nine double-oh, one two three”, “幺三九，零零零零，幺二三四”.
pub fn spoken(number: &Number, region: &str, language: Language) -> Spoken {
    let shown = match &number.normal {
        Some(normal) => read::grouped(normal, region).unwrap_or_else(|| normal.clone()),
        None => plain::split(&number.typed).0,
    };
    let mut groups: Spoken = shown
        .split(|c: char| !matches!(c, '0'..='9' | '+' | '*' | '#'))
        .filter(|group| !group.is_empty())
        .flat_map(breaths)
        .map(|group| say(&group, language))
        .collect();
    let post = number.post_dial.as_deref().unwrap_or_default();
    for part in post.split(['p', 'w']).filter(|part| !part.is_empty()) {
        groups.push(match language {
            Language::En => format!("then {}", say(part, language)),
            Language::ZhHans => format!("再拨{}", say(part, language)),
        });
    }
    groups
}

/// A group of more than four digits is said in two or more breaths of three, the first ones taking what is left over.
fn breaths(group: &str) -> Vec<String> {
    let signs: Vec<char> = group.chars().collect();
    let first = match signs.len() {
        _ if group.contains(['*', '#']) => return vec![group.to_owned()],
        0..=4 => return vec![group.to_owned()],
        5 | 11 => 3,
        8 => 4,
        n if n % 3 != 2 => 3,
        _ => 2,
    };
    let (head, tail) = signs.split_at(first);
    let mut parts = vec![head.iter().collect()];
    parts.extend(breaths(&tail.iter().collect::<String>()));
    parts
}

fn say(group: &str, language: Language) -> String {
    let signs: Vec<char> = group.chars().collect();
    if language == Language::ZhHans {
        return signs.iter().map(|c| chinese(*c)).collect();
    }
    let mut words: Vec<String> = Vec::new();
    let mut i = 0;
    while let Some(&sign) = signs.get(i) {
        let twice = sign.is_ascii_digit() && signs.get(i + 1) == Some(&sign);
        words.push(if twice {
            format!("double-{}", english(sign))
        } else {
            english(sign).to_owned()
        });
        i += if twice { 2 } else { 1 };
    }
    words.join(" ")
}

fn english(sign: char) -> &'static str {
    match sign {
        '0' => "oh",
        '1' => "one",
        '2' => "two",
        '3' => "three",
        '4' => "four",
        '5' => "five",
        '6' => "six",
        '7' => "seven",
        '8' => "eight",
        '9' => "nine",
        '+' => "plus",
        '*' => "star",
        _ => "hash",
    }
}

fn chinese(sign: char) -> &'static str {
    match sign {
        '0' => "零",
        '1' => "幺",
        '2' => "二",
        '3' => "三",
        '4' => "四",
        '5' => "五",
        '6' => "六",
        '7' => "七",
        '8' => "八",
        '9' => "九",
        '+' => "加",
        '*' => "星",
        _ => "井",
    }
}
