//! Whether a user may log in: bans and disabled accounts.
//!
//! A ban is for what a user did, with a reason; an account is disabled for no fault of the user's.
//! Either is lifted by its opposite alone, so nobody comes back by the wrong door: who is banned
//! cannot be disabled or enabled, who is disabled cannot be banned or unbanned. Both put the user
//! out everywhere, in the transaction that writes it.

use portcullis_shared::{ids::UserId, time::UnixSeconds};

use super::{Authority, Changed, LastAdmin, NotAdmin, Reason, changed, unchanged};
use crate::domain::{
    app::App,
    audit::{Action, Actor, Event},
    ending::Tokens,
    session::EndReason,
    store::{Standing, StoreError, UserChange},
    user::{User, UserStatus},
};

/// Why a user's standing was not changed.
#[derive(Debug, thiserror::Error)]
pub enum StandingError {
    /// See [`NotAdmin`].
    #[error(transparent)]
    NotAdmin(#[from] NotAdmin),
    /// Nobody comes back by an own decision, whatever it was that put the user out.
    #[error("this is for another administrator to do, not for the user")]
    Own,
    /// The user is banned; only lifting the ban changes that.
    #[error("the user is banned")]
    Banned,
    /// The user is disabled; only enabling the user changes that.
    #[error("the user is disabled")]
    Disabled,
    /// See [`LastAdmin`].
    #[error(transparent)]
    LastAdmin(#[from] LastAdmin),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Bans a user: all sessions end, all access tokens are revoked, no login and no API key works.
/// Banning again changes the reason. `None` when there is no such user.
///
/// # Errors
///
/// See [`StandingError`].
pub async fn ban(
    app: &App,
    authority: Authority,
    id: UserId,
    Reason(reason): Reason,
) -> Result<Option<Changed>, StandingError> {
    put_out(app, authority, id, Out::Banned { reason }).await
}

/// Disables a user: all sessions end, all access tokens are revoked, no login and no API key works.
/// Disabling again changes nothing. `None` when there is no such user.
///
/// # Errors
///
/// See [`StandingError`].
pub async fn disable(
    app: &App,
    authority: Authority,
    id: UserId,
) -> Result<Option<Changed>, StandingError> {
    put_out(app, authority, id, Out::Disabled).await
}

/// How a user is put out.
#[derive(Debug, Clone)]
enum Out {
    Banned { reason: String },
    Disabled,
}

impl Out {
    /// The user's status after it; none where it is that already.
    fn after(
        &self,
        status: &UserStatus,
        at: UnixSeconds,
    ) -> Result<Option<UserStatus>, StandingError> {
        match (self, status) {
            (Self::Banned { reason }, UserStatus::Active | UserStatus::Banned { .. }) => {
                let reason = reason.clone();
                Ok(Some(UserStatus::Banned { reason, at }))
            }
            (Self::Banned { .. }, UserStatus::Disabled { .. }) => Err(StandingError::Disabled),
            (Self::Disabled, UserStatus::Active) => Ok(Some(UserStatus::Disabled { at })),
            (Self::Disabled, UserStatus::Disabled { .. }) => Ok(None),
            (Self::Disabled, UserStatus::Banned { .. }) => Err(StandingError::Banned),
        }
    }

    /// What is written.
    fn decide(
        self,
        authority: &Authority,
        at: UnixSeconds,
        tokens: &Tokens,
        standing: &Standing<'_>,
    ) -> Result<(UserChange, User), StandingError> {
        let Standing {
            user,
            sessions,
            api_keys,
            ..
        } = *standing;
        let Some(status) = self.after(&user.status, at)? else {
            return Ok(unchanged(user));
        };
        let mut next = User {
            status,
            // A link that was given out before is no way back in.
            setup: None,
            updated_at: at,
            ..user.clone()
        };
        authority.check_last(user, Some(&next), standing.others)?;
        let entry = tokens.revoke_user(&mut next, sessions, api_keys, at);
        let ended = sessions
            .iter()
            .map(|session| (session.id, self.ends_sessions()))
            .collect();
        let event = self.event(authority, at, user.id);
        Ok(changed(next, ended, vec![entry], event))
    }

    fn ends_sessions(&self) -> EndReason {
        match self {
            Self::Banned { .. } => EndReason::Banned,
            Self::Disabled => EndReason::Disabled,
        }
    }

    fn event(&self, authority: &Authority, at: UnixSeconds, user: UserId) -> Event {
        match self {
            Self::Banned { reason } => Event {
                detail: Some(reason.clone()),
                ..authority.event(at, Action::UserBanned, user)
            },
            Self::Disabled => authority.event(at, Action::UserDisabled, user),
        }
    }
}

async fn put_out(
    app: &App,
    authority: Authority,
    id: UserId,
    out: Out,
) -> Result<Option<Changed>, StandingError> {
    let (now, tokens) = (app.now(), app.tokens());
    let decide = move |authority: &Authority, standing: &Standing<'_>| {
        out.decide(authority, now.seconds(), &tokens, standing)
    };
    let done = authority.decide(app, id, now, decide).await?;
    Ok(done.map(Changed::from))
}

/// Lifts a ban, of somebody else. Sessions that ended stay ended, tokens that were revoked stay
/// revoked; API keys work again. `None` when there is no such user.
///
/// # Errors
///
/// See [`StandingError`].
pub async fn unban(
    app: &App,
    authority: Authority,
    id: UserId,
) -> Result<Option<Changed>, StandingError> {
    let_in(
        app,
        authority,
        id,
        Action::UserUnbanned,
        |status| match status {
            UserStatus::Active => Ok(false),
            UserStatus::Banned { .. } => Ok(true),
            UserStatus::Disabled { .. } => Err(StandingError::Disabled),
        },
    )
    .await
}

/// Lets a disabled user log in again; otherwise as [`unban`].
///
/// # Errors
///
/// See [`StandingError`].
pub async fn enable(
    app: &App,
    authority: Authority,
    id: UserId,
) -> Result<Option<Changed>, StandingError> {
    let_in(
        app,
        authority,
        id,
        Action::UserEnabled,
        |status| match status {
            UserStatus::Active => Ok(false),
            UserStatus::Banned { .. } => Err(StandingError::Banned),
            UserStatus::Disabled { .. } => Ok(true),
        },
    )
    .await
}

/// Makes a user active where `was_out` says that this door is the right one.
async fn let_in(
    app: &App,
    authority: Authority,
    id: UserId,
    action: Action,
    was_out: fn(&UserStatus) -> Result<bool, StandingError>,
) -> Result<Option<Changed>, StandingError> {
    let now = app.now();
    let decide = move |authority: &Authority, &Standing { user, .. }: &Standing<'_>| {
        if authority.actor == Actor::User(user.id) {
            return Err(StandingError::Own);
        }
        if !was_out(&user.status)? {
            return Ok(unchanged(user));
        }
        let next = User {
            status: UserStatus::Active,
            updated_at: now.seconds(),
            ..user.clone()
        };
        let event = authority.event(now.seconds(), action, user.id);
        Ok(changed(next, Vec::new(), Vec::new(), event))
    };
    let done = authority.decide(app, id, now, decide).await?;
    Ok(done.map(Changed::from))
}
