//! Sessions: one row per login, the family of all refresh tokens that come of it.

pub mod cap;
mod flags;
#[cfg(test)]
pub(crate) mod sample;

pub use flags::{Flag, Flags, InvalidFlags};

use portcullis_shared::{
    ids::{SessionId, UserId},
    time::UnixSeconds,
};

use crate::domain::context::Context;

/// Why a session is over. The names are stored and logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// Its user logged out, or signed this device out from another.
    Logout,
    /// Its user signed all devices out.
    LogoutAll,
    /// A refresh token that had been spent was used again.
    Reuse,
    /// A client revoked a token of it (RFC 7009).
    Revoked,
    /// The user was banned.
    Banned,
    /// The user's password was changed.
    PasswordChanged,
    /// The user has more sessions than the cap allows, and used this one least recently.
    Evicted,
    /// An administrator ended it.
    Administrator,
    /// The user was disabled.
    Disabled,
    /// A refresh came from elsewhere than the rules allow.
    Moved,
    /// A reason that only a newer version of this program knows.
    Other,
}

impl EndReason {
    /// All reasons.
    pub const ALL: [Self; 11] = [
        Self::Logout,
        Self::LogoutAll,
        Self::Reuse,
        Self::Revoked,
        Self::Banned,
        Self::PasswordChanged,
        Self::Evicted,
        Self::Administrator,
        Self::Disabled,
        Self::Moved,
        Self::Other,
    ];

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::LogoutAll => "logout_all",
            Self::Reuse => "reuse",
            Self::Revoked => "revoked",
            Self::Banned => "banned",
            Self::PasswordChanged => "password_changed",
            Self::Evicted => "evicted",
            Self::Administrator => "administrator",
            Self::Disabled => "disabled",
            Self::Moved => "moved",
            Self::Other => "other",
        }
    }

    /// The reason of this stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// The end of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Why.
    pub reason: EndReason,
    /// When.
    pub at: UnixSeconds,
}

/// A session as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The `sid` of its access tokens, and part of its refresh tokens.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// The client that it was opened with; no other may refresh it.
    pub client_id: String,
    /// The newest generation of refresh token ever issued; the first is 1.
    pub generation: u32,
    /// The newest generation ever presented; 0 when none was.
    pub accepted: u32,
    /// When `generation` was issued in exchange for `accepted`.
    pub rotated_at: UnixSeconds,
    /// How often `accepted` was presented again within the window.
    pub replays: u32,
    /// How often `accepted` was presented again after the window.
    pub late_retries: u32,
    /// The greatest `iat` of its access tokens. A revocation of the user covers it.
    pub last_iat: UnixSeconds,
    /// The greatest `exp` of its access tokens; what revokes them is published until then.
    pub last_exp: UnixSeconds,
    /// Why and when it was ended; none while it is active, and where it has only expired.
    pub ended: Option<Ended>,
    /// When it was opened.
    pub created_at: UnixSeconds,
    /// When it was last opened or refreshed.
    pub last_used_at: UnixSeconds,
    /// From when on it is over unless it is used before.
    pub idle_expires_at: UnixSeconds,
    /// From when on it is over, whatever happens.
    pub absolute_expires_at: UnixSeconds,
    /// The device, for people: what the client called it at login, else what its user agent says.
    pub device: Option<String>,
    /// What has been flagged about it.
    pub flags: Flags,
    /// Where the login came from.
    pub opened_from: Context,
    /// Where the last login or refresh came from.
    pub last_from: Context,
}

impl Session {
    /// Whether it can still be used at `now`: not ended, and not expired.
    pub fn is_active(&self, now: UnixSeconds) -> bool {
        self.ended.is_none() && now < self.idle_expires_at && now < self.absolute_expires_at
    }

    /// The same session, ended.
    #[must_use]
    pub fn end(&self, reason: EndReason, at: UnixSeconds) -> Self {
        Self {
            ended: Some(Ended { reason, at }),
            ..self.clone()
        }
    }

    /// Why it was ended, if it was.
    pub fn end_reason(&self) -> Option<EndReason> {
        self.ended.map(|ended| ended.reason)
    }
}
