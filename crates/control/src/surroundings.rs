//! Time and chance: the machine's, or those of a simulation.

/// Where control takes the time and chance from.
pub trait Surroundings: Send + Sync {
    /// Now, ms UTC.
    fn now(&self) -> i64;
    /// A clock that only goes forward, ms since any moment; also while the machine sleeps.
    fn monotonic(&self) -> u64 {
        u64::try_from(self.now()).unwrap_or(0)
    }
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

    fn monotonic(&self) -> u64 {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        seconds * 1_000 + u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000_000
    }

    #[allow(clippy::expect_used)] // Nothing safe can be done without chance.
    fn random(&self, octets: &mut [u8]) {
        getrandom::fill(octets).expect("the operating system gives random octets");
    }
}
