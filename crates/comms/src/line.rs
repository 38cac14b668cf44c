//! One gateway's line, sans IO: octets, messages and the clock go in; octets and events come out (SMPP.md).
//!
//! `now` is ms of the clock that only goes forward, everywhere: a wall clock that is set back by an hour must not silence
//! a gateway for an hour. What people see has the wall clock's time ([`Line::clock`]).
//!
//! The caller's contract: (1) [`Line::connected`] once a socket is open, [`Line::input`] for what it reads,
//! [`Line::closed`] when it ends; (2) after every call, write [`Line::output`] of each port in one go and pass
//! [`Line::events`] on; (3) call [`Line::tick`] at least once a second.

mod answers;
mod early;
mod elsewhere;
mod handed;
mod ids;
mod inbound;
mod queue;
mod texts;

use crate::table::Rows;
use crate::{Bind, GatewayConfig};
use delivery::breaker::{Breaker, Circuit, Rules, Sign};
use delivery::network::Health;
use delivery::{Event, Outbound, Target};
use std::collections::{BTreeMap, HashMap, VecDeque};
use wire::smpp::{BindKind, Body, Frames, Pdu, status};

/// The first wait before a connection is tried again, ms; doubled up to `BACKOFF_MOST`.
const BACKOFF: i64 = 500;
const BACKOFF_MOST: i64 = 150_000;

/// What is known of one TCP connection.
#[derive(Debug, Default)]
pub(crate) struct Port {
    state: PortState,
    frames: Frames,
    out: Vec<u8>,
    heard: i64,
    asked: Option<i64>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum PortState {
    #[default]
    Down,
    Binding,
    Bound,
    Closing,
}

#[derive(Debug)]
struct Flying {
    message: Outbound,
    at: i64,
}

/// A line to one gateway.
pub struct Line {
    config: GatewayConfig,
    ports: Vec<Port>,
    queues: [VecDeque<Outbound>; 2],
    flying: BTreeMap<u32, Flying>,
    /// What got no answer in time on this session: the answer may still come.
    late: BTreeMap<u32, Outbound>,
    /// Texts refused for the moment: when they go again, and how often each was refused.
    later: Vec<(i64, Outbound)>,
    /// Only of texts that are still here.
    refusals: HashMap<Target, u8>,
    sequence: u32,
    handed: handed::Handed,
    early: early::Early,
    unanswered: HashMap<u64, Vec<inbound::Unanswered>>,
    texts: texts::Texts,
    token: u64,
    pace: Option<f64>,
    allowance: f64,
    refilled: i64,
    paused_until: i64,
    failures: u32,
    breaker: Breaker,
    /// Nothing more is handed over.
    held: bool,
    jitter: f64,
    events: Vec<Event>,
    /// Another node holds the gateway's only bind, or nobody does.
    elsewhere: bool,
    /// Messages that were passed on and are not answered yet: interactive, bulk.
    passed: [u32; 2],
    /// Its rows of the network state table.
    pub rows: Rows,
}

impl Line {
    /// A line that is not connected. `tokens` starts the numbers of deliver_sm answers, so that two lines' never meet;
    /// `wall` is what the wall clock says, ms UTC.
    pub fn new(config: GatewayConfig, tokens: u64, now: i64, wall: i64) -> Self {
        let ports = match config.bind {
            Bind::Trx => 1,
            Bind::TxRx => 2,
        };
        let mut rows = Rows::default();
        rows.ahead = wall.saturating_sub(now);
        rows.gateway.since = wall;
        rows.gateway.price = config.price();
        rows.gateway.window = (0, config.window);
        rows.gateway.pace = config.rate_per_s;
        let reason = match config.called() {
            Some(0) => "Waiting for the gateway to call (outbind).",
            _ => "Not connected yet.",
        };
        rows.set(Health::Down, reason, now);
        Self {
            pace: config.rate_per_s,
            config,
            ports: (0..ports).map(|_| Port::default()).collect(),
            queues: Default::default(),
            flying: BTreeMap::new(),
            late: BTreeMap::new(),
            later: Vec::new(),
            refusals: HashMap::new(),
            sequence: 0,
            handed: handed::Handed::default(),
            early: early::Early::default(),
            unanswered: HashMap::new(),
            texts: texts::Texts::default(),
            token: tokens,
            allowance: 1.0,
            refilled: now,
            paused_until: 0,
            failures: 0,
            breaker: Breaker::new(Rules::SERVE, now),
            held: false,
            jitter: 0.0,
            events: Vec::new(),
            elsewhere: false,
            passed: [0; 2],
            rows,
        }
    }

    /// The next PDU gets the number after this one.
    pub fn number_from(&mut self, sequence: u32) {
        self.sequence = sequence;
    }

    /// Chance (0–1) for the next wait of its circuit breaker, so that nodes do not meet.
    pub fn jitter(&mut self, jitter: f64) {
        self.jitter = jitter;
    }

    /// What the wall clock says, ms UTC: nothing is decided by it.
    pub fn clock(&mut self, now: i64, wall: i64) {
        self.rows.ahead = wall.saturating_sub(now);
    }

    /// Nothing more is handed over from now on: what waits is its owner's to send again. Answers, receipts and messages
    /// still come.
    pub fn hold(&mut self) {
        self.held = true;
    }

    /// How many connections it wants.
    pub fn ports(&self) -> usize {
        self.ports.len()
    }

    /// A socket is open: bind.
    pub fn connected(&mut self, port: usize, now: i64) {
        let kind = match (self.config.bind, port) {
            (Bind::Trx, _) => BindKind::Transceiver,
            (Bind::TxRx, 0) => BindKind::Transmitter,
            (Bind::TxRx, _) => BindKind::Receiver,
        };
        let bind = Body::Bind {
            kind,
            system_id: self.config.system_id.clone(),
            password: self.config.password.clone(),
            system_type: self.config.system_type.clone(),
            addr: (0, 0),
            address_range: self.config.address_range.clone(),
        };
        let sequence = self.next_sequence();
        if let Some(port) = self.ports.get_mut(port) {
            *port = Port {
                state: PortState::Binding,
                heard: now,
                ..Port::default()
            };
        }
        self.put(port, 0, sequence, bind);
        if self.rows.gateway.state != Health::Up {
            self.rows.set(Health::Down, "Connected; binding.", now);
        }
    }

    /// A connection could not be opened, or ended: what had no answer has an unknown outcome (rule 5).
    pub fn closed(&mut self, port: usize, why: &str, now: i64) {
        let was = self.ports.get(port).map(|port| port.state);
        if let Some(port) = self.ports.get_mut(port) {
            *port = Port::default();
        }
        self.unanswered.retain(|_, waiting| {
            waiting.retain(|of| of.port != port);
            !waiting.is_empty()
        });
        if self.comes_and_goes(port) {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        // Why it was ended, or the bind refused, says more than the end of the connection behind it.
        if was != Some(PortState::Closing) || self.rows.gateway.state != Health::Down {
            self.down(why, now);
        }
        if port == 0 {
            // No answer to it comes on another session.
            self.late.clear();
            for (_, flying) in std::mem::take(&mut self.flying) {
                self.no_answer(flying.message, now);
            }
            self.breaker.untried();
            self.show_circuit(now);
        }
        self.rows.gateway.window.0 = 0;
    }

    /// How long to wait before connecting again, ms: doubled each time, with `jitter` (0–1) so that nodes do not meet.
    pub fn backoff(&self, jitter: f64) -> i64 {
        let doubled = BACKOFF.saturating_mul(1 << self.failures.min(9).saturating_sub(1));
        let most = doubled.min(BACKOFF_MOST);
        #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
        let spread = (most as f64 * 0.25 * jitter.clamp(0.0, 1.0)) as i64;
        most + spread
    }

    /// Octets from the gateway.
    pub fn input(&mut self, port: usize, octets: &[u8], now: i64) {
        if let Some(port) = self.ports.get_mut(port) {
            port.heard = now;
            port.asked = None;
            port.frames.push(octets);
        }
        loop {
            let frame = match self.ports.get_mut(port).map(|port| port.frames.take()) {
                Some(Ok(Some(frame))) => frame,
                Some(Ok(None)) | None => break,
                Some(Err(error)) => {
                    self.write(port, &error.answer());
                    self.end(port, &format!("The gateway talks nonsense: {error}."), now);
                    break;
                }
            };
            match Pdu::decode(&frame) {
                Ok(pdu) => self.take(port, pdu, now),
                Err(malformed) => {
                    self.count(&format!("malformed: {}", malformed.why));
                    if let Some(answer) = malformed.answer {
                        self.write(port, &answer);
                    }
                }
            }
        }
        self.flow(now);
    }

    fn take(&mut self, port: usize, pdu: Pdu, now: i64) {
        match pdu.body {
            Body::BindResp { .. } => self.bound(port, pdu.status, now),
            Body::SubmitResp { message_id } => {
                self.answered(pdu.sequence, pdu.status, message_id, now)
            }
            Body::Deliver(deliver) => self.delivered(port, pdu.sequence, deliver, now),
            Body::EnquireLink => self.put(port, 0, pdu.sequence, Body::EnquireLinkResp),
            Body::Unbind => {
                self.put(port, 0, pdu.sequence, Body::UnbindResp);
                self.end(port, "The gateway ended the session.", now);
            }
            Body::UnbindResp => self.close(port),
            // Without a number it means the oldest, and that the stream is in doubt (SMPP.md, row 17).
            Body::GenericNack if pdu.sequence == 0 => {
                if let Some(oldest) = self.oldest() {
                    self.answered(oldest, pdu.status.max(1), None, now);
                }
                let sequence = self.next_sequence();
                self.put(port, 0, sequence, Body::Unbind);
                let words = status::words(pdu.status);
                self.end(
                    port,
                    &format!("The gateway could not read a message ({words}); binding anew."),
                    now,
                );
            }
            Body::GenericNack => self.answered(pdu.sequence, pdu.status.max(1), None, now),
            // Answers that nobody asked for are no reason to drop the link (CASES C72).
            Body::EnquireLinkResp | Body::OtherResp(_) | Body::DeliverResp { .. } => {}
            Body::Bind { .. } | Body::Outbind { .. } | Body::Submit(_) => {}
        }
    }

    fn bound(&mut self, port: usize, status: u32, now: i64) {
        let asked = self.ports.get(port).map(|port| port.state) == Some(PortState::Binding);
        if !asked {
            self.count("bind answered twice");
            return;
        }
        if status != 0 {
            let (_, meaning) = status::meaning(status);
            let act = if meaning == status::Meaning::Ours {
                " Check the gateway's name and password."
            } else {
                ""
            };
            let why = format!(
                "The gateway refuses the bind: {}.{act}",
                status::words(status)
            );
            self.count(&format!("bind {}", status::words(status)));
            self.end(port, &why, now);
            return;
        }
        if let Some(port) = self.ports.get_mut(port) {
            port.state = PortState::Bound;
        }
        self.rows.gateway.binds += 1;
        let mut ports = self.ports.iter().enumerate();
        let bound =
            |(at, port): (usize, &Port)| port.state == PortState::Bound || self.comes_and_goes(at);
        if ports.all(bound) && !self.comes_and_goes(port) {
            self.failures = 0;
            self.up("Bound.", now);
            self.show_circuit(now);
        }
    }

    /// Time passes: answers overdue, keep-alive, pace.
    pub fn tick(&mut self, now: i64) {
        let late = now - i64::from(self.config.answer_seconds) * 1000;
        let overdue: Vec<u32> = self
            .flying
            .iter()
            .filter(|(_, flying)| flying.at <= late)
            .map(|(sequence, _)| *sequence)
            .collect();
        for sequence in overdue {
            if let Some(flying) = self.flying.remove(&sequence) {
                self.count("no answer");
                let reason = "A message got no answer in time.";
                self.ails(reason, now);
                self.expect_late(sequence, &flying.message);
                self.no_answer(flying.message, now);
                self.sign(Some(Sign::Ill), now);
            }
        }
        if self.breaker.tick(now) {
            self.show_circuit(now);
        }
        let quiet = i64::from(self.config.enquire_seconds) * 1000;
        for at in 0..self.ports.len() {
            let Some(port) = self.ports.get_mut(at) else {
                continue;
            };
            let patience = i64::from(self.config.answer_seconds) * 1000;
            match (port.state, port.asked) {
                (PortState::Down | PortState::Closing, _) => {}
                (_, Some(asked)) if now - asked > patience => {
                    self.end(at, "The gateway does not answer enquire_link.", now);
                }
                (PortState::Binding, _) if now - port.heard > patience => {
                    self.end(at, "The gateway does not answer the bind.", now);
                }
                (PortState::Bound, None) if now - port.heard > quiet => {
                    port.asked = Some(now);
                    let sequence = self.next_sequence();
                    self.put(at, 0, sequence, Body::EnquireLink);
                }
                _ => {}
            }
        }
        self.notice_silence(now);
        self.hand_on_early(now);
        self.texts.forget(now);
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.later)
            .into_iter()
            .partition(|(at, _)| *at <= now);
        self.later = later;
        self.queues[0].extend(due.into_iter().map(|(_, message)| message));
        self.rows.rate(now);
        self.flow(now);
    }

    /// Ends the session politely: nothing more is submitted; the caller writes the output, waits a moment and closes.
    pub fn unbind(&mut self) {
        self.paused_until = i64::MAX;
        for port in 0..self.ports.len() {
            self.take_leave(port);
        }
    }

    fn take_leave(&mut self, port: usize) {
        let port_now = self.ports.get(port);
        if port_now.is_some_and(|port| port.state == PortState::Bound) {
            let sequence = self.next_sequence();
            self.put(port, 0, sequence, Body::Unbind);
        }
    }

    /// The only thing that is still to be written to this port: an unbind, where there is a session. The gateway is free
    /// for another bind then, without waiting until it notices that this one is gone.
    pub fn last_word(&mut self, port: usize) -> Vec<u8> {
        drop(self.output(port));
        self.take_leave(port);
        self.output(port)
    }

    /// What is to be written to this port, all of it at once.
    pub fn output(&mut self, port: usize) -> Vec<u8> {
        let port = self.ports.get_mut(port);
        port.map(|port| std::mem::take(&mut port.out))
            .unwrap_or_default()
    }

    /// Whether this connection is to be closed once its output is written.
    pub fn closing(&self, port: usize) -> bool {
        self.ports
            .get(port)
            .is_some_and(|port| port.state == PortState::Closing)
    }

    /// Whether nothing is under way.
    pub fn idle(&self) -> bool {
        self.flying.is_empty()
    }

    /// What happened since the last call.
    pub fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// What an answer says about the gateway goes to its circuit breaker.
    fn sign(&mut self, sign: Option<Sign>, now: i64) {
        match sign {
            Some(sign) => {
                let was = self.breaker.circuit();
                let changed = self.breaker.answered(sign, self.jitter, now);
                let ends = changed && was != Circuit::Closed && sign == Sign::Well;
                if ends && self.rows.gateway.state != Health::Down {
                    self.up("Messages go out.", now);
                }
            }
            None => self.breaker.untried(),
        }
        self.show_circuit(now);
    }

    /// The circuit as people see it.
    fn circuit(&self) -> Circuit {
        match self.breaker.circuit() {
            Circuit::Open { until } => Circuit::Open {
                until: self.rows.wall(until),
            },
            other => other,
        }
    }

    /// The circuit in the gateway's row; an open one outweighs what else was said of a bound gateway.
    fn show_circuit(&mut self, now: i64) {
        let circuit = self.circuit();
        self.rows.gateway.circuit = circuit;
        let state = match circuit {
            Circuit::Closed => return,
            Circuit::Open { .. } => Health::Paused,
            Circuit::HalfOpen { .. } => Health::Slow,
        };
        let row = &self.rows.gateway;
        if row.state == Health::Down || row.state == state && row.reason == self.breaker.sentence()
        {
            return;
        }
        let sentence = self.breaker.sentence().to_owned();
        self.rows.set(state, &sentence, now);
        if state == Health::Paused {
            self.tell(false, &sentence);
        }
    }

    fn no_answer(&mut self, message: Outbound, now: i64) {
        self.refusals.remove(&message.target);
        self.rows.failed(now);
        self.events.push(Event::NoAnswer {
            target: message.target,
            gateway: self.config.name.clone(),
        });
    }

    fn up(&mut self, reason: &str, now: i64) {
        let was = self.rows.gateway.state;
        self.rows.set(Health::Up, reason, now);
        if was != Health::Up {
            self.tell(true, reason);
        }
    }

    fn down(&mut self, reason: &str, now: i64) {
        let again = self.rows.gateway.state == Health::Down && self.rows.gateway.reason == reason;
        self.rows.set(Health::Down, reason, now);
        if !again {
            self.tell(false, reason);
        }
    }

    /// What answers say of a gateway that is bound. They still come where one socket of two is gone: such a line is down,
    /// and only a bind ends that.
    fn ails(&mut self, reason: &str, now: i64) {
        if self.rows.gateway.state != Health::Down {
            self.rows.set(Health::Slow, reason, now);
        }
    }

    fn tell(&mut self, up: bool, reason: &str) {
        self.events.push(Event::Gateway {
            gateway: self.config.name.clone(),
            up,
            reason: reason.to_owned(),
        });
    }

    fn count(&mut self, what: &str) {
        self.rows.count(what);
    }

    /// Whether this session is there only while the SMSC has something to say (outbind): the gateway is up without it.
    fn comes_and_goes(&self, port: usize) -> bool {
        port > 0 && self.config.called() == Some(port)
    }

    /// This session ends, and with it the gateway, unless it is one that comes and goes.
    fn end(&mut self, port: usize, why: &str, now: i64) {
        self.close(port);
        if self.comes_and_goes(port) {
            tracing::info!(gateway = self.config.name, why, "the called session ends");
        } else {
            self.down(why, now);
        }
    }

    fn close(&mut self, port: usize) {
        if let Some(port) = self.ports.get_mut(port) {
            port.state = PortState::Closing;
        }
    }

    /// 1 … 7FFFFFFF, round and round, past those without answer (SMPP.md, row 17).
    fn next_sequence(&mut self) -> u32 {
        loop {
            self.sequence = if self.sequence >= 0x7FFF_FFFF {
                1
            } else {
                self.sequence + 1
            };
            let taken = self.flying.contains_key(&self.sequence);
            if !taken && !self.late.contains_key(&self.sequence) {
                return self.sequence;
            }
        }
    }

    /// The message that waits longest for its answer: numbers are given in turn, so it follows the newest one's.
    fn oldest(&self) -> Option<u32> {
        let mut turn = self.flying.range(self.sequence.saturating_add(1)..);
        let first = turn.next().or_else(|| self.flying.iter().next());
        first.map(|(sequence, _)| *sequence)
    }

    fn put(&mut self, port: usize, status: u32, sequence: u32, body: Body) {
        let pdu = Pdu {
            status,
            sequence,
            body,
        };
        self.write(port, &pdu.encode());
    }

    fn write(&mut self, port: usize, octets: &[u8]) {
        if let Some(port) = self.ports.get_mut(port) {
            port.out.extend_from_slice(octets);
        }
    }
}

#[cfg(test)]
mod tests;
