//! A gateway that grants one bind, over real sockets (ARCHITECTURE.md, “Many nodes”, protocol 6): bound while this node
//! holds it, closed at once when it does not, and what goes by it then is passed on.
#![allow(clippy::unwrap_used, missing_docs)]

use comms::{Binds, GatewayConfig, Gateways};
use delivery::network::Health;
use delivery::offer::{Holder, Stand, Stands};
use delivery::{Event, Fence, Lane, NodeId, Outbound, Target};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

const MUM: &str = "+447700900101";

fn text(id: u64, by: Option<&str>) -> Outbound {
    Outbound {
        target: Target::Notice { id, part: 1 },
        lane: Lane::Interactive,
        destination: MUM.into(),
        udhi: false,
        pid: 0,
        dcs: 0,
        user_data: vec![0x41],
        validity_s: None,
        fence: None,
        by: by.map(str::to_owned),
    }
}

fn stands(holder: Holder, done: u64) -> Stands {
    let stand = Stand {
        holder,
        done: [done, 0],
    };
    [("carrier".to_owned(), stand)].into()
}

async fn until(what: &str, is: impl Fn() -> bool) {
    let wait = async {
        while !is() {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), wait).await;
    assert!(waited.is_ok(), "{what}");
}

#[tokio::test]
async fn it_is_bound_only_while_this_node_holds_it() {
    let phone = lab::HandsetSpec {
        msisdn: MUM.into(),
        name: "Mum".into(),
        language: "en".into(),
        card: None,
    };
    let lab = lab::start(lab::LabConfig::here(vec![phone])).await.unwrap();
    let config: GatewayConfig = serde_json::from_value(serde_json::json!({
        "name": "carrier", "host": "127.0.0.1", "port": lab.smsc_addr.port(), "one_bind": true,
        "system_id": "kith", "password": "secret8", "source": "12345",
    }))
    .unwrap();
    let (tell, told) = watch::channel(Stands::new());
    let (passed, mut passing) = mpsc::unbounded_channel();
    let binds = Binds {
        stands: told,
        passed,
    };
    let (events, mut heard) = mpsc::channel(1_000);
    let gateways = Gateways::start_among(vec![config], Vec::new(), events, Some(binds));
    let table = gateways.table();
    let row = || table.lock().unwrap().gateways["carrier"].clone();
    let says = |state, words: &str| row().state == state && row().reason.contains(words);
    let bound = || lab.carrier().counts.bound.load(Relaxed);
    until("a row", || {
        table.lock().unwrap().gateways.contains_key("carrier")
    })
    .await;

    until("nobody holds it", || {
        says(Health::Down, "No node holds the only bind")
    })
    .await;
    tell.send_replace(stands(Holder::There(NodeId(0xAB)), 0));
    until("another holds it", || {
        says(Health::Up, "Node 00000000000000ab holds the only bind")
    })
    .await;
    gateways.send(text(1, None));
    let away = passing.recv().await.unwrap();
    assert_eq!(
        (away.gateway.as_str(), away.message),
        ("carrier", text(1, None))
    );
    until("it counts as queued", || row().queued == 1).await;
    assert_eq!(lab.carrier().counts.connections.load(Relaxed), 0);
    // What another node offered does not go round in circles.
    gateways.send(text(2, Some("carrier")));
    let not_sent = async { while !matches!(heard.recv().await.unwrap(), Event::NotSent { .. }) {} };
    let waited = tokio::time::timeout(Duration::from_secs(20), not_sent).await;
    assert!(waited.is_ok());

    let fence = Fence::until(u64::MAX);
    tell.send_replace(stands(Holder::Here(fence.clone()), 1));
    until("it binds", || bound() == 1 && says(Health::Up, "Bound.")).await;
    assert_eq!(row().queued, 0);
    gateways.send(text(3, Some("carrier")));
    let taken = async {
        loop {
            if let Event::Accepted { target, .. } = heard.recv().await.unwrap() {
                return target;
            }
        }
    };
    let taken = tokio::time::timeout(Duration::from_secs(20), taken).await;
    assert_eq!(taken.unwrap(), Target::Notice { id: 3, part: 1 });
    // Nobody tells it that its lease has run out: the fence does.
    fence.close();
    until("the bind is closed", || bound() == 0).await;
    assert_eq!(lab.carrier().counts.unbound.load(Relaxed), 1);
    until("nobody holds it", || {
        says(Health::Down, "No node holds the only bind")
    })
    .await;
    gateways.shutdown().await;
    lab.shutdown().await;
}
