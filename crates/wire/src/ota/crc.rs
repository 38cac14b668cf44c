//! RC: the redundancy checks (ETSI TS 102 225 §5.1.3.2; the CRCs of ISO/IEC 13239). They find damage, not forgery.

use crc::{CRC_16_IBM_SDLC, CRC_32_ISO_HDLC, Crc};

const CRC16: Crc<u16> = Crc::<u16>::new(&CRC_16_IBM_SDLC);
const CRC32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// CRC-16 over the pieces in order; 22EC for 01 02 03 04 05.
pub fn crc16(pieces: &[&[u8]]) -> u16 {
    let mut digest = CRC16.digest();
    pieces.iter().for_each(|piece| digest.update(piece));
    digest.finalize()
}

/// CRC-32 over the pieces in order; 470B99F4 for 01 02 03 04 05.
pub fn crc32(pieces: &[&[u8]]) -> u32 {
    let mut digest = CRC32.digest();
    pieces.iter().for_each(|piece| digest.update(piece));
    digest.finalize()
}
