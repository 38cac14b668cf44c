//! A part is written to the socket only while its slice's fence is open (ARCHITECTURE.md, “Many nodes”, protocol 5).

use super::peer::{Peer, to_mum};
use delivery::{Fence, Lane, Outbound};

fn part(id: u64, fence: Option<&Fence>) -> Outbound {
    Outbound {
        fence: fence.cloned(),
        ..to_mum(id, Lane::Bulk)
    }
}

/// Two are in the window; what waits behind them is sent when an answer makes room, or thrown away by then.
#[track_caller]
fn check(what: &str, between: impl FnOnce(&mut Peer, &Fence), sent: usize) {
    let mut peer = Peer::bound();
    let fence = Fence::until(8_000);
    peer.now = 1_000;
    for id in 1..=4 {
        peer.line.push(part(id, Some(&fence)), peer.now);
    }
    let first = peer.sent();
    assert_eq!(first.len(), 2, "{what}: the window");
    between(&mut peer, &fence);
    peer.answer(first[0].sequence, "a");
    peer.answer(first[1].sequence, "b");
    assert_eq!(peer.sent().len(), sent, "{what}");
}

#[test]
fn what_waited_past_the_lease_is_not_sent() {
    check("in time", |peer, _| peer.now = 7_999, 2);
    check("too late", |peer, _| peer.now = 8_000, 0);
    let renewed = |peer: &mut Peer, fence: &Fence| {
        assert!(fence.extend(11_000, 4_000));
        peer.now = 8_000;
    };
    check("renewed meanwhile", renewed, 2);
    check("taken by another node", |_, fence| fence.close(), 0);
}

#[test]
fn what_has_no_fence_goes_past_what_is_thrown_away() {
    let mut peer = Peer::bound();
    let fence = Fence::until(8_000);
    peer.now = 9_000;
    for (id, fence) in [(1, Some(&fence)), (2, None), (3, Some(&fence)), (4, None)] {
        peer.line.push(part(id, fence), peer.now);
    }
    assert_eq!(peer.sent().len(), 2);
}
