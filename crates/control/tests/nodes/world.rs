//! Several controls on one store, each with clocks of its own, moved by hand.

use book::{Edit, FriendDraft, Language, NumberDraft, SubscriberId};
use control::{
    Control, EditOptions, NewSubscriber, NewTerminal, OneBind, Settings, Sharing, Surroundings,
    TerminalState,
};
use delivery::network::{GatewayRow, Health, NetworkTable};
use delivery::offer::Stands;
use delivery::{Event, NodeId, Outbound, Policy, ReceiptState, TerminalId};
use identity::{Grant, JobKind};
use lab::card::{Card, CardKind};
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use store::Store;
use terminals::ChannelKind;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::sync::watch;

const KIC: &str = "000102030405060708090a0b0c0d0e0f";
const KID: &str = "101112131415161718191a1b1c1d1e1f";
pub const OWNER: &str = "+447700900100";

/// True time, and how wrong a node's wall clock is.
struct Clock(Arc<AtomicI64>, i64);

impl Surroundings for Clock {
    fn now(&self) -> i64 {
        1_790_000_000_000 + self.0.load(SeqCst) + self.1
    }
    fn monotonic(&self) -> u64 {
        u64::try_from(self.0.load(SeqCst)).unwrap()
    }
    fn random(&self, octets: &mut [u8]) {
        getrandom::fill(octets).unwrap();
    }
}

pub type Acks = Arc<Mutex<Vec<(u64, bool)>>>;

pub struct Node {
    pub control: Control,
    pub outbound: UnboundedReceiver<Outbound>,
    pub hints: UnboundedReceiver<control::Hint>,
    pub stored: control::Stored,
    pub acks: Acks,
    /// Who holds the bind of “test”, as its line is told.
    pub stands: watch::Receiver<Stands>,
}

impl Node {
    pub async fn step(&self, events: Vec<Event>) {
        self.control.step(events, &self.stored).await.unwrap();
    }

    pub fn sent(&mut self) -> Vec<Outbound> {
        std::iter::from_fn(|| self.outbound.try_recv().ok()).collect()
    }
}

pub struct World {
    pub store: Store,
    pub time: Arc<AtomicI64>,
    pub nodes: Vec<Node>,
    pub card: Card,
    pub owner: SubscriberId,
    pub terminal: TerminalId,
}

impl World {
    /// Nodes with clocks wrong by so many ms, a subscriber and her card.
    pub async fn start(wrong: &[i64]) -> Self {
        Self::on(Store::memory().unwrap(), wrong).await
    }

    /// The same on this store.
    pub async fn on(store: Store, wrong: &[i64]) -> Self {
        let time = Arc::new(AtomicI64::new(1_000_000));
        let node = |(n, wrong): (u64, &i64)| {
            let (out, outbound) = mpsc::unbounded_channel();
            let (tell, hints) = mpsc::unbounded_channel();
            let one_bind = OneBind {
                gateways: vec!["test".into()],
                ..OneBind::default()
            };
            let stands = one_bind.stands.subscribe();
            let settings = Settings {
                policy: Policy {
                    quiet: 0,
                    longest: 0,
                    proof_wait: 60_000,
                    proof_wait_most: 60_000,
                    gateway_wait: 30_000,
                    ..Policy::SERVE
                },
                sharing: Some(Sharing {
                    node: NodeId(n),
                    former: Vec::new(),
                    address: format!("node-{n}"),
                    began: 0,
                    hints: tell,
                    one_bind,
                }),
                ..Settings::default()
            };
            let key = vault::MasterKey::from_hex("test", &"42".repeat(32)).unwrap();
            let clock = Clock(Arc::clone(&time), *wrong);
            let store = store.clone();
            let control = Control::within(clock, store, key, settings, out, table);
            let acks = Acks::default();
            let told = Arc::clone(&acks);
            Node {
                control,
                outbound,
                hints,
                stored: Box::new(move |token, ok| told.lock().unwrap().push((token, ok))),
                acks,
                stands,
            }
        };
        let nodes: Vec<_> = (1..).zip(wrong).map(node).collect();
        let owner = nodes[0].control.create_subscriber(NewSubscriber {
            msisdn: OWNER.into(),
            name: "Mum".into(),
            language: Language::En,
            region: None,
        });
        let owner = owner.await.unwrap().id;
        let terminal = nodes[0].control.add_terminal(NewTerminal {
            subscriber: owner,
            channel: ChannelKind::SimOta,
            msisdn: OWNER.into(),
            card_profile: Some("sim-28x50".into()),
            iccid: Some("8944000000000000001".into()),
            keys: Some((KIC.into(), KID.into())),
            counter: None,
            in_use: false,
            terminal_profile: None,
        });
        let terminal = terminal.await.unwrap().id;
        let kind = CardKind::named("sim-28x50").unwrap();
        let (kic, kid) = (hex::decode(KIC).unwrap(), hex::decode(KID).unwrap());
        let mut world = Self {
            store,
            time,
            nodes,
            card: Card::new(kind, "8944000000000000001", &kic, &kid).unwrap(),
            owner,
            terminal,
        };
        let all: Vec<_> = (0..wrong.len()).collect();
        world.pass(40, &all).await;
        world
    }

    /// So many seconds in which these nodes look at the leases and work; the others sleep.
    pub async fn pass(&mut self, seconds: u32, awake: &[usize]) {
        for _ in 0..seconds {
            self.time.fetch_add(1_000, SeqCst);
            for n in awake {
                self.nodes[*n].control.look_at_leases().await.unwrap();
                self.nodes[*n].control.look_at_offers().await.unwrap();
                self.nodes[*n].step(Vec::new()).await;
            }
        }
    }

    /// Who owns Mum's slice, and another one.
    pub async fn who(&self) -> (usize, usize) {
        let nodes = self.nodes[0].control.nodes().await.unwrap();
        let owns = |node: &&control::Node| node.slices.contains(self.owner.slice());
        let owner = nodes.iter().find(owns).unwrap().node.0;
        let owner = usize::try_from(owner).unwrap() - 1;
        (owner, (owner + 1) % self.nodes.len())
    }

    pub async fn add(&self, node: usize, name: &str) {
        let grant = Grant::of_job(JobKind::Sample, self.owner);
        let friend = FriendDraft {
            name: name.into(),
            numbers: vec![NumberDraft {
                number: "07700 900123".into(),
                ..NumberDraft::default()
            }],
            ..FriendDraft::default()
        };
        let edit = Edit::AddFriend(friend);
        let control = &self.nodes[node].control;
        control
            .edit(&grant, edit, EditOptions::default())
            .await
            .unwrap();
    }

    pub async fn in_sync(&self, node: usize) -> bool {
        let view = self.nodes[node].control.terminal_view(self.terminal).await;
        view.unwrap().unwrap().state == TerminalState::InSync
    }

    /// What the card answers to these parts, as it arrives with `ack`.
    pub fn answers(&mut self, parts: &[Outbound], ack: u64) -> Vec<Event> {
        let mut events = Vec::new();
        for part in parts {
            for user_data in self.card.receive("12345", &part.user_data).por {
                events.push(Event::Mobile {
                    gateway: "test".into(),
                    from: OWNER.into(),
                    to: "12345".into(),
                    udhi: true,
                    pid: 0x7F,
                    dcs: 0xF6,
                    user_data,
                    ack,
                });
            }
        }
        events
    }
}

/// Every node's gateway, as well as can be.
fn table() -> NetworkTable {
    let row = GatewayRow {
        state: Health::Up,
        window: (0, 10),
        ..GatewayRow::default()
    };
    let mut table = NetworkTable::default();
    table.gateways.insert("test".into(), row);
    table
}

pub fn accepted(part: &Outbound, id: &str) -> Event {
    Event::Accepted {
        target: part.target.clone(),
        gateway: "test".into(),
        message_id: Some(id.into()),
    }
}

pub fn receipt(id: &str, ack: u64) -> Event {
    Event::Receipt {
        gateway: "test".into(),
        message_id: id.into(),
        target: None,
        state: ReceiptState::Delivered,
        error: None,
        ack,
    }
}

/// A text of the owner.
pub fn text(words: &str, ack: u64) -> Event {
    Event::Mobile {
        gateway: "test".into(),
        from: OWNER.into(),
        to: "12345".into(),
        udhi: false,
        pid: 0,
        dcs: 0,
        user_data: words.into(),
        ack,
    }
}
