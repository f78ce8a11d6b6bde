//! Real time, for waiting on real processes: the one place of this crate that reads it.

use std::time::{Duration, Instant, SystemTime};

/// A span that began when it was made.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[allow(
        clippy::disallowed_methods,
        reason = "xtask waits for real processes; nothing here is tested against a moved clock"
    )]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Seconds since 1970-01-01T00:00:00Z, for tokens that a real Worker is to take.
pub(crate) fn unix_seconds() -> i64 {
    #[allow(
        clippy::disallowed_methods,
        reason = "a real Worker judges by the real time"
    )]
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    // A clock before 1970 makes tokens that nobody takes, and the run says so.
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0))
}
