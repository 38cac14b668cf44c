//! The other end in a process of its own: a carrier with a card behind every number, which says when a message was there.

use lab::card::{Card, CardKind};
use lab::smsc::crowd::Crowd;
use lab::{Account, Carrier};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

/// What every number of the crowd begins with; six digits follow.
pub const PREFIX: &str = "447700900";
/// Every card's keys.
pub const KIC: &str = "000102030405060708090a0b0c0d0e0f";
/// Every card's keys.
pub const KID: &str = "101112131415161718191a1b1c1d1e1f";
/// Every card's kind.
pub const KIND: &str = "sim-28x50";

/// Serves for ever. Prints its port, then a line a message: its number's last six digits and when it came, µs UTC.
pub fn serve() -> Result<(), String> {
    let octets = |digit: u8| (digit..digit + 16).collect::<Vec<u8>>();
    let kind = CardKind::named(KIND)?;
    let card = Card::new(kind, "8944770090000000000", &octets(0), &octets(0x10))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.map_err(|why| why.to_string())?.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.map_err(|why| why.to_string())?;
        let port = listener.local_addr().map_err(|why| why.to_string())?.port();
        println!("{port}");
        let (seen, mut lines) = tokio::sync::mpsc::unbounded_channel::<(String, u128)>();
        std::thread::spawn(move || {
            let mut out = std::io::stdout().lock();
            while let Some((number, at)) = lines.blocking_recv() {
                let mut text = format!("{number} {at}\n");
                while let Ok((number, at)) = lines.try_recv() {
                    text += &format!("{number} {at}\n");
                }
                // The measuring process has ended.
                if out
                    .write_all(text.as_bytes())
                    .and_then(|()| out.flush())
                    .is_err()
                {
                    std::process::exit(0);
                }
            }
        });
        let carrier = Carrier::new(vec![Account {
            system_id: "kith".into(),
            password: "secret8".into(),
        }]);
        carrier.add_crowd(Crowd::new(PREFIX, card, move |number| {
            let digits = number.trim_start_matches('+').strip_prefix(PREFIX);
            let _ = seen.send((digits.unwrap_or_default().to_owned(), now()));
        }));
        carrier.listen(listener).await;
        Ok(())
    })
}

/// µs UTC: the same clock in both processes.
pub fn now() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros())
}

/// A running crowd; it ends with this.
pub struct Running {
    child: Child,
    /// Where it takes SMPP connections.
    pub port: u16,
}

impl Running {
    /// Starts one; `seen` is told of every message: which of the crowd, and when, µs UTC.
    pub fn start(seen: impl Fn(u32, u128) + Send + 'static) -> Result<Self, String> {
        let said = |why: std::io::Error| why.to_string();
        let program = std::env::current_exe().map_err(said)?;
        let mut command = Command::new(program);
        command.arg("crowd").stdout(Stdio::piped());
        let mut child = command.spawn().map_err(said)?;
        let out = child.stdout.take().ok_or("the crowd says nothing.")?;
        let mut lines = BufReader::new(out).lines();
        let first = lines.next().and_then(Result::ok).unwrap_or_default();
        let port = first.parse().map_err(|_| "the crowd did not start.")?;
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let words = line.split_once(' ');
                let words = words.and_then(|(n, at)| Some((n.parse().ok()?, at.parse().ok()?)));
                if let Some((n, at)) = words {
                    seen(n, at);
                }
            }
        });
        Ok(Self { child, port })
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
