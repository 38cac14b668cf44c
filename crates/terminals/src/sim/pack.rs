//! How many writes go into which packet, so that the sum of SMS parts is the smallest.

use std::collections::HashMap;

/// What is to be sent. All writes of a kind are of one length, so only their counts matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Counts {
    /// EF_EXT1 writes; the first `dependent` of them belong to the dependent ADN writes, in order.
    pub ext1: usize,
    /// ADN writes that point to an EF_EXT1 record written in this plan: they come after it.
    pub dependent: usize,
    /// All other ADN writes.
    pub plain: usize,
}

/// Octets.
#[derive(Debug, Clone)]
pub(crate) struct Sizes {
    /// Room for script in 1, 2, … parts.
    pub room: Vec<usize>,
    /// One EF_EXT1 write, one ADN write.
    pub ext1: usize,
    pub adn: usize,
    /// SELECTs of a packet with ADN writes only, EF_EXT1 writes only, both with EF_EXT1 first, both with ADN first.
    pub only_adn: usize,
    pub only_ext1: usize,
    pub ext1_first: usize,
    pub adn_first: usize,
}

/// One packet's share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    pub ext1: usize,
    pub dependent: usize,
    pub plain: usize,
    /// EF_EXT1 writes stand first in it.
    pub ext1_first: bool,
}

/// Parts, then packets: each packet is one more answer to wait for.
type Cost = (usize, usize);

/// The cheapest packing, packet by packet; `None` when one write does not fit the largest packet.
///
/// Within a packet of given parts and EF_EXT1 writes it takes as many ADN writes as fit, dependent ones first where they
/// may go: what is left is then never harder to send. What remains to choose (parts, EF_EXT1 writes, the order of the
/// two files) is tried out, remembering the best for every remainder.
pub(crate) fn pack(counts: Counts, sizes: &Sizes) -> Option<Vec<Share>> {
    let mut packing = Packing {
        all: counts,
        sizes,
        best: HashMap::new(),
    };
    packing.cost(counts)?;
    let mut shares = Vec::new();
    let mut left = counts;
    while left != NONE {
        let (_, share) = (*packing.best.get(&left)?)?;
        left = left.less(share);
        shares.push(share);
    }
    Some(shares)
}

const NONE: Counts = Counts {
    ext1: 0,
    dependent: 0,
    plain: 0,
};

impl Counts {
    fn less(self, share: Share) -> Self {
        Self {
            ext1: self.ext1 - share.ext1,
            dependent: self.dependent - share.dependent,
            plain: self.plain - share.plain,
        }
    }
}

struct Packing<'a> {
    all: Counts,
    sizes: &'a Sizes,
    best: HashMap<Counts, Option<(Cost, Share)>>,
}

impl Packing<'_> {
    fn cost(&mut self, left: Counts) -> Option<Cost> {
        if left == NONE {
            return Some((0, 0));
        }
        if let Some(known) = self.best.get(&left) {
            return known.map(|(cost, _)| cost);
        }
        let mut best: Option<(Cost, Share)> = None;
        for (parts, &room) in (1..).zip(&self.sizes.room) {
            for share in self.shares(left, room) {
                // A packet is worth its parts at least: no need to look further where that is too much already.
                if best.is_some_and(|((least, _), _)| parts >= least && left.less(share) != NONE) {
                    continue;
                }
                if let Some((more, packets)) = self.cost(left.less(share)) {
                    let cost = (more + parts, packets + 1);
                    if best.is_none_or(|(least, _)| cost < least) {
                        best = Some((cost, share));
                    }
                }
            }
        }
        self.best.insert(left, best);
        best.map(|(cost, _)| cost)
    }

    /// The fullest packets of `room` octets that may be sent next, one for each number of EF_EXT1 writes and order.
    fn shares(&self, left: Counts, room: usize) -> Vec<Share> {
        let s = self.sizes;
        // Dependent writes whose EF_EXT1 write went out in an earlier packet.
        let unlocked = (self.all.ext1 - left.ext1).min(self.all.dependent)
            - (self.all.dependent - left.dependent);
        let mut shares = Vec::new();
        for ext1 in 0..=left.ext1 {
            let alone = if ext1 == 0 {
                0
            } else {
                s.only_ext1 + ext1 * s.ext1
            };
            if alone > room {
                break;
            }
            if ext1 > 0 {
                shares.push(Share {
                    ext1,
                    dependent: 0,
                    plain: 0,
                    ext1_first: true,
                });
            }
            for ext1_first in [true, false] {
                let overhead = match (ext1, ext1_first) {
                    (0, true) => s.only_adn,
                    (0, false) => continue,
                    (_, true) => s.ext1_first,
                    (_, false) => s.adn_first,
                };
                let fits = room.saturating_sub(overhead + ext1 * s.ext1) / s.adn;
                let may = if ext1_first {
                    unlocked + ext1
                } else {
                    unlocked
                };
                let dependent = fits.min(may).min(left.dependent);
                let plain = (fits - dependent).min(left.plain);
                if dependent + plain > 0 {
                    shares.push(Share {
                        ext1,
                        dependent,
                        plain,
                        ext1_first,
                    });
                }
            }
        }
        shares
    }
}
