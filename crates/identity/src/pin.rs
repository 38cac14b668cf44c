//! A PIN of six digits: it only ever adds to a verified call and opens nothing alone (DECISIONS.md, “codes and PIN”).
//! Stored salted, peppered and stretched: six digits alone would be guessed from a copy of the store in a moment.

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

/// Salt octets (RFC 9106 §3.1).
pub const SALT: usize = 16;
const HASH: usize = 32;
/// OWASP's least for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// A PIN as it is stored: never its digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    salt: String,
    hash: String,
}

/// What was given is no PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("A PIN has six digits, and nothing else")]
pub struct NoPin;

impl Pin {
    /// The PIN of these digits. `salt` is fresh chance, `pepper` the server's.
    ///
    /// # Errors
    /// [`NoPin`] unless it is six digits.
    pub fn new(digits: &str, salt: [u8; SALT], pepper: &[u8]) -> Result<Self, NoPin> {
        let right = digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit());
        let hash = right.then(|| stretch(digits, &salt, pepper)).flatten();
        Ok(Self {
            salt: data_encoding::HEXLOWER.encode(&salt),
            hash: data_encoding::HEXLOWER.encode(&hash.ok_or(NoPin)?),
        })
    }

    /// Whether these are the digits. As slow as a guess must be: try it off the threads that answer.
    pub fn is(&self, digits: &str, pepper: &[u8]) -> bool {
        let tried = data_encoding::HEXLOWER
            .decode(self.salt.as_bytes())
            .ok()
            .and_then(|salt| stretch(digits, &salt, pepper));
        tried.is_some_and(|tried| {
            let tried = data_encoding::HEXLOWER.encode(&tried);
            tried.as_bytes().ct_eq(self.hash.as_bytes()).into()
        })
    }
}

fn stretch(digits: &str, salt: &[u8], pepper: &[u8]) -> Option<[u8; HASH]> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(HASH)).ok()?;
    let argon =
        Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, params).ok()?;
    let mut hash = [0; HASH];
    argon
        .hash_password_into(digits.as_bytes(), salt, &mut hash)
        .ok()?;
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_digits_of_this_owner_and_server() {
        let pin = Pin::new("482913", [7; SALT], b"pepper").unwrap();
        for (digits, pepper, right) in [
            ("482913", &b"pepper"[..], true),
            ("482914", b"pepper", false),
            ("482913", b"other", false),
            ("", b"pepper", false),
        ] {
            assert_eq!(pin.is(digits, pepper), right, "{digits}");
        }
        assert_ne!(pin, Pin::new("482913", [8; SALT], b"pepper").unwrap());
    }

    #[test]
    fn anything_else_is_none() {
        for digits in ["", "12345", "1234567", "12345a", "１２３４５６", "12 456"] {
            let tried = Pin::new(digits, [0; SALT], b"pepper");
            assert_eq!(tried, Err(NoPin), "{digits}");
        }
    }
}
