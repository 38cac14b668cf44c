//! The router, sans IO: what waits for a gateway, interactive first (rule 6), or for the pace of its network. Which
//! gateway a message goes by is `delivery::route`'s to say; here is only what it needs to know.

mod paces;

use delivery::network::{NetworkRow, NetworkTable, Waiting};
use delivery::pace::Limit;
use delivery::route::{self, Choice, Route};
use delivery::{Lane, Outbound, Target};
use paces::{Lanes, Paces};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

/// Packets whose gateway is remembered. One that is forgotten goes by chance, which is the same for all its sendings.
const REMEMBERED: usize = 100_000;
/// What waits behind others is looked through this often for what is over, ms.
const SWEEP: i64 = 10_000;

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
    /// Its time was over before a gateway took it.
    Over(Outbound),
}

/// Messages that wait, by how far each route's prefixes cover their numbers: those of one group have the same choice.
pub struct Router {
    routes: Vec<Route>,
    groups: BTreeMap<Vec<Option<usize>>, Lanes>,
    paces: Paces,
    waiting: HashSet<(Packet, u8)>,
    had: HashMap<Packet, usize>,
    remembered: VecDeque<Packet>,
    /// ms of the clock that fences go by.
    now: i64,
    swept: i64,
}

impl Router {
    /// One with nothing to do.
    pub fn new(routes: Vec<Route>, limits: Vec<Limit>) -> Self {
        Self {
            routes,
            groups: BTreeMap::new(),
            paces: Paces::new(limits),
            waiting: HashSet::new(),
            had: HashMap::new(),
            remembered: VecDeque::new(),
            now: 0,
            swept: 0,
        }
    }

    /// A message to send. One that waits already for the same part is replaced: its octets are the same (rule 3).
    pub fn push(&mut self, message: Outbound) {
        let key = packet(&message.target);
        let group = self.group(&message);
        if !self.waiting.insert(key) {
            let same = |known: &Outbound| packet(&known.target) == key;
            let code = crate::table::calling_code(&message.destination);
            let held = self.paces.held.iter_mut();
            let held = held.filter(|((_, network), _)| network == code);
            let places = self.groups.get_mut(&group).into_iter();
            for queues in places.chain(held.map(|(_, queues)| queues)) {
                if let Some(known) = queues[lane(&message)].iter_mut().find(|known| same(known)) {
                    *known = message;
                    return;
                }
                // If it waits in the other lane: the newer lane is the right one.
                queues
                    .iter_mut()
                    .for_each(|queue| queue.retain(|known| !same(known)));
            }
        }
        self.groups.entry(group).or_default()[lane(&message)].push_back(message);
    }

    /// What time it is, by the clock that only goes forward: before anything else that may hand messages on.
    pub fn clock(&mut self, now: i64) {
        self.now = now;
        self.paces.clock(now);
    }

    fn is_over(&self, message: &Outbound) -> bool {
        !message.is_open(u64::try_from(self.now).unwrap_or(0))
    }

    /// Takes out what is over, wherever it waits: while every gateway is down, nothing comes to the head.
    fn sweep(&mut self) -> Vec<Way> {
        if self.now.saturating_sub(self.swept) < SWEEP {
            return Vec::new();
        }
        self.swept = self.now;
        let mut over = Vec::new();
        let (mut groups, mut held) = (
            std::mem::take(&mut self.groups),
            std::mem::take(&mut self.paces.held),
        );
        for queue in groups.values_mut().chain(held.values_mut()).flatten() {
            if queue.iter().any(|message| self.is_over(message)) {
                let all = std::mem::take(queue).into_iter();
                let (late, open): (Vec<_>, _) = all.partition(|message| self.is_over(message));
                *queue = open.into();
                over.extend(late);
            }
        }
        (self.groups, self.paces.held) = (groups, held);
        for message in &over {
            self.waiting.remove(&packet(&message.target));
        }
        over.into_iter().map(Way::Over).collect()
    }

    /// A network's row, as all gateways know it together: its pace follows.
    pub fn observe(&mut self, network: &str, row: &NetworkRow) {
        self.paces.observe(network, row);
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
        let mut ways = self.sweep();
        let mut groups = std::mem::take(&mut self.groups);
        for (of, lane) in [Lane::Interactive, Lane::Bulk].into_iter().enumerate() {
            self.flow_held(table, of, lane, &mut ways);
            for queues in groups.values_mut() {
                while let Some(message) = queues[of].front() {
                    let key = self.paces.key(message);
                    let held = key.filter(|key| {
                        let before = self.paces.held.get(key);
                        before.is_some_and(|lanes| !lanes[of].is_empty())
                            || !self.paces.lets(key, lane)
                    });
                    if let Some(key) = held {
                        // Others of its group go on.
                        let lanes = self.paces.held.entry(key).or_default();
                        lanes[of].extend(queues[of].pop_front());
                        continue;
                    }
                    match self.forward(table, &mut queues[of]) {
                        Some(way) => ways.push(way),
                        None => break,
                    }
                }
            }
        }
        let some = |queues: &Lanes| queues.iter().any(|queue| !queue.is_empty());
        groups.retain(|_, queues| some(queues));
        self.groups = groups;
        self.paces.held.retain(|_, queues| some(queues));
        self.show(table);
        ways
    }

    /// What waits for a pace and may go now.
    fn flow_held(&mut self, table: &mut NetworkTable, of: usize, lane: Lane, ways: &mut Vec<Way>) {
        let mut held = std::mem::take(&mut self.paces.held);
        for (key, queues) in &mut held {
            while !queues[of].is_empty() && self.paces.lets(key, lane) {
                match self.forward(table, &mut queues[of]) {
                    Some(way) => ways.push(way),
                    None => break,
                }
            }
        }
        self.paces.held = held;
    }

    /// The first of a queue goes, unless it must wait for a gateway; or it is over.
    fn forward(&mut self, table: &mut NetworkTable, queue: &mut VecDeque<Outbound>) -> Option<Way> {
        if self.is_over(queue.front()?) {
            let message = queue.pop_front()?;
            self.waiting.remove(&packet(&message.target));
            return Some(Way::Over(message));
        }
        let way = self.choose(table, queue.front()?);
        if matches!(way, Choice::Wait { .. }) {
            return None;
        }
        let message = queue.pop_front()?;
        self.waiting.remove(&packet(&message.target));
        let Choice::By(place) = way else {
            return Some(Way::Nobody(message));
        };
        if let Some(key) = self.paces.key(&message) {
            self.paces.spend(&key, message.lane);
        }
        self.given(table, place, &message);
        Some(Way::By(place, message))
    }

    /// What waits, in the table.
    fn show(&self, table: &mut NetworkTable) {
        let count = |of: usize, queues: &mut dyn Iterator<Item = &Lanes>| {
            let waiting: usize = queues.map(|queues| queues[of].len()).sum();
            u32::try_from(waiting).unwrap_or(u32::MAX)
        };
        let held = &self.paces.held;
        table.waiting = Waiting {
            interactive: count(0, &mut self.groups.values().chain(held.values())),
            bulk: count(1, &mut self.groups.values().chain(held.values())),
            held: count(1, &mut held.values()),
        };
        self.paces.show(table);
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
            row.count(message.lane);
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
