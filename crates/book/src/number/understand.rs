//! What a typed number means: one reading, two readings, or a sentence about what is wrong.

use super::read::{self, Length, Parsed, Unread};
use super::{Number, plain};
use serde::{Deserialize, Serialize};

/// What kind of number it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A mobile.
    Mobile,
    /// A fixed line.
    Fixed,
    /// The plan does not tell (North America).
    FixedOrMobile,
    /// Free of charge.
    Free,
    /// Expensive.
    Premium,
    /// Another kind of the plan (shared cost, personal, VoIP).
    Special,
    /// A short code or a code with `*` and `#`, kept as dialled.
    Service,
    /// Not in the plan, kept as dialled.
    Unknown,
}

/// A doubt that a person may overrule (“keep as it is”).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// Fewer digits than any number there.
    TooShort,
    /// More digits than any number there.
    TooLong,
}

/// One way to read what was typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// What to store as typed when this reading is chosen.
    pub typed: String,
    /// E.164, when it is a valid full number.
    pub normal: Option<String>,
    /// `p…` or `w…`.
    pub post_dial: Option<String>,
    /// What kind.
    pub kind: Kind,
    /// The country, when known.
    pub region: Option<String>,
    /// A doubt about its length.
    pub doubt: Option<Doubt>,
    /// The draft that chooses this reading must say `keep`.
    pub keep: bool,
}

/// What was understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Understood {
    /// One reading.
    Clear(Reading),
    /// Two, to be asked: never guessed (DECISIONS.md, “number without region”).
    TwoReadings {
        /// The first.
        a: Reading,
        /// The second.
        b: Reading,
    },
}

/// Why it is no number at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum NumberError {
    /// Nothing was typed.
    #[error("Write the number")]
    Empty,
    /// Letters.
    #[error("A number has digits, and may have + * #. “{letter}” in “{typed}” is not one of them{}", zero(*.letter))]
    Letters {
        /// All of it.
        typed: String,
        /// The first letter.
        letter: char,
    },
    /// A sign that nothing dials, or one at the wrong place.
    #[error(
        "A number has digits, and may have + * #, with + only in front. “{sign}” in “{typed}” cannot stand there"
    )]
    Sign {
        /// All of it.
        typed: String,
        /// The first such sign.
        sign: char,
    },
}

fn zero(letter: char) -> &'static str {
    if matches!(letter, 'o' | 'O') {
        "; “O” may be zero"
    } else {
        ""
    }
}

/// Reads `typed` as somebody in `region` (two letters) means it.
///
/// # Errors
/// [`NumberError`] when it cannot be a number; doubts about its length are in the reading.
pub fn understand(typed: &str, region: &str) -> Result<Understood, NumberError> {
    let shown = plain::ascii(typed);
    let (base, post_dial) = plain::split(&shown);
    check_signs(&shown, &base, post_dial.as_deref())?;
    let kept = |kind, doubt| Reading {
        typed: shown.clone(),
        normal: None,
        post_dial: post_dial.clone(),
        kind,
        region: None,
        doubt,
        keep: false,
    };
    if base.contains(['*', '#']) {
        return Ok(Understood::Clear(kept(Kind::Service, None)));
    }
    let known = |parsed: &Parsed, typed: &str| Reading {
        typed: typed.to_owned(),
        normal: parsed.valid.then(|| parsed.e164.clone()),
        post_dial: post_dial.clone(),
        kind: parsed.kind,
        region: parsed.region.clone(),
        doubt: None,
        keep: false,
    };
    let with_post = |number: &str| format!("{number}{}", post_dial.as_deref().unwrap_or_default());
    let base = old_mexican(&base, region);

    let read = read::parse(&base, region);
    if let Some(typed_digits) = base.strip_prefix('+') {
        return Ok(match read {
            // +44 (0)20 …: the zero is dropped inside this plan, but somebody wrote it (SCREENS.md §5).
            Ok(parsed) if parsed.valid && zero_dropped(&parsed.e164, typed_digits) => {
                Understood::TwoReadings {
                    a: known(&parsed, &with_post(&parsed.e164)),
                    b: Reading {
                        typed: with_post(&base),
                        keep: true,
                        ..kept(Kind::Unknown, None)
                    },
                }
            }
            Ok(parsed) if parsed.valid => Understood::Clear(known(&parsed, &shown)),
            Ok(parsed) => Understood::Clear(kept(Kind::Unknown, doubt(parsed.length))),
            Err(unread) => Understood::Clear(kept(Kind::Unknown, unread_doubt(unread))),
        });
    }
    // A country code without plus, while the digits could be a number inside the country too (CASES C30).
    if let (Some(inside), Ok(abroad)) = (
        national_reading(&base, region),
        read::parse(&format!("+{base}"), region),
    ) && abroad.valid
        && inside.e164 != abroad.e164
    {
        return Ok(Understood::TwoReadings {
            a: Reading {
                normal: Some(inside.e164.clone()),
                ..known(&inside, &with_post(&inside.e164))
            },
            b: known(&abroad, &with_post(&abroad.e164)),
        });
    }
    Ok(Understood::Clear(match read {
        // Never another country than the subscriber's by accident (CASES C26): only behind its prefix for abroad.
        Ok(parsed) if parsed.valid => known(&parsed, &shown),
        _ if is_short_code(&base, region) => kept(Kind::Service, None),
        read => match base
            .strip_prefix("00")
            .map(|rest| read::parse(&format!("+{rest}"), region))
        {
            Some(Ok(abroad)) if abroad.valid => known(&abroad, &shown),
            _ => match read {
                Ok(parsed) => kept(
                    Kind::Unknown,
                    chinese_mobile(&base, region).or(doubt(parsed.length)),
                ),
                Err(unread) => kept(Kind::Unknown, unread_doubt(unread)),
            },
        },
    }))
}

/// The digits as they stand, as a number inside the country, if they begin with its own calling code and may be one.
fn national_reading(base: &str, region: &str) -> Option<Parsed> {
    let code = read::country_code(region)?.to_string();
    let parsed = base
        .starts_with(&code)
        .then(|| read::parse_national(base, region))??;
    (parsed.length == Length::Full).then_some(parsed)
}

fn check_signs(shown: &str, base: &str, post_dial: Option<&str>) -> Result<(), NumberError> {
    let odd = |typed: &str, sign: char| {
        let typed = typed.to_owned();
        let sign = shown
            .chars()
            .find(|c| c.to_lowercase().eq(sign.to_lowercase()))
            .unwrap_or(sign);
        if sign.is_alphabetic() {
            NumberError::Letters {
                typed,
                letter: sign,
            }
        } else {
            NumberError::Sign { typed, sign }
        }
    };
    let mut before = None;
    for c in base.chars() {
        match c {
            '0'..='9' | '*' | '#' => {}
            '+' if matches!(before, None | Some('*' | '#')) => {}
            _ => return Err(odd(shown, c)),
        }
        before = Some(c);
    }
    if let Some(c) = post_dial
        .unwrap_or_default()
        .chars()
        .find(|c| !matches!(c, '0'..='9' | '*' | '#' | 'p' | 'w'))
    {
        return Err(odd(shown, c));
    }
    if base.chars().any(|c| matches!(c, '0'..='9' | '*' | '#')) {
        Ok(())
    } else {
        Err(NumberError::Empty)
    }
}

/// Every mobile in China has 11 digits (SCREENS.md §5); the plan's data also knows shorter numbers that begin so.
fn chinese_mobile(base: &str, region: &str) -> Option<Doubt> {
    let mobile = region.eq_ignore_ascii_case("CN") && base.starts_with('1') && base.len() >= 7;
    match base.len().cmp(&11) {
        std::cmp::Ordering::Less if mobile => Some(Doubt::TooShort),
        std::cmp::Ordering::Greater if mobile => Some(Doubt::TooLong),
        _ => None,
    }
}

/// 112, 999, 10086, 95588: dialled as they are. Numbers inside a town are told from them by their zero or their length.
fn is_short_code(base: &str, region: &str) -> bool {
    let longest = if region.eq_ignore_ascii_case("CN")
        && ["95", "96", "12", "10"].iter().any(|p| base.starts_with(p))
    {
        8
    } else {
        6
    };
    !base.starts_with('0') && (2..=longest).contains(&base.len())
}

/// Mexico dropped the `1` after +52 and the prefixes 044 and 045 before mobiles in 2020; people still write them.
fn old_mexican(base: &str, region: &str) -> String {
    let ten = |rest: &&str| rest.len() == 10 && rest.bytes().all(|b| b.is_ascii_digit());
    if let Some(rest) = base.strip_prefix("+521").filter(ten) {
        return format!("+52{rest}");
    }
    let mobile = ["044", "045", "01"]
        .iter()
        .find_map(|p| base.strip_prefix(p))
        .filter(ten);
    match mobile {
        Some(rest) if region.eq_ignore_ascii_case("MX") => rest.to_owned(),
        _ => base.to_owned(),
    }
}

fn zero_dropped(e164: &str, typed_digits: &str) -> bool {
    let normal = e164.trim_start_matches('+');
    let same = normal
        .bytes()
        .zip(typed_digits.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    let (Some(normal), Some(typed)) = (normal.get(same..), typed_digits.get(same..)) else {
        return false;
    };
    typed.strip_prefix('0') == Some(normal)
}

fn doubt(length: Length) -> Option<Doubt> {
    match length {
        Length::Full => None,
        Length::Short => Some(Doubt::TooShort),
        Length::Long => Some(Doubt::TooLong),
    }
}

fn unread_doubt(unread: Unread) -> Option<Doubt> {
    match unread {
        Unread::Short => Some(Doubt::TooShort),
        Unread::Long => Some(Doubt::TooLong),
        Unread::NoCountry => None,
    }
}

impl Number {
    /// Keys by which two numbers are compared: the same `exact` is the same line; the same `loose` may be (CASES C24).
    pub fn likeness(&self) -> (String, String) {
        let exact = self.main();
        // Argentina's mobiles have a 9 after +54 for calls and none for SMS.
        let loose = match exact.strip_prefix("+549") {
            Some(rest) if rest.len() == 10 => format!("+54{rest}"),
            _ => exact.clone(),
        };
        (exact, loose)
    }
}
