//! A user, as administrators see one.

use poem_openapi::Object;

use crate::domain::user::{self, UserStatus};

/// A user. Times are Unix seconds.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct User {
    /// The `sub` of the user's tokens.
    id: String,
    /// The name.
    username: String,
    /// Where the user can be written to.
    email: Option<String>,
    /// `active`, `banned` or `disabled`.
    status: String,
    /// Why and since when, where the user is banned.
    ban: Option<Ban>,
    /// Since when the user is disabled, where it is so.
    disabled_at: Option<i64>,
    /// The roles.
    roles: Vec<String>,
    /// What the user may be granted.
    scopes: Vec<String>,
    /// Whether the user has chosen a password.
    has_password: bool,
    /// When the user was created.
    created_at: i64,
    /// When anything about the user last changed.
    updated_at: i64,
}

/// A ban.
#[derive(Object)]
pub(crate) struct Ban {
    /// For people.
    reason: String,
    /// Since when.
    at: i64,
}

impl From<user::User> for User {
    fn from(user: user::User) -> Self {
        let (roles, scopes) = (user.role_names(), user.scope_names());
        let (status, ban, disabled_at) = match user.status {
            UserStatus::Active => ("active", None, None),
            UserStatus::Banned { reason, at } => ("banned", Some(Ban { reason, at: at.0 }), None),
            UserStatus::Disabled { at } => ("disabled", None, Some(at.0)),
        };
        Self {
            id: user.id.to_string(),
            username: user.username.to_string(),
            email: user.email.map(|email| email.as_str().to_owned()),
            status: status.to_owned(),
            ban,
            disabled_at,
            roles,
            scopes,
            has_password: user.password_hash.is_some(),
            created_at: user.created_at.0,
            updated_at: user.updated_at.0,
        }
    }
}

/// A user after a change that an edge must hear of.
#[derive(Object)]
pub(crate) struct ChangedUser {
    /// The user.
    user: User,
    /// An edge that reports this `seq` of the feed, or a greater one, has the change in force.
    seq: u64,
}

impl From<crate::domain::admin::Changed> for super::super::answer::InFeed<ChangedUser> {
    fn from(changed: crate::domain::admin::Changed) -> Self {
        let body = ChangedUser {
            user: changed.user.into(),
            seq: changed.seq.0,
        };
        Self {
            body,
            seq: Some(changed.seq),
        }
    }
}
