//! Opaque ids and instants of the API.

use super::problem::Problem;
use book::{SubscriberId, decode_in, encode, encode_in, parse_subscriber_id};
use delivery::{ShipmentId, TerminalId};

/// A subscriber's id from a path.
pub fn subscriber(id: &str) -> Result<SubscriberId, Problem> {
    parse_subscriber_id(id).ok_or_else(Problem::not_found)
}

/// A terminal's id from a path.
pub fn terminal(id: &str) -> Result<TerminalId, Problem> {
    let (subscriber, no) = decode_in('t', id).ok_or_else(Problem::not_found)?;
    Ok(TerminalId { subscriber, no })
}

/// A terminal's id.
pub fn of_terminal(id: TerminalId) -> String {
    encode_in('t', id.subscriber, id.no)
}

/// A shipment's id.
pub fn of_shipment(id: ShipmentId) -> String {
    encode('p', &id.0.to_be_bytes())
}

/// RFC 3339 in UTC.
pub fn instant(ms: i64) -> Option<String> {
    jiff::Timestamp::from_millisecond(ms)
        .ok()
        .map(|instant| instant.to_string())
}

/// A shipment's id from a path.
pub fn shipment(id: &str) -> Result<ShipmentId, Problem> {
    let octets = book::decode('p', id).and_then(|octets| octets.try_into().ok());
    let octets: [u8; 8] = octets.ok_or_else(Problem::not_found)?;
    Ok(ShipmentId(u64::from_be_bytes(octets)))
}
