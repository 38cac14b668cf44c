//! Passwords: Argon2id (RFC 9106 §4, the second recommended choice scaled to OWASP's minimum), as PHC strings.

use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};

/// The fewest characters of a password (NIST SP 800-63B-4 §3.1.1.2 asks for 15 where it is the only proof; here each
/// try is counted and the tenth failure in a row locks the account).
pub const SHORTEST: usize = 10;
/// The most octets: longer ones cost time and prove nothing more.
pub const LONGEST: usize = 256;
/// Octets of salt.
pub const SALT: usize = 16;

/// Why a password cannot be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too short.
    #[error("A password has at least 10 characters. Three words are easy to remember")]
    Short,
    /// Too long.
    #[error("A password has at most 256 octets")]
    Long,
    /// The library could not.
    #[error("This password could not be kept. Choose another one")]
    Unusable,
}

/// 19 MiB, two passes, one lane: OWASP's first row.
fn argon2() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The PHC string of `password`; `salt` is random. Takes some 20 ms: never on a thread that serves others.
///
/// # Errors
/// [`PasswordError`].
pub fn hash(password: &str, salt: &[u8; SALT]) -> Result<String, PasswordError> {
    if password.chars().count() < SHORTEST {
        return Err(PasswordError::Short);
    }
    if password.len() > LONGEST {
        return Err(PasswordError::Long);
    }
    let hash = argon2().hash_password_with_salt(password.as_bytes(), salt);
    hash.map(|hash: PasswordHash| hash.to_string())
        .map_err(|_| PasswordError::Unusable)
}

/// Whether `password` is the one of `hash`. With no hash it takes as long and is never right, so that nobody learns
/// from the time who has an account.
pub fn is(password: &str, hash: Option<&str>) -> bool {
    const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlz$8sHGeTqgVB9O/v/PBZIKoFyJ/9J/EYnXo1HwRr3j0lc";
    let known = hash.is_some();
    let Ok(hash) = PasswordHash::new(hash.unwrap_or(NOBODY)) else {
        return false;
    };
    let password = password.get(..LONGEST).unwrap_or(password).as_bytes();
    argon2().verify_password(password, &hash).is_ok() && known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_wrong_and_nobody() {
        let hash = hash("three small words", &[7; SALT]).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(is("three small words", Some(&hash)));
        assert!(!is("three small word", Some(&hash)));
        assert!(!is("three small words", None));
        assert!(!is("three small words", Some("no hash")));
    }

    #[test]
    fn short_ones_are_refused() {
        assert_eq!(hash("ninechars", &[0; SALT]), Err(PasswordError::Short));
        assert_eq!(hash(&"x".repeat(257), &[0; SALT]), Err(PasswordError::Long));
    }

    #[test]
    fn nobody_s_hash_is_one() {
        let nobody = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlz$8sHGeTqgVB9O/v/PBZIKoFyJ/9J/EYnXo1HwRr3j0lc";
        assert!(PasswordHash::new(nobody).is_ok());
    }
}
