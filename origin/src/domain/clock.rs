//! The time, as an argument.

use portcullis_shared::time::UnixSeconds;

/// Milliseconds since 1970-01-01T00:00:00Z; what the feed's `seq` is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// The whole seconds, rounded down.
    pub const fn seconds(self) -> UnixSeconds {
        UnixSeconds(self.0.div_euclid(1000))
    }
}

/// Where the time comes from: the system's clock in the service, a value in tests.
pub trait Clock: Send + Sync {
    /// The time in milliseconds.
    fn now_millis(&self) -> UnixMillis;

    /// The time in whole seconds.
    fn now(&self) -> UnixSeconds {
        self.now_millis().seconds()
    }
}
