//! How fast comms hands messages over: N different ones of 140 octets, a receipt asked for on each.

use comms::{GatewayConfig, Gateways};
use delivery::{Event, Lane, Outbound, Target};
use std::fmt;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What one run came to.
pub struct Figures {
    n: u64,
    window: u64,
    /// Messages that were taken.
    pub accepted: u64,
    /// Receipts that were matched.
    pub receipts: u64,
    refused: u64,
    seconds: f64,
    cpu: f64,
}

impl Figures {
    /// Nothing yet of `n` messages.
    pub fn new(n: u64, window: u64) -> Self {
        Self {
            n,
            window,
            accepted: 0,
            receipts: 0,
            refused: 0,
            seconds: 0.0,
            cpu: 0.0,
        }
    }

    /// The run is over; `used` is what [`cpu`] said at its start.
    pub fn done(&mut self, start: Instant, end: Instant, used: f64) {
        self.seconds = end.saturating_duration_since(start).as_secs_f64();
        self.cpu = cpu() - used;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.accepted as f64 / self.seconds;
        let cpu = self.cpu / self.n as f64 * 10_000.0;
        write!(
            f,
            "{rate:.0} messages/s, {cpu:.3} cpu-s per 10,000, window {}, {} taken, {} receipts, {} refused",
            self.window, self.accepted, self.receipts, self.refused
        )
    }
}

/// Processor time of this process so far, seconds: user and system of /proc/self/stat, in hundredths.
pub fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name in brackets, which may hold spaces, utime and stime are the 12th and 13th.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.filter_map(|t| t.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// 140 octets that no other message has.
pub fn message(n: u64) -> [u8; 140] {
    let mut octets = [0xA5; 140];
    octets[..3].copy_from_slice(&[2, 0x70, 0]);
    octets[3..11].copy_from_slice(&n.to_be_bytes());
    octets
}

/// Drives the client alone against any SMSC and prints one line.
pub fn run(host: &str, port: u16, n: u64, window: u32) -> Result<(), String> {
    let account = std::env::var("KITH_BENCH_ACCOUNT").unwrap_or_else(|_| "kith:secret8".into());
    let (name, password) = account.split_once(':').unwrap_or((&account, ""));
    let config: GatewayConfig = serde_json::from_value(serde_json::json!({
        "name": "bench", "host": host, "port": port, "system_id": name, "password": password,
        "source": "12345", "window": window,
    }))
    .map_err(|why| why.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|why| why.to_string())?;
    let figures = runtime.block_on(drive(config, n))?;
    println!("smpp: {figures}");
    if figures.accepted < n {
        return Err(format!(
            "{} of {n} messages were not taken.",
            n - figures.accepted
        ));
    }
    Ok(())
}

/// Messages that wait in the client at most: enough for any window, and no memory's worth.
const AHEAD: u64 = 10_000;
/// Receipts that do not come for so long do not come.
const SILENCE: Duration = Duration::from_secs(3);

async fn drive(config: GatewayConfig, n: u64) -> Result<Figures, String> {
    let mut figures = Figures::new(n, config.window.into());
    let (tell, mut events) = tokio::sync::mpsc::channel(10_000);
    let gateways = Gateways::start(vec![config], tell);
    loop {
        match tokio::time::timeout(SILENCE, events.recv()).await {
            Ok(Some(Event::Gateway { up: true, .. })) => break,
            Ok(Some(Event::Gateway { reason, .. })) => return Err(reason),
            Ok(Some(_)) => {}
            _ => return Err("nobody answers the bind.".into()),
        }
    }
    let (start, used) = (Instant::now(), cpu());
    let mut end = start;
    let mut sent = 0;
    let mut batch = Vec::new();
    let mut reported = vec![false; usize::try_from(n).unwrap_or(0)];
    while figures.accepted + figures.refused < n || figures.receipts < figures.accepted {
        while sent < n && sent < figures.accepted + figures.refused + AHEAD {
            gateways.send(outbound(sent));
            sent += 1;
        }
        let more = tokio::time::timeout(SILENCE, events.recv_many(&mut batch, 1_000));
        if more.await.unwrap_or(0) == 0 {
            break;
        }
        end = Instant::now();
        for event in batch.drain(..) {
            match event {
                Event::Accepted { .. } => figures.accepted += 1,
                Event::Refused { .. } | Event::NoAnswer { .. } | Event::NotSent { .. } => {
                    figures.refused += 1
                }
                Event::Receipt { target, ack, .. } => {
                    // One that comes twice counts once.
                    if let Some(Target::Notice { id, .. }) = target
                        && let Some(reported) = reported.get_mut(id as usize)
                    {
                        figures.receipts += u64::from(!std::mem::replace(reported, true));
                    }
                    gateways.stored(ack, true);
                }
                Event::Mobile { ack, .. } => gateways.stored(ack, true),
                Event::Gateway { .. } => {}
            }
        }
    }
    figures.done(start, end, used);
    gateways.shutdown().await;
    Ok(figures)
}

fn outbound(n: u64) -> Outbound {
    Outbound {
        target: Target::Notice { id: n, part: 1 },
        lane: Lane::Bulk,
        destination: format!("+447700900{:03}", n % 1000),
        udhi: true,
        pid: 0x7F,
        dcs: 0xF6,
        user_data: message(n).to_vec(),
        validity_s: None,
        fence: None,
        by: None,
    }
}

/// The client and the bare one against the fast SMSC, every one in a process of its own.
pub fn table() -> Result<(), String> {
    let at_once: &[&str] = &[];
    for (what, habits, window, n) in [
        ("at once", at_once, 1, 50_000),
        ("at once", at_once, 10, 200_000),
        ("at once", at_once, 100, 500_000),
        ("ten together", &["--together", "10"], 10, 200_000),
        ("after 3.3 ms", &["--delay-ms", "3.3"], 1, 1_000),
        ("after 3.3 ms", &["--delay-ms", "3.3"], 10, 20_000),
        ("after 3.3 ms", &["--delay-ms", "3.3"], 100, 100_000),
    ] {
        println!("answers {what}, window {window}:");
        let turn = |client| once(client, habits, n, window);
        let mut turns = [Vec::new(), Vec::new()];
        for _ in 0..3 {
            let (bare, ours) = if habits.first() == Some(&"--delay-ms") {
                // Both wait most of the time: side by side they meet the very same machine.
                std::thread::scope(|scope| {
                    let bare = scope.spawn(|| turn("bare"));
                    let ours = turn("smpp");
                    (
                        bare.join().unwrap_or_else(|_| Err("it panicked".into())),
                        ours,
                    )
                })
            } else {
                (turn("bare"), turn("smpp"))
            };
            turns[0].push(bare?);
            turns[1].push(ours?);
        }
        // The median of three.
        let [bare, ours] = turns.map(|mut turns| {
            turns.sort_by(|(a, _), (b, _)| a.total_cmp(b));
            turns.swap_remove(1)
        });
        let share = ours.0 / bare.0 * 100.0;
        println!("  {}  {}  {share:.0} % of bare", bare.1, ours.1);
    }
    Ok(())
}

/// One run: its rate and its line.
fn once(client: &str, habits: &[&str], n: u64, window: u32) -> Result<(f64, String), String> {
    let program = std::env::current_exe().map_err(|why| why.to_string())?;
    let mut smsc = Command::new(&program)
        .args(["smsc", "0"])
        .args(habits)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|why| why.to_string())?;
    let mut port = String::new();
    if let Some(out) = smsc.stdout.take() {
        // Without a port the client below says what is wrong.
        let _ = BufReader::new(out).read_line(&mut port);
    }
    let run = Command::new(&program)
        .args([
            client,
            "127.0.0.1",
            port.trim(),
            &n.to_string(),
            &window.to_string(),
        ])
        .output();
    let _ = smsc.kill();
    let _ = smsc.wait();
    let run = run.map_err(|why| why.to_string())?;
    if !run.status.success() {
        return Err(String::from_utf8_lossy(&run.stderr).trim().to_owned());
    }
    let line = String::from_utf8_lossy(&run.stdout).into_owned();
    let rate = line.split(' ').nth(1).and_then(|rate| rate.parse().ok());
    Ok((rate.unwrap_or_default(), line))
}
