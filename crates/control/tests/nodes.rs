//! Several controls on one store (ARCHITECTURE.md, “Many nodes”), each with clocks of its own, moved by hand: what a
//! node does that slept through its lease, and what becomes of what arrives at the wrong one.
#![allow(clippy::unwrap_used, missing_docs)]

use book::{Edit, FriendDraft, Language, NumberDraft, SubscriberId};
use control::{
    Control, EditOptions, LookAt, NewSubscriber, NewTerminal, Settings, Sharing, Surroundings,
    TerminalState,
};
use delivery::{Event, NodeId, Outbound, Policy, ReceiptState, Target, TerminalId};
use identity::{Grant, JobKind};
use lab::card::{Card, CardKind};
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use store::Store;
use terminals::ChannelKind;
use tokio::sync::mpsc::{self, UnboundedReceiver};

const KIC: &str = "000102030405060708090a0b0c0d0e0f";
const KID: &str = "101112131415161718191a1b1c1d1e1f";
const OWNER: &str = "+447700900100";
const HOUR: i64 = 3_600_000;

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

type Acks = Arc<Mutex<Vec<(u64, bool)>>>;

struct Node {
    control: Control,
    outbound: UnboundedReceiver<Outbound>,
    hints: UnboundedReceiver<control::Hint>,
    stored: control::Stored,
    acks: Acks,
}

impl Node {
    async fn step(&self, events: Vec<Event>) {
        self.control.step(events, &self.stored).await.unwrap();
    }

    fn sent(&mut self) -> Vec<Outbound> {
        std::iter::from_fn(|| self.outbound.try_recv().ok()).collect()
    }
}

struct World {
    time: Arc<AtomicI64>,
    nodes: Vec<Node>,
    card: Card,
    owner: SubscriberId,
    terminal: TerminalId,
}

impl World {
    /// Nodes with clocks wrong by so many ms, a subscriber and her card.
    async fn start(wrong: &[i64]) -> Self {
        let store = Store::memory().unwrap();
        let time = Arc::new(AtomicI64::new(1_000_000));
        let node = |(n, wrong): (u64, &i64)| {
            let (out, outbound) = mpsc::unbounded_channel();
            let (tell, hints) = mpsc::unbounded_channel();
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
                }),
                ..Settings::default()
            };
            let key = vault::MasterKey::from_hex("test", &"42".repeat(32)).unwrap();
            let clock = Clock(Arc::clone(&time), *wrong);
            let store = store.clone();
            let control = Control::within(clock, store, key, settings, out, Default::default);
            let acks = Acks::default();
            let told = Arc::clone(&acks);
            Node {
                control,
                outbound,
                hints,
                stored: Box::new(move |token, ok| told.lock().unwrap().push((token, ok))),
                acks,
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
    async fn pass(&mut self, seconds: u32, awake: &[usize]) {
        for _ in 0..seconds {
            self.time.fetch_add(1_000, SeqCst);
            for n in awake {
                self.nodes[*n].control.look_at_leases().await.unwrap();
                self.nodes[*n].step(Vec::new()).await;
            }
        }
    }

    /// Who owns Mum's slice, and another one.
    async fn who(&self) -> (usize, usize) {
        let nodes = self.nodes[0].control.nodes().await.unwrap();
        let owns = |node: &&control::Node| node.slices.contains(self.owner.slice());
        let owner = nodes.iter().find(owns).unwrap().node.0;
        let owner = usize::try_from(owner).unwrap() - 1;
        (owner, (owner + 1) % self.nodes.len())
    }

    async fn add(&self, node: usize, name: &str) {
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

    async fn in_sync(&self, node: usize) -> bool {
        let view = self.nodes[node].control.terminal_view(self.terminal).await;
        view.unwrap().unwrap().state == TerminalState::InSync
    }

    /// What the card answers to these parts, as it arrives with `ack`.
    fn answers(&mut self, parts: &[Outbound], ack: u64) -> Vec<Event> {
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

fn accepted(part: &Outbound, id: &str) -> Event {
    Event::Accepted {
        target: part.target.clone(),
        gateway: "test".into(),
        message_id: Some(id.into()),
    }
}

fn receipt(id: &str, ack: u64) -> Event {
    Event::Receipt {
        gateway: "test".into(),
        message_id: id.into(),
        target: None,
        state: ReceiptState::Delivered,
        error: None,
        ack,
    }
}

/// Protocol 4: the owner of a foreign edit is told at once.
/// Protocol 7: receipt and proof come by the other node's bind; it answers once they are stored, the owner takes them in.
#[tokio::test]
async fn what_arrives_at_another_node_reaches_the_owner() {
    let mut world = World::start(&[0, 0]).await;
    let (owner, other) = world.who().await;
    world.add(other, "Ann").await;
    // One that handed leases over has said so before.
    let mut hints = std::iter::from_fn(|| world.nodes[other].hints.try_recv().ok());
    let hint = hints.find(|hint| hint.at == LookAt::Due).unwrap();
    assert_eq!(hint.address, format!("node-{}", owner + 1));
    world.nodes[owner].control.hinted(LookAt::Due);
    world.nodes[other].step(Vec::new()).await;
    assert_eq!(
        world.nodes[other].sent().len(),
        0,
        "the other node sends nothing"
    );
    world.nodes[owner].step(Vec::new()).await;
    let parts = world.nodes[owner].sent();
    assert!(!parts.is_empty());
    // The receipt is quicker than the record of what it is about.
    let last = parts.len() - 1;
    let id = |n: usize| format!("m{n}");
    world.nodes[other].step(vec![receipt(&id(last), 7)]).await;
    assert!(world.nodes[other].acks.lock().unwrap().is_empty());
    let taken = (0..).zip(&parts).map(|(n, part)| accepted(part, &id(n)));
    let taken = taken.collect();
    world.nodes[owner].step(taken).await;
    world.time.fetch_add(150, SeqCst);
    world.nodes[other].step(Vec::new()).await;
    assert_eq!(*world.nodes[other].acks.lock().unwrap(), [(7, true)]);
    let proof = world.answers(&parts, 8);
    assert!(!proof.is_empty());
    world.nodes[other].step(proof).await;
    assert!(world.nodes[other].acks.lock().unwrap().contains(&(8, true)));
    assert!(
        !world.in_sync(other).await,
        "only the owner moves the shadow"
    );
    world.time.fetch_add(250, SeqCst);
    world.nodes[owner].step(Vec::new()).await;
    assert!(world.in_sync(other).await);
    let left = world.nodes[owner]
        .control
        .store()
        .documents("inbox", None, 9)
        .await;
    assert_eq!(left.unwrap(), []);
    assert_eq!(
        world.nodes[owner].control.audit(world.owner).await.unwrap(),
        []
    );
}

/// What happens at one node is told at the others, once, and goes no further.
#[tokio::test]
async fn what_happens_at_one_node_is_told_at_the_others_and_goes_no_further() {
    let world = World::start(&[0, 0]).await;
    let (owner, other) = world.who().await;
    let (told, here) = (&world.nodes[owner].control, &world.nodes[other].control);
    // What the start said.
    told.events_for_others();
    here.events_for_others();
    let mut heard = told.subscribe();
    world.add(other, "Ann").await;
    let (others, events) = here.events_for_others();
    assert_eq!(others, [format!("node-{}", owner + 1)]);
    let json = serde_json::to_string(&events).unwrap();
    told.heard(serde_json::from_str(&json).unwrap());
    let mut all = std::iter::from_fn(|| heard.try_recv().ok());
    let change = |event: &control::Event| matches!(event, control::Event::Change { subscriber, .. } if *subscriber == world.owner);
    let emitted = all.find(|emitted| change(&emitted.event)).unwrap();
    assert!(!emitted.here, "another node counts it");
    assert_eq!(told.events_for_others().1, [], "it goes no further");
    assert_eq!(here.events_for_others().1, [], "it is told once");
}

/// A receipt for what nobody sent is answered all the same, after a while.
#[tokio::test]
async fn a_receipt_for_nothing_is_not_kept_for_ever() {
    let mut world = World::start(&[0, 0]).await;
    world.nodes[0].step(vec![receipt("nobody's", 3)]).await;
    assert!(world.nodes[0].acks.lock().unwrap().is_empty());
    world.pass(3, &[0, 1]).await;
    assert_eq!(*world.nodes[0].acks.lock().unwrap(), [(3, true)]);
}

/// Protocol 3 and 5: the owner sleeps with a shipment on its way, another takes over and sends the very same packet; the
/// first wakes, is refused, sends nothing, and what it heard in its sleep finds its way.
#[tokio::test]
async fn a_sleeper_is_refused_and_drops_the_slice() {
    for wrong in [0, 5 * HOUR, -5 * HOUR] {
        let mut world = World::start(&[wrong, 0]).await;
        let (sleeper, other) = world.who().await;
        // By the clock of the node that sends it: another's may be hours off.
        world.add(sleeper, "Ann").await;
        world.nodes[sleeper].step(Vec::new()).await;
        let parts = world.nodes[sleeper].sent();
        assert!(!parts.is_empty());
        world.pass(14, &[other]).await;
        assert_eq!(world.who().await.0, other, "taken over");
        let again = world.nodes[other].sent();
        let octets = |parts: &[Outbound]| -> Vec<_> {
            parts.iter().map(|part| part.user_data.clone()).collect()
        };
        assert_eq!(octets(&parts), octets(&again), "the very same packet");
        let now = u64::try_from(world.time.load(SeqCst)).unwrap();
        let open = |part: &Outbound| part.fence.as_ref().unwrap().open(now);
        assert!(
            !parts.iter().any(open),
            "nothing of the sleeper's goes out any more"
        );
        assert!(again.iter().all(open));
        // It wakes: its gateway had taken the parts, and the card had answered, before it slept.
        let mut heard: Vec<_> = parts.iter().map(|part| accepted(part, "m")).collect();
        heard.extend(world.answers(&parts, 9));
        world.nodes[sleeper].step(heard).await;
        assert!(!world.in_sync(other).await, "a sleeper records nothing");
        assert!(
            world.nodes[sleeper]
                .acks
                .lock()
                .unwrap()
                .contains(&(9, true))
        );
        world.pass(1, &[other]).await;
        assert!(world.in_sync(other).await);
        world.pass(40, &[sleeper, other]).await;
        assert_eq!(world.nodes[sleeper].sent().len(), 0);
        let nodes = world.nodes[0].control.nodes().await.unwrap();
        assert!(nodes.iter().all(|node| node.slices.len() == 128));
        assert_eq!(
            world.nodes[other].control.audit(world.owner).await.unwrap(),
            []
        );
    }
}

/// Protocol 2: a node that ends hands over; the other goes on at its next look, and is told to look.
#[tokio::test]
async fn a_hand_over_leaves_no_gap() {
    let mut world = World::start(&[0, 0]).await;
    let (owner, other) = world.who().await;
    world.add(other, "Ann").await;
    world.nodes[owner].control.hand_over_leases().await;
    let mut hints = std::iter::from_fn(|| world.nodes[owner].hints.try_recv().ok());
    assert!(hints.any(|hint| hint.at == LookAt::Leases));
    world.nodes[owner].step(Vec::new()).await;
    assert_eq!(
        world.nodes[owner].sent().len(),
        0,
        "it sends nothing any more"
    );
    world.nodes[other].control.look_at_leases().await.unwrap();
    world.nodes[other].step(Vec::new()).await;
    assert!(!world.nodes[other].sent().is_empty());
    let nodes = world.nodes[other].control.nodes().await.unwrap();
    assert_eq!(nodes.len(), 1);
    assert_eq!(nodes[0].slices.len(), 256);
}

/// The store is away for longer than a lease: nothing goes out; then what may have been thrown away goes again.
#[tokio::test]
async fn what_was_thrown_away_at_a_closed_fence_goes_again() {
    let mut world = World::start(&[0]).await;
    world.add(0, "Ann").await;
    // No look at the leases for 9 s: the fence closes before the end of the lease.
    world.time.fetch_add(9_000, SeqCst);
    world.nodes[0].step(Vec::new()).await;
    assert_eq!(world.nodes[0].sent().len(), 0);
    world.pass(1, &[0]).await;
    let parts = world.nodes[0].sent();
    assert!(!parts.is_empty());
    assert!(matches!(parts[0].target, Target::Part(_)));
}
