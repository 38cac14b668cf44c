//! Commands that stand alone: they need no server, no store and no network (API.md, “Filters”).

pub mod adn;
pub mod ota;
pub mod plan;
pub mod sms;

use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::ExitCode;

/// One JSON object a line in, one a line out, in order. A line that is wrong gives `{"error": "sentence"}` and the run
/// goes on; success means that all lines were read.
pub fn filter(convert: impl Fn(&Value) -> Result<Value, String>) -> ExitCode {
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    let mut input = BufReader::new(std::io::stdin().lock());
    loop {
        let mut line = Vec::new();
        match input.read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => {
                eprintln!("kith: the input could not be read to its end: {error}.");
                return ExitCode::from(2);
            }
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let answer = serde_json::from_slice::<Value>(&line)
            .map_err(|error| format!("This line is not JSON: {error}."))
            .and_then(|value| convert(&value))
            .unwrap_or_else(|error| json!({ "error": error }));
        // A closed pipe (`| head`) ends the run quietly.
        let mut written = writeln!(output, "{answer}");
        // Who waits for an answer before the next line gets it now.
        if input.buffer().is_empty() {
            written = written.and_then(|()| output.flush());
        }
        if written.is_err() {
            return ExitCode::SUCCESS;
        }
    }
    match output.flush() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(2),
    }
}

/// A line's object as the fields of a command.
fn object<'a, T: Deserialize<'a>>(line: &'a Value) -> Result<T, String> {
    if !line.is_object() {
        return Err("The line is no JSON object: give one, in braces.".into());
    }
    T::deserialize(line)
        .map_err(|error| format!("The line cannot be used: {error}. `--help` names the fields."))
}

/// Octets given in hex, in either case, with or without spaces.
fn octets(name: &str, text: &str) -> Result<Vec<u8>, String> {
    let digits: String = text.chars().filter(|sign| *sign != ' ').collect();
    hex::decode(digits)
        .map_err(|error| format!("“{name}” is not hex ({error}): give two hex digits an octet."))
}

/// One named field for a person's eyes.
fn field(name: &str, value: impl std::fmt::Display) -> String {
    format!("{name:<16}{value}\n")
}

/// Prints what was asked for by flags; exit code 1 when it cannot be done.
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
