//! Kith's benches: `cargo run --release -p bench -- NAME` prints the figures of docs/BENCHMARKS.md.

mod bare;
mod edits;
mod installation;
mod ota;
mod smpp;
mod smsc;
mod wire;

use std::process::ExitCode;

const USAGE: &str = "usage: bench ota
       bench edits                     how fast edits are committed, alone and a hundred editors at once
       bench wire                      from a committed edit to its submit_sm
       bench smpp                      the client and a bare one against a fast SMSC, windows 1, 10 and 100
       bench smpp HOST PORT N WINDOW   the client alone against any SMSC (KITH_BENCH_ACCOUNT=NAME:PASSWORD)
       bench bare HOST PORT N WINDOW   a bare client in its place
       bench smsc PORT [--delay-ms D] [--together K]   a fast SMSC that takes everything and sends receipts";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done =
        match words[..] {
            ["ota"] => {
                ota::run();
                Ok(())
            }
            ["smpp"] => smpp::table(),
            ["edits"] => edits::run(),
            ["wire"] => self::wire::run(),
            ["smpp", host, port, n, window] => numbers(port, n, window)
                .and_then(|(port, n, window)| smpp::run(host, port, n, window)),
            ["bare", host, port, n, window] => numbers(port, n, window)
                .and_then(|(port, n, window)| bare::run(host, port, n, window)),
            ["smsc", port, ref habits @ ..] => number(port)
                .and_then(|port| Ok((port, self::habits(habits)?)))
                .and_then(|(port, habits)| smsc::run(port, habits)),
            _ => {
                eprintln!("{USAGE}");
                return ExitCode::from(2);
            }
        };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bench: {why}");
            ExitCode::FAILURE
        }
    }
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    word.parse()
        .map_err(|_| format!("“{word}” is no number that fits here."))
}

fn numbers(port: &str, n: &str, window: &str) -> Result<(u16, u64, u32), String> {
    Ok((number(port)?, number(n)?, number(window)?))
}

fn habits(words: &[&str]) -> Result<smsc::Habits, String> {
    let mut habits = smsc::Habits {
        delay_ms: 0.0,
        together: 1,
    };
    for pair in words.chunks(2) {
        match pair {
            ["--delay-ms", delay] => habits.delay_ms = number(delay)?,
            ["--together", together] => habits.together = number(together)?,
            _ => return Err(format!("“{}” is not known here.\n{USAGE}", pair.join(" "))),
        }
    }
    Ok(habits)
}
