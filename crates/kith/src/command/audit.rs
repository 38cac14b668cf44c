//! `kith audit`: the rules that keep Kith honest, over everything that is stored.

use super::{Place, Said, run, text};
use clap::Args;
use std::process::ExitCode;

/// Looks whether every rule holds; exit code 1 when one does not.
#[derive(Args)]
pub struct Audit {
    #[command(flatten)]
    place: Place,
}

/// Runs it.
pub async fn main(command: Audit) -> ExitCode {
    run(&command.place, async |door| {
        let answer = door.get("/local/audit").await?;
        let found: Vec<_> = answer["found"].as_array().into_iter().flatten().collect();
        if found.is_empty() {
            let text = format!("{} subscribers: every rule holds.", text(&answer, "looked"));
            return Ok(Said { text, json: answer });
        }
        let lines: Vec<_> = found
            .iter()
            .map(|f| {
                format!(
                    "{}: {}: {}",
                    text(f, "msisdn"),
                    text(f, "rule"),
                    text(f, "found")
                )
            })
            .collect();
        Err(lines.join("\n"))
    })
    .await
}
