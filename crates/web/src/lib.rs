//! The pages and the API: portal, desk, console, api. They write through control and read with a grant.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod api;
