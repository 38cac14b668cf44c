//! Passwords: Argon2id (RFC 9106 §4, the second recommended choice scaled to OWASP's minimum), as PHC strings.

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq;

/// The fewest characters of a password (NIST SP 800-63B-4 §3.1.1.2 asks for 15 where it is the only proof; here each
/// try is counted and the tenth failure in a row locks the account).
pub const SHORTEST: usize = 10;
/// The most octets: longer ones cost time and prove nothing more.
pub const LONGEST: usize = 256;
/// Octets of salt.
pub const SALT: usize = 16;
/// Octets of the sum.
const SUM: usize = 32;

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
fn params() -> Params {
    Params::new(19 * 1024, 2, 1, None).unwrap_or_default()
}

fn argon2(params: Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The memory of one sum, used again for the next: a fresh 19 MiB each time would stay with the allocator.
#[derive(Default)]
pub struct Memory(Vec<Block>);

impl Memory {
    fn blocks(&mut self, params: &Params) -> &mut [Block] {
        self.0.resize_with(params.block_count(), Block::default);
        &mut self.0
    }
}

/// The PHC string of `password`; `salt` is random. Takes some 20 ms: never on a thread that serves others.
///
/// # Errors
/// [`PasswordError`].
pub fn hash(
    password: &str,
    salt: &[u8; SALT],
    memory: &mut Memory,
) -> Result<String, PasswordError> {
    if password.chars().count() < SHORTEST {
        return Err(PasswordError::Short);
    }
    if password.len() > LONGEST {
        return Err(PasswordError::Long);
    }
    let params = params();
    let mut sum = [0; SUM];
    let blocks = memory.blocks(&params);
    argon2(params.clone())
        .hash_password_into_with_memory(password.as_bytes(), salt, &mut sum, blocks)
        .map_err(|_| PasswordError::Unusable)?;
    let unusable = |_| PasswordError::Unusable;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: (&params).try_into().map_err(unusable)?,
        salt: Some(Salt::new(salt).map_err(|_| PasswordError::Unusable)?),
        hash: Some(Output::new(&sum).map_err(|_| PasswordError::Unusable)?),
    };
    Ok(hash.to_string())
}

/// Whether `password` is the one of `hash`. With no hash it takes as long and is never right, so that nobody learns
/// from the time who has an account.
pub fn is(password: &str, hash: Option<&str>, memory: &mut Memory) -> bool {
    const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlz$8sHGeTqgVB9O/v/PBZIKoFyJ/9J/EYnXo1HwRr3j0lc";
    let Ok(known) = PasswordHash::new(hash.unwrap_or(NOBODY)) else {
        return false;
    };
    let (Ok(params), Some(salt), Some(wanted)) =
        (Params::try_from(&known), &known.salt, &known.hash)
    else {
        return false;
    };
    let password = password.get(..LONGEST).unwrap_or(password).as_bytes();
    let mut sum = vec![0; wanted.len()];
    let blocks = memory.blocks(&params);
    let done =
        argon2(params).hash_password_into_with_memory(password, salt.as_ref(), &mut sum, blocks);
    let same: bool = sum.ct_eq(wanted.as_bytes()).into();
    done.is_ok() && same && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_wrong_and_nobody() {
        let memory = &mut Memory::default();
        let hash = hash("three small words", &[7; SALT], memory).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(is("three small words", Some(&hash), memory));
        assert!(!is("three small word", Some(&hash), memory));
        assert!(!is("three small words", None, memory));
        assert!(!is("three small words", Some("no hash"), memory));
    }

    #[test]
    fn short_ones_are_refused() {
        let memory = &mut Memory::default();
        assert_eq!(
            hash("ninechars", &[0; SALT], memory),
            Err(PasswordError::Short)
        );
        assert_eq!(
            hash(&"x".repeat(257), &[0; SALT], memory),
            Err(PasswordError::Long)
        );
    }

    #[test]
    fn nobody_s_hash_is_one() {
        let nobody = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlz$8sHGeTqgVB9O/v/PBZIKoFyJ/9J/EYnXo1HwRr3j0lc";
        assert!(PasswordHash::new(nobody).is_ok());
    }
}
