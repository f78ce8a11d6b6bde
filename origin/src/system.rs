//! The machine's clock and the operating system's random bytes: the only places where time and
//! randomness come in without being an argument.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::domain::{
    clock::{Clock, UnixMillis},
    entropy::{Entropy, EntropyError},
};

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the adapter that the rule asks for"
    )]
    fn now_millis(&self) -> UnixMillis {
        // A clock before 1970 reads as 1970; the comparison with the database's tells on it.
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The operating system's random bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the adapter that the rule asks for"
    )]
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        getrandom::fill(bytes).map_err(|_| EntropyError)
    }
}

/// A point on the monotonic clock, to tell how long something took.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts now.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the adapter that the rule asks for"
    )]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// The milliseconds since the start, to three places.
    pub fn millis(&self) -> f64 {
        (self.0.elapsed().as_secs_f64() * 1e6).round() / 1e3
    }
}
