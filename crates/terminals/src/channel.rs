//! The way a kind of terminal is updated. A channel declares the highest proof it can give and never claims more.

use serde::{Deserialize, Serialize};

/// How a terminal is reached (API.md, “Channels”).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChannelKind {
    /// The phone book on the SIM, by secured packets (ETSI TS 102 225).
    SimOta,
    /// Business cards by SMS to port 9204: adds only, at most *delivered*.
    SmsCard,
}

impl ChannelKind {
    /// Every channel that this build has.
    pub const ALL: [Self; 2] = [Self::SimOta, Self::SmsCard];

    /// The name used by the API and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SimOta => "sim-ota",
            Self::SmsCard => "sms-card",
        }
    }

    /// The channel with this API name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The most that this channel can ever prove in ordinary delivery.
    pub fn highest_proof(self) -> Proof {
        match self {
            Self::SimOta => Proof::Applied,
            Self::SmsCard => Proof::Delivered,
        }
    }

    /// Whether what is on the terminal can be taken away again.
    pub fn can_remove(self) -> bool {
        matches!(self, Self::SimOta)
    }
}

/// How sure Kith is, from nothing to read back (DESIGN.md, “proof”).
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Nothing is known.
    #[default]
    None,
    /// The gateway took it.
    Accepted,
    /// The network says that the terminal has the message.
    Delivered,
    /// The terminal says that it is done (a PoR).
    Applied,
    /// It was read back.
    Verified,
}

impl Proof {
    /// The API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Applied => "applied",
            Self::Verified => "verified",
        }
    }
}
