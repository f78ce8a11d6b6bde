//! Real time, for waiting on real processes: the one place of this crate that reads it.

use std::time::{Duration, Instant};

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
