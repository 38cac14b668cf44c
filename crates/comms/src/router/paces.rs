//! What the router holds back, so that a network gets no more than its pace: the configured one in both lanes, the
//! learned one (`delivery::pace`) for campaigns alone.

use crate::table::calling_code;
use delivery::network::{NetworkRow, NetworkTable};
use delivery::pace::{Bucket, Limit, Pacer, limit_of};
use delivery::{Lane, Outbound};
use std::collections::{BTreeMap, VecDeque};

/// Interactive and bulk.
pub(super) type Lanes = [VecDeque<Outbound>; 2];
/// The limit that holds, and the calling code: messages of one key have the same paces.
pub(super) type Key = (Option<usize>, String);

/// Paces, and what waits for them.
#[derive(Default)]
pub(super) struct Paces {
    limits: Vec<Limit>,
    /// One a limit.
    buckets: Vec<Bucket>,
    pacers: BTreeMap<String, Pacer>,
    pub(super) held: BTreeMap<Key, Lanes>,
    /// ms of a clock that only goes forward.
    now: i64,
}

impl Paces {
    pub(super) fn new(limits: Vec<Limit>) -> Self {
        Self {
            buckets: limits.iter().map(|_| Bucket::default()).collect(),
            limits,
            ..Self::default()
        }
    }

    /// What time it is, by the clock that only goes forward.
    pub(super) fn clock(&mut self, now: i64) {
        self.now = now;
        for (network, pacer) in &mut self.pacers {
            if pacer.tick(now) {
                tracing::info!(
                    network,
                    "campaigns go there as fast as the gateways take them"
                );
            }
        }
    }

    /// A network's row, as all gateways know it together.
    pub(super) fn observe(&mut self, network: &str, row: &NetworkRow) {
        if !self.pacers.contains_key(network) {
            self.pacers.insert(network.to_owned(), Pacer::default());
        }
        let Some(pacer) = self.pacers.get_mut(network) else {
            return;
        };
        if pacer.observe(row, self.now) {
            match pacer.rate() {
                Some(rate) => tracing::info!(network, rate, "the pace of campaigns there"),
                None => {
                    tracing::info!(
                        network,
                        "campaigns go there as fast as the gateways take them"
                    );
                }
            }
        }
    }

    /// The key of a message; none when it waits for no pace.
    pub(super) fn key(&self, message: &Outbound) -> Option<Key> {
        let code = calling_code(&message.destination);
        let limit = limit_of(&self.limits, &message.destination);
        let learned = self.pacers.get(code).is_some_and(|p| p.rate().is_some());
        let slowed = learned && message.lane == Lane::Bulk;
        if limit.is_none() && !slowed && self.held.is_empty() {
            return None;
        }
        // What waits there already goes first, also when the network is well by now.
        let key = (limit, code.to_owned());
        (limit.is_some() || slowed || self.held.contains_key(&key)).then_some(key)
    }

    /// Whether one more message of this key may go.
    pub(super) fn lets(&mut self, key: &Key, lane: Lane) -> bool {
        let now = self.now;
        let limit = key.0.and_then(|place| {
            let rate = self.limits.get(place)?.rate_per_s;
            Some((rate, self.buckets.get_mut(place)?))
        });
        if limit.is_some_and(|(rate, bucket)| !bucket.lets(rate, now)) {
            return false;
        }
        let pacer = self.pacers.get_mut(&key.1);
        lane == Lane::Interactive || pacer.is_none_or(|pacer| pacer.lets(now))
    }

    /// One went.
    pub(super) fn spend(&mut self, key: &Key, lane: Lane) {
        if let Some(bucket) = key.0.and_then(|place| self.buckets.get_mut(place)) {
            bucket.spend();
        }
        if lane == Lane::Bulk
            && let Some(pacer) = self.pacers.get_mut(&key.1)
        {
            pacer.spend();
        }
    }

    /// What the table shows of it.
    pub(super) fn show(&self, table: &mut NetworkTable) {
        for (network, pacer) in &self.pacers {
            let Some(row) = table.networks.get_mut(network) else {
                continue;
            };
            let own = self.limits.iter();
            let own = own.filter(|limit| limit.reach(network).is_some());
            let own = own.map(|limit| limit.rate_per_s);
            let rates = own.chain(pacer.rate());
            row.pace = rates.min_by(f64::total_cmp);
            let held = self.held.iter().filter(|((_, code), _)| code == network);
            let held: usize = held.flat_map(|(_, lanes)| lanes).map(VecDeque::len).sum();
            row.waiting = u32::try_from(held).unwrap_or(u32::MAX);
        }
    }
}
