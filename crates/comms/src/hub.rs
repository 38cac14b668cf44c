//! Where the lines meet: the router, and the network state table that it goes by.

use crate::router::{Router, Way};
use crate::table::Rows;
use delivery::breaker::Circuit;
use delivery::network::{NetworkRow, NetworkTable};
use delivery::pace::Limit;
use delivery::route::Route;
use delivery::{Class, Event, Outbound};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// What a line is told.
pub enum Order {
    /// A message goes by it.
    Send(Outbound),
    /// What came with this token is stored, or could not be.
    Stored(u64, bool),
    /// Nothing more is handed over; to be told when no answer is waited for and control has been told of them all.
    Hold(oneshot::Sender<()>),
    /// To tell control, although the line has no part in it.
    Tell(Event),
    /// The end.
    Stop,
}

/// A line as the hub sees it.
struct Seat {
    orders: mpsc::UnboundedSender<Order>,
    name: String,
    given: u64,
    /// The networks as this line knows them.
    networks: BTreeMap<String, NetworkRow>,
}

/// Router, table and the ways to the lines.
pub struct Hub {
    router: Router,
    seats: Vec<Seat>,
    table: Arc<Mutex<NetworkTable>>,
    /// ms of the clock that fences go by.
    now: i64,
}

impl Hub {
    /// The routes and the ways to their lines, in one order; and the rates of networks.
    pub fn new(lines: Vec<(Route, mpsc::UnboundedSender<Order>)>, limits: Vec<Limit>) -> Self {
        let routes = lines.iter().map(|(route, _)| route.clone()).collect();
        let seats = lines.into_iter().map(|(route, orders)| Seat {
            orders,
            name: route.gateway,
            given: 0,
            networks: BTreeMap::new(),
        });
        Self {
            router: Router::new(routes, limits),
            seats: seats.collect(),
            table: Arc::default(),
            now: 0,
        }
    }

    /// The network state table as it stands.
    pub fn table(&self) -> Arc<Mutex<NetworkTable>> {
        Arc::clone(&self.table)
    }

    /// Tells a line something. A line ends only when everything does.
    pub fn tell(&self, place: usize, order: Order) {
        if let Some(seat) = self.seats.get(place) {
            let _ = seat.orders.send(order);
        }
    }

    /// Tells all lines to hand nothing over any more; each says so when it waits for no answer.
    pub fn hold(&self) -> Vec<oneshot::Receiver<()>> {
        let told = self.seats.iter().map(|seat| {
            let (done, idle) = oneshot::channel();
            let _ = seat.orders.send(Order::Hold(done));
            idle
        });
        told.collect()
    }

    /// Tells all lines to end.
    pub fn stop(&self) {
        for place in 0..self.seats.len() {
            self.tell(place, Order::Stop);
        }
    }

    /// What time it is, by the clock that only goes forward and by the wall clock (ms UTC): before anything else that may
    /// hand messages on.
    pub fn clock(&mut self, now: i64, wall: i64) {
        self.now = now;
        lock(&self.table).ahead = wall.saturating_sub(now);
        self.router.clock(now);
    }

    /// A message to send. Its validity counts from now, wherever it waits.
    pub fn send(&mut self, mut message: Outbound) {
        message.limit(u64::try_from(self.now).unwrap_or(0));
        if self.seats.is_empty() {
            tracing::warn!("a message goes nowhere: no gateway is configured");
            return;
        }
        if let Some(by) = &message.by {
            match self.seats.iter().position(|seat| seat.name == *by) {
                Some(place) => self.give(place, message),
                None => {
                    let (target, gateway) = (message.target, by.clone());
                    self.tell(0, Order::Tell(Event::NotSent { target, gateway }));
                }
            }
            return;
        }
        self.router.push(message);
        self.flow();
    }

    /// A message goes by the line of this place, whatever routing would say; its row knows of it at once.
    fn give(&mut self, place: usize, message: Outbound) {
        if let Some(seat) = self.seats.get_mut(place) {
            seat.given += 1;
            if let Some(row) = lock(&self.table).gateways.get_mut(&seat.name) {
                row.count(message.lane);
            }
        }
        self.tell(place, Order::Send(message));
    }

    /// A line's rows as they are now, of the `taken` messages that it was ever given, and what it gives `back`.
    pub fn publish(&mut self, place: usize, rows: &mut Rows, taken: u64, back: Vec<Outbound>) {
        let Some(seat) = self.seats.get_mut(place) else {
            return;
        };
        {
            let mut table = lock(&self.table);
            let row = table.gateways.entry(seat.name.clone()).or_default();
            row.clone_from(&rows.gateway);
            // What is still on its way to the line.
            let under_way = u32::try_from(seat.given.saturating_sub(taken)).unwrap_or(u32::MAX);
            row.queued = row.queued.saturating_add(under_way);
            if let Circuit::HalfOpen { trying } = &mut row.circuit {
                *trying |= row.queued > 0;
            }
        }
        let changed = rows.changed();
        let prefixes: Vec<_> = changed.iter().map(|(prefix, _)| prefix.clone()).collect();
        seat.networks.extend(changed);
        for prefix in prefixes {
            let mut known = self
                .seats
                .iter()
                .filter_map(|seat| seat.networks.get(&prefix));
            let Some(mut row) = known.next().cloned() else {
                continue;
            };
            known.for_each(|other| row.merge(other));
            self.router.observe(&prefix, &row);
            lock(&self.table).networks.insert(prefix, row);
        }
        self.router.give_back(back);
        self.flow();
    }

    /// Everything that can go goes.
    fn flow(&mut self) {
        let ways = self.router.flow(&mut lock(&self.table));
        let over = ways.iter().filter(|way| matches!(way, Way::Over(_)));
        let over = over.count();
        if over > 0 {
            tracing::warn!(over, "messages were over before a gateway took them");
        }
        for way in ways {
            match way {
                Way::By(place, message) => {
                    if let Some(seat) = self.seats.get_mut(place) {
                        seat.given += 1;
                    }
                    self.tell(place, Order::Send(message));
                }
                Way::Nobody(message) => self.tell(0, Order::Tell(nobody(message))),
                Way::Over(Outbound { target, .. }) => {
                    let gateway = String::new();
                    self.tell(0, Order::Tell(Event::NotSent { target, gateway }));
                }
            }
        }
    }
}

fn nobody(message: Outbound) -> Event {
    let code = crate::table::calling_code(&message.destination);
    Event::Refused {
        target: message.target,
        gateway: String::new(),
        status: 0,
        class: Class::Ours,
        reason: format!(
            "no gateway takes numbers that begin with {code}: give one the prefix, or none at all"
        ),
    }
}

/// A lock that outlives a panic elsewhere.
pub fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
