//! Steps of delivery, driven by hand with a clock of their own: what comes together is decided together.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "batch/forgetting.rs"]
mod forgetting;

use book::{Edit, FriendDraft, Language, SubscriberId};
use control::{
    Control, EditOptions, NewSubscriber, NewTerminal, Settings, Stored, Surroundings, TerminalState,
};
use delivery::network::{NetworkRow, NetworkTable};
use delivery::{Due, Event, Lane, Outbound, Policy, ReceiptState, Target, TerminalId};
use identity::{Grant, JobKind};
use lab::card::{Card, CardKind};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use store::{Job, Store};
use terminals::ChannelKind;
use tokio::sync::mpsc::{self, UnboundedReceiver};

const KIC: &str = "000102030405060708090a0b0c0d0e0f";
const KID: &str = "101112131415161718191a1b1c1d1e1f";
const START: i64 = 1_800_000_000_000;
const DAY: i64 = 86_400_000;

/// A clock that is set, and chance that counts.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicI64>, Arc<AtomicU64>);

impl Surroundings for Clock {
    fn now(&self) -> i64 {
        self.0.load(Relaxed)
    }
    fn random(&self, octets: &mut [u8]) {
        let n = self.1.fetch_add(0x9E37_79B9_7F4A_7C15, Relaxed);
        let chance = n.to_be_bytes().into_iter().cycle();
        octets.iter_mut().zip(chance).for_each(|(o, c)| *o = c);
    }
}

struct House {
    control: Control,
    clock: Clock,
    sent: UnboundedReceiver<Outbound>,
    cards: BTreeMap<String, Card>,
    answered: Arc<Mutex<Vec<(u64, bool)>>>,
    token: u64,
}

impl House {
    fn new(settings: Settings) -> Self {
        Self::in_network(settings, NetworkTable::default())
    }

    /// With what the communication module knows.
    fn in_network(settings: Settings, table: NetworkTable) -> Self {
        let (outbound, sent) = mpsc::unbounded_channel();
        let clock = Clock::default();
        clock.0.store(START, Relaxed);
        let settings = Settings {
            policy: Policy {
                quiet: 0,
                longest: 0,
                ..Policy::SERVE
            },
            ..settings
        };
        let key = vault::MasterKey::from_hex("test", &"42".repeat(32)).unwrap();
        let store = Store::memory().unwrap();
        let network = move || table.clone();
        Self {
            control: Control::within(clock.clone(), store, key, settings, outbound, network),
            clock,
            sent,
            cards: BTreeMap::new(),
            answered: Arc::default(),
            token: 0,
        }
    }

    /// The process ends, and another begins over the same store.
    fn restart(&mut self) {
        let (outbound, sent) = mpsc::unbounded_channel();
        let key = vault::MasterKey::from_hex("test", &"42".repeat(32)).unwrap();
        let (store, settings) = (
            self.control.store().clone(),
            self.control.settings().clone(),
        );
        let network = Default::default;
        self.control = Control::within(self.clock.clone(), store, key, settings, outbound, network);
        self.sent = sent;
    }

    async fn owner(&mut self, n: u32) -> TerminalId {
        let msisdn = format!("+447700900{n:03}");
        let owner = self.control.create_subscriber(NewSubscriber {
            msisdn: msisdn.clone(),
            name: format!("Owner {n}"),
            language: Language::En,
            region: None,
        });
        let iccid = format!("8944000000000000{n:03}");
        let (kic, kid) = (hex::decode(KIC).unwrap(), hex::decode(KID).unwrap());
        let kind = CardKind::named("sim-28x50").unwrap();
        let card = Card::new(kind, &iccid, &kic, &kid).unwrap();
        let terminal = self.control.add_terminal(NewTerminal {
            subscriber: owner.await.unwrap().id,
            channel: ChannelKind::SimOta,
            msisdn: msisdn.clone(),
            card_profile: Some("sim-28x50".into()),
            iccid: Some(iccid),
            keys: Some((KIC.into(), KID.into())),
            counter: None,
            in_use: false,
            terminal_profile: None,
        });
        self.cards.insert(msisdn, card);
        terminal.await.unwrap().id
    }

    async fn add(&self, owner: SubscriberId, name: &str) {
        let grant = Grant::of_job(JobKind::Sample, owner);
        let edit = Edit::AddFriend(FriendDraft::new(name, "07700 900999"));
        let edited = self.control.edit(&grant, edit, EditOptions::default());
        edited.await.unwrap();
    }

    async fn mark_bulk(&self, id: TerminalId) {
        let due = Due::new(book::Revision(1), self.control.now(), Lane::Bulk);
        let job = Job::MarkDue {
            marks: vec![(id, due)],
            replace: true,
        };
        self.control.store().run(job).await.unwrap();
    }

    /// One step, and what went out in it.
    async fn step(&mut self, events: Vec<Event>) -> (Vec<Outbound>, i64) {
        let answered = Arc::clone(&self.answered);
        let stored: Stored = Box::new(move |ack, ok| answered.lock().unwrap().push((ack, ok)));
        let next = self.control.step(events, &stored).await.unwrap();
        let mut sent = Vec::new();
        while let Ok(message) = self.sent.try_recv() {
            sent.push(message);
        }
        (sent, next)
    }

    /// What the network says of these messages: taken, delivered, and the cards' answers.
    fn network(&mut self, messages: &[Outbound]) -> Vec<Event> {
        let mut events = Vec::new();
        for message in messages {
            let id = format!("m{}", self.token);
            events.push(Event::Accepted {
                target: message.target.clone(),
                gateway: "test".into(),
                message_id: Some(id.clone()),
            });
            events.push(Event::Receipt {
                gateway: "test".into(),
                message_id: id,
                target: Some(message.target.clone()),
                state: ReceiptState::Delivered,
                error: None,
                ack: self.token,
            });
            self.token += 1;
            let card = self.cards.get_mut(&message.destination).unwrap();
            for user_data in card.receive("12345", &message.user_data).por {
                events.push(Event::Mobile {
                    gateway: "test".into(),
                    from: message.destination.clone(),
                    to: "12345".into(),
                    udhi: true,
                    pid: 0x7F,
                    dcs: 0xF6,
                    user_data,
                    ack: self.token,
                });
                self.token += 1;
            }
        }
        events
    }

    async fn state(&self, id: TerminalId) -> TerminalState {
        let broken = self.control.audit(id.subscriber).await.unwrap();
        assert!(broken.is_empty(), "{broken:?}");
        self.control.terminal_view(id).await.unwrap().unwrap().state
    }

    fn names(&self, n: u32) -> Vec<String> {
        let card = &self.cards[&format!("+447700900{n:03}")];
        let mut names: Vec<_> = lab::handset::book::read(card)
            .into_iter()
            .map(|(_, shown)| shown.name)
            .collect();
        names.sort();
        names
    }
}

#[tokio::test]
async fn everything_about_many_terminals_takes_two_steps() {
    let mut house = House::new(Settings::default());
    let mut terminals = Vec::new();
    for n in 100..140 {
        let id = house.owner(n).await;
        house.add(id.subscriber, "Mei").await;
        terminals.push(id);
    }
    let (sent, _) = house.step(Vec::new()).await;
    assert_eq!(sent.len(), 40);
    let events = house.network(&sent);
    let tokens = house.token;
    let (again, _) = house.step(events).await;
    assert_eq!(again, []);
    for id in terminals {
        assert_eq!(house.state(id).await, TerminalState::InSync);
    }
    let mut answered = house.answered.lock().unwrap().clone();
    answered.sort_unstable();
    let all: Vec<_> = (0..tokens).map(|token| (token, true)).collect();
    assert_eq!(answered, all);
}

#[tokio::test]
async fn people_come_before_bulk_which_keeps_to_its_pace() {
    let mut house = House::new(Settings {
        bulk_per_s: Some(1_000),
        ..Settings::default()
    });
    let mut bulk = Vec::new();
    for n in 100..220 {
        let id = house.owner(n).await;
        house.add(id.subscriber, "Mei").await;
        house.mark_bulk(id).await;
        bulk.push(id);
    }
    let person = house.owner(300).await;
    house.add(person.subscriber, "Lee").await;
    let lanes = |sent: &[Outbound]| {
        let bulk = sent.iter().filter(|part| part.lane == Lane::Bulk).count();
        (sent.len() - bulk, bulk)
    };
    // 50 ms of the pace to begin with, people first.
    let (sent, next) = house.step(Vec::new()).await;
    assert_eq!(sent[0].lane, Lane::Interactive);
    assert_eq!(lanes(&sent), (1, 50));
    assert_eq!(next, START + 1);
    // A person's edit does not wait for the pace.
    house.add(person.subscriber, "Ann").await;
    let events = house.network(&sent[..1]);
    let (sent, _) = house.step(events).await;
    let more = house.step(Vec::new()).await.0;
    assert_eq!((lanes(&sent), lanes(&more)), ((0, 0), (1, 0)));
    for (later, plans) in [(10, 10), (25, 15), (2_000, 45), (2_001, 0)] {
        house.clock.0.store(START + later, Relaxed);
        assert_eq!(
            lanes(&house.step(Vec::new()).await.0),
            (0, plans),
            "{later}"
        );
    }
}

#[tokio::test]
async fn a_terminal_that_was_away_for_three_days_gets_the_newest_state_once() {
    let mut house = House::new(Settings::default());
    let id = house.owner(100).await;
    for (day, name) in (0..).zip(["Mei", "Lee", "Ann"]) {
        house.clock.0.store(START + day * DAY, Relaxed);
        house.add(id.subscriber, name).await;
        let (sent, _) = house.step(Vec::new()).await;
        // Taken by the gateway, and never delivered.
        let taken = house.network(&sent).into_iter();
        house.cards.clear();
        let taken = taken.filter(|event| matches!(event, Event::Accepted { .. }));
        house.step(taken.collect()).await;
        let kind = CardKind::named("sim-28x50").unwrap();
        let (kic, kid) = (hex::decode(KIC).unwrap(), hex::decode(KID).unwrap());
        let card = Card::new(kind, "8944000000000000100", &kic, &kid).unwrap();
        house.cards.insert("+447700900100".into(), card);
    }
    let (mut shipments, mut at) = (0, START + 3 * DAY);
    while house.state(id).await != TerminalState::InSync {
        house.clock.0.store(at, Relaxed);
        let (sent, _) = house.step(Vec::new()).await;
        shipments += i32::from(!sent.is_empty());
        let events = house.network(&sent);
        house.step(events).await;
        at += DAY;
        assert!(at < START + 9 * DAY);
    }
    assert_eq!(shipments, 1);
    assert_eq!(house.names(100), ["Ann", "Lee", "Mei"]);
}

#[tokio::test]
async fn a_row_that_somebody_else_wrote_meanwhile_is_decided_again() {
    let mut house = House::new(Settings::default());
    let id = house.owner(100).await;
    house.add(id.subscriber, "Mei").await;
    let (sent, _) = house.step(Vec::new()).await;
    let events = house.network(&sent);
    // The engine knows the row as it was; the retirement must stand, and the gateway be answered.
    house.control.retire(id, |_| true).await.unwrap();
    house.step(events).await;
    let full = house.control.store().terminal(id).await.unwrap().unwrap();
    assert!(full.terminal.retired && full.terminal.in_flight.is_none());
    let answered = house.answered.lock().unwrap().clone();
    assert_eq!(answered, [(0, true), (1, true)]);
}

#[tokio::test]
async fn an_old_answer_and_news_of_the_next_shipment_come_together() {
    let mut house = House::new(Settings::default());
    let id = house.owner(100).await;
    house.add(id.subscriber, "Mei").await;
    let (sent, _) = house.step(Vec::new()).await;
    let mut old = house.network(&sent);
    let late = old.split_off(2);
    house.step(old).await;
    // No proof came in time: a new plan, whose news arrive with the old answer.
    house.clock.0.store(START + DAY, Relaxed);
    house.step(Vec::new()).await;
    house.clock.0.store(START + 2 * DAY, Relaxed);
    let (again, _) = house.step(Vec::new()).await;
    assert!(matches!(again[0].target, Target::Part(_)));
    let news = house.network(&again);
    let together = late.into_iter().chain(news).collect();
    house.step(together).await;
    house.step(Vec::new()).await;
    assert_eq!(house.state(id).await, TerminalState::InSync);
    assert_eq!(house.names(100), ["Mei"]);
}

/// Part `n` of two of a text in 8-bit octets, under a reference.
fn part(token: u64, reference: u8, n: u8, text: &str) -> Event {
    let header = [5, 0, 3, reference, 2, n];
    Event::Mobile {
        gateway: "test".into(),
        from: "+447700900100".into(),
        to: "12345".into(),
        udhi: true,
        pid: 0,
        dcs: 0,
        user_data: [&header[..], text.as_bytes()].concat(),
        ack: token,
    }
}

#[tokio::test]
async fn a_long_text_is_one_text_in_any_order_twice_told_and_after_a_restart() {
    let mut house = House::new(Settings::default());
    let id = house.owner(100).await;
    let (sent, _) = house
        .step(vec![part(1, 7, 2, "world"), part(2, 8, 1, "see ")])
        .await;
    assert!(sent.is_empty(), "nobody is answered before he has finished");
    house.restart();
    let told_twice = vec![part(3, 7, 2, "world"), part(4, 7, 1, "hello ")];
    house.step(told_twice).await;
    house.clock.0.store(START + 1_000, Relaxed);
    house.step(vec![part(5, 8, 2, "you")]).await;
    let texts = house.control.texts_of(id).await.unwrap();
    let texts: Vec<_> = texts.into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["see you", "hello world"]);
    let mut answered = house.answered.lock().unwrap().clone();
    answered.sort_unstable();
    assert_eq!(answered, (1..=5).map(|n| (n, true)).collect::<Vec<_>>());
    let left = house
        .control
        .store()
        .documents("fragment", None, 9)
        .await
        .unwrap();
    assert_eq!(left, []);
}

#[tokio::test]
async fn what_is_tried_again_stays_in_its_lane() {
    let mut house = House::new(Settings::default());
    let id = house.owner(100).await;
    house.add(id.subscriber, "Mei").await;
    house.mark_bulk(id).await;
    let (first, _) = house.step(Vec::new()).await;
    assert_eq!(first[0].lane, Lane::Bulk);
    // No proof, twice: the shipment is given up, and planned again.
    let mut again = Vec::new();
    for days in 1..4 {
        house.clock.0.store(START + days * DAY, Relaxed);
        again.extend(house.step(Vec::new()).await.0);
    }
    assert!(!again.is_empty());
    assert!(again.iter().all(|message| message.lane == Lane::Bulk));
}

#[tokio::test]
async fn a_failing_network_puts_off_a_campaign_and_nobody_who_waits() {
    // A campaign to dead SIMs: of a hundred messages to +44, five arrived.
    let mut row = NetworkRow::default();
    let minute = Arc::make_mut(&mut row.history).at(START);
    (minute.arrived, minute.absent) = (5, 95);
    let mut table = NetworkTable::default();
    table.networks.insert("+44".into(), row);
    let mut house = House::in_network(Settings::default(), table);
    let mut owners = Vec::new();
    for n in [100, 101] {
        let id = house.owner(n).await;
        house.add(id.subscriber, "Mei").await;
        owners.push(id);
    }
    house.mark_bulk(owners[0]).await;
    let (sent, _) = house.step(Vec::new()).await;
    let lanes: Vec<_> = sent.iter().map(|part| part.lane).collect();
    assert_eq!(lanes, [Lane::Interactive, Lane::Bulk]);
    let lost = |part: &Outbound| Event::NoAnswer {
        target: part.target.clone(),
        gateway: "test".into(),
    };
    house.step(sent.iter().map(lost).collect()).await;
    for (id, wait) in [(owners[0], 3_600_000), (owners[1], 5_000)] {
        let full = house.control.store().terminal(id).await.unwrap().unwrap();
        assert_eq!(full.terminal.next_try, Some(START + wait), "{id:?}");
    }
    // It goes again when its own time comes, whatever the network is like.
    house.clock.0.store(START + 5_000, Relaxed);
    let (again, _) = house.step(Vec::new()).await;
    let packets: Vec<_> = again.iter().map(|part| &part.user_data).collect();
    assert_eq!(packets, [&sent[0].user_data]);
}
