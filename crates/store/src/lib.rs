//! The store: SQLite behind whole jobs; SQL lives only here.
