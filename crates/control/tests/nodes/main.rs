//! Several controls on one store (ARCHITECTURE.md, “Many nodes”), each with clocks of its own, moved by hand: what a
//! node does that slept through its lease, what becomes of what arrives at the wrong one, and of what it offers.
#![allow(clippy::unwrap_used, missing_docs)]

mod lost;
mod offers;
mod servers;
mod world;

use control::{Asked, LookAt};
use delivery::{Outbound, Target};
use identity::{Scope, Token};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::Ordering::SeqCst;
use std::task::Poll;
use world::{World, accepted, receipt, text};

const HOUR: i64 = 3_600_000;

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

/// A slice may be lost between the look into its inbox and the decision: what lay there is the next owner's.
#[tokio::test]
async fn what_is_taken_out_of_an_inbox_that_is_lost_meanwhile_stays_there() {
    let world = World::start(&[0, 0]).await;
    let (owner, other) = world.who().await;
    // What is looked after once a second is done: the next step begins with the inbox.
    world.nodes[owner].step(Vec::new()).await;
    world.nodes[other].step(vec![text("hello", 9)]).await;
    assert_eq!(*world.nodes[other].acks.lock().unwrap(), [(9, true)]);
    world.nodes[owner].control.hinted(LookAt::Due);
    {
        let mut step = pin!(world.nodes[owner].step(Vec::new()));
        let begun = poll_fn(|context| Poll::Ready(step.as_mut().poll(context))).await;
        assert!(begun.is_pending(), "it reads the inbox");
        world.nodes[owner].control.hand_over_leases().await;
        step.await;
    }
    let left = world.nodes[other].control.store();
    let left = left.documents("inbox", None, 9).await.unwrap();
    assert_eq!(left.len(), 1);
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

/// A machine that is gone for good counts as alive for the time of a lease, and leaves nothing behind after an hour.
#[tokio::test]
async fn a_node_whose_machine_is_gone_is_no_node_any_more() {
    let mut world = World::start(&[0, 0, 0]).await;
    // Whoever owns slice 0 lives on.
    let nodes = world.nodes[0].control.nodes().await.unwrap();
    let first = nodes.iter().find(|node| node.slices.contains(0)).unwrap();
    let first = usize::try_from(first.node.0).unwrap() - 1;
    let (second, gone) = ((first + 1) % 3, (first + 2) % 3);
    let token = Token {
        id: "a".into(),
        name: "a".into(),
        scopes: Scope::ALL.into_iter().collect(),
    };
    let ask = async |node: &world::Node| {
        let asked = node.control.reserve(&token, "key", &[b"x"]);
        asked.await.unwrap()
    };
    let Asked::First(begun) = ask(&world.nodes[gone]).await else {
        panic!("it is new");
    };
    // It dies with the request half-way.
    for second_passed in 1..=8 {
        world.pass(1, &[first, second]).await;
        let running = ask(&world.nodes[second]).await;
        assert!(matches!(running, Asked::Running), "after {second_passed} s");
    }
    world.pass(8, &[first, second]).await;
    let Asked::First(again) = ask(&world.nodes[second]).await else {
        panic!("nobody carries it out any more");
    };
    assert_eq!(again.request(), begun.request());
    // Whoever carries it out now lives.
    let running = ask(&world.nodes[first]).await;
    assert!(matches!(running, Asked::Running));
    // Nobody is told at its address.
    let (others, _) = world.nodes[first].control.events_for_others();
    assert_eq!(others, [format!("node-{}", second + 1)]);
    let rows = async |world: &World| {
        let store = world.nodes[first].control.store();
        store.documents("node", None, 9).await.unwrap().len()
    };
    assert_eq!(rows(&world).await, 3);
    for _ in 0..1_850 {
        world.time.fetch_add(2_000, SeqCst);
        for n in [first, second] {
            world.nodes[n].control.look_at_leases().await.unwrap();
        }
    }
    assert_eq!(rows(&world).await, 2);
    // It was only asleep after all: it takes its place again.
    world.pass(60, &[first, second, gone]).await;
    let nodes = world.nodes[first].control.nodes().await.unwrap();
    let shares: Vec<_> = nodes.iter().map(|node| node.slices.len()).collect();
    assert!(
        shares.len() == 3 && shares.iter().all(|n| *n >= 85),
        "{shares:?}"
    );
    let (others, _) = world.nodes[first].control.events_for_others();
    assert_eq!(others.len(), 2);
}
