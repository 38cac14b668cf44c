//! The main job over real SMPP on a TCP port: control, communication, and the carrier, card and handset in software.
#![allow(clippy::unwrap_used, missing_docs)]

use book::{Edit, FriendDraft, Language, NumberDraft, SubscriberId};
use comms::{GatewayConfig, Gateways};
use control::{Control, EditOptions, NewSubscriber, NewTerminal, Settings, TerminalState};
use delivery::network::Health;
use delivery::{Policy, TerminalId};
use identity::{Grant, JobKind};
use lab::faults::Faults;
use std::sync::Arc;
use store::Store;
use terminals::{ChannelKind, EntryState};
use tokio::sync::{mpsc, oneshot};

const MUM: &str = "+447700900101";
const JOE: &str = "+447700900103";
const KEY: &str = "000102030405060708090a0b0c0d0e0f";

struct World {
    control: Control,
    lab: lab::Lab,
    gateways: Arc<Gateways>,
    _stop: oneshot::Sender<()>,
}

async fn world() -> World {
    let handset = |msisdn: &str, kind: Option<&str>| lab::HandsetSpec {
        msisdn: msisdn.into(),
        name: msisdn.into(),
        language: "en".into(),
        card: kind.map(|kind| lab::CardSpec {
            kind: kind.into(),
            iccid: "894477009000000000101".get(..20).unwrap().into(),
            kic: KEY.into(),
            kid: KEY.into(),
        }),
    };
    let lab = lab::start(lab::LabConfig::here(vec![
        handset(MUM, Some("usim-28x100")),
        handset(JOE, None),
    ]));
    let lab = lab.await.unwrap();
    let config: GatewayConfig = serde_json::from_value(serde_json::json!({
        "name": "lab", "host": "127.0.0.1", "port": lab.smsc_addr.port(),
        "system_id": "kith", "password": "secret8", "source": "12345",
    }))
    .unwrap();
    let (events, inbox) = mpsc::channel(1000);
    let gateways = Arc::new(Gateways::start(vec![config], events));
    let (outbound, mut sent) = mpsc::unbounded_channel();
    let settings = Settings {
        policy: Policy {
            quiet: 0,
            longest: 0,
            proof_wait: 500,
            proof_wait_most: 1000,
            gateway_wait: 50,
            validity_s: 60,
        },
        ..Settings::default()
    };
    let key = vault::MasterKey::from_hex("test", &"42".repeat(32)).unwrap();
    let table = gateways.table();
    let network = move || table.lock().unwrap().clone();
    let control = Control::new(Store::memory().unwrap(), key, settings, outbound, network);
    let (stop, stopped) = oneshot::channel::<()>();
    let (engine, acks) = (control.clone(), Arc::clone(&gateways));
    tokio::spawn(async move {
        let until = async {
            let _ = stopped.await;
        };
        let stored = Box::new(move |ack, ok| acks.stored(ack, ok));
        engine.run(inbox, stored, until).await;
    });
    let out = Arc::clone(&gateways);
    tokio::spawn(async move {
        while let Some(message) = sent.recv().await {
            out.send(message);
        }
    });
    World {
        control,
        lab,
        gateways,
        _stop: stop,
    }
}

impl World {
    async fn owner(&self, msisdn: &str, channel: ChannelKind) -> (SubscriberId, TerminalId) {
        let new = NewSubscriber {
            msisdn: msisdn.into(),
            name: "Mum".into(),
            language: Language::En,
            region: None,
        };
        let owner = self.control.create_subscriber(new).await.unwrap();
        let sim = channel == ChannelKind::SimOta;
        let terminal = NewTerminal {
            subscriber: owner.id,
            channel,
            msisdn: msisdn.into(),
            card_profile: sim.then(|| "usim-28x100".into()),
            iccid: sim.then(|| "89447700900000000010".into()),
            keys: sim.then(|| (KEY.into(), KEY.into())),
            counter: None,
            in_use: false,
            terminal_profile: None,
        };
        let terminal = self.control.add_terminal(terminal).await.unwrap();
        (owner.id, terminal.id)
    }

    async fn add(&self, owner: SubscriberId, name: &str, number: &str) {
        let draft = FriendDraft {
            name: name.into(),
            numbers: vec![NumberDraft {
                number: number.into(),
                ..NumberDraft::default()
            }],
            ..FriendDraft::default()
        };
        let grant = Grant::of_job(JobKind::Sample, owner);
        let edit = self
            .control
            .edit(&grant, Edit::AddFriend(draft), EditOptions::default());
        edit.await.unwrap();
    }

    async fn until(&self, id: TerminalId, is: impl Fn(&control::TerminalView) -> bool) {
        let mut events = self.control.subscribe();
        let wait = async {
            loop {
                let broken = self.control.audit(id.subscriber).await.unwrap();
                assert!(broken.is_empty(), "{broken:?}");
                let view = self.control.terminal_view(id).await.unwrap().unwrap();
                if is(&view) {
                    return;
                }
                let _ = events.recv().await;
            }
        };
        let limit = std::time::Duration::from_secs(60);
        if tokio::time::timeout(limit, wait).await.is_err() {
            let view = self.control.terminal_view(id).await.unwrap().unwrap();
            panic!(
                "{:?} {:?} {:?}",
                view.state,
                view.full.terminal,
                self.control.network()
            );
        }
    }

    async fn in_sync(&self, id: TerminalId) {
        self.until(id, |view| view.state == TerminalState::InSync)
            .await;
    }

    async fn phone(&self, msisdn: &str) -> serde_json::Value {
        let radio = self.lab.carrier().radio(msisdn).unwrap();
        let view = radio.with_phone(|phone| phone.view()).await.unwrap();
        serde_json::to_value(view).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_friend_is_on_the_phone_and_the_table_says_up() {
    let world = world().await;
    let (mum, terminal) = world.owner(MUM, ChannelKind::SimOta).await;
    world.add(mum, "Dr Okafor", "07700 900456").await;
    world.in_sync(terminal).await;
    let phone = world.phone(MUM).await;
    assert_eq!(phone["phone_book"][0]["name"], "Dr Okafor", "{phone}");
    assert_eq!(phone["phone_book"][0]["number"], "+447700900456");
    let row = world.control.network().gateways["lab"].clone();
    assert_eq!(row.state, Health::Up, "{row:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_business_card_is_delivered_and_never_called_more() {
    let world = world().await;
    let (joe, terminal) = world.owner(JOE, ChannelKind::SmsCard).await;
    world.add(joe, "Mei", "07700 900123").await;
    world
        .until(terminal, |view| {
            view.entries
                .iter()
                .all(|e| e.state == EntryState::Delivered)
        })
        .await;
    let phone = world.phone(JOE).await;
    assert_eq!(phone["cards_received"][0]["name"], "Mei", "{phone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_messages_receipts_and_answers_only_delay() {
    let world = world().await;
    world.lab.carrier().set_faults(Faults {
        seed: 7,
        lose_message: 0.3,
        lose_receipt: 0.3,
        lose_por: 0.3,
        duplicate: 0.3,
        ..Faults::default()
    });
    let (mum, terminal) = world.owner(MUM, ChannelKind::SimOta).await;
    for n in 0..5 {
        world
            .add(mum, &format!("Friend {n}"), &format!("07700 90010{n}"))
            .await;
    }
    world.in_sync(terminal).await;
    let phone = world.phone(MUM).await;
    assert_eq!(phone["phone_book"].as_array().unwrap().len(), 5, "{phone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_throttles_slows_the_link_and_says_so() {
    let world = world().await;
    world.lab.carrier().set_faults(Faults {
        refuse: vec![0x58, 0x58, 0],
        ..Faults::default()
    });
    let (mum, terminal) = world.owner(MUM, ChannelKind::SimOta).await;
    world.add(mum, "Mei", "07700 900123").await;
    world
        .until(terminal, |view| {
            let outcome = view.full.terminal.last_outcome.clone().unwrap_or_default();
            view.next_try.is_some() && outcome.contains("throttled")
        })
        .await;
    world.lab.carrier().set_faults(Faults::default());
    world.in_sync(terminal).await;
    let row = world.control.network().gateways["lab"].clone();
    assert!(row.errors.keys().any(|key| key.contains("0x58")), "{row:?}");
    drop(world.gateways);
}
