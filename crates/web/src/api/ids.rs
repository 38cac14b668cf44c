//! Opaque ids and instants of the API.

use super::problem::Problem;
use book::{
    FriendNo, GroupNo, SubscriberId, decode_in, encode, encode_in, friend_id, group_id,
    parse_subscriber_id, shared_friend_id, shared_group_id,
};
use delivery::{CampaignNo, ShipmentId, TerminalId};

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

/// A campaign's id.
pub fn of_campaign(no: CampaignNo) -> String {
    encode('m', &no.0.to_be_bytes())
}

/// A campaign's id, as a cursor.
pub fn campaign_cursor(id: &str) -> Option<CampaignNo> {
    let octets: [u8; 8] = book::decode('m', id)?.try_into().ok()?;
    Some(CampaignNo(u64::from_be_bytes(octets)))
}

/// A campaign's id from a path.
pub fn campaign(id: &str) -> Result<CampaignNo, Problem> {
    campaign_cursor(id).ok_or_else(Problem::not_found)
}

/// A friend's id: one of the book's own, or of a shared group that it carries.
pub fn of_friend(book: SubscriberId, no: FriendNo) -> String {
    if no.is_shared() {
        shared_friend_id(no)
    } else {
        friend_id(book, no)
    }
}

/// A group's id: one of the book's own, or a shared one.
pub fn of_group(book: SubscriberId, no: GroupNo) -> String {
    if no.is_shared() {
        shared_group_id(no)
    } else {
        group_id(book, no)
    }
}
