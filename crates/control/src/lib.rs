//! Main control (主控模块): checks and commits edits, plans and ships what is due, takes in proofs. The only writer of
//! books and shipments. Decisions are `delivery`'s and `terminals`'; here they are recorded and carried out.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod abroad;
mod accounts;
mod alarms;
mod answers;
mod audit;
mod books;
mod calls;
mod campaigns;
mod cards;
mod carry;
mod closing;
mod departures;
mod engine;
mod events;
mod family;
mod holds;
mod kill;
mod lookup;
mod members;
mod notices;
mod offers;
mod organisations;
mod owner;
mod people;
mod plans;
mod preview;
mod provision;
mod pulse;
mod recheck;
mod repeat;
mod retention;
mod sums;
mod surroundings;
#[cfg(test)]
mod testing;
mod tokens;
mod upkeep;
mod view;

pub use accounts::{AccountError, Invitation};
pub use alarms::{Alarm, Wrong};
pub use answers::{Answer, Asked, Reservation};
pub use books::{EditError, EditOptions, Edited, Imported};
pub use calls::{CallError, Digits, UndoInCall};
pub use campaigns::{Brought, Cost, Estimate, Runner, StepError};
pub use engine::Stored;
pub use events::{Emitted, Event};
pub use members::Joined;
pub use offers::OneBind;
pub use organisations::{SharedChange, SharedEdit, SharedEdited, SharedFrom, SharedState};
pub use owner::{Hint, LookAt, Node, Sharing};
pub use people::Denied;
pub use preview::Preview;
pub use provision::{
    NewCard, NewSubscriber, NewTerminal, ProvisionError, SubscriberPatch, TerminalPatch,
};
pub use pulse::Sample;
pub use surroundings::Surroundings;
pub use view::{BookView, TerminalState, TerminalView};

use delivery::{Outbound, Policy, network::NetworkTable};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use store::Store;
use terminals::{CardProfile, TerminalProfile};
use tokio::sync::{Notify, Semaphore, broadcast, mpsc};
use vault::MasterKey;

/// What control needs to know of the house that it stands in.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Times and limits of delivery.
    pub policy: Policy,
    /// What texts to people begin with.
    pub brand: String,
    /// The same in Chinese.
    pub brand_zh: String,
    /// The number that owners call.
    pub service_number: String,
    /// When an agent may type a code that the caller says aloud.
    pub spoken: Spoken,
    /// Bulk terminals planned a second at most; none: as fast as the gateways take them.
    pub bulk_per_s: Option<u32>,
    /// No more bulk is planned while so many parts wait in the gateways.
    pub bulk_waiting: u32,
    /// How it takes part among the nodes of one store; none: nobody else can open it.
    pub sharing: Option<Sharing>,
    /// How long what is over is kept.
    pub retention: Retention,
    /// Card profiles by name, beside the built-in ones.
    pub cards: BTreeMap<String, CardProfile>,
    /// Terminal profiles by name, beside the built-in ones.
    pub phones: BTreeMap<String, TerminalProfile>,
}

/// How long what is over is kept, ms (DECISIONS.md, “retention”).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Finished shipments, with what they carried.
    pub shipments: i64,
    /// Journals of books, and calls.
    pub journal: i64,
    /// The text of entries that were deleted.
    pub texts: i64,
}

/// What a server starts with when nothing is configured.
impl Default for Settings {
    fn default() -> Self {
        Self {
            policy: Policy::SERVE,
            brand: "Kith".into(),
            brand_zh: "亲友簿".into(),
            service_number: "0800 123 456".into(),
            spoken: Spoken::default(),
            bulk_per_s: None,
            bulk_waiting: 500,
            sharing: None,
            retention: Retention::USUAL,
            cards: BTreeMap::new(),
            phones: BTreeMap::new(),
        }
    }
}

/// When a desk code may be spoken (SCREENS.md §3): the digits are safer on the caller's own keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Spoken {
    /// Never.
    Never,
    /// Only in calls that no telephone system brought: nothing could pass the digits on.
    #[default]
    WithoutTelephone,
    /// In every call.
    Always,
}

/// Main control. Clones are the same control.
#[derive(Clone)]
pub struct Control(Arc<Inner>);

struct Inner {
    surroundings: Box<dyn Surroundings>,
    store: Store,
    /// The same, for the steps of delivery and the leases: they wait for no page.
    own_store: Store,
    vault: MasterKey,
    settings: Settings,
    outbound: mpsc::UnboundedSender<Outbound>,
    network: Box<dyn Fn() -> NetworkTable + Send + Sync>,
    emitted: broadcast::Sender<Arc<Emitted>>,
    recent: Mutex<events::Recent>,
    abroad: Mutex<abroad::Abroad>,
    pulse: Mutex<pulse::Pulse>,
    watch: Mutex<alarms::Watch>,
    counted: Arc<tokio::sync::Mutex<pulse::Counted>>,
    wake: Notify,
    owner: owner::Owner,
    offers: offers::Desk,
    /// Somebody started, paused or ended a campaign.
    campaigns: Notify,
    /// Contents of shared groups.
    contents: Arc<carry::Contents>,
    estimate: Mutex<Option<campaigns::Last>>,
    /// Held for a whole step: nobody but the engine takes it.
    engine: tokio::sync::Mutex<engine::Engine>,
    upkeep: tokio::sync::Mutex<upkeep::Upkeep>,
    /// Whether accounts are known to be found by what they may.
    indexed: tokio::sync::Mutex<bool>,
    /// One change of a subscriber's particulars at a time.
    people: tokio::sync::Mutex<()>,
    /// Who may wait for a password sum.
    queue: Semaphore,
    /// The memory for password sums: one at a time.
    hashing: Arc<tokio::sync::Mutex<identity::password::Memory>>,
}

impl Control {
    /// `outbound` leads to the communication module; `network` reads its table.
    pub fn new(
        store: Store,
        vault: MasterKey,
        settings: Settings,
        outbound: mpsc::UnboundedSender<Outbound>,
        network: impl Fn() -> NetworkTable + Send + Sync + 'static,
    ) -> Self {
        let machine = surroundings::Machine;
        Self::within(machine, store, vault, settings, outbound, network)
    }

    /// The same, with time and chance from `surroundings`: a simulation has its own.
    pub fn within(
        surroundings: impl Surroundings + 'static,
        store: Store,
        vault: MasterKey,
        settings: Settings,
        outbound: mpsc::UnboundedSender<Outbound>,
        network: impl Fn() -> NetworkTable + Send + Sync + 'static,
    ) -> Self {
        let (emitted, _) = broadcast::channel(1024);
        Self(Arc::new(Inner {
            surroundings: Box::new(surroundings),
            own_store: store.for_delivery(),
            store,
            vault,
            owner: owner::Owner::new(settings.sharing.clone()),
            offers: offers::Desk::default(),
            settings,
            outbound,
            network: Box::new(network),
            emitted,
            recent: Mutex::default(),
            abroad: Mutex::default(),
            pulse: Mutex::default(),
            watch: Mutex::default(),
            counted: Arc::default(),
            wake: Notify::new(),
            campaigns: Notify::new(),
            contents: Arc::default(),
            estimate: Mutex::default(),
            engine: tokio::sync::Mutex::default(),
            upkeep: tokio::sync::Mutex::default(),
            indexed: tokio::sync::Mutex::default(),
            people: tokio::sync::Mutex::default(),
            queue: Semaphore::new(64),
            hashing: Arc::default(),
        }))
    }

    /// The store, to read from.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The same, for the steps of delivery and the leases: what they ask waits for no page.
    pub(crate) fn own_store(&self) -> &Store {
        &self.0.own_store
    }

    /// The sealed secrets.
    pub fn vault(&self) -> &MasterKey {
        &self.0.vault
    }

    /// Brand, service number, times.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Now, ms UTC.
    pub fn now(&self) -> i64 {
        self.0.surroundings.now()
    }

    /// Fills `octets` with chance.
    pub fn random(&self, octets: &mut [u8]) {
        self.0.surroundings.random(octets);
    }

    /// 64 random bits.
    pub fn random_u64(&self) -> u64 {
        let mut octets = [0; 8];
        self.random(&mut octets);
        u64::from_be_bytes(octets)
    }

    /// The network state table as it stands.
    pub fn network(&self) -> NetworkTable {
        (self.0.network)()
    }

    /// The card profile of this name.
    pub fn card(&self, name: &str) -> Option<CardProfile> {
        let own = self.0.settings.cards.get(name).cloned();
        own.or_else(|| CardProfile::builtin(name))
    }

    /// The terminal profile of this name.
    pub fn phone(&self, name: &str) -> Option<TerminalProfile> {
        let own = self.0.settings.phones.get(name).cloned();
        own.or_else(|| TerminalProfile::builtin(name))
    }
}

/// A lock that outlives a panic elsewhere: what it holds is whole at every step.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
