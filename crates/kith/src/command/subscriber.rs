//! `kith subscriber`: who has a book.

use super::{Asked, Said, run, subscriber, text};
use clap::Subcommand;
use serde_json::json;
use std::process::ExitCode;

/// What may be asked.
#[derive(Subcommand)]
pub enum What {
    /// Takes in a subscriber with an empty book.
    Add {
        /// Her number, with + and its country.
        #[arg(long)]
        msisdn: String,
        /// How she is called.
        #[arg(long)]
        name: String,
        /// The language of texts to her: en or zh-Hans.
        #[arg(long, default_value = "en")]
        language: String,
        /// Two letters; from the number when absent.
        #[arg(long)]
        region: Option<String>,
        /// Six digits: a second proof in a verified call.
        #[arg(long)]
        pin: Option<String>,
    },
    /// Shows a subscriber: by id or number.
    Show {
        /// Her id or number.
        subscriber: String,
    },
}

/// Runs it.
pub async fn main(Asked { place, what }: Asked<What>) -> ExitCode {
    run(&place, async |door| {
        let answer = match &what {
            What::Add {
                msisdn,
                name,
                language,
                region,
                pin,
            } => {
                let mut body = json!({ "msisdn": msisdn, "name": name, "language": language });
                if let Some(region) = region {
                    body["region"] = region.as_str().into();
                }
                if let Some(pin) = pin {
                    body["pin"] = pin.as_str().into();
                }
                door.post("/api/v1/subscribers", &body).await?
            }
            What::Show { subscriber: typed } => {
                let id = subscriber(door, typed).await?;
                door.get(&format!("/api/v1/subscribers/{id}")).await?
            }
        };
        Ok(Said {
            text: format!(
                "Subscriber {}: {}, {}, region {}, book at revision {}.",
                text(&answer, "id"),
                text(&answer, "name"),
                text(&answer, "msisdn"),
                text(&answer, "region"),
                text(&answer, "revision"),
            ),
            json: answer,
        })
    })
    .await
}
