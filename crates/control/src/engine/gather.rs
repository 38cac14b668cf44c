//! What a round is about: items from events and deadlines, and the one question that loads all they need.

use super::fragments;
use super::known::Knowledge;
use super::record::About;
use crate::carry::Contents;
use book::SubscriberId;
use delivery::{
    Answer, Due, Event, Happening, NetworkError, PartRef, ReceiptState, Shipment, ShipmentId,
    Slices, Target, TerminalId,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use store::{
    BookFull, Document, Reads, Schedule, ScheduleOf, ShipmentFilter, StoreError, TerminalFull,
};

/// How far back an answer is looked for among a terminal's shipments.
const SHIPMENTS_BACK: u32 = 32;

/// Something to be decided.
pub(super) struct Item {
    pub what: What,
    /// Who is told once this is stored.
    pub ack: Option<Ack>,
    /// The event that it came as, where another node may own what it is about.
    pub event: Option<Event>,
    /// How long what it belongs to is looked for, ms UTC.
    pub until: Option<i64>,
}

/// What waits for an answer.
#[derive(Clone)]
pub(super) enum Ack {
    /// A deliver_sm of a gateway.
    Gateway {
        token: u64,
        /// A message of a terminal, not a receipt.
        mobile: bool,
    },
    /// Something in the inbox of a slice, by its key.
    Inbox(u8, String),
}

pub(super) enum What {
    /// A notice's receipt: only the gateway waits for it.
    Nothing,
    /// About a part of a shipment.
    Part(PartRef, Happening),
    /// A receipt for what an earlier process sent.
    Receipt {
        gateway: String,
        message_id: String,
        state: ReceiptState,
        error: Option<NetworkError>,
    },
    /// A message from a terminal.
    Mobile(Mobile),
    /// A card's answer to a shipment in memory.
    Proof(ShipmentId, Answer),
    /// A card's answer, not of what is on its way: the shipment with its counter is looked for.
    Answer(TerminalId, Answer),
    /// A message from a terminal that is no proof.
    Text(TerminalId, Mobile),
    /// A deadline has come.
    Clock(ShipmentId),
    /// It was on its way when an earlier process ended.
    TakeUp(ShipmentId),
}

/// A message from a terminal.
pub(super) struct Mobile {
    pub from: String,
    pub udhi: bool,
    pub dcs: u8,
    pub user_data: Vec<u8>,
    /// All parts of the secured packet that it is, or completes.
    pub whole: Option<Vec<Vec<u8>>>,
}

impl Mobile {
    /// Whether others belong to it, and are not here.
    pub(super) fn is_part(&self) -> bool {
        self.whole.is_none() && fragments::is_part(self.udhi, &self.user_data)
    }
}

impl Item {
    pub(super) fn of(what: What) -> Self {
        Self {
            what,
            ack: None,
            event: None,
            until: None,
        }
    }

    /// Only its sender waits for an answer.
    pub(super) fn nothing() -> Self {
        Self::of(What::Nothing)
    }

    /// The item of an event; none when nothing waits for it.
    pub(super) fn from(event: Event) -> Option<Self> {
        let (what, ack) = match event {
            Event::Accepted {
                target: Target::Part(part),
                gateway,
                message_id,
            } => {
                let happening = Happening::Accepted {
                    part,
                    gateway,
                    message_id,
                };
                (What::Part(part, happening), None)
            }
            Event::Refused {
                target: Target::Part(part),
                class,
                reason,
                ..
            } => {
                let happening = Happening::Refused {
                    part,
                    class,
                    reason,
                };
                (What::Part(part, happening), None)
            }
            Event::NoAnswer {
                target: Target::Part(part),
                ..
            } => (What::Part(part, Happening::NoAnswer { part }), None),
            Event::Receipt {
                gateway,
                message_id,
                target,
                state,
                error,
                ack,
            } => {
                let what = match target {
                    Some(Target::Part(part)) => {
                        What::Part(part, Happening::Receipt { part, state, error })
                    }
                    Some(Target::Notice { .. }) => What::Nothing,
                    None => What::Receipt {
                        gateway,
                        message_id,
                        state,
                        error,
                    },
                };
                (what, Some((ack, false)))
            }
            Event::Mobile {
                from,
                udhi,
                dcs,
                user_data,
                ack,
                ..
            } => {
                let alone = udhi && wire::ota::join(&[&user_data]).is_ok();
                let whole = alone.then(|| vec![user_data.clone()]);
                let mobile = Mobile {
                    from,
                    udhi,
                    dcs,
                    user_data,
                    whole,
                };
                (What::Mobile(mobile), Some((ack, true)))
            }
            Event::Accepted { .. }
            | Event::Refused { .. }
            | Event::NoAnswer { .. }
            | Event::NotSent { .. }
            | Event::Gateway { .. } => return None,
        };
        let ack = ack.map(|(token, mobile)| Ack::Gateway { token, mobile });
        Some(Self {
            ack,
            ..Self::of(what)
        })
    }
}

/// The forms in which a gateway may give an id back (SMPP.md, row 3): as it is, then the others.
pub(super) fn forms(id: &str) -> Vec<String> {
    let others = wire::smpp::receipt::forms(id);
    let others = others
        .into_iter()
        .flat_map(|form| [form.to_ascii_uppercase(), form]);
    std::iter::once(id.to_owned()).chain(others).collect()
}

/// How many terminals may be planned in a round.
#[derive(Clone, Copy)]
pub(super) struct Room {
    pub most: u32,
    pub bulk: u32,
}

/// What a round asks the store. Of another node's slices, only whose a number or a message id is.
pub(super) struct Wanted {
    owned: Slices,
    sent: Vec<(String, String)>,
    shipments: BTreeSet<ShipmentId>,
    addresses: BTreeSet<String>,
    fragments: BTreeSet<String>,
    counters: Vec<(TerminalId, u64)>,
    texts: BTreeSet<TerminalId>,
    plans: Option<Plans>,
}

/// What is asked about plans.
pub(super) struct Plans {
    pub now: i64,
    pub room: Room,
    /// Whose record is being written: they seem due until it is.
    pub but: Arc<About>,
}

/// What it answers, all of one state.
#[derive(Default)]
pub(super) struct Loaded {
    pub sent: HashMap<(String, String), PartRef>,
    pub addresses: HashMap<String, Vec<TerminalId>>,
    /// Parts of longer messages that wait, by their sender.
    pub fragments: HashMap<String, Vec<Document>>,
    pub counters: HashMap<(TerminalId, u64), ShipmentId>,
    pub shipments: HashMap<ShipmentId, Shipment>,
    pub terminals: HashMap<TerminalId, TerminalFull>,
    pub books: HashMap<SubscriberId, BookFull>,
    /// When the terminal was last told who we are.
    pub told: HashMap<TerminalId, Document>,
    /// The shipments that were asked for: of another, nobody knows that it is not there.
    pub asked: BTreeSet<ShipmentId>,
    /// By slice, of what is due.
    pub incarnations: BTreeMap<u8, u64>,
    /// What is due: what people wait for first, bulk last.
    pub due: Vec<TerminalId>,
    /// Whether people wait for some of it.
    pub people: bool,
    /// Whether people wait for more than there was room for.
    pub more: bool,
    /// Whether there is more bulk work than there was room for.
    pub more_bulk: bool,
    /// When something is due next, ms UTC.
    pub next: Option<i64>,
    /// A database was away: of what is not here, nobody knows that it is nowhere.
    pub lacks: bool,
}

impl Wanted {
    /// For `items`, but for what is in memory.
    pub(super) fn of(
        items: &[Item],
        known: &Knowledge,
        owned: Slices,
        plans: Option<Plans>,
    ) -> Self {
        let mut wanted = Self {
            owned,
            sent: Vec::new(),
            shipments: BTreeSet::new(),
            addresses: BTreeSet::new(),
            fragments: BTreeSet::new(),
            counters: Vec::new(),
            texts: BTreeSet::new(),
            plans,
        };
        for item in items {
            match &item.what {
                What::Nothing => {}
                What::Part(PartRef { shipment, .. }, _)
                | What::Proof(shipment, _)
                | What::Clock(shipment)
                    if known.of_shipment(*shipment).is_some() => {}
                What::Part(PartRef { shipment, .. }, _)
                | What::Proof(shipment, _)
                | What::Clock(shipment)
                | What::TakeUp(shipment) => {
                    if owned.contains(shipment.slice()) {
                        wanted.shipments.insert(*shipment);
                    }
                }
                What::Receipt {
                    gateway,
                    message_id,
                    ..
                } => {
                    let ids = forms(message_id).into_iter();
                    wanted.sent.extend(ids.map(|id| (gateway.clone(), id)));
                }
                What::Mobile(mobile) => {
                    if mobile.is_part() {
                        wanted.fragments.insert(mobile.from.clone());
                    }
                    wanted.addresses.insert(mobile.from.clone());
                }
                What::Answer(terminal, answer) => {
                    wanted.counters.push((*terminal, answer.counter));
                }
                What::Text(terminal, _) => {
                    wanted.texts.insert(*terminal);
                }
            }
        }
        wanted
    }

    /// Whether nothing is to be asked.
    pub(super) fn is_nothing(&self) -> bool {
        self.plans.is_none()
            && self.sent.is_empty()
            && self.shipments.is_empty()
            && self.addresses.is_empty()
            && self.counters.is_empty()
            && self.texts.is_empty()
    }

    /// Answers all of it; nothing is asked that nobody wants.
    pub(super) fn load(
        mut self,
        reads: &dyn Reads,
        shared: &Contents,
    ) -> Result<Loaded, StoreError> {
        let mut loaded = Loaded::default();
        let mut terminals = self.texts.clone();
        if !self.sent.is_empty() {
            loaded.sent = reads.sent_many(&self.sent)?.into_iter().collect();
            let theirs = loaded.sent.values().map(|part| part.shipment);
            let ours = theirs.filter(|id| self.owned.contains(id.slice()));
            self.shipments.extend(ours);
        }
        if !self.addresses.is_empty() {
            let addresses: Vec<_> = self.addresses.into_iter().collect();
            for (address, id) in reads.terminals_by_addresses(&addresses)? {
                if self.owned.contains(id.subscriber.slice()) {
                    terminals.insert(id);
                }
                loaded.addresses.entry(address).or_default().push(id);
            }
        }
        for from in self.fragments {
            let waiting = reads.documents_by_index(fragments::KIND, &from)?;
            loaded.fragments.insert(from, waiting);
        }
        for (terminal, counter) in self.counters {
            if let Some(id) = shipment_with(reads, terminal, counter)? {
                loaded.counters.insert((terminal, counter), id);
                self.shipments.insert(id);
            }
        }
        for id in &self.texts {
            let (slice, key) = (id.subscriber.slice(), super::texts::key(*id));
            let told = reads.document_beside(slice, super::texts::ANSWERED, &key)?;
            loaded.told.extend(told.map(|document| (*id, document)));
        }
        if let Some(plans) = self.plans {
            loaded.plans(reads, self.owned, &plans)?;
        }
        let of_plans = loaded.due.iter().map(|id| id.subscriber);
        let mut books: BTreeSet<SubscriberId> = of_plans.collect();
        books.extend(self.texts.iter().map(|id| id.subscriber));
        terminals.extend(&loaded.due);

        loaded.shipments(reads, self.shipments)?;
        terminals.extend(loaded.shipments.values().map(|shipment| shipment.terminal));
        let terminals: Vec<_> = terminals.into_iter().collect();
        let books: Vec<_> = books.into_iter().collect();
        if !terminals.is_empty() || !books.is_empty() {
            let (found, mut books) = reads.full(&terminals, &books)?;
            let found = found.into_iter();
            loaded.terminals = found.map(|full| (full.terminal.id, full)).collect();
            shared.join(reads, &mut books)?;
            let books = books.into_iter();
            loaded.books = books.map(|full| (full.subscriber.id, full)).collect();
        }
        // An answer is nearly always to what is on its way.
        let of_addresses = loaded.addresses.values().flatten();
        let under_way = of_addresses.filter_map(|id| loaded.terminals.get(id)?.terminal.in_flight);
        let under_way = under_way.filter(|id| !loaded.shipments.contains_key(id));
        let under_way = under_way.collect();
        loaded.shipments(reads, under_way)?;
        loaded.lacks = !reads.is_whole();
        Ok(loaded)
    }
}

impl Loaded {
    fn shipments(
        &mut self,
        reads: &dyn Reads,
        wanted: BTreeSet<ShipmentId>,
    ) -> Result<(), StoreError> {
        self.asked.extend(&wanted);
        if !wanted.is_empty() {
            let wanted: Vec<_> = wanted.into_iter().collect();
            let found = reads.shipments_by_id(&wanted)?.into_iter();
            self.shipments
                .extend(found.map(|shipment| (shipment.id, shipment)));
        }
        Ok(())
    }

    fn plans(&mut self, reads: &dyn Reads, owned: Slices, plans: &Plans) -> Result<(), StoreError> {
        let Plans { now, room, but } = plans;
        let now = *now;
        let seem = u32::try_from(but.terminals.len()).unwrap_or(u32::MAX);
        // So many are asked for that as many as there is room for remain.
        let most = room.most.saturating_add(seem);
        let reached = |found: usize, most: u32| u32::try_from(found).is_ok_and(|n| n >= most);
        let of = ScheduleOf {
            owned,
            now,
            most,
            bulk: match room.bulk {
                0 => 0,
                bulk => bulk.saturating_add(seem),
            },
        };
        let Schedule {
            waiting,
            people,
            mut bulk,
            next,
        } = reads.schedule(&of)?;
        self.next = next;
        self.people = !people.is_empty();
        self.more = reached(waiting.len(), most) || reached(people.len(), most);
        // Without room nobody looked whether there is more.
        self.more_bulk = reached(bulk.len(), of.bulk);
        if self.more {
            // People first: bulk goes with a later step.
            self.more_bulk = true;
            bulk.clear();
        }
        let free = |id: &TerminalId| !but.terminals.contains(id);
        let ids = |due: Vec<(TerminalId, Due)>, most: u32| {
            let free = due.into_iter().map(|(id, _)| id).filter(free);
            free.take(most as usize)
        };
        self.due = ids(people, room.most).collect();
        self.due
            .extend(waiting.into_iter().filter(free).take(room.most as usize));
        self.due.extend(ids(bulk, room.bulk));
        if !self.due.is_empty() {
            let slices: Slices = self.due.iter().map(|id| id.subscriber.slice()).collect();
            self.incarnations = reads.incarnations(&slices)?;
        }
        Ok(())
    }
}

/// The shipment of this terminal with a packet of this counter, newest first.
fn shipment_with(
    reads: &dyn Reads,
    terminal: TerminalId,
    counter: u64,
) -> Result<Option<ShipmentId>, StoreError> {
    let shipments = reads.shipments(ShipmentFilter {
        terminal: Some(terminal),
        state: None,
        after: None,
        limit: SHIPMENTS_BACK,
    })?;
    let carries = |shipment: &Shipment| {
        let mut packets = shipment.packets.iter();
        packets.any(|packet| packet.counter == Some(counter))
    };
    Ok(shipments.into_iter().find(carries).map(|s| s.id))
}
