//! A carrier, cards and handsets in software, with faults on demand. Depends on no Kith crate.
//!
//! [`start`] opens two ports: SMPP for the server, HTTP for people (`/`, the drawn phones) and programs (`/lab/v1`).
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod card;
pub mod faults;
pub mod handset;
pub mod http;
pub mod phones;
pub mod sample;
pub mod smsc;
pub mod telephone;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use smsc::phone::Phone;
use smsc::radio::Radio;
pub use smsc::{Account, Carrier};
pub use telephone::Telephone;

/// Where to listen: an address, or a port that is open already.
pub enum Listen {
    /// Bind this address; port 0 takes a free one.
    At(SocketAddr),
    /// Use this listener.
    On(TcpListener),
}

impl Listen {
    async fn open(self, what: &'static str) -> Result<TcpListener, LabError> {
        match self {
            Self::On(listener) => Ok(listener),
            Self::At(addr) => TcpListener::bind(addr)
                .await
                .map_err(|source| LabError::Port { what, addr, source }),
        }
    }
}

impl From<SocketAddr> for Listen {
    fn from(addr: SocketAddr) -> Self {
        Self::At(addr)
    }
}

impl From<TcpListener> for Listen {
    fn from(listener: TcpListener) -> Self {
        Self::On(listener)
    }
}

/// A card to put into a handset.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CardSpec {
    /// Which kind of card, by name (see `card`).
    pub kind: String,
    /// Its serial number, digits.
    pub iccid: String,
    /// Ciphering key, hex.
    pub kic: String,
    /// Integrity key, hex.
    pub kid: String,
}

/// A handset to put on the network, as `handsets.json` and `POST /lab/v1/handsets` give it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HandsetSpec {
    /// Its number, E.164 with `+`.
    pub msisdn: String,
    /// Whose it is, as the page says it.
    #[serde(default)]
    pub name: String,
    /// Its owner's language: `en` or `zh-Hans`.
    #[serde(default = "english")]
    pub language: String,
    /// Its card; none: a handset that only takes messages.
    #[serde(default)]
    pub card: Option<CardSpec>,
}

fn english() -> String {
    "en".into()
}

impl HandsetSpec {
    /// The number as SMPP carries it: digits only.
    #[must_use]
    pub fn digits(&self) -> String {
        self.msisdn.trim_start_matches('+').to_owned()
    }
}

/// What a lab is started with.
pub struct LabConfig {
    /// Where the carrier takes SMPP connections.
    pub smsc: Listen,
    /// Where the phones and `/lab/v1` are.
    pub http: Listen,
    /// Where cards and handsets are kept; none: in memory only. Its `handsets.json` adds handsets.
    pub data_dir: Option<PathBuf>,
    /// Who may bind.
    pub accounts: Vec<Account>,
    /// Which handsets there are.
    pub handsets: Vec<HandsetSpec>,
    /// The service telephone; can also be joined later.
    pub telephone: Option<Telephone>,
    /// Price of a part in millionths of `currency`.
    pub price_micros: Option<u64>,
    /// ISO 4217.
    pub currency: String,
    /// What the handsets ring and write to.
    pub service_number: String,
}

impl LabConfig {
    /// A carrier in memory, on free ports of this machine, where `kith` may bind with `secret8`.
    pub fn here(handsets: Vec<HandsetSpec>) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            smsc: any.into(),
            http: any.into(),
            data_dir: None,
            accounts: vec![Account {
                system_id: "kith".into(),
                password: "secret8".into(),
            }],
            handsets,
            telephone: None,
            price_micros: None,
            currency: "GBP".into(),
            service_number: "0800 123 456".into(),
        }
    }
}

/// Why a lab does not start.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A port is taken or forbidden.
    #[error(
        "the {what} port {addr} cannot be opened ({source}): give another port, or end what holds this one"
    )]
    Port {
        /// Which port.
        what: &'static str,
        /// Its address.
        addr: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// `handsets.json` cannot be read or written.
    #[error("{}: {reason}: correct the file, or remove it to start with the sample handsets", path.display())]
    Handsets {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A handset cannot be made as asked.
    #[error("handset {msisdn}: {reason}")]
    Handset {
        /// Its number.
        msisdn: String,
        /// What is wrong.
        reason: String,
    },
}

/// A running lab.
pub struct Lab {
    /// Where SMPP is taken.
    pub smsc_addr: SocketAddr,
    /// Where the page and `/lab/v1` are.
    pub http_addr: SocketAddr,
    state: Arc<http::Lab>,
    tasks: Vec<JoinHandle<()>>,
}

impl Lab {
    /// Joins the service telephone, once the server's address and token are known.
    pub fn join_telephone(&self, telephone: Telephone) {
        self.state.line.join(Some(telephone));
        self.state.carrier.tell("all", "");
    }

    /// The carrier, for tests in the same process.
    #[must_use]
    pub fn carrier(&self) -> &Arc<Carrier> {
        &self.state.carrier
    }

    /// Cuts every connection and frees the ports. What a card holds is on disk already.
    pub async fn shutdown(self) {
        self.state.carrier.cut_all();
        for task in self.tasks {
            task.abort();
            let _ = task.await;
        }
    }
}

/// Starts the carrier, its handsets and their page.
///
/// # Errors
/// A port that cannot be opened, `handsets.json` that cannot be read, a handset that cannot be made.
pub async fn start(config: LabConfig) -> Result<Lab, LabError> {
    let smsc = config.smsc.open("SMPP").await?;
    let http = config.http.open("phones").await?;
    let (smsc_addr, http_addr) = (address(&smsc)?, address(&http)?);
    let state = Arc::new(http::Lab {
        carrier: Carrier::new(config.accounts),
        line: telephone::Line::default(),
        calls: Default::default(),
        service_number: config.service_number,
        price_micros: config.price_micros,
        currency: config.currency,
        specs: Default::default(),
        data_dir: config.data_dir,
    });
    state.line.join(config.telephone);
    let mut specs = config.handsets;
    if let Some(dir) = &state.data_dir {
        for spec in sample::read(dir)? {
            specs.retain(|other| other.digits() != spec.digits());
            specs.push(spec);
        }
    }
    for spec in specs {
        add_handset(&state, spec)?;
    }
    let router = http::router(state.clone());
    let tasks = vec![
        tokio::spawn(state.carrier.clone().listen(smsc)),
        tokio::spawn(async move {
            if let Err(error) = axum::serve(http, router).await {
                tracing::error!(%error, "the phones' page has ended");
            }
        }),
    ];
    Ok(Lab {
        smsc_addr,
        http_addr,
        state,
        tasks,
    })
}

fn address(listener: &TcpListener) -> Result<SocketAddr, LabError> {
    let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
    listener.local_addr().map_err(|source| LabError::Port {
        what: "open",
        addr: unknown,
        source,
    })
}

/// Puts a handset on the network, and into `handsets.json` when there is a folder.
///
/// # Errors
/// A number that is none, a card that cannot be made, a file that cannot be written.
pub fn add_handset(lab: &Arc<http::Lab>, spec: HandsetSpec) -> Result<Arc<Radio>, LabError> {
    let wrong = |reason: String| LabError::Handset {
        msisdn: spec.msisdn.clone(),
        reason,
    };
    let digits = spec.digits();
    if digits.is_empty() || digits.len() > 15 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong(
            "a number has 1 to 15 digits, with + in front: give it as +447700900123".into(),
        ));
    }
    let dir: Option<&Path> = lab.data_dir.as_deref();
    let phone = Phone::open(&spec, dir).map_err(wrong)?;
    let place = {
        let mut specs = lab.specs();
        specs.push(spec);
        if let Some(dir) = dir {
            sample::write(dir, &specs)?;
        }
        specs.len()
    };
    let radio = Radio::start(&lab.carrier, place, &digits, phone);
    lab.carrier.add(radio.clone());
    Ok(radio)
}

/// Remembers which card is in a handset now, so that it is in it after the next start as well.
fn keep_card(
    lab: &http::Lab,
    digits: &str,
    iccid: String,
    kic: String,
    kid: String,
) -> Result<(), LabError> {
    let mut specs = lab.specs();
    let spec = specs.iter_mut().find(|spec| spec.digits() == digits);
    if let Some(card) = spec.and_then(|spec| spec.card.as_mut()) {
        (card.iccid, card.kic, card.kid) = (iccid, kic, kid);
    }
    match &lab.data_dir {
        Some(dir) => sample::write(dir, &specs),
        None => Ok(()),
    }
}
