//! `[sessions]`: how many sessions a user may have.

use serde::{Deserialize, Serialize};

use super::error::{Checked, within};
use crate::domain::session::cap;

/// How many sessions a user may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sessions {
    /// At most so many at once; expired ones do not count.
    pub max_per_user: u32,
    /// What a login does at the cap.
    pub at_cap: AtCap,
}

/// What a login does at the cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum AtCap {
    /// It ends the session that was used least recently.
    Evict,
    /// It is refused.
    Refuse,
}

impl TryFrom<String> for AtCap {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match name.as_str() {
            "evict" => Ok(Self::Evict),
            "refuse" => Ok(Self::Refuse),
            _ => Err("must be `evict` or `refuse`"),
        }
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            max_per_user: 20,
            at_cap: AtCap::Evict,
        }
    }
}

impl Sessions {
    pub(super) fn check(&self) -> Checked {
        within("sessions.max_per_user", self.max_per_user, 1..=10_000)
    }

    /// The cap as the domain takes it.
    pub(super) fn cap(&self) -> cap::Cap {
        cap::Cap {
            max: usize::try_from(self.max_per_user).unwrap_or(usize::MAX),
            at_cap: match self.at_cap {
                AtCap::Evict => cap::AtCap::Evict,
                AtCap::Refuse => cap::AtCap::Refuse,
            },
        }
    }
}
