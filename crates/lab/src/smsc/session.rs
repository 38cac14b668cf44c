//! One connection of an ESME (SMPP 3.4 §2): read what came, answer it in one write, number what goes out.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use rusmpp::{Command, CommandId, CommandStatus, Pdu};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::links::ToSession;
use super::pdu::{self, HEADER, Head};
use super::{Arriving, Carrier, lock, validity};

/// command_status values of SMPP 3.4 §5.1.3 that the carrier answers with.
mod status {
    pub const INVALID_LENGTH: u32 = 0x02;
    pub const INVALID_COMMAND: u32 = 0x03;
    pub const NOT_BOUND: u32 = 0x04;
    pub const ALREADY_BOUND: u32 = 0x05;
    pub const BAD_DESTINATION: u32 = 0x0B;
    pub const BIND_FAILED: u32 = 0x0D;
    pub const BAD_PASSWORD: u32 = 0x0E;
    pub const BAD_SYSTEM_ID: u32 = 0x0F;
    pub const QUERY_FAILED: u32 = 0x67;
    pub const BAD_VALIDITY: u32 = 0x62;
}

/// As many deliver_sm are on their way unacknowledged; the rest wait their turn.
const DELIVER_WINDOW: usize = 1000;
const RESPONSE: u32 = 0x8000_0000;

/// What a session is bound as.
#[derive(Clone, Copy)]
pub struct Bound {
    account: usize,
    transmits: bool,
    receives: bool,
}

struct Session {
    carrier: Arc<Carrier>,
    id: u64,
    bound: Option<Bound>,
    to_me: UnboundedSender<ToSession>,
    out: Vec<u8>,
    /// Answers that wait for `submit_delay_ms`, in order of their time.
    delayed: VecDeque<(Instant, Vec<u8>)>,
    sequence: u32,
    unacknowledged: BTreeMap<u32, Vec<u8>>,
    queue: VecDeque<Vec<u8>>,
    last: bool,
}

/// Serves one connection until it ends, from whichever side.
pub async fn serve(carrier: Arc<Carrier>, stream: TcpStream) {
    let (to_me, for_me) = unbounded_channel();
    let id = carrier.counts.next_session.fetch_add(1, Relaxed);
    carrier.counts.connections.fetch_add(1, Relaxed);
    carrier.sessions().insert(id, to_me.clone());
    let mut session = Session {
        carrier: carrier.clone(),
        id,
        bound: None,
        to_me,
        out: Vec::with_capacity(1 << 16),
        delayed: VecDeque::new(),
        sequence: 0,
        unacknowledged: BTreeMap::new(),
        queue: VecDeque::new(),
        last: false,
    };
    let mut for_me = for_me;
    let ended = session.run(stream, &mut for_me).await;
    tracing::debug!(session = id, ?ended, "connection ended");
    session.leave(&mut for_me);
    carrier.sessions().remove(&id);
    carrier.counts.connections.fetch_sub(1, Relaxed);
    carrier.tell("smsc", "");
}

impl Session {
    async fn run(
        &mut self,
        stream: TcpStream,
        for_me: &mut UnboundedReceiver<ToSession>,
    ) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let began = Instant::now();
        let (mut reader, mut writer) = stream.into_split();
        let mut input = Vec::with_capacity(1 << 16);
        let mut told = Vec::new();
        let mut written = 0;
        let mut fault_changes = self.carrier.fault_changes.subscribe();
        loop {
            let cut_at = self.carrier.faults.get().drop_connection_every_s;
            let cut_at = cut_at.map(|s| began + std::time::Duration::from_secs_f64(s));
            let wake = [self.delayed.front().map(|(at, _)| *at), cut_at]
                .into_iter()
                .flatten()
                .min();
            tokio::select! {
                read = reader.read_buf(&mut input) => {
                    if read? == 0 {
                        return Ok(());
                    }
                    self.take(&mut input);
                    input.reserve(1 << 15);
                }
                _ = for_me.recv_many(&mut told, 1024) => {
                    for what in told.drain(..) {
                        match what {
                            ToSession::Deliver(octets) => self.queue.push_back(octets),
                            ToSession::Cut => return Ok(()),
                        }
                    }
                    self.send_queue();
                }
                sent = writer.write(self.out.get(written..).unwrap_or_default()), if written < self.out.len() => {
                    written += sent?;
                    if written == self.out.len() {
                        self.out.clear();
                        written = 0;
                    }
                }
                () = wait_until(wake) => {}
                // Faults may have changed: look at them again, so that a cut that was just asked for comes.
                _ = fault_changes.changed() => {}
            }
            let now = Instant::now();
            while self.delayed.front().is_some_and(|(at, _)| *at <= now) {
                if let Some((_, octets)) = self.delayed.pop_front() {
                    self.out.extend_from_slice(&octets);
                }
            }
            if cut_at.is_some_and(|at| at <= now) {
                return Ok(());
            }
            if self.last {
                writer
                    .write_all(self.out.get(written..).unwrap_or_default())
                    .await?;
                return writer.shutdown().await;
            }
        }
    }

    /// Takes every whole PDU out of `input` and leaves the rest.
    fn take(&mut self, input: &mut Vec<u8>) {
        let mut at = 0;
        while let Some(head) = input.get(at..).and_then(pdu::head) {
            if head.length < HEADER || head.length > pdu::LONGEST {
                // Where the next PDU starts cannot be known any more (SMPP 3.4 §4.3).
                pdu::bare(
                    &mut self.out,
                    RESPONSE,
                    status::INVALID_LENGTH,
                    head.sequence,
                );
                self.last = true;
                break;
            }
            let Some(octets) = input.get(at..at + head.length) else {
                break;
            };
            self.handle(head, octets);
            at += head.length;
            if self.last {
                break;
            }
        }
        input.drain(..at);
    }

    fn handle(&mut self, head: Head, octets: &[u8]) {
        let id = CommandId::from(head.id);
        match id {
            // What needs no body is answered whatever the body looks like.
            CommandId::EnquireLink => pdu::encode(
                &mut self.out,
                CommandStatus::EsmeRok,
                head.sequence,
                Pdu::EnquireLinkResp,
            ),
            CommandId::Unbind => {
                self.carrier.counts.unbound.fetch_add(1, Relaxed);
                pdu::encode(
                    &mut self.out,
                    CommandStatus::EsmeRok,
                    head.sequence,
                    Pdu::UnbindResp,
                );
                self.last = true;
            }
            CommandId::DeliverSmResp => self.acknowledged(head),
            CommandId::GenericNack => self.acknowledged(head),
            CommandId::BindReceiver
            | CommandId::BindTransmitter
            | CommandId::BindTransceiver
            | CommandId::SubmitSm
            | CommandId::QuerySm => match pdu::decode(octets) {
                Some(command) => self.request(head, &command),
                None => pdu::bare(
                    &mut self.out,
                    head.id | RESPONSE,
                    status::INVALID_LENGTH,
                    head.sequence,
                ),
            },
            _ if head.id & RESPONSE != 0 => {
                tracing::debug!(command = head.id, "an answer to nothing we asked")
            }
            _ => pdu::bare(
                &mut self.out,
                RESPONSE,
                status::INVALID_COMMAND,
                head.sequence,
            ),
        }
    }

    fn request(&mut self, head: Head, command: &Command) {
        let refused = match command.pdu() {
            Some(Pdu::BindReceiver(b)) => self.bind(
                head,
                command.id(),
                b.system_id.as_str(),
                b.password.as_str(),
            ),
            Some(Pdu::BindTransmitter(b)) => self.bind(
                head,
                command.id(),
                b.system_id.as_str(),
                b.password.as_str(),
            ),
            Some(Pdu::BindTransceiver(b)) => self.bind(
                head,
                command.id(),
                b.system_id.as_str(),
                b.password.as_str(),
            ),
            Some(Pdu::SubmitSm(submit)) => return self.submit(head, submit),
            Some(Pdu::QuerySm(query)) => self.query(head, query.message_id.as_str()),
            _ => Some(status::INVALID_LENGTH),
        };
        if let Some(status) = refused {
            pdu::bare(&mut self.out, head.id | RESPONSE, status, head.sequence);
        }
    }

    fn bind(
        &mut self,
        head: Head,
        request: CommandId,
        system_id: &str,
        password: &str,
    ) -> Option<u32> {
        if self.bound.is_some() {
            return Some(status::ALREADY_BOUND);
        }
        if self.carrier.faults.get().refuse_bind {
            return Some(status::BIND_FAILED);
        }
        let Some(account) = self
            .carrier
            .accounts
            .iter()
            .position(|a| a.system_id == system_id)
        else {
            return Some(status::BAD_SYSTEM_ID);
        };
        if self
            .carrier
            .accounts
            .get(account)
            .is_none_or(|a| a.password != password)
        {
            return Some(status::BAD_PASSWORD);
        }
        let bound = Bound {
            account,
            transmits: request != CommandId::BindReceiver,
            receives: request != CommandId::BindTransmitter,
        };
        {
            let mut binds = lock(&self.carrier.binds);
            let twin = |other: &Bound| {
                let same = other.transmits && bound.transmits || other.receives && bound.receives;
                other.account == account && same
            };
            if self.carrier.faults.get().one_bind && binds.values().any(twin) {
                return Some(status::ALREADY_BOUND);
            }
            binds.insert(self.id, bound);
        }
        self.bound = Some(bound);
        self.carrier.counts.bound.fetch_add(1, Relaxed);
        pdu::bound(&mut self.out, request, head.sequence);
        if bound.receives
            && let Some(links) = self.carrier.links.get(account)
        {
            links.join(self.id, self.to_me.clone());
        }
        self.carrier.tell("smsc", "");
        None
    }

    fn submit(&mut self, head: Head, submit: &rusmpp::pdus::SubmitSm) {
        let faults = self.carrier.faults.get();
        self.carrier.counts.submitted.fetch_add(1, Relaxed);
        let answer = self.submit_answer(submit, &faults);
        let mut answer_octets = Vec::new();
        let delayed = faults.submit_delay_ms > 0.0;
        let out = if delayed {
            &mut answer_octets
        } else {
            &mut self.out
        };
        let status = match &answer {
            Ok(message_id) => {
                pdu::submitted(out, head.sequence, message_id);
                0
            }
            Err(status) => {
                pdu::bare(out, head.id | RESPONSE, *status, head.sequence);
                *status
            }
        };
        self.carrier.counts.answered(status);
        if delayed {
            self.delayed
                .push_back((Instant::now() + faults.submit_delay(), answer_octets));
        }
    }

    fn submit_answer(
        &self,
        submit: &rusmpp::pdus::SubmitSm,
        faults: &crate::faults::Faults,
    ) -> Result<String, u32> {
        let bound = self
            .bound
            .filter(|b| b.transmits)
            .ok_or(status::NOT_BOUND)?;
        if let Some(status) = self.carrier.faults.refusal(faults, Instant::now()) {
            return Err(status);
        }
        let valid_for = validity(submit.validity_period.as_str()).ok_or(status::BAD_VALIDITY)?;
        let message = pdu::message_of(submit);
        if message.to.is_empty() {
            return Err(status::BAD_DESTINATION);
        }
        let message_id = self.carrier.next_message_id();
        self.carrier.accept(Arriving {
            message,
            message_id: message_id.clone(),
            account: bound.account,
            wants_receipt: u8::from(submit.registered_delivery) & 0x03 != 0,
            expires: Instant::now() + valid_for,
        });
        Ok(message_id)
    }

    fn query(&mut self, head: Head, message_id: &str) -> Option<u32> {
        if self.bound.is_none() {
            return Some(status::NOT_BOUND);
        }
        let Some(outcome) = self.carrier.outcome_of(message_id) else {
            return Some(status::QUERY_FAILED);
        };
        // query_sm_resp (SMPP 3.4 §4.8.2): id, final_date (empty while under way), message_state, error_code.
        let (state, _, error) = outcome.told();
        let date = if outcome.is_final() {
            format!("{}00000+", self.carrier.minute())
        } else {
            String::new()
        };
        let length = HEADER + message_id.len() + 1 + date.len() + 1 + 2;
        for word in [length as u32, head.id | RESPONSE, 0, head.sequence] {
            self.out.extend_from_slice(&word.to_be_bytes());
        }
        for field in [message_id, &date] {
            self.out.extend_from_slice(field.as_bytes());
            self.out.push(0);
        }
        self.out.extend_from_slice(&[state.into(), error as u8]);
        None
    }

    /// A deliver_sm was answered. One that was refused for a passing reason is sent again, once the others went.
    fn acknowledged(&mut self, head: Head) {
        let Some(octets) = self.unacknowledged.remove(&head.sequence) else {
            return;
        };
        if matches!(head.status, 0x14 | 0x58 | 0x64) {
            let (to_me, later) = (self.to_me.clone(), std::time::Duration::from_secs(1));
            tokio::spawn(async move {
                tokio::time::sleep(later).await;
                let _ = to_me.send(ToSession::Deliver(octets));
            });
        }
        self.send_queue();
    }

    fn send_queue(&mut self) {
        while self.unacknowledged.len() < DELIVER_WINDOW {
            let Some(mut octets) = self.queue.pop_front() else {
                return;
            };
            self.sequence = self.sequence % 0x7FFF_FFFF + 1;
            pdu::number(&mut octets, self.sequence);
            self.out.extend_from_slice(&octets);
            self.unacknowledged.insert(self.sequence, octets);
        }
    }

    fn leave(&mut self, for_me: &mut UnboundedReceiver<ToSession>) {
        let Some(bound) = self.bound.take() else {
            return;
        };
        lock(&self.carrier.binds).remove(&self.id);
        self.carrier.counts.bound.fetch_sub(1, Relaxed);
        let Some(links) = self
            .carrier
            .links
            .get(bound.account)
            .filter(|_| bound.receives)
        else {
            return;
        };
        // No more can come in once the link has left, so what is in the channel then is all.
        links.leave(self.id, []);
        for_me.close();
        let mut left: Vec<Vec<u8>> = std::mem::take(&mut self.unacknowledged)
            .into_values()
            .collect();
        left.extend(self.queue.drain(..));
        while let Ok(what) = for_me.try_recv() {
            if let ToSession::Deliver(octets) = what {
                left.push(octets);
            }
        }
        links.leave(self.id, left);
    }
}

async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// Who is bound, by session.
pub type Binds = HashMap<u64, Bound>;
/// Sessions by number, so that they can be cut.
pub type Sessions = HashMap<u64, UnboundedSender<ToSession>>;
