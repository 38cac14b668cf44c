//! The PDUs that an ESME sends and gets (SMPP 3.4 §4).

use super::tlv::MESSAGE_PAYLOAD;
use super::{Frame, Tlvs, sent};

/// Which way a session carries messages (SMPP 3.4 §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BindKind {
    /// Messages from the SMSC.
    Receiver,
    /// Messages to the SMSC.
    Transmitter,
    /// Both.
    Transceiver,
}

impl BindKind {
    fn command(self) -> u32 {
        match self {
            Self::Receiver => 0x01,
            Self::Transmitter => 0x02,
            Self::Transceiver => 0x09,
        }
    }
}

/// submit_sm (§4.4).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Submit {
    /// TON, NPI and address we send from.
    pub source: (u8, u8, String),
    /// TON, NPI and address we send to.
    pub destination: (u8, u8, String),
    /// esm_class: 40 with a header in the user data.
    pub esm_class: u8,
    /// TP-PID.
    pub protocol_id: u8,
    /// validity_period, empty or `000000001000000R`.
    pub validity: String,
    /// registered_delivery.
    pub registered: u8,
    /// data_coding.
    pub data_coding: u8,
    /// short_message, at most 254 octets.
    pub message: Vec<u8>,
}

/// deliver_sm (§4.6) or data_sm (§4.7) from the SMSC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deliver {
    /// It came as data_sm.
    pub data_sm: bool,
    /// TON, NPI and address that it comes from.
    pub source: (u8, u8, String),
    /// TON, NPI and address that it was sent to.
    pub destination: (u8, u8, String),
    /// esm_class, bit by bit (§5.2.12).
    pub esm_class: u8,
    /// TP-PID.
    pub protocol_id: u8,
    /// data_coding.
    pub data_coding: u8,
    /// short_message, or message_payload where that is used.
    pub message: Vec<u8>,
    /// The optional parameters.
    pub tlvs: Tlvs,
}

/// What a PDU says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// bind_*.
    Bind {
        /// Which way.
        kind: BindKind,
        /// Who binds.
        system_id: String,
        /// With which password.
        password: String,
        /// system_type.
        system_type: String,
        /// TON and NPI of `address_range`.
        addr: (u8, u8),
        /// Which numbers this session takes messages for.
        address_range: String,
    },
    /// bind_*_resp.
    BindResp {
        /// The SMSC's name; empty when refused.
        system_id: String,
    },
    /// outbind: the SMSC called, and waits for a bind; there is no answer to it (§4.1.7).
    Outbind {
        /// The SMSC's name.
        system_id: String,
        /// Its password.
        password: String,
    },
    /// submit_sm.
    Submit(Submit),
    /// submit_sm_resp; no id with an error, and none from some SMSCs.
    SubmitResp {
        /// message_id.
        message_id: Option<String>,
    },
    /// deliver_sm or data_sm.
    Deliver(Deliver),
    /// deliver_sm_resp or data_sm_resp.
    DeliverResp {
        /// In answer to a data_sm.
        data_sm: bool,
    },
    /// enquire_link.
    EnquireLink,
    /// enquire_link_resp.
    EnquireLinkResp,
    /// unbind.
    Unbind,
    /// unbind_resp.
    UnbindResp,
    /// generic_nack.
    GenericNack,
    /// A response to something that we never send (query_sm_resp, …): nothing to do.
    OtherResp(u32),
}

/// One PDU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdu {
    /// command_status.
    pub status: u32,
    /// sequence_number.
    pub sequence: u32,
    /// What it says.
    pub body: Body,
}

/// A PDU that cannot be read, with the answer that the standard gives it. The session goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Malformed {
    /// What is wrong.
    pub why: String,
    /// The answer, ready to be sent; none to a response.
    pub answer: Option<Vec<u8>>,
}

const RESP: u32 = 0x8000_0000;

impl Pdu {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`Malformed`] with the answer to send; an odd PDU never ends the session (SMPP.md).
    pub fn decode(frame: &Frame) -> Result<Self, Malformed> {
        let mut read = Reader(&frame.body);
        let body = match frame.command {
            0x8000_0001 | 0x8000_0002 | 0x8000_0009 => Body::BindResp {
                system_id: read.string().unwrap_or_default(),
            },
            0x0B => Body::Outbind {
                system_id: read.string().unwrap_or_default(),
                password: read.string().unwrap_or_default(),
            },
            0x8000_0004 => Body::SubmitResp {
                message_id: read.string().filter(|id| !id.is_empty()),
            },
            0x05 => Body::Deliver(deliver(frame, read)?),
            0x0103 => Body::Deliver(data(frame, read)?),
            // Extra octets behind these are tolerated (CASES C72).
            0x15 => Body::EnquireLink,
            0x8000_0015 => Body::EnquireLinkResp,
            0x06 => Body::Unbind,
            0x8000_0006 => Body::UnbindResp,
            0x8000_0000 => Body::GenericNack,
            0x8000_0005 | 0x8000_0103 => Body::DeliverResp {
                data_sm: frame.command == 0x8000_0103,
            },
            other if other & RESP != 0 => Body::OtherResp(other),
            other => {
                return Err(Malformed {
                    why: format!("command {other:08X} is not known here"),
                    answer: Some(answer(0x8000_0000, sent::COMMAND_ID, frame.sequence, &[])),
                });
            }
        };
        Ok(Self {
            status: frame.status,
            sequence: frame.sequence,
            body,
        })
    }

    /// The octets of this PDU.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        let command = match &self.body {
            Body::Bind {
                kind,
                system_id,
                password,
                system_type,
                addr,
                address_range,
            } => {
                put(&mut body, system_id);
                put(&mut body, password);
                put(&mut body, system_type);
                body.extend([0x34, addr.0, addr.1]);
                put(&mut body, address_range);
                kind.command()
            }
            Body::Outbind {
                system_id,
                password,
            } => {
                put(&mut body, system_id);
                put(&mut body, password);
                0x0B
            }
            Body::Submit(submit) => {
                write_submit(&mut body, submit);
                0x04
            }
            Body::DeliverResp { data_sm } => {
                body.push(0); // message_id: not used (§4.6.2)
                if *data_sm { 0x8000_0103 } else { 0x8000_0005 }
            }
            Body::EnquireLink => 0x15,
            Body::EnquireLinkResp => 0x8000_0015,
            Body::Unbind => 0x06,
            Body::UnbindResp => 0x8000_0006,
            Body::GenericNack => 0x8000_0000,
            Body::BindResp { system_id } => {
                put(&mut body, system_id);
                0x8000_0009
            }
            Body::SubmitResp { message_id } => {
                if let Some(id) = message_id {
                    put(&mut body, id);
                }
                0x8000_0004
            }
            Body::Deliver(deliver) => {
                write_deliver(&mut body, deliver);
                0x05
            }
            Body::OtherResp(command) => *command,
        };
        answer(command, self.status, self.sequence, &body)
    }
}

/// The answer to a stream that is out of step.
impl super::OutOfStep {
    /// generic_nack 02, to be sent before the connection is closed.
    pub fn answer(&self) -> Vec<u8> {
        answer(0x8000_0000, sent::COMMAND_LENGTH, self.sequence, &[])
    }
}

fn answer(command: u32, status: u32, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + body.len()).unwrap_or(u32::MAX);
    let mut pdu = Vec::with_capacity(16 + body.len());
    for word in [length, command, status, sequence] {
        pdu.extend(word.to_be_bytes());
    }
    pdu.extend(body);
    pdu
}

/// A C octet string; what cannot stand in one (a zero octet) ends it.
fn put(to: &mut Vec<u8>, text: &str) {
    to.extend(text.bytes().take_while(|octet| *octet != 0));
    to.push(0);
}

fn put_address(to: &mut Vec<u8>, (ton, npi, address): &(u8, u8, String)) {
    to.extend([*ton, *npi]);
    put(to, address);
}

fn write_submit(to: &mut Vec<u8>, submit: &Submit) {
    put(to, ""); // service_type
    put_address(to, &submit.source);
    put_address(to, &submit.destination);
    to.extend([submit.esm_class, submit.protocol_id, 0]); // priority_flag 0
    put(to, ""); // schedule_delivery_time: at once
    put(to, &submit.validity);
    to.extend([submit.registered, 0, submit.data_coding, 0]); // replace_if_present 0, sm_default_msg_id 0
    let length = submit.message.len().min(254);
    to.push(u8::try_from(length).unwrap_or(254));
    to.extend(submit.message.iter().take(length));
}

fn write_deliver(to: &mut Vec<u8>, deliver: &Deliver) {
    put(to, "");
    put_address(to, &deliver.source);
    put_address(to, &deliver.destination);
    to.extend([
        deliver.esm_class,
        deliver.protocol_id,
        0,
        0,
        0,
        0,
        0,
        deliver.data_coding,
        0,
    ]);
    let length = deliver.message.len().min(254);
    to.push(u8::try_from(length).unwrap_or(254));
    to.extend(deliver.message.iter().take(length));
    deliver.tlvs.write(to);
}

fn deliver(frame: &Frame, mut read: Reader) -> Result<Deliver, Malformed> {
    let short = |why: &str| malformed(frame, 0x8000_0005, sent::MESSAGE_LENGTH, why);
    let fields = (|| {
        read.string()?; // service_type
        let source = read.address()?;
        let destination = read.address()?;
        let esm_class = read.octet()?;
        let protocol_id = read.octet()?;
        read.octet()?; // priority_flag
        read.string()?; // schedule_delivery_time
        read.string()?; // validity_period
        read.octet()?; // registered_delivery
        read.octet()?; // replace_if_present_flag
        let data_coding = read.octet()?;
        read.octet()?; // sm_default_msg_id
        let length = read.octet()?;
        Some((
            source,
            destination,
            esm_class,
            protocol_id,
            data_coding,
            length,
        ))
    })();
    let Some((source, destination, esm_class, protocol_id, data_coding, length)) = fields else {
        return Err(short("a deliver_sm ends before its message"));
    };
    let Some(message) = read.take(usize::from(length)) else {
        return Err(short(
            "a deliver_sm has fewer octets than its sm_length says",
        ));
    };
    let tlvs = optional(frame, 0x8000_0005, read)?;
    // Payload in place of the message (SMPP.md, row 23).
    let message = match (message.is_empty(), tlvs.get(MESSAGE_PAYLOAD)) {
        (true, Some(payload)) => payload.to_vec(),
        _ => message.to_vec(),
    };
    Ok(Deliver {
        data_sm: false,
        source,
        destination,
        esm_class,
        protocol_id,
        data_coding,
        message,
        tlvs,
    })
}

fn data(frame: &Frame, mut read: Reader) -> Result<Deliver, Malformed> {
    let fields = (|| {
        read.string()?;
        let source = read.address()?;
        let destination = read.address()?;
        let esm_class = read.octet()?;
        read.octet()?; // registered_delivery
        Some((source, destination, esm_class, read.octet()?))
    })();
    let Some((source, destination, esm_class, data_coding)) = fields else {
        let why = "a data_sm ends before its optional parameters";
        return Err(malformed(frame, 0x8000_0103, sent::MESSAGE_LENGTH, why));
    };
    let tlvs = optional(frame, 0x8000_0103, read)?;
    Ok(Deliver {
        data_sm: true,
        source,
        destination,
        esm_class,
        protocol_id: 0,
        data_coding,
        message: tlvs.get(MESSAGE_PAYLOAD).unwrap_or_default().to_vec(),
        tlvs,
    })
}

fn optional(frame: &Frame, response: u32, read: Reader) -> Result<Tlvs, Malformed> {
    Tlvs::read(read.0).ok_or_else(|| {
        let why = "an optional parameter is longer than what is left of the PDU";
        malformed(frame, response, sent::OPTIONAL_PARAMETERS, why)
    })
}

fn malformed(frame: &Frame, response: u32, status: u32, why: &str) -> Malformed {
    Malformed {
        why: why.to_owned(),
        answer: Some(answer(response, status, frame.sequence, &[0])),
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn octet(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A C octet string; one that lacks its final zero ends with the PDU.
    fn string(&mut self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let end = self.0.iter().position(|octet| *octet == 0);
        let text = self.take(end.unwrap_or(self.0.len()))?;
        self.0 = self.0.get(1..).unwrap_or_default();
        Some(String::from_utf8_lossy(text).into_owned())
    }

    fn address(&mut self) -> Option<(u8, u8, String)> {
        Some((self.octet()?, self.octet()?, self.string()?))
    }
}
