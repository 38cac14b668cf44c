//! What happened, in words, and a number that is the same for the same words.

use std::fmt::Arguments;

/// The trace of a life.
pub struct Trace {
    lines: Option<Vec<String>>,
    hash: u64,
    count: u64,
    print: bool,
}

/// FNV-1a, 64 bits.
const BASIS: u64 = 0xCBF2_9CE4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01B3;

impl Trace {
    /// `keep`: the lines themselves; `print`: as they come.
    pub fn new(keep: bool, print: bool) -> Self {
        Self {
            lines: keep.then(Vec::new),
            hash: BASIS,
            count: 0,
            print,
        }
    }

    /// Something happened at `at`, ms after the beginning.
    pub fn note(&mut self, at: i64, what: Arguments) {
        let (days, rest) = (at / 86_400_000, at % 86_400_000);
        let (h, m, s, ms) = (
            rest / 3_600_000,
            rest / 60_000 % 60,
            rest / 1000 % 60,
            rest % 1000,
        );
        let line = format!("{days}d {h:02}:{m:02}:{s:02}.{ms:03}  {what}");
        for octet in line.bytes() {
            self.hash = (self.hash ^ u64::from(octet)).wrapping_mul(PRIME);
        }
        self.count += 1;
        if self.print {
            println!("{line}");
        }
        if let Some(lines) = &mut self.lines {
            lines.push(line);
        }
    }

    /// The number of the words so far.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// How many lines.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The last lines that were kept.
    pub fn last(&self, most: usize) -> &[String] {
        let lines = self.lines.as_deref().unwrap_or_default();
        lines
            .get(lines.len().saturating_sub(most)..)
            .unwrap_or_default()
    }
}
