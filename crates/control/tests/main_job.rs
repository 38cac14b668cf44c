//! The main job without a gateway: an edit goes through main control to a card in software, and its proof comes back.
#![allow(clippy::unwrap_used, missing_docs)]

use book::{Edit, FriendDraft, FriendNo, Language, NumberDraft, SubscriberId};
use control::{Control, EditOptions, NewSubscriber, NewTerminal, Settings, TerminalState};
use delivery::{Event, Policy, Target, TerminalId};
use identity::{Grant, JobKind};
use lab::card::{Card, CardKind};
use std::sync::{Arc, Mutex};
use store::Store;
use terminals::{ChannelKind, EntryState};
use tokio::sync::{mpsc, oneshot};

const KIC: &str = "000102030405060708090a0b0c0d0e0f";
const KID: &str = "101112131415161718191a1b1c1d1e1f";
const OWNER: &str = "+447700900100";

/// Control with a carrier of three lines: every message reaches the card, every answer comes back.
struct World {
    control: Control,
    card: Arc<Mutex<Card>>,
    on: Arc<Mutex<bool>>,
    stop: Option<oneshot::Sender<()>>,
    running: tokio::task::JoinHandle<()>,
}

impl World {
    fn start(store: Store, card: Arc<Mutex<Card>>) -> Self {
        let (outbound, mut sent) = mpsc::unbounded_channel::<delivery::Outbound>();
        let (events, inbox) = mpsc::channel(1000);
        let settings = Settings {
            policy: Policy {
                quiet: 0,
                longest: 0,
                proof_wait: 50,
                proof_wait_most: 200,
                gateway_wait: 20,
                validity_s: 60,
            },
            ..Settings::default()
        };
        let key = vault::MasterKey::from_hex("test", &"42".repeat(32)).unwrap();
        let control = Control::new(store, key, settings, outbound, Default::default);
        let on = Arc::new(Mutex::new(true));
        let (phone, switch) = (Arc::clone(&card), Arc::clone(&on));
        tokio::spawn(async move {
            while let Some(message) = sent.recv().await {
                let Target::Part(_) = message.target else {
                    continue;
                };
                let accepted = Event::Accepted {
                    target: message.target,
                    gateway: "test".into(),
                    message_id: Some("m1".into()),
                };
                let _ = events.send(accepted).await;
                if !*switch.lock().unwrap() {
                    continue;
                }
                let answer = phone.lock().unwrap().receive("12345", &message.user_data);
                for user_data in answer.por {
                    let por = Event::Mobile {
                        gateway: "test".into(),
                        from: OWNER.into(),
                        to: "12345".into(),
                        udhi: true,
                        pid: 0x7F,
                        dcs: 0xF6,
                        user_data,
                        ack: 1,
                    };
                    let _ = events.send(por).await;
                }
            }
        });
        let (stop, stopped) = oneshot::channel();
        let engine = control.clone();
        let running = tokio::spawn(async move {
            let until = async {
                let _ = stopped.await;
            };
            engine.run(inbox, Box::new(|_, _| {}), until).await;
        });
        Self {
            control,
            card,
            on,
            stop: Some(stop),
            running,
        }
    }

    async fn stop(mut self) {
        let _ = self.stop.take().unwrap().send(());
        self.running.await.unwrap();
    }

    async fn owner(&self, in_use: bool) -> (SubscriberId, TerminalId) {
        let owner = self.control.create_subscriber(NewSubscriber {
            msisdn: OWNER.into(),
            name: "Mum".into(),
            language: Language::En,
            region: None,
        });
        let owner = owner.await.unwrap();
        let terminal = self.control.add_terminal(NewTerminal {
            subscriber: owner.id,
            channel: ChannelKind::SimOta,
            msisdn: OWNER.into(),
            card_profile: Some("sim-28x50".into()),
            iccid: Some("8944000000000000001".into()),
            keys: Some((KIC.into(), KID.into())),
            counter: None,
            in_use,
            terminal_profile: None,
        });
        (owner.id, terminal.await.unwrap().id)
    }

    async fn add(&self, owner: SubscriberId, name: &str, number: &str) -> FriendNo {
        let draft = FriendDraft {
            name: name.into(),
            numbers: vec![NumberDraft {
                number: number.into(),
                ..NumberDraft::default()
            }],
            ..FriendDraft::default()
        };
        let grant = Grant::of_job(JobKind::Sample, owner);
        let edited = self
            .control
            .edit(&grant, Edit::AddFriend(draft), EditOptions::default());
        edited.await.unwrap().friend.unwrap()
    }

    /// Waits for a state of the terminal, told by control's own events.
    async fn until(&self, id: TerminalId, state: TerminalState) -> control::TerminalView {
        let mut events = self.control.subscribe();
        let wait = async {
            loop {
                let broken = self.control.audit(id.subscriber).await.unwrap();
                assert!(broken.is_empty(), "{broken:?}");
                let view = self.control.terminal_view(id).await.unwrap().unwrap();
                if view.state == state {
                    return view;
                }
                let _ = events.recv().await;
            }
        };
        let limit = std::time::Duration::from_secs(30);
        tokio::time::timeout(limit, wait).await.unwrap()
    }

    /// The names on the phone, decoded from the card's file.
    fn phone(&self) -> Vec<(String, String)> {
        let card = self.card.lock().unwrap();
        let book = lab::handset::book::read(&card).into_iter();
        book.map(|(_, shown)| (shown.name, shown.number)).collect()
    }
}

fn card() -> Arc<Mutex<Card>> {
    let (kic, kid) = (hex::decode(KIC).unwrap(), hex::decode(KID).unwrap());
    let kind = CardKind::named("sim-28x50").unwrap();
    Arc::new(Mutex::new(
        Card::new(kind, "8944000000000000001", &kic, &kid).unwrap(),
    ))
}

#[tokio::test]
async fn a_friend_that_was_added_changed_and_removed_is_on_the_card() {
    let world = World::start(Store::memory().unwrap(), card());
    let (owner, terminal) = world.owner(false).await;
    let mei = world.add(owner, "Mei", "07700 900123").await;
    let view = world.until(terminal, TerminalState::InSync).await;
    assert_eq!(view.entries[0].state, EntryState::OnTerminal);
    assert_eq!(world.phone(), [("Mei".into(), "+447700900123".into())]);
    // A receipt that comes after a restart finds its part by the gateway and its id there.
    let sent = world.control.store().sent("test", "m1").await.unwrap();
    assert!(sent.is_some());

    let grant = Grant::of_job(JobKind::Sample, owner);
    let patch = book::FriendPatch {
        name: Some("小梅".into()),
        ..Default::default()
    };
    let change = Edit::ChangeFriend {
        friend: mei,
        patch,
        based_on: None,
    };
    let edited = world.control.edit(&grant, change, EditOptions::default());
    let edited = edited.await.unwrap();
    world.until(terminal, TerminalState::InSync).await;
    assert_eq!(world.phone(), [("小梅".into(), "+447700900123".into())]);

    // History is the store: undo is a change like any other, and the phone follows.
    world.control.undo(&grant, edited.revision).await.unwrap();
    world.until(terminal, TerminalState::InSync).await;
    assert_eq!(world.phone(), [("Mei".into(), "+447700900123".into())]);

    let remove = world
        .control
        .edit(&grant, Edit::RemoveFriend(mei), EditOptions::default());
    remove.await.unwrap();
    world.until(terminal, TerminalState::InSync).await;
    assert!(world.phone().is_empty());
    world.stop().await;
}

#[tokio::test]
async fn a_phone_that_was_off_gets_the_newest_state() {
    let world = World::start(Store::memory().unwrap(), card());
    let (owner, terminal) = world.owner(false).await;
    *world.on.lock().unwrap() = false;
    world.add(owner, "Mei", "07700 900123").await;
    world.until(terminal, TerminalState::Waiting).await;
    world.add(owner, "Dr Lee", "07700 900456").await;
    *world.on.lock().unwrap() = true;
    world.until(terminal, TerminalState::InSync).await;
    let mut names: Vec<_> = world.phone().into_iter().map(|(name, _)| name).collect();
    names.sort();
    assert_eq!(names, ["Dr Lee", "Mei"]);
    world.stop().await;
}

#[tokio::test]
async fn a_card_in_use_is_read_before_it_is_written() {
    let card = card();
    {
        let mut card = card.lock().unwrap();
        lab::handset::book::write(&mut card, 50, "Plumber", "07700900999").unwrap();
    }
    let world = World::start(Store::memory().unwrap(), card);
    let (owner, terminal) = world.owner(true).await;
    world.add(owner, "Mei", "07700 900123").await;
    let view = world.until(terminal, TerminalState::InSync).await;
    let mut names: Vec<_> = world.phone().into_iter().map(|(name, _)| name).collect();
    names.sort();
    assert_eq!(names, ["Mei", "Plumber"]);
    let foreign = view.entries.iter().find(|e| e.state == EntryState::Foreign);
    assert_eq!(foreign.unwrap().name_shown, "Plumber");
    world.stop().await;
}

#[tokio::test]
async fn sixty_friends_on_a_card_of_fifty_leave_ten_out_and_say_so() {
    let world = World::start(Store::memory().unwrap(), card());
    let (owner, terminal) = world.owner(false).await;
    let mut first = None;
    for n in 0..60 {
        let no = world
            .add(
                owner,
                &format!("Friend {n:02}"),
                &format!("07700 9002{n:02}"),
            )
            .await;
        first.get_or_insert(no);
    }
    let view = world.until(terminal, TerminalState::InSync).await;
    let left_out = |view: &control::TerminalView| {
        let out = view
            .entries
            .iter()
            .filter(|e| e.state == EntryState::LeftOut);
        out.map(|e| e.name_shown.clone()).collect::<Vec<_>>()
    };
    assert_eq!(left_out(&view).len(), 10);
    assert_eq!(world.phone().len(), 50);
    // Deleting one brings in the first of the ten.
    let grant = Grant::of_job(JobKind::Sample, owner);
    let remove = Edit::RemoveFriend(first.unwrap());
    let remove = world.control.edit(&grant, remove, EditOptions::default());
    remove.await.unwrap();
    let view = world.until(terminal, TerminalState::InSync).await;
    assert_eq!(left_out(&view).len(), 9);
    assert!(world.phone().iter().any(|(name, _)| name == "Friend 50"));
    world.stop().await;
}

#[tokio::test]
async fn a_process_that_ends_before_the_proof_finishes_the_job_at_its_next_start() {
    let store = Store::memory().unwrap();
    let card = card();
    let world = World::start(store.clone(), Arc::clone(&card));
    let (owner, terminal) = world.owner(false).await;
    *world.on.lock().unwrap() = false;
    world.add(owner, "Mei", "07700 900123").await;
    world.until(terminal, TerminalState::Waiting).await;
    world.stop().await;
    let world = World::start(store, card);
    world.until(terminal, TerminalState::InSync).await;
    assert_eq!(world.phone(), [("Mei".into(), "+447700900123".into())]);
    world.stop().await;
}

#[tokio::test]
async fn a_mass_removal_is_held_until_somebody_says_yes() {
    let world = World::start(Store::memory().unwrap(), card());
    let (owner, terminal) = world.owner(false).await;
    let mut friends = Vec::new();
    for n in 0..8 {
        friends.push(
            world
                .add(owner, &format!("Friend {n}"), &format!("07700 90030{n}"))
                .await,
        );
    }
    world.until(terminal, TerminalState::InSync).await;
    let grant = Grant::of_job(JobKind::CommandLine, owner);
    let mut hold = None;
    for no in &friends[..5] {
        let remove = Edit::RemoveFriend(*no);
        let edited = world.control.edit(&grant, remove, EditOptions::default());
        hold = edited.await.unwrap().hold;
    }
    let held = world.until(terminal, TerminalState::InSync).await;
    let count = |view: &control::TerminalView, state| {
        view.entries.iter().filter(|e| e.state == state).count()
    };
    // What went out before the fifth removal pulled the brake is brought back: a hold keeps all five.
    assert_eq!(count(&held, EntryState::Removing), 0, "{:?}", held.entries);
    assert_eq!(world.phone().len(), 8);
    world
        .control
        .decide_hold(&grant, hold.unwrap(), true)
        .await
        .unwrap();
    world.until(terminal, TerminalState::InSync).await;
    assert_eq!(world.phone().len(), 3);
    world.stop().await;
}

/// What was sent to this terminal, oldest first: for what, and with which counters.
async fn sent(world: &World, id: TerminalId) -> Vec<(delivery::ShipmentKind, Vec<u64>)> {
    let filter = store::ShipmentFilter {
        terminal: Some(id),
        state: None,
        after: None,
        limit: 100,
    };
    let mut shipments = world.control.store().shipments(filter).await.unwrap();
    shipments.reverse();
    let counters = |s: &delivery::Shipment| s.packets.iter().filter_map(|p| p.counter).collect();
    shipments.iter().map(|s| (s.kind, counters(s))).collect()
}

#[tokio::test]
async fn a_new_card_is_filled_from_nothing_and_no_counter_comes_again() {
    let world = World::start(Store::memory().unwrap(), card());
    let (owner, terminal) = world.owner(false).await;
    world.add(owner, "Mei", "07700 900123").await;
    world.until(terminal, TerminalState::InSync).await;
    let before = sent(&world, terminal).await;

    let (kic, kid) = ("0f".repeat(16), "f0".repeat(16));
    let octets = |hex: &str| hex::decode(hex).unwrap();
    let kind = CardKind::named("sim-28x50").unwrap();
    let iccid = "8944000000000000777";
    *world.card.lock().unwrap() = Card::new(kind, iccid, &octets(&kic), &octets(&kid)).unwrap();
    let patch = control::TerminalPatch {
        card: Some(control::NewCard {
            iccid: iccid.into(),
            kic,
            kid,
            profile: None,
        }),
        content: None,
    };
    let changed = world.control.change_terminal(terminal, patch, |_| true);
    changed.await.unwrap();
    world.until(terminal, TerminalState::InSync).await;
    assert_eq!(world.phone(), [("Mei".into(), "+447700900123".into())]);
    let sent = sent(&world, terminal).await;
    let used = before.iter().flat_map(|(_, counters)| counters).max();
    assert!(
        sent[before.len()]
            .1
            .iter()
            .all(|counter| Some(counter) > used),
        "{sent:?}"
    );
    world.stop().await;
}

#[tokio::test]
async fn after_a_restore_the_card_is_read_before_it_is_written_and_no_counter_is_used_twice() {
    let store = Store::memory().unwrap();
    let world = World::start(store.clone(), card());
    let (owner, terminal) = world.owner(false).await;
    world.add(owner, "Mei", "07700 900123").await;
    world.until(terminal, TerminalState::InSync).await;
    let before = sent(&world, terminal).await;
    store.renew().await.unwrap();

    world.add(owner, "Dr Lee", "07700 900456").await;
    world.until(terminal, TerminalState::InSync).await;
    let after = &sent(&world, terminal).await[before.len()..];
    let kinds: Vec<_> = after.iter().map(|(kind, _)| *kind).collect();
    use delivery::ShipmentKind::{Verify, Write};
    assert_eq!(kinds, [Verify, Write]);
    let used = before.iter().flat_map(|(_, counters)| counters).max();
    let jump = delivery::counter::JUMP;
    assert!(after[0].1[0] > used.unwrap() + jump, "{before:?} {after:?}");
    // Once is enough.
    world.add(owner, "Plumber", "07700 900789").await;
    world.until(terminal, TerminalState::InSync).await;
    let last = sent(&world, terminal).await.pop().unwrap();
    assert_eq!(last.0, Write);
    assert!(last.1[0] < used.unwrap() + 2 * jump);
    world.stop().await;
}
