//! Time and chance: the machine's, or those of a simulation.

/// Where control takes the time and chance from.
pub trait Surroundings: Send + Sync {
    /// Now, ms UTC.
    fn now(&self) -> i64;
    /// Fills `octets` with chance that nobody can guess.
    fn random(&self, octets: &mut [u8]);
}

/// This machine's clock and the operating system's chance.
pub(crate) struct Machine;

impl Surroundings for Machine {
    fn now(&self) -> i64 {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .ok()
            .and_then(|since| i64::try_from(since.as_millis()).ok())
            .unwrap_or(0)
    }

    #[allow(clippy::expect_used)] // Nothing safe can be done without chance.
    fn random(&self, octets: &mut [u8]) {
        getrandom::fill(octets).expect("the operating system gives random octets");
    }
}
