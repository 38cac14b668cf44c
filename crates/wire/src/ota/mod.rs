//! Secured packets over SMS-PP: ETSI TS 102 225 (format), 3GPP TS 31.115 (over SMS), TS 102 226 §5.2.1 (compact scripts).
//!
//! The way out: [`encode`] wraps a script, [`split`] makes TP-UD parts of the packet, [`Envelope`] says beforehand how
//! much fits. The way back: [`join`] puts the parts of an answer together, [`decode_response`] reads it. [`decode`] and
//! [`encode_response`] are the card's side, for tests and for a person who looks into a packet.
//! Nothing here panics on outside input, and no key is ever printed.

mod command;
mod counter;
mod crc;
mod error;
mod keys;
mod parts;
mod response;
mod room;
mod seal;
mod spi;
mod tar;
mod words;

pub use command::{Command, Header, decode, encode};
pub use counter::Counter;
pub use crc::{crc16, crc32};
pub use error::{DecodeError, EncodeError, KeyError, Octet};
pub use keys::{Algorithm, Key, KeySet};
pub use parts::{Kind, PartsError, Reference, join, split};
pub use response::{Executed, Response, Rsc, decode_response, encode_response};
pub use room::{Envelope, RefBits};
pub use seal::cmac;
pub use spi::{CounterRule, Integrity, Por, Spi};
pub use tar::Tar;
pub use words::script_in_words;
