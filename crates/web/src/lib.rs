//! The pages and the API: portal and api. They write through control and read with a grant.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod api;
mod locale;
pub mod portal;
