//! Ciphering and checksums of both packets (ETSI TS 102 225 §5.1.2, §5.1.3): zero IV, a fresh key schedule each time.

use super::{
    crc::{crc16, crc32},
    error::{DecodeError, KeyError, Octet},
    keys::{Algorithm, KeySet},
    spi::Integrity,
};
use aes::{Aes128Dec, Aes128Enc, Aes192Dec, Aes192Enc, Aes256Dec, Aes256Enc};
use cbc::{
    Decryptor, Encryptor,
    cipher::{
        Array, Block, BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt,
        InnerIvInit, KeyInit, inout::InOutBuf,
    },
};
use cmac::{Cmac, Mac};
use des::{Des, TdesEde2, TdesEde3};
use subtle::ConstantTimeEq;

/// What stands in a packet's RC/CC/DS field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    None,
    Crc16,
    Crc32,
    Cc(Algorithm),
}

/// A checksum of up to 8 octets.
pub(super) struct Sum {
    octets: [u8; 8],
    len: usize,
}

impl Check {
    /// What the SPI bits and the KID octet ask for together.
    pub fn of(integrity: Integrity, kid_byte: u8) -> Result<Self, KeyError> {
        match integrity {
            Integrity::None => Ok(Self::None),
            Integrity::Rc => match kid_byte & 0x0F {
                0x1 => Ok(Self::Crc16),
                0x5 => Ok(Self::Crc32),
                _ => Err(KeyError::Algorithm {
                    octet: Octet::Kid,
                    byte: kid_byte,
                }),
            },
            Integrity::Cc => Algorithm::of_kid(kid_byte).map(Self::Cc),
            Integrity::Ds => Err(KeyError::Signature),
        }
    }

    /// Octets it takes in the header.
    pub fn octets(self) -> usize {
        match self {
            Self::None => 0,
            Self::Crc16 => 2,
            Self::Crc32 => 4,
            Self::Cc(_) => 8,
        }
    }

    /// The checksum over the pieces in order.
    pub fn sum(self, keys: &KeySet, pieces: &[&[u8]]) -> Result<Sum, KeyError> {
        let mut octets = [0; 8];
        match self {
            Self::None => {}
            Self::Crc16 => fill(&mut octets, &crc16(pieces).to_be_bytes()),
            Self::Crc32 => fill(&mut octets, &crc32(pieces).to_be_bytes()),
            Self::Cc(algorithm) => octets = cryptographic(algorithm, keys.kid.expose(), pieces)?,
        }
        Ok(Sum {
            octets,
            len: self.octets(),
        })
    }
}

impl Sum {
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or(&[])
    }

    /// Constant time, so that an answer's time says nothing about how much of a forged checksum was right.
    pub fn check(&self, received: &[u8]) -> Result<(), DecodeError> {
        if self.octets().ct_eq(received).into() {
            Ok(())
        } else {
            Err(DecodeError::Integrity)
        }
    }
}

fn fill(to: &mut [u8], from: &[u8]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}

fn cryptographic(algorithm: Algorithm, key: &[u8], pieces: &[&[u8]]) -> Result<[u8; 8], KeyError> {
    let sum = match (algorithm, key.len()) {
        (Algorithm::Des, _) => cbc_mac::<Des>(key, pieces),
        (Algorithm::TripleDes2, _) => cbc_mac::<TdesEde2>(key, pieces),
        (Algorithm::TripleDes3, _) => cbc_mac::<TdesEde3>(key, pieces),
        (Algorithm::Aes, _) => cmac(key, pieces).map(|sum| {
            let mut first = [0; 8];
            fill(&mut first, &sum);
            first
        }),
        (Algorithm::DesEcb, _) => None,
    };
    sum.ok_or(KeyError::Mismatch {
        octet: Octet::Kid,
        algorithm,
        octets: key.len(),
    })
}

/// AES-CMAC (NIST SP 800-38B) over the pieces in order, whole: a CC is its first 8 octets. `None` unless the key has 16, 24 or 32.
pub fn cmac(key: &[u8], pieces: &[&[u8]]) -> Option<[u8; 16]> {
    fn over<M: Mac<OutputSize = cbc::cipher::consts::U16> + KeyInit>(
        key: &[u8],
        pieces: &[&[u8]],
    ) -> Option<[u8; 16]> {
        let mut mac = <M as KeyInit>::new_from_slice(key).ok()?;
        pieces.iter().for_each(|piece| mac.update(piece));
        Some(mac.finalize().into_bytes().into())
    }
    match key.len() {
        16 => over::<Cmac<Aes128Enc>>(key, pieces),
        24 => over::<Cmac<Aes192Enc>>(key, pieces),
        32 => over::<Cmac<Aes256Enc>>(key, pieces),
        _ => None,
    }
}

/// The last block of CBC with zero padding; the padding is not sent.
fn cbc_mac<C: BlockCipherEncrypt<BlockSize = cbc::cipher::consts::U8> + KeyInit>(
    key: &[u8],
    pieces: &[&[u8]],
) -> Option<[u8; 8]> {
    let cipher = C::new_from_slice(key).ok()?;
    let mut block = Block::<C>::default();
    let mut at = 0;
    for octet in pieces.iter().copied().flatten() {
        if at == block.len() {
            cipher.encrypt_block(&mut block);
            at = 0;
        }
        if let Some(place) = block.get_mut(at) {
            *place ^= octet;
        }
        at += 1;
    }
    cipher.encrypt_block(&mut block);
    Some(block.into())
}

/// Ciphers whole blocks in place.
pub(super) fn encipher(
    algorithm: Algorithm,
    keys: &KeySet,
    data: &mut [u8],
) -> Result<(), KeyError> {
    let key = keys.kic.expose();
    let done = match (algorithm, key.len()) {
        (Algorithm::Des, _) => encrypt::<Des>(key, data),
        (Algorithm::TripleDes2, _) => encrypt::<TdesEde2>(key, data),
        (Algorithm::TripleDes3, _) => encrypt::<TdesEde3>(key, data),
        (Algorithm::Aes, 16) => encrypt::<Aes128Enc>(key, data),
        (Algorithm::Aes, 24) => encrypt::<Aes192Enc>(key, data),
        (Algorithm::Aes, _) => encrypt::<Aes256Enc>(key, data),
        (Algorithm::DesEcb, _) => Des::new_from_slice(key).ok().map(|des| {
            des.encrypt_blocks_inout(InOutBuf::from(data).into_chunks().0);
        }),
    };
    done.ok_or(KeyError::Mismatch {
        octet: Octet::Kic,
        algorithm,
        octets: key.len(),
    })
}

/// Deciphers whole blocks in place.
pub(super) fn decipher(
    algorithm: Algorithm,
    keys: &KeySet,
    data: &mut [u8],
) -> Result<(), DecodeError> {
    if !data.len().is_multiple_of(algorithm.block()) {
        return Err(DecodeError::Blocks {
            octets: data.len(),
            block: algorithm.block(),
        });
    }
    let key = keys.kic.expose();
    let done = match (algorithm, key.len()) {
        (Algorithm::Des, _) => decrypt::<Des>(key, data),
        (Algorithm::TripleDes2, _) => decrypt::<TdesEde2>(key, data),
        (Algorithm::TripleDes3, _) => decrypt::<TdesEde3>(key, data),
        (Algorithm::Aes, 16) => decrypt::<Aes128Dec>(key, data),
        (Algorithm::Aes, 24) => decrypt::<Aes192Dec>(key, data),
        (Algorithm::Aes, _) => decrypt::<Aes256Dec>(key, data),
        (Algorithm::DesEcb, _) => Des::new_from_slice(key).ok().map(|des| {
            des.decrypt_blocks_inout(InOutBuf::from(data).into_chunks().0);
        }),
    };
    Ok(done.ok_or(KeyError::Mismatch {
        octet: Octet::Kic,
        algorithm,
        octets: key.len(),
    })?)
}

fn encrypt<C: BlockCipherEncrypt + KeyInit>(key: &[u8], data: &mut [u8]) -> Option<()> {
    let cipher = C::new_from_slice(key).ok()?;
    Encryptor::inner_iv_init(cipher, &Array::default())
        .encrypt_blocks_inout(InOutBuf::from(data).into_chunks().0);
    Some(())
}

fn decrypt<C: BlockCipherDecrypt + KeyInit>(key: &[u8], data: &mut [u8]) -> Option<()> {
    let cipher = C::new_from_slice(key).ok()?;
    Decryptor::inner_iv_init(cipher, &Array::default())
        .decrypt_blocks_inout(InOutBuf::from(data).into_chunks().0);
    Some(())
}

/// Zero octets that fill `octets` up to the block.
pub(super) fn padding(octets: usize, block: usize) -> usize {
    octets.next_multiple_of(block) - octets
}
