//! What a card holds beyond a fresh one of its kind, in little room: for crowds of a hundred thousand cards.

use super::header::Joining;
use super::{Card, Content};

/// A card's state without what all cards of a crowd share: kind, keys and empty files.
pub struct Memory {
    counter: u64,
    reference: u8,
    joining: Joining,
    /// Records that are not empty: which file, which record, its octets.
    records: Vec<(u8, u8, Box<[u8]>)>,
}

impl Card {
    /// Exchanges what this card holds for `memory`; none: for a fresh card's.
    pub fn exchange(&mut self, memory: Option<Memory>) -> Memory {
        let room = self.kind.max_parts.into();
        let fresh = Memory {
            counter: 0,
            reference: 0,
            joining: Joining::new(room),
            records: Vec::new(),
        };
        let new = memory.unwrap_or(fresh);
        let old = Memory {
            counter: std::mem::replace(&mut self.counter, new.counter),
            reference: std::mem::replace(&mut self.reference, new.reference),
            joining: std::mem::replace(&mut self.joining, new.joining),
            records: self.take_records(),
        };
        for (file, record, octets) in new.records {
            let files = self.files.writable().nth(file.into());
            let place = files.and_then(|records| records.get_mut(usize::from(record)));
            if let Some(place) = place {
                *place = octets.into_vec();
            }
        }
        old
    }

    /// Takes out what is written, and leaves the records empty.
    fn take_records(&mut self) -> Vec<(u8, u8, Box<[u8]>)> {
        let mut taken = Vec::new();
        for (file, records) in (0..).zip(self.files.writable()) {
            for (number, record) in (0..).zip(records) {
                if record.iter().any(|octet| *octet != 0xFF) {
                    let empty = vec![0xFF; record.len()];
                    let octets = std::mem::replace(record, empty);
                    taken.push((file, number, octets.into()));
                }
            }
        }
        taken
    }
}

impl super::Files {
    /// The records of every file that a script may change.
    fn writable(&mut self) -> impl Iterator<Item = &mut Vec<Vec<u8>>> {
        self.all_mut().filter_map(|file| match &mut file.content {
            Content::Records(records) if file.writable => Some(records),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::card::{Card, CardKind};
    use crate::handset::book;

    #[test]
    fn two_cards_take_turns_in_one() {
        let kind = CardKind::named("usim-100x32").or_else(|_| CardKind::named("sim-28x50"));
        let mut card = Card::new(kind.unwrap(), "8944000000000000001", &[1; 16], &[2; 16]).unwrap();
        book::write(&mut card, 7, "Mei", "07700900123").unwrap();
        let mei = card.exchange(None);
        assert!(book::read(&card).is_empty());
        book::write(&mut card, 7, "Lee", "07700900456").unwrap();
        let lee = card.exchange(Some(mei));
        assert_eq!(book::read(&card)[0].1.name, "Mei");
        card.exchange(Some(lee));
        assert_eq!(book::read(&card)[0].1.name, "Lee");
    }
}
