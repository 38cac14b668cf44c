//! The parts of one message put together again.

use super::card::{self, Card};
use super::udh::{self, Header, NoHeader};
use super::{Alphabet, alphabet, gsm7};
use std::collections::BTreeMap;
use thiserror::Error;

/// User data as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The UDHI bit: `tp_ud` begins with a header.
    pub udhi: bool,
    /// TP-UDL, where the way here tells it. SMPP does not: then seven zero bits at the end are padding.
    pub udl: Option<u8>,
    /// TP-UD.
    pub tp_ud: Vec<u8>,
}

/// A message, or what is there of it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Joined {
    /// In the default alphabet or UCS-2: the text, of the parts that are there.
    pub text: Option<String>,
    /// In 8-bit coding: the octets, of the parts that are there.
    pub data: Option<Vec<u8>>,
    /// The destination port.
    pub port: Option<u16>,
    /// What port 9204 got, when all parts are there and it is a card.
    pub card: Option<Card>,
    /// The numbers of the parts that are not there, from 1.
    pub missing: Vec<u8>,
}

/// Why parts cannot be joined. Parts count from 1 as they were given.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JoinError {
    /// Nothing was given.
    #[error("There is no part: give at least one.")]
    Nothing,
    /// The header is no header.
    #[error("Part {part}: {source}")]
    Header {
        /// Which one.
        part: usize,
        /// What is wrong.
        source: NoHeader,
    },
    /// Parts of different messages.
    #[error(
        "Part {part} belongs to another message (another reference, total, or none): give the parts of one message."
    )]
    Foreign {
        /// Which one.
        part: usize,
    },
}

/// Puts parts together: in any order, repeated ones once. `dcs` is the TP-DCS of all of them.
/// # Errors
/// `Nothing`, `Header`, `Foreign`; missing parts are no error, they are told in [`Joined`].
pub fn join(dcs: u8, parts: &[Received]) -> Result<Joined, JoinError> {
    let coding = alphabet(dcs);
    let (mut whole, mut port, mut bodies) = (None, None, BTreeMap::new());
    for (at, part) in (1..).zip(parts) {
        let (header, body) = if part.udhi {
            udh::read(&part.tp_ud).map_err(|source| JoinError::Header { part: at, source })?
        } else {
            (Header::default(), part.tp_ud.as_slice())
        };
        let place = header.place;
        let message = place.map(|place| (place.reference, place.total));
        let body = match coding {
            Alphabet::Gsm7 => septets(part, &header, body),
            _ => body.to_vec(),
        };
        let number = place.map_or(1, |place| place.number);
        let repeated = bodies.entry(number).or_insert_with(|| body.clone());
        // Without a reference only the very same text can be a repetition.
        let other_single = message.is_none() && *repeated != body;
        if *whole.get_or_insert(message) != message || other_single {
            return Err(JoinError::Foreign { part: at });
        }
        port = port.or(header.ports.map(|ports| ports.destination));
    }
    let total = whole
        .ok_or(JoinError::Nothing)?
        .map_or(1, |(_, total)| total);
    let missing: Vec<u8> = (1..=total)
        .filter(|number| !bodies.contains_key(number))
        .collect();
    let body: Vec<u8> = bodies.into_values().flatten().collect();
    let (text, data) = match coding {
        Alphabet::Gsm7 => (Some(gsm7::decode(&body)), None),
        Alphabet::Ucs2 => (Some(ucs2(&body)), None),
        Alphabet::Data => (None, Some(body)),
    };
    let card = text
        .as_deref()
        .map(str::as_bytes)
        .or(data.as_deref())
        .filter(|_| port == Some(card::PORT) && missing.is_empty())
        .and_then(card::read);
    Ok(Joined {
        text,
        data,
        port,
        card,
        missing,
    })
}

fn septets(part: &Received, header: &Header, body: &[u8]) -> Vec<u8> {
    let before = (8 * header.octets).div_ceil(7);
    let count = part.udl.map(|udl| usize::from(udl).saturating_sub(before));
    gsm7::unpack(body, 7 * before - 8 * header.octets, count)
}

fn ucs2(octets: &[u8]) -> String {
    let units = octets.chunks_exact(2).map(|pair| match pair {
        [high, low] => u16::from_be_bytes([*high, *low]),
        _ => 0xFFFD,
    });
    char::decode_utf16(units)
        .map(|sign| sign.unwrap_or('\u{FFFD}'))
        .collect()
}
