//! Each fault of `/lab/v1/faults` shows in the network state table with its reason, and in the terminal's next try
//! where it delays a change; once it is over, the change arrives. That a row changes within a second is shown against
//! a clock of its own in comms' `rows/table.rs`.
#![allow(clippy::unwrap_used, missing_docs)]

use book::{Edit, FriendDraft, Language, NumberDraft};
use comms::Gateways;
use control::{Control, EditOptions, NewSubscriber, NewTerminal, Settings, TerminalState};
use delivery::network::{Health, NetworkTable};
use delivery::{Policy, TerminalId};
use identity::{Grant, JobKind};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use terminals::{ChannelKind, EntryState};
use tokio::sync::{mpsc, oneshot};

const MUM: &str = "+447700900101";
const KEY: &str = "000102030405060708090a0b0c0d0e0f";
/// How long a state may take to come; a test that waits this long has failed.
const LIMIT: Duration = Duration::from_secs(60);

/// Control, communication, and the carrier with one handset, joined as in the demo; gone when dropped.
struct World {
    control: Control,
    lab: lab::Lab,
    terminal: TerminalId,
    channel: ChannelKind,
    _stop: oneshot::Sender<()>,
}

async fn world(channel: ChannelKind) -> World {
    let sim = channel == ChannelKind::SimOta;
    let lab = lab::start(lab::LabConfig::here(vec![lab::HandsetSpec {
        msisdn: MUM.into(),
        name: "Mum".into(),
        language: "en".into(),
        card: sim.then(|| lab::CardSpec {
            kind: "usim-28x100".into(),
            iccid: "89447700900000000010".into(),
            kic: KEY.into(),
            kid: KEY.into(),
        }),
    }]));
    let lab = lab.await.unwrap();
    let config = serde_json::from_value(json!({
        "name": "lab", "host": "127.0.0.1", "port": lab.smsc_addr.port(),
        "system_id": "kith", "password": "secret8", "source": "12345", "window": 1,
    }));
    let (events, inbox) = mpsc::channel(1000);
    let gateways = Arc::new(Gateways::start(vec![config.unwrap()], events));
    let (outbound, mut sent) = mpsc::unbounded_channel();
    let settings = Settings {
        policy: Policy {
            quiet: 0,
            longest: 0,
            proof_wait: 2_000,
            proof_wait_most: 4_000,
            gateway_wait: 500,
            validity_s: 60,
        },
        ..Settings::default()
    };
    let key = vault::MasterKey::from_hex("test", &"42".repeat(32)).unwrap();
    let table = gateways.table();
    let network = move || table.lock().unwrap().clone();
    let store = store::Store::memory().unwrap();
    let control = Control::new(store, key, settings, outbound, network);
    let (stop, stopped) = oneshot::channel::<()>();
    let (engine, acks) = (control.clone(), Arc::clone(&gateways));
    tokio::spawn(async move {
        let until = async {
            let _ = stopped.await;
        };
        let stored = Box::new(move |ack, ok| acks.stored(ack, ok));
        engine.run(inbox, stored, until).await;
    });
    tokio::spawn(async move {
        while let Some(message) = sent.recv().await {
            gateways.send(message);
        }
    });
    let owner = NewSubscriber {
        msisdn: MUM.into(),
        name: "Mum".into(),
        language: Language::En,
        region: None,
    };
    let owner = control.create_subscriber(owner).await.unwrap();
    let terminal = NewTerminal {
        subscriber: owner.id,
        channel,
        msisdn: MUM.into(),
        card_profile: sim.then(|| "usim-28x100".into()),
        iccid: sim.then(|| "89447700900000000010".into()),
        keys: sim.then(|| (KEY.into(), KEY.into())),
        counter: None,
        in_use: false,
        terminal_profile: None,
    };
    let terminal = control.add_terminal(terminal).await.unwrap().id;
    let world = World {
        control,
        lab,
        terminal,
        channel,
        _stop: stop,
    };
    world
        .until("bound", async |w| w.gateway().state == Health::Up)
        .await;
    world
}

impl World {
    fn table(&self) -> NetworkTable {
        self.control.network()
    }

    fn gateway(&self) -> delivery::network::GatewayRow {
        let mut gateways = self.table().gateways;
        gateways.remove("lab").unwrap_or_default()
    }

    async fn view(&self) -> control::TerminalView {
        let view = self.control.terminal_view(self.terminal).await;
        view.unwrap().unwrap()
    }

    fn set(&self, faults: &Value) {
        let faults = serde_json::from_value(faults.clone()).unwrap();
        self.lab.carrier().set_faults(faults);
    }

    async fn add(&self, n: u32) {
        let draft = FriendDraft {
            name: format!("Friend {n}"),
            numbers: vec![NumberDraft {
                number: format!("07700 9001{n:02}"),
                ..NumberDraft::default()
            }],
            ..FriendDraft::default()
        };
        let grant = Grant::of_job(JobKind::Sample, self.terminal.subscriber);
        let edit = Edit::AddFriend(draft);
        let saved = self
            .control
            .edit(&grant, edit, EditOptions::default())
            .await;
        saved.unwrap();
    }

    async fn until(&self, what: &str, is: impl AsyncFn(&Self) -> bool) {
        let wait = async {
            while !is(self).await {
                tokio::task::yield_now().await;
            }
        };
        if tokio::time::timeout(LIMIT, wait).await.is_err() {
            let view = self.view().await;
            panic!(
                "never {what}: {:?} {:?} {:?}",
                self.table(),
                view.state,
                view.full.terminal
            );
        }
    }

    async fn arrived(&self) {
        let done = async |world: &Self| {
            let view = world.view().await;
            match world.channel {
                ChannelKind::SimOta => view.state == TerminalState::InSync,
                _ => view
                    .entries
                    .iter()
                    .all(|e| e.state == EntryState::Delivered),
            }
        };
        self.until("arrived", done).await;
        let broken = self.control.audit(self.terminal.subscriber).await.unwrap();
        assert!(broken.is_empty(), "{broken:?}");
    }
}

/// With `faults` in force a change shows `sign` in the table – and, where it `waits`, when it goes on; after them it
/// arrives. The faults must last: where a card could still prove a change, `lose_por` keeps it waiting.
async fn check(channel: ChannelKind, faults: Value, waits: bool, sign: fn(&NetworkTable) -> bool) {
    let world = world(channel).await;
    world.set(&faults);
    world.add(1).await;
    world.add(2).await;
    let shown = async |w: &World| sign(&w.table());
    world.until("in the table", shown).await;
    if waits {
        let next = async |w: &World| w.view().await.next_try.is_some();
        world.until("with a next try", next).await;
    }
    world.set(&json!({}));
    world.arrived().await;
}

/// The gateway's row is so, for a reason with these words.
fn gateway(table: &NetworkTable, state: Health, words: &str) -> bool {
    let row = table.gateways.get("lab");
    row.is_some_and(|row| row.state == state && row.reason.contains(words))
}

/// The row of the terminal's network is so, for a reason with these words.
fn network(table: &NetworkTable, state: Health, words: &str) -> bool {
    let row = table.networks.get("+44");
    row.is_some_and(|row| row.state == state && row.reason.contains(words))
}

fn counted(table: &NetworkTable, error: &str) -> bool {
    let row = table.gateways.get("lab");
    row.is_some_and(|row| row.errors.keys().any(|known| known.contains(error)))
}

use ChannelKind::{SimOta, SmsCard};
use Health::{Down, Slow, Up};

#[tokio::test(flavor = "multi_thread")]
async fn submit_delay_ms() {
    let faults = json!({"submit_delay_ms": 3_000, "lose_por": 1.0});
    check(SimOta, faults, true, |t| gateway(t, Slow, "answers slowly")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receipt_delay_ms() {
    let faults = json!({"receipt_delay_ms": 8_000});
    check(SmsCard, faults, true, |t| network(t, Slow, "No receipt")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lose_message() {
    let faults = json!({"lose_message": 1.0});
    check(SimOta, faults, true, |t| network(t, Slow, "No receipt")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lose_receipt() {
    let world = world(SmsCard).await;
    world.set(&json!({"lose_receipt": 1.0}));
    world.add(1).await;
    let shown = async |w: &World| network(&w.table(), Slow, "No receipt");
    world.until("in the table", shown).await;
    let next = async |w: &World| w.view().await.next_try.is_some();
    world.until("with a next try", next).await;
    // A business card whose receipt is lost is never sent twice.
    let phone = world.lab.carrier().radio(MUM).unwrap();
    let cards = phone.with_phone(|phone| phone.view().cards_received.len());
    assert_eq!(cards.await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn lose_por() {
    let world = world(SimOta).await;
    world.set(&json!({"lose_por": 1.0}));
    world.add(1).await;
    // The radio leg works, and only the terminal's own row knows better.
    let shown = async |w: &World| {
        let view = w.view().await;
        let outcome = view.full.terminal.last_outcome.unwrap_or_default();
        view.next_try.is_some()
            && outcome.contains("the card did not answer")
            && network(&w.table(), Up, "")
    };
    world.until("in the terminal's row", shown).await;
    world.set(&json!({}));
    world.arrived().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicate() {
    let faults = json!({"duplicate": 1.0});
    check(SimOta, faults, false, |t| counted(t, "receipt repeated")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reorder() {
    let world = world(SimOta).await;
    world.set(&json!({"reorder": 0.5}));
    // Friends enough for packets of several parts; only parts of one packet can overtake each other.
    let mut friends = 1..100;
    while !counted(&world.table(), "message overtaken") {
        assert!(!friends.is_empty(), "{:?}", world.table());
        for n in friends.by_ref().take(20) {
            world.add(n).await;
        }
        world.arrived().await;
    }
    world.set(&json!({}));
    world.arrived().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn throttle_above_per_s() {
    let faults = json!({"throttle_above_per_s": 0});
    check(SimOta, faults, true, |t| {
        gateway(t, Slow, "Throttled – sending slower")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuse() {
    let faults = json!({"refuse": [0x08]});
    check(SimOta, faults, true, |t| {
        gateway(t, Slow, "refused: 0x08 system error")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drop_connection_every_s() {
    let faults = json!({"drop_connection_every_s": 0.3, "submit_delay_ms": 1_000, "lose_por": 1.0});
    check(SimOta, faults, true, |t| {
        gateway(t, Down, "closed the connection")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuse_bind() {
    let faults = json!({"refuse_bind": true});
    check(SimOta, faults, true, |t| {
        gateway(t, Down, "refuses the bind: 0x0D bind failed")
    })
    .await;
}
