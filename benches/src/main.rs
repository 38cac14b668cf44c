//! Kith's benches: `cargo run --release -p bench -- NAME` prints the figures of docs/BENCHMARKS.md.

mod ota;

fn main() -> std::process::ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("ota") => {
            ota::run();
            std::process::ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: bench ota");
            std::process::ExitCode::from(2)
        }
    }
}
