//! What PostgreSQL says, sorted: away (come back), beaten by another (do the whole group again), or a real fault.

use crate::StoreError;
use tokio_postgres::error::SqlState;

/// STORE.md, “Clients saw …”: on a hard stop there is no SQLSTATE at all, only a closed connection.
pub(super) fn said(what: &'static str) -> impl Fn(tokio_postgres::Error) -> StoreError {
    move |error| {
        let why = sentence(&error);
        let Some(state) = error.code() else {
            return StoreError::Away { why };
        };
        let code = state.code();
        let busy = [
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::UNIQUE_VIOLATION,
        ];
        // Shutting down, starting, too many connections, no longer the one that may be written.
        let away = [
            "57P01", "57P02", "57P03", "57P05", "25006", "53300", "40003",
        ];
        if busy.contains(state) {
            StoreError::Busy { why }
        } else if code.starts_with("08") || away.contains(&code) {
            StoreError::Away { why }
        } else if ["53100", "53200"].contains(&code) || code.starts_with("58") {
            // Disk full, out of memory, an error of its system: nothing was done, and it may go again.
            StoreError::Full { why }
        } else {
            StoreError::Database { what, why }
        }
    }
}

/// PostgreSQL's own words where there are any.
fn sentence(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} (SQLSTATE {})", db.message(), db.code().code()),
        // What is wrong with TLS stands underneath.
        None => match std::error::Error::source(error) {
            Some(source) if source.to_string() == "server does not support TLS" => {
                format!("{error}: it speaks no TLS: set ssl = on there, or sslmode=disable in url")
            }
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}
