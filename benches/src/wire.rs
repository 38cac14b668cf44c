//! Edit committed → submit_sm on the wire, coalescing off: one edit at a time, each of another book, on a store that
//! syncs to disk. The disk's own fdatasync is measured beside it.

use crate::installation;
use book::{Edit, FriendDraft};
use comms::{GatewayConfig, Gateways};
use control::EditOptions;
use identity::{Grant, JobKind};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// How many books, each edited once.
const BOOKS: u32 = 500;

/// Prints the figures.
pub fn run() -> Result<(), String> {
    installation::in_a_folder(measured)
}

fn measured(folder: &Path) -> Result<(), String> {
    let disk = fdatasync(folder).map_err(|why| why.to_string())?;
    let (port, seen) = smsc().map_err(|why| why.to_string())?;
    let runtime = tokio::runtime::Runtime::new().map_err(|why| why.to_string())?;
    let mut taken = runtime.block_on(edits(folder, port, &seen))?;
    taken.sort_unstable();
    let at = |hundredths: usize| taken.get((taken.len() * hundredths / 100).min(taken.len() - 1));
    println!(
        "edit committed → submit_sm: median {:.2} ms, p99 {:.2} ms, of {} (fdatasync of this disk: median {:.2} ms)",
        milliseconds(at(50)),
        milliseconds(at(99)),
        taken.len(),
        milliseconds(Some(&disk)),
    );
    Ok(())
}

fn milliseconds(duration: Option<&Duration>) -> f64 {
    duration.map_or(f64::NAN, |d| d.as_secs_f64() * 1000.0)
}

async fn edits(
    folder: &Path,
    port: u16,
    seen: &mpsc::Receiver<Instant>,
) -> Result<Vec<Duration>, String> {
    let said = |why: &dyn std::fmt::Display| why.to_string();
    let config: GatewayConfig = serde_json::from_value(serde_json::json!({
        "name": "bench", "host": "127.0.0.1", "port": port, "system_id": "kith", "window": 100,
    }))
    .map_err(|why| said(&why))?;
    let (events, inbox) = tokio::sync::mpsc::channel(10_000);
    let gateways = Arc::new(Gateways::start(vec![config], events));
    let (outbound, mut sent) = tokio::sync::mpsc::unbounded_channel();
    let table = gateways.table();
    let network = move || table.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let control = installation::open(folder, outbound, network)?;
    let engine = {
        let (control, gateways) = (control.clone(), Arc::clone(&gateways));
        let stored = Box::new(move |ack, ok| gateways.stored(ack, ok));
        tokio::spawn(async move { control.run(inbox, stored, std::future::pending()).await })
    };
    let messages = tokio::spawn(async move {
        while let Some(message) = sent.recv().await {
            gateways.send(message);
        }
    });
    let mut taken = Vec::new();
    for n in 0..BOOKS {
        let owner = installation::owner(&control, n).await?;
        let grant = Grant::of_job(JobKind::CommandLine, owner);
        let number = format!("+1212555{:04}", 100 + n % 100);
        let edit = Edit::AddFriend(FriendDraft::new("Mei", &number));
        let edited = control.edit(&grant, edit, EditOptions::default()).await;
        let committed = Instant::now();
        edited.map_err(|why| said(&why))?;
        let arrived = tokio::task::block_in_place(|| seen.recv_timeout(Duration::from_secs(10)));
        let arrived = arrived.map_err(|_| "a message did not arrive within 10 s".to_owned())?;
        // The engine may be faster than the answer to the one who edits.
        taken.push(arrived.saturating_duration_since(committed));
    }
    engine.abort();
    messages.abort();
    Ok(taken)
}

/// The disk's own median.
fn fdatasync(folder: &Path) -> std::io::Result<Duration> {
    let mut file = std::fs::File::create(folder.join("sync"))?;
    let mut taken = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        file.write_all(&[0; 1024])?;
        file.sync_data()?;
        taken.push(begun.elapsed());
    }
    taken.sort_unstable();
    Ok(taken.get(taken.len() / 2).copied().unwrap_or_default())
}

/// An SMSC that takes everything, and tells when each submit_sm was there.
fn smsc() -> std::io::Result<(u16, mpsc::Receiver<Instant>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let (seen, arrived) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let seen = seen.clone();
            std::thread::spawn(move || serve(stream, &seen));
        }
    });
    Ok((port, arrived))
}

fn serve(mut stream: TcpStream, seen: &mpsc::Sender<Instant>) -> std::io::Result<()> {
    const SUBMIT_SM: u32 = 4;
    const BIND_TRANSCEIVER: u32 = 9;
    const ENQUIRE_LINK: u32 = 0x15;
    stream.set_nodelay(true)?;
    loop {
        let mut head = [0; 16];
        stream.read_exact(&mut head)?;
        let [length, command, _, sequence] = std::array::from_fn(|n| {
            let word = head.get(n * 4..n * 4 + 4).and_then(|w| w.try_into().ok());
            u32::from_be_bytes(word.unwrap_or_default())
        });
        let rest = usize::try_from(length).unwrap_or(16).saturating_sub(16);
        stream.read_exact(&mut vec![0; rest])?;
        let body: &[u8] = match command {
            SUBMIT_SM => {
                let _ = seen.send(Instant::now());
                b"1\0"
            }
            BIND_TRANSCEIVER => b"bench\0",
            ENQUIRE_LINK => b"",
            _ => continue,
        };
        let length = u32::try_from(16 + body.len()).unwrap_or(16);
        let words = [length, command | 0x8000_0000, 0, sequence];
        let mut answer: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        answer.extend(body);
        stream.write_all(&answer)?;
    }
}
