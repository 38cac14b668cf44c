//! `kith terminal`: phones and their cards.

use super::door::Door;
use super::{Asked, Said, run, subscriber, terminal, text};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What may be asked.
#[derive(Subcommand)]
pub enum What {
    /// Takes in a terminal of a subscriber; what her book holds goes there.
    Add(Add),
    /// Shows a terminal with its entries.
    Show {
        /// Its id, or its number.
        terminal: String,
    },
    /// A harmless exchange that proves keys, route and answer, step by step.
    Test {
        /// Its id, or its number.
        terminal: String,
        /// How long to wait for the answer, seconds.
        #[arg(long, default_value_t = 120)]
        wait: u64,
    },
    /// Sends now what is due.
    Send {
        /// Its id, or its number.
        terminal: String,
        /// Everything again, whatever is proven.
        #[arg(long)]
        all: bool,
    },
    /// Nothing more is sent to it.
    Retire {
        /// Its id, or its number.
        terminal: String,
    },
}

/// A terminal to be taken in.
#[derive(Args)]
pub struct Add {
    /// Whose: an id, or her number.
    subscriber: String,
    /// sim-ota (a SIM, with its keys) or sms-card (business cards by SMS, without).
    #[arg(long, default_value = "sim-ota")]
    channel: String,
    /// Its number; the subscriber's when absent.
    #[arg(long)]
    msisdn: Option<String>,
    /// The card profile, such as usim-28x100.
    #[arg(long)]
    card_profile: Option<String>,
    /// The card's ICCID, 18 to 20 digits.
    #[arg(long)]
    iccid: Option<String>,
    /// A file with two lines of hex, KIc and KID: keys on a command line can be read by everybody on the machine.
    #[arg(long)]
    keys_file: Option<PathBuf>,
    /// The first counter that was never used with these keys.
    #[arg(long)]
    counter: Option<u64>,
    /// The card holds entries already: it is read before the first write.
    #[arg(long)]
    in_use: bool,
}

/// Runs it.
pub async fn main(Asked { place, what }: Asked<What>) -> ExitCode {
    run(&place, async |door| match &what {
        What::Add(add) => added(door, add).await,
        What::Show { terminal: typed } => {
            let id = terminal(door, typed).await?;
            let answer = door.get(&format!("/api/v1/terminals/{id}")).await?;
            Ok(Said {
                text: shown(&answer),
                json: answer,
            })
        }
        What::Test {
            terminal: typed,
            wait,
        } => tested(door, &terminal(door, typed).await?, *wait).await,
        What::Send {
            terminal: typed,
            all,
        } => {
            let id = terminal(door, typed).await?;
            let path = format!("/api/v1/terminals/{id}/send");
            let answer = door.post(&path, &json!({ "all": all })).await?;
            let text = if door.is_served() {
                "It goes now."
            } else {
                "It goes at the server's next start."
            };
            Ok(Said {
                text: text.to_owned(),
                json: answer,
            })
        }
        What::Retire { terminal: typed } => {
            let id = terminal(door, typed).await?;
            let answer = door.delete(&format!("/api/v1/terminals/{id}")).await?;
            Ok(Said {
                text: "It is retired: nothing more is sent to it.".to_owned(),
                json: answer,
            })
        }
    })
    .await
}

async fn added(door: &Door, add: &Add) -> Result<Said, String> {
    let id = subscriber(door, &add.subscriber).await?;
    let msisdn = match &add.msisdn {
        Some(msisdn) => msisdn.clone(),
        None => text(
            &door.get(&format!("/api/v1/subscribers/{id}")).await?,
            "msisdn",
        ),
    };
    let mut body = json!({ "channel": add.channel, "msisdn": msisdn });
    if add.channel == "sim-ota" {
        body["card_profile"] = json!(add.card_profile);
        body["iccid"] = json!(add.iccid);
        body["card"] = json!(if add.in_use { "in_use" } else { "blank" });
        if let Some(counter) = add.counter {
            body["counter"] = counter.into();
        }
        let path = add
            .keys_file
            .as_ref()
            .ok_or("A SIM needs its keys: --keys-file, with KIc and KID on two lines.")?;
        let keys = std::fs::read_to_string(path)
            .map_err(|error| format!("{} cannot be read: {error}.", path.display()))?;
        let mut lines = keys.lines().map(str::trim).filter(|line| !line.is_empty());
        let (Some(kic), Some(kid)) = (lines.next(), lines.next()) else {
            return Err(format!(
                "{} needs two lines: KIc and KID, in hex.",
                path.display()
            ));
        };
        body["keys"] = json!({ "kic": kic, "kid": kid });
    }
    let answer = door
        .post(&format!("/api/v1/subscribers/{id}/terminals"), &body)
        .await?;
    Ok(Said {
        text: shown(&answer),
        json: answer,
    })
}

/// Sends the test and follows it until it is proven or failed.
async fn tested(door: &Door, terminal: &str, wait: u64) -> Result<Said, String> {
    if !door.is_served() {
        return Err("No server runs, so nothing can be sent: start kith serve first.".into());
    }
    let before = newest(door, terminal).await?;
    let path = format!("/api/v1/terminals/{terminal}/test");
    door.post(&path, &json!({})).await?;
    eprintln!("1. The test is recorded.");
    let until = Instant::now() + Duration::from_secs(wait);
    let mut told = 1;
    loop {
        let now = newest(door, terminal).await?;
        if text(&now, "id") != text(&before, "id") {
            let state = text(&now, "state");
            let parts = now["packets"][0]["parts"].as_array();
            let accepted =
                parts.is_some_and(|parts| parts.iter().all(|part| part["message_id"].is_string()));
            if accepted && told < 2 {
                eprintln!("2. The gateway took it: route and password are right.");
                told = 2;
            }
            let outcome = text(&now["packets"][0], "outcome");
            match state.as_str() {
                "proven" => {
                    return Ok(Said {
                        text: format!(
                            "3. The card answered: keys, counter and TAR are right. {outcome}"
                        ),
                        json: now,
                    });
                }
                "failed" | "superseded" => return Err(format!("The test failed: {outcome}")),
                _ => {}
            }
        }
        if Instant::now() > until {
            return Err(format!(
                "No answer within {wait} s. The test goes on: see kith terminal show {terminal}."
            ));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn newest(door: &Door, terminal: &str) -> Result<Value, String> {
    let path = format!("/api/v1/shipments?terminal={terminal}&limit=1");
    Ok(door.get(&path).await?["items"][0].clone())
}

fn shown(terminal: &Value) -> String {
    let (used, of) = (&terminal["capacity"]["used"], &terminal["capacity"]["of"]);
    // A phone that takes cards one by one has no end that anybody knows.
    let room = match of.as_u64() {
        Some(of) if of < u64::from(u16::MAX) => format!("{used} of {of}"),
        _ => used.to_string(),
    };
    let mut lines = vec![format!(
        "Terminal {}: {}, {}, {}; entries: {}; revision {} of {} proven.",
        text(terminal, "id"),
        text(terminal, "msisdn"),
        text(terminal, "channel"),
        text(terminal, "state"),
        room,
        text(terminal, "proven_revision"),
        text(terminal, "desired_revision"),
    )];
    if let Some(trouble) = terminal["trouble"].as_str() {
        lines.push(format!("  Trouble: {trouble}"));
    }
    for entry in terminal["entries"].as_array().into_iter().flatten() {
        let line = format!(
            "  {:>4}  {}  {}  {}",
            text(entry, "slot"),
            text(entry, "name_shown"),
            text(entry, "number_shown"),
            text(entry, "state"),
        );
        lines.push(line);
    }
    lines.join("\n")
}
