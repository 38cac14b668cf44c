//! Who you are and what you may: accounts, codes, sessions, calls, grants. Pure decisions.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod account;
pub mod call;
pub mod code;
mod grant;
mod lockout;
mod organisation;
pub mod password;
pub mod pin;
pub mod session;
mod token;

pub use account::{Account, Face, Role};
pub use call::{Call, CallRefusal, CallState};
pub use code::{Code, Purpose, Tried};
pub use grant::{Grant, JobKind};
pub use lockout::Failures;
pub use organisation::OrganisationGrant;
pub use session::Session;
pub use token::{Scope, Token, digest};
