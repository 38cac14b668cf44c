//! The command line of an installation: it asks the running server over the socket in the data folder, or, when no
//! server runs, works on the store itself.

pub mod account;
pub mod audit;
pub mod book;
mod door;
pub mod subscriber;
pub mod terminal;
pub mod token;

pub use account::Account;
pub use audit::Audit;
pub use book::Book;
pub use subscriber::Subscriber;
pub use terminal::Terminal;
pub use token::Token;

use clap::Args;
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
    let number = encoded(typed);
    let found = door
        .get(&format!("/api/v1/subscribers?number={number}"))
        .await?;
    let ids: Vec<&str> = found["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item["id"].as_str())
        .collect();
    match ids[..] {
        [id] => Ok(id.to_owned()),
        [] => Err(format!("There is no subscriber “{typed}”.")),
        _ => Err(format!(
            "Several subscribers have “{typed}”: give an id, {}.",
            ids.join(" or ")
        )),
    }
}

/// A terminal by its id, or by its number.
async fn terminal(door: &Door, typed: &str) -> Result<String, String> {
    if ::book::decode_in('t', typed).is_some() {
        return Ok(typed.to_owned());
    }
    let number = encoded(typed);
    let found = door
        .get(&format!("/local/terminals?number={number}"))
        .await?;
    let ids: Vec<&str> = found["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    match ids[..] {
        [id] => Ok(id.to_owned()),
        [] => Err(format!("There is no terminal “{typed}”.")),
        _ => Err(format!(
            "Several terminals have “{typed}”: give an id, {}.",
            ids.join(" or ")
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
