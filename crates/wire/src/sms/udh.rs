//! The user data header (3GPP TS 23.040 §9.2.3.24), read leniently: one odd element never loses the message.

use thiserror::Error;

/// The reference that holds the parts of one message together: new for every message to the same phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// Element 00 (§9.2.3.24.1).
    Eight(u8),
    /// Element 08 (§9.2.3.24.8).
    Sixteen(u16),
}

impl Reference {
    /// The concatenation element of part `number` of `total`, both from 1.
    pub fn element(self, total: u8, number: u8) -> Vec<u8> {
        match self {
            Self::Eight(reference) => vec![0x00, 3, reference, total, number],
            Self::Sixteen(reference) => {
                let [high, low] = reference.to_be_bytes();
                vec![0x08, 4, high, low, total, number]
            }
        }
    }

    /// The octets of its element.
    pub fn element_length(self) -> usize {
        self.element(1, 1).len()
    }
}

/// The place of a part in its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which message.
    pub reference: Reference,
    /// Parts of the message, at least 1.
    pub total: u8,
    /// This part, 1 to `total`.
    pub number: u8,
}

/// Application ports (§9.2.3.24.3 and .4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// To which application.
    pub destination: u16,
    /// From which one; 0 for none.
    pub origin: u16,
}

impl Ports {
    /// Element 05: 16-bit ports.
    pub fn element(self) -> Vec<u8> {
        [
            &[0x05, 4],
            &self.destination.to_be_bytes()[..],
            &self.origin.to_be_bytes(),
        ]
        .concat()
    }
}

/// A secured packet (3GPP TS 31.115 §4): which way it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secured {
    /// Element 70: to the card.
    Command,
    /// Element 71: from the card.
    Response,
}

/// What a header says, as far as Kith uses it. Of a repeated element the last one holds (§9.2.3.24).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Elements 00 and 08, where part and total make sense.
    pub place: Option<Place>,
    /// Elements 04 and 05.
    pub ports: Option<Ports>,
    /// Elements 70 and 71.
    pub secured: Option<Secured>,
    /// Octets of the whole header, the length octet included.
    pub octets: usize,
}

/// There is no header where one was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "The user data header claims {claimed} octets and {there} follow: this message was cut, or has no header."
)]
pub struct NoHeader {
    /// The length octet.
    pub claimed: usize,
    /// What follows it.
    pub there: usize,
}

/// Reads the header at the front of `tp_ud`; the text or data follows it.
///
/// An element that runs past the header is ignored with all after it; an unknown one is skipped; a part 0, a total 0 and
/// a part above the total are ignored (§9.2.3.24.1).
/// # Errors
/// [`NoHeader`] when the length octet points past the end.
pub fn read(tp_ud: &[u8]) -> Result<(Header, &[u8]), NoHeader> {
    let (length, rest) = match tp_ud {
        [length, rest @ ..] => (usize::from(*length), rest),
        [] => (0, tp_ud),
    };
    let (mut elements, body) = match rest.split_at_checked(length) {
        Some(halves) if !tp_ud.is_empty() => halves,
        _ => {
            return Err(NoHeader {
                claimed: length,
                there: rest.len(),
            });
        }
    };
    let mut header = Header {
        octets: 1 + length,
        ..Header::default()
    };
    while let [iei, length, after @ ..] = elements {
        let Some((value, next)) = after.split_at_checked(usize::from(*length)) else {
            break;
        };
        let place = |reference, total, number| {
            (1..=total).contains(&number).then_some(Place {
                reference,
                total,
                number,
            })
        };
        match (iei, value) {
            (0x00, &[reference, total, number]) => {
                header.place = place(Reference::Eight(reference), total, number).or(header.place);
            }
            (0x08, &[high, low, total, number]) => {
                let reference = Reference::Sixteen(u16::from_be_bytes([high, low]));
                header.place = place(reference, total, number).or(header.place);
            }
            (0x04, &[destination, origin]) => {
                header.ports = Some(Ports {
                    destination: destination.into(),
                    origin: origin.into(),
                });
            }
            (0x05, &[d1, d2, o1, o2]) => {
                header.ports = Some(Ports {
                    destination: u16::from_be_bytes([d1, d2]),
                    origin: u16::from_be_bytes([o1, o2]),
                });
            }
            (0x70, []) => header.secured = Some(Secured::Command),
            (0x71, []) => header.secured = Some(Secured::Response),
            _ => {}
        }
        elements = next;
    }
    Ok((header, body))
}

/// Whether `tp_ud` begins like a header: an element that is in use, with its proper length. For user data that comes
/// without its UDHI bit.
pub fn looks_like_one(tp_ud: &[u8]) -> bool {
    matches!(
        tp_ud,
        [2..=0xFF, 0x00, 3, ..]
            | [2..=0xFF, 0x08, 4, ..]
            | [2..=0xFF, 0x04, 2, ..]
            | [2..=0xFF, 0x05, 4, ..]
            | [2..=0xFF, 0x70 | 0x71, 0, ..]
            | [2..=0xFF, 0x24 | 0x25, 1, ..]
    )
}
