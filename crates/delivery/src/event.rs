//! What the communication module tells control.

use crate::Target;
use serde::{Deserialize, Serialize};

/// Something that happened at a gateway. Events with an `ack` came as a message that the gateway keeps until it is
/// answered: control stores what it learnt, then says so (`Gateways::stored(ack, true)`), and only then is it answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The gateway took a message.
    Accepted {
        /// Which.
        target: Target,
        /// By which gateway.
        gateway: String,
        /// Its id there; absent when the gateway gave none (no receipt possible).
        message_id: Option<String>,
    },
    /// The gateway refused a message.
    Refused {
        /// Which.
        target: Target,
        /// By which gateway.
        gateway: String,
        /// The status as given (SMPP `command_status`).
        status: u32,
        /// What it means for us.
        class: Class,
        /// The same in words, with the number.
        reason: String,
    },
    /// No answer in time, or the link broke before one came: the outcome is unknown (rule 5).
    NoAnswer {
        /// Which.
        target: Target,
        /// By which gateway.
        gateway: String,
    },
    /// A delivery receipt or an intermediate notice, already matched to a message sent by this process, or not.
    Receipt {
        /// From which gateway.
        gateway: String,
        /// The message's id there, as the receipt gave it.
        message_id: String,
        /// What it belongs to, when this process sent it.
        target: Option<Target>,
        /// How far the message is.
        state: ReceiptState,
        /// The network's error, if any.
        error: Option<NetworkError>,
        /// Token for `stored`.
        ack: u64,
    },
    /// A message from a terminal: a PoR (UDHI, element 71) or a text.
    Mobile {
        /// From which gateway.
        gateway: String,
        /// The terminal's number, E.164 with `+` where the gateway said international.
        from: String,
        /// The number it was sent to.
        to: String,
        /// User data begins with a header.
        udhi: bool,
        /// TP-PID.
        pid: u8,
        /// Data coding as the gateway gave it.
        dcs: u8,
        /// Header and body.
        user_data: Vec<u8>,
        /// Token for `stored`.
        ack: u64,
    },
    /// A gateway's state changed (its row of the network state table did).
    Gateway {
        /// Which.
        gateway: String,
        /// Whether messages can go out by it now.
        up: bool,
        /// Why, as a sentence.
        reason: String,
    },
}

/// What a refusal means (SMPP.md, rows 10 and 11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Too fast, or its queue is full: the whole link waits; the message goes again.
    Throttled,
    /// The gateway has a problem of its own: again later.
    Temporary,
    /// This number cannot be reached by it, now and later.
    Destination,
    /// Our message or our configuration is wrong: a person must act.
    Ours,
    /// It may or may not have gone out.
    Unknown,
}

/// How far a message is (SMPP 3.4 §5.2.28). Only the last five are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptState {
    /// Not final: under way, accepted, scheduled or not known.
    EnRoute,
    /// DELIVRD.
    Delivered,
    /// EXPIRED.
    Expired,
    /// DELETED.
    Deleted,
    /// UNDELIV.
    Undeliverable,
    /// REJECTD.
    Rejected,
}

/// The network's own error (SMPP `network_error_code`, or `err:` of a receipt's text).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NetworkError {
    /// The number, when one was given.
    pub code: Option<u16>,
    /// The terminal was not reachable (GSM: absent subscriber, 27 or 1B hex as the gateway's profile says).
    pub absent: bool,
    /// As it came.
    pub raw: String,
}
