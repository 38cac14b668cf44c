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
    /// A message was not handed over, and will not be: its time was over before its turn came. Of an offer, its owner is
    /// told; of a part of this node's the shipment's own deadlines decide, which are no later.
    NotSent {
        /// Which.
        target: Target,
        /// By which gateway; empty when it waited for any.
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

/// What an outcome means, whoever told it: a gateway, the network, the card, or nobody. Each has its row of the schedule
/// (`schedule.rs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Too fast, or its queue is full: the whole link waits; the message goes again.
    Throttled,
    /// The gateway has a problem of its own: again later.
    Temporary,
    /// This number cannot be reached, now and later: an unknown subscriber, a wrong address.
    Destination,
    /// Our message or our configuration is wrong: permanently refused, a person must act.
    Ours,
    /// A status that only its vendor knows: it may or may not have gone out.
    Unknown,
    /// The gateway did not answer: nobody knows whether it took the message.
    NoAnswer,
    /// The terminal is off or away.
    Absent,
    /// The phone's message memory is full.
    MemoryFull,
    /// The network lets no messages through to this number.
    Barred,
    /// The network gave up, and does not say why.
    Undelivered,
    /// The validity ended.
    Expired,
    /// No receipt came, where a receipt is all that can come.
    NoReceipt,
    /// No answer of the card came in time, and nobody says that it was reached.
    NoProof,
    /// The message was delivered, and the card said nothing.
    Silent,
    /// The card: this counter, or a higher one, was used before.
    CounterLow,
    /// The card: this counter is too far ahead.
    CounterHigh,
    /// The card: the counter is at its end.
    CounterBlocked,
    /// The card: checksum or ciphering wrong.
    Keys,
    /// The card: a security error without a name.
    Security,
    /// The card: no such application.
    TarUnknown,
    /// The card: more security is wanted.
    SecurityTooLow,
    /// The card: no memory for the packet.
    CardMemory,
    /// The card: busy.
    CardBusy,
    /// The card stopped the script at a command.
    Stopped,
}

impl Class {
    /// What a final receipt without delivery means; none for the other states. The network's number counts before the
    /// state's word (MAP user errors, 3GPP TS 29.002 §17.6; `err:` of a text follows them in the field).
    pub fn of_receipt(state: ReceiptState, error: Option<&NetworkError>) -> Option<Self> {
        let by_state = match state {
            ReceiptState::EnRoute | ReceiptState::Delivered => return None,
            ReceiptState::Expired | ReceiptState::Deleted => Self::Expired,
            ReceiptState::Undeliverable => Self::Undelivered,
            ReceiptState::Rejected => Self::Barred,
        };
        if error.is_some_and(NetworkError::is_absent) {
            return Some(Self::Absent);
        }
        Some(match error.and_then(|error| error.code) {
            // unknownSubscriber, unidentifiedSubscriber
            Some(1 | 5) => Self::Destination,
            // subscriberBusyForMT-SMS, messageWaitingListFull
            Some(31 | 33) => Self::Absent,
            // illegalSubscriber, bearer- and teleserviceNotProvisioned, illegalEquipment, callBarred, facilityNotSupported
            Some(9..=13 | 21) => Self::Barred,
            // sm-DeliveryFailure: memoryCapacityExceeded is its first and commonest cause
            Some(32) => Self::MemoryFull,
            _ => by_state,
        })
    }

    /// What a card's status code means; none when it is no failure.
    pub fn of_card(rsc: wire::ota::Rsc) -> Option<Self> {
        use wire::ota::Rsc;
        match rsc {
            Rsc::Ok | Rsc::FollowsBySubmit | Rsc::FollowsByUssd => None,
            Rsc::ChecksumFailed | Rsc::CipheringError => Some(Self::Keys),
            Rsc::CounterLow => Some(Self::CounterLow),
            Rsc::CounterHigh => Some(Self::CounterHigh),
            Rsc::CounterBlocked => Some(Self::CounterBlocked),
            Rsc::SecurityError => Some(Self::Security),
            Rsc::NoMemory => Some(Self::CardMemory),
            Rsc::MoreTime => Some(Self::CardBusy),
            Rsc::TarUnknown => Some(Self::TarUnknown),
            Rsc::SecurityTooLow => Some(Self::SecurityTooLow),
        }
    }

    /// What the status word means at which a card stopped a script (ETSI TS 102 221 §10.2.1).
    pub fn of_status_word(sw: u16) -> Self {
        match sw {
            0x9300 => Self::CardBusy,
            0x9240 | 0x6581 | 0x6A84 => Self::CardMemory,
            _ => Self::Stopped,
        }
    }
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

impl NetworkError {
    /// The terminal is off or away: as the gateway's profile says, or by MAP's absentSubscriberSM and absentSubscriber.
    pub fn is_absent(&self) -> bool {
        self.absent || matches!(self.code, Some(6 | 27))
    }
}
