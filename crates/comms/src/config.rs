//! A gateway as it is configured (`[[gateway]]`): what a carrier's SMSC wants.

use crate::tls::TlsConfig;
use delivery::network::Price;
use delivery::pace::Limit;
use delivery::route::Route;
use serde::Deserialize;
use std::net::SocketAddr;

/// One carrier gateway.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayConfig {
    /// Its name in Kith.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    #[serde(default = "default_port")]
    pub port: u16,
    /// The name Kith binds with.
    pub system_id: String,
    /// Its password, at most 8 characters by the standard.
    #[serde(default)]
    pub password: String,
    /// A file that holds the password instead.
    #[serde(default)]
    pub password_file: Option<std::path::PathBuf>,
    /// system_type, empty unless the carrier says so.
    #[serde(default)]
    pub system_type: String,
    /// address_range: which numbers this session takes messages for.
    #[serde(default)]
    pub address_range: String,
    /// One transceiver, or a transmitter and a receiver.
    #[serde(default)]
    pub bind: Bind,
    /// The carrier grants one such link for the whole installation, however many nodes it has: one of them holds it.
    #[serde(default)]
    pub one_bind: bool,
    /// The address messages come from; a card's answers come back to it.
    #[serde(default)]
    pub source: String,
    /// TON of `source`: 0 unknown, 1 international, 5 alphanumeric.
    #[serde(default)]
    pub source_ton: u8,
    /// NPI of `source`.
    #[serde(default = "one")]
    pub source_npi: u8,
    /// data_coding for secured packets: F6, or 16 / 04 where the SMSC takes no other.
    #[serde(default = "default_ota")]
    pub data_coding_ota: u8,
    /// data_coding for business cards: F5 or 04.
    #[serde(default = "default_card")]
    pub data_coding_card: u8,
    /// The beginnings of the numbers that it takes (`+44`); empty = any number. The longest that fits wins.
    #[serde(default)]
    pub prefixes: Vec<String>,
    /// Its share among gateways that take the same number; 0 = only when no other can.
    #[serde(default = "one_share")]
    pub weight: u32,
    /// How much of its weight counts for bulk, of a hundred; 0 = no bulk by it.
    #[serde(default = "default_bulk_share")]
    pub bulk_share: u32,
    /// Most messages without answer.
    #[serde(default = "default_window")]
    pub window: u32,
    /// Most messages a second, if the carrier limits them.
    #[serde(default)]
    pub rate_per_s: Option<f64>,
    /// Seconds of silence before enquire_link.
    #[serde(default = "default_enquire")]
    pub enquire_seconds: u32,
    /// Seconds to wait for an answer.
    #[serde(default = "default_answer")]
    pub answer_seconds: u32,
    /// Texts that look like receipts are receipts although esm_class says nothing (SMPP.md, row 8): with an id that is ours,
    /// or a receipt from end to end.
    #[serde(default)]
    pub plain_receipts: bool,
    /// Where Kith listens for the SMSC's outbind; the session that brings messages is then opened by the SMSC.
    #[serde(default)]
    pub outbind: Option<SocketAddr>,
    /// Who the SMSC says it is there.
    #[serde(default)]
    pub outbind_system_id: String,
    /// And its password.
    #[serde(default)]
    pub outbind_password: String,
    /// A file that holds that password instead.
    #[serde(default)]
    pub outbind_password_file: Option<std::path::PathBuf>,
    /// TLS to it; plain when absent.
    #[serde(default)]
    pub tls: Option<TlsConfig>,
    /// Price of one part in millionths of `currency`, to show what a change costs.
    #[serde(default)]
    pub price_micros: Option<u64>,
    /// ISO 4217.
    #[serde(default)]
    pub currency: Option<String>,
}

impl GatewayConfig {
    /// What routing needs of it.
    pub fn route(&self) -> Route {
        Route {
            gateway: self.name.clone(),
            prefixes: self.prefixes.clone(),
            weight: self.weight,
            bulk_share: self.bulk_share,
        }
    }

    /// What cannot be meant, as a sentence.
    ///
    /// # Errors
    /// The sentence, which begins with the gateway's name.
    pub fn check(&self) -> Result<(), String> {
        let wrong = |why: &str| Err(format!("gateway “{}”: {why}", self.name));
        if self.name.trim().is_empty() {
            return Err("a gateway has no name: give it one.".into());
        }
        if self.host.is_empty() || self.port == 0 {
            return wrong("host and port are where the SMSC listens: give both.");
        }
        if let Some(prefix) = self
            .prefixes
            .iter()
            .find(|prefix| !is_prefix(prefix.as_str()))
        {
            return wrong(&format!(
                "“{prefix}” is no beginning of a number: write it as +44, or leave prefixes out for any number."
            ));
        }
        if self.bulk_share > 100 {
            return wrong("bulk_share is a part of a hundred: 0 to 100.");
        }
        if self.window == 0 {
            return wrong("window = 0 would send nothing: 1 to 10 is usual.");
        }
        if self
            .rate_per_s
            .is_some_and(|rate| !rate.is_finite() || rate < 0.1)
        {
            return wrong("rate_per_s must be 0.1 or more; leave it out for no limit.");
        }
        if self.answer_seconds == 0 {
            return wrong("answer_seconds = 0 gives no time to answer: 10 is usual.");
        }
        if self.price_micros.is_some() && self.currency.is_none() {
            return wrong("price_micros needs a currency, such as GBP.");
        }
        let word = !self.outbind_password.is_empty() || self.outbind_password_file.is_some();
        if self.outbind.is_some() && (self.outbind_system_id.is_empty() || !word) {
            return wrong(
                "outbind needs outbind_system_id and outbind_password: without them anybody could call.",
            );
        }
        if self.outbind.is_some() && self.tls.is_some() {
            return wrong(
                "outbind speaks no TLS, and nothing goes in the clear beside tls: give one of them.",
            );
        }
        if let Some(tls) = &self.tls
            && let Err(why) = tls.client(&self.host)
        {
            return wrong(&format!("tls: {why}"));
        }
        Ok(())
    }

    /// Who may call, and where.
    pub(crate) fn outbind(&self) -> Option<Outbind> {
        Some(Outbind {
            listen: self.outbind?,
            system_id: self.outbind_system_id.clone(),
            password: self.outbind_password.clone(),
        })
    }

    /// The session that the SMSC opens by its outbind: the one that brings messages.
    pub(crate) fn called(&self) -> Option<usize> {
        self.outbind.map(|_| match self.bind {
            Bind::Trx => 0,
            Bind::TxRx => 1,
        })
    }

    /// What one part costs: a price without a currency is none.
    pub fn price(&self) -> Option<Price> {
        Some(Price {
            micros: self.price_micros?,
            currency: self.currency.clone()?,
        })
    }
}

/// A destination network (`[[network]]`): the numbers that begin so, and what goes there.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// The beginnings of its numbers (`+44`); the longest that fits wins.
    pub prefixes: Vec<String>,
    /// Most messages a second to it, by all gateways of a node together.
    pub rate_per_s: f64,
}

impl NetworkConfig {
    /// What cannot be meant, as a sentence.
    ///
    /// # Errors
    /// The sentence.
    pub fn check(&self) -> Result<(), String> {
        let named = self.prefixes.join(", ");
        if self.prefixes.is_empty() {
            return Err("[[network]] has no prefixes: say which numbers it is for, as +44.".into());
        }
        if let Some(prefix) = self
            .prefixes
            .iter()
            .find(|prefix| !is_prefix(prefix.as_str()))
        {
            return Err(format!(
                "[[network]] “{prefix}” is no beginning of a number: write it as +44."
            ));
        }
        if !self.rate_per_s.is_finite() || self.rate_per_s < 0.1 {
            return Err(format!(
                "[[network]] {named}: rate_per_s must be 0.1 or more; leave the network out for no limit."
            ));
        }
        Ok(())
    }

    /// The same as delivery's own type.
    pub fn limit(&self) -> Limit {
        Limit {
            prefixes: self.prefixes.clone(),
            rate_per_s: self.rate_per_s,
        }
    }
}

/// Whether this is the beginning of a number in E.164.
fn is_prefix(prefix: &str) -> bool {
    let digits = prefix.strip_prefix('+').unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
}

/// What an outbind must say, and where.
#[derive(Debug, Clone)]
pub(crate) struct Outbind {
    pub(crate) listen: SocketAddr,
    pub(crate) system_id: String,
    pub(crate) password: String,
}

/// How many sessions make a link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bind {
    /// One transceiver.
    #[default]
    Trx,
    /// A transmitter and a receiver.
    TxRx,
}

fn default_port() -> u16 {
    2775
}
fn one() -> u8 {
    1
}
fn one_share() -> u32 {
    1
}
fn default_bulk_share() -> u32 {
    100
}
fn default_ota() -> u8 {
    0xF6
}
fn default_card() -> u8 {
    0xF5
}
fn default_window() -> u32 {
    10
}
fn default_enquire() -> u32 {
    30
}
fn default_answer() -> u32 {
    10
}
