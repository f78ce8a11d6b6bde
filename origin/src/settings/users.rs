//! `[users]`: accounts.

use portcullis_shared::scope::ScopeSet;
use serde::{Deserialize, Serialize};

use super::error::{Checked, SettingsError, invalid, within};
use crate::domain::{
    registration::reserved::ReservedNames,
    user::{Roles, Username, check_grants},
};

/// Who speaks for a service, on its pages or by mail (RFC 2142), and what a program may take for
/// somebody.
const RESERVED: [&str; 38] = [
    "abuse",
    "admin",
    "administration",
    "administrator",
    "anonymous",
    "api",
    "auth",
    "billing",
    "contact",
    "daemon",
    "everyone",
    "guest",
    "help",
    "helpdesk",
    "hostmaster",
    "info",
    "mailer-daemon",
    "me",
    "moderator",
    "no-reply",
    "nobody",
    "noreply",
    "null",
    "official",
    "operator",
    "owner",
    "portcullis",
    "postmaster",
    "root",
    "security",
    "service",
    "staff",
    "superuser",
    "support",
    "sysadmin",
    "system",
    "undefined",
    "webmaster",
];

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
    /// What nobody may sign up as, nor under a name that looks like one of these. Administrators may
    /// still give these names away.
    pub reserved_names: Vec<String>,
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
            reserved_names: RESERVED.map(str::to_owned).into(),
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
        self.reserved()?;
        check_grants(&Roles::new(), &self.scopes()?)
            .map_err(|error| invalid("users.registration_scopes", error.to_string()))
    }

    /// [`Self::reserved_names`] as names.
    pub(super) fn reserved(&self) -> Result<ReservedNames, SettingsError> {
        let parsed = self.reserved_names.iter().map(|name| {
            name.parse::<Username>()
                .map_err(|_| invalid("users.reserved_names", format!("{name:?} is no username")))
        });
        parsed.collect()
    }

    /// [`Self::registration_scopes`] as a set.
    pub(super) fn scopes(&self) -> Result<ScopeSet, SettingsError> {
        let off = || {
            invalid(
                "users.registration_scopes",
                "must be scopes, one space apart",
            )
        };
        self.registration_scopes.parse().map_err(|_| off())
    }
}
