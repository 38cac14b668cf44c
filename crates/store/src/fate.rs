//! What a simulation lets become of a request to the store: the way to it may break before the request or after it.

use crate::StoreError;
use std::sync::Arc;

/// What becomes of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is carried out, and its answer comes.
    Heard,
    /// It never reaches the store.
    Lost,
    /// It is carried out, and nobody hears of it: whoever asked cannot know.
    Unheard,
}

/// Decides about every request of a handle, in order.
pub(crate) type Judge = Arc<dyn Fn() -> Fate + Send + Sync>;

impl Fate {
    /// What whoever asked is told of what never reached the store.
    pub(crate) fn cut() -> StoreError {
        StoreError::Database {
            what: "be reached",
            why: "the connection broke".into(),
        }
    }

    /// What whoever asked is told of what was carried out, perhaps.
    pub(crate) fn unheard() -> StoreError {
        StoreError::Unknown {
            why: "the connection broke before the answer".into(),
        }
    }
}
