//! `kith`: the command line, and the only place that wires the rooms together.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod standalone;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// The phone book that somebody you trust keeps for you, on any phone.
#[derive(Parser)]
#[command(name = "kith", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Secured packets: make one, or say what is in one (ETSI TS 102 225, 3GPP TS 31.115).
    Ota(standalone::ota::Ota),
    /// What it takes to bring a card from one vCard file to another: writes, packets, parts, octets, reasons.
    Plan(standalone::plan::PlanArgs),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Ota(ota) => standalone::ota::run(ota),
        Command::Plan(plan) => standalone::plan::run(plan),
    }
}
