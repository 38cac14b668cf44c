//! `kith account`: who may log in at desk and console.

use super::{Asked, Said, encoded, run, text};
use clap::Subcommand;
use serde_json::{Value, json};
use std::process::ExitCode;

/// What may be asked.
#[derive(Subcommand)]
pub enum What {
    /// Makes a one-time link with which somebody chooses a password.
    Add {
        /// 2 to 40 of a–z, 0–9, “.”, “-”, “_”.
        login: String,
        /// As colleagues and owners read it.
        #[arg(long)]
        name: String,
        /// agent, supervisor or administrator.
        #[arg(long, default_value = "agent")]
        role: String,
    },
    /// A one-time link for a new password; the old one, and every session, ends.
    Reset {
        /// Whose.
        login: String,
    },
    /// May not log in any more; every session ends.
    Disable {
        /// Whose.
        login: String,
    },
    /// May log in again.
    Enable {
        /// Whose.
        login: String,
    },
    /// Ends a lock-out after wrong passwords or codes: of a login, or of a telephone number.
    Unlock {
        /// Whose.
        login: String,
    },
    /// Everybody.
    List,
}

/// Runs it.
pub async fn main(Asked { place, what }: Asked<What>) -> ExitCode {
    run(&place, async |door| {
        let change = async |login: &str, what: &str| {
            let login = encoded(login);
            door.post(&format!("/local/accounts/{login}/{what}"), &json!({}))
                .await
        };
        let linked = |answer: Value| Said {
            text: format!(
                "Open this once, within a day, on the LAN address of the server: {}",
                text(&answer, "path")
            ),
            json: answer,
        };
        let done = |answer: Value, text: String| Said { text, json: answer };
        Ok(match &what {
            What::Add { login, name, role } => {
                let body = json!({ "login": login, "name": name, "role": role });
                linked(door.post("/local/accounts", &body).await?)
            }
            What::Reset { login } => linked(change(login, "reset").await?),
            What::Disable { login } => done(
                change(login, "disable").await?,
                format!("{login} may not log in any more."),
            ),
            What::Enable { login } => done(
                change(login, "enable").await?,
                format!("{login} may log in again."),
            ),
            What::Unlock { login } => done(
                change(login, "unlock").await?,
                format!("{login} may try again."),
            ),
            What::List => {
                let answer = door.get("/local/accounts").await?;
                let items = answer["items"].as_array().into_iter().flatten();
                let lines: Vec<_> = items
                    .map(|item| {
                        let state = match (&item["disabled"], &item["locked"], &item["password"]) {
                            (Value::Bool(true), _, _) => "disabled",
                            (_, Value::Bool(true), _) => "locked",
                            (_, _, Value::Bool(false)) => "no password yet",
                            _ => "active",
                        };
                        format!(
                            "{}  {}  {}  {state}",
                            text(item, "login"),
                            text(item, "role"),
                            text(item, "name")
                        )
                    })
                    .collect();
                done(answer, lines.join("\n"))
            }
        })
    })
    .await
}
