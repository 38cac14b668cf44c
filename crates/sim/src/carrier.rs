//! The carrier between the nodes' outbound channels and the phones: two gateways, radio, receipts, and every fault.

use crate::node::monotonic;
use crate::world::{Next, World};
use delivery::{Class, Event, Lane, NetworkError, Outbound, ReceiptState, Target};

/// The gateways' names.
const NAMES: [&str; 2] = ["north", "south"];
const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
/// Without an answer for so long, the line gives up waiting.
const NO_ANSWER: i64 = 30 * SECOND;
/// A message that was not answered comes again after this.
const AGAIN: i64 = 60 * SECOND;

/// A message that was handed to a gateway and is not answered yet.
pub(crate) struct Submit {
    node: usize,
    life: u32,
    gateway: usize,
    answer: Event,
}

/// A message that a gateway took.
pub(crate) struct Message {
    node: usize,
    life: u32,
    gateway: usize,
    outbound: Outbound,
    expires: i64,
    told_absent: bool,
    /// The network lost it and will say so only when it expires.
    vanished: bool,
    /// Nothing more becomes of it.
    pub done: bool,
}

/// Something that a gateway tells, until it is acknowledged.
pub(crate) struct Inbound {
    node: usize,
    life: u32,
    event: Event,
    /// A node said that it has stored it.
    pub acked: bool,
}

fn named(gateway: usize) -> String {
    NAMES.get(gateway).copied().unwrap_or("?").to_owned()
}

fn class_of(fault: &str) -> (u32, Class) {
    match fault {
        "throttle" => (0x58, Class::Throttled),
        "queue-full" => (0x14, Class::Throttled),
        "system-error" => (0x08, Class::Temporary),
        "refuse-number" => (0x0B, Class::Destination),
        _ => (0x45, Class::Ours),
    }
}

/// An event in a few words.
pub(crate) fn said(event: &Event) -> String {
    let of = |target: &Target| match target {
        Target::Part(part) => {
            let time = part.shipment.0 & ((1 << 55) - 1);
            format!("{time:x}/{}.{}#{}", part.packet, part.part, part.sending)
        }
        Target::Notice { part, .. } => format!("notice.{part}"),
    };
    match event {
        Event::Accepted {
            target, message_id, ..
        } => {
            format!(
                "{} accepted as {}",
                of(target),
                message_id.as_deref().unwrap_or("-")
            )
        }
        Event::Refused {
            target,
            class,
            reason,
            ..
        } => {
            format!("{} refused ({class:?}): {reason}", of(target))
        }
        Event::NoAnswer { target, .. } => format!("{}: no answer", of(target)),
        Event::NotSent { target, .. } => format!("{}: not sent", of(target)),
        Event::Receipt {
            message_id,
            target,
            state,
            ack,
            ..
        } => {
            let target = target.as_ref().map_or("?".into(), of);
            format!("receipt {ack} of {message_id} ({target}): {state:?}")
        }
        Event::Mobile { from, ack, .. } => format!("message {ack} from {from}"),
        Event::Gateway { gateway, up, .. } => {
            format!("gateway {gateway} is {}", if *up { "up" } else { "down" })
        }
    }
}

impl World {
    /// How long the network takes now and then; not so long where lives last minutes instead of hours.
    fn spread(&mut self, least: i64, most: i64) -> i64 {
        let most = if self.quick { most / 40 } else { most };
        self.chance.spread(least.min(most), most)
    }

    /// What waited in a node's memory goes out, now that it can.
    pub fn flush(&mut self, node: usize) {
        if !self.gateways.contains(&true) {
            return;
        }
        let running = self
            .nodes
            .get_mut(node)
            .and_then(|node| node.running.as_mut());
        let mut waiting = running
            .map(|r| std::mem::take(&mut r.waiting))
            .unwrap_or_default();
        waiting.sort_by_key(|outbound| outbound.lane == Lane::Bulk);
        for outbound in waiting {
            self.submit(node, outbound);
        }
    }

    /// A node hands a message to its gateways; behind a closed fence it is thrown away.
    pub fn submit(&mut self, node: usize, outbound: Outbound) {
        let now = monotonic(self.time.now());
        if outbound
            .fence
            .as_ref()
            .is_some_and(|fence| !fence.open(now))
        {
            self.note(format_args!(
                "node {node}: a part stays behind its closed fence"
            ));
            return;
        }
        let up: Vec<usize> = (0..self.gateways.len())
            .filter(|at| self.gateways.get(*at) == Some(&true))
            .collect();
        let Some(gateway) = self.chance.pick(&up).copied() else {
            if let Some(running) = self.nodes.get_mut(node).and_then(|n| n.running.as_mut()) {
                running.waiting.push(outbound);
            }
            return;
        };
        let life = self.nodes.get(node).map_or(0, |node| node.life);
        let name = named(gateway);
        let target = outbound.target.clone();
        let refusals = [
            "throttle",
            "queue-full",
            "system-error",
            "refuse-number",
            "refuse-message",
        ];
        let mut refused = None;
        for fault in refusals {
            if self.strikes(fault) && refused.is_none() {
                refused = Some(fault);
            }
        }
        let (lost, unheard) = (self.strikes("lose-submit"), self.strikes("lose-response"));
        let mut wait = self.chance.spread(5, 500);
        if self.strikes("early-receipt") {
            wait = 20 * SECOND;
        }
        let no_answer = Event::NoAnswer {
            target: target.clone(),
            gateway: name.clone(),
        };
        let (answer, what) = if lost {
            wait = NO_ANSWER;
            (no_answer, "lost on its way")
        } else if let Some(fault) = refused {
            let (status, class) = class_of(fault);
            let reason = format!("the gateway said {fault}");
            (
                Event::Refused {
                    target,
                    gateway: name,
                    status,
                    class,
                    reason,
                },
                fault,
            )
        } else {
            let message = self.messages.len();
            let validity = i64::from(outbound.validity_s.unwrap_or(86_400)) * SECOND;
            self.messages.push(Message {
                node,
                life,
                gateway,
                outbound: outbound.clone(),
                expires: self.time.now() + validity,
                told_absent: false,
                vanished: false,
                done: false,
            });
            let way = if self.strikes("slow") {
                self.spread(MINUTE, 20 * HOUR)
            } else {
                self.chance.spread(100, 20 * SECOND)
            };
            self.after(
                way,
                Next::Arrive {
                    message,
                    again: false,
                },
            );
            if unheard {
                wait = NO_ANSWER;
                (no_answer, "taken, and the answer lost")
            } else {
                let message_id = Some(format!("m{message}"));
                (
                    Event::Accepted {
                        target,
                        gateway: name,
                        message_id,
                    },
                    "taken",
                )
            }
        };
        let submit = self
            .submits
            .last_key_value()
            .map_or(0, |(last, _)| last + 1);
        let submit = submit.max(self.steps * 1000);
        let Outbound {
            lane, destination, ..
        } = &outbound;
        let line = said(&answer);
        self.note(format_args!(
            "node {node} → {destination} {lane:?}: {what} ({line})"
        ));
        self.submits.insert(
            submit,
            Submit {
                node,
                life,
                gateway,
                answer,
            },
        );
        self.after(wait, Next::Answer { submit });
    }

    /// The gateway answers, if its link still stands.
    pub fn answered(&mut self, submit: u64) {
        if let Some(submit) = self.submits.remove(&submit) {
            self.reach(submit.node, submit.life, submit.answer);
        }
    }

    /// To the very process, if it is still there.
    fn reach(&mut self, node: usize, life: u32, event: Event) {
        if self.nodes.get(node).is_some_and(|node| node.life == life) {
            self.give(node, event);
        }
    }

    /// A gateway's link goes up or down.
    pub fn gateway(&mut self, gateway: usize, up: bool) {
        let Some(state) = self.gateways.get_mut(gateway) else {
            return;
        };
        if *state == up {
            return;
        }
        *state = up;
        self.note(format_args!(
            "gateway {} is {}",
            named(gateway),
            if up { "up" } else { "down" }
        ));
        for node in 0..self.nodes.len() {
            let reason = "its link".to_owned();
            self.give(
                node,
                Event::Gateway {
                    gateway: named(gateway),
                    up,
                    reason,
                },
            );
        }
        if up {
            for node in self.awake() {
                self.flush(node);
            }
            return;
        }
        // Whatever was not answered yet never will be.
        let open: Vec<u64> = self
            .submits
            .iter()
            .filter(|(_, submit)| submit.gateway == gateway)
            .map(|(no, _)| *no)
            .collect();
        for no in open {
            if let Some(submit) = self.submits.remove(&no) {
                let target = match submit.answer {
                    Event::Accepted { target, .. }
                    | Event::Refused { target, .. }
                    | Event::NoAnswer { target, .. } => target,
                    _ => continue,
                };
                let event = Event::NoAnswer {
                    target,
                    gateway: named(gateway),
                };
                self.reach(submit.node, submit.life, event);
            }
        }
    }

    /// A phone is switched on or off.
    pub fn power(&mut self, number: &str, on: bool) {
        let Some(phone) = self.phones.get_mut(number) else {
            return;
        };
        if phone.on == on {
            return;
        }
        phone.on = on;
        if !on && let Some(iccid) = phone.iccid.clone() {
            if let Some(sim) = self.sims.get_mut(&iccid) {
                sim.card.power_off();
            }
            return;
        }
        for message in std::mem::take(&mut phone.held) {
            let wait = self.chance.spread(100, 5 * SECOND);
            self.after(
                wait,
                Next::Arrive {
                    message,
                    again: false,
                },
            );
        }
    }

    /// A message reaches its phone, for the first time or as a duplicate.
    pub fn arrives(&mut self, at: usize, again: bool) {
        let now = self.time.now();
        let Some(message) = self.messages.get(at) else {
            return;
        };
        if again {
            self.reaches(at);
            return;
        }
        if message.done {
            return;
        }
        if now >= message.expires {
            self.ends(at, ReceiptState::Expired, false);
            return;
        }
        let (left, absent) = (message.expires - now, message.told_absent);
        let number = message.outbound.destination.clone();
        let Some(phone) = self.phones.get_mut(&number) else {
            self.ends(at, ReceiptState::Undeliverable, false);
            return;
        };
        if message.vanished {
            self.after(
                left,
                Next::Arrive {
                    message: at,
                    again: false,
                },
            );
        } else if !phone.on {
            phone.held.push(at);
            self.after(
                left,
                Next::Arrive {
                    message: at,
                    again: false,
                },
            );
            if !absent {
                self.note(format_args!("m{at}: {number} is off"));
                if let Some(message) = self.messages.get_mut(at) {
                    message.told_absent = true;
                }
                self.receipt(at, ReceiptState::EnRoute, true);
            }
        } else if self.strikes("vanish") {
            self.note(format_args!("m{at} vanishes"));
            if let Some(message) = self.messages.get_mut(at) {
                message.vanished = true;
            }
            self.after(
                left,
                Next::Arrive {
                    message: at,
                    again: false,
                },
            );
        } else if self.strikes("drop-radio") {
            let wait = self.chance.spread(30 * SECOND, 30 * MINUTE).min(left);
            self.after(
                wait,
                Next::Arrive {
                    message: at,
                    again: false,
                },
            );
        } else if self.strikes("memory-full") {
            self.note(format_args!("m{at}: {number} has no memory left"));
            self.ends(at, ReceiptState::Undeliverable, false);
        } else {
            let taken = self.reaches(at);
            let state = if taken {
                ReceiptState::Delivered
            } else {
                ReceiptState::Undeliverable
            };
            self.ends(at, state, false);
            if self.strikes("duplicate") {
                let wait = self.spread(SECOND, 3 * HOUR);
                self.after(
                    wait,
                    Next::Arrive {
                        message: at,
                        again: true,
                    },
                );
            }
        }
    }

    /// The phone takes the message; a card answers.
    fn reaches(&mut self, at: usize) -> bool {
        let Some(message) = self.messages.get(at) else {
            return false;
        };
        let (node, life, gateway) = (message.node, message.life, message.gateway);
        let Outbound {
            destination,
            udhi,
            pid,
            dcs,
            user_data,
            ..
        } = message.outbound.clone();
        let Some(phone) = self.phones.get_mut(&destination) else {
            return false;
        };
        if (pid, dcs) != (0x7F, 0xF6) {
            phone.take(udhi, dcs, &user_data);
            self.note(format_args!("m{at} is in {destination}'s inbox"));
            return true;
        }
        let Some(sim) = phone
            .iccid
            .as_ref()
            .and_then(|iccid| self.sims.get_mut(iccid))
        else {
            return false;
        };
        let before = sim.card.counter();
        let answer = sim.card.receive("12345", &user_data);
        let (after, iccid) = (sim.card.counter(), sim.card.iccid().to_owned());
        let answers = answer.por.len();
        self.note(format_args!(
            "m{at} is at card {iccid} of {destination}: counter {before} → {after}, taken {}, answers {answers}",
            answer.taken
        ));
        for user_data in answer.por {
            let wait = if self.strikes("slow-proof") {
                self.spread(MINUTE, 10 * HOUR)
            } else {
                self.chance.spread(100, 10 * SECOND)
            };
            let mobile = |ack| Event::Mobile {
                gateway: named(gateway),
                from: destination.clone(),
                to: "12345".into(),
                udhi: true,
                pid: 0x7F,
                dcs: 0xF6,
                user_data: user_data.clone(),
                ack,
            };
            let (lost, repeated) = (self.strikes("lose-proof"), self.strikes("repeat-proof"));
            if !lost {
                self.tell(node, life, wait, mobile);
            }
            if repeated {
                let later = wait + self.spread(SECOND, HOUR);
                self.tell(node, life, later, mobile);
            }
        }
        answer.taken
    }

    /// The network is done with a message, and says so.
    fn ends(&mut self, at: usize, state: ReceiptState, absent: bool) {
        if let Some(message) = self.messages.get_mut(at) {
            message.done = true;
        }
        self.receipt(at, state, absent);
    }

    fn receipt(&mut self, at: usize, state: ReceiptState, absent: bool) {
        let Some(message) = self.messages.get(at) else {
            return;
        };
        let (node, life) = (message.node, message.life);
        let (target, gateway) = (message.outbound.target.clone(), named(message.gateway));
        let failed = !matches!(state, ReceiptState::Delivered | ReceiptState::EnRoute);
        let error = (failed || absent).then(|| NetworkError {
            code: Some(if absent { 0x1B } else { 0x20 }),
            absent,
            raw: "err".into(),
        });
        let receipt = |ack| Event::Receipt {
            gateway: gateway.clone(),
            message_id: format!("m{at}"),
            target: Some(target.clone()),
            state,
            error: error.clone(),
            ack,
        };
        let (lost, repeated) = (self.strikes("lose-receipt"), self.strikes("repeat-receipt"));
        let wait = self.chance.spread(50, 5 * SECOND);
        if !lost {
            self.tell(node, life, wait, receipt);
        }
        if repeated {
            let later = wait + self.spread(SECOND, HOUR);
            self.tell(node, life, later, receipt);
        }
    }

    fn tell(&mut self, node: usize, life: u32, wait: i64, event: impl Fn(u64) -> Event) {
        let inbound = self.inbounds.len();
        let event = event(u64::try_from(inbound).unwrap_or(u64::MAX));
        self.inbounds.push(Inbound {
            node,
            life,
            event,
            acked: false,
        });
        self.after(wait, Next::Inbound { inbound });
    }

    /// Something of the network reaches the process that sent, or another; until one says that it has it.
    pub fn comes_in(&mut self, at: usize) {
        let Some(inbound) = self.inbounds.get(at).filter(|inbound| !inbound.acked) else {
            return;
        };
        let mut event = inbound.event.clone();
        let (node, life) = (inbound.node, inbound.life);
        let running = self.awake();
        let to = if running.contains(&node) {
            Some(node)
        } else {
            self.chance.pick(&running).copied()
        };
        self.after(AGAIN, Next::Inbound { inbound: at });
        let Some(to) = to else { return };
        let same = to == node && self.nodes.get(to).is_some_and(|node| node.life == life);
        if let Event::Receipt { target, .. } = &mut event
            && !same
        {
            // Another process knows only the id.
            *target = None;
        }
        self.give(to, event);
    }
}
