//! A packet as TP-UD parts and back (3GPP TS 31.115 §4.2–4.5; concatenation: TS 23.040 §9.2.3.24.1 and .8).

use super::room::{Envelope, MOST_PARTS, RefBits, SINGLE, TP_UD};
use std::collections::BTreeMap;
use thiserror::Error;

/// Which packet a header announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// IE 70: to the card.
    Command,
    /// IE 71: from the card.
    Response,
}

/// The reference that holds the parts of one packet together: new for every packet to the same phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// IE 00.
    Eight(u8),
    /// IE 08.
    Sixteen(u16),
}

/// Why parts cannot be made or joined.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PartsError {
    /// More than a concatenation counts.
    #[error(
        "The packet of {octets} octets needs {parts} parts and 255 is the most: make two packets of it."
    )]
    TooMany {
        /// The packet's length.
        octets: usize,
        /// Parts needed.
        parts: usize,
    },
    /// The header is broken.
    #[error(
        "Part {part}: its user data header is broken (an element runs past the end): this is no secured packet, or it was cut."
    )]
    Header {
        /// Which of the parts given, from 1.
        part: usize,
    },
    /// No part has IE 70 or 71.
    #[error(
        "No part's header has element 70 (command) or 71 (response): this is no secured packet."
    )]
    NotSecured,
    /// Parts of different messages.
    #[error(
        "Part {part} belongs to another message (another reference, total or kind): give the parts of one packet."
    )]
    Foreign {
        /// Which of the parts given, from 1.
        part: usize,
    },
    /// Some are not there.
    #[error(
        "Parts are missing: {}: wait for them or ask for the whole packet again.",
        list(missing)
    )]
    Missing {
        /// Their numbers, from 1.
        missing: Vec<u8>,
    },
}

fn list(numbers: &[u8]) -> String {
    numbers
        .iter()
        .map(u8::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

impl Kind {
    fn iei(self) -> u8 {
        match self {
            Self::Command => 0x70,
            Self::Response => 0x71,
        }
    }
}

impl Reference {
    fn bits(self) -> RefBits {
        match self {
            Self::Eight(_) => RefBits::Eight,
            Self::Sixteen(_) => RefBits::Sixteen,
        }
    }
}

/// Cuts a packet into TP-UD parts of at most 140 octets, header included.
///
/// One part is `02 70 00` (or 71) and the packet. Several carry the concatenation IE each, and IE 70 after it in the
/// first only; or, where the card profile says `ie70_everywhere`, IE 70 before it in every part.
/// # Errors
/// `TooMany` above 255 parts.
pub fn split(
    packet: &[u8],
    kind: Kind,
    reference: Reference,
    ie70_everywhere: bool,
) -> Result<Vec<Vec<u8>>, PartsError> {
    let ie = [kind.iei(), 0];
    if packet.len() <= TP_UD - SINGLE {
        return Ok(vec![[&[2], &ie[..], packet].concat()]);
    }
    let envelope = Envelope {
        block: 1,
        checksum: 0,
        ref_bits: reference.bits(),
        ie70_everywhere,
    };
    let (first, rest) = packet
        .split_at_checked(envelope.first())
        .unwrap_or((packet, &[]));
    let count = 1 + rest.len().div_ceil(envelope.further());
    let Ok(total) = u8::try_from(count) else {
        return Err(PartsError::TooMany {
            octets: packet.len(),
            parts: count,
        });
    };
    debug_assert!(count <= MOST_PARTS);
    let chunks = std::iter::once(first).chain(rest.chunks(envelope.further()));
    Ok((1..=total)
        .zip(chunks)
        .map(|(number, chunk)| {
            let mut concatenation = match reference {
                Reference::Eight(r) => vec![0x00, 3, r],
                Reference::Sixteen(r) => [&[0x08, 4], &r.to_be_bytes()[..]].concat(),
            };
            concatenation.extend([total, number]);
            let mut part = Vec::with_capacity(TP_UD);
            part.push(concatenation.len() as u8);
            if ie70_everywhere {
                part.extend(ie);
            }
            part.extend(concatenation);
            if number == 1 && !ie70_everywhere {
                part.extend(ie);
            }
            if let Some(length) = part.len().checked_sub(1).and_then(|n| u8::try_from(n).ok()) {
                part[0] = length;
            }
            part.extend_from_slice(chunk);
            part
        })
        .collect())
}

/// What one part's header says.
struct Part<'a> {
    kind: Option<Kind>,
    /// Reference, total, number.
    place: Option<(Reference, u8, u8)>,
    body: &'a [u8],
}

fn read(part: &[u8]) -> Option<Part<'_>> {
    let (&length, rest) = part.split_first()?;
    let (mut header, body) = rest.split_at_checked(length.into())?;
    let (mut kind, mut place) = (None, None);
    while let [iei, length, rest @ ..] = header {
        let (value, next) = rest.split_at_checked((*length).into())?;
        match (iei, value) {
            (0x70, []) => kind = Some(Kind::Command),
            (0x71, []) => kind = Some(Kind::Response),
            // A part 0, a total 0 or a part above the total: the element is ignored (TS 23.040 §9.2.3.24.1).
            (0x00, &[r, total, number]) if (1..=total).contains(&number) => {
                place = Some((Reference::Eight(r), total, number))
            }
            (0x08, &[r1, r2, total, number]) if (1..=total).contains(&number) => {
                place = Some((
                    Reference::Sixteen(u16::from_be_bytes([r1, r2])),
                    total,
                    number,
                ));
            }
            _ => {}
        }
        header = next;
    }
    header.is_empty().then_some(Part { kind, place, body })
}

/// Puts the parts of one packet together, in any order, repeated ones once.
/// # Errors
/// `Header`, `NotSecured`, `Foreign`, and `Missing` with the numbers that are not there.
pub fn join<P: AsRef<[u8]>>(parts: &[P]) -> Result<(Kind, Vec<u8>), PartsError> {
    let (mut kind, mut whole, mut bodies) = (None, None, BTreeMap::new());
    for (at, part) in (1..).zip(parts) {
        let part = read(part.as_ref()).ok_or(PartsError::Header { part: at })?;
        let (message, number) = match part.place {
            Some((reference, total, number)) => ((Some(reference), total), number),
            None => ((None, 1), 1),
        };
        let other_kind = part.kind.is_some() && kind.is_some() && kind != part.kind;
        if *whole.get_or_insert(message) != message || other_kind {
            return Err(PartsError::Foreign { part: at });
        }
        kind = kind.or(part.kind);
        bodies.entry(number).or_insert(part.body);
    }
    let total = whole.map_or(0, |(_, total)| total);
    let missing: Vec<u8> = (1..=total)
        .filter(|number| !bodies.contains_key(number))
        .collect();
    if !missing.is_empty() {
        return Err(PartsError::Missing { missing });
    }
    let kind = kind.ok_or(PartsError::NotSecured)?;
    Ok((kind, bodies.into_values().flatten().copied().collect()))
}
