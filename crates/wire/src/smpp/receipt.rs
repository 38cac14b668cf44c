//! Delivery receipts (SMPP 3.4 §5.2.12, appendix B): optional parameters first, text second, both kept raw.

use super::Deliver;
use super::tlv::{MESSAGE_STATE, NETWORK_ERROR_CODE, RECEIPTED_MESSAGE_ID};

/// What a deliver_sm tells of an earlier message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The message's id, as it came.
    pub id: String,
    /// Its state.
    pub state: State,
    /// The network's error as it came: `err:` or the hex of network_error_code.
    pub error: Option<String>,
}

/// message_state (§5.2.28).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // The names of the standard.
pub enum State {
    Scheduled,
    Enroute,
    Delivered,
    Expired,
    Deleted,
    Undeliverable,
    Accepted,
    Unknown,
    Rejected,
}

impl State {
    /// DELIVRD, EXPIRED, DELETED, UNDELIV and REJECTD are final; nothing else is.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Delivered | Self::Expired | Self::Deleted | Self::Undeliverable | Self::Rejected
        )
    }

    fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Scheduled,
            1 => Self::Enroute,
            2 => Self::Delivered,
            3 => Self::Expired,
            4 => Self::Deleted,
            5 => Self::Undeliverable,
            6 => Self::Accepted,
            8 => Self::Rejected,
            _ => Self::Unknown,
        }
    }

    fn from_word(word: &str) -> Self {
        // Appendix B shortens the words to seven letters; some SMSCs write them whole.
        match word.to_ascii_uppercase().get(..5) {
            Some("ENROU") => Self::Enroute,
            Some("DELIV") => Self::Delivered,
            Some("EXPIR") => Self::Expired,
            Some("DELET") => Self::Deleted,
            Some("UNDEL") => Self::Undeliverable,
            Some("ACCEP") => Self::Accepted,
            Some("REJEC") => Self::Rejected,
            _ => Self::Unknown,
        }
    }
}

/// What this deliver_sm tells, if it is a receipt or an intermediate notice: by the bits of esm_class, never by
/// equality (SMPP.md, row 8). `plain_too` takes a receipt's text with esm_class 00 for one (a gateway's switch).
pub fn receipt(deliver: &Deliver, plain_too: bool) -> Option<Receipt> {
    // Bits 5–2 of esm_class: 0001 receipt, 1000 intermediate notice (bit 5 alone in 3.4).
    let marked = deliver.esm_class & 0b0010_0100 != 0;
    let id = deliver.tlvs.get(RECEIPTED_MESSAGE_ID).map(c_string);
    if !(marked || plain_too || id.is_some()) {
        return None;
    }
    // With a header in the user data the message is a PoR's, not a text (esm_class 44).
    let text = if deliver.esm_class & 0x40 == 0 {
        String::from_utf8_lossy(&deliver.message).into_owned()
    } else {
        String::new()
    };
    let id = id.or_else(|| field(&text, "id"))?;
    let state = match deliver.tlvs.get(MESSAGE_STATE) {
        Some([number]) => State::from_number(*number),
        Some(word) => State::from_word(&c_string(word)),
        None => State::from_word(&field(&text, "stat")?),
    };
    let error = match deliver.tlvs.get(NETWORK_ERROR_CODE) {
        Some(octets) => Some(octets.iter().map(|o| format!("{o:02x}")).collect()),
        None => field(&text, "err"),
    };
    Some(Receipt { id, state, error })
}

/// A value of the text: keys in any order and case, the first one wins, and nothing behind `text:` counts (CASES C64).
fn field(text: &str, key: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let end = lower.find("text:").unwrap_or(lower.len());
    let head = lower.get(..end)?;
    let mut from = 0;
    loop {
        let at = from + head.get(from..)?.find(&format!("{key}:"))?;
        let alone = head
            .get(..at)?
            .chars()
            .next_back()
            .is_none_or(|c| !c.is_ascii_alphanumeric());
        if alone {
            let value = text.get(at + key.len() + 1..end)?;
            return Some(value.split_whitespace().next()?.to_owned());
        }
        from = at + key.len();
    }
}

/// Every form in which the id of a submit_sm_resp may come back in a receipt, likeliest first: as it is, without case,
/// without leading zeros, hex as decimal, decimal as hex (SMPP.md, row 3).
pub fn forms(id: &str) -> Vec<String> {
    let lower = id.to_ascii_lowercase();
    let bare = match lower.trim_start_matches('0') {
        "" => "0",
        rest => rest,
    };
    let mut forms = vec![lower.clone(), bare.to_owned()];
    if let Ok(number) = u64::from_str_radix(bare, 16) {
        forms.push(number.to_string());
    }
    if let Ok(number) = bare.parse::<u64>() {
        forms.push(format!("{number:x}"));
    }
    forms.dedup();
    forms
}

fn c_string(octets: &[u8]) -> String {
    let text = octets.split(|octet| *octet == 0).next();
    String::from_utf8_lossy(text.unwrap_or_default()).into_owned()
}
