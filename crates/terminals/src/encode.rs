//! A planned packet as the short messages that carry it, and the answer to it (3GPP TS 31.115; TS 23.040).

use wire::ota::Envelope;

/// Octets of user data of a secured packet with `script` octets of script, headers included, in all its parts.
pub(crate) fn ota_octets(envelope: &Envelope, script: usize) -> usize {
    // CPL CHL SPI KIc KID TAR, then CNTR PCNTR, checksum and script in whole blocks (ETSI TS 102 225 §5.1).
    let packet = 10 + (6 + envelope.checksum + script).div_ceil(envelope.block) * envelope.block;
    let parts = envelope.parts_for(script).unwrap_or(0);
    let concatenation = if envelope.ref_bits == wire::ota::RefBits::Sixteen {
        6
    } else {
        5
    };
    let headers = match parts {
        1 => 3,
        n if envelope.ie70_everywhere => n * (3 + concatenation),
        n => n * (1 + concatenation) + 2,
    };
    packet + headers
}
