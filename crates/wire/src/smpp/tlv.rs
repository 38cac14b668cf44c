//! Optional parameters (SMPP 3.4 §3.2.4, §5.3): tag, length, value. Those that are not known are kept and skipped.

/// Optional parameters in the order they came, raw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tlvs(pub Vec<(u16, Vec<u8>)>);

/// message_payload: user data in place of short_message.
pub const MESSAGE_PAYLOAD: u16 = 0x0424;
/// receipted_message_id: a C octet string.
pub const RECEIPTED_MESSAGE_ID: u16 = 0x001E;
/// message_state: one octet.
pub const MESSAGE_STATE: u16 = 0x0427;
/// network_error_code: type, then u16.
pub const NETWORK_ERROR_CODE: u16 = 0x0423;

impl Tlvs {
    /// Reads to the end; nothing when a length runs past it.
    pub(super) fn read(mut octets: &[u8]) -> Option<Self> {
        let mut list = Vec::new();
        while !octets.is_empty() {
            let (head, rest) = octets.split_at_checked(4)?;
            let tag = u16::from_be_bytes([*head.first()?, *head.get(1)?]);
            let length = usize::from(u16::from_be_bytes([*head.get(2)?, *head.get(3)?]));
            let (value, rest) = rest.split_at_checked(length)?;
            list.push((tag, value.to_vec()));
            octets = rest;
        }
        Some(Self(list))
    }

    pub(super) fn write(&self, to: &mut Vec<u8>) {
        for (tag, value) in &self.0 {
            to.extend(tag.to_be_bytes());
            to.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
            to.extend(value);
        }
    }

    /// The first value of this tag.
    pub fn get(&self, tag: u16) -> Option<&[u8]> {
        let mut list = self.0.iter();
        list.find(|(t, _)| *t == tag).map(|(_, value)| &value[..])
    }
}
