//! The owner's PIN: six digits that only ever add to a verified call; they open nothing alone (DECISIONS.md).

use crate::password::{self, Memory, PasswordError, SALT};

/// Its digits.
pub const DIGITS: usize = 6;

/// Whether `typed` can be a PIN: six digits.
pub fn is_pin(typed: &str) -> bool {
    typed.len() == DIGITS && typed.bytes().all(|b| b.is_ascii_digit())
}

/// What is stored: Argon2id over the digits with the server's pepper, for a million digits are soon tried.
///
/// # Errors
/// [`PasswordError::Unusable`] when the digits are no PIN.
pub fn hash(
    digits: &str,
    pepper: &[u8],
    salt: &[u8; SALT],
    memory: &mut Memory,
) -> Result<String, PasswordError> {
    if !is_pin(digits) {
        return Err(PasswordError::Unusable);
    }
    password::hash(&peppered(digits, pepper), salt, memory)
}

/// Whether these are the digits; spaces do not count.
pub fn is(digits: &str, pepper: &[u8], hash: Option<&str>, memory: &mut Memory) -> bool {
    let plain: String = digits.chars().filter(|c| !c.is_whitespace()).collect();
    password::is(&peppered(&plain, pepper), hash, memory)
}

fn peppered(digits: &str, pepper: &[u8]) -> String {
    format!("{digits}/{}", data_encoding::HEXLOWER.encode(pepper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_digits_and_right_server() {
        let memory = &mut Memory::default();
        let hash = hash("482913", b"pepper", &[1; SALT], memory).unwrap();
        assert!(is("482 913", b"pepper", Some(&hash), memory));
        assert!(!is("482914", b"pepper", Some(&hash), memory));
        assert!(!is("482913", b"other", Some(&hash), memory));
        assert!(!is("482913", b"pepper", None, memory));
    }

    #[test]
    fn six_digits() {
        for (typed, right) in [
            ("123456", true),
            ("12345", false),
            ("12345a", false),
            ("１２３４５６", false),
        ] {
            assert_eq!(is_pin(typed), right, "{typed}");
        }
    }
}
