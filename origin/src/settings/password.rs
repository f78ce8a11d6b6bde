//! `[password]`: how passwords are hashed (Argon2id, RFC 9106).

use serde::{Deserialize, Serialize};

use super::error::{Checked, invalid, within};

/// How passwords are hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Password {
    /// Memory for one hash, in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
    /// How many hashes are computed at a time; 0 is one for each core.
    pub threads: u32,
    /// How many more may wait; whoever comes then is told to come back.
    pub queue: u32,
}

impl Default for Password {
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            iterations: 2,
            parallelism: 1,
            threads: 0,
            queue: 64,
        }
    }
}

impl Password {
    pub(super) fn check(&self) -> Checked {
        within("password.memory_kib", self.memory_kib, 8..=4 * 1024 * 1024)?;
        within("password.iterations", self.iterations, 1..=1000)?;
        within("password.parallelism", self.parallelism, 1..=64)?;
        within("password.threads", self.threads, 0..=256)?;
        within("password.queue", self.queue, 1..=100_000)?;
        if self.memory_kib < 8 * self.parallelism {
            return Err(invalid(
                "password.memory_kib",
                "must be at least 8 times password.parallelism",
            ));
        }
        Ok(())
    }
}
