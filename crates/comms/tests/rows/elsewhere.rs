//! A gateway that grants one bind, at a node that does not hold it (ARCHITECTURE.md, “Many nodes”, protocol 6).

use super::peer::{Peer, to_mum};
use delivery::network::Health;
use delivery::{Event, Fence, Lane, Outbound, Target};

const SENTENCE: &str = "Node 0000000000000002 holds the only bind; messages go by it.";

fn text(id: u64, by: Option<&str>, fence: Option<Fence>) -> Outbound {
    Outbound {
        fence,
        by: by.map(str::to_owned),
        ..to_mum(id, Lane::Interactive)
    }
}

fn not_sent(events: &[Event]) -> Vec<u64> {
    let id = |event: &Event| match event {
        Event::NotSent {
            target: Target::Notice { id, .. },
            gateway,
        } if gateway == "g" => Some(*id),
        _ => None,
    };
    events.iter().filter_map(id).collect()
}

#[test]
fn what_waits_goes_by_another_way_and_the_row_says_who_holds_the_bind() {
    let mut peer = Peer::bound();
    for id in 1..=3 {
        peer.line.push(text(id, None, None), peer.now);
    }
    peer.line.push(text(4, Some("g"), None), peer.now);
    assert_eq!(peer.sent().len(), 2, "the window");
    peer.line.closed(0, SENTENCE, peer.now);
    peer.line.elsewhere(true, SENTENCE, peer.now);
    let back = peer.line.take_back();
    assert_eq!(back, [text(3, None, None)], "to routing again");
    let events = peer.line.events();
    assert_eq!(not_sent(&events), [4], "its owner offers it still");
    let unknown = |event: &&Event| matches!(event, Event::NoAnswer { .. });
    assert_eq!(events.iter().filter(unknown).count(), 2);
    let row = &peer.line.rows.gateway;
    assert_eq!((row.state, row.reason.as_str()), (Health::Up, SENTENCE));
    assert_eq!((row.queued, row.window), (0, (0, 2)));
    peer.line.passed([3, 4]);
    let row = &peer.line.rows.gateway;
    assert_eq!((row.queued, row.queued_bulk), (7, 4));
    // Time passes, and nothing is written.
    for at in 1..200 {
        peer.line.tick(at * 1_000);
    }
    assert_eq!(peer.sent().len(), 0);
    assert_eq!(peer.line.rows.gateway.state, Health::Up);
    peer.line.elsewhere(false, "Nobody.", 200_000);
    assert_eq!(peer.line.rows.gateway.state, Health::Down);
    peer.line.here(200_000);
    assert_eq!(peer.line.rows.gateway.state, Health::Down);
    assert!(peer.line.backoff(0.0) <= 500, "it connects at once");
}

#[test]
fn an_offer_whose_fence_closed_before_its_turn_is_told_of() {
    let mut peer = Peer::bound();
    peer.now = 1_000;
    peer.line.push(text(1, None, None), peer.now);
    peer.line.push(text(2, None, None), peer.now);
    let fence = Fence::until(3_000);
    peer.line
        .push(text(3, Some("g"), Some(fence.clone())), peer.now);
    peer.line.push(text(4, None, Some(fence)), peer.now);
    let first = peer.sent();
    peer.now = 3_000;
    peer.answer(first[0].sequence, "a");
    peer.answer(first[1].sequence, "b");
    assert_eq!(peer.sent().len(), 0);
    // And one that routing chose: its owner plans anew.
    assert_eq!(not_sent(&peer.line.events()), [3, 4]);
}
