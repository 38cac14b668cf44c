//! A fast SMSC to measure against: takes everything at once or after a delay, a receipt behind every answer. Two
//! threads a connection and templates instead of a codec, so that what is measured is the client.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How it answers.
#[derive(Clone, Copy)]
pub struct Habits {
    /// After so many milliseconds.
    pub delay_ms: f64,
    /// Not before so many messages are there: as long as some of them are held back for want of an ACK, the ACK of the
    /// others waits as well, 40 ms (SMPP.md, row 24).
    pub together: u32,
}

/// Serves for ever; prints its port first.
pub fn run(port: u16, habits: Habits) -> Result<(), String> {
    let delay = Duration::try_from_secs_f64(habits.delay_ms / 1000.0);
    let delay = delay.map_err(|why| why.to_string())?;
    let together = habits.together.max(1);
    let listener = TcpListener::bind(("127.0.0.1", port));
    let listener = listener.map_err(|why| format!("port {port} cannot be opened: {why}."))?;
    let address = listener.local_addr().map_err(|why| why.to_string())?;
    println!("{}", address.port());
    for stream in listener.incoming().flatten() {
        // A connection ends with its client.
        std::thread::spawn(move || serve(stream, delay, together));
    }
    Ok(())
}

fn serve(mut stream: TcpStream, delay: Duration, together: u32) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let (later, due) = mpsc::channel::<(Instant, Vec<u8>)>();
    let mut answers = Answers::default();
    let mut octets = vec![0; 1 << 18];
    let mut length = 0;
    if !delay.is_zero() {
        std::thread::spawn(move || write_later(&mut writer, &due));
    }
    loop {
        let Some(room) = octets.get_mut(length..) else {
            return Ok(());
        };
        let read = stream.read(room)?;
        if read == 0 {
            return Ok(());
        }
        length += read;
        let used = answers.take(octets.get(..length).unwrap_or_default());
        octets.copy_within(used..length, 0);
        length -= used;
        if !answers.count.is_multiple_of(together) {
            continue;
        }
        let out = std::mem::take(&mut answers.out);
        if delay.is_zero() {
            stream.write_all(&out)?;
        } else if later.send((Instant::now() + delay, out)).is_err() {
            return Ok(());
        }
        if answers.over {
            return Ok(());
        }
    }
}

fn write_later(writer: &mut TcpStream, due: &mpsc::Receiver<(Instant, Vec<u8>)>) -> io::Result<()> {
    while let Ok((at, octets)) = due.recv() {
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        writer.write_all(&octets)?;
    }
    Ok(())
}

#[derive(Default)]
struct Answers {
    out: Vec<u8>,
    count: u32,
    over: bool,
}

impl Answers {
    /// Answers every whole PDU; how many octets they were.
    fn take(&mut self, octets: &[u8]) -> usize {
        let mut at = 0;
        while let Some((pdu, head)) = octets.get(at..).and_then(pdu) {
            at += pdu.len();
            let [_, command, _, sequence] = head;
            match command {
                0x04 => self.submitted(sequence, reports_to(pdu).unwrap_or_default()),
                0x01 | 0x02 | 0x09 => self.put(command | RESPONSE, sequence, b"smsc\0"),
                0x15 => self.put(command | RESPONSE, sequence, b""),
                0x06 => {
                    self.put(command | RESPONSE, sequence, b"");
                    self.over = true;
                }
                _ => {}
            }
        }
        at
    }

    fn submitted(&mut self, sequence: u32, reports: &[u8]) {
        self.count += 1;
        let id = format!("{:08X}\0", self.count);
        self.put(0x04 | RESPONSE, sequence, id.as_bytes());
        if reports.is_empty() {
            return;
        }
        let text = format!(
            "id:{:08X} sub:001 dlvrd:001 submit date:2611250904 done date:2611250904 stat:DELIVRD err:000 text:",
            self.count
        );
        let head = [
            b"\0\x01\x01",
            reports,
            b"\0\0\x0112345\0\x04\0\0\0\0\0\0\0\0",
        ];
        let mut body = head.concat();
        body.push(u8::try_from(text.len()).unwrap_or(0));
        body.extend(text.as_bytes());
        self.put(0x05, self.count, &body);
    }

    fn put(&mut self, command: u32, sequence: u32, body: &[u8]) {
        put(&mut self.out, command, sequence, body);
    }
}

/// The destination of a submit_sm that asks for a receipt (SMPP 3.4 §4.4.1); else nothing.
fn reports_to(pdu: &[u8]) -> Option<&[u8]> {
    let mut rest = pdu.get(16..)?;
    let mut strings: [&[u8]; 5] = [&[]; 5];
    // service_type; TON, NPI and address of both ends; three octets; two times; then registered_delivery.
    for (fixed, string) in [0, 2, 2, 3, 0].into_iter().zip(&mut strings) {
        rest = rest.get(fixed..)?;
        let end = rest.iter().position(|octet| *octet == 0)?;
        (*string, rest) = (rest.get(..end)?, rest.get(end + 1..)?);
    }
    (rest.first()? & 0x03 != 0).then_some(strings[2])
}

/// The bit of a response's command_id.
pub const RESPONSE: u32 = 0x8000_0000;

/// Writes a PDU of status 0.
pub fn put(to: &mut Vec<u8>, command: u32, sequence: u32, body: &[u8]) {
    let length = u32::try_from(16 + body.len()).unwrap_or(u32::MAX);
    for word in [length, command, 0, sequence] {
        to.extend(word.to_be_bytes());
    }
    to.extend(body);
}

/// The first whole PDU and the words of its header.
pub fn pdu(octets: &[u8]) -> Option<(&[u8], [u32; 4])> {
    let word = |at: usize| Some(u32::from_be_bytes(octets.get(at..at + 4)?.try_into().ok()?));
    let head = [word(0)?, word(4)?, word(8)?, word(12)?];
    let length = usize::try_from(head[0]).ok()?.max(16);
    Some((octets.get(..length)?, head))
}
