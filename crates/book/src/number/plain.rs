//! From what a person typed to plain characters: ASCII digits and signs, and what is dialled after the call is up.

use unicode_normalization::UnicodeNormalization;

/// Zeros of the decimal digits that people's keyboards write (Unicode general category Nd).
const ZEROS: [char; 12] = [
    '\u{0660}', '\u{06F0}', '\u{07C0}', '\u{0966}', '\u{09E6}', '\u{0A66}', '\u{0AE6}', '\u{0BE6}',
    '\u{0C66}', '\u{0E50}', '\u{1040}', '\u{17E0}',
];

/// Words that stand before an extension.
const EXTENSIONS: [&str; 12] = [
    "extension",
    "extn",
    "ext",
    "доб",
    "转接",
    "轉接",
    "转",
    "轉",
    "分机",
    "分機",
    "内线",
    "x",
];

/// Native digits, full-width forms and typographic signs as ASCII; marks that nobody sees are gone; spacing stays.
pub fn ascii(typed: &str) -> String {
    typed
        .nfkc()
        .filter_map(one)
        .collect::<String>()
        .trim()
        .to_owned()
}

fn one(c: char) -> Option<char> {
    let digit = ZEROS
        .iter()
        .find_map(|&zero| (c as u32).checked_sub(zero as u32).filter(|&d| d < 10));
    Some(match (digit, c) {
        (Some(d), _) => char::from_digit(d, 10)?,
        (_, '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30FC}' | '\u{FE63}') => '-',
        (_, '、' | '،') => ',',
        (_, '；' | '؛') => ';',
        (_, '\u{2217}' | '\u{00D7}') => '*',
        (_, '\t') => ' ',
        (
            _,
            '\u{AD}'
            | '\u{61C}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{2069}'
            | '\u{FEFF}',
        ) => {
            return None;
        }
        (_, c) if c.is_whitespace() => ' ',
        (_, c) => c,
    })
}

/// Splits plain text (see [`ascii`]) into the number, without spacing, and the post-dial part:
/// `p` a pause (`,` `p`), `w` a wait (`;` `w`, an extension), digits, `*`, `#`. Neither is checked.
pub fn split(plain: &str) -> (String, Option<String>) {
    let lower = plain.to_lowercase();
    let lower = lower.strip_prefix("tel:").unwrap_or(&lower);
    let mut base = String::new();
    let mut post = String::new();
    let mut rest = lower;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let digits = base.chars().filter(char::is_ascii_digit).count();
        let pause = match c {
            ',' | 'p' => Some('p'),
            ';' | 'w' => Some('w'),
            _ => None,
        };
        if let Some(word) = EXTENSIONS
            .iter()
            .find(|w| rest.starts_with(**w) && digits >= 3)
        {
            let tail = rest[word.len()..].trim_start_matches(['.', ':', '=', ' ', '/', '-']);
            if tail.starts_with(|c: char| c.is_ascii_digit()) {
                if !post.ends_with('w') {
                    post.push('w');
                }
                rest = tail;
                continue;
            }
        }
        match pause {
            Some(pause) if digits > 0 || base.contains(['*', '#']) => post.push(pause),
            _ if matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '·' | '[' | ']') => {}
            _ if post.is_empty() => base.push(c),
            _ => post.push(c),
        }
        rest = after;
    }
    let post = post.trim_end_matches(['p', 'w']);
    (base, (!post.is_empty()).then(|| post.to_owned()))
}
