//! Slices on several servers, one of which dies: delivery goes on for the others' owners, and for its own once it is back.

use super::{SeqCst, World};
use delivery::Slices;
use pgbox::Server;
use store::{Servers, Store};

/// The slices of the second server.
fn there() -> Slices {
    (0..64).collect()
}

/// A world whose owner lies at home.
async fn world(home: &Server, other: &Server) -> World {
    for attempt in 0.. {
        let name = format!("kith{attempt}");
        let servers = Servers {
            home: home.database(&name).unwrap(),
            others: vec![(other.database(&name).unwrap(), there())],
        };
        let world = World::on(Store::connect(&servers).unwrap(), &[0]).await;
        if !there().contains(world.owner.slice()) {
            return world;
        }
    }
    unreachable!("slices are drawn by chance");
}

/// So many seconds, each with a look at the leases; what is looked after beside fails while a server is away.
async fn pass(world: &World, seconds: u32) {
    for _ in 0..seconds {
        world.time.fetch_add(1_000, SeqCst);
        let node = &world.nodes[0];
        node.control.look_at_leases().await.unwrap();
        node.control.look_at_offers().await.unwrap();
        let _ = node.control.step(Vec::new(), &node.stored).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_server_stops_only_its_own_slices() {
    let (home, mut other) = (Server::start().unwrap(), Server::start().unwrap());
    let mut world = world(&home, &other).await;
    let owned = async |world: &World| {
        let nodes = world.nodes[0].control.nodes().await.unwrap();
        nodes[0].slices
    };
    assert_eq!(owned(&world).await, Slices::ALL);
    world.nodes[0].sent();
    other.kill().unwrap();
    // Longer than a lease.
    pass(&world, 15).await;
    let store = world.nodes[0].control.store().clone();
    assert!(!store.ills().is_empty());
    let now = u64::try_from(world.time.load(SeqCst)).unwrap();
    world.add(0, "Ann").await;
    pass(&world, 1).await;
    let parts = world.nodes[0].sent();
    assert!(!parts.is_empty(), "Mum's card is written to");
    let open = |part: &delivery::Outbound| part.fence.as_ref().unwrap().open(now + 1_000);
    assert!(parts.iter().all(open), "her slice's lease was renewed");
    // A message of somebody unknown may be of one who lies there: the gateway keeps it.
    let mut strange = super::text("hello", 7);
    if let delivery::Event::Mobile { from, .. } = &mut strange {
        *from = "+447700900199".into();
    }
    let node = &world.nodes[0];
    let _ = node.control.step(vec![strange], &node.stored).await;
    assert_eq!(*node.acks.lock().unwrap(), [(7, false)]);
    other.restart().unwrap();
    let began = std::time::Instant::now();
    while !store.ills().is_empty() {
        assert!(began.elapsed().as_secs() < 60, "the server is not taken up");
        tokio::task::yield_now().await;
    }
    // Nobody else was there: its leases are renewed, or taken anew.
    pass(&world, 15).await;
    assert_eq!(owned(&world).await, Slices::ALL);
    world.nodes[0].step(Vec::new()).await;
}
