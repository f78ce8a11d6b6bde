//! Real time: the one place of this crate that reads it.

use std::time::{Duration, Instant};

/// A span that began when it was made.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Begins.
    #[allow(
        clippy::disallowed_methods,
        reason = "a benchmark is about real time; nothing here is tested against a moved clock"
    )]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// How long ago it began.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
