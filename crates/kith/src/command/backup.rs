//! `kith backup`, `kith restore`, `kith store move`: copies of a store, and its way to PostgreSQL.

use super::Place;
use crate::config::{self, Config};
use crate::house;
use clap::{Args, Subcommand};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use store::{Moved, Servers};

/// Copies the store into a file; a running server goes on meanwhile.
#[derive(Args)]
pub struct Backup {
    #[command(flatten)]
    place: Place,
    /// The new file.
    to: PathBuf,
}

/// Puts a back-up in the store's place, with the server stopped. Every counter jumps and every terminal is made sure of.
#[derive(Args)]
pub struct Restore {
    #[command(flatten)]
    place: Place,
    /// The back-up.
    from: PathBuf,
}

/// `kith store …`.
#[derive(Args)]
pub struct StoreCommand {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    what: What,
}

/// What is done with the store.
#[derive(Subcommand)]
pub enum What {
    /// Moves the store in the data folder to PostgreSQL, checked row by row; start it again if it was interrupted.
    Move {
        /// Where to, as `url` of `[store]`; absent: what the configuration says.
        #[arg(long)]
        to: Option<String>,
    },
}

/// Backs up.
pub fn backup(command: &Backup) -> ExitCode {
    said(
        "backup",
        (|| {
            let config = command.place.configuration()?;
            demand_file(&config)?;
            let copied =
                store::backup(&database(&config), &command.to).map_err(|e| e.to_string())?;
            Ok(format!(
                "{} holds {} subscribers, {} kB. Keep the master key with it, in another place: {}.",
                command.to.display(),
                copied.subscribers,
                copied.octets / 1000,
                config.store.path.join("master.key").display(),
            ))
        })(),
    )
}

/// Restores.
pub fn restore(command: &Restore) -> ExitCode {
    said(
        "restore",
        (|| {
            let config = command.place.configuration()?;
            demand_file(&config)?;
            let folder = &config.store.path;
            std::fs::create_dir_all(folder)
                .map_err(|e| format!("{} cannot be made: {e}.", folder.display()))?;
            let _lock = house::lock(folder)?;
            let (copied, before) =
                store::restore(&command.from, &database(&config)).map_err(|e| e.to_string())?;
            let before = before.map_or(String::new(), |path| {
                format!(" The store that was there is {} now.", path.display())
            });
            Ok(format!(
                "Restored: {} subscribers. When the server starts, every terminal is read back or written anew.{before}",
                copied.subscribers
            ))
        })(),
    )
}

/// Moves.
pub fn store_command(command: &StoreCommand) -> ExitCode {
    let What::Move { to } = &command.what;
    said(
        "store move",
        (|| {
            let config = command.place.configuration()?;
            let servers = match to {
                Some(url) => Servers::one(url),
                None => config.store.servers()?.ok_or(
                    "Say where to: --to postgres://…, or url of [store] in the configuration.",
                )?,
            };
            let folder = &config.store.path;
            let _lock = house::lock(folder)?;
            let mut bar = Bar::default();
            let moved = store::move_to(&database(&config), &servers, |moved| bar.show(&moved));
            bar.end();
            let moved = moved.map_err(|e| e.to_string())?;
            Ok(format!(
                "Every row is on PostgreSQL, and was compared. The file is {} now: keep it until the first back-up there. Start the server with url of [store].",
                moved.display()
            ))
        })(),
    )
}

fn database(config: &Config) -> PathBuf {
    config.store.path.join("kith.db")
}

fn demand_file(config: &Config) -> Result<(), String> {
    match config.store.servers()? {
        None => Ok(()),
        Some(_) => Err(
            "This Kith is on PostgreSQL: docs/POSTGRES.md says how it is backed up and restored."
                .into(),
        ),
    }
}

fn said(command: &str, done: Result<String, String>) -> ExitCode {
    match done {
        Ok(sentence) => {
            println!("{sentence}");
            ExitCode::SUCCESS
        }
        Err(sentence) => {
            eprintln!("kith {command}: {sentence}");
            ExitCode::from(1)
        }
    }
}

/// How far a move is, on one line of a terminal; in a file, a line a table.
#[derive(Default)]
struct Bar {
    last: Option<(&'static str, bool)>,
}

impl Bar {
    fn show(&mut self, moved: &Moved) {
        let what = if moved.checking {
            "comparing"
        } else {
            "copying"
        };
        let percent = (moved.done * 100).checked_div(moved.all).unwrap_or(100);
        let mut out = std::io::stderr();
        // Nobody may be reading it.
        if out.is_terminal() {
            let filled = usize::try_from(percent / 4).unwrap_or(25).min(25);
            let bar = format!("{}{}", "█".repeat(filled), "·".repeat(25 - filled));
            let _ = write!(out, "\r{bar} {percent:3} %  {what} {:<14}", moved.table);
            let _ = out.flush();
        } else if self.last != Some((moved.table, moved.checking)) {
            let _ = writeln!(out, "{percent:3} %  {what} {}", moved.table);
        }
        self.last = Some((moved.table, moved.checking));
    }

    fn end(&self) {
        if self.last.is_some() && std::io::stderr().is_terminal() {
            eprintln!();
        }
    }
}

impl Place {
    /// The configuration of the installation that is meant.
    pub(super) fn configuration(&self) -> Result<Config, String> {
        let environment: Vec<_> = std::env::vars().collect();
        let mut config = if self.config.exists() || self.data.is_none() {
            config::read(&self.config, &environment)?
        } else {
            Config::default()
        };
        if let Some(data) = &self.data {
            config.store.path = data.as_path().to_owned();
        }
        Ok(config)
    }
}
