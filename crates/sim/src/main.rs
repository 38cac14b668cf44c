//! `cargo run -p sim -- --seeds 300`, `-- --seed 17 --trace`, `-- --script crates/sim/scripts/late-proof.txt --trace`.

use clap::Parser;
use sim::{Outcome, Scenario, Show, live};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// Lives through simulated lives and says which broke a rule.
#[derive(Parser)]
struct Options {
    /// One seed.
    #[arg(long)]
    seed: Option<u64>,
    /// A script instead of a seed.
    #[arg(long)]
    script: Option<PathBuf>,
    /// Every line of what happens.
    #[arg(long)]
    trace: bool,
    /// Prints the seed's life as a script, and ends.
    #[arg(long)]
    write: bool,
    /// Seeds from `from` on, all at once.
    #[arg(long)]
    seeds: Option<u64>,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Ends at the first seed that breaks a rule.
    #[arg(long)]
    first: bool,
    /// Threads: two a processor at first, since each waits for its store half of the time.
    #[arg(long, default_value_t = threads())]
    threads: u32,
}

fn threads() -> u32 {
    let there = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(2 * there).unwrap_or(2)
}

fn main() -> ExitCode {
    let options = Options::parse();
    if let Some(count) = options.seeds {
        return many(&options, count);
    }
    let scenario = match &options.script {
        Some(path) => match std::fs::read_to_string(path) {
            Ok(text) => Scenario::read(&text),
            Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
        },
        None => Ok(Scenario::of_seed(options.seed.unwrap_or(1))),
    };
    let scenario = match scenario {
        Ok(scenario) => scenario,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    if options.write {
        print!("{}", scenario.script());
        return ExitCode::SUCCESS;
    }
    let outcome = live(&scenario, if options.trace { Show::All } else { Show::End });
    println!(
        "{} things in {} simulated hours, trace of {} lines {:016x}",
        outcome.steps,
        outcome.lasted / 3_600_000,
        outcome.lines,
        outcome.hash
    );
    match outcome.broken {
        None => ExitCode::SUCCESS,
        Some(broken) => {
            outcome.end.iter().for_each(|line| println!("{line}"));
            println!("broken: {broken}");
            ExitCode::FAILURE
        }
    }
}

fn many(options: &Options, count: u64) -> ExitCode {
    let (from, threads) = (options.from, options.threads);
    let begun = Instant::now();
    let next = AtomicU64::new(from);
    let broken: Mutex<Vec<(u64, Outcome)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Relaxed);
                    let found = broken.lock().is_ok_and(|broken| !broken.is_empty());
                    if seed >= from + count || (options.first && found) {
                        return;
                    }
                    if (seed - from).is_multiple_of(500) {
                        eprintln!("seed {seed}, {} s", begun.elapsed().as_secs());
                    }
                    let outcome = live(&Scenario::of_seed(seed), Show::Nothing);
                    if let Some(why) = &outcome.broken {
                        println!("seed {seed}: {why}\n  cargo run -p sim -- --seed {seed} --trace");
                        if let Ok(mut broken) = broken.lock() {
                            broken.push((seed, outcome));
                        }
                    }
                }
            });
        }
    });
    let broken = broken
        .into_inner()
        .map_or(count, |b| u64::try_from(b.len()).unwrap_or(count));
    println!(
        "{count} seeds, {broken} broken, {} s",
        begun.elapsed().as_secs()
    );
    if broken == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
