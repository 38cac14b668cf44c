//! A stream cut into PDUs by command_length (SMPP 3.4 §3.2): whole ones only, never by what a read happened to bring.

/// command_length, command_id, command_status, sequence_number.
const HEADER: usize = 16;
/// More than any PDU that an ESME gets: a message_payload is at most 64 KiB.
const MOST: usize = 66 * 1024;

/// One PDU: its header, and the octets behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// command_id.
    pub command: u32,
    /// command_status.
    pub status: u32,
    /// sequence_number.
    pub sequence: u32,
    /// What stands behind the header.
    pub body: Vec<u8>,
}

/// The stream cannot be cut any more: answer generic_nack 02 and close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a PDU says that it is {length} octets long, which no PDU is: the stream is out of step")]
pub struct OutOfStep {
    /// The command_length.
    pub length: u32,
    /// The sequence number behind it, 0 when it has not come.
    pub sequence: u32,
}

/// What came and is not cut yet.
#[derive(Debug, Default)]
pub struct Frames {
    octets: Vec<u8>,
    at: usize,
}

impl Frames {
    /// More octets from the peer.
    pub fn push(&mut self, octets: &[u8]) {
        if self.at > 0 && self.at == self.octets.len() {
            self.octets.clear();
            self.at = 0;
        } else if self.at > MOST {
            self.octets.drain(..self.at);
            self.at = 0;
        }
        self.octets.extend_from_slice(octets);
    }

    /// The next whole PDU, if it is there.
    ///
    /// # Errors
    /// [`OutOfStep`] for a length below 16 or absurd; nothing more can be read from this stream.
    pub fn take(&mut self) -> Result<Option<Frame>, OutOfStep> {
        let rest = self.octets.get(self.at..).unwrap_or_default();
        let Some(length) = word(rest, 0) else {
            return Ok(None);
        };
        let size = usize::try_from(length).unwrap_or(usize::MAX);
        if !(HEADER..=MOST).contains(&size) {
            let sequence = word(rest, 12).unwrap_or(0);
            return Err(OutOfStep { length, sequence });
        }
        let (Some(frame), Some(command), Some(status), Some(sequence)) = (
            rest.get(..size),
            word(rest, 4),
            word(rest, 8),
            word(rest, 12),
        ) else {
            return Ok(None);
        };
        let body = frame.get(HEADER..).unwrap_or_default().to_vec();
        self.at += size;
        Ok(Some(Frame {
            command,
            status,
            sequence,
            body,
        }))
    }
}

fn word(octets: &[u8], at: usize) -> Option<u32> {
    let word = octets.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_be_bytes(word))
}
