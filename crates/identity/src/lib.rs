//! Who you are and what you may: accounts, codes, sessions, calls, grants. Pure decisions.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod code;
mod grant;
mod lockout;
pub mod pin;
pub mod session;
mod token;

pub use code::{Code, Purpose, Tried};
pub use grant::{Grant, JobKind};
pub use lockout::Failures;
pub use pin::Pin;
pub use session::Session;
pub use token::{Scope, Token, digest};
