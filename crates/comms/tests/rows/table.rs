//! What goes wrong shows in the network state table within a second, with the reason.

use crate::peer::*;
use delivery::Lane;
use delivery::network::{Health, NetworkRow};
use wire::smpp::*;

impl Peer {
    /// Time passes as it does at the edge: four looks at the clock a second.
    fn wait(&mut self, ms: i64) {
        let end = self.now + ms;
        while self.now < end {
            self.now = (self.now + 250).min(end);
            self.line.tick(self.now);
        }
    }

    /// Sends a message that the gateway takes under this id after `ms`.
    fn send(&mut self, id: &str, ms: i64) {
        self.push(1, Lane::Interactive);
        let submit = self.sent().last().unwrap().sequence;
        self.wait(ms);
        self.answer(submit, id);
    }

    fn delivered(&mut self, id: &str) {
        self.receipt(9, &format!("id:{id} stat:DELIVRD err:000"));
    }

    #[track_caller]
    fn gateway(&self, state: Health, reason: &str) {
        let row = &self.line.rows.gateway;
        assert_eq!((row.state, row.reason.as_str()), (state, reason));
    }

    #[track_caller]
    fn network(&self, state: Health, reason: &str) -> &NetworkRow {
        let row = &self.line.rows.networks["+44"];
        assert_eq!((row.state, row.reason.as_str()), (state, reason));
        row
    }
}

#[test]
fn an_answer_that_does_not_come() {
    let mut peer = Peer::bound();
    peer.push(1, Lane::Interactive);
    let submit = peer.sent()[0].sequence;
    peer.wait(1_000);
    peer.gateway(
        Health::Slow,
        "The gateway answers slowly: a message has waited 0.7 s.",
    );
    assert!(peer.line.rows.gateway.since <= 1_000);
    peer.wait(500);
    peer.answer(submit, "A1");
    peer.gateway(Health::Slow, "The gateway answers slowly: after 1.5 s.");
    peer.send("A2", 20);
    peer.gateway(Health::Up, "Messages go out.");
}

#[test]
fn a_receipt_that_does_not_come() {
    let mut peer = Peer::bound();
    peer.send("A1", 0);
    peer.network(Health::Up, "Messages arrive.");
    peer.wait(1_000);
    peer.network(Health::Slow, "No receipt for a message after 0.7 s.");
    peer.send("A2", 0);
    peer.delivered("A2");
    peer.network(Health::Up, "Messages arrive.");
    // The lost one is told once.
    peer.wait(1_000);
    peer.network(Health::Up, "Messages arrive.");
}

#[test]
fn receipts_that_come_late_until_that_is_usual() {
    let mut peer = Peer::bound();
    peer.send("A1", 0);
    peer.wait(3_000);
    peer.delivered("A1");
    let row = peer.network(Health::Slow, "Receipts come late: after 3.0 s.");
    assert_eq!(row.delay_ms, Some(3_000.0));
    peer.send("A2", 0);
    peer.wait(3_000);
    peer.delivered("A2");
    peer.network(Health::Up, "Messages arrive.");
}

#[test]
fn a_receipt_that_comes_twice() {
    let mut peer = Peer::bound();
    peer.send("A1", 0);
    peer.delivered("A1");
    peer.delivered("A1");
    peer.receipt(9, "id:A1 stat:ENROUTE");
    let row = peer.network(Health::Up, "A receipt came more than once.");
    assert_eq!((row.sent, row.delivered), (1, 1));
    assert_eq!(peer.line.rows.gateway.errors["receipt repeated"], 1);
}

#[test]
fn a_message_that_overtakes_another() {
    let mut peer = Peer::bound();
    peer.send("A1", 0);
    peer.send("A2", 0);
    peer.delivered("A2");
    peer.network(
        Health::Up,
        "Messages arrive, but not in the order they were sent.",
    );
    assert_eq!(peer.line.rows.gateway.errors["message overtaken"], 1);
    peer.delivered("A1");
    peer.network(Health::Up, "Messages arrive.");
}

#[test]
fn a_terminal_that_is_away_and_a_message_that_failed() {
    let mut peer = Peer::bound();
    peer.send("A1", 0);
    peer.receipt(9, "id:A1 stat:ENROUTE err:027");
    peer.wait(1_000);
    peer.network(Health::Slow, "The last terminal was off or away.");
    // The gateway says so at each of its tries: it is one message all the same.
    peer.receipt(9, "id:A1 stat:ENROUTE err:027");
    peer.receipt(9, "id:A1 stat:ENROUTE err:027");
    peer.receipt(9, "id:A1 stat:EXPIRED err:027");
    let row = peer.network(Health::Slow, "The last message was not delivered.");
    assert_eq!((row.absent, row.failed, row.delivered), (1, 1, 0));
}

#[test]
fn refusals_throttles_and_ends() {
    let mut peer = Peer::bound();
    let submit = |peer: &mut Peer| {
        peer.push(1, Lane::Interactive);
        peer.sent()[0].sequence
    };
    let sequence = submit(&mut peer);
    peer.says(0x0B, sequence, Body::SubmitResp { message_id: None });
    peer.gateway(
        Health::Slow,
        "The last message was refused: 0x0B destination address wrong.",
    );
    let sequence = submit(&mut peer);
    peer.says(0x58, sequence, Body::SubmitResp { message_id: None });
    peer.gateway(Health::Slow, "Throttled – sending slower, 5/s.");
    peer.line
        .closed(0, "The gateway closed the connection.", peer.now);
    peer.gateway(Health::Down, "The gateway closed the connection.");
}
