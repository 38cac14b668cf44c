//! What becomes of what was under way when a slice, or the copy of the store that it was recorded in, was lost.

use crate::world::{World, accepted, receipt};
use delivery::NodeId;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::Ordering::SeqCst;
use std::task::Poll;
use store::{Job, LeaseStep};

/// A slice is handed over while a record of it is on its way: it is recorded, and nothing is sent here, whoever owns the
/// slice by the time the router comes to it.
#[tokio::test]
async fn what_is_recorded_of_a_slice_that_is_handed_over_goes_by_its_next_owner() {
    let mut world = World::start(&[0, 0]).await;
    let (owner, other) = world.who().await;
    world.add(owner, "Ann").await;
    {
        let mut step = pin!(world.nodes[owner].step(Vec::new()));
        // As far as the record is written, and its answer not looked at.
        loop {
            let over = poll_fn(|context| Poll::Ready(step.as_mut().poll(context).is_ready())).await;
            assert!(!over, "a step waits for its record");
            // The store carries its jobs out one after the other.
            world.store.run(Job::Documents(Vec::new())).await.unwrap();
            let terminal = world.store.terminal(world.terminal).await.unwrap();
            if terminal.unwrap().terminal.in_flight.is_some() {
                break;
            }
        }
    }
    world.nodes[owner].control.hand_over_leases().await;
    world.nodes[owner].step(Vec::new()).await;
    let now = u64::try_from(world.time.load(SeqCst)).unwrap();
    for part in world.nodes[owner].sent() {
        let fence = part.fence.expect("every part has one");
        assert!(!fence.open(now), "its slice is another's");
    }
    world.nodes[other].control.look_at_leases().await.unwrap();
    world.nodes[other].step(Vec::new()).await;
    assert!(!world.nodes[other].sent().is_empty());
}

/// The database fails over to an older copy, and this node runs on: its slices are free at far higher epochs, and it takes
/// them again between two looks of whatever else it does. Terminals that nothing is due for are made sure of all the same.
#[tokio::test]
async fn after_a_fail_over_a_node_that_runs_on_makes_sure_of_idle_terminals() {
    let mut world = World::start(&[0]).await;
    world.add(0, "Ann").await;
    world.pass(1, &[0]).await;
    let parts = world.nodes[0].sent();
    assert!(!parts.is_empty());
    let mut heard: Vec<_> = parts.iter().map(|part| accepted(part, "m")).collect();
    heard.push(receipt("m", 1));
    heard.extend(world.answers(&parts, 2));
    world.nodes[0].step(heard).await;
    world.pass(5, &[0]).await;
    assert!(world.in_sync(0).await);
    assert!(world.nodes[0].sent().is_empty());

    // As a server does it that is promoted (`store::postgres`).
    world.store.renew().await.unwrap();
    for lease in world.store.leases().await.unwrap() {
        let (slice, node) = (lease.slice, NodeId(99));
        let take = LeaseStep::Take {
            slice,
            node,
            seen: lease.epoch,
            now: i64::MAX,
            expires: 1,
        };
        let epoch = lease.epoch + 1;
        let hand_over = LeaseStep::HandOver { slice, node, epoch };
        for step in [take, hand_over] {
            world.store.run(Job::Lease(step)).await.unwrap();
        }
    }
    // A handful of slices is looked through in a second.
    world.pass(30, &[0]).await;
    assert!(
        !world.nodes[0].sent().is_empty(),
        "its records are read back"
    );
}
