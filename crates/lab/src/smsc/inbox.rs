//! What a handset does with messages that are not for its card: joins the parts, shows texts and business cards.

use std::collections::BTreeMap;

use super::pdu::Message;
use super::phone::{CardReceived, Text};
use super::{now_text, trail};

/// GSM 7-bit default alphabet (3GPP TS 23.038 §6.2.1), one septet an octet as SMPP carries it.
const GSM: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1b}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Its extension table (§6.2.1.1).
const EXTENSION: [(u8, char); 10] = [
    (0x0A, '\u{c}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2F, '\\'),
    (0x3C, '['),
    (0x3D, '~'),
    (0x3E, ']'),
    (0x40, '|'),
    (0x65, '€'),
];
/// Port of business cards (Smart Messaging).
const CARD_PORT: [u8; 2] = [0x23, 0xF4];

/// Parts of one message by number, under sender and reference.
type Parts = BTreeMap<u8, Vec<u8>>;

/// The inbox of a handset.
#[derive(Default)]
pub struct Inbox {
    /// Texts, oldest first.
    pub texts: Vec<Text>,
    /// Business cards, oldest first.
    pub cards: Vec<CardReceived>,
    open: BTreeMap<(String, Vec<u8>, u8), Parts>,
}

impl Inbox {
    /// Takes a message; one of several parts shows when the last part is there, in whatever order they came.
    pub fn take(&mut self, message: &Message) {
        let elements = trail::elements(message);
        let to_card = elements
            .iter()
            .any(|(id, data)| *id == 0x05 && data.starts_with(&CARD_PORT));
        let header = match message.user_data.first() {
            Some(length) if message.esm_class & 0x40 != 0 => usize::from(*length) + 1,
            _ => 0,
        };
        let body = message.user_data.get(header..).unwrap_or_default().to_vec();
        let concatenated = elements.iter().find_map(|(id, data)| match (id, data) {
            // A part above the total, or none: the element is ignored (TS 23.040 §9.2.3.24.1).
            (0x00, [reference @ .., total, part]) | (0x08, [reference @ .., total, part])
                if (1..=*total).contains(part) =>
            {
                Some((reference.to_vec(), *total, *part))
            }
            _ => None,
        });
        let whole = match concatenated {
            None => body,
            Some((reference, total, part)) => {
                let key = (message.from.clone(), reference, total);
                let parts = self.open.entry(key.clone()).or_default();
                parts.insert(part, body);
                if parts.len() < usize::from(total) {
                    return;
                }
                self.open
                    .remove(&key)
                    .unwrap_or_default()
                    .into_values()
                    .flatten()
                    .collect()
            }
        };
        if to_card {
            self.cards
                .extend(business_card(&String::from_utf8_lossy(&whole)));
        } else {
            let text = text(message.data_coding, &whole);
            self.texts.push(Text {
                at: now_text(),
                from: message.from.clone(),
                text,
            });
        }
    }
}

/// Octets as text: UCS2 where the coding says so, else the default alphabet (TS 23.038 §4).
fn text(data_coding: u8, octets: &[u8]) -> String {
    if data_coding & 0x0C == 0x08 {
        let units: Vec<u16> = octets
            .chunks_exact(2)
            .filter_map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)))
            .collect();
        return String::from_utf16_lossy(&units);
    }
    let mut text = String::new();
    let mut octets = octets.iter().copied();
    while let Some(octet) = octets.next() {
        let sign = match octet {
            0x1B => octets.next().and_then(|next| {
                let known = EXTENSION
                    .iter()
                    .find(|(code, _)| *code == next)
                    .map(|(_, sign)| *sign);
                known.or_else(|| GSM.chars().nth(next.into()))
            }),
            _ => GSM.chars().nth(octet.into()),
        };
        text.push(sign.unwrap_or(' '));
    }
    text
}

/// Name and numbers of a vCard 2.1 as a feature phone reads it; `None` when it has neither.
fn business_card(vcard: &str) -> Option<CardReceived> {
    let mut card = CardReceived {
        name: String::new(),
        numbers: Vec::new(),
    };
    let mut lines = vcard.lines();
    while let Some(line) = lines.next() {
        let Some((property, value)) = line.split_once(':') else {
            continue;
        };
        let property = property.to_ascii_uppercase();
        let value = if property.contains("QUOTED-PRINTABLE") {
            let mut whole = value.to_owned();
            while whole.ends_with('=') {
                whole.pop();
                whole.push_str(lines.next().unwrap_or_default());
            }
            quoted_printable(&whole)
        } else {
            value.to_owned()
        };
        match property.split(';').next() {
            Some("TEL") => card.numbers.push(value),
            Some("FN") => card.name = value,
            Some("N") if card.name.is_empty() => {
                // Family;given;…: shown given name first.
                let mut fields: Vec<&str> = value
                    .split(';')
                    .take(2)
                    .filter(|field| !field.is_empty())
                    .collect();
                fields.reverse();
                card.name = fields.join(" ");
            }
            _ => {}
        }
    }
    (!card.name.is_empty() || !card.numbers.is_empty()).then_some(card)
}

fn quoted_printable(value: &str) -> String {
    let mut octets = Vec::new();
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        let coded = (*first == b'=')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|pair| hex::decode(pair).ok());
        match coded {
            Some(octet) => {
                octets.extend(octet);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                octets.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(esm_class: u8, data_coding: u8, user_data: &[u8]) -> Message {
        Message {
            from: "Kith".into(),
            esm_class,
            data_coding,
            user_data: user_data.to_vec(),
            ..Message::default()
        }
    }

    #[track_caller]
    fn check(messages: &[Message], texts: &[&str], cards: &[(&str, &[&str])]) {
        let mut inbox = Inbox::default();
        messages.iter().for_each(|message| inbox.take(message));
        assert_eq!(
            inbox
                .texts
                .iter()
                .map(|t| t.text.as_str())
                .collect::<Vec<_>>(),
            texts
        );
        let got: Vec<_> = inbox
            .cards
            .iter()
            .map(|c| (c.name.clone(), c.numbers.clone()))
            .collect();
        let expected: Vec<_> = cards
            .iter()
            .map(|(name, numbers)| {
                (
                    (*name).to_owned(),
                    numbers.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>(),
                )
            })
            .collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn a_text_in_the_default_alphabet() {
        check(
            &[message(0, 0, b"Code \x1b\x65 482913\x00")],
            &["Code € 482913@"],
            &[],
        );
    }

    #[test]
    fn parts_are_joined_in_any_order_and_duplicates_change_nothing() {
        let part = |n: u8, text: &[u8]| message(0x40, 8, &[&[5, 0, 3, 1, 2, n], text].concat());
        let (first, second) = (part(1, &[0x59, 0x7D]), part(2, &[0x76, 0x84]));
        check(&[second.clone(), second, first], &["好的"], &[]);
    }

    #[test]
    fn a_business_card_is_offered_with_name_and_numbers() {
        let card = b"BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=E5=B0=8F=\r\n=E6=A2=85\r\nTEL;CELL:+447700900123\r\nEND:VCARD\r\n";
        let header = [0x06, 0x05, 0x04, 0x23, 0xF4, 0x00, 0x00];
        check(
            &[message(0x40, 0xF5, &[&header[..], card].concat())],
            &[],
            &[("小梅", &["+447700900123"])],
        );
    }
}
