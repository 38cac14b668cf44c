//! Who you are and what you may: accounts, codes, sessions, calls, grants. Pure decisions.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod grant;
mod token;

pub use grant::{Grant, JobKind};
pub use token::{Scope, Token, digest};
