//! A planned packet as the short messages that carry it, and the answer to it (3GPP TS 31.115; TS 23.040).

use crate::{CardProfile, ChannelKind, PlannedPacket, ProfileError, card_sms};
use thiserror::Error;
use wire::ota::{
    self, Counter, DecodeError, EncodeError, Envelope, KeyError, KeySet, PartsError, Reference,
    Response,
};

/// One short message's user data and the fields that go with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserData {
    /// `octets` begins with a header.
    pub udhi: bool,
    /// TP-PID.
    pub pid: u8,
    /// TP-DCS.
    pub dcs: u8,
    /// Header and body, at most 140.
    pub octets: Vec<u8>,
}

/// Why a planned packet cannot be made into messages.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PacketError {
    /// SIM OTA without a card profile or keys.
    #[error("A secured packet needs a card profile and the card's keys: this terminal has none.")]
    NoKeys,
    /// The card profile is wrong.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The packet cannot be sealed.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// It does not fit.
    #[error(transparent)]
    Parts(#[from] PartsError),
    /// The card is too long.
    #[error(
        "The business card has {octets} octets, more than 255 messages carry: shorten the name or take numbers away."
    )]
    Card {
        /// Its length.
        octets: usize,
    },
}

/// Why an answer proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProofError {
    /// The card profile is wrong.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The parts are not whole.
    #[error(transparent)]
    Parts(#[from] PartsError),
    /// It is no answer to us, or a wrong one.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A command, not an answer.
    #[error("This is a command packet (element 70), not a card's answer (71).")]
    Command,
}

impl CardProfile {
    /// The card's keys with the octets that name them in a packet.
    /// # Errors
    /// A sentence when a key has a length that no cipher has.
    pub fn keys(&self, kic: &[u8], kid: &[u8]) -> Result<KeySet, ProfileError> {
        let keys = KeySet::new(kic, kid, self.kic()?, self.kid()?)
            .map_err(|e: KeyError| ProfileError(e.to_string()))?;
        Ok(KeySet {
            allow_weak: self.allow_single_des,
            ..keys
        })
    }
}

/// The messages that carry `packet`, in order.
///
/// `counter` is the packet's, already recorded (rule 2); `reference` is new for every packet to a phone (its low octet is
/// used where the channel's reference has 8 bits). Both are of no account to a business card of one message.
/// # Errors
/// [`PacketError`]: no keys, keys that do not fit the profile, or more than any number of parts holds.
pub fn encode_packet(
    channel: ChannelKind,
    card: Option<&CardProfile>,
    packet: &PlannedPacket,
    keys: Option<&KeySet>,
    counter: Counter,
    reference: u16,
) -> Result<Vec<UserData>, PacketError> {
    let [_, low] = reference.to_be_bytes();
    match channel {
        ChannelKind::SimOta => {
            let (card, keys) = card.zip(keys).ok_or(PacketError::NoKeys)?;
            let sealed = ota::encode(&packet.payload, keys, card.spi()?, card.tar()?, counter)?;
            let reference = if card.ref_bits == 16 {
                Reference::Sixteen(reference)
            } else {
                Reference::Eight(low)
            };
            let parts = ota::split(
                &sealed,
                ota::Kind::Command,
                reference,
                card.udh_70_in_every_part,
            )?;
            Ok(parts
                .into_iter()
                .map(|octets| UserData {
                    udhi: true,
                    pid: 0x7F,
                    dcs: 0xF6,
                    octets,
                })
                .collect())
        }
        ChannelKind::SmsCard => {
            let octets = packet.payload.len();
            let parts =
                card_sms::parts(&packet.payload, low).ok_or(PacketError::Card { octets })?;
            Ok(parts
                .into_iter()
                .map(|octets| UserData {
                    udhi: true,
                    pid: 0,
                    dcs: 0xF5,
                    octets,
                })
                .collect())
        }
    }
}

/// The card's answer, from the user data of its messages (in any order).
/// # Errors
/// [`ProofError`] when parts are missing, or the checksum that the profile asked for is not right: it proves nothing.
pub fn read_proof<P: AsRef<[u8]>>(
    card: &CardProfile,
    keys: &KeySet,
    parts: &[P],
) -> Result<Response, ProofError> {
    match ota::join(parts)? {
        (ota::Kind::Response, packet) => Ok(ota::decode_response(&packet, keys, card.spi()?)?),
        (ota::Kind::Command, _) => Err(ProofError::Command),
    }
}

/// Octets of user data of a secured packet with `script` octets of script, headers included, in all its parts.
pub(crate) fn ota_octets(envelope: &Envelope, script: usize) -> usize {
    // CPL CHL SPI KIc KID TAR, then CNTR PCNTR, checksum and script in whole blocks (ETSI TS 102 225 §5.1).
    let packet = 10 + (6 + envelope.checksum + script).div_ceil(envelope.block) * envelope.block;
    let parts = envelope.parts_for(script).unwrap_or(0);
    let concatenation = if envelope.ref_bits == ota::RefBits::Sixteen {
        6
    } else {
        5
    };
    let headers = match parts {
        1 => 3,
        n if envelope.ie70_everywhere => n * (3 + concatenation),
        n => n * (1 + concatenation) + 2,
    };
    packet + headers
}
