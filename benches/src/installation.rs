//! An installation to measure: a store on disk that syncs every commit, owners with a phone each, coalescing off.

use crate::process;
use book::{Language, SubscriberId};
use control::{Control, NewSubscriber, NewTerminal, Settings};
use delivery::{Outbound, Policy, network::NetworkTable};
use std::path::Path;
use std::process::Command;
use store::{Servers, Store};
use terminals::ChannelKind;
use tokio::sync::mpsc::UnboundedSender;

/// Measures in a folder that is gone afterwards.
pub fn in_a_folder(measure: impl FnOnce(&Path) -> Result<(), String>) -> Result<(), String> {
    let folder = std::env::temp_dir().join(format!("kith-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|why| why.to_string())?;
    let done = measure(&folder);
    let _ = std::fs::remove_dir_all(&folder);
    done
}

/// Edits go at once.
pub fn settings() -> Settings {
    Settings {
        policy: Policy {
            quiet: 0,
            longest: 0,
            ..Policy::SERVE
        },
        ..Settings::default()
    }
}

/// Control over a new store.
pub fn open(
    folder: &Path,
    outbound: UnboundedSender<Outbound>,
    network: impl Fn() -> NetworkTable + Send + Sync + 'static,
) -> Result<Control, String> {
    with(settings(), folder, outbound, network)
}

/// The same with other settings.
pub fn with(
    settings: Settings,
    folder: &Path,
    outbound: UnboundedSender<Outbound>,
    network: impl Fn() -> NetworkTable + Send + Sync + 'static,
) -> Result<Control, String> {
    let key = vault::MasterKey::from_hex("bench", &"42".repeat(32));
    let key = key.map_err(|why| why.to_string())?;
    let store = match postgres() {
        Some(url) => Store::connect(&Servers::one(url)),
        None => Store::open(&folder.join("kith.db")),
    };
    let store = store.map_err(|why| why.to_string())?;
    Ok(Control::new(store, key, settings, outbound, network))
}

/// An empty database of PostgreSQL instead of a file: postgres://…
fn postgres() -> Option<String> {
    std::env::var("KITH_BENCH_STORE").ok()
}

/// Waits until what was filled in is on the disk, and PostgreSQL has looked through it: both happen within minutes by
/// themselves, and what is measured meanwhile is the disk.
pub fn rested() -> Result<(), String> {
    if let Some(url) = postgres() {
        run(Command::new("psql").args(["-q", &url, "-c", "VACUUM (ANALYZE)", "-c", "CHECKPOINT"]))?;
    }
    run(&mut Command::new("sync"))
}

/// Octets of the store on disk.
pub fn octets(folder: &Path) -> Result<u64, String> {
    let Some(url) = postgres() else {
        return Ok(process::octets_in(folder));
    };
    let size = "SELECT pg_database_size(current_database())";
    let told = Command::new("psql")
        .args(["-At", &url, "-c", size])
        .output();
    let told = told.map_err(|why| format!("psql cannot be started: {why}"))?;
    let told = String::from_utf8_lossy(&told.stdout);
    let octets = told.trim().parse();
    octets.map_err(|why| format!("psql said no size but {told:?}: {why}"))
}

fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{name} ended with {status}.")),
        Err(why) => Err(format!("{name} cannot be started: {why}")),
    }
}

/// An owner with a phone that takes business cards, and an empty book.
pub async fn owner(control: &Control, n: u32) -> Result<SubscriberId, String> {
    let new = NewSubscriber {
        msisdn: format!("+4477009{n:05}"),
        name: format!("Owner {n}"),
        language: Language::En,
        region: Some("GB".into()),
    };
    let owner = control.create_subscriber(new).await;
    let owner = owner.map_err(|why| why.to_string())?;
    let terminal = NewTerminal {
        subscriber: owner.id,
        channel: ChannelKind::SmsCard,
        msisdn: owner.msisdn,
        card_profile: None,
        iccid: None,
        keys: None,
        counter: None,
        in_use: false,
        terminal_profile: None,
    };
    let added = control.add_terminal(terminal).await;
    added.map_err(|why| why.to_string())?;
    Ok(owner.id)
}
