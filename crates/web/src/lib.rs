//! The pages and the API: portal and api. They write through control and read with a grant.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod api;
mod console;
mod desk;
mod lan;
mod locale;
mod page;
pub mod portal;
mod served;
mod socket;
mod staff;
mod states;

pub use lan::router as lan;
pub use served::Served;
pub use socket::router as socket;
