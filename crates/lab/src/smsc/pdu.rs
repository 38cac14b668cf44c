//! SMPP 3.4 PDUs of the software carrier: `rusmpp` reads and writes what is well-formed, raw octets the rest.

use axum::body::Bytes;
use rusmpp::decode::DecodeWithLength;
use rusmpp::encode::{Encode, Length};
use rusmpp::pdus::{
    BindReceiverResp, BindTransceiverResp, BindTransmitterResp, DeliverSm, SubmitSm, SubmitSmResp,
};
use rusmpp::tlvs::{MessageDeliveryRequestTlvValue as DeliveryTlv, TlvValue};
use rusmpp::types::{COctetString, OctetString};
use rusmpp::values::{
    DataCoding, ErrorCodeNetworkType, EsmClass, InterfaceVersion, MessageState, NetworkErrorCode,
    Npi, Ton,
};
use rusmpp::{Command, CommandId, CommandStatus, Pdu};

/// Octets of a PDU's header (SMPP 3.4 §3.2).
pub const HEADER: usize = 16;
/// Longest PDU that is taken: 64 KiB covers the largest message_payload.
pub const LONGEST: usize = HEADER + 0x1_0000 + 1024;

/// A message on its way through the carrier, whichever side it came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Source address as it was given.
    pub from: String,
    /// Destination address as it was given.
    pub to: String,
    /// SMPP esm_class; bit 0x40 says that the user data starts with a header (§5.2.12).
    pub esm_class: u8,
    /// TP-PID.
    pub protocol_id: u8,
    /// SMPP data_coding.
    pub data_coding: u8,
    /// short_message, or message_payload when that was used.
    pub user_data: Vec<u8>,
}

/// What the head of a PDU says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// command_length, header included.
    pub length: usize,
    /// command_id.
    pub id: u32,
    /// command_status.
    pub status: u32,
    /// sequence_number.
    pub sequence: u32,
}

/// Reads the header; `None` while fewer than 16 octets are there.
#[must_use]
pub fn head(octets: &[u8]) -> Option<Head> {
    let word = |at: usize| {
        octets
            .get(at..at + 4)?
            .try_into()
            .ok()
            .map(u32::from_be_bytes)
    };
    Some(Head {
        length: word(0)? as usize,
        id: word(4)?,
        status: word(8)?,
        sequence: word(12)?,
    })
}

/// Reads one whole PDU with `rusmpp`; `None` when its body cannot be read.
#[must_use]
pub fn decode(octets: &[u8]) -> Option<Command> {
    let body = octets.get(4..)?;
    let mut source = Bytes::copy_from_slice(body).into();
    Command::decode(&mut source, body.len())
        .ok()
        .map(|(command, _)| command)
}

/// Writes one PDU behind what stands in `out`.
pub fn encode(out: &mut Vec<u8>, status: CommandStatus, sequence: u32, pdu: impl Into<Pdu>) {
    let command = Command::new(status, sequence, pdu);
    let start = out.len();
    let length = command.length() + 4;
    out.resize(start + length, 0);
    if let Some(place) = out.get_mut(start..) {
        let (size, rest) = place.split_at_mut(4);
        size.copy_from_slice(&(length as u32).to_be_bytes());
        command.encode(rest);
    }
}

/// An answer of 16 octets: a bare header, as carriers send with an error status (SMPP 3.4 §3.2).
pub fn bare(out: &mut Vec<u8>, id: u32, status: u32, sequence: u32) {
    for word in [HEADER as u32, id, status, sequence] {
        out.extend_from_slice(&word.to_be_bytes());
    }
}

fn text<const MIN: usize, const MAX: usize>(value: &str) -> COctetString<MIN, MAX> {
    COctetString::from_vec([value.as_bytes(), &[0]].concat())
        .unwrap_or_else(|_| COctetString::null())
}

/// The answer to a bind that succeeded; `request` is the bind's command.
pub fn bound(out: &mut Vec<u8>, request: CommandId, sequence: u32) {
    let version = Some(InterfaceVersion::Smpp3_4);
    let pdu: Pdu = match request {
        CommandId::BindTransmitter => BindTransmitterResp::new(text("lab"), version).into(),
        CommandId::BindReceiver => BindReceiverResp::new(text("lab"), version).into(),
        _ => BindTransceiverResp::new(text("lab"), version).into(),
    };
    encode(out, CommandStatus::EsmeRok, sequence, pdu);
}

/// The answer to a submit_sm that was taken.
pub fn submitted(out: &mut Vec<u8>, sequence: u32, message_id: &str) {
    let pdu = SubmitSmResp::builder().message_id(text(message_id)).build();
    encode(out, CommandStatus::EsmeRok, sequence, pdu);
}

/// The message inside a submit_sm, from short_message or message_payload.
#[must_use]
pub fn message_of(submit: &SubmitSm) -> Message {
    let payload = submit.tlvs().iter().find_map(|tlv| match tlv.value() {
        Some(TlvValue::MessagePayload(payload)) if submit.short_message().is_empty() => {
            let mut octets = vec![0; payload.length()];
            payload.encode(&mut octets);
            Some(octets)
        }
        _ => None,
    });
    Message {
        from: submit.source_addr.as_str().into(),
        to: submit.destination_addr.as_str().into(),
        esm_class: submit.esm_class.into(),
        protocol_id: submit.protocol_id,
        data_coding: submit.data_coding.into(),
        user_data: payload.unwrap_or_else(|| submit.short_message().as_ref().to_vec()),
    }
}

/// What became of a message, as a receipt tells it (SMPP 3.4 §5.2.28 and appendix B).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Not yet: the terminal is absent; the carrier goes on trying.
    Absent,
    /// On the terminal.
    Delivered,
    /// The validity period ended while the terminal was absent.
    Expired,
    /// No such number.
    Unknown,
    /// The terminal refused it.
    Refused,
}

impl Outcome {
    /// message_state, the word of the text form, and the GSM error (3GPP TS 29.002 §17.6.6: 1B absent, 01 unknown).
    #[must_use]
    pub fn told(self) -> (MessageState, &'static str, u16) {
        match self {
            Self::Absent => (MessageState::Enroute, "ENROUTE", 0x1B),
            Self::Delivered => (MessageState::Delivered, "DELIVRD", 0),
            Self::Expired => (MessageState::Expired, "EXPIRED", 0x1B),
            Self::Unknown => (MessageState::Undeliverable, "UNDELIV", 0x01),
            Self::Refused => (MessageState::Undeliverable, "UNDELIV", 0x45),
        }
    }

    /// Whether nothing more will be told.
    #[must_use]
    pub fn is_final(self) -> bool {
        self != Self::Absent
    }
}

/// A receipt as a deliver_sm of sequence 0: the text form and the TLVs (SMPP 3.4 appendix B, §5.3.2).
/// `minute` is the date in the form YYMMDDhhmm.
#[must_use]
pub fn receipt(message: &Message, message_id: &str, outcome: Outcome, minute: &str) -> Vec<u8> {
    let (state, word, error) = outcome.told();
    let delivered = u8::from(outcome == Outcome::Delivered);
    let told = format!(
        "id:{message_id} sub:001 dlvrd:00{delivered} submit date:{minute} done date:{minute} stat:{word} err:{error:03} text:"
    );
    let esm_class: u8 = if outcome.is_final() { 0x04 } else { 0x20 };
    let mut pdu = DeliverSm::builder()
        .source_addr_ton(Ton::International)
        .source_addr_npi(Npi::Isdn)
        .source_addr(text(&message.to))
        .destination_addr(text(&message.from))
        .esm_class(EsmClass::from(esm_class))
        .short_message(
            OctetString::from_vec(told.into_bytes()).unwrap_or_else(|_| OctetString::null()),
        )
        .push_tlv(DeliveryTlv::ReceiptedMessageId(text(message_id)))
        .push_tlv(DeliveryTlv::MessageState(state));
    if error != 0 {
        let code = NetworkErrorCode::new(ErrorCodeNetworkType::Gsm, error);
        pdu = pdu.push_tlv(DeliveryTlv::NetworkErrorCode(code));
    }
    let mut out = Vec::with_capacity(256);
    encode(&mut out, CommandStatus::EsmeRok, 0, pdu.build());
    out
}

/// A message from a handset as a deliver_sm of sequence 0. More than 255 octets do not fit and are cut.
#[must_use]
pub fn from_handset(message: &Message) -> Vec<u8> {
    let user_data = message
        .user_data
        .get(..message.user_data.len().min(255))
        .unwrap_or_default();
    let pdu = DeliverSm::builder()
        .source_addr_ton(Ton::International)
        .source_addr_npi(Npi::Isdn)
        .source_addr(text(&message.from))
        .dest_addr_npi(Npi::Isdn)
        .destination_addr(text(&message.to))
        .esm_class(EsmClass::from(message.esm_class))
        .protocol_id(message.protocol_id)
        .data_coding(DataCoding::from(message.data_coding))
        .short_message(OctetString::from_slice(user_data).unwrap_or_else(|_| OctetString::null()))
        .build();
    let mut out = Vec::with_capacity(256);
    encode(&mut out, CommandStatus::EsmeRok, 0, pdu);
    out
}

/// Gives a PDU that was made with sequence 0 its place in the session.
pub fn number(octets: &mut [u8], sequence: u32) {
    if let Some(place) = octets.get_mut(12..16) {
        place.copy_from_slice(&sequence.to_be_bytes());
    }
}
