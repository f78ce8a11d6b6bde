//! `[cleanup]`: what is over is removed.

use serde::{Deserialize, Serialize};

use super::error::{Checked, invalid, within};

const DAY: i64 = 24 * 60 * 60;

/// Removing what is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cleanup {
    /// After how many seconds it is done again, by one of the replicas; 0: never, but by `portcullis
    /// cleanup`.
    pub interval: i64,
    /// For how many seconds a session is kept after it has ended or expired.
    pub retention: i64,
    /// How many rows are removed at a time.
    pub batch: u32,
}

impl Default for Cleanup {
    fn default() -> Self {
        Self {
            interval: 60 * 60,
            retention: 30 * DAY,
            batch: 500,
        }
    }
}

impl Cleanup {
    pub(super) fn check(&self) -> Checked {
        if self.interval != 0 && !(60..=7 * DAY).contains(&self.interval) {
            let text = format!(
                "must be 0, or between 60 and {}, not {}",
                7 * DAY,
                self.interval
            );
            return Err(invalid("cleanup.interval", text));
        }
        within("cleanup.retention", self.retention, 0..=3660 * DAY)?;
        within("cleanup.batch", self.batch, 1..=5000)
    }
}
