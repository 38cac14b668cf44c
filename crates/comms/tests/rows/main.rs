//! SMPP.md, row by row, against the line without sockets: octets in, octets and events out.
#![allow(clippy::unwrap_used, missing_docs)]

mod clock;
mod elsewhere;
mod fence;
mod messages;
mod odd;
mod peer;
mod receipts;
mod refusals;
mod session;
mod settings;
mod table;
