//! One bind for all nodes (ARCHITECTURE.md, “Many nodes”, protocol 6). Where a carrier grants one bind, the node that owns
//! the slice of the gateway's name holds it; every other leaves what would go by it as an *offer* beside the slice that it
//! belongs to. The holder takes each offer once; the owner of the shipment always hears what came of it, by its inbox.
//!
//! Here is what a node remembers and decides; [`Offers::look`] is given the offers as they lie in the store.

use crate::network::{GatewayRow, NetworkTable};
use crate::route::takes;
use crate::{Class, Event, Fence, Lane, NodeId, Outbound, Target};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How long an offer waits for an answer, ms: as long as a code lives. Its holder lives, and does not look at offers: nobody
/// knows.
const PATIENCE: u64 = 600_000;
/// How long an offer waits for a gateway that takes nothing, ms: then it is given back, unsent, and may go by another.
const ILL: u64 = 10_000;

/// The slice whose lease a gateway's only bind goes with: the same on every machine and in every version (FNV-1a, folded).
pub fn slice_of(gateway: &str) -> u8 {
    let step = |hash: u32, octet: u8| (hash ^ u32::from(octet)).wrapping_mul(0x0100_0193);
    let hash = gateway.bytes().fold(0x811C_9DC5, step);
    hash.to_be_bytes().into_iter().fold(0, |a, b| a ^ b)
}

/// Who holds a gateway's only bind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Holder {
    /// This node, as long as this is open.
    Here(Fence),
    /// Another one.
    There(NodeId),
    /// Another one, whose gateway takes nothing; why, as a sentence.
    Ill(NodeId, String),
    /// Nobody just now.
    #[default]
    Nobody,
}

/// How a gateway that grants one bind stands at this node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stand {
    /// Who holds it.
    pub holder: Holder,
    /// How many of the messages that its line passed on are done with since the start: interactive, bulk.
    pub done: [u64; 2],
}

/// All of them, by gateway.
pub type Stands = BTreeMap<String, Stand>;

/// A message that a line passes on, since another node holds the bind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The line's gateway: routing chose it.
    pub gateway: String,
    /// The message.
    pub message: Outbound,
}

/// What another node is asked to send; the message itself is sealed beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// By which gateway.
    pub gateway: String,
    /// The epoch of the gateway's slice, as the node knew it that offers.
    pub epoch: u64,
    /// That node.
    pub node: NodeId,
    /// What the message belongs to.
    pub target: Target,
    /// Interactive goes first (rule 6).
    pub lane: Lane,
    /// The epoch at which that node owns the shipment's slice; none: it is a text to a person.
    pub owner: Option<u64>,
}

impl Offer {
    /// The slice that it lies beside, with the inbox that its answer goes to.
    pub fn slice(&self) -> u8 {
        match &self.target {
            Target::Part(part) => part.shipment.slice(),
            Target::Notice { .. } => slice_of(&self.gateway),
        }
    }

    /// What its owner hears when nobody knows whether it was sent; nobody waits for a text's answer.
    fn unknown(&self) -> Option<Event> {
        matches!(self.target, Target::Part(_)).then(|| Event::NoAnswer {
            target: self.target.clone(),
            gateway: self.gateway.clone(),
        })
    }

    /// What its owner hears when it was certainly not sent. A text waits on: nobody would send it again.
    fn refused(&self, reason: &str) -> Option<Event> {
        matches!(self.target, Target::Part(_)).then(|| Event::Refused {
            target: self.target.clone(),
            gateway: self.gateway.clone(),
            status: 0,
            class: Class::Temporary,
            reason: format!("the node that holds the only bind cannot use it ({reason})"),
        })
    }
}

/// What a look at an offer comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is sent.
    Send,
    /// An older holder may have sent it: nobody knows.
    Unknown,
    /// Its shipment has another owner by now, who takes up what is unfinished: it is removed, unsent.
    Gone,
    /// It is another's to look at, or taken already.
    Leave,
}

/// Decides about an offer. `mine` is the epoch at which this node owns the gateway's slice, `owner` the one at which the
/// shipment's slice is owned now.
pub fn verdict(offer: &Offer, mine: Option<u64>, owner: Option<u64>, taken: bool) -> Verdict {
    // One that knows of a newer holder than this node knows of: this node has lost the slice.
    let Some(mine) = mine.filter(|mine| offer.epoch <= *mine) else {
        return Verdict::Leave;
    };
    if !taken && offer.owner.is_some() && offer.owner != owner {
        Verdict::Gone
    } else if offer.epoch < mine {
        Verdict::Unknown
    } else if taken {
        Verdict::Leave
    } else {
        Verdict::Send
    }
}

/// What a node does next about an offer, by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send it by its gateway.
    Send(String),
    /// Remove it, and leave this for its owner, both at once.
    Answer(Answered),
}

/// An offer that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Its key.
    pub key: String,
    /// The slice that it lies beside.
    pub slice: u8,
    /// What its owner hears.
    pub event: Option<Event>,
}

/// What the node knows beside the offers.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The gateways whose bind it holds, with the epoch of their slices.
    pub held: &'a BTreeMap<String, u64>,
    /// The epoch of every slice that has an owner.
    pub owners: &'a BTreeMap<u8, u64>,
    /// How its gateways are.
    pub table: &'a NetworkTable,
    /// The monotonic clock, ms.
    pub now: u64,
}

#[derive(Debug)]
struct Taken {
    gateway: String,
    target: Target,
    slice: u8,
    answer: Option<Event>,
}

#[derive(Debug)]
struct Own {
    gateway: String,
    lane: Lane,
    until: u64,
}

/// What a node remembers of offers: those it took, and those it made.
#[derive(Debug, Default)]
pub struct Offers {
    taken: BTreeMap<String, Taken>,
    own: BTreeMap<String, Own>,
    done: BTreeMap<String, [u64; 2]>,
    /// Since when offers wait for a gateway that takes nothing.
    ill: BTreeMap<String, u64>,
}

impl Offers {
    /// This node made an offer.
    pub fn made(&mut self, key: String, offer: &Offer, now: u64) {
        let own = Own {
            gateway: offer.gateway.clone(),
            lane: offer.lane,
            until: now.saturating_add(PATIENCE),
        };
        self.own.insert(key, own);
    }

    /// A message that was passed on needs no offer, or has none any more.
    pub fn done_with(&mut self, gateway: &str, lane: Lane) {
        let done = self.done.entry(gateway.to_owned()).or_default();
        done[usize::from(lane == Lane::Bulk)] += 1;
    }

    /// How many of the messages that were passed on for this gateway are done with: interactive, bulk.
    pub fn done(&self, gateway: &str) -> [u64; 2] {
        self.done.get(gateway).copied().unwrap_or_default()
    }

    /// Whether this is the answer to an offer that was taken here: then it is kept until it is written down.
    pub fn heard(&mut self, event: &Event) -> bool {
        let (target, by, sent) = match event {
            Event::Accepted {
                target, gateway, ..
            }
            | Event::Refused {
                target, gateway, ..
            }
            | Event::NoAnswer { target, gateway } => (target, gateway, true),
            Event::NotSent { target, gateway } => (target, gateway, false),
            Event::Receipt { .. } | Event::Mobile { .. } | Event::Gateway { .. } => return false,
        };
        let ours = |taken: &Taken| taken.target == *target && taken.gateway == *by;
        if !sent {
            // It was not handed over: the next look takes it anew, if it is still to be sent.
            self.taken
                .retain(|_, taken| !ours(taken) || taken.answer.is_some());
            return true;
        }
        let mut any = false;
        for taken in self.taken.values_mut().filter(|taken| ours(taken)) {
            taken.answer.get_or_insert_with(|| event.clone());
            any = true;
        }
        any
    }

    /// The answers that are not written down yet.
    pub fn answers(&self) -> Vec<Answered> {
        let answered = |(key, taken): (&String, &Taken)| {
            let event = taken.answer.clone()?;
            let event = matches!(taken.target, Target::Part(_)).then_some(event);
            Some(Answered {
                key: key.clone(),
                slice: taken.slice,
                event,
            })
        };
        self.taken.iter().filter_map(answered).collect()
    }

    /// The answer to this one is written down.
    pub fn written(&mut self, key: &str) {
        self.taken.remove(key);
    }

    /// The offers as they lie in the store, in the order of their keys, interactive first; what is sent is remembered as
    /// taken. They were read after everything that [`Offers::made`] and [`Offers::written`] were told of was stored.
    pub fn look(&mut self, offers: &[(String, Offer)], view: View) -> Vec<Step> {
        let there: BTreeSet<&str> = offers.iter().map(|(key, _)| key.as_str()).collect();
        let gone: Vec<String> = self.own.keys().cloned().collect();
        for key in gone.iter().filter(|key| !there.contains(key.as_str())) {
            if let Some(own) = self.own.remove(key) {
                self.done_with(&own.gateway, own.lane);
            }
        }
        let mut rows = self.rows(view);
        let before = std::mem::take(&mut self.ill);
        let mut steps = Vec::new();
        for (key, offer) in offers {
            let taken = self.taken.contains_key(key);
            let mine = view.held.get(&offer.gateway).copied();
            let owner = view.owners.get(&offer.slice()).copied();
            let answer = |event| {
                let slice = offer.slice();
                let key = key.clone();
                Step::Answer(Answered { key, slice, event })
            };
            let late = self.own.get(key).is_some_and(|own| own.until <= view.now);
            match verdict(offer, mine, owner, taken) {
                Verdict::Unknown => steps.push(answer(offer.unknown())),
                Verdict::Gone => steps.push(answer(None)),
                _ if late && !taken => steps.push(answer(offer.unknown())),
                Verdict::Leave => {}
                Verdict::Send => {
                    let Some(row) = rows.get_mut(&offer.gateway) else {
                        continue;
                    };
                    if !takes(row) {
                        let since = before.get(key).copied().unwrap_or(view.now);
                        match offer.refused(&row.reason) {
                            Some(event) if view.now >= since.saturating_add(ILL) => {
                                steps.push(answer(Some(event)));
                            }
                            _ => drop(self.ill.insert(key.clone(), since)),
                        }
                        continue;
                    }
                    if !row.room(offer.lane) {
                        continue;
                    }
                    row.count(offer.lane);
                    let taken = Taken {
                        gateway: offer.gateway.clone(),
                        target: offer.target.clone(),
                        slice: offer.slice(),
                        answer: None,
                    };
                    self.taken.insert(key.clone(), taken);
                    steps.push(Step::Send(key.clone()));
                }
            }
        }
        steps
    }

    /// The rows of the gateways that are held, as if only offers waited there: they share a gateway with what its own
    /// node sends, whichever comes more.
    fn rows(&self, view: View) -> BTreeMap<String, GatewayRow> {
        let row = |gateway: &String| {
            let mut row = view.table.gateways.get(gateway)?.clone();
            let waiting = |taken: &&Taken| taken.gateway == *gateway && taken.answer.is_none();
            let waiting = self.taken.values().filter(waiting).count();
            row.queued = u32::try_from(waiting).unwrap_or(u32::MAX);
            Some((gateway.clone(), row))
        };
        view.held.keys().filter_map(row).collect()
    }
}

#[cfg(test)]
mod tests;
