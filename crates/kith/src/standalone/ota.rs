//! `kith ota encode|decode`: secured packets by hand and as a filter. Keys go in and are never printed.

use clap::{Args, Subcommand};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::{fmt::Display, process::ExitCode, str::FromStr};
use wire::ota::{
    Algorithm, Command, Header, Integrity, KeySet, Kind, Reference, Response, decode,
    decode_response, encode, join, script_in_words, split,
};

/// Secured packets for SIM cards (ETSI TS 102 225, 3GPP TS 31.115).
#[derive(Args)]
pub struct Ota {
    #[command(subcommand)]
    way: Way,
}

#[derive(Subcommand)]
enum Way {
    /// Wrap a command script into a packet and its messages
    Encode {
        /// Read one JSON object a line and answer each with one line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        wish: Wish,
    },
    /// Open a packet, or the card's answer, and show every field
    Decode {
        /// Read one JSON object a line and answer each with one line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        find: Find,
    },
}

/// Keys and the octets that name them. On the command line they can come from the environment, out of the shell's history.
#[derive(Args, Deserialize)]
struct Keys {
    /// Ciphering key, in hex
    #[arg(long, env = "KITH_OTA_KIC", hide_env_values = true)]
    kic: Option<String>,
    /// Integrity key, in hex
    #[arg(long, env = "KITH_OTA_KID", hide_env_values = true)]
    kid: Option<String>,
    /// KIc octet: key index and algorithm, as in 12 (AES) or 15 (triple DES with two keys); when decoding, the packet's own by default
    #[arg(long)]
    kic_byte: Option<String>,
    /// KID octet, likewise
    #[arg(long)]
    kid_byte: Option<String>,
    /// Send with single DES or ECB all the same (old cards)
    #[arg(long)]
    #[serde(default)]
    allow_weak: bool,
}

#[derive(Args, Deserialize)]
struct Wish {
    #[command(flatten)]
    #[serde(flatten)]
    keys: Keys,
    /// Security parameters, four hex digits, as in 1619
    #[arg(long)]
    spi: Option<String>,
    /// Toolkit application reference, six hex digits, as in b00011
    #[arg(long)]
    tar: Option<String>,
    /// Counter, ten hex digits, as in 000000002a
    #[arg(long)]
    cntr: Option<String>,
    /// Command script in compact format, in hex
    #[arg(long)]
    script: Option<String>,
    /// Reference of the parts; 0 by default
    #[arg(long = "ref")]
    #[serde(rename = "ref", default, deserialize_with = "number_or_hex")]
    reference: Option<u16>,
    /// Width of the reference: 8 or 16; 8 by default
    #[arg(long)]
    ref_bits: Option<u8>,
    /// Put element 70 first in every part's header, as some cards want
    #[arg(long)]
    #[serde(default)]
    udh_70_in_every_part: bool,
}

#[derive(Args, Deserialize)]
struct Find {
    #[command(flatten)]
    #[serde(flatten)]
    keys: Keys,
    /// The command's parts (TP-UD in hex), in any order
    #[arg(long, num_args = 1..)]
    #[serde(default, deserialize_with = "one_or_many")]
    tp_ud: Vec<String>,
    /// The answer's parts (TP-UD in hex), in any order
    #[arg(long, num_args = 1.., requires = "spi")]
    #[serde(default, deserialize_with = "one_or_many")]
    response_tp_ud: Vec<String>,
    /// The SPI that the command was sent with, for an answer
    #[arg(long)]
    spi: Option<String>,
}

/// A JSON number, or hex digits in a string.
fn number_or_hex<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u16>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u16),
        Hex(String),
    }
    Ok(match Option::<Either>::deserialize(from)? {
        None => None,
        Some(Either::Number(number)) => Some(number),
        Some(Either::Hex(hex)) => {
            Some(u16::from_str_radix(&hex, 16).map_err(serde::de::Error::custom)?)
        }
    })
}

/// A list, or one string for a list of one.
fn one_or_many<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Option::<Either>::deserialize(from)? {
        None => Vec::new(),
        Some(Either::One(one)) => vec![one],
        Some(Either::Many(many)) => many,
    })
}

/// Runs the command; exit code 1 when the one thing asked for by flags cannot be done.
pub fn run(ota: Ota) -> ExitCode {
    match ota.way {
        Way::Encode { json: true, .. } => super::filter(encode_line),
        Way::Decode { json: true, .. } => super::filter(decode_line),
        Way::Encode { wish, .. } => shown(made(&wish).map(|made| made.for_a_person())),
        Way::Decode { find, .. } => shown(opened(&find).map(|opened| opened.for_a_person())),
    }
}

fn shown(text: Result<String, String>) -> ExitCode {
    match text {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// One line of `kith ota encode --json` (API.md, “Filters”).
pub fn encode_line(line: &Value) -> Result<Value, String> {
    Ok(made(&object(line)?)?.for_a_program())
}

/// One line of `kith ota decode --json`.
pub fn decode_line(line: &Value) -> Result<Value, String> {
    Ok(opened(&object(line)?)?.for_a_program())
}

fn object<'a, T: Deserialize<'a>>(line: &'a Value) -> Result<T, String> {
    if !line.is_object() {
        return Err("The line is no JSON object: give one, in braces.".into());
    }
    // Said here, as serde's own sentence would repeat the value.
    if let Some(name) = ["kic", "kid"].into_iter().find(|name| {
        line.get(name)
            .is_some_and(|key| !key.is_string() && !key.is_null())
    }) {
        return Err(format!(
            "“{name}” is no string: give the key in hex, in quotes."
        ));
    }
    T::deserialize(line).map_err(|error| {
        format!("The line cannot be used: {error}. See `kith ota --help` for the fields.")
    })
}

fn say(error: impl Display) -> String {
    error.to_string()
}

fn need<'a>(name: &str, value: &'a Option<String>) -> Result<&'a str, String> {
    value
        .as_deref()
        .ok_or_else(|| format!("“{name}” is missing: give it in hex."))
}

fn read<T: FromStr<Err: Display>>(name: &str, value: &Option<String>) -> Result<T, String> {
    need(name, value)?.parse().map_err(say)
}

/// The value is not repeated in the error: it may be a key.
fn octets(name: &str, text: &str) -> Result<Vec<u8>, String> {
    hex::decode(text)
        .map_err(|error| format!("“{name}” is not hex ({error}): give two hex digits an octet."))
}

impl Keys {
    /// `named` are the octets that a packet itself gives, for when none are told.
    fn set(&self, named: Option<(u8, u8)>) -> Result<KeySet, String> {
        let key = |name, key: &Option<String>| octets(name, key.as_deref().unwrap_or_default());
        let byte = |name, byte: &Option<String>, named: Option<u8>| match (byte, named) {
            (None, Some(named)) => Ok(named),
            (byte, _) => match octets(name, need(name, byte)?)?.as_slice() {
                &[byte] => Ok(byte),
                other => Err(format!(
                    "“{name}” is one octet, and {} were given: give two hex digits, as in 15.",
                    other.len()
                )),
            },
        };
        let (kic_byte, kid_byte) = (
            byte("kic_byte", &self.kic_byte, named.map(|(kic, _)| kic))?,
            byte("kid_byte", &self.kid_byte, named.map(|(_, kid)| kid))?,
        );
        let mut keys = KeySet::new(
            &key("kic", &self.kic)?,
            &key("kid", &self.kid)?,
            kic_byte,
            kid_byte,
        )
        .map_err(say)?;
        keys.allow_weak = self.allow_weak;
        Ok(keys)
    }
}

struct Made {
    packet: Vec<u8>,
    parts: Vec<Vec<u8>>,
}

fn made(wish: &Wish) -> Result<Made, String> {
    let keys = wish.keys.set(None)?;
    let script = octets("script", need("script", &wish.script)?)?;
    let reference = wish.reference.unwrap_or(0);
    let reference = match (wish.ref_bits.unwrap_or(8), u8::try_from(reference)) {
        (8, Ok(reference)) => Reference::Eight(reference),
        (8, Err(_)) => {
            return Err(format!(
                "“ref” {reference} needs more than 8 bits: give 0 to 255, or “ref_bits” 16."
            ));
        }
        (16, _) => Reference::Sixteen(reference),
        (bits, _) => return Err(format!("“ref_bits” is {bits}: give 8 or 16.")),
    };
    let packet = encode(
        &script,
        &keys,
        read("spi", &wish.spi)?,
        read("tar", &wish.tar)?,
        read("cntr", &wish.cntr)?,
    )
    .map_err(say)?;
    let parts = split(&packet, Kind::Command, reference, wish.udh_70_in_every_part).map_err(say)?;
    Ok(Made { packet, parts })
}

impl Made {
    fn for_a_program(&self) -> Value {
        json!({ "command_packet": hex::encode(&self.packet), "tp_ud": self.parts.iter().map(hex::encode).collect::<Vec<_>>() })
    }

    fn for_a_person(&self) -> String {
        let mut text = field(
            "command packet",
            format!(
                "{} ({} octets)",
                hex::encode(&self.packet),
                self.packet.len()
            ),
        );
        for (n, part) in (1..).zip(&self.parts) {
            text += &field(
                &format!("TP-UD {n} of {}", self.parts.len()),
                format!("{} ({} octets)", hex::encode(part), part.len()),
            );
        }
        text + &field(
            "send with",
            "TP-PID 7f, TP-DCS f6, user data header indicator set".into(),
        )
    }
}

enum Opened {
    Command(Box<Command>),
    Response(Response),
}

fn opened(find: &Find) -> Result<Opened, String> {
    let parts = |name, parts: &[String]| {
        parts
            .iter()
            .map(|part| octets(name, part))
            .collect::<Result<Vec<_>, _>>()
    };
    if !find.response_tp_ud.is_empty() {
        let (kind, packet) = join(&parts("response_tp_ud", &find.response_tp_ud)?).map_err(say)?;
        if kind != Kind::Response {
            return Err(
                "“response_tp_ud” holds a command packet (element 70): give it as “tp_ud”.".into(),
            );
        }
        let response = decode_response(&packet, &find.keys.set(None)?, read("spi", &find.spi)?)
            .map_err(say)?;
        return Ok(Opened::Response(response));
    }
    if find.tp_ud.is_empty() {
        return Err(
            "Neither “tp_ud” nor “response_tp_ud” is given: give the parts of a packet in hex."
                .into(),
        );
    }
    let (kind, packet) = join(&parts("tp_ud", &find.tp_ud)?).map_err(say)?;
    if kind != Kind::Command {
        return Err("“tp_ud” holds a response packet (element 71): give it as “response_tp_ud”, with “spi” as sent.".into());
    }
    let header = Header::of(&packet).map_err(say)?;
    let command = decode(
        &packet,
        &find.keys.set(Some((header.kic_byte, header.kid_byte)))?,
    )
    .map_err(say)?;
    Ok(Opened::Command(Box::new(command)))
}

fn field(name: &str, value: String) -> String {
    format!("{name:<16}{value}\n")
}

/// The key octets in words: index and algorithm.
fn key_octet(byte: u8, algorithm: String) -> String {
    format!("{byte:02x}  key {}, {algorithm}", byte >> 4)
}

impl Opened {
    fn for_a_program(&self) -> Value {
        match self {
            Self::Command(command) => json!({
                "spi": hex::encode(command.header.spi.octets()),
                "kic_byte": format!("{:02x}", command.header.kic_byte),
                "kid_byte": format!("{:02x}", command.header.kid_byte),
                "tar": command.header.tar.to_string(),
                "cntr": command.cntr.to_string(),
                "script": hex::encode(&command.script),
                "commands": script_in_words(&command.script),
            }),
            Self::Response(response) => json!({
                "tar": response.tar.to_string(),
                "cntr": response.cntr.to_string(),
                "rsc": format!("{:02x}", response.rsc.code()),
                "meaning": response.rsc.words(),
                "checked": response.checked,
                "commands": response.executed.as_ref().map(|executed| executed.commands),
                "sw": response.executed.as_ref().map(|executed| hex::encode(executed.sw)),
                "data": response.executed.as_ref().map(|executed| hex::encode(&executed.data)),
            }),
        }
    }

    fn for_a_person(&self) -> String {
        match self {
            Self::Command(command) => command_for_a_person(command),
            Self::Response(response) => response_for_a_person(response),
        }
    }
}

fn command_for_a_person(command: &Command) -> String {
    let header = &command.header;
    let in_words = |algorithm: Result<Algorithm, wire::ota::KeyError>| {
        algorithm.map_or_else(|_| "not used".into(), |a| a.to_string())
    };
    let kid = match (header.spi.integrity, header.kid_byte & 0x0F) {
        (Integrity::Rc, 0x1) => "CRC-16".into(),
        (Integrity::Rc, 0x5) => "CRC-32".into(),
        _ => in_words(Algorithm::of_kid(header.kid_byte)),
    };
    let checksum = if command.checksum.is_empty() {
        "none".into()
    } else {
        format!("{}  right", hex::encode(&command.checksum))
    };
    let mut text = [
        field(
            "CPL",
            format!("{:04x}  {} octets follow", header.cpl, header.cpl),
        ),
        field(
            "CHL",
            format!("{:02x}  {} octets of header", header.chl, header.chl),
        ),
        field(
            "SPI",
            format!("{}  {}", hex::encode(header.spi.octets()), header.spi),
        ),
        field(
            "KIc",
            key_octet(
                header.kic_byte,
                in_words(Algorithm::of_kic(header.kic_byte)),
            ),
        ),
        field("KID", key_octet(header.kid_byte, kid)),
        field("TAR", header.tar.to_string()),
        field(
            "CNTR",
            format!("{}  {}", command.cntr, command.cntr.value()),
        ),
        field(
            "PCNTR",
            format!("{:02x}  {} octets of padding", command.pcntr, command.pcntr),
        ),
        field("RC/CC/DS", checksum),
        field(
            "script",
            format!(
                "{}  {} octets",
                hex::encode(&command.script),
                command.script.len()
            ),
        ),
    ]
    .concat();
    for (n, words) in (1..).zip(script_in_words(&command.script)) {
        text += &field(&format!("  command {n}"), words);
    }
    text
}

fn response_for_a_person(response: &Response) -> String {
    let checksum = if response.checked {
        "there and right"
    } else {
        "none: a hint, not a proof"
    };
    let mut text = [
        field("TAR", response.tar.to_string()),
        field(
            "CNTR",
            format!("{}  {}", response.cntr, response.cntr.value()),
        ),
        field(
            "RSC",
            format!("{:02x}  {}", response.rsc.code(), response.rsc.words()),
        ),
        field("RC/CC/DS", checksum.into()),
    ]
    .concat();
    if let Some(executed) = &response.executed {
        text += &field("commands run", executed.commands.to_string());
        text += &field("status word", hex::encode(executed.sw));
        text += &field("data", hex::encode(&executed.data));
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn vectors() -> Vec<Value> {
        let file: Value =
            serde_json::from_str(include_str!("../../../wire/tests/vectors/ota.json")).unwrap();
        file["vectors"].as_array().unwrap().clone()
    }

    /// Every vector goes through the filters as it stands in the file.
    #[test]
    fn vectors_through_the_filters() {
        let (mut encoded, mut answers) = (0, 0);
        for mut vector in vectors() {
            if vector.get("script").is_some() {
                let parts = vector.get("segments_tp_ud").cloned();
                if parts.is_some() {
                    vector["ref"] = json!("2a");
                }
                let parts = parts.unwrap_or_else(|| json!([vector["tp_ud"]]));
                assert_eq!(
                    encode_line(&vector).unwrap()["tp_ud"],
                    parts,
                    "{}",
                    vector["name"]
                );
                let mut asked = json!({ "kic": vector["kic"], "kid": vector["kid"] });
                asked["tp_ud"] = parts;
                let opened = decode_line(&asked).unwrap();
                for name in ["spi", "kic_byte", "kid_byte", "tar", "cntr", "script"] {
                    assert_eq!(opened[name], vector[name], "{}: {name}", vector["name"]);
                }
                encoded += 1;
            }
            if vector.get("response").is_some() {
                let opened = decode_line(&vector).unwrap();
                for name in ["commands", "sw", "data"] {
                    assert_eq!(
                        opened[name], vector["response"][name],
                        "{}: {name}",
                        vector["name"]
                    );
                }
                answers += 1;
            }
        }
        assert_eq!((encoded, answers), (43, 25));
    }

    /// `changes` are laid over a good line; the error must hold the words and no key.
    #[track_caller]
    fn check_refused(filter: fn(&Value) -> Result<Value, String>, changes: Value, words: &str) {
        let mut line = vectors().swap_remove(0);
        line["tp_ud"] = json!([line["tp_ud"]]);
        line.as_object_mut().unwrap().remove("response_tp_ud");
        for (name, value) in changes.as_object().unwrap() {
            line[name] = value.clone();
        }
        let error = filter(&line).unwrap_err();
        assert!(
            error.contains(words) && !error.contains("010203") && !error.contains("98765"),
            "{error}"
        );
    }

    #[test]
    fn refused_in_words() {
        check_refused(
            encode_line,
            json!({ "kic": "0102030405g" }),
            "“kic” is not hex",
        );
        check_refused(
            encode_line,
            json!({ "kid": 987_654_321 }),
            "“kid” is no string",
        );
        check_refused(encode_line, json!({ "kic": "010203" }), "fits no cipher");
        check_refused(
            encode_line,
            json!({ "kic_byte": "12", "kic": "01".repeat(8) }),
            "names AES, but the key has 8 octets",
        );
        check_refused(
            encode_line,
            json!({ "kic_byte": "11" }),
            "too weak to send with",
        );
        check_refused(
            encode_line,
            json!({ "kic_byte": "1" }),
            "“kic_byte” is not hex",
        );
        check_refused(
            encode_line,
            json!({ "kic_byte": null }),
            "“kic_byte” is missing",
        );
        check_refused(
            encode_line,
            json!({ "ref": 256 }),
            "“ref” 256 needs more than 8 bits",
        );
        check_refused(encode_line, json!({ "ref_bits": 9 }), "give 8 or 16");
        check_refused(encode_line, json!({ "spi": "0603" }), "reserved bits");
        check_refused(encode_line, json!({ "tar": "b000" }), "six hex digits");
        check_refused(encode_line, json!({ "script": "" }), "script is empty");
        check_refused(decode_line, json!({ "tp_ud": [] }), "Neither");
        check_refused(
            decode_line,
            json!({ "tp_ud": "02710000" }),
            "give it as “response_tp_ud”",
        );
        check_refused(
            decode_line,
            json!({ "kid": "ff".repeat(16) }),
            "integrity check fails",
        );
        check_refused(
            decode_line,
            json!({ "kic_byte": "25" }),
            "give the keys that the packet names",
        );
        assert_eq!(
            decode_line(&json!([])).unwrap_err(),
            "The line is no JSON object: give one, in braces."
        );
    }
}
