//! The audit trail: who did what to whom, when and from where. Append-only; no secret stands in it.
//! The log gets the same, once it is written.
//!
//! [`query`] is how the trail is looked through, [`tail`] how it is followed.

pub mod query;
pub mod tail;
#[cfg(test)]
mod tests;

use portcullis_shared::{
    ids::{SessionId, UserId},
    time::UnixSeconds,
};

use crate::{domain::context::Context, logging};

/// What happened. The names are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Somebody logged in.
    Login,
    /// A spent refresh token was used again; its session is over.
    RefreshReuse,
    /// A refresh token of a generation that was never issued: the database is older than it.
    RefreshAhead,
    /// The same after a backup was put back: its session follows it.
    RefreshFastForwarded,
    /// A session was ended: by its user, a client, a login for which it made room, or a rule.
    SessionEnded,
    /// A user was created.
    UserCreated,
    /// Roles or scopes of a user were changed.
    UserChanged,
    /// A user was banned.
    UserBanned,
    /// A ban was lifted.
    UserUnbanned,
    /// A password was set or changed.
    PasswordChanged,
    /// A signing key was added.
    KeyAdded,
    /// A signing key was withdrawn.
    KeyWithdrawn,
    /// A login was refused: a wrong password, an account that may not log in, or no such user.
    LoginFailed,
    /// Logins for an account or from a network, or registrations from one, were too many.
    LoginThrottled,
    /// A refresh came from elsewhere than before.
    SessionFlagged,
    /// Sessions were ended by criterion.
    SessionsRevoked,
    /// Sessions to be ended by criterion were counted; none has been ended.
    RevocationPlanned,
    /// Somebody signed up.
    UserRegistered,
    /// A user was disabled.
    UserDisabled,
    /// A user was enabled again.
    UserEnabled,
    /// A user was deleted.
    UserDeleted,
    /// A one-time link to choose a password was given out.
    SetupIssued,
    /// Users were imported.
    UsersImported,
    /// Users were exported, password hashes included.
    UsersExported,
    /// A backup was put back: sessions may be ahead of it for a while.
    Restored,
    /// The service started with other settings than before.
    SettingsChanged,
    /// An API key was made.
    ApiKeyCreated,
    /// An API key got a successor.
    ApiKeyRotated,
    /// An API key was revoked.
    ApiKeyRevoked,
    /// Something that only a newer program knows, which wrote it during an upgrade; nothing is
    /// stored under this name.
    Unknown,
}

impl Action {
    /// All actions that are stored.
    pub const ALL: [Self; 29] = [
        Self::Login,
        Self::RefreshReuse,
        Self::RefreshAhead,
        Self::RefreshFastForwarded,
        Self::SessionEnded,
        Self::UserCreated,
        Self::UserChanged,
        Self::UserBanned,
        Self::UserUnbanned,
        Self::PasswordChanged,
        Self::KeyAdded,
        Self::KeyWithdrawn,
        Self::LoginFailed,
        Self::LoginThrottled,
        Self::SessionFlagged,
        Self::SessionsRevoked,
        Self::RevocationPlanned,
        Self::UserRegistered,
        Self::UserDisabled,
        Self::UserEnabled,
        Self::UserDeleted,
        Self::SetupIssued,
        Self::UsersImported,
        Self::UsersExported,
        Self::Restored,
        Self::SettingsChanged,
        Self::ApiKeyCreated,
        Self::ApiKeyRotated,
        Self::ApiKeyRevoked,
    ];

    /// The action of this stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::RefreshReuse => "refresh_reuse",
            Self::RefreshAhead => "refresh_ahead",
            Self::RefreshFastForwarded => "refresh_fast_forwarded",
            Self::SessionEnded => "session_ended",
            Self::UserCreated => "user_created",
            Self::UserChanged => "user_changed",
            Self::UserBanned => "user_banned",
            Self::UserUnbanned => "user_unbanned",
            Self::PasswordChanged => "password_changed",
            Self::KeyAdded => "key_added",
            Self::KeyWithdrawn => "key_withdrawn",
            Self::LoginFailed => "login_failed",
            Self::LoginThrottled => "login_throttled",
            Self::SessionFlagged => "session_flagged",
            Self::SessionsRevoked => "sessions_revoked",
            Self::RevocationPlanned => "revocation_planned",
            Self::UserRegistered => "user_registered",
            Self::UserDisabled => "user_disabled",
            Self::UserEnabled => "user_enabled",
            Self::UserDeleted => "user_deleted",
            Self::SetupIssued => "setup_issued",
            Self::UsersImported => "users_imported",
            Self::UsersExported => "users_exported",
            Self::Restored => "restored",
            Self::SettingsChanged => "settings_changed",
            Self::ApiKeyCreated => "api_key_created",
            Self::ApiKeyRotated => "api_key_rotated",
            Self::ApiKeyRevoked => "api_key_revoked",
            Self::Unknown => "unknown",
        }
    }
}

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A user, by access token or password.
    User(UserId),
    /// Somebody at the command line of the service.
    Operator,
    /// Whoever holds a refresh token or a setup token.
    Bearer,
    /// The service itself.
    Service,
}

impl Actor {
    /// The stored name of the kind.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Operator => "operator",
            Self::Bearer => "bearer",
            Self::Service => "service",
        }
    }
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: UnixSeconds,
    /// What.
    pub action: Action,
    /// Who.
    pub actor: Actor,
    /// To which user.
    pub user_id: Option<UserId>,
    /// To which session.
    pub session_id: Option<SessionId>,
    /// From where.
    pub ip: Option<std::net::IpAddr>,
    /// From which country (ISO 3166-1 alpha-2), where that is known.
    pub country: Option<String>,
    /// More, for people: a reason, a key's identifier. Never a secret.
    pub detail: Option<String>,
}

impl Event {
    /// An event without place and detail.
    pub const fn new(at: UnixSeconds, action: Action, actor: Actor) -> Self {
        Self {
            at,
            action,
            actor,
            user_id: None,
            session_id: None,
            ip: None,
            country: None,
            detail: None,
        }
    }

    /// The same event, from there.
    #[must_use]
    pub fn from(self, context: &Context) -> Self {
        Self {
            ip: context.ip,
            country: context.country.clone(),
            ..self
        }
    }

    /// Tells the log what has been written to the trail. What somebody should look into is a
    /// warning.
    pub fn announce(&self) {
        let action = self.action.as_str();
        let user_id = self.user_id.map(|id| id.to_string());
        let session_id = self.session_id.map(|id| id.to_string());
        let actor = &self.actor;
        let detail = self.detail.as_deref().map(logging::legible);
        match self.action {
            Action::RefreshReuse
            | Action::RefreshAhead
            | Action::KeyWithdrawn
            | Action::LoginThrottled
            | Action::SessionFlagged
            | Action::SessionsRevoked
            | Action::UserDeleted
            | Action::UsersExported
            | Action::Restored => {
                tracing::warn!(action, ?actor, user_id, session_id, detail, "audit");
            }
            Action::Login
            | Action::RefreshFastForwarded
            | Action::SessionEnded
            | Action::UserCreated
            | Action::UserChanged
            | Action::UserBanned
            | Action::UserUnbanned
            | Action::PasswordChanged
            | Action::KeyAdded
            | Action::LoginFailed
            | Action::RevocationPlanned
            | Action::UserRegistered
            | Action::UserDisabled
            | Action::UserEnabled
            | Action::SetupIssued
            | Action::UsersImported
            | Action::SettingsChanged
            | Action::ApiKeyCreated
            | Action::ApiKeyRotated
            | Action::ApiKeyRevoked
            | Action::Unknown => {
                tracing::info!(action, ?actor, user_id, session_id, detail, "audit");
            }
        }
    }
}
