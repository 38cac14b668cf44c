//! Commands that stand alone: they need no server, no store and no network (API.md, “Filters”).

pub mod ota;
pub mod plan;

use serde_json::{Value, json};
use std::io::{BufRead, Write};
use std::process::ExitCode;

/// One JSON object a line in, one a line out, in order. A line that is wrong gives `{"error": "sentence"}` and the run
/// goes on; success means that all lines were read.
pub fn filter(convert: impl Fn(&Value) -> Result<Value, String>) -> ExitCode {
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().split(b'\n') {
        let line = match line {
            Ok(line) => line,
            Err(error) => {
                eprintln!("kith: the input could not be read to its end: {error}.");
                return ExitCode::from(2);
            }
        };
        if line.trim_ascii().is_empty() {
            continue;
        }
        let answer = serde_json::from_slice::<Value>(&line)
            .map_err(|error| format!("This line is not JSON: {error}."))
            .and_then(|value| convert(&value))
            .unwrap_or_else(|error| json!({ "error": error }));
        // A closed pipe (`| head`) ends the run quietly.
        if writeln!(output, "{answer}").is_err() {
            return ExitCode::SUCCESS;
        }
    }
    match output.flush() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(2),
    }
}
