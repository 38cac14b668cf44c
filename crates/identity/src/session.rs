//! A session: a random cookie, of which only the digest is stored.

use crate::{Face, Role};
use book::SubscriberId;
use serde::{Deserialize, Serialize};

const HOUR: i64 = 3_600_000;

/// Somebody who logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Where.
    pub face: Face,
    /// The account's login.
    pub login: String,
    /// The name, for the journal.
    pub name: String,
    /// The role, as it was at log-in.
    pub role: Role,
    /// Whose books (owners, guardians).
    pub subscribers: Vec<SubscriberId>,
    /// When it ends, ms UTC.
    pub expires: i64,
}

/// How long a session lasts there, ms: a month for a family, a shift for the staff.
pub fn life(face: Face) -> i64 {
    match face {
        Face::Portal => 30 * 24 * HOUR,
        Face::Desk | Face::Console => 12 * HOUR,
    }
}
