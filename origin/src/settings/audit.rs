//! `[audit]`: the audit trail.

use serde::{Deserialize, Serialize};

use super::error::{Checked, within};

const DAY: i64 = 24 * 60 * 60;

/// The audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// After how many seconds events are deleted; 0: never.
    pub retention: i64,
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            retention: 365 * DAY,
        }
    }
}

impl Audit {
    pub(super) fn check(&self) -> Checked {
        within("audit.retention", self.retention, 0..=3660 * DAY)
    }
}
