//! The radio between the carrier and one handset: messages wait while it is off and arrive in order.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::pdu::Outcome;
use super::phone::Phone;
use super::{Arriving, Carrier, lock};

enum Job {
    Deliver(Box<Arriving>),
    PowerChanged,
}

/// A handset on the network.
pub struct Radio {
    /// Its number, digits without `+`.
    pub msisdn: String,
    /// Its place in the row of handsets.
    pub place: usize,
    on: AtomicBool,
    phone: Arc<Mutex<Phone>>,
    jobs: UnboundedSender<Job>,
}

impl Radio {
    /// Switches a handset on and keeps its radio going as long as the carrier lives.
    pub fn start(carrier: &Arc<Carrier>, place: usize, msisdn: &str, phone: Phone) -> Arc<Self> {
        let (jobs, todo) = unbounded_channel();
        let msisdn = msisdn.trim_start_matches('+').to_owned();
        let phone = Arc::new(Mutex::new(phone));
        let radio = Arc::new(Self {
            msisdn,
            place,
            on: true.into(),
            phone,
            jobs,
        });
        tokio::spawn(run(carrier.clone(), radio.clone(), todo));
        radio
    }

    /// Whether it is switched on.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.on.load(SeqCst)
    }

    /// Switches it on or off; what waited arrives as soon as it is on.
    pub fn power(&self, on: bool) {
        self.on.store(on, SeqCst);
        let _ = self.jobs.send(Job::PowerChanged);
    }

    /// Gives it a message, now or when it is on again.
    pub fn deliver(&self, arriving: Arriving) {
        let _ = self.jobs.send(Job::Deliver(arriving.into()));
    }

    /// Does something with the handset and its card, off the async threads: a card writes to disk.
    ///
    /// # Errors
    /// When the work was ended from outside, as at shutdown.
    pub async fn with_phone<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Phone) -> T + Send + 'static,
    ) -> Result<T, tokio::task::JoinError> {
        let phone = self.phone.clone();
        tokio::task::spawn_blocking(move || act(&mut lock(&phone))).await
    }
}

async fn run(carrier: Arc<Carrier>, radio: Arc<Radio>, mut todo: UnboundedReceiver<Job>) {
    let mut held: VecDeque<Arriving> = VecDeque::new();
    loop {
        let first_expiry = held.iter().map(|arriving| arriving.expires).min();
        tokio::select! {
            job = todo.recv() => match job {
                None => return,
                Some(Job::Deliver(arriving)) if radio.is_on() => receive(&carrier, &radio, *arriving).await,
                Some(Job::Deliver(arriving)) => {
                    // The server learns that the phone is off; the carrier goes on trying until the message expires.
                    carrier.report(&arriving, Outcome::Absent);
                    held.push_back(*arriving);
                }
                Some(Job::PowerChanged) => {
                    while radio.is_on() && let Some(arriving) = held.pop_front() {
                        if arriving.expires <= Instant::now() {
                            carrier.report(&arriving, Outcome::Expired);
                        } else {
                            receive(&carrier, &radio, arriving).await;
                        }
                    }
                    if !radio.is_on() {
                        let _ = radio.with_phone(Phone::power_off).await;
                    }
                    carrier.tell("handset", &radio.msisdn);
                }
            },
            () = expiry(first_expiry) => {
                let now = Instant::now();
                for arriving in held.iter().filter(|arriving| arriving.expires <= now) {
                    carrier.report(arriving, Outcome::Expired);
                }
                held.retain(|arriving| arriving.expires > now);
            }
        }
    }
}

async fn expiry(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

async fn receive(carrier: &Arc<Carrier>, radio: &Radio, arriving: Arriving) {
    let faults = carrier.faults.get();
    let times = if carrier.faults.strikes(faults.duplicate) {
        2
    } else {
        1
    };
    let mut arrived = false;
    for _ in 0..times {
        let message = arriving.message.clone();
        let Ok(received) = radio.with_phone(move |phone| phone.receive(&message)).await else {
            return;
        };
        arrived |= received.taken;
        for mut answer in received.answers {
            answer.from = radio.msisdn.clone();
            answer.to = arriving.message.from.clone();
            if !carrier.faults.strikes(faults.lose_por) {
                carrier.from_handset(arriving.account, &answer);
            }
        }
    }
    carrier.report(
        &arriving,
        if arrived {
            Outcome::Delivered
        } else {
            Outcome::Refused
        },
    );
    carrier.tell("handset", &radio.msisdn);
}
