//! The pace of a destination network: learned from what becomes of its messages, or configured.

use super::*;
use delivery::network::Waiting;

fn limit(prefixes: &[&str], rate_per_s: f64) -> Limit {
    Limit {
        prefixes: prefixes.iter().map(|p| (*p).to_owned()).collect(),
        rate_per_s,
    }
}

fn wide() -> serde_json::Value {
    serde_json::json!({ "window": 100 })
}

/// Numbers of messages that were handed over, even: to the UK, odd: to China.
fn of(carriers: &Carriers, rest: u64) -> usize {
    let all = carriers.handed_in_all();
    all.iter().filter(|number| *number % 2 == rest).count()
}

#[test]
fn a_sick_network_is_slowed_while_others_go_on_and_recovers() {
    let mut carriers = Carriers::bound(&[wide(), wide()]);
    carriers.fates = vec![("+44", "DELIVRD"), ("+86", "UNDELIV")];
    for shipment in 0..4_000 {
        let to = if shipment % 2 == 0 { UK } else { CN };
        carriers.hub.send(message(shipment, Lane::Bulk, 1, to));
    }
    carriers.wait(20_000);
    let (uk, cn) = (of(&carriers, 0), of(&carriers, 1));
    assert_eq!(uk, 2_000, "none of the well network waits for the sick one");
    assert!(cn < 900, "{cn} were sent to the sick network");
    let table = carriers.table();
    let row = &table.networks["+86"];
    assert!(row.pace.is_some_and(|pace| pace < 20.0), "{:?}", row.pace);
    let waiting = u32::try_from(2_000 - cn).unwrap();
    assert!(row.waiting.abs_diff(waiting) < 5, "{}", row.waiting);
    assert_eq!(table.networks["+44"].pace, None);
    assert_eq!(table.waiting.held, table.waiting.bulk);
    assert_eq!(table.bulk_queued(), 0, "campaigns elsewhere go on");
    // What somebody waits for goes at once, and finds the windows empty.
    carriers.hub.send(message(10_001, Lane::Interactive, 1, CN));
    carriers.turn();
    assert!(carriers.handed_in_all().contains(&10_001));
    // A message that waits is replaced by its next sending, and goes once.
    let mut waits = (1..4_000).step_by(2);
    let waits = waits.find(|number| !carriers.handed_in_all().contains(number));
    let waits = waits.unwrap();
    carriers.hub.send(message(waits, Lane::Bulk, 2, CN));
    assert_eq!(carriers.table().waiting.held, table.waiting.held);
    carriers.hub.send(message(waits, Lane::Interactive, 3, CN));
    assert_eq!(carriers.table().waiting.held, table.waiting.held - 1);
    // It is well again.
    carriers.fates = vec![("+44", "DELIVRD"), ("+86", "DELIVRD")];
    carriers.wait(180_000);
    let all: Vec<u64> = (0..4_000).chain([10_001]).collect();
    assert_eq!(carriers.handed_in_all(), all, "each once");
    assert_eq!(carriers.table().networks["+86"].pace, None);
    assert_eq!(carriers.table().waiting, Waiting::default());
}

#[test]
fn a_network_that_a_gateway_refuses_for_the_moment_is_slowed() {
    let mut carriers = Carriers::bound(&[wide()]);
    carriers.answers[0] = Answers::Refuses(0x14);
    for shipment in 0..40 {
        carriers.push(shipment, Lane::Bulk);
    }
    carriers.wait(20_000);
    assert!(carriers.table().networks["+44"].pace.is_some());
}

#[test]
fn a_configured_rate_holds_in_both_lanes_and_the_longest_prefix_counts() {
    let limits = vec![limit(&["+44"], 1_000.0), limit(&["+4477"], 5.0)];
    let mut carriers = Carriers::limited(&[wide()], limits);
    carriers.bind(0);
    carriers.now = 1_000_000;
    for shipment in 0..100 {
        carriers.push(shipment, Lane::Bulk);
    }
    for shipment in 100..110 {
        carriers.push(shipment, Lane::Interactive);
    }
    carriers
        .hub
        .send(message(200, Lane::Bulk, 1, "+441514960101"));
    carriers.hub.send(message(201, Lane::Bulk, 1, CN));
    carriers.wait(4_000);
    let handed = carriers.handed[0].clone();
    assert!(handed.contains(&200) && handed.contains(&201));
    let limited: Vec<u64> = handed.into_iter().filter(|n| *n < 200).collect();
    // The first second's worth, and four seconds.
    assert!((19..=25).contains(&limited.len()), "{limited:?}");
    let bulk_before = limited.iter().position(|n| *n == 109).unwrap();
    // A second's worth of bulk was on its way before anybody waited.
    let bulk = limited[..bulk_before].iter().filter(|n| **n < 100).count();
    assert!(bulk <= 5, "interactive goes first: {limited:?}");
    carriers.wait(30_000);
    assert_eq!(carriers.handed[0].len(), 112);
}
