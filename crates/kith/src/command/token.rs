//! `kith token`: keys for programs.

use super::{Place, Said, run, text};
use clap::{Args, Subcommand};
use serde_json::json;
use std::process::ExitCode;

/// API tokens.
#[derive(Args)]
pub struct Token {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Makes a token; it is shown once.
    Add {
        /// What it is for.
        name: String,
        /// What it may do: books:read, books:write, calls, provision, network. Several times.
        #[arg(long = "scope", required = true)]
        scopes: Vec<String>,
    },
}

/// Runs it.
pub async fn main(command: Token) -> ExitCode {
    let Token { place, what } = command;
    run(&place, async |door| {
        let What::Add { name, scopes } = &what;
        let body = json!({ "name": name, "scopes": scopes });
        let answer = door.post("/local/tokens", &body).await?;
        Ok(Said {
            text: text(&answer, "token"),
            json: answer,
        })
    })
    .await
}
