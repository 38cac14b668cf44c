//! Secured packets, from the card's side (TS 102 225 §5.1 and §5.2, TS 31.115 §4).

use subtle::ConstantTimeEq;

use super::keys::{Integrity, Key};
use super::script::Outcome;

/// What the card says of a packet (TS 102 225 table 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Accepted.
    Ok = 0x00,
    /// The checksum is not the one of these octets.
    ChecksumFailed = 0x01,
    /// The counter was used before.
    CounterLow = 0x02,
    /// The counter is more than one higher.
    CounterHigh = 0x03,
    /// The counter is at its end.
    CounterBlocked = 0x04,
    /// The packet cannot be deciphered.
    CipheringError = 0x05,
    /// Any other fault of its security.
    SecurityError = 0x06,
    /// The packet does not fit the card.
    NoMemory = 0x07,
    /// No application has this reference.
    TarUnknown = 0x09,
    /// The packet is less secure than the card demands.
    LevelTooLow = 0x0A,
}

/// The key set of a card.
pub struct Keys {
    /// For ciphering.
    pub kic: Key,
    /// For checksums.
    pub kid: Key,
}

/// The head of a command packet, and its body as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// What the packet says of its own security and of the answer's.
    pub spi: [u8; 2],
    /// Key and algorithm of the ciphering.
    pub kic: u8,
    /// Key and algorithm of the checksum.
    pub kid: u8,
    /// Which application it is for.
    pub tar: [u8; 3],
    /// CPL to TAR.
    head: Vec<u8>,
    /// From CNTR on, perhaps ciphered.
    body: Vec<u8>,
}

/// Octets of SPI, KIc, KID, TAR, CNTR and PCNTR: what CHL counts besides the checksum.
const FIXED: usize = 13;

impl Command {
    /// Reads the head; `None` when the lengths do not agree with each other or with the octets that came.
    pub fn read(packet: &[u8]) -> Option<Self> {
        let command = Self::read_head(packet)?;
        let (length, rest) = packet.split_first_chunk::<2>()?;
        (usize::from(u16::from_be_bytes(*length)) == rest.len()).then_some(command)
    }

    /// Reads the head of a packet whose end may not have come.
    pub fn read_head(packet: &[u8]) -> Option<Self> {
        let (head, body) = packet.split_at_checked(10)?;
        let &[_, _, chl, spi1, spi2, kic, kid, t0, t1, t2] = head else {
            return None;
        };
        let checksum = usize::from(chl).checked_sub(FIXED)?;
        (matches!(checksum, 0 | 2 | 4 | 8) && body.len() >= 6 + checksum).then(|| Self {
            spi: [spi1, spi2],
            kic,
            kid,
            tar: [t0, t1, t2],
            head: head.to_vec(),
            body: body.to_vec(),
        })
    }

    /// Whether the packet says that it is ciphered.
    pub fn is_ciphered(&self) -> bool {
        self.spi[0] & 0x04 != 0
    }

    /// What the packet says of its counter: 0 to 3 as [`super::kind::CounterRule`].
    pub fn counter_mode(&self) -> u8 {
        self.spi[0] >> 3 & 3
    }

    /// Deciphers and checks; also gives the counter of a packet that fails, as far as it can be read.
    pub fn open(&self, keys: &Keys) -> (u64, Result<Vec<u8>, Status>) {
        let Some((counter, clear)) = self.clear(keys) else {
            return (0, Err(Status::CipheringError));
        };
        (counter, self.checked(&clear, keys))
    }

    /// The body in clear, and its counter.
    fn clear(&self, keys: &Keys) -> Option<(u64, Vec<u8>)> {
        let clear = if self.is_ciphered() {
            if !keys.kic.is_named_by(self.kic) {
                return None;
            }
            keys.kic.decipher(&self.body)?
        } else {
            self.body.clone()
        };
        let &[a, b, c, d, e] = clear.first_chunk::<5>()?;
        Some((u64::from_be_bytes([0, 0, 0, a, b, c, d, e]), clear))
    }

    fn checked(&self, clear: &[u8], keys: &Keys) -> Result<Vec<u8>, Status> {
        let integrity =
            Integrity::of(self.spi[0], self.kid, &keys.kid).ok_or(Status::SecurityError)?;
        let told = self.head.get(2).map_or(0, |chl| usize::from(*chl));
        if told != FIXED + integrity.length() {
            return Err(Status::SecurityError);
        }
        let (counters, rest) = clear.split_at_checked(6).ok_or(Status::SecurityError)?;
        let (checksum, data) = rest
            .split_at_checked(integrity.length())
            .ok_or(Status::SecurityError)?;
        let covered = [&self.head, counters, data].concat();
        if !bool::from(integrity.over(&covered, &keys.kid).ct_eq(checksum)) {
            return Err(Status::ChecksumFailed);
        }
        let padding = counters.last().map_or(0, |pcntr| usize::from(*pcntr));
        data.len()
            .checked_sub(padding)
            .and_then(|length| data.get(..length))
            .map(<[u8]>::to_vec)
            .ok_or(Status::SecurityError)
    }

    /// The counter of a packet whose end has not come.
    pub fn first_counter(&self, keys: &Keys) -> u64 {
        let whole = self.body.len() - self.body.len() % keys.kic.block();
        let cut = Self {
            body: self.body.get(..whole).unwrap_or_default().to_vec(),
            ..self.clone()
        };
        cut.clear(keys).map_or(0, |(counter, _)| counter)
    }
}

/// The proof of receipt for a command; `None` when none is asked for or when it cannot be protected as asked.
///
/// `outcome` is given with [`Status::Ok`] only. The octets begin with RPL.
pub fn respond(
    command: &Command,
    keys: &Keys,
    counter: u64,
    status: Status,
    outcome: Option<&Outcome>,
) -> Option<Vec<u8>> {
    let spi2 = command.spi[1];
    match spi2 & 3 {
        1 => {}
        2 if status != Status::Ok => {}
        _ => return None,
    }
    let integrity = Integrity::of(spi2 >> 2, command.kid, &keys.kid)?;
    let ciphered = spi2 & 0x10 != 0;
    if ciphered && !keys.kic.is_named_by(command.kic) {
        return None;
    }
    let mut data = Vec::new();
    if let Some(outcome) = outcome {
        data.push(outcome.commands);
        data.extend(outcome.sw.to_be_bytes());
        data.extend_from_slice(&outcome.data);
    }
    let plain = 7 + integrity.length() + data.len();
    let padding = match ciphered {
        true => plain.next_multiple_of(keys.kic.block()) - plain,
        false => 0,
    };
    data.resize(data.len() + padding, 0);
    let mut head = ((4 + plain + padding) as u16).to_be_bytes().to_vec();
    head.push((10 + integrity.length()) as u8);
    head.extend(command.tar);
    let mut counters = counter.to_be_bytes().get(3..).unwrap_or_default().to_vec();
    counters.extend([padding as u8, status as u8]);
    // The answer's checksum covers the header octets before RPL as well (TS 31.115 §4.5).
    let covered = [&[0x02, 0x71, 0x00], &head[..], &counters, &data].concat();
    let secured = [counters, integrity.over(&covered, &keys.kid), data].concat();
    head.extend(match ciphered {
        true => keys.kic.encipher(&secured),
        false => secured,
    });
    Some(head)
}

/// User data that carries a response packet: one message, or parts with an 8-bit reference (TS 31.115 §4.5).
pub fn user_data(response: &[u8], reference: u8) -> Vec<Vec<u8>> {
    if response.len() <= 137 {
        return vec![[&[0x02, 0x71, 0x00], response].concat()];
    }
    let (first, rest) = response.split_at_checked(132).unwrap_or((response, &[]));
    let pieces: Vec<&[u8]> = std::iter::once(first).chain(rest.chunks(134)).collect();
    let total = pieces.len() as u8;
    let part = |(piece, number): (&&[u8], u8)| match number {
        1 => [&[7, 0, 3, reference, total, 1, 0x71, 0], *piece].concat(),
        _ => [&[5, 0, 3, reference, total, number], *piece].concat(),
    };
    pieces.iter().zip(1..).map(part).collect()
}

#[cfg(test)]
#[path = "packet_tests.rs"]
mod tests;
