//! Long messages from terminals, part by part. A part is stored before it is answered, because a gateway may keep the
//! next one until then; so what is missing is found by whoever owns the terminal when it comes.

use store::{Document, DocumentWrite};
use wire::sms::{Limits, Reassembler, udh};

/// The kind of the documents that hold parts, by their sender.
pub(super) const KIND: &str = "fragment";

/// Whether this is one part of several.
pub(super) fn is_part(udhi: bool, user_data: &[u8]) -> bool {
    let place = || udh::read(user_data).ok()?.0.place;
    udhi && place().is_some_and(|place| place.total > 1)
}

/// The parts of one sender that wait.
pub(super) fn waiting(from: &str, stored: &[Document]) -> Reassembler {
    let mut parts: Vec<_> = stored.iter().filter_map(read).collect();
    parts.sort_unstable();
    let mut waiting = Reassembler::new(Limits::USUAL);
    for (at, token, user_data) in parts {
        waiting.take(from, true, user_data, token, at);
    }
    waiting
}

fn read(document: &Document) -> Option<(i64, u64, Vec<u8>)> {
    let (at, user_data): (i64, String) = serde_json::from_str(&document.value).ok()?;
    let token = u64::from_str_radix(&document.key, 16).ok()?;
    Some((at, token, hex::decode(user_data).ok()?))
}

/// Keeps a part.
pub(super) fn keep(from: &str, token: u64, user_data: &[u8], now: i64) -> DocumentWrite {
    DocumentWrite::put(KIND, key(token), &(now, hex::encode(user_data)))
        .indexed(from)
        .until(now + Limits::USUAL.patience)
}

/// A part that is needed no longer.
pub(super) fn drop(token: u64) -> DocumentWrite {
    DocumentWrite::remove(KIND, key(token))
}

fn key(token: u64) -> String {
    format!("{token:016x}")
}

/// What the parts say without their headers.
pub(super) fn body(parts: &[Vec<u8>]) -> Vec<u8> {
    let bodies = parts.iter().map(|part| match udh::read(part) {
        Ok((_, body)) => body,
        Err(_) => part,
    });
    bodies.collect::<Vec<_>>().concat()
}
