//! The business card by short message: a vCard 2.1 to application port 9204 (3GPP TS 23.040 §9.2.3.24.4).

use super::udh::Ports;
use super::{Part, Reference, SplitError, split_8bit};
use thiserror::Error;

/// The port of vCards (IANA `wap-vcard`).
pub const PORT: u16 = 9204;

/// TP-DCS of 8-bit data, message class 1 (3GPP TS 23.038 §4).
pub const DCS: u8 = 0xF5;

/// A name and numbers: all that a card by message carries.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Card {
    /// As the phone shows it.
    pub name: String,
    /// As dialled, at least one.
    pub numbers: Vec<String>,
}

/// Why a card cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CardError {
    /// Nothing to save under.
    #[error("The card has no name: give one.")]
    NoName,
    /// Nothing to save.
    #[error("The card has no number: give at least one.")]
    NoNumber,
    /// Would break the line.
    #[error(
        "The number “{number}” cannot go on a card because of a sign that is no digit: use digits, *, #, p or w for a pause, and + only in front."
    )]
    Number {
        /// As given.
        number: String,
    },
    /// Too long.
    #[error(transparent)]
    Split(#[from] SplitError),
}

impl Card {
    /// The vCard's octets: CRLF lines; the name in quoted-printable UTF-8 where a plain line could not carry it.
    /// # Errors
    /// `NoName`, `NoNumber`, `Number`.
    pub fn to_vcard(&self) -> Result<Vec<u8>, CardError> {
        if self.name.trim().is_empty() {
            return Err(CardError::NoName);
        }
        if self.numbers.is_empty() {
            return Err(CardError::NoNumber);
        }
        let plain = |c: char| matches!(c, ' '..='~') && !matches!(c, ';' | '\\' | '=' | ':' | ',');
        let mut card = String::from("BEGIN:VCARD\r\nVERSION:2.1\r\n");
        card += &if self.name.chars().all(plain) {
            format!("N:{};\r\n", self.name)
        } else {
            format!(
                "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:{};\r\n",
                quoted(&self.name)
            )
        };
        for number in &self.numbers {
            let digits = number.strip_prefix('+').unwrap_or(number);
            let fine = |c| matches!(c, '0'..='9' | '*' | '#' | 'p' | 'w' | 'P' | 'W' | ',');
            if digits.is_empty() || !digits.chars().all(fine) {
                return Err(CardError::Number {
                    number: number.clone(),
                });
            }
            card += &format!("TEL;CELL:{number}\r\n");
        }
        card += "END:VCARD\r\n";
        Ok(card.into_bytes())
    }

    /// The card as messages: 133 octets in one, else 128 a part (127 with a 16-bit reference), port and concatenation in
    /// every part. Send with [`DCS`] and the UDHI bit.
    /// # Errors
    /// As [`Card::to_vcard`], and `Split`.
    pub fn split(&self, reference: Reference) -> Result<Vec<Part>, CardError> {
        let port = Ports {
            destination: PORT,
            origin: 0,
        };
        Ok(split_8bit(&self.to_vcard()?, &port.element(), reference)?)
    }
}

/// Reads a vCard 2.1 as phones send it (CRLF or LF, `=` at a line's end, UTF-8 or Latin-1); `None` if it is no card.
/// `FN` is the name, else `N` with the given name first.
pub fn read(octets: &[u8]) -> Option<Card> {
    let (mut full, mut structured, mut numbers) = (None, None, Vec::new());
    let mut lines = octets
        .split(|octet| *octet == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    if !lines.next()?.eq_ignore_ascii_case(b"BEGIN:VCARD") {
        return None;
    }
    while let Some(line) = lines.next() {
        let Some(colon) = line.iter().position(|octet| *octet == b':') else {
            continue;
        };
        let (key, value) = line.split_at(colon);
        let key = String::from_utf8_lossy(key).to_ascii_uppercase();
        let mut value = value.get(1..).unwrap_or_default().to_vec();
        let is_quoted = key.contains("QUOTED-PRINTABLE");
        while is_quoted && value.last() == Some(&b'=') {
            value.pop();
            value.extend(lines.next().unwrap_or_default());
        }
        let read = |value: &[u8]| text(value, &key, is_quoted);
        match key.split(';').next().unwrap_or_default() {
            "FN" => full = Some(read(&value)),
            // Cut at the semicolons as they came: one in quoted-printable belongs to the name.
            "N" => {
                structured = Some(in_order(
                    value.split(|octet| *octet == b';').map(read).collect(),
                ))
            }
            "TEL" => numbers.push(read(&value)),
            "END" => break,
            _ => {}
        }
    }
    let name = full.filter(|name| !name.is_empty()).or(structured)?;
    Some(Card { name, numbers })
}

/// Family name, given name, … as a person says it.
fn in_order(fields: Vec<String>) -> String {
    let mut fields = fields.into_iter();
    let (family, given) = (fields.next(), fields.next());
    format!(
        "{} {}",
        given.unwrap_or_default(),
        family.unwrap_or_default()
    )
    .trim()
    .to_owned()
}

fn text(value: &[u8], key: &str, is_quoted: bool) -> String {
    let octets = if is_quoted {
        unquoted(value)
    } else {
        value.to_vec()
    };
    if key.contains("CHARSET=ISO-8859-1") {
        octets.iter().copied().map(char::from).collect()
    } else {
        String::from_utf8_lossy(&octets).into_owned()
    }
}

/// Letters, figures and spaces as they are, the rest as `=XX` (RFC 2045 §6.7).
fn quoted(text: &str) -> String {
    text.bytes()
        .map(|octet| match octet {
            b' ' => " ".to_owned(),
            _ if octet.is_ascii_alphanumeric() => char::from(octet).to_string(),
            _ => format!("={octet:02X}"),
        })
        .collect()
}

fn unquoted(text: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let pair = after
            .get(..2)
            .and_then(|pair| hex::decode(pair).ok())
            .filter(|_| *first == b'=');
        match pair.as_deref() {
            Some([octet]) => {
                octets.push(*octet);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                octets.push(*first);
                rest = after;
            }
        }
    }
    octets
}
