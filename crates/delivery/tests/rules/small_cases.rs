//! Every sequence of a few happenings to a shipment of two packets: whatever comes in whatever order, no rule breaks,
//! nothing spins, no counter goes back, and what is wanted stays wanted until it is proven.

use crate::fixture::*;
use delivery::{Action, Answer, Class, Happening, Policy, ReceiptState, Shipment, World, decide};
use terminals::ChannelKind;
use wire::ota::Rsc;

/// What may happen; to which packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Start,
    Accepted(u16),
    Refused(u16, Class),
    NoAnswer(u16),
    Receipt(u16, ReceiptState, Option<u16>),
    Answer(u16, Rsc),
    /// The script stopped at its only command.
    Stopped(u16, u16),
    /// The card's yes to packet 1 of the shipment before this one.
    Late,
    /// Time goes on to the next thing to do.
    Clock,
}

fn all() -> Vec<Step> {
    let mut steps = vec![Step::Start, Step::Late, Step::Clock];
    for n in [1, 2] {
        steps.extend([Step::Accepted(n), Step::NoAnswer(n)]);
        steps.extend([0x9300, 0x6581, 0x6A82].map(|sw| Step::Stopped(n, sw)));
        let refusals = [
            Class::Throttled,
            Class::Temporary,
            Class::Destination,
            Class::Ours,
            Class::Unknown,
        ];
        steps.extend(refusals.map(|class| Step::Refused(n, class)));
        for (state, code) in [
            (ReceiptState::EnRoute, None),
            (ReceiptState::EnRoute, Some(27)),
            (ReceiptState::Delivered, None),
            (ReceiptState::Expired, None),
            (ReceiptState::Undeliverable, Some(27)),
            (ReceiptState::Undeliverable, Some(32)),
            (ReceiptState::Rejected, None),
        ] {
            steps.push(Step::Receipt(n, state, code));
        }
        steps.extend(Rsc::ALL.map(|rsc| Step::Answer(n, rsc)));
    }
    steps
}

/// Those that differ most, for longer sequences.
fn few() -> Vec<Step> {
    vec![
        Step::Accepted(1),
        Step::Accepted(2),
        Step::Refused(1, Class::Throttled),
        Step::NoAnswer(1),
        Step::Receipt(1, ReceiptState::Delivered, None),
        Step::Receipt(2, ReceiptState::Expired, None),
        Step::Answer(1, Rsc::Ok),
        Step::Answer(2, Rsc::Ok),
        Step::Answer(1, Rsc::CounterLow),
        Step::Late,
        Step::Clock,
    ]
}

#[derive(Clone)]
struct Case {
    world: World,
    before: Vec<Shipment>,
    spi: u8,
    now: i64,
}

impl Case {
    fn new(channel: ChannelKind, spi: u8) -> Self {
        Self {
            world: sent(channel, spi),
            before: vec![],
            spi,
            now: NOW,
        }
    }

    /// When something is due by itself.
    fn next(&self) -> Option<i64> {
        if self.world.terminal.in_flight.is_none() {
            return self.world.terminal.next_try;
        }
        let packets = &self.world.shipment.packets;
        packets.iter().find(|p| p.is_open())?.deadline
    }

    fn step(&mut self, step: Step) -> Vec<Action> {
        self.now += 10;
        if step == Step::Clock {
            self.now = self.next().unwrap_or(self.now).max(self.now);
        }
        let world = &mut self.world;
        let tell = |world: &mut World, happening: Happening| {
            decide(world, &happening, &Policy::SERVE, self.now)
        };
        match step {
            Step::Start => tell(world, Happening::Start),
            Step::Accepted(n) => tell(world, accepted(world, n)),
            Step::Refused(n, class) => tell(world, refused(world, n, class)),
            Step::NoAnswer(n) => tell(world, no_answer(world, n)),
            Step::Receipt(n, state, code) => {
                let error = code.map(|code| delivery::NetworkError {
                    code: Some(code),
                    absent: code == 27,
                    raw: code.to_string(),
                });
                let part = part(world, n);
                tell(world, Happening::Receipt { part, state, error })
            }
            Step::Answer(n, rsc) if world.terminal.channel == ChannelKind::SimOta => {
                tell(world, answer(world, n, rsc))
            }
            Step::Stopped(n, sw) if world.terminal.channel == ChannelKind::SimOta => {
                let Happening::Answer(whole) = answer(world, n, Rsc::Ok) else {
                    return vec![];
                };
                let stopped = Answer {
                    executed: Some((1, sw, vec![])),
                    ..whole
                };
                tell(world, Happening::Answer(stopped))
            }
            Step::Answer(..) | Step::Stopped(..) => vec![],
            Step::Late => {
                let Some(old) = self.before.last_mut() else {
                    return vec![];
                };
                std::mem::swap(old, &mut world.shipment);
                let actions = if world.shipment.packets[0].counter.is_some() {
                    tell(world, answer(world, 1, Rsc::Ok))
                } else {
                    tell(world, receipt(world, 1, ReceiptState::Delivered))
                };
                std::mem::swap(old, &mut world.shipment);
                actions
            }
            Step::Clock => {
                if world.terminal.in_flight.is_some() {
                    return decide(world, &Happening::Clock, &Policy::SERVE, self.now);
                }
                if world.terminal.next_try.is_none() {
                    return vec![];
                }
                self.before.push(world.shipment.clone());
                plan(world, 2, self.spi, 1, self.now)
            }
        }
    }

    /// Carries out a step and looks at everything that must hold after it.
    fn checked(&mut self, step: Step, path: &[Step]) {
        let before = self.world.terminal.counter_next;
        let tries_at = self.next();
        let actions = self.step(step);
        let broken = broken_in(&self.world, &mut self.before, self.now);
        let terminal = &self.world.terminal;
        let at = || format!("{path:?} then {step:?}: {terminal:?}");
        assert!(broken.is_empty(), "{broken:?} after {}", at());
        assert!(terminal.counter_next >= before, "{}", at());
        // A proof plans at once; all else waits a second at least.
        let proof = matches!(step, Step::Late | Step::Answer(_, Rsc::Ok));
        for action in &actions {
            let (Action::Wake(due) | Action::Replan(due)) = action else {
                continue;
            };
            let early = *due < self.now + 1000 && Some(*due) != tries_at;
            assert!(
                !early || proof,
                "{actions:?} at {} after {}",
                self.now,
                at()
            );
        }
        let settled = terminal.proven >= terminal.planned;
        let wanted = self.next().is_some() || terminal.trouble.is_some();
        assert!(settled || wanted, "forgotten after {}", at());
    }
}

fn explore(case: &Case, steps: &[Step], depth: usize, path: &mut Vec<Step>, seen: &mut u32) {
    for step in steps {
        let mut next = case.clone();
        next.checked(*step, path);
        *seen += 1;
        if depth > 1 {
            path.push(*step);
            explore(&next, steps, depth - 1, path, seen);
            path.pop();
        }
    }
}

#[track_caller]
fn check(channel: ChannelKind, spi: u8, steps: &[Step], depth: usize) {
    let mut seen = 0;
    // A business card never answers.
    let answers = |step: &&Step| matches!(step, Step::Answer(..) | Step::Stopped(..));
    let fits = |step: &&Step| channel == ChannelKind::SimOta || !answers(step);
    let steps: Vec<Step> = steps.iter().filter(fits).copied().collect();
    let case = Case::new(channel, spi);
    explore(&case, &steps, depth, &mut Vec::new(), &mut seen);
    let sum: u32 = (1..=u32::try_from(depth).unwrap())
        .map(|n| u32::try_from(steps.len()).unwrap().pow(n))
        .sum();
    assert_eq!(seen, sum);
}

#[test]
fn everything_that_can_happen_in_three_steps() {
    check(ChannelKind::SimOta, HIGHER, &all(), 3);
    check(ChannelKind::SimOta, ONE_HIGHER, &all(), 3);
    check(ChannelKind::SmsCard, HIGHER, &all(), 3);
}

#[test]
fn what_differs_most_in_five_steps() {
    for spi in [HIGHER, ONE_HIGHER] {
        check(ChannelKind::SimOta, spi, &few(), 5);
    }
    check(ChannelKind::SmsCard, HIGHER, &few(), 5);
}

/// After anything, nothing but silence: the tries go on, further and further apart, and never end.
#[test]
fn silence_is_waited_out() {
    for (channel, spi) in [
        (ChannelKind::SimOta, HIGHER),
        (ChannelKind::SimOta, ONE_HIGHER),
        (ChannelKind::SmsCard, HIGHER),
    ] {
        for first in all() {
            let mut case = Case::new(channel, spi);
            case.checked(first, &[]);
            let (start, mut sendings) = (case.now, 0);
            for _ in 0..60 {
                let actions = case.step(Step::Clock);
                sendings += actions
                    .iter()
                    .filter(|a| matches!(a, Action::Send(_)))
                    .count();
                let broken = broken(&case.world, &case.before, case.now);
                assert!(broken.is_empty(), "{first:?}: {broken:?}");
                if case.now - start > 30 * 24 * HOUR {
                    break;
                }
            }
            let over = case.next().is_none();
            assert!(over || sendings > 3, "{first:?} {sendings}");
            assert!(over || case.now - start > 3 * 24 * HOUR, "{first:?} spins");
        }
    }
}
