//! The command line of an installation: it asks the running server over the socket in the data folder, or, when no
//! server runs, works on the store itself.

pub mod account;
pub mod audit;
pub mod backup;
pub mod book;
mod door;
pub mod subscriber;
pub mod terminal;
pub mod token;

pub use account::What as Account;
pub use audit::Audit;
pub use backup::{Backup, Restore, StoreCommand};
pub use book::What as Book;
pub use subscriber::What as Subscriber;
pub use terminal::What as Terminal;
pub use token::What as Token;

use clap::{Args, Subcommand};
use door::Door;
use serde_json::Value;
use std::path::PathBuf;
use std::process::ExitCode;

/// Which installation is meant.
#[derive(Args)]
pub struct Place {
    /// The configuration; its [store] names the data folder.
    #[arg(long, default_value = "kith.toml", env = "KITH_CONFIG", global = true)]
    config: PathBuf,
    /// The data folder, when there is no configuration (a demo's).
    #[arg(long, global = true)]
    data: Option<PathBuf>,
    /// The answer as JSON, as the API gives it.
    #[arg(long, global = true)]
    json: bool,
}

/// A command with its installation.
#[derive(Args)]
pub struct Asked<What: Subcommand> {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    what: What,
}

/// What a command came to: text for a person, and the answer as it was.
pub struct Said {
    text: String,
    json: Value,
}

/// Runs a command; exit code 1 with a sentence when it was not carried out, 3 when the configuration is wrong.
async fn run(place: &Place, what: impl AsyncFnOnce(&Door) -> Result<Said, String>) -> ExitCode {
    let door = match Door::open(place).await {
        Ok(door) => door,
        Err((code, sentence)) => {
            eprintln!("kith: {sentence}");
            return ExitCode::from(code);
        }
    };
    let said = what(&door).await;
    door.close().await;
    match said {
        Ok(said) if place.json => println!("{:#}", said.json),
        Ok(said) => println!("{}", said.text),
        Err(sentence) => {
            eprintln!("kith: {sentence}");
            return ExitCode::from(1);
        }
    }
    ExitCode::SUCCESS
}

/// A subscriber by her id, or by her number.
async fn subscriber(door: &Door, typed: &str) -> Result<String, String> {
    if ::book::parse_subscriber_id(typed).is_some() {
        return Ok(typed.to_owned());
    }
    let path = format!("/api/v1/subscribers?number={}", encoded(typed));
    let found = door.get(&path).await?;
    let items = found["items"].as_array().into_iter().flatten();
    only(
        "subscriber",
        typed,
        items.filter_map(|item| item["id"].as_str()),
    )
}

/// A terminal by its id, or by its number.
async fn terminal(door: &Door, typed: &str) -> Result<String, String> {
    if ::book::decode_in('t', typed).is_some() {
        return Ok(typed.to_owned());
    }
    let path = format!("/local/terminals?number={}", encoded(typed));
    let found = door.get(&path).await?;
    let items = found["items"].as_array().into_iter().flatten();
    only("terminal", typed, items.filter_map(Value::as_str))
}

/// The only one of these ids.
fn only<'a>(what: &str, typed: &str, ids: impl Iterator<Item = &'a str>) -> Result<String, String> {
    match ids.collect::<Vec<_>>()[..] {
        [id] => Ok(id.to_owned()),
        [] => Err(format!("There is no {what} “{typed}”.")),
        ref several => Err(format!(
            "“{typed}” is the number of several: give the id of one {what}, {}.",
            several.join(" or ")
        )),
    }
}

/// A text as a piece of an address.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._".contains(&octet) {
            out.push(char::from(octet));
        } else {
            out.push_str(&format!("%{octet:02X}"));
        }
    }
    out
}

/// A text of an answer.
fn text(value: &Value, key: &str) -> String {
    match &value[key] {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
