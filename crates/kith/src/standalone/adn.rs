//! `kith adn encode|decode`: records of EF_ADN by hand and as a filter.

use super::{field, object, octets, shown};
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};
use std::process::ExitCode;
use wire::uicc;

/// Entries of a SIM's phone book (3GPP TS 31.102 §4.4.2.3).
#[derive(Args)]
pub struct AdnArgs {
    #[command(subcommand)]
    way: Way,
}

#[derive(Subcommand)]
enum Way {
    /// Make the record of a name and a number, and say what a phone will show
    Encode {
        /// Read one JSON object a line and answer each with one line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        entry: Entry,
    },
    /// Say what a phone shows of a record, and what the record holds
    Decode {
        /// Read one JSON object a line and answer each with one line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        stored: Stored,
    },
}

#[derive(Args, Deserialize)]
struct Entry {
    /// The name; cut where the record ends
    #[arg(long)]
    name: Option<String>,
    /// The number: digits, *, #, p for a pause, + in front; spaces, dashes and brackets are taken out
    #[arg(long)]
    number: Option<String>,
    /// Octets of a record, 14 to 255; 14 less are the name's room
    #[arg(long)]
    record_length: Option<usize>,
    /// A free record of EF_EXT1, for a number of more than 20 digits
    #[arg(long)]
    ext1_record: Option<u8>,
}

#[derive(Args, Deserialize)]
struct Stored {
    /// The EF_ADN record, in hex
    #[arg(long)]
    record: Option<String>,
    /// The EF_EXT1 record that it points to, in hex
    #[arg(long)]
    ext1: Option<String>,
}

/// Runs the command; exit code 1 when the one thing asked for by flags cannot be done.
pub fn run(args: AdnArgs) -> ExitCode {
    match args.way {
        Way::Encode { json: true, .. } => super::filter(|line| made(&object(line)?).map(in_json)),
        Way::Decode { json: true, .. } => {
            super::filter(|line| read(&object(line)?).map(view_in_json))
        }
        Way::Encode { entry, .. } => shown(made(&entry).map(in_words)),
        Way::Decode { stored, .. } => shown(read(&stored).map(stored_in_words)),
    }
}

fn made(entry: &Entry) -> Result<uicc::Encoded, String> {
    let length = entry
        .record_length
        .ok_or("“record_length” is missing: give the octets of a record, 14 to 255.")?;
    let number: String = entry
        .number
        .iter()
        .flat_map(|number| number.chars())
        .filter(|sign| !matches!(sign, ' ' | '\u{A0}' | '-' | '(' | ')'))
        .collect();
    let number = match number.as_str() {
        "" => None,
        number => Some(
            number
                .parse()
                .map_err(|error: uicc::BadNumber| error.to_string())?,
        ),
    };
    let name = entry.name.clone().unwrap_or_default();
    uicc::Adn { name, number }
        .encode(length, entry.ext1_record)
        .map_err(|error| error.to_string())
}

fn in_json(made: uicc::Encoded) -> Value {
    let mut answer = json!({
        "record": hex::encode(&made.record),
        "shown_name": made.shown_name,
        "shown_number": made.shown_number,
        "cut": made.cut,
    });
    if let Some(ext1) = made.ext1 {
        answer["ext1"] = hex::encode(ext1).into();
    }
    answer
}

fn in_words(made: uicc::Encoded) -> String {
    let mut text = field("EF_ADN record", hex::encode(&made.record));
    if let Some(ext1) = made.ext1 {
        text += &field("EF_EXT1 record", hex::encode(ext1));
    }
    text += &field("shown name", made.shown_name);
    text += &field("shown number", made.shown_number);
    if made.cut {
        text += &field("note", "The name was cut to the record's room.");
    }
    text
}

struct Opened {
    record: Vec<u8>,
    reading: uicc::Reading,
    view: uicc::View,
}

fn read(stored: &Stored) -> Result<Opened, String> {
    let record = stored
        .record
        .as_deref()
        .ok_or("“record” is missing: give the record in hex.")?;
    let record = octets("record", record)?;
    let ext1 = stored
        .ext1
        .as_deref()
        .map(|ext1| octets("ext1", ext1))
        .transpose()?;
    if record.len() < 14 {
        return Err(format!(
            "“record” has {} octets: an entry has 14 to 255, give the whole record.",
            record.len()
        ));
    }
    Ok(Opened {
        reading: uicc::read(&record, ext1.as_deref()),
        view: uicc::shown(&record, ext1.as_deref()),
        record,
    })
}

fn view_in_json(opened: Opened) -> Value {
    json!({
        "shown_name": opened.view.shown_name,
        "shown_number": opened.view.shown_number,
        "notes": opened.view.notes,
    })
}

fn stored_in_words(opened: Opened) -> String {
    let mut text = String::new();
    if let Some((name, [length, ton, digits @ .., ccp, ext1])) = opened
        .record
        .len()
        .checked_sub(14)
        .and_then(|room| opened.record.split_at_checked(room))
    {
        text += &field("name field", hex::encode(name));
        text += &field("number length", format!("{length:02x}"));
        text += &field("TON/NPI", format!("{ton:02x}"));
        text += &field("digits", hex::encode(digits));
        text += &field("CCP", format!("{ccp:02x}"));
        text += &field("EF_EXT1", format!("{ext1:02x}"));
    }
    if uicc::is_free(&opened.record) {
        return text + &field("meaning", "a free record");
    }
    text += &field("name", &opened.reading.name);
    text += &field("number", &opened.reading.number);
    text += &field("shown name", &opened.view.shown_name);
    text += &field("shown number", &opened.view.shown_number);
    for note in opened.reading.notes.iter().chain(&opened.view.notes) {
        text += &field("note", note);
    }
    text
}
