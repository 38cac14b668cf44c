//! The router, sans IO: what waits for a gateway, interactive first (rule 6). Which gateway a message goes by is
//! `delivery::route`'s to say; here is only what it needs to know.

use delivery::breaker::Circuit;
use delivery::network::{NetworkTable, Waiting};
use delivery::route::{self, Choice, Route};
use delivery::{Lane, Outbound, Target};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

/// Packets whose gateway is remembered. One that is forgotten goes by chance, which is the same for all its sendings.
const REMEMBERED: usize = 100_000;

/// A packet or a text: kind, number, packet.
type Packet = (bool, u64, u16);

fn packet(target: &Target) -> (Packet, u8) {
    match target {
        Target::Part(part) => ((true, part.shipment.0, part.packet), part.part),
        Target::Notice { id, part } => ((false, *id, 0), *part),
    }
}

fn lane(message: &Outbound) -> usize {
    usize::from(message.lane == Lane::Bulk)
}

/// What a message that leaves the router does.
#[derive(Debug, PartialEq, Eq)]
pub enum Way {
    /// It goes by the gateway of this place.
    By(usize, Outbound),
    /// No gateway takes its number.
    Nobody(Outbound),
}

/// Messages that wait, by how far each route's prefixes cover their numbers: those of one group have the same choice.
pub struct Router {
    routes: Vec<Route>,
    groups: BTreeMap<Vec<Option<usize>>, [VecDeque<Outbound>; 2]>,
    waiting: HashSet<(Packet, u8)>,
    had: HashMap<Packet, usize>,
    remembered: VecDeque<Packet>,
}

impl Router {
    /// One with nothing to do.
    pub fn new(routes: Vec<Route>) -> Self {
        Self {
            routes,
            groups: BTreeMap::new(),
            waiting: HashSet::new(),
            had: HashMap::new(),
            remembered: VecDeque::new(),
        }
    }

    /// A message to send. One that waits already for the same part is replaced: its octets are the same (rule 3).
    pub fn push(&mut self, message: Outbound) {
        let key = packet(&message.target);
        let queues = self.group(&message);
        if !self.waiting.insert(key) {
            let queues = self.groups.entry(queues).or_default();
            let same = |known: &Outbound| packet(&known.target) == key;
            if let Some(known) = queues[lane(&message)].iter_mut().find(|known| same(known)) {
                *known = message;
                return;
            }
            // It waits in the other lane: the newer lane is the right one.
            queues
                .iter_mut()
                .for_each(|queue| queue.retain(|known| !same(known)));
            queues[lane(&message)].push_back(message);
            return;
        }
        self.groups.entry(queues).or_default()[lane(&message)].push_back(message);
    }

    /// Messages that a gateway did not hand over go before all others. One of which a newer sending waits is dropped.
    pub fn give_back(&mut self, messages: Vec<Outbound>) {
        for message in messages.into_iter().rev() {
            if self.waiting.insert(packet(&message.target)) {
                let group = self.group(&message);
                self.groups.entry(group).or_default()[lane(&message)].push_front(message);
            }
        }
    }

    /// Everything that can go now, and its place in the table's rows.
    pub fn flow(&mut self, table: &mut NetworkTable) -> Vec<Way> {
        let mut ways = Vec::new();
        let mut groups = std::mem::take(&mut self.groups);
        for of in 0..2 {
            for queues in groups.values_mut() {
                while let Some(message) = queues[of].front() {
                    let way = self.choose(table, message);
                    if matches!(way, Choice::Wait { .. }) {
                        break;
                    }
                    let Some(message) = queues[of].pop_front() else {
                        break;
                    };
                    self.waiting.remove(&packet(&message.target));
                    ways.push(match way {
                        Choice::By(place) => {
                            self.given(table, place, &message);
                            Way::By(place, message)
                        }
                        _ => Way::Nobody(message),
                    });
                }
            }
        }
        groups.retain(|_, queues| queues.iter().any(|queue| !queue.is_empty()));
        self.groups = groups;
        let count = |of: usize| {
            let waiting: usize = self.groups.values().map(|queues| queues[of].len()).sum();
            u32::try_from(waiting).unwrap_or(u32::MAX)
        };
        table.waiting = Waiting {
            interactive: count(0),
            bulk: count(1),
        };
        ways
    }

    fn choose(&self, table: &NetworkTable, message: &Outbound) -> Choice {
        let had = self.had.get(&packet(&message.target).0).copied();
        let (to, chance) = (&message.destination, route::chance(message));
        route::route(table, &self.routes, to, message.lane, had, chance)
    }

    /// The gateway's row knows of it at once: the next choice counts on it.
    fn given(&mut self, table: &mut NetworkTable, place: usize, message: &Outbound) {
        let Some(route) = self.routes.get(place) else {
            return;
        };
        if let Some(row) = table.gateways.get_mut(&route.gateway) {
            row.queued = row.queued.saturating_add(1);
            row.queued_bulk += u32::from(message.lane == Lane::Bulk);
            if let Circuit::HalfOpen { trying } = &mut row.circuit {
                *trying = true;
            }
        }
        if self.routes.len() < 2 {
            return;
        }
        let (packet, _) = packet(&message.target);
        if self.had.insert(packet, place).is_none() {
            self.remembered.push_back(packet);
        }
        if self.remembered.len() > REMEMBERED
            && let Some(oldest) = self.remembered.pop_front()
        {
            self.had.remove(&oldest);
        }
    }

    fn group(&self, message: &Outbound) -> Vec<Option<usize>> {
        let routes = self.routes.iter();
        routes
            .map(|route| route.reach(&message.destination))
            .collect()
    }
}
