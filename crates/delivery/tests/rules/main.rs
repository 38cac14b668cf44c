//! Delivery's rules: what goes on after each outcome, counters, every small case, and the audit.
#![allow(clippy::unwrap_used, missing_docs)]

mod audits;
mod counters;
mod fixture;
mod outcomes;
mod small_cases;
