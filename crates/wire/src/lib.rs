//! Octets and values, by standard: sms, ota, uicc, smpp. Pure; knows nobody.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod ota;
pub mod smpp;
pub mod sms;
pub mod uicc;
