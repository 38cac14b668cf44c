//! One bind for all nodes (protocol 6): what a node offers goes by the holder of the bind, once, and its owner hears.

use crate::world::{OWNER, World, accepted};
use control::LookAt;
use delivery::offer::{Holder, Passed, slice_of};
use delivery::{Event, NodeId, Outbound, Target};
use std::sync::atomic::Ordering::SeqCst;

impl World {
    /// Two nodes: one owns Mum's slice, the other holds the bind. Which, as their places.
    async fn apart() -> (Self, usize, usize) {
        loop {
            let world = Self::start(&[0, 0]).await;
            let (owner, other) = world.who().await;
            let nodes = world.nodes[0].control.nodes().await.unwrap();
            let slice = slice_of("test");
            let holds = |node: &control::Node| node.slices.contains(slice);
            // Mum's slice is drawn: every second time.
            let holder = nodes.iter().find(|node| holds(node)).unwrap().node;
            if holder == NodeId(u64::try_from(other).unwrap() + 1) {
                return (world, owner, other);
            }
        }
    }

    fn holder(&self, node: usize) -> Holder {
        self.nodes[node].stands.borrow()["test"].holder.clone()
    }

    fn done(&self, node: usize) -> u64 {
        self.nodes[node].stands.borrow()["test"].done.iter().sum()
    }

    async fn look(&self, node: usize) {
        self.nodes[node].control.look_at_offers().await.unwrap();
    }

    async fn lie(&self, kind: &'static str) -> Vec<String> {
        let lie = self.nodes[0].control.store().documents(kind, None, 99);
        lie.await.unwrap().into_iter().map(|d| d.value).collect()
    }

    /// The line of this node passes on whatever control hands it.
    async fn offer(&mut self, node: usize) -> Vec<Outbound> {
        let messages = self.nodes[node].sent();
        for message in messages.clone() {
            let gateway = "test".into();
            self.nodes[node].control.pass(Passed { gateway, message });
        }
        self.look(node).await;
        messages
    }

    /// An edit, planned by its owner and offered.
    async fn edited(&mut self, owner: usize, name: &str) -> Vec<Outbound> {
        self.add(owner, name).await;
        self.nodes[owner].step(Vec::new()).await;
        let parts = self.offer(owner).await;
        assert!(!parts.is_empty());
        parts
    }

    async fn audited(&self, node: usize) {
        let control = &self.nodes[node].control;
        assert_eq!(control.audit(self.owner).await.unwrap(), []);
    }
}

fn octets(messages: &[Outbound]) -> Vec<(Target, String, Vec<u8>)> {
    let octets = |m: &Outbound| (m.target.clone(), m.destination.clone(), m.user_data.clone());
    messages.iter().map(octets).collect()
}

fn data(messages: &[Outbound]) -> Vec<Vec<u8>> {
    messages.iter().map(|m| m.user_data.clone()).collect()
}

/// A message of B goes by A's bind, sealed on its way; answer, receipt and proof reach B's shipment.
#[tokio::test]
async fn what_is_offered_goes_by_the_holder_once_and_its_owner_hears() {
    let (mut world, b, a) = World::apart().await;
    assert_eq!(
        world.holder(b),
        Holder::There(NodeId(u64::try_from(a).unwrap() + 1))
    );
    assert!(matches!(world.holder(a), Holder::Here(_)));
    let parts = world.edited(b, "Ann").await;
    let mut hints = std::iter::from_fn(|| world.nodes[b].hints.try_recv().ok());
    let told = format!("node-{}", a + 1);
    assert!(hints.any(|hint| hint.at == LookAt::Due && hint.address == told));
    let lie = world.lie("offer").await;
    assert_eq!(lie.len(), parts.len());
    for (value, part) in lie.iter().zip(&parts) {
        assert!(!value.contains(OWNER) && !value.contains(&hex::encode(&part.user_data)));
    }
    assert_eq!(world.done(b), 0);

    world.look(a).await;
    let sent = world.nodes[a].sent();
    assert_eq!(octets(&sent), octets(&parts));
    let now = u64::try_from(world.time.load(SeqCst)).unwrap();
    for message in &sent {
        assert_eq!(message.by.as_deref(), Some("test"));
        let fence = message.fence.as_ref().unwrap();
        assert!(fence.open(now) && !fence.open(now + 5_000));
    }
    world.look(a).await;
    assert_eq!(world.nodes[a].sent().len(), 0, "once");

    let taken = (0..)
        .zip(&sent)
        .map(|(n, part)| accepted(part, &format!("m{n}")));
    let taken = taken.collect();
    world.nodes[a].step(taken).await;
    world.look(a).await;
    assert_eq!(world.lie("offer").await.len(), 0);
    assert_eq!(world.lie("inbox").await.len(), parts.len());
    world.look(b).await;
    assert_eq!(world.done(b), parts.len() as u64, "there is room again");
    world.nodes[b].control.hinted(LookAt::Due);
    world.nodes[b].step(Vec::new()).await;
    assert_eq!(world.lie("inbox").await.len(), 0);
    let known = world.nodes[b].control.store().sent("test", "m0").await;
    assert!(known.unwrap().is_some(), "its owner knows the id");

    let delivered = |n: usize, part: &Outbound| Event::Receipt {
        gateway: "test".into(),
        message_id: format!("m{n}"),
        target: Some(part.target.clone()),
        state: delivery::ReceiptState::Delivered,
        error: None,
        ack: 100,
    };
    let mut heard: Vec<_> = (0..)
        .zip(&sent)
        .map(|(n, part)| delivered(n, part))
        .collect();
    heard.extend(world.answers(&sent, 8));
    world.nodes[a].step(heard).await;
    assert!(!world.in_sync(b).await, "only the owner moves the shadow");
    world.pass(1, &[a, b]).await;
    assert!(world.in_sync(b).await);
    world.audited(b).await;
}

/// A text to a person lies sealed beside the gateway's slice, goes once, and leaves nothing behind.
#[tokio::test]
async fn a_code_is_offered_sealed_and_leaves_nothing() {
    let (mut world, b, a) = World::apart().await;
    world.nodes[b]
        .control
        .text(OWNER, "Your code: 123456")
        .unwrap();
    let texts = world.offer(b).await;
    let lie = world.lie("offer").await;
    assert_eq!((texts.len(), lie.len()), (1, 1));
    assert!(!lie[0].contains("123456") && !lie[0].contains(&hex::encode("123456")));
    world.look(a).await;
    let sent = world.nodes[a].sent();
    assert_eq!(octets(&sent), octets(&texts));
    world.nodes[a].step(vec![accepted(&sent[0], "m")]).await;
    world.look(a).await;
    assert_eq!(world.lie("offer").await.len(), 0);
    assert_eq!(world.lie("inbox").await.len(), 0);
}

/// A dies with what it took: the next holder cannot know whether it was sent, and says so; the same packet goes again.
#[tokio::test]
async fn what_a_dead_holder_took_is_unknown_and_goes_again() {
    let (mut world, b, a) = World::apart().await;
    let parts = world.edited(b, "Ann").await;
    world.look(a).await;
    let sent = world.nodes[a].sent();
    assert_eq!(sent.len(), parts.len());
    world.pass(14, &[b]).await;
    assert!(matches!(world.holder(b), Holder::Here(_)));
    assert_eq!(world.lie("offer").await.len(), 0);
    let now = u64::try_from(world.time.load(SeqCst)).unwrap();
    let open = |part: &Outbound| part.fence.as_ref().unwrap().open(now);
    assert!(!sent.iter().any(open), "a late write of the dead is none");
    world.pass(31, &[b]).await;
    let again = world.nodes[b].sent();
    assert_eq!(data(&again), data(&parts), "the very same packet");
    assert!(again.iter().all(|part| part.by.is_none()));
    let mut heard: Vec<_> = again.iter().map(|part| accepted(part, "m")).collect();
    heard.extend(world.answers(&again, 9));
    world.nodes[b].step(heard).await;
    assert!(world.in_sync(b).await);
    world.audited(b).await;
}

/// B loses its slice before A looks: nothing is sent by the offer; the new owner sends it itself.
#[tokio::test]
async fn an_offer_of_a_former_owner_is_not_sent() {
    let (mut world, b, a) = World::apart().await;
    let parts = world.edited(b, "Ann").await;
    world.nodes[b].control.hand_over_leases().await;
    world.look(a).await;
    assert_eq!(world.nodes[a].sent().len(), 0);
    assert_eq!(world.lie("offer").await.len(), 0);
    assert_eq!(world.lie("inbox").await.len(), 0);
    world.nodes[a].control.look_at_leases().await.unwrap();
    world.nodes[a].step(Vec::new()).await;
    let sent = world.nodes[a].sent();
    assert_eq!(data(&sent), data(&parts), "the very same packet");
    assert!(sent.iter().all(|part| part.by.is_none()));
}

/// A hands the bind over in the middle: its fence closes at once, B takes the bind, and what A took is unknown.
#[tokio::test]
async fn a_hand_over_closes_the_bind_and_the_next_holder_goes_on() {
    let (mut world, b, a) = World::apart().await;
    let first = world.edited(b, "Ann").await;
    world.look(a).await;
    let sent = world.nodes[a].sent();
    let Holder::Here(fence) = world.holder(a) else {
        panic!("{:?}", world.holder(a));
    };
    world.nodes[a].control.hand_over_leases().await;
    assert!(!fence.open(0), "no later write");
    assert!(
        sent.iter()
            .all(|part| !part.fence.as_ref().unwrap().open(0))
    );
    assert!(!matches!(world.holder(a), Holder::Here(_)));
    world.nodes[b].control.look_at_leases().await.unwrap();
    assert!(matches!(world.holder(b), Holder::Here(_)));
    world.look(b).await;
    assert_eq!(world.lie("offer").await.len(), 0);
    assert_eq!(world.lie("inbox").await.len(), first.len());
    // The answer came to A after all, and A could still write it down: the owner hears that it was taken.
    let taken = sent.iter().map(|part| accepted(part, "m")).collect();
    world.nodes[a].step(taken).await;
    world.look(a).await;
    let proof = world.answers(&sent, 5);
    world.nodes[b].step(proof).await;
    world.pass(1, &[b]).await;
    assert!(world.in_sync(b).await);
    world.audited(b).await;
}

/// What a line threw away unsent is taken anew; what nobody takes is unknown after a while, and there is room again.
#[tokio::test]
async fn an_offer_that_nobody_takes_comes_back() {
    let (mut world, b, a) = World::apart().await;
    let parts = world.edited(b, "Ann").await;
    world.look(a).await;
    let sent = world.nodes[a].sent();
    let thrown = |part: &Outbound| Event::NotSent {
        target: part.target.clone(),
        gateway: "test".into(),
    };
    world.nodes[a].step(sent.iter().map(thrown).collect()).await;
    world.look(a).await;
    assert_eq!(octets(&world.nodes[a].sent()), octets(&parts));
    world.nodes[a]
        .step(parts.iter().map(thrown).collect())
        .await;
    // A lives and looks at its leases, and not at offers: its gateway takes nothing.
    for _ in 0..601 {
        world.time.fetch_add(1_000, SeqCst);
        for n in [a, b] {
            world.nodes[n].control.look_at_leases().await.unwrap();
        }
    }
    world.look(b).await;
    assert_eq!(world.lie("offer").await.len(), 0);
    assert_eq!(world.lie("inbox").await.len(), parts.len());
    world.look(b).await;
    assert_eq!(world.done(b), parts.len() as u64);
}
