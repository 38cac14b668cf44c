//! What the tests of this room begin with: a house on a store in memory, its clock, somebody with a SIM.

use crate::{Control, NewSubscriber, NewTerminal, Settings, Surroundings};
use book::{Language, SubscriberId};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use store::Store;
use terminals::ChannelKind;

pub(crate) const KIC: &str = "000102030405060708090a0b0c0d0e0f";
pub(crate) const KID: &str = "101112131415161718191a1b1c1d1e1f";

/// A clock that is moved by hand, and by how much it was set.
#[derive(Clone, Default)]
pub(crate) struct Clock(Arc<AtomicI64>, Arc<AtomicI64>);

/// Where it begins, ms UTC.
const START: i64 = 1_800_000_000_000;

impl Clock {
    pub(crate) fn pass(&self, ms: i64) {
        self.0.fetch_add(ms, Relaxed);
    }

    /// Somebody sets it: no time passes.
    pub(crate) fn set(&self, ms: i64) {
        self.1.fetch_add(ms, Relaxed);
    }
}

impl Surroundings for Clock {
    fn now(&self) -> i64 {
        START + self.0.load(Relaxed) + self.1.load(Relaxed)
    }
    fn monotonic(&self) -> u64 {
        (START + self.0.load(Relaxed)).unsigned_abs()
    }
    fn random(&self, octets: &mut [u8]) {
        getrandom::fill(octets).unwrap();
    }
}

/// A house with nobody in it.
pub(crate) fn house(settings: Settings) -> Control {
    house_at(Clock::default(), settings)
}

/// The same by this clock.
pub(crate) fn house_at(clock: Clock, settings: Settings) -> Control {
    house_with(clock, settings, Store::memory().unwrap())
}

/// The same on this store.
pub(crate) fn house_over(clock: Clock, store: Store) -> Control {
    house_with(clock, Settings::default(), store)
}

fn house_with(clock: Clock, settings: Settings, store: Store) -> Control {
    let key = vault::MasterKey::from_hex("test", &"42".repeat(32)).unwrap();
    let (outbound, _) = tokio::sync::mpsc::unbounded_channel();
    Control::within(clock, store, key, settings, outbound, Default::default)
}

fn number(n: u32) -> String {
    format!("+447700900{n:03}")
}

/// Owner `n`, with an empty book and no terminal.
pub(crate) async fn owner(control: &Control, n: u32) -> SubscriberId {
    let new = NewSubscriber {
        msisdn: number(n),
        name: format!("Owner {n}"),
        language: Language::En,
        region: None,
    };
    control.create_subscriber(new).await.unwrap().id
}

/// This card, for owner `n`.
pub(crate) fn sim(subscriber: SubscriberId, n: u32, iccid: &str) -> NewTerminal {
    NewTerminal {
        subscriber,
        channel: ChannelKind::SimOta,
        msisdn: number(n),
        card_profile: Some("sim-28x50".into()),
        iccid: Some(iccid.into()),
        keys: Some((KIC.into(), KID.into())),
        counter: None,
        in_use: false,
        terminal_profile: None,
    }
}
