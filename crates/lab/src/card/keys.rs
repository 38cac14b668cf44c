//! The card's keys, and the algorithms that a packet may ask of them (TS 102 225 §5.1.2 and §5.1.3).

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256};
use cmac::{Cmac, Mac};
use crc::{CRC_16_IBM_SDLC, CRC_32_ISO_HDLC, Crc};
use des::{TdesEde2, TdesEde3};

use super::kind::Algorithm;

/// A block cipher with its key set.
enum Cipher {
    Aes128(Box<Aes128>),
    Aes192(Box<Aes192>),
    Aes256(Box<Aes256>),
    Tdes2(Box<TdesEde2>),
    Tdes3(Box<TdesEde3>),
}

/// A key of the card.
pub struct Key {
    octets: Vec<u8>,
    algorithm: Algorithm,
    cipher: Cipher,
}

macro_rules! on_block {
    ($cipher:expr, $block:expr, $way:ident) => {
        match $cipher {
            Cipher::Aes128(cipher) => on_block!(@ cipher, $block, $way),
            Cipher::Aes192(cipher) => on_block!(@ cipher, $block, $way),
            Cipher::Aes256(cipher) => on_block!(@ cipher, $block, $way),
            Cipher::Tdes2(cipher) => on_block!(@ cipher, $block, $way),
            Cipher::Tdes3(cipher) => on_block!(@ cipher, $block, $way),
        }
    };
    (@ $cipher:expr, $block:expr, $way:ident) => {
        if let Ok(block) = $block.try_into() {
            $cipher.$way(block);
        }
    };
}

impl Key {
    /// A key of `octets` for `algorithm`.
    ///
    /// # Errors
    /// A length that the algorithm does not have.
    pub fn new(octets: &[u8], algorithm: Algorithm) -> Result<Self, String> {
        fn made<C: KeyInit>(octets: &[u8]) -> Option<Box<C>> {
            C::new_from_slice(octets).ok().map(Box::new)
        }
        let cipher = match (algorithm, octets.len()) {
            (Algorithm::Aes, 16) => made(octets).map(Cipher::Aes128),
            (Algorithm::Aes, 24) => made(octets).map(Cipher::Aes192),
            (Algorithm::Aes, 32) => made(octets).map(Cipher::Aes256),
            (Algorithm::TripleDes, 16) => made(octets).map(Cipher::Tdes2),
            (Algorithm::TripleDes, 24) => made(octets).map(Cipher::Tdes3),
            _ => None,
        }
        .ok_or_else(|| {
            format!(
                "a key of {} octets does not fit: AES takes 16, 24 or 32, triple DES 16 or 24",
                octets.len()
            )
        })?;
        Ok(Self {
            octets: octets.to_vec(),
            algorithm,
            cipher,
        })
    }

    /// Octets of a block: 16 or 8.
    pub fn block(&self) -> usize {
        match self.algorithm {
            Algorithm::Aes => 16,
            Algorithm::TripleDes => 8,
        }
    }

    /// Whether a KIc or KID octet names this key's algorithm in its low nibble: 0 what both sides know, 2 AES,
    /// 5 triple DES with two keys, 9 with three. Single DES and ECB are refused.
    pub fn is_named_by(&self, octet: u8) -> bool {
        match (octet & 0x0F, self.algorithm) {
            (0x0, _) | (0x2, Algorithm::Aes) => true,
            (0x5, Algorithm::TripleDes) => self.octets.len() == 16,
            (0x9, Algorithm::TripleDes) => self.octets.len() == 24,
            _ => false,
        }
    }

    /// CBC with a zero initial vector; `None` when `text` is not whole blocks.
    pub fn decipher(&self, text: &[u8]) -> Option<Vec<u8>> {
        if !text.len().is_multiple_of(self.block()) {
            return None;
        }
        let mut before = vec![0; self.block()];
        let mut clear = Vec::with_capacity(text.len());
        for chunk in text.chunks_exact(self.block()) {
            let mut block = chunk.to_vec();
            on_block!(&self.cipher, block.as_mut_slice(), decrypt_block);
            clear.extend(block.iter().zip(&before).map(|(a, b)| a ^ b));
            before = chunk.to_vec();
        }
        Some(clear)
    }

    /// CBC with a zero initial vector; a short last block is filled with zeros.
    pub fn encipher(&self, text: &[u8]) -> Vec<u8> {
        let mut before = vec![0; self.block()];
        let mut out = Vec::with_capacity(text.len() + self.block());
        for chunk in text.chunks(self.block()) {
            for (place, octet) in before.iter_mut().zip(chunk) {
                *place ^= octet;
            }
            on_block!(&self.cipher, before.as_mut_slice(), encrypt_block);
            out.extend_from_slice(&before);
        }
        out
    }

    /// Cryptographic checksum: the first 8 octets of AES-CMAC, or the last block of a DES CBC-MAC over zero-filled blocks.
    pub fn checksum(&self, text: &[u8]) -> Vec<u8> {
        fn mac<M: Mac + KeyInit>(key: &[u8], text: &[u8]) -> Vec<u8> {
            let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else {
                return Vec::new();
            };
            mac.update(text);
            mac.finalize()
                .into_bytes()
                .iter()
                .take(8)
                .copied()
                .collect()
        }
        match &self.cipher {
            Cipher::Aes128(_) => mac::<Cmac<Aes128>>(&self.octets, text),
            Cipher::Aes192(_) => mac::<Cmac<Aes192>>(&self.octets, text),
            Cipher::Aes256(_) => mac::<Cmac<Aes256>>(&self.octets, text),
            Cipher::Tdes2(_) | Cipher::Tdes3(_) => {
                let all = self.encipher(text);
                all.get(all.len().saturating_sub(8)..)
                    .unwrap_or_default()
                    .to_vec()
            }
        }
    }
}

/// How a packet or its answer is protected against change (SPI bits 2 and 1, TS 102 225 §5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// Not at all.
    None,
    /// CRC-16 (ISO/IEC 13239).
    Crc16,
    /// CRC-32.
    Crc32,
    /// Cryptographic checksum.
    Cc,
}

impl Integrity {
    /// From two SPI bits and the KID octet; `None` for digital signatures and for algorithms that the key is not of.
    pub fn of(bits: u8, kid_octet: u8, kid: &Key) -> Option<Self> {
        match (bits & 3, kid_octet & 0x0F) {
            (0, _) => Some(Self::None),
            (1, 1) => Some(Self::Crc16),
            (1, 5) => Some(Self::Crc32),
            (2, _) if kid.is_named_by(kid_octet) => Some(Self::Cc),
            _ => None,
        }
    }

    /// Octets of the checksum field.
    pub fn length(self) -> usize {
        match self {
            Self::None => 0,
            Self::Crc16 => 2,
            Self::Crc32 => 4,
            Self::Cc => 8,
        }
    }

    /// The checksum of `text`.
    pub fn over(self, text: &[u8], kid: &Key) -> Vec<u8> {
        match self {
            Self::None => Vec::new(),
            Self::Crc16 => crc16(text).to_be_bytes().to_vec(),
            Self::Crc32 => Crc::<u32>::new(&CRC_32_ISO_HDLC)
                .checksum(text)
                .to_be_bytes()
                .to_vec(),
            Self::Cc => kid.checksum(text),
        }
    }
}

/// CRC-16 as TS 102 225 §5.1.3.2 wants it: the check value of 01 02 03 04 05 is 22EC.
fn crc16(text: &[u8]) -> u16 {
    Crc::<u16>::new(&CRC_16_IBM_SDLC).checksum(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_values_of_the_crcs() {
        let kid = Key::new(&[0; 16], Algorithm::Aes).unwrap();
        let text = [1, 2, 3, 4, 5];
        assert_eq!(Integrity::Crc16.over(&text, &kid), [0x22, 0xEC]);
        assert_eq!(Integrity::Crc32.over(&text, &kid), [0x47, 0x0B, 0x99, 0xF4]);
    }
}
