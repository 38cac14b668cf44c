//! The message log of the handsets: what went to them and what they sent, with parts, octets and outcome.

use std::collections::VecDeque;
use std::sync::Mutex;

use serde::Serialize;

use super::pdu::{Message, Outcome};
use super::{Arriving, lock, now_text};

/// So many lines are kept.
const LENGTH: usize = 400;

/// One message, seen from the network.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Number of the line, counted from 1.
    pub n: u64,
    /// When it came, RFC 3339 in UTC.
    pub at: String,
    /// The handset.
    pub msisdn: String,
    /// `to` the handset or `from` it.
    pub way: &'static str,
    /// `text`, `card` (a business card), `update` (for the SIM), `answer` (from the SIM) or `other`.
    pub kind: &'static str,
    /// Octets of user data.
    pub octets: usize,
    /// Which part of how many, when it is one of several.
    pub part: Option<(u8, u8)>,
    /// `sent`, `waiting` (phone off), `delivered`, `expired`, `refused`, `lost`, `received`.
    pub state: &'static str,
    /// Its id at the carrier; empty for what a handset sent.
    pub message_id: String,
}

/// The log.
#[derive(Default)]
pub struct Trail {
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    lines: VecDeque<Line>,
    count: u64,
}

impl Trail {
    /// A message was taken for a handset.
    pub fn sent(&self, msisdn: &str, arriving: &Arriving) {
        self.add(
            msisdn,
            "to",
            "sent",
            &arriving.message,
            &arriving.message_id,
        );
    }

    /// A handset sent a message.
    pub fn received(&self, msisdn: &str, message: &Message) {
        self.add(msisdn, "from", "received", message, "");
    }

    /// What became of a message is known.
    pub fn became(&self, message_id: &str, outcome: Outcome) {
        self.mark(
            message_id,
            match outcome {
                Outcome::Absent => "waiting",
                Outcome::Delivered => "delivered",
                Outcome::Expired => "expired",
                Outcome::Unknown | Outcome::Refused => "refused",
            },
        );
    }

    /// The network lost a message.
    pub fn lost(&self, message_id: &str) {
        self.mark(message_id, "lost");
    }

    /// The log, newest first.
    pub fn lines(&self) -> Vec<Line> {
        lock(&self.inside).lines.iter().rev().cloned().collect()
    }

    fn mark(&self, message_id: &str, state: &'static str) {
        let mut inside = lock(&self.inside);
        if let Some(line) = inside
            .lines
            .iter_mut()
            .rev()
            .find(|line| line.message_id == message_id)
        {
            line.state = state;
        }
    }

    fn add(
        &self,
        msisdn: &str,
        way: &'static str,
        state: &'static str,
        message: &Message,
        message_id: &str,
    ) {
        let mut inside = lock(&self.inside);
        inside.count += 1;
        let line = Line {
            n: inside.count,
            at: now_text(),
            msisdn: msisdn.into(),
            way,
            kind: kind(message),
            octets: message.user_data.len(),
            part: part(message),
            state,
            message_id: message_id.into(),
        };
        inside.lines.push_back(line);
        if inside.lines.len() > LENGTH {
            inside.lines.pop_front();
        }
    }
}

/// The information elements of a user data header (3GPP TS 23.040 §9.2.3.24): identifier and data.
pub fn elements(message: &Message) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    if message.esm_class & 0x40 == 0 {
        return found;
    }
    let Some((&length, rest)) = message.user_data.split_first() else {
        return found;
    };
    let mut header = rest.get(..length.into()).unwrap_or_default();
    while let [id, size, rest @ ..] = header {
        let Some(data) = rest.get(..usize::from(*size)) else {
            break;
        };
        found.push((*id, data));
        header = rest.get(usize::from(*size)..).unwrap_or_default();
    }
    found
}

/// What a message is for, as far as its header tells; the identifiers are those of TS 23.040 and TS 31.115.
#[must_use]
pub fn kind(message: &Message) -> &'static str {
    let elements = elements(message);
    let has = |id| elements.iter().any(|(found, _)| *found == id);
    let to_port = |port: [u8; 2]| {
        elements
            .iter()
            .any(|(id, data)| *id == 0x05 && data.starts_with(&port))
    };
    if has(0x71) {
        "answer"
    } else if has(0x70) || message.protocol_id == 0x7F {
        "update"
    } else if to_port([0x23, 0xF4]) {
        "card"
    } else if matches!(message.data_coding, 0x00 | 0x01 | 0x03 | 0x08) {
        "text"
    } else {
        "other"
    }
}

fn part(message: &Message) -> Option<(u8, u8)> {
    elements(message)
        .into_iter()
        .find_map(|(id, data)| match (id, data) {
            (0x00, [_, total, part]) | (0x08, [_, _, total, part]) => Some((*part, *total)),
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        esm_class: u8,
        protocol_id: u8,
        data_coding: u8,
        user_data: &str,
        expected: (&str, Option<(u8, u8)>),
    ) {
        let user_data = hex::decode(user_data).unwrap();
        let message = Message {
            esm_class,
            protocol_id,
            data_coding,
            user_data,
            ..Message::default()
        };
        assert_eq!((kind(&message), part(&message)), expected);
    }

    #[test]
    fn kinds() {
        check(0x00, 0x00, 0x00, "48656c6c6f", ("text", None));
        check(0x40, 0x7F, 0xF6, "027000000e", ("update", None));
        check(
            0x40,
            0x7F,
            0xF6,
            "0700032a0601700002b8",
            ("update", Some((1, 6))),
        );
        check(
            0x40,
            0x7F,
            0xF6,
            "0500032a0602d43b",
            ("update", Some((2, 6))),
        );
        check(0x40, 0x7F, 0xF6, "027100000b", ("answer", None));
        check(0x40, 0x00, 0xF5, "06050423f40000424547", ("card", None));
        check(0x40, 0x00, 0x08, "050003010201597d", ("text", Some((1, 2))));
    }

    #[test]
    fn a_header_that_lies_about_its_length_is_no_header() {
        check(0x40, 0x00, 0x04, "ff00", ("other", None));
        check(0x40, 0x00, 0x04, "", ("other", None));
    }
}
