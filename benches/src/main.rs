//! Kith's benches: `cargo run --release -p bench -- NAME` prints the figures of docs/BENCHMARKS.md.

mod bare;
mod bulk;
mod crowd;
mod edits;
mod full;
mod group;
mod installation;
mod nodes;
mod ota;
mod population;
mod process;
mod smpp;
mod smsc;
mod wire;

use std::process::ExitCode;

const USAGE: &str = "usage: bench ota
       bench edits                     how fast edits are committed, alone and a hundred editors at once
       bench wire                      from a committed edit to its submit_sm
       bench loop [--terminals N] [--seconds S] [--rate R] [--together K]
                                       the full loop, edit to shadow, the carrier and its cards in a process of its own
       bench lane [--bulk N] [--pace P] [--seconds S]
                                       an edit's way to the carrier beside bulk marks, paced
       bench group [--members N]       a shared group changed once: until all is planned and queued
       bench growth [--seconds S]      the loop with 10⁴, 10⁵ and 10⁶ terminals
       bench nodes [--nodes N] [--terminals N] [--seconds S]
                                       the loop with one node and with several, on PostgreSQL
       bench smpp                      the client and a bare one against a fast SMSC, windows 1, 10 and 100
       bench smpp HOST PORT N WINDOW   the client alone against any SMSC (KITH_BENCH_ACCOUNT=NAME:PASSWORD)
       bench bare HOST PORT N WINDOW   a bare client in its place
       bench smsc PORT [--delay-ms D] [--together K]   a fast SMSC that takes everything and sends receipts";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["ota"] => {
            ota::run();
            Ok(())
        }
        ["smpp"] => smpp::table(),
        ["edits"] => edits::run(),
        ["wire"] => self::wire::run(),
        ["crowd"] => crowd::serve(),
        ["loop", ref options @ ..] => given(options, &["terminals", "seconds", "rate", "together"])
            .and_then(|given| {
                full::run(full::Load {
                    terminals: given("terminals").unwrap_or(20_000),
                    friends: 10,
                    seconds: given("seconds").unwrap_or(10).into(),
                    rate: given("rate"),
                    together: given("together").unwrap_or(400),
                })
            }),
        ["lane", ref options @ ..] => {
            given(options, &["bulk", "pace", "seconds"]).and_then(|given| {
                bulk::lane(
                    given("bulk").unwrap_or(1_000_000),
                    given("pace").unwrap_or(2_000),
                    given("seconds").unwrap_or(30).into(),
                )
            })
        }
        ["group", ref options @ ..] => given(options, &["members"])
            .and_then(|given| group::group(given("members").unwrap_or(100_000))),
        ["growth", ref options @ ..] => given(options, &["seconds"])
            .and_then(|given| bulk::growth(given("seconds").unwrap_or(10).into())),
        ["nodes", ref options @ ..] => several(options),
        ["smpp", host, port, n, window] => {
            numbers(port, n, window).and_then(|(port, n, window)| smpp::run(host, port, n, window))
        }
        ["bare", host, port, n, window] => {
            numbers(port, n, window).and_then(|(port, n, window)| bare::run(host, port, n, window))
        }
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

fn several(options: &[&str]) -> Result<(), String> {
    let given = given(options, &["nodes", "terminals", "seconds"])?;
    let load = full::Load {
        terminals: given("terminals").unwrap_or(10_000),
        friends: 10,
        seconds: given("seconds").unwrap_or(10).into(),
        rate: None,
        together: 400,
    };
    nodes::run(given("nodes").unwrap_or(3).into(), load)
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    word.parse()
        .map_err(|_| format!("“{word}” is no number that fits here."))
}

fn numbers(port: &str, n: &str, window: &str) -> Result<(u16, u64, u32), String> {
    Ok((number(port)?, number(n)?, number(window)?))
}

/// Options with numbers, `--name N`, of which only `known` are allowed.
fn given(words: &[&str], known: &[&str]) -> Result<impl Fn(&str) -> Option<u32>, String> {
    let mut found = std::collections::HashMap::new();
    for pair in words.chunks(2) {
        let name = pair.first().and_then(|word| word.strip_prefix("--"));
        match (name, pair.get(1)) {
            (Some(name), Some(value)) if known.contains(&name) => {
                found.insert(name.to_owned(), number::<u32>(value)?);
            }
            _ => return Err(format!("“{}” is not known here.\n{USAGE}", pair.join(" "))),
        }
    }
    Ok(move |name: &str| found.get(name).copied())
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
