//! Sealed secrets: OTA keys, gateway passwords, the pepper, under one master key.
//!
//! A sealed value is `1 ‖ nonce(24) ‖ XChaCha20-Poly1305(plain)`, with its purpose as associated data, so that a value
//! that was copied from one column to another does not open.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod file;
mod secret;

pub use secret::Secret;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The form of a sealed value; another first octet is from a newer Kith.
const FORM: u8 = 1;
const NONCE: usize = 24;

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The file cannot be read or made.
    #[error("the master key {path} cannot be {what}: {why}", path = path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// `read` or `created`.
        what: &'static str,
        /// The system's words.
        why: std::io::Error,
    },
    /// Others than its owner may read the file.
    #[error("the master key {path} can be read by others (mode {mode:03o}): run `chmod 600 {path}`", path = path.display())]
    Readable {
        /// Where.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not 32 octets in hex.
    #[error(
        "the master key in {0} is not 64 hex digits: restore it from your own copy, a new key cannot open what the old one sealed"
    )]
    Malformed(String),
    /// Another master key, another purpose, or damage.
    #[error(
        "what is sealed for `{0}` does not open: it was sealed with another master key, or it is damaged"
    )]
    Sealed(String),
}

/// The key of everything. It never prints, and is wiped when dropped.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// The key in `path`; made there (mode 0600) when there is none.
    ///
    /// # Errors
    /// When others can read the file, it does not hold 64 hex digits, or it cannot be read or made.
    pub fn from_file(path: &Path) -> Result<Self, VaultError> {
        file::load(path)?.map_or_else(|| file::create(path), Ok)
    }

    /// The key as 64 hex digits, from the environment variable `name` (which the sentence names).
    ///
    /// # Errors
    /// [`VaultError::Malformed`].
    pub fn from_hex(name: &str, digits: &str) -> Result<Self, VaultError> {
        let mut key = Zeroizing::new([0; 32]);
        hex::decode_to_slice(digits.trim(), key.as_mut())
            .map_err(|_| VaultError::Malformed(name.to_owned()))?;
        Ok(Self(key))
    }

    /// Seals `plain` for `purpose` (say `terminal keys`); two sealings of the same differ.
    ///
    /// # Panics
    /// When the system gives no random octets: nothing can be kept secret then.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE];
        #[allow(clippy::expect_used)] // "Panics", above.
        getrandom::fill(&mut nonce).expect("the system gives random octets");
        let payload = Payload {
            msg: plain,
            aad: purpose.as_bytes(),
        };
        #[allow(clippy::expect_used)] // Fails only beyond 256 GiB.
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            .expect("memory holds what is sealed");
        [&[FORM], &nonce[..], &sealed].concat()
    }

    /// Opens what [`MasterKey::seal`] sealed for the same purpose.
    ///
    /// # Errors
    /// [`VaultError::Sealed`].
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Secret, VaultError> {
        let plain = || {
            let (nonce, msg) = sealed.strip_prefix(&[FORM])?.split_first_chunk::<NONCE>()?;
            let payload = Payload {
                msg,
                aad: purpose.as_bytes(),
            };
            self.cipher().decrypt(&XNonce::from(*nonce), payload).ok()
        };
        plain()
            .map(Secret::new)
            .ok_or_else(|| VaultError::Sealed(purpose.to_owned()))
    }

    /// What passwords, PINs and codes are hashed with, so that the store alone does not let them be guessed.
    pub fn pepper(&self) -> Secret {
        Secret::new(self.derive("pepper").to_vec())
    }

    /// Another key for `label`: HMAC-SHA256(master, label) (RFC 2104). The labels `pepper` and `seal` are taken.
    pub fn derive(&self, label: &str) -> Zeroizing<[u8; 32]> {
        #[allow(clippy::expect_used)] // Fails for no length (RFC 2104 §2).
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_ref()).expect("HMAC takes any key");
        mac.update(label.as_bytes());
        Zeroizing::new(mac.finalize().into_bytes().into())
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        let key = self.derive("seal");
        XChaCha20Poly1305::new((&*key).into())
    }
}

/// Prints nothing of the key.
impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

#[cfg(test)]
mod tests;
