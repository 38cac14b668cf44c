//! Chance that is the same for the same seed: splitmix64.

/// A source of chance.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// The source of this seed.
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// A source of its own, so that what is drawn there moves nothing here.
    pub fn fork(&mut self) -> Self {
        Self(self.bits())
    }

    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From `least` to `most`, both possible.
    pub fn within(&mut self, least: i64, most: i64) -> i64 {
        let span = u64::try_from(most - least).unwrap_or(0).saturating_add(1);
        least + i64::try_from(self.bits() % span).unwrap_or(0)
    }

    /// Below `end`; 0 when `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(1).max(1);
        usize::try_from(self.bits() % end).unwrap_or(0)
    }

    /// Whether something strikes that strikes so often in a thousand.
    pub fn strikes(&mut self, permille: u32) -> bool {
        self.bits() % 1000 < u64::from(permille)
    }

    /// From `least` to `most`, every order of magnitude as often as the next.
    pub fn spread(&mut self, least: i64, most: i64) -> i64 {
        let mut top = least.max(1);
        let mut doublings = 0;
        while top < most {
            top = top.saturating_mul(2);
            doublings += 1;
        }
        let top = least
            .max(1)
            .saturating_mul(1 << self.within(0, doublings).min(40));
        self.within(least, top.min(most))
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }
}
