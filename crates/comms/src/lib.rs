//! Communication (通讯模块): the carriers' gateways and the network state table. Sockets live only here.
//!
//! [`Line`] is one gateway without sockets; [`Router`] chooses among several; [`Gateways`] gives every line its sockets, its clock and its events.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod config;
mod gateways;
mod hub;
mod line;
mod outbind;
mod router;
mod table;
mod tls;

pub use config::{Bind, GatewayConfig, NetworkConfig};
pub use gateways::{Binds, Gateways};
pub use line::Line;
pub use router::{Router, Way};
pub use tls::TlsConfig;
