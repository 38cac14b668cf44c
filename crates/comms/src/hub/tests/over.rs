//! What waits longer than its validity is not sent: its shipment is planned anew by then.

use super::*;

const DAY: i64 = 24 * 3_600_000;

fn valid(shipment: u64, seconds: u32) -> Outbound {
    Outbound {
        validity_s: Some(seconds),
        ..message(shipment, Lane::Interactive, 1, UK)
    }
}

impl Carriers {
    /// So long nothing is heard of any gateway.
    fn pass(&mut self, ms: i64) {
        let end = self.now + ms;
        while self.now < end {
            self.now += 60_000;
            self.turn();
        }
    }
}

/// A phone without a card adds every business card that it gets: delivery plans a new one a day, and one arrives.
#[test]
fn a_gateway_that_was_down_for_three_days_sends_one_message() {
    let mut carriers = Carriers::down(&[any(), any()]);
    carriers.turn();
    for day in 0..4 {
        // As `delivery::decide` does: the shipment has expired, and its successor goes a little later.
        carriers.hub.send(valid(day, 86_400));
        // Something that never ends stands before them all.
        if day == 0 {
            carriers.push(99, Lane::Interactive);
        }
        carriers.turn();
        assert_eq!(carriers.table().waiting.interactive, 2, "day {day}");
        if day < 3 {
            carriers.pass(DAY + 60_000);
        }
    }
    assert_eq!(carriers.over, [0, 1, 2]);
    carriers.bind(1);
    carriers.turns(5);
    assert_eq!(carriers.handed_in_all(), [3, 99]);
}

/// The next sending of the same packet stands in the place of the one before, and has its own time.
#[test]
fn a_new_sending_begins_its_time_anew() {
    let mut carriers = Carriers::down(&[any()]);
    carriers.turn();
    carriers.hub.send(valid(1, 600));
    carriers.pass(500_000);
    carriers.hub.send(Outbound {
        validity_s: Some(600),
        ..message(1, Lane::Interactive, 2, UK)
    });
    carriers.pass(500_000);
    carriers.bind(0);
    carriers.turns(3);
    assert_eq!((carriers.handed_in_all(), carriers.over), (vec![1], vec![]));
}

/// What is over is looked at once more before it goes out, also at a line that is up and slow.
#[test]
fn what_is_over_behind_a_full_window_does_not_go_either() {
    let mut carriers = Carriers::bound(&[any()]);
    carriers.answers[0] = Answers::Silent;
    for shipment in 0..6 {
        carriers
            .hub
            .send(valid(shipment, if shipment < 4 { 5 } else { 600 }));
    }
    carriers.turns(2);
    assert_eq!(carriers.handed_in_all(), [0, 1], "the window");
    carriers.answers[0] = Answers::Takes;
    // No answer in time: the next two are over by then.
    carriers.wait(11_000);
    assert_eq!(carriers.handed_in_all(), [0, 1, 4, 5]);
    assert_eq!(carriers.over, [2, 3]);
}
