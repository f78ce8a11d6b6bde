//! `[tokens]`: access tokens.

use serde::{Deserialize, Serialize};

use super::error::{Checked, within};
use crate::domain::ending::MAX_TOKEN_LIFETIME;

/// Access tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tokens {
    /// For how many seconds an access token is valid.
    pub lifetime: i64,
}

impl Default for Tokens {
    fn default() -> Self {
        Self { lifetime: 600 }
    }
}

impl Tokens {
    pub(super) fn check(&self) -> Checked {
        within("tokens.lifetime", self.lifetime, 2..=MAX_TOKEN_LIFETIME)
    }
}
