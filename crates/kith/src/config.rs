//! `kith.toml`: every key with its default, overlaid by environment variables and secret files.
//!
//! `KITH_STORE_PATH=…` sets `path` of `[store]`; `KITH_GATEWAY_0_PASSWORD_FILE=…` the first gateway's password from a
//! file; `KITH_STORE_SERVER_0_URL=…` `url` of the first `[[store.server]]`. A wrong key is named with its line.

mod retention;

pub use retention::RetentionConfig;

use delivery::Slices;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use store::Servers;
use terminals::{CardProfile, TerminalProfile};
use vault::MasterKey;

/// The whole configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where everything is kept.
    pub store: StoreConfig,
    /// Where Kith listens.
    pub listen: ListenConfig,
    /// What people read.
    pub brand: BrandConfig,
    /// What agents may do.
    pub desk: DeskConfig,
    /// Profiles beside the built-in ones.
    pub profiles: ProfilesConfig,
    /// How long delivery waits for what.
    pub delivery: DeliveryConfig,
    /// How long what is over is kept.
    pub retention: RetentionConfig,
    /// The carriers' gateways.
    pub gateway: Vec<comms::GatewayConfig>,
    /// Rates of destination networks.
    pub network: Vec<comms::NetworkConfig>,
}

/// `[store]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// The data folder: database, master key, command line's socket.
    pub path: PathBuf,
    /// PostgreSQL instead of the file `kith.db`: `postgres://kith@db.example/kith`. Every node has the same.
    pub url: Option<String>,
    /// Further PostgreSQL servers, each with some of the slices.
    pub server: Vec<ServerConfig>,
    /// The master key in hex; else the file `master.key` in the data folder, made at the first start.
    pub master_key: Option<String>,
    /// The same from a file.
    pub master_key_file: Option<PathBuf>,
}

/// `[[store.server]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// Where it is.
    pub url: String,
    /// Its slices, of 0 to 255: `128-255`, `3,7-9`.
    pub slices: String,
}

/// `[listen]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListenConfig {
    /// The portal.
    pub public: SocketAddr,
    /// Desk, console, API and metrics: for the LAN only.
    pub lan: SocketAddr,
    /// Where other nodes say that something is due; a free port beside `lan` when absent.
    pub nodes: Option<SocketAddr>,
    /// The address by which other nodes reach this one; found by itself when absent.
    pub advertise: Option<IpAddr>,
    /// A file with the certificate and those that sign it, PEM: both listeners speak TLS then.
    pub certificate: Option<PathBuf>,
    /// The file with its key, PEM.
    pub certificate_key: Option<PathBuf>,
    /// A proxy in front does TLS: listening beyond loopback without certificates is allowed.
    pub behind_proxy: bool,
}

/// `[brand]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BrandConfig {
    /// What texts and pages call the service.
    pub name: String,
    /// The same in Chinese.
    pub name_zh: String,
    /// The number that owners call.
    pub service_number: String,
}

/// `[profiles]`: files like those under `profiles/`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProfilesConfig {
    /// How cards are written.
    pub cards: Vec<PathBuf>,
    /// What terminals can hold.
    pub terminals: Vec<PathBuf>,
}

/// `[desk]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeskConfig {
    /// When an agent may type a code that the caller says aloud.
    pub spoken_codes: SpokenCodes,
}

/// `spoken_codes`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpokenCodes {
    /// Digits are always keyed.
    Never,
    /// Only in calls that no telephone system brought.
    #[default]
    WithoutTelephone,
    /// In every call.
    Always,
}

impl From<SpokenCodes> for control::Spoken {
    fn from(spoken: SpokenCodes) -> Self {
        match spoken {
            SpokenCodes::Never => Self::Never,
            SpokenCodes::WithoutTelephone => Self::WithoutTelephone,
            SpokenCodes::Always => Self::Always,
        }
    }
}

/// `[delivery]`, in seconds.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeliveryConfig {
    /// Quiet time after the last edit before it is sent.
    pub quiet_seconds: u32,
    /// The first wait for a proof; doubled each time.
    pub proof_seconds: u32,
    /// The longest wait for a proof.
    pub proof_seconds_most: u32,
    /// How long the network may keep trying.
    pub validity_seconds: u32,
    /// Terminals of campaigns that are planned in a second at most; as many as the gateways take when absent.
    pub bulk_per_second: Option<u32>,
    /// No more of them are planned while so many messages wait in the gateways.
    pub bulk_waiting: u32,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            path: "kith-data".into(),
            url: None,
            server: Vec::new(),
            master_key: None,
            master_key_file: None,
        }
    }
}

impl Default for ListenConfig {
    fn default() -> Self {
        Self {
            public: SocketAddr::from(([127, 0, 0, 1], 8080)),
            lan: SocketAddr::from(([127, 0, 0, 1], 8081)),
            nodes: None,
            advertise: None,
            certificate: None,
            certificate_key: None,
            behind_proxy: false,
        }
    }
}

impl ListenConfig {
    /// Browsers come by https.
    pub fn secure(&self) -> bool {
        self.behind_proxy || self.certificate.is_some()
    }
}

impl Default for BrandConfig {
    fn default() -> Self {
        Self {
            name: "Kith".into(),
            name_zh: "亲友簿".into(),
            service_number: "0800 123 456".into(),
        }
    }
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self {
            quiet_seconds: 8,
            proof_seconds: 600,
            proof_seconds_most: 6 * 3600,
            validity_seconds: 86_400,
            bulk_per_second: None,
            bulk_waiting: 500,
        }
    }
}

impl Config {
    /// What control needs to know.
    ///
    /// # Errors
    /// A sentence about a profile file that cannot be used.
    pub fn settings(&self) -> Result<control::Settings, String> {
        let cards = profiles(&self.profiles.cards, |text| {
            let card = CardProfile::parse(text).map_err(|error| error.to_string())?;
            Ok((card.name.clone(), card))
        })?;
        let phones = profiles(&self.profiles.terminals, |text| {
            let phone = TerminalProfile::parse(text).map_err(|error| error.to_string())?;
            Ok((phone.name.clone(), phone))
        })?;
        Ok(control::Settings {
            policy: self.delivery.policy(),
            brand: self.brand.name.clone(),
            brand_zh: self.brand.name_zh.clone(),
            service_number: self.brand.service_number.clone(),
            spoken: self.desk.spoken_codes.into(),
            cards,
            phones,
            bulk_per_s: self.delivery.bulk_per_second,
            bulk_waiting: self.delivery.bulk_waiting,
            retention: self.retention.control(),
            ..control::Settings::default()
        })
    }
}

/// `3,7-9`.
fn slices(text: &str) -> Option<Slices> {
    let mut slices = Slices::NONE;
    for part in text.split(',').map(str::trim) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u8, u8) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if first > last {
            return None;
        }
        (first..=last).for_each(|slice| slices.insert(slice));
    }
    Some(slices)
}

/// The profiles of a list of files, by name.
fn profiles<T>(
    files: &[PathBuf],
    read: impl Fn(&str) -> Result<(String, T), String>,
) -> Result<BTreeMap<String, T>, String> {
    let mut all = BTreeMap::new();
    for file in files {
        let said = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let text = std::fs::read_to_string(file).map_err(|error| said(&error))?;
        let (name, profile) = read(&text).map_err(|error| said(&error))?;
        all.insert(name, profile);
    }
    Ok(all)
}

impl StoreConfig {
    /// The PostgreSQL servers and their slices; none for the file in the data folder.
    ///
    /// # Errors
    /// A sentence about slices that cannot be read, or servers without a first one.
    pub fn servers(&self) -> Result<Option<Servers>, String> {
        let Some(home) = &self.url else {
            return match self.server[..] {
                [] => Ok(None),
                _ => Err("[[store.server]] needs url of [store] beside it: what belongs to no slice lies there.".into()),
            };
        };
        let others = self.server.iter().map(|server| {
            let slices = slices(&server.slices).ok_or_else(|| {
                format!(
                    "[[store.server]] slices = “{}”: give numbers and ranges of 0 to 255, like 3,128-255.",
                    server.slices
                )
            })?;
            Ok((server.url.clone(), slices))
        });
        let others = others.collect::<Result<_, String>>()?;
        let home = home.clone();
        Ok(Some(Servers { home, others }))
    }

    /// The key that seals what is secret: from the configuration, its file, or the data folder's own.
    ///
    /// # Errors
    /// A sentence.
    pub fn master_key(&self) -> Result<MasterKey, String> {
        let path = match (&self.master_key, &self.master_key_file) {
            (Some(digits), _) => {
                return MasterKey::from_hex("[store] master_key", digits)
                    .map_err(|error| error.to_string());
            }
            (None, Some(path)) => path.clone(),
            (None, None) => {
                std::fs::create_dir_all(&self.path)
                    .map_err(|error| format!("{} cannot be made: {error}.", self.path.display()))?;
                self.path.join("master.key")
            }
        };
        MasterKey::from_file(&path).map_err(|error| error.to_string())
    }
}

impl DeliveryConfig {
    /// The same as delivery's own type.
    pub fn policy(&self) -> delivery::Policy {
        let ms = |seconds: u32| i64::from(seconds) * 1000;
        delivery::Policy {
            quiet: ms(self.quiet_seconds),
            proof_wait: ms(self.proof_seconds),
            proof_wait_most: ms(self.proof_seconds_most),
            validity_s: self.validity_seconds,
            ..delivery::Policy::SERVE
        }
    }
}

/// Reads `path`, lays the environment over it, and checks what belongs together.
///
/// # Errors
/// A sentence with file and line: what is wrong and what to do.
pub fn read(path: &Path, environment: &[(String, String)]) -> Result<Config, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{} cannot be read: {error}.", path.display()))?;
    let mut config = parse(&path.display().to_string(), &text, environment)?;
    for gateway in &mut config.gateway {
        if let Some(file) = &gateway.password_file {
            gateway.password = secret("password_file", file)?;
        }
        if let Some(file) = &gateway.outbind_password_file {
            gateway.outbind_password = secret("outbind_password_file", file)?;
        }
    }
    Ok(config)
}

/// A password that stands in a file.
fn secret(key: &str, file: &Path) -> Result<String, String> {
    let secret = std::fs::read_to_string(file)
        .map_err(|error| format!("{}: {key} cannot be read: {error}.", file.display()))?;
    Ok(secret.trim_end_matches(['\r', '\n']).to_owned())
}

fn parse(name: &str, text: &str, environment: &[(String, String)]) -> Result<Config, String> {
    // First as it stands, so that a mistake in the file is named with its line.
    let plain: Config = toml::from_str(text)
        .map_err(|error| format!("{name}: {}", error.to_string().trim_end()))?;
    let ours: Vec<_> = environment
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix("KITH_")?, value)))
        .filter(|(key, _)| {
            !matches!(*key, "LOG" | "CONFIG" | "KILL_AT") && !key.starts_with("LAB_")
        })
        .collect();
    let config = if ours.is_empty() {
        plain
    } else {
        let mut table: toml::Table =
            toml::from_str(text).map_err(|error| format!("{name}: {error}"))?;
        let mut config = plain;
        for (key, value) in ours {
            // A password of digits is a text, a port is a number: what the setting wants decides.
            let text = toml::Value::String(value.clone());
            let parsed = value.parse::<toml::Value>().ok();
            let mut fits = None;
            for value in [Some(text), parsed].into_iter().flatten() {
                let mut tried = table.clone();
                set(&mut tried, key, value)?;
                if let Ok(config) = tried.clone().try_into::<Config>() {
                    fits = Some((config, tried));
                    break;
                }
            }
            // The value is not said: it may be a secret.
            (config, table) = fits.ok_or_else(|| {
                format!("KITH_{key} names no setting, or has a value that it cannot have.")
            })?;
        }
        config
    };
    check(name, &config)?;
    Ok(config)
}

/// Sets `SECTION_KEY`, or in an array of tables `GATEWAY_<n>_KEY` and `STORE_SERVER_<n>_KEY`.
fn set(table: &mut toml::Table, key: &str, value: toml::Value) -> Result<(), String> {
    let wrong = || {
        format!(
            "KITH_{key} names no setting: it is KITH_SECTION_KEY, or KITH_GATEWAY_0_KEY for the first gateway."
        )
    };
    let key = key.to_ascii_lowercase();
    let parts: Vec<_> = key.split('_').collect();
    let number = |part: &&str| part.parse::<usize>().is_ok();
    match parts.iter().position(number).map(|at| parts.split_at(at)) {
        Some(([first, inner @ ..], [number, field @ ..])) if !field.is_empty() => {
            let mut list = table.get_mut(*first);
            for name in inner {
                list = list.and_then(|table| table.get_mut(*name));
            }
            let one = number
                .parse::<usize>()
                .ok()
                .and_then(|number| list?.get_mut(number)?.as_table_mut());
            let names = parts[..=inner.len()].join(".");
            let one = one.ok_or_else(|| {
                format!(
                    "KITH_{}: there is no [[{names}]] number {number} (from 0) in the file.",
                    key.to_ascii_uppercase()
                )
            })?;
            one.insert(field.join("_"), value);
        }
        _ => {
            let (section, rest) = key.split_once('_').ok_or_else(wrong)?;
            let entry = table
                .entry(section.to_owned())
                .or_insert_with(|| toml::Value::Table(toml::Table::new()));
            let section = entry.as_table_mut().ok_or_else(wrong)?;
            section.insert(rest.to_owned(), value);
        }
    }
    Ok(())
}

fn check(name: &str, config: &Config) -> Result<(), String> {
    for (key, addr) in [("public", config.listen.public), ("lan", config.listen.lan)] {
        if !addr.ip().is_loopback() && !config.listen.secure() {
            return Err(format!(
                "{name}: [listen] {key} = {addr} is beyond this machine and has no TLS: give certificate and certificate_key, or put a proxy in front and set behind_proxy = true, or listen on 127.0.0.1."
            ));
        }
    }
    if config
        .listen
        .advertise
        .is_some_and(|ip| ip.is_unspecified())
    {
        return Err(format!(
            "{name}: [listen] advertise is an address on which to listen, not one by which others reach this node: give its address on the LAN."
        ));
    }
    let servers = config.store.servers();
    let servers = servers.map_err(|sentence| format!("{name}: {sentence}"))?;
    if let Some(servers) = servers {
        servers
            .check()
            .map_err(|sentence| format!("{name}: [store] and [[store.server]]: {sentence}"))?;
    }
    let retention = config.retention.check(config.delivery.validity_seconds);
    retention.map_err(|why| format!("{name}: {why}"))?;
    if config.listen.certificate.is_some() != config.listen.certificate_key.is_some() {
        return Err(format!(
            "{name}: [listen] certificate and certificate_key go together: give both, or neither."
        ));
    }
    for gateway in &config.gateway {
        gateway.check().map_err(|why| format!("{name}: {why}"))?;
    }
    for network in &config.network {
        network.check().map_err(|why| format!("{name}: {why}"))?;
    }
    if !config.gateway.is_empty() && config.gateway.iter().all(|g| g.bulk_share == 0) {
        return Err(format!(
            "{name}: bulk_share = 0 at every gateway: campaigns would never go out; let one of them take some."
        ));
    }
    let mut names: Vec<_> = config.gateway.iter().map(|g| g.name.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!(
            "{name}: two gateways are called “{}”: give each its own name.",
            twice[0]
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
