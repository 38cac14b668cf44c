//! The carrier: a short message centre on a TCP port, and the radio between it and the handsets.
//!
//! A message goes: `session` (SMPP in) → [`Carrier::accept`] → `radio` of its handset → receipt and answers →
//! `links` → a session of the account (SMPP out). What is for no handset of ours ends in `accept` with a receipt.

pub mod crowd;
pub mod inbox;
pub mod links;
pub mod pdu;
pub mod phone;
pub mod radio;
mod session;
pub mod trail;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};

use crate::faults::{FaultBox, Faults};
use links::{Links, ToSession};
use pdu::{Message, Outcome};
use radio::Radio;
use trail::Trail;

/// Who may bind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    /// system_id of the bind, at most 15 characters.
    pub system_id: String,
    /// Its password, at most 8 characters.
    pub password: String,
}

/// A message that was taken, on its way to a handset.
#[derive(Clone, Debug)]
pub struct Arriving {
    /// The message.
    pub message: Message,
    /// The id that its submit_sm was answered with.
    pub message_id: String,
    /// Which account sent it, and so gets the receipt and the answers.
    pub account: usize,
    /// Whether a receipt was asked for.
    pub wants_receipt: bool,
    /// When the carrier stops trying.
    pub expires: Instant,
}

/// Something changed that the page shows: fetch it again.
#[derive(Clone, Debug, Serialize)]
pub struct Changed {
    /// `handset`, `trail`, `call`, `faults` or `smsc`.
    pub what: &'static str,
    /// The number of the handset concerned, or empty.
    pub msisdn: String,
}

/// What the carrier counts, for `GET /lab/v1/smsc`.
#[derive(Default)]
pub struct Counts {
    /// Binds that stand now.
    pub bound: AtomicI64,
    /// Unbinds seen.
    pub unbound: AtomicU64,
    /// Connections that stand now.
    pub connections: AtomicI64,
    /// submit_sm seen.
    pub submitted: AtomicU64,
    /// Receipts sent, intermediate notices included.
    pub receipts: AtomicU64,
    next_session: AtomicU64,
    accepted: AtomicU64,
    refused: Mutex<HashMap<u32, u64>>,
}

impl Counts {
    fn answered(&self, status: u32) {
        if status == 0 {
            self.accepted.fetch_add(1, Relaxed);
        } else {
            *lock(&self.refused).entry(status).or_default() += 1;
        }
    }

    /// Answers to submit_sm by status, such as `0x00000058`.
    pub fn responses_by_status(&self) -> std::collections::BTreeMap<String, u64> {
        let accepted = (0, self.accepted.load(Relaxed));
        let refused = lock(&self.refused);
        let all = refused
            .iter()
            .map(|(status, n)| (*status, *n))
            .chain([accepted]);
        all.filter(|(_, n)| *n > 0)
            .map(|(status, n)| (format!("0x{status:08x}"), n))
            .collect()
    }
}

/// Outcomes are remembered for so many messages, for query_sm.
const REMEMBERED: usize = 10_000;

#[derive(Default)]
struct Outcomes {
    by_id: HashMap<String, Outcome>,
    order: VecDeque<String>,
}

/// The carrier and everything that it knows.
pub struct Carrier {
    /// What goes wrong on demand.
    pub faults: FaultBox,
    /// What it has counted.
    pub counts: Counts,
    /// The message log of the handsets.
    pub trail: Trail,
    crowd: OnceLock<crowd::Crowd>,
    accounts: Vec<Account>,
    links: Vec<Links>,
    radios: RwLock<HashMap<String, Arc<Radio>>>,
    sessions: Mutex<session::Sessions>,
    binds: Mutex<session::Binds>,
    outcomes: Mutex<Outcomes>,
    fault_changes: watch::Sender<()>,
    changes: broadcast::Sender<Changed>,
    next_message: AtomicU64,
    minute: RwLock<(u64, Arc<str>)>,
}

impl Carrier {
    /// A carrier with these accounts and no handset yet.
    #[must_use]
    pub fn new(accounts: Vec<Account>) -> Arc<Self> {
        Arc::new(Self {
            faults: FaultBox::default(),
            counts: Counts::default(),
            trail: Trail::default(),
            crowd: OnceLock::new(),
            links: accounts.iter().map(|_| Links::default()).collect(),
            accounts,
            radios: RwLock::default(),
            sessions: Mutex::default(),
            binds: Mutex::default(),
            outcomes: Mutex::default(),
            fault_changes: watch::Sender::default(),
            changes: broadcast::Sender::new(256),
            // Ids of two runs must differ: a server that outlived a carrier would match old receipts.
            next_message: AtomicU64::new(unix_seconds() << 20),
            minute: RwLock::new((0, Arc::from(""))),
        })
    }

    /// Takes connections until the task is ended.
    pub async fn listen(self: Arc<Self>, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(tokio::spawn(session::serve(self.clone(), stream))),
                Err(error) => {
                    tracing::warn!(%error, "the carrier could not take a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    /// Puts other faults in force. A refused bind also cuts off what is bound, so that the refusal is seen.
    pub fn set_faults(&self, faults: Faults) {
        let refuse_bind = faults.refuse_bind;
        self.faults.set(faults);
        self.fault_changes.send_replace(());
        if refuse_bind {
            self.cut_all();
        }
        self.tell("faults", "");
    }

    /// Cuts every connection.
    pub fn cut_all(&self) {
        for session in self.sessions().values() {
            let _ = session.send(ToSession::Cut);
        }
    }

    /// What changes from now on.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Changed> {
        self.changes.subscribe()
    }

    /// Says that something changed that the page shows.
    pub fn tell(&self, what: &'static str, msisdn: &str) {
        let _ = self.changes.send(Changed {
            what,
            msisdn: msisdn.into(),
        });
    }

    /// Puts a handset on the network.
    pub fn add(&self, radio: Arc<Radio>) {
        let mut radios = self.radios.write().unwrap_or_else(PoisonError::into_inner);
        radios.insert(radio.msisdn.clone(), radio);
    }

    /// Puts a crowd on the network, once.
    pub fn add_crowd(&self, crowd: crowd::Crowd) {
        let _ = self.crowd.set(crowd);
    }

    /// The crowd, if there is one.
    #[must_use]
    pub fn crowd(&self) -> Option<&crowd::Crowd> {
        self.crowd.get()
    }

    /// The handset of a number, with or without `+`.
    #[must_use]
    pub fn radio(&self, number: &str) -> Option<Arc<Radio>> {
        let radios = self.radios.read().unwrap_or_else(PoisonError::into_inner);
        radios.get(number.trim_start_matches('+')).cloned()
    }

    /// All handsets, ordered by number.
    #[must_use]
    pub fn radios(&self) -> Vec<Arc<Radio>> {
        let radios = self.radios.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = radios.values().cloned().collect();
        all.sort_by_key(|radio| radio.place);
        all
    }

    /// Takes a message for delivery. One for no handset of ours is answered with a receipt that says so.
    fn accept(self: &Arc<Self>, arriving: Arriving) {
        let faults = self.faults.get();
        let radio = self.radio(&arriving.message.to);
        if let Some(radio) = &radio {
            self.trail.sent(&radio.msisdn, &arriving);
            self.tell("trail", &radio.msisdn);
        }
        if self.faults.strikes(faults.lose_message) {
            self.trail.lost(&arriving.message_id);
            return;
        }
        match radio {
            None if self
                .crowd()
                .is_some_and(|crowd| crowd.take(self, &arriving)) => {}
            None => self.report(&arriving, Outcome::Unknown),
            Some(radio) if self.faults.strikes(faults.reorder) => {
                self.later(OVERTAKEN, move |_| radio.deliver(arriving))
            }
            Some(radio) => radio.deliver(arriving),
        }
    }

    /// Tells the sender what became of its message, if it asked.
    pub fn report(self: &Arc<Self>, arriving: &Arriving, outcome: Outcome) {
        if outcome != Outcome::Unknown {
            self.remember(&arriving.message_id, outcome);
            self.trail.became(&arriving.message_id, outcome);
            self.tell("trail", &arriving.message.to);
        }
        self.receipt(arriving, outcome);
    }

    /// The receipt alone.
    fn receipt(self: &Arc<Self>, arriving: &Arriving, outcome: Outcome) {
        let faults = self.faults.get();
        if !arriving.wants_receipt || self.faults.strikes(faults.lose_receipt) {
            return;
        }
        self.counts.receipts.fetch_add(1, Relaxed);
        let octets = pdu::receipt(
            &arriving.message,
            &arriving.message_id,
            outcome,
            &self.minute(),
        );
        // A receipt never overtakes the answer to its submit, unless it is asked to by “reorder”.
        let mut delay = faults.receipt_delay() + faults.submit_delay();
        if self.faults.strikes(faults.reorder) {
            delay = if delay.is_zero() {
                OVERTAKEN
            } else {
                Duration::ZERO
            };
        }
        if self.faults.strikes(faults.duplicate) {
            self.send(arriving.account, octets.clone(), delay);
        }
        self.send(arriving.account, octets, delay);
    }

    /// Carries a message from a handset to the account's receiver.
    pub fn from_handset(self: &Arc<Self>, account: usize, message: &Message) {
        self.trail.received(&message.from, message);
        self.tell("trail", &message.from);
        self.answer(account, message);
    }

    fn answer(self: &Arc<Self>, account: usize, message: &Message) {
        self.send(account, pdu::from_handset(message), Duration::ZERO);
    }

    /// The account that gets what a handset sends by itself: the first that is bound, else the first.
    #[must_use]
    pub fn default_account(&self) -> usize {
        self.links.iter().position(Links::is_bound).unwrap_or(0)
    }

    fn send(self: &Arc<Self>, account: usize, octets: Vec<u8>, delay: Duration) {
        let hand_over = move |carrier: &Self| {
            if let Some(links) = carrier.links.get(account) {
                links.deliver(octets);
            }
        };
        if delay.is_zero() {
            hand_over(self)
        } else {
            self.later(delay, hand_over)
        }
    }

    fn later(self: &Arc<Self>, delay: Duration, act: impl FnOnce(&Self) + Send + 'static) {
        let carrier = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            act(&carrier);
        });
    }

    fn sessions(&self) -> MutexGuard<'_, session::Sessions> {
        lock(&self.sessions)
    }

    fn next_message_id(&self) -> String {
        format!("{:010X}", self.next_message.fetch_add(1, Relaxed))
    }

    fn remember(&self, message_id: &str, outcome: Outcome) {
        let mut outcomes = lock(&self.outcomes);
        if outcomes.by_id.insert(message_id.into(), outcome).is_none() {
            outcomes.order.push_back(message_id.into());
        }
        if outcomes.order.len() > REMEMBERED
            && let Some(oldest) = outcomes.order.pop_front()
        {
            outcomes.by_id.remove(&oldest);
        }
    }

    fn outcome_of(&self, message_id: &str) -> Option<Outcome> {
        lock(&self.outcomes).by_id.get(message_id).copied()
    }

    /// The minute in a receipt's form, YYMMDDhhmm in UTC; made once a minute.
    fn minute(&self) -> Arc<str> {
        let now = unix_seconds() / 60;
        {
            let kept = self.minute.read().unwrap_or_else(PoisonError::into_inner);
            if kept.0 == now {
                return kept.1.clone();
            }
        }
        let made: Arc<str> = jiff::Timestamp::now()
            .strftime("%y%m%d%H%M")
            .to_string()
            .into();
        *self.minute.write().unwrap_or_else(PoisonError::into_inner) = (now, made.clone());
        made
    }
}

/// A message that “reorder” strikes waits so long, and so comes behind the ones after it.
const OVERTAKEN: Duration = Duration::from_millis(400);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unix_seconds() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| d.as_secs())
}

/// The instant now as programs read it: RFC 3339 in UTC, milliseconds.
#[must_use]
pub fn now_text() -> String {
    let now = jiff::Timestamp::now();
    now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// How long a validity_period lasts from now (SMPP 3.4 §7.1.1); empty: three days. `None` when it cannot be read.
fn validity(text: &str) -> Option<Duration> {
    const DEFAULT: Duration = Duration::from_secs(3 * 86_400);
    if text.is_empty() {
        return Some(DEFAULT);
    }
    let two = |at: usize| text.get(at..at + 2)?.parse::<u64>().ok();
    let fields = [two(0)?, two(2)?, two(4)?, two(6)?, two(8)?, two(10)?];
    let [years, months, days, hours, minutes, seconds] = fields;
    match text.get(15..16)? {
        "R" => {
            let days = years * 365 + months * 30 + days;
            Some(Duration::from_secs(
                ((days * 24 + hours) * 60 + minutes) * 60 + seconds,
            ))
        }
        sign @ ("+" | "-") => {
            let date = jiff::civil::DateTime::new(
                2000 + i16::try_from(years).ok()?,
                i8::try_from(months).ok()?,
                i8::try_from(days).ok()?,
                i8::try_from(hours).ok()?,
                i8::try_from(minutes).ok()?,
                i8::try_from(seconds).ok()?,
                0,
            );
            let local = jiff::tz::Offset::UTC
                .to_timestamp(date.ok()?)
                .ok()?
                .as_second();
            let quarters = i64::try_from(two(13)?).ok()? * 900;
            let ends = if sign == "+" {
                local - quarters
            } else {
                local + quarters
            };
            Some(Duration::from_secs(
                u64::try_from(ends).ok()?.saturating_sub(unix_seconds()),
            ))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validity_periods() {
        for (text, seconds) in [
            ("", Some(259_200)),
            ("000000000500000R", Some(300)),
            ("000001000000000R", Some(86_400)),
            ("200101000000000+", Some(0)),
            ("tomorrow", None),
            ("000000000500000X", None),
        ] {
            assert_eq!(validity(text).map(|d| d.as_secs()), seconds, "{text}");
        }
    }
}
