//! The user data header of a short message (TS 23.040 §9.2.3.24), and the joining of parts.

use std::collections::VecDeque;

/// One part of a message that came in several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Reference of the whole, and whether it had 16 bits.
    pub reference: (u16, bool),
    /// Parts of the whole.
    pub total: u8,
    /// Which one, from 1.
    pub number: u8,
}

/// What a header says, and what follows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserData {
    /// Set when the message is one of several.
    pub part: Option<Part>,
    /// Destination port, 8 or 16 bits wide.
    pub port: Option<u16>,
    /// IE 70: a secured command packet begins here (TS 31.115 §4.2).
    pub is_command: bool,
    /// What follows the header.
    pub body: Vec<u8>,
}

impl UserData {
    /// Reads user data that begins with a header; `None` when the header is longer than the data.
    ///
    /// An element that runs past the header ends the reading of it; a part 0 or above its total is no part.
    #[must_use]
    pub fn read(octets: &[u8]) -> Option<Self> {
        let (&length, rest) = octets.split_first()?;
        let (mut header, body) = rest.split_at_checked(usize::from(length))?;
        let mut told = Self {
            body: body.to_vec(),
            ..Self::default()
        };
        while let [id, size, rest @ ..] = header {
            let Some((value, rest)) = rest.split_at_checked(usize::from(*size)) else {
                break;
            };
            match (id, value) {
                (0x00, &[reference, total, number]) => {
                    told.part = part((reference.into(), false), total, number);
                }
                (0x08, &[high, low, total, number]) => {
                    told.part = part((u16::from_be_bytes([high, low]), true), total, number);
                }
                (0x04, &[destination, _]) => told.port = Some(destination.into()),
                (0x05, &[high, low, _, _]) => told.port = Some(u16::from_be_bytes([high, low])),
                (0x70, _) => told.is_command = true,
                _ => {}
            }
            header = rest;
        }
        Some(told)
    }
}

fn part(reference: (u16, bool), total: u8, number: u8) -> Option<Part> {
    (1..=total).contains(&number).then_some(Part {
        reference,
        total,
        number,
    })
}

struct Whole {
    from: String,
    reference: (u16, bool),
    parts: Vec<Option<UserData>>,
}

/// Messages whose parts are not all here.
pub struct Joining {
    room: usize,
    waiting: VecDeque<Whole>,
}

impl Joining {
    /// Keeps at most `room` parts; the oldest message loses its own when there are more.
    #[must_use]
    pub fn new(room: usize) -> Self {
        Self {
            room,
            waiting: VecDeque::new(),
        }
    }

    /// Takes a message or a part of one; gives the whole, in order, when it is complete.
    ///
    /// The same part again changes nothing; another one under its number begins a new message.
    pub fn take(&mut self, from: &str, data: UserData) -> Option<Vec<UserData>> {
        let Some(part) = data.part else {
            return Some(vec![data]);
        };
        let place = usize::from(part.number) - 1;
        let same = |whole: &Whole| {
            whole.from == from
                && whole.reference == part.reference
                && whole.parts.len() == usize::from(part.total)
        };
        let mut whole = match self.waiting.iter().position(same) {
            Some(at) => self.waiting.remove(at)?,
            None => Whole {
                from: from.to_owned(),
                reference: part.reference,
                parts: vec![None; part.total.into()],
            },
        };
        let held = whole.parts.get_mut(place)?;
        if held.as_ref().is_some_and(|held| *held != data) {
            whole.parts = vec![None; part.total.into()];
        }
        *whole.parts.get_mut(place)? = Some(data);
        if whole.parts.iter().all(Option::is_some) {
            return whole.parts.into_iter().collect();
        }
        self.waiting.push_back(whole);
        while self.held() > self.room {
            self.waiting.pop_front();
        }
        None
    }

    fn held(&self) -> usize {
        self.waiting
            .iter()
            .map(|whole| whole.parts.iter().flatten().count())
            .sum()
    }
}
