//! `[users]`: accounts.

use portcullis_shared::scope::ScopeSet;
use serde::{Deserialize, Serialize};

use super::error::{Checked, invalid, within};
use crate::domain::user::{Roles, check_grants};

/// Accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Users {
    /// For how many seconds a new user can choose the first password with a setup token.
    pub setup_lifetime: i64,
    /// Whether people may sign up by themselves (`POST /auth/register`).
    pub registration: Registration,
    /// What who signed up may be granted, separated by spaces. Nobody gets a role by it.
    pub registration_scopes: String,
}

/// Whether people may sign up by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum Registration {
    /// No; administrators create users.
    Closed,
    /// Whoever wants to.
    Open,
}

impl TryFrom<String> for Registration {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match name.as_str() {
            "closed" => Ok(Self::Closed),
            "open" => Ok(Self::Open),
            _ => Err("must be `closed` or `open`"),
        }
    }
}

impl Default for Users {
    fn default() -> Self {
        Self {
            setup_lifetime: 24 * 60 * 60,
            registration: Registration::Closed,
            registration_scopes: String::new(),
        }
    }
}

impl Users {
    pub(super) fn check(&self) -> Checked {
        within(
            "users.setup_lifetime",
            self.setup_lifetime,
            60..=31 * 24 * 60 * 60,
        )?;
        check_grants(&Roles::new(), &self.scopes()?)
            .map_err(|error| invalid("users.registration_scopes", error.to_string()))
    }

    /// [`Self::registration_scopes`] as a set.
    pub(super) fn scopes(&self) -> Result<ScopeSet, super::error::SettingsError> {
        let off = || {
            invalid(
                "users.registration_scopes",
                "must be scopes, one space apart",
            )
        };
        self.registration_scopes.parse().map_err(|_| off())
    }
}
