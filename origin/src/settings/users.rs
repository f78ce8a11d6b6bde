//! `[users]`: accounts.

use serde::{Deserialize, Serialize};

use super::error::{Checked, within};

/// Accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Users {
    /// For how many seconds a new user can choose the first password with a setup token.
    pub setup_lifetime: i64,
}

impl Default for Users {
    fn default() -> Self {
        Self {
            setup_lifetime: 24 * 60 * 60,
        }
    }
}

impl Users {
    pub(super) fn check(&self) -> Checked {
        within(
            "users.setup_lifetime",
            self.setup_lifetime,
            60..=31 * 24 * 60 * 60,
        )
    }
}
