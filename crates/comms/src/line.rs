//! One gateway's line, sans IO: octets, messages and the clock go in; octets and events come out (SMPP.md).
//!
//! The caller's contract: (1) [`Line::connected`] once a socket is open, [`Line::input`] for what it reads,
//! [`Line::closed`] when it ends; (2) after every call, write [`Line::output`] of each port in one go and pass
//! [`Line::events`] on; (3) call [`Line::tick`] at least once a second.

mod early;
mod handed;
mod ids;
mod inbound;
mod texts;

use crate::table::{Rows, seconds};
use crate::{Bind, GatewayConfig};
use delivery::network::Health;
use delivery::{Class, Event, Lane, Outbound, Target};
use std::collections::{BTreeMap, HashMap, VecDeque};
use wire::smpp::{BindKind, Body, Frames, Pdu, Submit, status};

/// An answer that takes longer than this is slow, ms.
const SLOW: i64 = 500;
/// A throttled link is silent for this long before it goes on, ms.
const PAUSE: i64 = 1_000;
/// A text that is refused for the moment goes again after this long, ms, and so often at most.
const AGAIN: i64 = 5_000;
const AGAIN_MOST: u8 = 5;
/// The slowest that a throttled link gets, messages a second.
const SLOWEST: f64 = 1.0;
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
    /// Texts refused for the moment: when they go again, and how often each was refused.
    later: Vec<(i64, Outbound)>,
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
    events: Vec<Event>,
    /// Its rows of the network state table.
    pub rows: Rows,
}

impl Line {
    /// A line that is not connected. `tokens` starts the numbers of deliver_sm answers, so that two lines' never meet.
    pub fn new(config: GatewayConfig, tokens: u64, now: i64) -> Self {
        let ports = match config.bind {
            Bind::Trx => 1,
            Bind::TxRx => 2,
        };
        let mut rows = Rows::default();
        rows.gateway.since = now;
        rows.gateway.price = config.price();
        rows.set(Health::Down, "Not connected yet.", now);
        Self {
            pace: config.rate_per_s,
            config,
            ports: (0..ports).map(|_| Port::default()).collect(),
            queues: Default::default(),
            flying: BTreeMap::new(),
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
            events: Vec::new(),
            rows,
        }
    }

    /// The next PDU gets the number after this one.
    pub fn number_from(&mut self, sequence: u32) {
        self.sequence = sequence;
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
        self.failures = self.failures.saturating_add(1);
        // A refusal of the bind says more than the end of the connection behind it.
        if was != Some(PortState::Closing) || self.rows.gateway.state == Health::Up {
            self.down(why, now);
        }
        if port == 0 {
            for (_, flying) in std::mem::take(&mut self.flying) {
                self.no_answer(flying.message);
            }
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

    /// A message to send. One that waits already for the same part is replaced: its octets are the same (rule 3).
    pub fn push(&mut self, message: Outbound, now: i64) {
        let queue = &mut self.queues[usize::from(message.lane == Lane::Bulk)];
        let same = |known: &Outbound| match (&known.target, &message.target) {
            (Target::Part(a), Target::Part(b)) => {
                (a.shipment, a.packet, a.part) == (b.shipment, b.packet, b.part)
            }
            (a, b) => a == b,
        };
        // Only repeated sendings can meet themselves in the queue; the first never looks.
        let again = matches!(message.target, Target::Part(part) if part.sending > 1);
        let twin = if again {
            queue.iter_mut().find(|known| same(known))
        } else {
            None
        };
        match twin {
            Some(known) => *known = message,
            None => queue.push_back(message),
        }
        self.flow(now);
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
                    self.close(port);
                    self.down(&format!("The gateway talks nonsense: {error}."), now);
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
                self.close(port);
                self.down("The gateway ended the session.", now);
            }
            Body::UnbindResp => self.close(port),
            // Without a number it means the oldest, and that the stream is in doubt (SMPP.md, row 17).
            Body::GenericNack if pdu.sequence == 0 => {
                if let Some(oldest) = self.oldest() {
                    self.answered(oldest, pdu.status.max(1), None, now);
                }
                let sequence = self.next_sequence();
                self.put(port, 0, sequence, Body::Unbind);
                self.close(port);
                let words = status::words(pdu.status);
                self.down(
                    &format!("The gateway could not read a message ({words}); binding anew."),
                    now,
                );
            }
            Body::GenericNack => self.answered(pdu.sequence, pdu.status.max(1), None, now),
            // Answers that nobody asked for are no reason to drop the link (CASES C72).
            Body::EnquireLinkResp | Body::OtherResp(_) | Body::DeliverResp { .. } => {}
            Body::Bind { .. } | Body::Submit(_) => {}
        }
    }

    fn bound(&mut self, port: usize, status: u32, now: i64) {
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
            self.down(&why, now);
            self.close(port);
            return;
        }
        if let Some(port) = self.ports.get_mut(port) {
            port.state = PortState::Bound;
        }
        self.rows.gateway.binds += 1;
        if self.ports.iter().all(|port| port.state == PortState::Bound) {
            self.failures = 0;
            self.up("Bound.", now);
        }
    }

    fn answered(&mut self, sequence: u32, status: u32, id: Option<String>, now: i64) {
        // An answer that came after its time-out: the message was given up as unknown already.
        let Some(Flying { message, at }) = self.flying.remove(&sequence) else {
            return;
        };
        self.rows.gateway.window.0 = u32::try_from(self.flying.len()).unwrap_or(u32::MAX);
        if status == 0 {
            self.rows.accepted(now - at, now);
            self.rows.network(&message.destination, now).sent += 1;
            self.creep();
            self.recover(now - at, now);
            self.refusals.remove(&message.target);
            if let Some(id) = &id {
                self.handed.add(id, &message, now);
            }
            self.events.push(Event::Accepted {
                target: message.target,
                gateway: self.config.name.clone(),
                message_id: id.clone(),
            });
            if let Some(id) = id {
                self.match_early(&id, now);
            }
            return;
        }
        let words = status::words(status);
        self.rows.gateway.refused += 1;
        self.count(&words);
        let class = match status::meaning(status).1 {
            status::Meaning::Throttled => Class::Throttled,
            status::Meaning::Temporary => Class::Temporary,
            status::Meaning::Destination => Class::Destination,
            status::Meaning::Ours => Class::Ours,
            status::Meaning::Ok | status::Meaning::Unknown => Class::Unknown,
        };
        let reason = match class {
            Class::Throttled => {
                let pace = self.throttled(now);
                format!("{words} – sending slower, {pace:.0}/s")
            }
            _ => words,
        };
        if class != Class::Throttled {
            self.rows.set(
                Health::Slow,
                &format!("The last message was refused: {reason}."),
                now,
            );
        }
        match (&message.target, class) {
            // Nobody else sends a text again.
            (Target::Notice { .. }, Class::Throttled) => self.queues[0].push_front(message),
            (Target::Notice { .. }, Class::Temporary) if self.again(&message.target) => {
                self.later.push((now + AGAIN, message));
            }
            _ => self.events.push(Event::Refused {
                target: message.target,
                gateway: self.config.name.clone(),
                status,
                class,
                reason,
            }),
        }
    }

    /// Whether a text that was refused for the moment gets another try.
    fn again(&mut self, target: &Target) -> bool {
        let refusals = self.refusals.entry(target.clone()).or_default();
        *refusals += 1;
        let more = *refusals < AGAIN_MOST;
        if !more {
            self.refusals.remove(target);
        }
        more
    }

    /// Too fast, or its queue is full: the whole link pauses and goes on at half the pace (SMPP.md, row 10).
    fn throttled(&mut self, now: i64) -> f64 {
        if now >= self.paused_until {
            let before = self
                .pace
                .unwrap_or_else(|| self.rows.gateway.rate.max(10.0));
            self.pace = Some((before / 2.0).max(SLOWEST));
        }
        self.paused_until = now + PAUSE;
        let pace = self.pace.unwrap_or(SLOWEST);
        self.rows.gateway.pace = self.pace;
        let reason = format!("Throttled – sending slower, {pace:.0}/s.");
        self.rows.set(Health::Slow, &reason, now);
        pace
    }

    /// After a throttle the pace creeps up again with every message taken, to what the configuration allows.
    fn creep(&mut self) {
        let Some(pace) = self.pace else {
            return;
        };
        // A twentieth of a message a second with every message: 5 % a second at any pace.
        let faster = pace + 0.05;
        self.pace = match self.config.rate_per_s {
            Some(most) => Some(faster.min(most)),
            None if faster > 10_000.0 => None,
            None => Some(faster),
        };
        self.rows.gateway.pace = self.pace;
    }

    /// A message was taken: what was wrong is over, unless the answer came slowly or a throttle was a moment ago.
    fn recover(&mut self, round_trip: i64, now: i64) {
        if self.pace.is_some() && now <= self.paused_until.saturating_add(5 * PAUSE) {
            return;
        }
        if round_trip > SLOW {
            let reason = format!("The gateway answers slowly: after {}.", seconds(round_trip));
            self.rows.set(Health::Slow, &reason, now);
        } else if self.rows.gateway.state == Health::Slow {
            self.up("Messages go out.", now);
        }
    }

    /// What waits is noticed: an answer of the gateway, or a receipt of a network.
    fn notice_silence(&mut self, now: i64) {
        let oldest = self.oldest().and_then(|oldest| self.flying.get(&oldest));
        if let Some(waited) = oldest.map(|flying| now - flying.at)
            && waited > SLOW
            && self.rows.gateway.state == Health::Up
        {
            let waited = seconds(waited);
            let reason = format!("The gateway answers slowly: a message has waited {waited}.");
            self.rows.set(Health::Slow, &reason, now);
        }
        for (network, waited) in self.handed.silent(&self.rows.networks, now) {
            self.rows.silent(&network, waited, now);
        }
    }

    /// Hands over what the window and the pace allow, interactive first (rule 6).
    fn flow(&mut self, now: i64) {
        if self
            .ports
            .first()
            .is_none_or(|port| port.state != PortState::Bound)
            || now < self.paused_until
        {
            self.show_queue();
            return;
        }
        let window = usize::try_from(self.config.window.max(1)).unwrap_or(usize::MAX);
        while self.flying.len() < window && self.queues.iter().any(|queue| !queue.is_empty()) {
            if let Some(pace) = self.pace {
                #[allow(clippy::cast_precision_loss)]
                let since = (now - self.refilled) as f64 / 1000.0;
                self.allowance = (self.allowance + since * pace).min(pace.max(1.0));
                self.refilled = now;
                if self.allowance < 1.0 {
                    break;
                }
                self.allowance -= 1.0;
            }
            let [interactive, bulk] = &mut self.queues;
            let Some(message) = interactive.pop_front().or_else(|| bulk.pop_front()) else {
                break;
            };
            let sequence = self.next_sequence();
            let submit = Body::Submit(self.submit(&message));
            self.put(0, 0, sequence, submit);
            self.flying.insert(sequence, Flying { message, at: now });
        }
        self.rows.gateway.window = (
            u32::try_from(self.flying.len()).unwrap_or(u32::MAX),
            self.config.window,
        );
        self.show_queue();
    }

    fn show_queue(&mut self) {
        let queued = self.queues.iter().map(VecDeque::len).sum::<usize>() + self.later.len();
        self.rows.gateway.queued = u32::try_from(queued).unwrap_or(u32::MAX);
    }

    fn submit(&self, message: &Outbound) -> Submit {
        let data_coding = match message.dcs {
            0xF6 => self.config.data_coding_ota,
            0xF5 => self.config.data_coding_card,
            other => other,
        };
        let (ton, address) = match message.destination.strip_prefix('+') {
            Some(digits) => (1, digits),
            None => (0, message.destination.as_str()),
        };
        Submit {
            source: (
                self.config.source_ton,
                self.config.source_npi,
                self.config.source.clone(),
            ),
            destination: (ton, 1, address.to_owned()),
            esm_class: if message.udhi { 0x40 } else { 0 },
            protocol_id: message.pid,
            validity: message.validity_s.map(relative).unwrap_or_default(),
            // A receipt for success and failure, and intermediate notices (§5.2.17).
            registered: 0x11,
            data_coding,
            message: message.user_data.clone(),
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
                self.rows.set(Health::Slow, reason, now);
                self.no_answer(flying.message);
            }
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
                    self.close(at);
                    self.down("The gateway does not answer enquire_link.", now);
                }
                (PortState::Binding, _) if now - port.heard > patience => {
                    self.close(at);
                    self.down("The gateway does not answer the bind.", now);
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
            if self
                .ports
                .get(port)
                .is_some_and(|p| p.state == PortState::Bound)
            {
                let sequence = self.next_sequence();
                self.put(port, 0, sequence, Body::Unbind);
            }
        }
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

    fn no_answer(&mut self, message: Outbound) {
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
            if !self.flying.contains_key(&self.sequence) {
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

/// A relative validity_period (§7.1.1): `YYMMDDhhmmss000R`.
fn relative(seconds: u32) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    format!(
        "0000{:02}{:02}{:02}{:02}000R",
        days.min(31),
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}
