//! How fast secured packets are made: one UPDATE RECORD of 28 octets, AES-128 in both places, fresh keys each time.

use std::{
    hint::black_box,
    process::Command,
    time::{Duration, Instant},
};
use wire::ota::{Counter, KeySet, Spi, Tar, encode};

const WARM_UP: Duration = Duration::from_millis(300);
const ROUND: Duration = Duration::from_millis(500);
const ROUNDS: usize = 5;

/// Prints the rate on one thread; and beside it, in the same run, that of a peer and the ratio of the two.
///
/// The peer is the shell command in `KITH_BENCH_OTA_PEER`, which does the same work and prints packets a second as its
/// last line (docs/PEERS.md gives pySim's).
pub fn run() {
    packets_per_second(WARM_UP);
    let mut rates: Vec<f64> = (0..ROUNDS).map(|_| packets_per_second(ROUND)).collect();
    rates.sort_by(f64::total_cmp);
    let ours = rates.get(ROUNDS / 2).copied().unwrap_or_default();
    println!(
        "ota encode: {ours:.0} packets/s (UPDATE RECORD of 28 octets, AES-128, fresh keys each; one thread, median of {ROUNDS})"
    );
    let Ok(command) = std::env::var("KITH_BENCH_OTA_PEER") else {
        println!("ota encode: no peer (KITH_BENCH_OTA_PEER is not set; see docs/PEERS.md)");
        return;
    };
    match peer(&command) {
        Ok(theirs) => println!(
            "ota encode: peer {theirs:.0} packets/s, ratio {:.1} (at least 40 wanted)",
            ours / theirs
        ),
        Err(error) => println!("ota encode: the peer failed: {error}"),
    }
}

fn packets_per_second(time: Duration) -> f64 {
    let spi = Spi::from_octets([0x16, 0x19]).unwrap_or_else(|error| panic!("{error}"));
    let mut script = [0xFF; 33];
    script[..5].copy_from_slice(&[0x00, 0xDC, 0x01, 0x0C, 28]);
    let (start, mut made) = (Instant::now(), 0u64);
    while start.elapsed() < time {
        for _ in 0..1000 {
            made += 1;
            let kic = u128::from(made)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)
                .to_be_bytes();
            let keys = KeySet::new(&kic, &u128::from(!made).to_be_bytes(), 0x12, 0x12)
                .unwrap_or_else(|error| panic!("{error}"));
            let cntr = Counter::new(made).unwrap_or_default();
            let packet = encode(
                black_box(&script),
                &keys,
                spi,
                Tar([0xB0, 0x00, 0x11]),
                cntr,
            );
            assert!(black_box(packet).is_ok());
        }
    }
    made as f64 / start.elapsed().as_secs_f64()
}

fn peer(command: &str) -> Result<f64, String> {
    let output = Command::new("sh")
        .args(["-c", command])
        .output()
        .map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().last().unwrap_or_default();
    last.trim().parse().map_err(|_| {
        format!(
            "its last line is no number: “{last}”; {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )
    })
}
