//! Several gateways without sockets: hub, router and lines as they are, and a carrier's answers by hand.
#![allow(missing_docs)]

mod over;
mod paces;

use super::*;
use crate::{GatewayConfig, Line};
use delivery::network::Health;
use delivery::{Lane, PartRef, ShipmentId, Target};
use std::collections::BTreeSet;
use wire::smpp::{Body, Deliver, Frame, Frames, Pdu, status};

const SUBMIT: u32 = 4;
const BIND: u32 = 9;
const ENQUIRE_LINK: u32 = 0x15;

/// How a carrier's gateway answers messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    Takes,
    Silent,
    Refuses(u32),
}

struct Carriers {
    hub: Hub,
    inboxes: Vec<mpsc::UnboundedReceiver<Order>>,
    lines: Vec<Line>,
    taken: Vec<u64>,
    answers: Vec<Answers>,
    now: i64,
    /// What every gateway was handed, in its order.
    handed: Vec<Vec<u64>>,
    /// Messages by number, in the order that they were taken.
    accepted: Vec<u64>,
    unknown: Vec<u64>,
    refused: Vec<(u64, String)>,
    /// What was over before a gateway took it.
    over: Vec<u64>,
    /// What the receipts of a network say, by prefix; none: no receipts.
    fates: Vec<(&'static str, &'static str)>,
}

fn number(target: &Target) -> u64 {
    match target {
        Target::Part(part) => part.shipment.0,
        Target::Notice { id, .. } => *id,
    }
}

fn message(shipment: u64, lane: Lane, sending: u16, to: &str) -> Outbound {
    Outbound {
        target: Target::Part(PartRef {
            shipment: ShipmentId(shipment),
            packet: 1,
            part: 1,
            sending,
        }),
        lane,
        destination: to.into(),
        udhi: false,
        pid: 0,
        dcs: 4,
        user_data: format!("{shipment:06}").into_bytes(),
        validity_s: None,
        fence: None,
        by: None,
    }
}

/// The destination of a submit_sm: behind service_type and the source come its TON and NPI (§4.4.1).
fn destination(body: &[u8]) -> Option<String> {
    let after = |from: usize| Some(from + body.get(from..)?.iter().position(|o| *o == 0)? + 1);
    let source = after(0)?;
    let from = after(source + 2)? + 2;
    let digits = body.get(from..after(from)? - 1)?;
    Some(format!("+{}", std::str::from_utf8(digits).ok()?))
}

/// The receipt of a message that was taken, if the network of its number gives one.
fn receipt(frame: &Frame, answer: &Body, fates: &[(&str, &str)]) -> Option<Vec<u8>> {
    let Body::SubmitResp {
        message_id: Some(id),
    } = answer
    else {
        return None;
    };
    let to = destination(&frame.body)?;
    let (_, state) = fates.iter().find(|(prefix, _)| to.starts_with(prefix))?;
    let text = format!(
        "id:{id} sub:001 dlvrd:001 submit date:2611281200 done date:2611281200 stat:{state} err:000 text:"
    );
    let deliver = Deliver {
        source: (1, 1, to.trim_start_matches('+').into()),
        esm_class: 4,
        message: text.into_bytes(),
        ..Deliver::default()
    };
    let pdu = Pdu {
        status: 0,
        sequence: frame.sequence,
        body: Body::Deliver(deliver),
    };
    Some(pdu.encode())
}

const UK: &str = "+447700900101";
const CN: &str = "+8613900001234";

impl Carriers {
    /// Gateways `a`, `b`, … as configured, all bound.
    fn bound(configs: &[serde_json::Value]) -> Self {
        let mut carriers = Self::down(configs);
        for place in 0..configs.len() {
            carriers.bind(place);
        }
        carriers
    }

    fn down(configs: &[serde_json::Value]) -> Self {
        Self::limited(configs, Vec::new())
    }

    fn limited(configs: &[serde_json::Value], limits: Vec<Limit>) -> Self {
        let (mut lines, mut seats, mut inboxes) = (Vec::new(), Vec::new(), Vec::new());
        for (extra, name) in configs.iter().zip('a'..) {
            let mut config = serde_json::json!({
                "name": name, "host": "127.0.0.1", "system_id": "kith", "window": 2,
            });
            for (key, value) in extra.as_object().unwrap() {
                config[key] = value.clone();
            }
            let config: GatewayConfig = serde_json::from_value(config).unwrap();
            let (orders, inbox) = mpsc::unbounded_channel();
            seats.push((config.route(), orders));
            inboxes.push(inbox);
            lines.push(Line::new(config, (lines.len() as u64) << 48, 0, 0));
        }
        let count = lines.len();
        Self {
            hub: Hub::new(seats, limits),
            inboxes,
            lines,
            taken: vec![0; count],
            answers: vec![Answers::Takes; count],
            now: 0,
            handed: vec![Vec::new(); count],
            accepted: Vec::new(),
            unknown: Vec::new(),
            refused: Vec::new(),
            over: Vec::new(),
            fates: Vec::new(),
        }
    }

    fn bind(&mut self, place: usize) {
        self.lines[place].connected(0, self.now);
        self.turn();
    }

    fn kill(&mut self, place: usize) {
        self.lines[place].closed(0, "The gateway closed the connection.", self.now);
        self.turn();
    }

    fn push(&mut self, shipment: u64, lane: Lane) {
        self.hub.send(message(shipment, lane, 1, UK));
    }

    /// What the edge does at one wake-up of every line, and the carriers' answers.
    fn turn(&mut self) {
        for place in 0..self.lines.len() {
            let line = &mut self.lines[place];
            while let Ok(order) = self.inboxes[place].try_recv() {
                match order {
                    Order::Send(message) => {
                        self.taken[place] += 1;
                        line.push(message, self.now);
                    }
                    Order::Tell(Event::Refused { target, reason, .. }) => {
                        self.refused.push((number(&target), reason));
                    }
                    Order::Tell(Event::NotSent { target, .. }) => self.over.push(number(&target)),
                    _ => unreachable!(),
                }
            }
            let mut frames = Frames::default();
            frames.push(&line.output(0));
            while let Some(frame) = frames.take().unwrap() {
                let (status, body) = match frame.command {
                    BIND => (
                        0,
                        Body::BindResp {
                            system_id: String::new(),
                        },
                    ),
                    ENQUIRE_LINK => (0, Body::EnquireLinkResp),
                    SUBMIT => {
                        let end = frame.body.len() - 6;
                        let said = String::from_utf8(frame.body[end..].to_vec()).unwrap();
                        self.handed[place].push(said.parse().unwrap());
                        let submit = |message_id| Body::SubmitResp { message_id };
                        match self.answers[place] {
                            Answers::Takes => (0, submit(Some(format!("{place}-{said}")))),
                            Answers::Refuses(status) => (status, submit(None)),
                            Answers::Silent => continue,
                        }
                    }
                    _ => continue,
                };
                let answer = Pdu {
                    status,
                    sequence: frame.sequence,
                    body,
                };
                line.input(0, &answer.encode(), self.now);
                if let Some(receipt) = receipt(&frame, &answer.body, &self.fates) {
                    line.input(0, &receipt, self.now);
                }
            }
            for event in line.events() {
                match event {
                    Event::Accepted {
                        target,
                        gateway,
                        message_id,
                    } => {
                        let own = ["a", "b", "c"][place];
                        assert_eq!(gateway, own);
                        assert!(message_id.unwrap().starts_with(&place.to_string()));
                        self.accepted.push(number(&target));
                    }
                    Event::NoAnswer { target, .. } => self.unknown.push(number(&target)),
                    Event::Refused { target, reason, .. } => {
                        self.refused.push((number(&target), reason));
                    }
                    Event::NotSent { target, .. } => self.over.push(number(&target)),
                    _ => {}
                }
            }
            let back = line.take_back();
            self.hub.clock(self.now, self.now);
            self.hub
                .publish(place, &mut line.rows, self.taken[place], back);
        }
    }

    fn wait(&mut self, ms: i64) {
        let end = self.now + ms;
        while self.now < end {
            self.now += 250;
            for line in &mut self.lines {
                line.tick(self.now);
            }
            self.turn();
        }
    }

    fn turns(&mut self, count: usize) {
        for _ in 0..count {
            self.turn();
        }
    }

    fn table(&self) -> NetworkTable {
        lock(&self.hub.table()).clone()
    }

    fn handed_in_all(&self) -> Vec<u64> {
        let mut all = self.handed.concat();
        all.sort_unstable();
        all
    }
}

fn any() -> serde_json::Value {
    serde_json::json!({})
}

#[test]
fn a_gateway_that_dies_in_mid_traffic_loses_nothing_and_nothing_goes_twice() {
    let mut carriers = Carriers::bound(&[any(), any()]);
    for shipment in 0..300 {
        carriers.push(shipment, Lane::Bulk);
    }
    carriers.turns(5);
    assert!(!carriers.handed[0].is_empty() && !carriers.handed[1].is_empty());
    carriers.answers[0] = Answers::Silent;
    carriers.turn();
    carriers.kill(0);
    let before = carriers.handed[0].len();
    carriers.wait(1_000);
    carriers.turns(300);
    assert_eq!(carriers.handed[0].len(), before);
    // What was on its way is unknown, and control's to send again; all else was taken, and once.
    assert_eq!(carriers.unknown.len(), 2);
    assert_eq!(carriers.handed_in_all(), (0..300).collect::<Vec<_>>());
    let known: BTreeSet<_> = carriers.accepted.iter().chain(&carriers.unknown).collect();
    assert_eq!((known.len(), carriers.accepted.len()), (300, 298));
    // Control's next sending of the same packet goes by the other, which then has it.
    for shipment in std::mem::take(&mut carriers.unknown) {
        carriers.hub.send(message(shipment, Lane::Bulk, 2, UK));
    }
    carriers.turns(3);
    assert_eq!(carriers.accepted.iter().collect::<BTreeSet<_>>().len(), 300);
}

#[test]
fn while_all_are_down_everything_waits_and_what_somebody_waits_for_goes_first() {
    let mut carriers = Carriers::down(&[any(), any()]);
    for shipment in 0..10 {
        carriers.push(shipment, Lane::Bulk);
    }
    carriers.push(100, Lane::Interactive);
    carriers.wait(5_000);
    let table = carriers.table();
    assert_eq!(
        table.waiting,
        delivery::network::Waiting {
            interactive: 1,
            bulk: 10,
            held: 0
        }
    );
    assert_eq!(table.bulk_queued(), 10);
    carriers.bind(1);
    carriers.turns(20);
    assert_eq!(carriers.handed[1][0], 100);
    assert_eq!(carriers.handed[1].len(), 11);
    assert_eq!(
        carriers.table().waiting,
        delivery::network::Waiting::default()
    );
}

#[test]
fn a_part_that_waits_is_replaced_by_its_next_sending() {
    let mut carriers = Carriers::down(&[any(), any()]);
    carriers.push(1, Lane::Bulk);
    carriers.hub.send(message(1, Lane::Bulk, 2, UK));
    carriers.hub.send(message(1, Lane::Interactive, 3, UK));
    assert_eq!(
        carriers.table().waiting,
        delivery::network::Waiting {
            interactive: 1,
            bulk: 0,
            held: 0
        }
    );
    carriers.bind(0);
    carriers.turns(3);
    assert_eq!(carriers.handed_in_all(), [1]);
}

#[test]
fn the_next_sending_of_a_packet_goes_by_the_gateway_that_had_it() {
    let mut carriers = Carriers::bound(&[any(), serde_json::json!({ "weight": 3 })]);
    for sending in 1..=3 {
        for shipment in 0..20 {
            carriers
                .hub
                .send(message(shipment, Lane::Interactive, sending, UK));
        }
        carriers.turns(20);
    }
    let [a, b] = &carriers.handed[..] else {
        unreachable!()
    };
    let (a, b): (BTreeSet<_>, BTreeSet<_>) = (a.iter().collect(), b.iter().collect());
    assert_eq!((a.len(), b.len(), a.intersection(&b).count()), (5, 15, 0));
    let of_a: Vec<u64> = a.iter().map(|s| **s).collect();
    // Also when chance would now choose otherwise: `a` is slow.
    carriers.answers[0] = Answers::Refuses(0x0B);
    carriers
        .hub
        .send(message(of_a[0], Lane::Interactive, 4, UK));
    carriers.turns(2);
    assert_eq!(carriers.table().gateways["a"].state, Health::Slow);
    let others = carriers.handed[1].len();
    for shipment in &of_a {
        let again = message(*shipment, Lane::Interactive, 5, UK);
        carriers.hub.send(again);
    }
    carriers.turns(5);
    assert_eq!(carriers.handed[1].len(), others);
    // When that one is down, by the other.
    carriers.kill(0);
    carriers
        .hub
        .send(message(of_a[0], Lane::Interactive, 4, UK));
    carriers.turns(2);
    assert_eq!(carriers.handed[1].last().unwrap(), &of_a[0]);
}

#[test]
fn prefixes_choose_and_a_number_that_nobody_takes_is_said() {
    let mut carriers = Carriers::bound(&[
        serde_json::json!({ "prefixes": ["+44"] }),
        serde_json::json!({ "prefixes": ["+86"] }),
    ]);
    for (shipment, to) in [(1, UK), (2, CN), (3, "+12025550101")] {
        carriers
            .hub
            .send(message(shipment, Lane::Interactive, 1, to));
    }
    carriers.turns(2);
    assert_eq!(carriers.handed, [[1], [2]]);
    let [(3, reason)] = &carriers.refused[..] else {
        panic!("{:?}", carriers.refused)
    };
    assert!(reason.contains("begin with +1"), "{reason}");
    // One network's gateway holds nothing of another's up.
    carriers.kill(1);
    carriers.hub.send(message(4, Lane::Interactive, 1, CN));
    carriers.hub.send(message(5, Lane::Interactive, 1, UK));
    carriers.turns(2);
    assert_eq!(carriers.handed, [vec![1, 5], vec![2]]);
    assert_eq!(carriers.table().waiting.interactive, 1);
}

#[test]
fn system_errors_open_the_circuit_one_message_tries_and_it_closes_again() {
    let mut carriers = Carriers::bound(&[any(), any()]);
    carriers.answers[0] = Answers::Refuses(8);
    for shipment in 0..200 {
        carriers.push(shipment, Lane::Interactive);
    }
    carriers.turns(150);
    let row = carriers.table().gateways["a"].clone();
    assert_eq!(row.state, Health::Paused);
    assert!(
        matches!(row.circuit, Circuit::Open { .. }),
        "{:?}",
        row.circuit
    );
    assert!(
        row.reason.contains("5 messages in a row failed"),
        "{}",
        row.reason
    );
    assert_eq!(
        carriers.handed[0].len(),
        6,
        "what was in the window as well"
    );
    assert_eq!(carriers.accepted.len() + carriers.refused.len(), 200);
    // Half open: one message, and no more while it fails.
    for round in 7..=9 {
        for shipment in 0..40 {
            carriers.push(1_000 + round * 100 + shipment, Lane::Interactive);
        }
        carriers.wait(60_000 / 2);
        assert!(carriers.handed[0].len() < 12, "{:?}", carriers.handed[0]);
    }
    carriers.answers[0] = Answers::Takes;
    let tried = carriers.handed[0].len();
    carriers.wait(60_000);
    for batch in [0, 20] {
        for shipment in batch..batch + 20 {
            carriers.push(5_000 + shipment, Lane::Interactive);
        }
        // The line tells how it is, and has not taken in what it was given.
        let (rows, taken) = (&mut carriers.lines[0].rows, carriers.taken[0]);
        carriers.hub.publish(0, rows, taken, Vec::new());
    }
    assert_eq!(carriers.hub.seats[0].given, carriers.taken[0] + 1);
    carriers.turns(1);
    assert_eq!(
        carriers.handed[0].len(),
        tried + 1,
        "{:?}",
        carriers.table().gateways
    );
    for shipment in 40..80 {
        carriers.push(5_000 + shipment, Lane::Interactive);
    }
    carriers.turns(40);
    let row = carriers.table().gateways["a"].clone();
    assert_eq!((row.state, row.circuit), (Health::Up, Circuit::Closed));
    assert!(carriers.handed[0].len() > tried + 10);
}

#[test]
fn silence_opens_the_circuit_too_and_what_waited_goes_by_the_other() {
    let mut carriers = Carriers::bound(&[serde_json::json!({ "window": 10 }), any()]);
    carriers.answers[0] = Answers::Silent;
    for shipment in 0..60 {
        carriers.push(shipment, Lane::Interactive);
    }
    carriers.wait(11_000);
    carriers.turns(20);
    assert_eq!((carriers.unknown.len(), carriers.accepted.len()), (10, 50));
    assert_eq!(carriers.table().gateways["a"].state, Health::Paused);
}

#[test]
fn a_throttled_gateway_keeps_few_and_the_other_takes_the_rest() {
    let mut carriers = Carriers::bound(&[any(), any()]);
    carriers.answers[0] = Answers::Refuses(0x58);
    for shipment in 0..400 {
        carriers.push(shipment, Lane::Bulk);
    }
    carriers.turns(3);
    carriers.answers[0] = Answers::Takes;
    carriers.wait(4_000);
    carriers.turns(400);
    let table = carriers.table();
    assert_eq!(table.gateways["a"].circuit, Circuit::Closed);
    assert!(
        carriers.handed[1].len() > 350,
        "{}",
        carriers.handed[1].len()
    );
    let throttled = carriers.refused.len();
    assert!((1..=2).contains(&throttled));
    assert!(status::words(0x58).contains("throttled"));
}

#[test]
fn one_network_reached_by_two_gateways_is_one_row() {
    let mut carriers = Carriers::bound(&[any(), any()]);
    for shipment in 0..10 {
        carriers.push(shipment, Lane::Interactive);
    }
    carriers.turns(10);
    let table = carriers.table();
    assert_eq!(table.networks["+44"].sent, 10);
    assert_eq!(
        table.networks["+44"].history.recent(carriers.now, 1).taken,
        10
    );
    let each: Vec<_> = table.gateways.values().map(|row| row.accepted).collect();
    assert_eq!(each, [5, 5]);
}

#[test]
fn a_wall_clock_that_is_set_forgets_no_network_that_is_ill_and_keeps_none_ill() {
    let mut carriers = Carriers::bound(&[any(), any()]);
    carriers.fates = vec![("+44", "UNDELIV")];
    (0..40).for_each(|shipment| carriers.push(shipment, Lane::Interactive));
    carriers.turns(40);
    for wall in [-3_600_000, 3_600_000] {
        carriers.hub.clock(carriers.now, carriers.now + wall);
        let table = carriers.table();
        let after = |ms: i64| table.retry_after(UK, Lane::Bulk, carriers.now + wall + ms);
        assert_eq!((after(0), after(20 * 60_000)), (Some(3_600_000), None));
    }
}

/// Gateways come and go, refuse, throttle and fall silent in any order: every message has exactly one fate, and is
/// handed over once, or as often as it was refused for the moment.
#[test]
fn whatever_happens_every_message_has_one_fate() {
    for seed in 0..40_u64 {
        let mut state = seed;
        let mut dice = |most: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % most
        };
        let mut carriers = Carriers::bound(&[any(), any(), serde_json::json!({ "weight": 0 })]);
        let mut up = [true; 3];
        let mut pushed = 0;
        for _ in 0..200 {
            let place = usize::try_from(dice(3)).unwrap();
            match dice(8) {
                0 if up[place] => {
                    carriers.kill(place);
                    up[place] = false;
                }
                0 | 1 if !up[place] => {
                    carriers.bind(place);
                    up[place] = true;
                }
                2 => {
                    let all = [
                        Answers::Takes,
                        Answers::Silent,
                        Answers::Refuses(8),
                        Answers::Refuses(0x58),
                    ];
                    carriers.answers[place] = all[usize::try_from(dice(4)).unwrap()];
                }
                3 => carriers.wait(i64::try_from(dice(40)).unwrap() * 250),
                _ => {
                    for _ in 0..dice(30) {
                        let lane = if dice(4) == 0 {
                            Lane::Interactive
                        } else {
                            Lane::Bulk
                        };
                        carriers.push(pushed, lane);
                        pushed += 1;
                    }
                    carriers.turn();
                }
            }
        }
        carriers.answers.fill(Answers::Takes);
        for place in (0..3).filter(|place| !up[*place]) {
            carriers.bind(place);
        }
        // The longest that an open circuit waits, and the slowest pace.
        carriers.wait(400_000);
        carriers.turns(4_000);
        carriers.wait(400_000);
        let refused = carriers.refused.iter().map(|(number, _)| number);
        let fates: Vec<u64> = carriers
            .accepted
            .iter()
            .chain(&carriers.unknown)
            .chain(refused)
            .copied()
            .collect();
        let times = |found: &[u64], n: u64| found.iter().filter(|known| **known == n).count();
        let odd = |found: &[u64], most_only: bool| {
            let all = (0..pushed).map(|n| (n, times(found, n)));
            let odd = all.filter(|(_, times)| *times > 1 || *times == 0 && !most_only);
            odd.collect::<Vec<_>>()
        };
        assert_eq!(odd(&fates, false), [], "fates, seed {seed}");
        // What was written to a connection that ended may never have come out of it: its fate is unknown.
        assert_eq!(
            odd(&carriers.handed_in_all(), true),
            [],
            "handed over, seed {seed}"
        );
        assert_eq!(carriers.table().bulk_queued(), 0, "seed {seed}");
    }
}
