//! Two carriers over real sockets: one fails in mid traffic, and everything arrives by the other (issue 5, “Shipping”).
#![allow(clippy::unwrap_used, missing_docs)]

use comms::{GatewayConfig, Gateways};
use delivery::network::Health;
use delivery::{Event, Lane, Outbound, PartRef, ReceiptState, ShipmentId, Target};
use lab::faults::Faults;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const MUM: &str = "+447700900101";
const MESSAGES: u64 = 600;

async fn carrier() -> lab::Lab {
    let started = lab::start(lab::LabConfig::here(vec![lab::HandsetSpec {
        msisdn: MUM.into(),
        name: "Mum".into(),
        language: "en".into(),
        card: None,
    }]));
    started.await.unwrap()
}

fn message(shipment: u64, sending: u16) -> Outbound {
    Outbound {
        target: Target::Part(PartRef {
            shipment: ShipmentId(shipment),
            packet: 1,
            part: 1,
            sending,
        }),
        lane: Lane::Bulk,
        destination: MUM.into(),
        udhi: false,
        pid: 0,
        dcs: 0,
        user_data: format!("{shipment}").into_bytes(),
        validity_s: None,
        fence: None,
        by: None,
    }
}

fn shipment(target: &Target) -> u64 {
    match target {
        Target::Part(part) => part.shipment.0,
        Target::Notice { .. } => unreachable!(),
    }
}

#[tokio::test]
async fn one_carrier_fails_in_mid_traffic_and_nothing_is_lost() {
    let (north, south) = (carrier().await, carrier().await);
    // Slow enough that the end comes while messages are on their way.
    let slow = Faults {
        submit_delay_ms: 20.0,
        ..Faults::default()
    };
    north.carrier().set_faults(slow.clone());
    south.carrier().set_faults(slow.clone());
    let config = |name: &str, lab: &lab::Lab| -> GatewayConfig {
        serde_json::from_value(serde_json::json!({
            "name": name, "host": "127.0.0.1", "port": lab.smsc_addr.port(),
            "system_id": "kith", "password": "secret8", "source": "12345",
        }))
        .unwrap()
    };
    let (events, mut heard) = tokio::sync::mpsc::channel(1_000);
    let both = vec![config("north", &north), config("south", &south)];
    let gateways = Gateways::start(both, events);
    let table = gateways.table();
    let mut up = BTreeSet::new();
    let mut taken: BTreeMap<u64, String> = BTreeMap::new();
    let mut ids: BTreeMap<(String, String), u64> = BTreeMap::new();
    let mut arrived: BTreeSet<u64> = BTreeSet::new();
    let (mut unknown, mut twice, mut cut) = (0, 0, false);
    let talk = async {
        while arrived.len() < usize::try_from(MESSAGES).unwrap() {
            match heard.recv().await.unwrap() {
                Event::Gateway {
                    gateway, up: is, ..
                } => {
                    if is && up.insert(gateway) && up.len() == 2 {
                        for shipment in 0..MESSAGES {
                            gateways.send(message(shipment, 1));
                        }
                    }
                }
                Event::Accepted {
                    target,
                    gateway,
                    message_id,
                } => {
                    let id = (gateway.clone(), message_id.unwrap());
                    assert!(ids.insert(id, shipment(&target)).is_none());
                    twice += u64::from(taken.insert(shipment(&target), gateway).is_some());
                    if taken.len() == 100 && !cut {
                        cut = true;
                        let refuse_bind = true;
                        north.carrier().set_faults(Faults {
                            refuse_bind,
                            ..slow.clone()
                        });
                        north.carrier().cut_all();
                    }
                    if taken.len() as u64 == MESSAGES {
                        // Back: the receipts that it still has come now.
                        north.carrier().set_faults(slow.clone());
                    }
                }
                Event::NoAnswer { target, gateway } => {
                    assert_eq!(gateway, "north");
                    unknown += 1;
                    gateways.send(message(shipment(&target), 2));
                }
                Event::Receipt {
                    gateway,
                    message_id,
                    target,
                    state,
                    ack,
                    ..
                } => {
                    gateways.stored(ack, true);
                    let Some(target) = target else { continue };
                    // Matched to the message that this very gateway took under this id.
                    let known = ids.get(&(gateway, message_id));
                    assert!(known.is_none_or(|known| *known == shipment(&target)));
                    if state == ReceiptState::Delivered {
                        arrived.insert(shipment(&target));
                    }
                }
                Event::Mobile { ack, .. } => gateways.stored(ack, true),
                other => panic!("{other:?}"),
            }
            if cut && taken.len() == 300 {
                let table = table.lock().unwrap();
                assert_eq!(table.gateways["north"].state, Health::Down);
            }
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(120), talk).await;
    assert!(
        ended.is_ok(),
        "{} taken, {} arrived",
        taken.len(),
        arrived.len()
    );
    assert_eq!(taken.len() as u64, MESSAGES);
    // Only what had no answer may be there twice, and no more than the window had.
    assert!(unknown <= 10 && twice <= unknown, "{unknown} {twice}");
    let by_south = taken.values().filter(|gateway| *gateway == "south").count();
    assert!(by_south > 500, "{by_south}");
    drop(heard);
    gateways.shutdown().await;
    north.shutdown().await;
    south.shutdown().await;
}
