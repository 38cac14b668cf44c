//! `kith token`: keys for programs.

use super::{Asked, Said, run, text};
use clap::Subcommand;
use serde_json::json;
use std::process::ExitCode;

/// What may be asked.
#[derive(Subcommand)]
pub enum What {
    /// Makes a token; it is shown once.
    Add {
        /// What it is for.
        name: String,
        /// What it may do: books:read, books:write, calls, provision, network, organisations. Several times.
        #[arg(long = "scope", required = true)]
        scopes: Vec<String>,
    },
}

/// Runs it.
pub async fn main(Asked { place, what }: Asked<What>) -> ExitCode {
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
