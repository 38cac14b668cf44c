//! One-time codes: 6 digits, 10 minutes, once, 3 tries, bound to a purpose and a subject (DECISIONS.md, “codes and PIN”).

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// What a code is for; a code of one purpose is worth nothing for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Logging in to the portal.
    Portal,
    /// Proving oneself in a call.
    Desk,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Portal => "portal",
            Self::Desk => "desk",
        }
    }
}

/// How long a code lives, ms.
pub const LIFE: i64 = 10 * 60_000;
/// How often it may be guessed wrong.
pub const TRIES: u8 = 3;

/// A code as it is stored: never its digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    purpose: Purpose,
    subject: String,
    hash: String,
    expires: i64,
    tries_left: u8,
}

/// What a try came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// Right; the code is used up.
    Right,
    /// Wrong; so many tries are left.
    Wrong(u8),
    /// Too old, or tried too often: a new code is needed.
    Over,
}

impl Code {
    /// A new code for `subject` (a number, or a call). `digits` are six random ones, `pepper` the server's.
    pub fn new(purpose: Purpose, subject: &str, digits: &str, pepper: &[u8], now: i64) -> Self {
        Self {
            purpose,
            subject: subject.to_owned(),
            hash: data_encoding::HEXLOWER.encode(&hash(purpose, subject, digits, pepper)),
            expires: now + LIFE,
            tries_left: TRIES,
        }
    }

    /// When it may be thrown away, ms UTC.
    pub fn expires(&self) -> i64 {
        self.expires
    }

    /// Tries left.
    pub fn tries_left(&self) -> u8 {
        self.tries_left
    }

    /// Tries `digits`; spaces in them do not count. The changed code must be stored before the answer is given.
    pub fn check(
        &mut self,
        purpose: Purpose,
        subject: &str,
        digits: &str,
        pepper: &[u8],
        now: i64,
    ) -> Tried {
        if now >= self.expires || self.tries_left == 0 {
            return Tried::Over;
        }
        let plain: String = digits.chars().filter(|c| !c.is_whitespace()).collect();
        let tried = data_encoding::HEXLOWER.encode(&hash(purpose, subject, &plain, pepper));
        self.tries_left -= 1;
        if tried.as_bytes().ct_eq(self.hash.as_bytes()).into() {
            self.tries_left = 0;
            return Tried::Right;
        }
        Tried::Wrong(self.tries_left)
    }
}

fn hash(purpose: Purpose, subject: &str, digits: &str, pepper: &[u8]) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(pepper) else {
        return Vec::new(); // HMAC takes keys of any length
    };
    for part in [purpose.as_str(), subject, digits] {
        mac.update(part.as_bytes());
        mac.update(&[0]);
    }
    mac.finalize().into_bytes().to_vec()
}

/// Six digits from random bits.
pub fn digits(random: u64) -> String {
    format!("{:06}", random % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code() -> Code {
        Code::new(Purpose::Portal, "+447700900101", "482913", b"pepper", 0)
    }

    #[track_caller]
    fn check(code: &mut Code, digits: &str, now: i64, wanted: Tried) {
        let tried = code.check(Purpose::Portal, "+447700900101", digits, b"pepper", now);
        assert_eq!(tried, wanted);
    }

    #[test]
    fn once_and_with_spaces() {
        let mut code = code();
        check(&mut code, "482 913", 1, Tried::Right);
        check(&mut code, "482913", 2, Tried::Over);
    }

    #[test]
    fn three_tries_and_ten_minutes() {
        let mut guessed = code();
        for left in [2, 1, 0] {
            check(&mut guessed, "000000", 1, Tried::Wrong(left));
        }
        check(&mut guessed, "482913", 1, Tried::Over);
        check(&mut code(), "482913", LIFE, Tried::Over);
    }

    #[test]
    fn worth_nothing_for_another_purpose_subject_or_server() {
        let mut other = code();
        let tried = other.check(Purpose::Desk, "+447700900101", "482913", b"pepper", 1);
        assert_eq!(tried, Tried::Wrong(2));
        let tried = other.check(Purpose::Portal, "+447700900102", "482913", b"pepper", 1);
        assert_eq!(tried, Tried::Wrong(1));
        let tried = other.check(Purpose::Portal, "+447700900101", "482913", b"other", 1);
        assert_eq!(tried, Tried::Wrong(0));
    }
}
