//! Communication (通讯模块): the carriers' gateways and the network state table. Sockets live only here.
//!
//! [`Line`] is one gateway without sockets; [`Gateways`] gives every line its sockets, its clock and its events.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod config;
mod gateways;
mod line;
mod table;

pub use config::{Bind, GatewayConfig};
pub use gateways::Gateways;
pub use line::Line;
