//! The API as programs use it, over a demo's port.
#![allow(clippy::unwrap_used, missing_docs)]

mod alerts;
mod conditions;
mod events;
#[path = "../running/mod.rs"]
mod running;
mod table;
mod terminals;

/// A friend that everybody may add.
const ANN: &str = r#"{"name": "Ann", "numbers": [{"number": "07700 900222", "label": "home"}]}"#;
