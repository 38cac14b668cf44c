//! Slices and who owns them (ARCHITECTURE.md, “Many nodes”): a slice is worked on by one node, through a lease with an
//! epoch. Safety rests on the epoch alone; the expiry only says when another may try.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How many slices there are: a subscriber's id has 8 bits for its slice.
pub const SLICES: usize = 256;

/// A set of slices.
#[derive(Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Slices([u64; SLICES / 64]);

impl Slices {
    /// None.
    pub const NONE: Self = Self([0; SLICES / 64]);
    /// Every slice.
    pub const ALL: Self = Self([u64::MAX; SLICES / 64]);

    /// Whether `slice` is one of them.
    pub fn contains(&self, slice: u8) -> bool {
        self.word(slice) & Self::bit(slice) != 0
    }

    /// Adds a slice.
    pub fn insert(&mut self, slice: u8) {
        if let Some(word) = self.0.get_mut(usize::from(slice / 64)) {
            *word |= Self::bit(slice);
        }
    }

    /// Takes a slice out.
    pub fn remove(&mut self, slice: u8) {
        if let Some(word) = self.0.get_mut(usize::from(slice / 64)) {
            *word &= !Self::bit(slice);
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = u8> + '_ {
        (0..=u8::MAX).filter(|slice| self.contains(*slice))
    }

    fn word(&self, slice: u8) -> u64 {
        self.0
            .get(usize::from(slice / 64))
            .copied()
            .unwrap_or_default()
    }

    fn bit(slice: u8) -> u64 {
        1 << (slice % 64)
    }
}

impl FromIterator<u8> for Slices {
    fn from_iter<T: IntoIterator<Item = u8>>(slices: T) -> Self {
        let mut set = Self::NONE;
        slices.into_iter().for_each(|slice| set.insert(slice));
        set
    }
}

/// As a configuration has them: `0-127,200`; empty: none.
impl fmt::Display for Slices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut slices, mut comma) = (self.iter().peekable(), "");
        while let Some(first) = slices.next() {
            let mut last = first;
            while let Some(next) = slices.next_if(|next| last.checked_add(1) == Some(*next)) {
                last = next;
            }
            write!(f, "{comma}{first}")?;
            if last > first {
                write!(f, "-{last}")?;
            }
            comma = ",";
        }
        Ok(())
    }
}

impl fmt::Debug for Slices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// A node: random, drawn at its start; a restarted process is another node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeId(pub u64);

/// Who owns a slice. One row a slice; the first owner is at epoch 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Which slice.
    pub slice: u8,
    /// The owner.
    pub node: NodeId,
    /// One more with every new owner, never less: the fence.
    pub epoch: u64,
    /// When another may take it, ms UTC; 0: handed over.
    pub expires: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_written_as_a_configuration_has_them() {
        let text = |slices: &[u8]| slices.iter().copied().collect::<Slices>().to_string();
        assert_eq!(Slices::ALL.to_string(), "0-255");
        assert_eq!(text(&[]), "");
        assert_eq!(text(&[7]), "7");
        assert_eq!(text(&[255, 0, 1, 2, 9, 10, 200]), "0-2,9-10,200,255");
    }

    #[test]
    fn a_set_of_slices_is_a_set() {
        let mut set: Slices = [0, 63, 64, 200, 255].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 200, 255]);
        set.remove(64);
        assert!(!set.contains(64) && set.contains(63) && set.len() == 4);
        assert_eq!(Slices::ALL.len(), SLICES);
        assert!(Slices::NONE.is_empty());
    }
}
