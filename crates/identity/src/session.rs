//! A session of the portal: a random cookie, of which only the digest is stored.

use book::SubscriberId;
use serde::{Deserialize, Serialize};

/// How long a session lasts, ms; longer than the 20 hours under which a warning would be due.
pub const LIFE: i64 = 30 * 86_400_000;

/// Somebody who logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whose book she may open: her own.
    pub subscriber: SubscriberId,
    /// Her name, for the journal.
    pub name: String,
    /// When it ends, ms UTC.
    pub expires: i64,
}
