//! What control hands to the communication module: never SMPP, so that a modem or an HTTP gateway fits as well.

use crate::{Fence, ShipmentId};
use serde::{Deserialize, Serialize};

/// One short message on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    /// What it belongs to; comes back in every event about it.
    pub target: Target,
    /// Interactive goes before bulk, at every queue (rule 6).
    pub lane: Lane,
    /// The terminal's MSISDN, E.164 with `+`.
    pub destination: String,
    /// User data begins with a header (TS 23.040 §9.2.3.23).
    pub udhi: bool,
    /// TP-PID (7F for a secured packet).
    pub pid: u8,
    /// TP-DCS as the standard has it: F6 secured packet, F5 business card, 00 default alphabet, 08 UCS-2. A gateway
    /// that wants another number for F6 or F5 says so in its profile.
    pub dcs: u8,
    /// The header and the body, at most 140 octets; with DCS 00 the body is one octet a septet, unpacked.
    pub user_data: Vec<u8>,
    /// How long the network may keep trying, seconds; the gateway's default when absent.
    pub validity_s: Option<u32>,
    /// Until when this node may send it: its lease, and its validity ([`Outbound::limit`]); none: for as long as it likes.
    /// Whoever writes it to a socket looks last.
    pub fence: Option<Fence>,
    /// The gateway that it must go by: another node offered it there (`offer`). None: routing chooses.
    pub by: Option<String>,
}

impl Outbound {
    /// It is over when its validity is: counted from now, `monotonic` ms. What waits longer for a gateway is not sent any
    /// more; its shipment is planned anew by then, and a phone that adds every business card would get one a plan.
    pub fn limit(&mut self, monotonic: u64) {
        if let Some(seconds) = self.validity_s {
            let end = monotonic.saturating_add(u64::from(seconds) * 1000);
            let fence = self.fence.take().unwrap_or_else(Fence::always);
            self.fence = Some(fence.no_later_than(end));
        }
    }

    /// Whether it may still be sent when the monotonic clock says `monotonic`, ms.
    pub fn is_open(&self, monotonic: u64) -> bool {
        self.fence
            .as_ref()
            .is_none_or(|fence| fence.open(monotonic))
    }
}

/// What an outbound message belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Target {
    /// A part of a packet of a shipment.
    Part(PartRef),
    /// A text to a person: a code, a notice. `id` is the notice's, `part` counts from 1.
    Notice {
        /// The notice.
        id: u64,
        /// Its part, from 1.
        part: u8,
    },
}

impl Target {
    /// Whether this names the same message, in whichever sending of it.
    pub fn is_again(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Part(a), Self::Part(b)) => {
                (a.shipment, a.packet, a.part) == (b.shipment, b.packet, b.part)
            }
            (a, b) => a == b,
        }
    }
}

/// Names one part of one packet of one shipment, in one sending of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PartRef {
    /// The shipment.
    pub shipment: ShipmentId,
    /// The packet in it, from 1.
    pub packet: u16,
    /// The part in the packet, from 1.
    pub part: u8,
    /// Which sending of the very same packet this is, from 1.
    pub sending: u16,
}

/// Whether somebody is waiting.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// A caller is on the line, or a person has just edited.
    #[default]
    Interactive,
    /// A campaign.
    Bulk,
}
