//! Three hundred lives, every script, and that a life is always the same.
#![allow(clippy::unwrap_used, missing_docs)]

use sim::{Outcome, Scenario, Show, live};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[track_caller]
fn check(name: &str, replay: &str, outcome: &Outcome) {
    if let Some(broken) = &outcome.broken {
        let end = outcome.end.join("\n");
        panic!("{name}: {broken}\n{end}\nreplay: cargo run -p sim -- {replay} --trace");
    }
}

#[test]
fn three_hundred_lives_break_no_rule() {
    let next = AtomicU64::new(1);
    let broken: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, |n| n.get().min(4)) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Relaxed);
                    if seed > 300 {
                        return;
                    }
                    if let Some(why) = live(&Scenario::of_seed(seed), Show::Nothing).broken {
                        let line =
                            format!("{why}\n  replay: cargo run -p sim -- --seed {seed} --trace");
                        broken.lock().unwrap().push(line);
                    }
                }
            });
        }
    });
    let broken = broken.into_inner().unwrap();
    assert!(
        broken.is_empty(),
        "{} lives broke a rule:\n{}",
        broken.len(),
        broken.join("\n")
    );
}

#[test]
fn a_life_is_the_same_every_time() {
    for seed in 1..=6 {
        let scenario = Scenario::of_seed(seed);
        let (first, second) = (
            live(&scenario, Show::Nothing),
            live(&scenario, Show::Nothing),
        );
        assert_eq!(
            (first.hash, first.lines),
            (second.hash, second.lines),
            "seed {seed}"
        );
        assert!(first.lines > 100, "seed {seed}: nothing happens");
    }
    let other = |seed| live(&Scenario::of_seed(seed), Show::Nothing).hash;
    assert_ne!(other(1), other(2));
}

#[test]
fn a_life_can_be_written_down_and_read() {
    for seed in 1..=50 {
        let scenario = Scenario::of_seed(seed);
        let read = Scenario::read(&scenario.script()).unwrap();
        assert_eq!(read.steps, scenario.steps, "seed {seed}");
        assert_eq!((read.seed, read.nodes), (scenario.seed, scenario.nodes));
    }
    assert!(Scenario::read("3 apples").is_err());
}

#[test]
fn every_fault_that_was_found_stays_mended() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let scenario = Scenario::read(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let replay = format!("--script crates/sim/scripts/{name}");
        check(&name, &replay, &live(&scenario, Show::End));
        count += 1;
    }
    assert!(count > 0);
}
