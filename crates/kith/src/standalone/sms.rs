//! `kith sms encode|decode`: the user data of short messages by hand and as a filter.

use super::{field, object, octets, shown};
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};
use std::process::ExitCode;
use wire::sms::card::{self, Card};
use wire::sms::{
    Alphabet, Joined, Part, Received, Reference, alphabet, join, split_8bit, split_text, udh,
};

/// Short messages and business cards (3GPP TS 23.040).
#[derive(Args)]
pub struct Sms {
    #[command(subcommand)]
    way: Way,
}

#[derive(Subcommand)]
enum Way {
    /// Make the parts of a text, of data, or of a business card
    Encode {
        /// Read one JSON object a line and answer each with one line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        content: Content,
    },
    /// Put the parts of a message together, in any order
    Decode {
        /// Read one JSON object a line and answer each with one line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        arrived: Arrived,
    },
}

#[derive(Args, Deserialize)]
struct Content {
    /// A text
    #[arg(long)]
    text: Option<String>,
    /// Octets, in hex
    #[arg(long, conflicts_with = "text")]
    data: Option<String>,
    /// TP-DCS of the data, two hex digits; f5 by default
    #[arg(long)]
    dcs: Option<String>,
    /// A business card's name
    #[arg(long, conflicts_with_all = ["text", "data"])]
    name: Option<String>,
    /// A business card's numbers
    #[arg(long, num_args = 1.., requires = "name")]
    #[serde(default)]
    numbers: Vec<String>,
    /// Reference of the parts; 0 by default
    #[arg(long = "ref")]
    #[serde(rename = "ref")]
    reference: Option<u16>,
    /// Width of the reference: 8 or 16; 8 by default
    #[arg(long)]
    ref_bits: Option<u8>,
}

#[derive(Args, Deserialize)]
struct Arrived {
    /// TP-DCS, two hex digits
    #[arg(long)]
    dcs: Option<String>,
    /// The parts (TP-UD in hex), in any order
    #[arg(long, num_args = 1..)]
    #[serde(default)]
    parts: Vec<Tpud>,
    /// Whether the parts begin with a header (the UDHI bit); by default those that look like it
    #[arg(long)]
    udhi: Option<bool>,
}

/// A part in hex, or an object as `encode` gives it.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Tpud {
    Hex(String),
    Part { udl: Option<u8>, tp_ud: String },
}

impl From<String> for Tpud {
    fn from(hex: String) -> Self {
        Self::Hex(hex)
    }
}

/// Runs the command; exit code 1 when the one thing asked for by flags cannot be done.
pub fn run(sms: Sms) -> ExitCode {
    match sms.way {
        Way::Encode { json: true, .. } => super::filter(|line| made(&object(line)?).map(in_json)),
        Way::Decode { json: true, .. } => {
            super::filter(|line| joined(&object(line)?).map(joined_in_json))
        }
        Way::Encode { content, .. } => shown(made(&content).map(in_words)),
        Way::Decode { arrived, .. } => shown(joined(&arrived).map(joined_in_words)),
    }
}

fn dcs(text: &str) -> Result<u8, String> {
    match octets("dcs", text)?.as_slice() {
        &[dcs] => Ok(dcs),
        other => Err(format!(
            "“dcs” is one octet, and {} were given: give two hex digits, as in f5.",
            other.len()
        )),
    }
}

struct Made {
    dcs: u8,
    parts: Vec<Part>,
}

fn made(content: &Content) -> Result<Made, String> {
    let reference = content.reference.unwrap_or(0);
    let reference = match (content.ref_bits.unwrap_or(8), u8::try_from(reference)) {
        (8, Ok(reference)) => Reference::Eight(reference),
        (8, Err(_)) => {
            return Err(format!(
                "“ref” {reference} needs more than 8 bits: give 0 to 255, or “ref_bits” 16."
            ));
        }
        (16, _) => Reference::Sixteen(reference),
        (bits, _) => return Err(format!("“ref_bits” is {bits}: give 8 or 16.")),
    };
    match (&content.text, &content.data, &content.name) {
        (Some(text), None, None) => {
            let text = split_text(text, reference).map_err(|error| error.to_string())?;
            Ok(Made {
                dcs: text.dcs,
                parts: text.parts,
            })
        }
        (None, Some(data), None) => {
            let dcs = dcs(content.dcs.as_deref().unwrap_or("f5"))?;
            if alphabet(dcs) != Alphabet::Data {
                return Err(format!(
                    "“dcs” {dcs:02x} is a text's: give that of 8-bit data, as in f5, or the “text”."
                ));
            }
            let parts = split_8bit(&octets("data", data)?, &[], reference)
                .map_err(|error| error.to_string())?;
            Ok(Made { dcs, parts })
        }
        (None, None, Some(name)) => {
            let card = Card {
                name: name.clone(),
                numbers: content.numbers.clone(),
            };
            let parts = card.split(reference).map_err(|error| error.to_string())?;
            Ok(Made {
                dcs: card::DCS,
                parts,
            })
        }
        _ => Err("Give one of: “text”; “data” with “dcs”; “name” with “numbers”.".into()),
    }
}

fn in_json(made: Made) -> Value {
    let part = |part: &Part| json!({ "udl": part.udl, "tp_ud": hex::encode(&part.tp_ud) });
    json!({
        "dcs": format!("{:02x}", made.dcs),
        "parts": made.parts.iter().map(part).collect::<Vec<_>>(),
    })
}

fn in_words(made: Made) -> String {
    let mut text = field("TP-DCS", format!("{:02x}", made.dcs));
    for (n, part) in (1..).zip(&made.parts) {
        let of = made.parts.len();
        text += &field(&format!("TP-UDL {n} of {of}"), part.udl);
        text += &field(&format!("TP-UD {n} of {of}"), hex::encode(&part.tp_ud));
    }
    text
}

fn joined(arrived: &Arrived) -> Result<Joined, String> {
    let dcs = arrived
        .dcs
        .as_deref()
        .ok_or("“dcs” is missing: give it in hex, as in 00, 08 or f5.")?;
    let part = |part: &Tpud| {
        let (udl, tp_ud) = match part {
            Tpud::Hex(tp_ud) => (None, tp_ud),
            Tpud::Part { udl, tp_ud } => (*udl, tp_ud),
        };
        let tp_ud = octets("parts", tp_ud)?;
        let udhi = arrived.udhi.unwrap_or_else(|| udh::looks_like_one(&tp_ud));
        Ok(Received { udhi, udl, tp_ud })
    };
    let parts: Vec<Received> = arrived
        .parts
        .iter()
        .map(part)
        .collect::<Result<_, String>>()?;
    join(self::dcs(dcs)?, &parts).map_err(|error| error.to_string())
}

fn joined_in_json(joined: Joined) -> Value {
    let mut answer = json!({ "missing": joined.missing });
    if let Some(text) = joined.text {
        answer["text"] = text.into();
    }
    if let Some(data) = joined.data {
        answer["data"] = hex::encode(data).into();
    }
    if let Some(port) = joined.port {
        answer["port"] = port.into();
    }
    if let Some(card) = joined.card {
        answer["card"] = json!({ "name": card.name, "numbers": card.numbers });
    }
    answer
}

fn joined_in_words(joined: Joined) -> String {
    let mut text = String::new();
    if let Some(port) = joined.port {
        text += &field("port", port);
    }
    if let Some(card) = &joined.card {
        text += &field("name", &card.name);
        for number in &card.numbers {
            text += &field("number", number);
        }
    }
    if let Some(words) = joined.text.filter(|_| joined.card.is_none()) {
        text += &field("text", words);
    }
    if let Some(data) = joined.data {
        text += &field("data", hex::encode(data));
    }
    if !joined.missing.is_empty() {
        let numbers: Vec<_> = joined.missing.iter().map(u8::to_string).collect();
        text += &field("missing parts", numbers.join(", "));
    }
    text
}
