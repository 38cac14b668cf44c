//! A round's decisions: items and what was loaded go in, cases come out. Nothing is read or written here.

use super::case::Case;
use super::fragments;
use super::gather::{Ack, Item, Loaded, What, forms};
use super::ids::Ids;
use super::known::Knowledge;
use super::record::About;
use super::{plan, proof, texts};
use crate::Control;
use crate::owner::Holdings;
use delivery::{
    Event, Happening, PartRef, Shipment, ShipmentId, ShipmentState, Target, TerminalId, Trouble,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use wire::sms::{Reassembler, Taken};

/// What one round decided.
pub(super) struct Batch<'a> {
    house: &'a Control,
    now: i64,
    known: &'a mut Knowledge,
    loaded: Loaded,
    held: Arc<Holdings>,
    /// Whose record is being written.
    writing: Arc<About>,
    waiting: Vec<Item>,
    /// Which terminal a shipment is of.
    of: HashMap<ShipmentId, TerminalId>,
    /// Parts of longer messages that wait, by their sender.
    fragments: HashMap<String, Reassembler>,
    cases: BTreeMap<TerminalId, Case>,
    later: Vec<Item>,
    done: Vec<Ack>,
    untaken: Vec<Ack>,
    gone: Vec<ShipmentId>,
    elsewhere: Vec<(u8, Item)>,
    unknown: Vec<Item>,
    /// Something that people wait for is due and could not be planned in this round.
    pub more: bool,
    /// The same of bulk work.
    pub more_bulk: bool,
    /// When something is due next, ms UTC.
    pub next: Option<i64>,
}

/// What is recorded and done then.
pub(super) struct Decided {
    /// One a terminal.
    pub cases: BTreeMap<TerminalId, Case>,
    /// Needs another question to the store, or another shipment of the same terminal: for the next round.
    pub later: Vec<Item>,
    /// Concerns a terminal whose record is being written.
    pub waiting: Vec<Item>,
    /// Belongs to another node, by slice.
    pub elsewhere: Vec<(u8, Item)>,
    /// Receipts whose message nobody has recorded yet.
    pub unknown: Vec<Item>,
    /// Changed nothing.
    pub done: Vec<Ack>,
    /// What could not be taken in: it comes again.
    pub untaken: Vec<Ack>,
    /// Shipments that are not there any more.
    pub gone: Vec<ShipmentId>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        house: &'a Control,
        now: i64,
        known: &'a mut Knowledge,
        loaded: Loaded,
        held: Arc<Holdings>,
        writing: Arc<About>,
    ) -> Self {
        let shipments = loaded.shipments.values();
        Self {
            of: shipments.map(|s| (s.id, s.terminal)).collect(),
            more: loaded.more,
            more_bulk: loaded.more_bulk,
            next: loaded.next,
            house,
            now,
            known,
            loaded,
            held,
            writing,
            waiting: Vec::new(),
            cases: BTreeMap::new(),
            fragments: HashMap::new(),
            later: Vec::new(),
            elsewhere: Vec::new(),
            unknown: Vec::new(),
            done: Vec::new(),
            untaken: Vec::new(),
            gone: Vec::new(),
        }
    }

    /// Decides about `item`.
    pub(super) fn take(&mut self, mut item: Item) {
        match &item.what {
            What::Nothing => self.nothing(item),
            What::Part(part, _) => self.happen(part.shipment, item),
            What::Proof(id, _) | What::Clock(id) | What::TakeUp(id) => self.happen(*id, item),
            What::Receipt {
                gateway,
                message_id,
                state,
                error,
            } => match self.sent_before(gateway, message_id) {
                Some(part) => {
                    let (state, error) = (*state, error.clone());
                    item.what = What::Part(part, Happening::Receipt { part, state, error });
                    if let Some(Event::Receipt { target, .. }) = &mut item.event {
                        *target = Some(Target::Part(part));
                    }
                    self.happen(part.shipment, item);
                }
                // The node that sent it may not have recorded the id yet.
                None if item.event.is_some() && item.until.is_none_or(|until| self.now < until) => {
                    self.unknown.push(item);
                }
                None => self.unfound(item),
            },
            What::Answer(terminal, answer) => {
                match self.loaded.counters.get(&(*terminal, answer.counter)) {
                    Some(id) => self.happen(*id, item),
                    None => self.nothing(item),
                }
            }
            What::Mobile(_) => self.mobile(item),
            What::Text(..) => self.text(item),
        }
    }

    /// Plans everything that is due and not in hand already.
    pub(super) fn plan(&mut self, ids: &mut Ids) {
        for id in std::mem::take(&mut self.loaded.due) {
            if self.cases.contains_key(&id) {
                self.more = true;
                continue;
            }
            self.known.forget(id);
            let Some(book) = self.loaded.books.get(&id.subscriber) else {
                continue;
            };
            let Some(full) = self.loaded.terminals.remove(&id) else {
                continue;
            };
            let (before, mark) = (full.terminal.clone(), full.due);
            let incarnation = self.loaded.incarnations.get(&id.subscriber.slice());
            let Some(incarnation) = incarnation.copied() else {
                continue;
            };
            if let Some(decided) = plan::plan(self.house, full, book, incarnation, ids, self.now) {
                self.cases.insert(id, Case::planned(before, mark, decided));
            }
        }
    }

    /// All of it.
    pub(super) fn decided(self) -> Decided {
        Decided {
            cases: self.cases,
            later: self.later,
            waiting: self.waiting,
            elsewhere: self.elsewhere,
            unknown: self.unknown,
            done: self.done,
            untaken: self.untaken,
            gone: self.gone,
        }
    }

    fn nothing(&mut self, item: Item) {
        self.done.extend(item.ack);
    }

    /// It is about nothing that is here. Where a server was away, nobody knows what lies there: who sent it keeps it.
    fn unfound(&mut self, item: Item) {
        match self.loaded.lacks {
            false => self.nothing(item),
            true => self.untaken.extend(item.ack),
        }
    }

    fn case(&mut self, id: TerminalId) -> Option<&mut Case> {
        if let Some(full) = self.loaded.terminals.remove(&id)
            && !self.cases.contains_key(&id)
        {
            self.known.forget(id);
            self.cases.insert(id, Case::of(full));
        }
        self.cases.get_mut(&id)
    }

    /// Something happened to a shipment.
    fn happen(&mut self, id: ShipmentId, item: Item) {
        if self.held.get(id.slice()).is_none() {
            return self.elsewhere.push((id.slice(), item));
        }
        self.remember(id);
        let known = self.of.get(&id).copied();
        if known.is_some_and(|terminal| self.writing.terminals.contains(&terminal)) {
            return self.waiting.push(item);
        }
        let shipment = self.loaded.shipments.remove(&id);
        let (house, now) = (self.house, self.now);
        let Some(case) = known.and_then(|terminal| self.case(terminal)) else {
            if !self.loaded.asked.contains(&id) {
                // It was in memory, and its terminal was read because of another shipment.
                return self.later.push(item);
            }
            self.gone.push(id);
            return self.nothing(item);
        };
        match (case.shipment().map(|other| other.id), shipment) {
            (None, Some(shipment)) => case.attach(shipment),
            (Some(other), _) if other == id => {}
            (_, shipment) => {
                self.loaded
                    .shipments
                    .extend(shipment.map(|shipment| (id, shipment)));
                return self.later.push(item);
            }
        }
        let state = case.shipment().map(|shipment| shipment.state);
        let happening = match &item.what {
            What::Part(_, happening) => happening.clone(),
            What::Proof(_, answer) | What::Answer(_, answer) => Happening::Answer(answer.clone()),
            // A packet that nobody took goes again, octet for octet.
            What::TakeUp(_) if state != Some(ShipmentState::Waiting) => Happening::Start,
            _ => Happening::Clock,
        };
        case.happen(house, &happening, now);
        case.items.push(item);
    }

    /// Opens a case from memory, if nothing was read about it.
    fn remember(&mut self, id: ShipmentId) {
        let Some(terminal) = self.known.of_shipment(id) else {
            return;
        };
        if self.cases.contains_key(&terminal) || self.loaded.terminals.contains_key(&terminal) {
            return;
        }
        if let Some(known) = self.known.take(terminal) {
            self.of.insert(id, terminal);
            self.cases.insert(terminal, Case::known(known));
        }
    }

    /// What an earlier process sent under this id, in whatever form the gateway gives it back; two different matches
    /// are none (SMPP.md, row 3).
    fn sent_before(&self, gateway: &str, id: &str) -> Option<PartRef> {
        let known = |form: String| self.loaded.sent.get(&(gateway.to_owned(), form)).copied();
        known(id.to_owned()).or_else(|| {
            let mut found = forms(id).into_iter().filter_map(known);
            let first = found.next()?;
            found.all(|other| other == first).then_some(first)
        })
    }

    /// A message from a terminal: a card's answer, or a text.
    fn mobile(&mut self, mut item: Item) {
        let What::Mobile(message) = &item.what else {
            return;
        };
        // Lost since it was taken out of that slice's inbox: it lies there for the next owner.
        if let Some(Ack::Inbox(slice, _)) = item.ack
            && self.held.get(slice).is_none()
        {
            return self.elsewhere.push((slice, item));
        }
        // Nobody's phone: nothing is kept of it.
        let Some(ids) = self.loaded.addresses.get(&message.from).cloned() else {
            return self.unfound(item);
        };
        if ids.iter().any(|id| self.writing.terminals.contains(id)) {
            return self.waiting.push(item);
        }
        let (ids, foreign): (Vec<_>, Vec<_>) = ids
            .into_iter()
            .partition(|id| self.held.get(id.subscriber.slice()).is_some());
        // No terminal of this node knows what to do with it; from the inbox it came because of this one.
        let from_inbox = matches!(item.ack, Some(Ack::Inbox(..)));
        if message.is_part() {
            // One node puts them together, wherever they arrive.
            return match (foreign.first().filter(|_| !from_inbox), ids.first()) {
                (Some(other), None) => self.elsewhere.push((other.subscriber.slice(), item)),
                (_, Some(id)) => self.fragment(*id, item),
                (_, None) => self.nothing(item),
            };
        }
        if let Some(parts) = &message.whole {
            let read = |id: &TerminalId| {
                let answer = proof::read(self.house, self.terminal(*id)?, parts)?;
                Some((*id, answer))
            };
            if let Some((id, answer)) = ids.iter().find_map(read) {
                let under_way = self.under_way(id, answer.counter);
                item.what = What::Answer(id, answer);
                return match under_way {
                    Some(shipment) => self.happen(shipment, item),
                    None => self.later.push(item),
                };
            }
            let waits =
                |id: &&TerminalId| self.terminal(**id).is_some_and(|t| t.in_flight.is_some());
            if let Some(id) = ids.iter().find(waits).copied() {
                return self.unreadable(id, item);
            }
        }
        if let Some(other) = foreign.first().filter(|_| !from_inbox) {
            return self.elsewhere.push((other.subscriber.slice(), item));
        }
        let Some(first) = ids.first().copied() else {
            return self.nothing(item);
        };
        if let What::Mobile(message) = std::mem::replace(&mut item.what, What::Nothing) {
            item.what = What::Text(first, message);
            self.later.push(item);
        }
    }

    /// One part of a longer message: kept with the others until all are here, and then what they say together.
    fn fragment(&mut self, id: TerminalId, mut item: Item) {
        let (house, now) = (self.house, self.now);
        let What::Mobile(message) = &mut item.what else {
            return;
        };
        let from = message.from.clone();
        let stored = self.loaded.fragments.remove(&from).unwrap_or_default();
        let waiting = self.fragments.entry(from.clone());
        let waiting = waiting.or_insert_with_key(|from| fragments::waiting(from, &stored));
        let token = house.random_u64();
        let mut documents = Vec::new();
        let done = match waiting.take(&from, true, message.user_data.clone(), token, now) {
            Taken::Repeated => return self.nothing(item),
            Taken::Waiting { dropped } => {
                documents.push(fragments::keep(&from, token, &message.user_data, now));
                documents.extend(dropped.into_iter().map(fragments::drop));
                false
            }
            Taken::Whole { parts, tokens } => {
                documents.extend(tokens.into_iter().map(fragments::drop));
                message.user_data = fragments::body(&parts);
                message.udhi = false;
                message.whole = wire::ota::join(&parts).is_ok().then_some(parts);
                true
            }
        };
        let Some(case) = self.case(id) else {
            return self.nothing(item);
        };
        case.hear(documents, None, now);
        match done {
            true => self.mobile(item),
            false => case.items.push(item),
        }
    }

    fn terminal(&self, id: TerminalId) -> Option<&delivery::Terminal> {
        let loaded = self.loaded.terminals.get(&id).map(|full| &full.terminal);
        loaded.or_else(|| self.cases.get(&id).map(Case::terminal))
    }

    /// The shipment on its way, if one of its packets has this counter.
    fn under_way(&self, id: TerminalId, counter: u64) -> Option<ShipmentId> {
        let under_way = self.terminal(id)?.in_flight?;
        let in_case = self.cases.get(&id).and_then(Case::shipment);
        let in_case = in_case.filter(|shipment| shipment.id == under_way);
        let shipment: &Shipment = in_case.or_else(|| self.loaded.shipments.get(&under_way))?;
        let mut packets = shipment.packets.iter();
        packets
            .any(|packet| packet.counter == Some(counter))
            .then_some(under_way)
    }

    /// A card answers what is on its way, and nobody can read it: a person must look at the keys. Kith goes on trying,
    /// because anybody can send a message from anybody's number; the next proof takes the trouble away.
    fn unreadable(&mut self, id: TerminalId, item: Item) {
        let now = self.now;
        let Some(case) = self.case(id) else {
            return self.nothing(item);
        };
        let terminal = case.terminal_mut();
        terminal.last_heard = Some(now);
        terminal.trouble = Some(Trouble {
            key: "keys".into(),
            sentence: "The card answers, and its answer cannot be read with the keys that stand here: check KIc, KID and the card profile.".into(),
        });
        case.items.push(item);
    }

    fn text(&mut self, item: Item) {
        let What::Text(id, message) = &item.what else {
            return;
        };
        if self.writing.terminals.contains(id) {
            return self.waiting.push(item);
        }
        let now = self.now;
        // Two messages of one moment are two.
        let before = self.case(*id).map(|case| case.documents());
        let Some(before) = before.and_then(|n| i64::try_from(n).ok()) else {
            return self.nothing(item);
        };
        let (documents, answer) =
            texts::heard(self.house, &self.loaded, *id, message, now + before);
        if let Some(case) = self.case(*id) {
            case.hear(documents, answer, now);
            case.items.push(item);
        }
    }
}
