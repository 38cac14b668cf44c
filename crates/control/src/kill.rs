//! Named moments, one after each effect, at which tests end the process (`KITH_KILL_AT`): what was recorded must be
//! finished at the next start (DESIGN.md: “the process may die after any prefix of them”). Nothing in release builds.

/// The effect `name` was carried out.
#[cfg(debug_assertions)]
pub(crate) fn after(name: &str) {
    use std::sync::LazyLock;
    static AT: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("KITH_KILL_AT").ok());
    if AT.as_deref() == Some(name) {
        std::process::abort();
    }
}

#[cfg(not(debug_assertions))]
pub(crate) fn after(_: &str) {}
