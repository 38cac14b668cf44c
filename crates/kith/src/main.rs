//! `kith`: the command line, and the only place that wires the rooms together.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod advertise;
mod command;
mod config;
mod demo;
mod house;
mod http;
mod lab_command;
mod nodes;
mod serve;
mod stalled;
mod standalone;
mod tls;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// The phone book that somebody you trust keeps for you, on any phone.
#[derive(Parser)]
#[command(name = "kith", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Accounts of the staff: agents, supervisors, administrators.
    Account(command::Asked<command::Account>),
    /// Whether every rule of delivery holds over what is stored.
    Audit(command::Audit),
    /// A copy of the store, taken while the server runs.
    Backup(command::Backup),
    /// A book: a friend, a whole list in, a whole list out.
    Book(command::Asked<command::Book>),
    /// The main job: server, carrier, cards and handsets in one process, with sample data.
    Demo(demo::Demo),
    /// A carrier, cards and handsets in software, as a process of its own.
    Lab(lab_command::Lab),
    /// Entries of a SIM's phone book: make a record, or say what a phone shows of one (3GPP TS 31.102 §4.4.2.3).
    Adn(standalone::adn::AdnArgs),
    /// Secured packets: make one, or say what is in one (ETSI TS 102 225, 3GPP TS 31.115).
    Ota(standalone::ota::Ota),
    /// What it takes to bring a card from one vCard file to another: writes, packets, parts, octets, reasons.
    Plan(standalone::plan::PlanArgs),
    /// A back-up takes the store's place; the server is stopped.
    Restore(command::Restore),
    /// The server, with a real carrier's gateway.
    Serve(serve::Serve),
    /// Where everything is kept.
    Store(command::StoreCommand),
    /// Who has a book.
    Subscriber(command::Asked<command::Subscriber>),
    /// Phones and their cards.
    Terminal(command::Asked<command::Terminal>),
    /// Keys for programs.
    Token(command::Asked<command::Token>),
    /// Short messages and business cards: make the parts, or put them together (3GPP TS 23.040).
    Sms(standalone::sms::Sms),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Account(account) => in_runtime(command::account::main(account)),
        Command::Audit(audit) => in_runtime(command::audit::main(audit)),
        Command::Backup(backup) => command::backup::backup(&backup),
        Command::Restore(restore) => command::backup::restore(&restore),
        Command::Store(store) => command::backup::store_command(&store),
        Command::Book(book) => in_runtime(command::book::main(book)),
        Command::Subscriber(subscriber) => in_runtime(command::subscriber::main(subscriber)),
        Command::Terminal(terminal) => in_runtime(command::terminal::main(terminal)),
        Command::Token(token) => in_runtime(command::token::main(token)),
        Command::Demo(demo) => in_runtime(demo::run(demo)),
        Command::Lab(lab) => in_runtime(lab_command::run(lab)),
        Command::Adn(adn) => standalone::adn::run(adn),
        Command::Ota(ota) => standalone::ota::run(ota),
        Command::Plan(plan) => standalone::plan::run(plan),
        Command::Serve(serve) => in_runtime(serve::run(serve)),
        Command::Sms(sms) => standalone::sms::run(sms),
    }
}

/// Runs a command that needs sockets and timers. What goes wrong meanwhile is told on the error output; `KITH_LOG` says
/// how much (`info`, `control=debug`).
fn in_runtime(command: impl Future<Output = ExitCode>) -> ExitCode {
    let much = EnvFilter::try_from_env("KITH_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(much)
        .with_writer(std::io::stderr)
        .init();
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(command),
        Err(error) => {
            eprintln!("kith: the system gives no threads: {error}.");
            ExitCode::from(1)
        }
    }
}

/// Resolves at Ctrl-C or SIGTERM.
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}
