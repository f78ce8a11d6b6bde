//! Users: names, roles, what they may do and whether they may log in.

mod email;
mod username;

use std::{collections::BTreeSet, str::FromStr};

use portcullis_shared::{ids::UserId, scope::ScopeSet, time::UnixSeconds};

pub use email::{EMAIL_LIMIT, Email, InvalidEmail};
pub use username::{InvalidUsername, NAME_LIMIT, Username, part_of_name};

/// The text is not a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role has 1 to 64 characters: letters and digits of ASCII, and . _ : -")]
pub struct InvalidRole;

/// A role, such as `admin`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role(String);

/// The role that may use the administration.
pub const ADMIN_ROLE: &str = "admin";

impl Role {
    /// The role as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Role {
    type Err = InvalidRole;

    fn from_str(text: &str) -> Result<Self, InvalidRole> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
        if text.is_empty() || text.len() > 64 || !text.bytes().all(allowed) {
            return Err(InvalidRole);
        }
        Ok(Self(text.to_owned()))
    }
}

/// Roles in order, each once.
pub type Roles = BTreeSet<Role>;

/// The most text that the roles, and that the scopes, of one user may have, in bytes with one
/// between each two: an access token has room for both
/// ([`TOKEN_LIMIT`](portcullis_shared::token::TOKEN_LIMIT)).
pub const GRANTS_LIMIT: usize = 800;

/// More roles or scopes than a token has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a user's roles, and a user's scopes, have at most {GRANTS_LIMIT} characters together")]
pub struct TooManyGrants;

/// Checks that an access token has room for these roles and scopes.
///
/// # Errors
///
/// [`TooManyGrants`].
pub fn check_grants(roles: &Roles, scopes: &ScopeSet) -> Result<(), TooManyGrants> {
    let roles: usize = roles.iter().map(|role| role.as_str().len() + 1).sum();
    let scopes: usize = scopes.iter().map(|scope| scope.as_str().len() + 1).sum();
    if roles.max(scopes) > GRANTS_LIMIT {
        return Err(TooManyGrants);
    }
    Ok(())
}

/// Whether a user may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserStatus {
    /// Yes.
    Active,
    /// No, since `at`, because of `reason`.
    Banned {
        /// For people; may be empty.
        reason: String,
        /// When.
        at: UnixSeconds,
    },
    /// No, since `at`: the account is out of use, for no fault of the user's.
    Disabled {
        /// When.
        at: UnixSeconds,
    },
}

/// A one-time token with which a user chooses a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingSetup {
    /// SHA-256 of the token's secret; the secret itself is nowhere kept.
    pub digest: [u8; 32],
    /// From when on it is not taken.
    pub expires_at: UnixSeconds,
}

/// The latest times in the links that a user has signed. Whatever revokes the user covers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SignedLinks {
    /// The greatest `iat`.
    pub last_iat: UnixSeconds,
    /// The greatest `exp`; what revokes the links is published until then.
    pub last_exp: UnixSeconds,
}

/// A user as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Never changes, is never used again.
    pub id: UserId,
    /// Unique, and so is what it looks like. Never changes.
    pub username: Username,
    /// Where the user can be written to; nothing else is done with it.
    pub email: Option<Email>,
    /// A PHC string; none until the user has chosen a password.
    pub password_hash: Option<String>,
    /// Whether the user may log in.
    pub status: UserStatus,
    /// The user's roles.
    pub roles: Roles,
    /// What the user may be granted.
    pub scopes: ScopeSet,
    /// Access tokens minted then or earlier are revoked; later ones carry a later `iat`.
    pub not_before: UnixSeconds,
    /// A setup token that has been given out and not used.
    pub setup: Option<PendingSetup>,
    /// What is the latest of the links that the user has signed.
    pub links: SignedLinks,
    /// When the user was created.
    pub created_at: UnixSeconds,
    /// When anything about the user last changed.
    pub updated_at: UnixSeconds,
}

impl User {
    /// Whether the user may log in.
    pub fn is_active(&self) -> bool {
        self.status == UserStatus::Active
    }

    /// Whether the user could log in and administrate now.
    pub fn can_administrate(&self) -> bool {
        self.is_active() && self.password_hash.is_some() && self.is_admin()
    }

    /// The roles as they are written.
    pub fn role_names(&self) -> Vec<String> {
        self.roles.iter().map(|role| role.0.clone()).collect()
    }

    /// The scopes as they are written.
    pub fn scope_names(&self) -> Vec<String> {
        let scopes = self.scopes.iter();
        scopes.map(|scope| scope.as_str().to_owned()).collect()
    }

    /// Whether the user has the role that may administrate.
    pub fn is_admin(&self) -> bool {
        self.roles.iter().any(|role| role.as_str() == ADMIN_ROLE)
    }

    /// The `iat` of a token minted at `now`: the time, or later where an earlier revocation would
    /// refuse that.
    pub fn next_iat(&self, now: UnixSeconds) -> UnixSeconds {
        now.max(self.not_before.plus(1))
    }
}
