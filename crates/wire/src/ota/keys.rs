//! Keys and the two octets that name them: KIc (ETSI TS 102 225 §5.1.2) and KID (§5.1.3).

use super::error::{KeyError, Octet};
use std::fmt;
use zeroize::Zeroize;

/// One key. It wipes itself, and never prints itself.
#[derive(Clone)]
pub struct Key {
    octets: [u8; 32],
    len: usize,
}

impl Key {
    /// Takes 8, 16, 24 or 32 octets, or none where the SPI needs no key.
    /// # Errors
    /// `Size` for any other length.
    pub fn new(key: &[u8]) -> Result<Self, KeyError> {
        if !matches!(key.len(), 0 | 8 | 16 | 24 | 32) {
            return Err(KeyError::Size { octets: key.len() });
        }
        let mut octets = [0; 32];
        octets
            .iter_mut()
            .zip(key)
            .for_each(|(to, from)| *to = *from);
        Ok(Self {
            octets,
            len: key.len(),
        })
    }

    /// The key itself, for the ciphers and for sealing it.
    pub fn expose(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or(&[])
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.octets.zeroize();
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} octets, hidden)", self.len)
    }
}

/// What the low half of KIc or KID names. Which AES it is, the key's length says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Single DES in CBC: weak.
    Des,
    /// Single DES in ECB, KIc only: weak.
    DesEcb,
    /// Triple DES with two keys, outer CBC.
    TripleDes2,
    /// Triple DES with three keys, outer CBC.
    TripleDes3,
    /// AES in CBC (KIc) or CMAC (KID).
    Aes,
}

impl Algorithm {
    /// What a KIc octet names.
    /// # Errors
    /// `Algorithm` for “known to both sides” (00), proprietary (11) and reserved ones.
    pub fn of_kic(byte: u8) -> Result<Self, KeyError> {
        match byte & 0x0F {
            0x1 => Ok(Self::Des),
            0x5 => Ok(Self::TripleDes2),
            0x9 => Ok(Self::TripleDes3),
            0xD => Ok(Self::DesEcb),
            0x2 => Ok(Self::Aes),
            _ => Err(KeyError::Algorithm {
                octet: Octet::Kic,
                byte,
            }),
        }
    }

    /// What a KID octet names for a cryptographic checksum (ECB is KIc's only).
    /// # Errors
    /// As [`Algorithm::of_kic`].
    pub fn of_kid(byte: u8) -> Result<Self, KeyError> {
        match Self::of_kic(byte) {
            Ok(Self::DesEcb) | Err(_) => Err(KeyError::Algorithm {
                octet: Octet::Kid,
                byte,
            }),
            ok => ok,
        }
    }

    /// The cipher's block, 8 or 16 octets.
    pub fn block(self) -> usize {
        if self == Self::Aes { 16 } else { 8 }
    }

    /// Single DES, in whatever mode.
    pub fn is_weak(self) -> bool {
        matches!(self, Self::Des | Self::DesEcb)
    }

    /// The key lengths it takes, in words.
    pub fn key_sizes(self) -> &'static str {
        match self {
            Self::Des | Self::DesEcb => "8 octets",
            Self::TripleDes2 => "16 octets",
            Self::TripleDes3 => "24 octets",
            Self::Aes => "16, 24 or 32 octets",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Des => "single DES",
            Self::DesEcb => "single DES in ECB",
            Self::TripleDes2 => "triple DES with two keys",
            Self::TripleDes3 => "triple DES with three keys",
            Self::Aes => "AES",
        })
    }
}

/// The keys of one card application and the octets that name them in a packet (high half: key index).
#[derive(Clone, Debug)]
pub struct KeySet {
    /// The ciphering key.
    pub kic: Key,
    /// The integrity key.
    pub kid: Key,
    /// The KIc octet.
    pub kic_byte: u8,
    /// The KID octet; with RC it names the CRC and no key is used.
    pub kid_byte: u8,
    /// Whether the card profile allows sending with single DES and ECB. Reading is always allowed.
    pub allow_weak: bool,
}

impl KeySet {
    /// Keys and octets as a card's papers give them; weak ciphers not allowed.
    /// # Errors
    /// `Size` for a key length that no cipher has. Whether keys and octets fit, the packet's SPI decides (`encode`).
    pub fn new(kic: &[u8], kid: &[u8], kic_byte: u8, kid_byte: u8) -> Result<Self, KeyError> {
        Ok(Self {
            kic: Key::new(kic)?,
            kid: Key::new(kid)?,
            kic_byte,
            kid_byte,
            allow_weak: false,
        })
    }
}
