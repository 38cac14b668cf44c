//! SMPP 3.4 PDUs, as far as an ESME needs them: lenient in, strict out. Sans IO.
//!
//! [`Frames`] cuts a stream into PDUs, [`Pdu::decode`] reads one, [`Pdu::encode`] writes one, [`receipt`] says what a
//! deliver_sm tells of an earlier message, [`status`] what a refusal means.

mod frames;
mod pdu;
pub mod receipt;
pub mod status;
mod tlv;

pub use frames::{Frame, Frames, OutOfStep};
pub use pdu::{BindKind, Body, Deliver, Malformed, Pdu, Submit};
pub use tlv::Tlvs;

/// command_status values that Kith itself sends (SMPP 3.4 §5.1.3).
pub mod sent {
    /// ESME_ROK.
    pub const OK: u32 = 0x00;
    /// ESME_RINVMSGLEN.
    pub const MESSAGE_LENGTH: u32 = 0x01;
    /// ESME_RINVCMDLEN.
    pub const COMMAND_LENGTH: u32 = 0x02;
    /// ESME_RINVCMDID.
    pub const COMMAND_ID: u32 = 0x03;
    /// ESME_RX_T_APPN: a temporary failure of ours; send it again.
    pub const TEMPORARY: u32 = 0x64;
    /// ESME_RINVOPTPARSTREAM.
    pub const OPTIONAL_PARAMETERS: u32 = 0xC0;
}
