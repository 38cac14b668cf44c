//! One bind for all nodes (ARCHITECTURE.md, “Many nodes”, protocol 6), at the edge: what a line passes on is offered in the
//! store; the holder of the bind sends what others offer; what came of it goes to the owner's inbox. `delivery::offer`
//! decides. An offer holds a whole message, perhaps a log-in code, and is sealed.

use crate::engine::left;
use crate::{Control, locked};
use delivery::breaker::Circuit;
use delivery::network::Health;
use delivery::offer::{
    Answered, Holder, Offer, Offers, Passed, Stand, Stands, Step, View, slice_of,
};
use delivery::{Event, Fence, Lane, Outbound, Ownership, Target};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;
use store::{Document, DocumentWrite, Job, StoreError};
use tokio::sync::{Notify, mpsc, watch};

const KIND: &str = "offer";
/// How often offers are looked at, when nobody says that there is one.
const LOOK: Duration = Duration::from_millis(200);
/// Offers that are read at once.
const PAGE: u32 = 500;
/// How long a lease of a shipment's slice is trusted once it was read, ms: what has waited longer is looked at again.
const TRUST: u64 = 5_000;
/// An offer that nobody removes is thrown away after this, ms: a gateway that no node has any more.
const KEPT: i64 = 86_400_000;

/// The gateways whose carrier grants one bind for all nodes.
#[derive(Debug, Clone, Default)]
pub struct OneBind {
    /// Their names.
    pub gateways: Vec<String>,
    /// Takes who holds each.
    pub stands: watch::Sender<Stands>,
}

/// What control keeps of offers.
#[derive(Default)]
pub(crate) struct Desk {
    memory: Mutex<Memory>,
    /// One look at a time: each relies on what the one before has written.
    looking: tokio::sync::Mutex<()>,
    wake: Notify,
}

impl Desk {
    /// There is something to look at.
    pub(crate) fn look(&self) {
        self.wake.notify_one();
    }
}

#[derive(Default)]
struct Memory {
    offers: Offers,
    /// What lines passed on, not offered yet.
    passed: Vec<Passed>,
}

/// An offer as it lies in the store.
#[derive(Serialize, Deserialize)]
struct Row {
    offer: Offer,
    /// The message, sealed for this very offer.
    sealed: String,
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Message {
    destination: String,
    udhi: bool,
    pid: u8,
    dcs: u8,
    user_data: String,
    validity_s: Option<u32>,
}

/// What becomes of a message that was passed on.
enum Way {
    /// It is offered under this key.
    Offer(String, Offer),
    /// This node, or nobody, holds the bind by now: routing looks again.
    Route,
    /// It is not this node's to send any more.
    Drop,
}

impl Control {
    /// Offers what lines pass on, and looks at what others offer, until it is dropped. Without a gateway that grants one
    /// bind, or without other nodes, it only waits.
    pub async fn run_offers(&self, mut passed: mpsc::UnboundedReceiver<Passed>) {
        if self.one_bind().is_none() {
            std::future::pending::<()>().await;
        }
        loop {
            tokio::select! {
                Some(message) = passed.recv() => {
                    self.pass(message);
                    // What came together is offered together.
                    while let Ok(message) = passed.try_recv() {
                        self.pass(message);
                    }
                }
                () = self.0.offers.wake.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
            if let Err(error) = self.look_at_offers().await {
                tracing::warn!(%error, "offers to and from other nodes could not be looked at; trying again");
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    /// A line passes a message on, since another node holds its gateway's only bind.
    pub fn pass(&self, passed: Passed) {
        locked(&self.0.offers.memory).passed.push(passed);
    }

    /// Looks once: writes down what was answered, offers what was passed on, then goes by what lies in the store.
    ///
    /// # Errors
    /// The store's; the next look goes on.
    pub async fn look_at_offers(&self) -> Result<(), StoreError> {
        let Some(one_bind) = self.one_bind() else {
            return Ok(());
        };
        let _one_at_a_time = self.0.offers.looking.lock().await;
        self.write_offers().await?;
        let before = self.clocks().monotonic;
        let read = self.own_store().read(|reads| {
            let (mut documents, mut after) = (Vec::new(), None);
            loop {
                let page: Vec<Document> = reads.documents(KIND, after.as_deref(), PAGE)?;
                let Some(last) = page.last() else {
                    break;
                };
                after = Some(last.key.clone());
                documents.extend(page);
            }
            // A lease that was handed over: the next owner takes up what is unfinished.
            let leases = match documents.is_empty() {
                true => Vec::new(),
                false => reads.leases()?,
            };
            Ok((documents, leases))
        });
        let (documents, leases) = read.await?;
        let owned = leases.into_iter().filter(|lease| lease.expires != 0);
        let owners = owned.map(|lease| (lease.slice, lease.epoch)).collect();
        let holdings = self.0.owner.holdings();
        let held: BTreeMap<String, u64> = one_bind
            .gateways
            .iter()
            .filter_map(|name| Some((name.clone(), holdings.get(slice_of(name))?.epoch)))
            .collect();
        let (mut offers, mut sealed) = (Vec::new(), BTreeMap::new());
        for document in documents {
            match serde_json::from_str::<Row>(&document.value) {
                Ok(row) => {
                    sealed.insert(document.key.clone(), (row.offer.clone(), row.sealed));
                    offers.push((document.key, row.offer));
                }
                // Of another version of Kith, most likely: its maker takes it back after a while.
                Err(error) => tracing::warn!(%error, "an offer of another node cannot be read"),
            }
        }
        let view = View {
            held: &held,
            owners: &owners,
            table: &self.network(),
            now: before,
        };
        let steps = locked(&self.0.offers.memory).offers.look(&offers, view);
        self.show_stands(&locked(self.0.owner.machine()), before);
        let mut over = Vec::new();
        for step in steps {
            match step {
                Step::Answer(answered) => over.push(answered),
                Step::Send(key) => {
                    let fence = sealed.get(&key).and_then(|(offer, _)| {
                        let held = holdings.get(slice_of(&offer.gateway))?;
                        held.fence.clone()
                    });
                    if let (Some((offer, sealed)), Some(fence)) = (sealed.get(&key), fence) {
                        let fence = fence.no_later_than(before.saturating_add(TRUST));
                        self.send_offered(&key, offer, sealed, fence);
                    }
                }
            }
        }
        self.write_over(over).await
    }

    /// Answers that came, and what was passed on: one group of jobs.
    async fn write_offers(&self) -> Result<(), StoreError> {
        let (answers, passed) = {
            let mut memory = locked(&self.0.offers.memory);
            (memory.offers.answers(), std::mem::take(&mut memory.passed))
        };
        let (now, mut jobs, mut made) = (self.now(), Vec::new(), Vec::new());
        for passed in passed {
            match self.way(&passed) {
                Way::Offer(key, offer) => {
                    jobs.push(self.offered(&key, &offer, &passed.message, now));
                    made.push((key, offer, passed));
                }
                way => {
                    let Passed { gateway, message } = passed;
                    let lane = message.lane;
                    locked(&self.0.offers.memory)
                        .offers
                        .done_with(&gateway, lane);
                    // Its line must know who holds the bind before the message comes by again.
                    let at = self.clocks().monotonic;
                    self.show_stands(&locked(self.0.owner.machine()), at);
                    if matches!(way, Way::Route) {
                        // A closed channel: Kith is going down.
                        let _ = self.0.outbound.send(message);
                    }
                }
            }
        }
        jobs.extend(answers.iter().map(|answered| self.over(answered, now)));
        if jobs.is_empty() {
            return Ok(());
        }
        let mut results = self.store().run_all(jobs).await.into_iter();
        let mut failed = None;
        for ((key, offer, passed), result) in made.into_iter().zip(results.by_ref()) {
            let at = self.clocks().monotonic;
            let memory = &mut *locked(&self.0.offers.memory);
            match result {
                Ok(()) => {
                    memory.offers.made(key, &offer, at);
                    self.wake_for(slice_of(&offer.gateway));
                }
                Err(error) => {
                    match error {
                        // If it lies there, it may be sent: it is not offered twice.
                        StoreError::Unknown { .. } => memory.offers.made(key, &offer, at),
                        _ => memory.passed.push(passed),
                    }
                    failed.get_or_insert(error);
                }
            }
        }
        for (answered, result) in answers.into_iter().zip(results) {
            match result {
                Ok(()) => {
                    locked(&self.0.offers.memory).offers.written(&answered.key);
                    self.wake_for(answered.slice);
                }
                Err(error) => drop(failed.get_or_insert(error)),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Removes what is over, and tells its owners. What could not be is found again at the next look.
    async fn write_over(&self, over: Vec<Answered>) -> Result<(), StoreError> {
        if over.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let jobs = over.iter().map(|answered| self.over(answered, now));
        let results = self.store().run_all(jobs.collect()).await;
        for (answered, result) in over.into_iter().zip(results) {
            result?;
            self.wake_for(answered.slice);
        }
        // There may be room for more.
        self.0.offers.look();
        Ok(())
    }

    /// What becomes of a message that was passed on.
    fn way(&self, passed: &Passed) -> Way {
        let Some(sharing) = self.sharing() else {
            return Way::Route;
        };
        let message = &passed.message;
        let at = self.clocks().monotonic;
        let slice = slice_of(&passed.gateway);
        let holder = locked(self.0.owner.machine()).holder(slice, at);
        let Some((_, epoch)) = holder.filter(|(node, _)| *node != sharing.node) else {
            return Way::Route;
        };
        let open = |fence: &Fence| fence.open(at);
        let owner = match message.target {
            Target::Notice { .. } => None,
            Target::Part(part) => match self.0.owner.holdings().get(part.shipment.slice()) {
                Some(held) if message.fence.as_ref().is_none_or(open) => Some(held.epoch),
                _ => return Way::Drop,
            },
        };
        let lane = u8::from(message.lane == Lane::Bulk);
        let key = format!("{lane}{:012x}{:016x}", self.now(), self.random_u64());
        let offer = Offer {
            gateway: passed.gateway.clone(),
            epoch,
            node: sharing.node,
            target: message.target.clone(),
            lane: message.lane,
            owner,
        };
        Way::Offer(key, offer)
    }

    /// The job that stores an offer.
    fn offered(&self, key: &str, offer: &Offer, message: &Outbound, now: i64) -> Job {
        let plain = Message {
            destination: message.destination.clone(),
            udhi: message.udhi,
            pid: message.pid,
            dcs: message.dcs,
            user_data: hex::encode(&message.user_data),
            validity_s: message.validity_s,
        };
        // Kith's own types are all JSON.
        let plain = serde_json::to_vec(&plain).unwrap_or_default();
        let row = Row {
            offer: offer.clone(),
            sealed: hex::encode(self.vault().seal(&purpose(key), &plain)),
        };
        let write = DocumentWrite::put(KIND, key, &row).until(now + KEPT);
        Job::Documents(vec![write.beside(offer.slice())])
    }

    /// The job that removes an offer, and leaves what came of it in its owner's inbox.
    fn over(&self, answered: &Answered, now: i64) -> Job {
        let Answered { key, slice, event } = answered;
        // The same mark each time: an answer that is written twice is there once.
        let mark = key.get(13..).and_then(|m| u64::from_str_radix(m, 16).ok());
        let mark = mark.unwrap_or_else(|| self.random_u64());
        let left = event.as_ref().map(|event| left(*slice, event, mark, now));
        let removed = DocumentWrite::remove(KIND, key.clone()).beside(*slice);
        Job::Documents(left.into_iter().chain([removed]).collect())
    }

    /// Sends what another node offered, by that very gateway.
    fn send_offered(&self, key: &str, offer: &Offer, sealed: &str, fence: Fence) {
        let opened = hex::decode(sealed)
            .map_err(|error| error.to_string())
            .and_then(|sealed| {
                let opened = self.vault().open(&purpose(key), &sealed);
                opened.map_err(|error| error.to_string())
            })
            .and_then(|plain| {
                let message = serde_json::from_slice::<Message>(plain.expose());
                message.map_err(|error| error.to_string())
            })
            .and_then(|message| {
                let user_data = hex::decode(&message.user_data);
                Ok((user_data.map_err(|error| error.to_string())?, message))
            });
        let (user_data, message) = match opened {
            Ok(opened) => opened,
            Err(why) => {
                tracing::error!(why, "an offer of another node cannot be opened");
                let answer = Event::Refused {
                    target: offer.target.clone(),
                    gateway: offer.gateway.clone(),
                    status: 0,
                    class: delivery::Class::Ours,
                    reason: "the node that holds the only bind has another master key: give all nodes the same".into(),
                };
                self.heard_of_offer(&answer);
                return;
            }
        };
        // A closed channel: Kith is going down, and the next holder says that nobody knows.
        let _ = self.0.outbound.send(Outbound {
            target: offer.target.clone(),
            lane: offer.lane,
            destination: message.destination,
            udhi: message.udhi,
            pid: message.pid,
            dcs: message.dcs,
            user_data,
            validity_s: message.validity_s,
            fence: Some(fence),
            by: Some(offer.gateway.clone()),
        });
    }

    /// Whether this event answers an offer of another node: it is written down by the next look then.
    pub(crate) fn heard_of_offer(&self, event: &Event) -> bool {
        let heard = locked(&self.0.offers.memory).offers.heard(event);
        if heard {
            self.0.offers.look();
        }
        heard
    }

    /// Shows the lines who holds the binds.
    pub(crate) fn show_stands(&self, machine: &Ownership, now: u64) {
        let (Some(sharing), Some(one_bind)) = (self.sharing(), self.one_bind()) else {
            return;
        };
        let holdings = self.0.owner.holdings();
        let memory = locked(&self.0.offers.memory);
        let stand = |name: &String| {
            let slice = slice_of(name);
            let here = holdings.get(slice).and_then(|held| held.fence.clone());
            let holder = match (here, machine.holder(slice, now)) {
                (Some(fence), _) => Holder::Here(fence),
                (None, Some((node, _))) if node != sharing.node => {
                    match self.0.owner.ill(node, name) {
                        Some(why) => Holder::Ill(node, why),
                        None => Holder::There(node),
                    }
                }
                (None, _) => Holder::Nobody,
            };
            let done = memory.offers.done(name);
            (name.clone(), Stand { holder, done })
        };
        let stands: Stands = one_bind.gateways.iter().map(stand).collect();
        one_bind.stands.send_if_modified(|before| {
            let new = *before != stands;
            *before = stands;
            new
        });
    }

    /// The gateways whose only bind this node holds, and that take nothing now; why. Other nodes route past them.
    pub(crate) fn ill_binds(&self) -> BTreeMap<String, String> {
        let Some(one_bind) = self.one_bind() else {
            return BTreeMap::new();
        };
        let (holdings, table) = (self.0.owner.holdings(), self.network());
        let held = one_bind.gateways.iter();
        let held = held.filter(|name| holdings.get(slice_of(name)).is_some());
        let ill = held.filter_map(|name| {
            let row = table.gateways.get(name)?;
            // One that is half open and tries is left alone: its next message says how it is.
            let closed = matches!(row.circuit, Circuit::Open { .. });
            let ill = matches!(row.state, Health::Down | Health::Paused) || closed;
            ill.then(|| (name.clone(), row.reason.clone()))
        });
        ill.collect()
    }

    /// The gateways that grant one bind, where there are other nodes and such gateways.
    fn one_bind(&self) -> Option<&OneBind> {
        let one_bind = self.sharing().map(|sharing| &sharing.one_bind);
        one_bind.filter(|one_bind| !one_bind.gateways.is_empty())
    }
}

/// What an offer is sealed for: copied to another key it does not open.
fn purpose(key: &str) -> String {
    format!("offer {key}")
}
