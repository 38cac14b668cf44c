//! `kith book`: one friend, a whole list in, a whole list out.

use super::{Asked, Said, run, subscriber, text};
use clap::Subcommand;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// What may be asked.
#[derive(Subcommand)]
pub enum What {
    /// Adds a friend.
    Add {
        /// Whose book: an id, or her number.
        subscriber: String,
        /// The friend's name.
        name: String,
        /// The friend's number.
        number: String,
    },
    /// Takes in a vCard file as phones write it: one line a card, and a bad card never stops the rest.
    Import {
        /// Whose book: an id, or her number.
        subscriber: String,
        /// The file.
        file: PathBuf,
    },
    /// Writes the book as a vCard file, to the output.
    Export {
        /// Whose book: an id, or her number.
        subscriber: String,
        /// 3.0 (every phone) or 4.0 (with groups as cards).
        #[arg(long = "vcard", default_value = "3.0")]
        version: String,
    },
}

/// Runs it.
pub async fn main(Asked { place, what }: Asked<What>) -> ExitCode {
    run(&place, async |door| match &what {
        What::Add {
            subscriber: owner,
            name,
            number,
        } => {
            let id = subscriber(door, owner).await?;
            let body = json!({ "name": name, "numbers": [{ "number": number }] });
            let path = format!("/api/v1/subscribers/{id}/friends");
            let answer = door.post(&path, &body).await?;
            let number = text(&answer["numbers"][0], "number");
            Ok(Said {
                text: format!(
                    "Friend {}: {}, {number}.",
                    text(&answer, "id"),
                    text(&answer, "name")
                ),
                json: answer,
            })
        }
        What::Import {
            subscriber: owner,
            file,
        } => {
            let id = subscriber(door, owner).await?;
            let octets = std::fs::read(file)
                .map_err(|error| format!("{} cannot be read: {error}.", file.display()))?;
            let answer = door.put(&format!("/local/books/{id}"), octets).await?;
            let cards = answer["cards"].as_array().into_iter().flatten();
            let mut lines: Vec<_> = cards
                .map(|card| {
                    let why = card["why"].as_str().map(|why| format!(": {why}"));
                    let notes = card["notes"].as_array().into_iter().flatten();
                    let notes: String = notes
                        .filter_map(|note| note.as_str())
                        .map(|note| format!("\n      {note}"))
                        .collect();
                    format!(
                        "line {}: {}{}{notes}",
                        text(card, "line"),
                        text(card, "fate"),
                        why.unwrap_or_default()
                    )
                })
                .collect();
            let notes = answer["notes"].as_array().into_iter().flatten();
            lines.extend(notes.filter_map(|note| note.as_str().map(str::to_owned)));
            Ok(Said {
                text: lines.join("\n"),
                json: answer,
            })
        }
        What::Export {
            subscriber: owner,
            version,
        } => {
            let id = subscriber(door, owner).await?;
            let path = format!("/local/books/{id}?version={version}");
            let answer = door.get(&path).await?;
            Ok(Said {
                text: answer.as_str().unwrap_or_default().trim_end().to_owned(),
                json: answer,
            })
        }
    })
    .await
}
