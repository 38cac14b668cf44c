//! The least that a client can do: a loop on one socket that keeps the window full and answers receipts. What no
//! queue, no matching and no clock costs; the measure for the real client.

use crate::smpp::{Figures, cpu, message};
use crate::smsc::{RESPONSE, pdu, put};
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Prints one line, as the real client does.
pub fn run(host: &str, port: u16, n: u64, window: u32) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|why| why.to_string())?;
    let figures = runtime.block_on(drive(host, port, n, window.into()));
    println!("bare: {}", figures.map_err(|why| why.to_string())?);
    Ok(())
}

async fn drive(host: &str, port: u16, n: u64, window: u64) -> std::io::Result<Figures> {
    let mut stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    let mut out = Vec::new();
    put(&mut out, 0x09, 1, b"kith\0secret8\0\0\x34\0\0\0");
    let mut submit =
        b"\0\0\x0112345\0\x01\x01447700900101\0\x40\x7F\0\0\0\x11\0\xF6\0\x8C".to_vec();
    let fixed = submit.len();
    submit.resize(fixed + 140, 0);
    let (mut start, mut used) = (Instant::now(), cpu());
    let mut figures = Figures::new(n, window);
    let mut sent = 0;
    let mut octets: Vec<u8> = Vec::with_capacity(1 << 18);
    while figures.accepted < n || figures.receipts < n {
        stream.write_all(&out).await?;
        out.clear();
        if stream.read_buf(&mut octets).await? == 0 {
            break;
        }
        let mut at = 0;
        while let Some((whole, [_, command, _, sequence])) = octets.get(at..).and_then(pdu) {
            at += whole.len();
            match command {
                0x8000_0004 => figures.accepted += 1,
                0x8000_0009 => (start, used) = (Instant::now(), cpu()),
                0x05 => {
                    figures.receipts += 1;
                    put(&mut out, command | RESPONSE, sequence, b"\0");
                }
                _ => {}
            }
        }
        octets.drain(..at);
        while sent < n && sent < figures.accepted + window {
            submit.truncate(fixed);
            submit.extend(message(sent));
            sent += 1;
            put(
                &mut out,
                0x04,
                u32::try_from(sent + 1).unwrap_or(2),
                &submit,
            );
        }
    }
    figures.done(start, Instant::now(), used);
    Ok(figures)
}
