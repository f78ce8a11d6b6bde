//! A new password in the place of an old one: what is written, whoever set it.
//!
//! Invariant: no session outlives the password that it was opened with, but the one in which its
//! user changes it; and no setup token outlives it at all.

use portcullis_shared::{ids::SessionId, time::UnixSeconds};

use crate::domain::{
    audit::{Action, Actor, Event},
    context::Context,
    ending::Tokens,
    session::{EndReason, Session},
    store::UserChange,
    user::User,
};

/// A password to be set.
pub(super) struct NewPassword {
    /// As a PHC string.
    pub(super) hash: String,
    /// The session that stays.
    pub(super) keep: Option<SessionId>,
    /// Whose tokens are revoked.
    pub(super) tokens: Tokens,
    /// When.
    pub(super) now: UnixSeconds,
    /// Who sets it.
    pub(super) actor: Actor,
    /// From where.
    pub(super) from: Context,
}

impl NewPassword {
    /// The user with the password: setup tokens are spent, other sessions are over.
    pub(super) fn of(self, user: &User, sessions: &[Session]) -> UserChange {
        let mut next = User {
            password_hash: Some(self.hash),
            setup: None,
            updated_at: self.now,
            ..user.clone()
        };
        let (ended, revocations) = self.tokens.end_all(
            &mut next,
            sessions,
            self.keep,
            EndReason::PasswordChanged,
            self.now,
        );
        let event = Event {
            user_id: Some(user.id),
            session_id: self.keep,
            ..Event::new(self.now, Action::PasswordChanged, self.actor).from(&self.from)
        };
        UserChange {
            user: Some(next),
            ended,
            revocations,
            events: vec![event],
            ..UserChange::default()
        }
    }
}
