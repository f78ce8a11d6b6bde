//! Logins that were refused, and passwords that somebody who is logged in did not know, in the audit
//! trail.
//!
//! The name that was typed is never kept. Whoever exists is told by id; where nobody does, the name
//! may well be a password that went into the wrong field.
//!
//! An attempt that cannot be recorded is not answered either: with a full disk, a wrong password
//! that is refused beside a right one that cannot open a session would let somebody try passwords
//! without a trace. It costs one small row for each password that was hashed, so the pool of hashing
//! bounds it; what is refused before the hash writes nothing here.

use portcullis_shared::time::UnixSeconds;

use crate::domain::{
    app::App,
    audit::{Action, Actor, Event},
    caller::Caller,
    context::Context,
    store::StoreError,
    user::User,
};

/// Writes that a password did not match: that of `user`, or nobody's.
///
/// # Errors
///
/// See [`StoreError`]; the login is not to be answered then.
pub async fn record(app: &App, user: Option<&User>, context: &Context) -> Result<(), StoreError> {
    let reason = match user {
        None => "unknown_user",
        Some(user) if user.password_hash.is_none() => "no_password",
        Some(_) => "wrong_password",
    };
    // Who typed it is not known.
    let event = event(app.clock.now(), Actor::Service, user, reason, context);
    write(app, event).await
}

/// Writes that whoever is logged in showed another password than the user's.
///
/// # Errors
///
/// See [`StoreError`]; the request is not to be answered then.
pub async fn record_confirmation(
    app: &App,
    caller: &Caller,
    context: &Context,
) -> Result<(), StoreError> {
    // An access token was shown, which may be stolen.
    let (user, now) = (&caller.user, app.clock.now());
    let event = event(now, Actor::Service, Some(user), "confirmation", context);
    let event = Event {
        session_id: Some(caller.session.id),
        ..event
    };
    write(app, event).await
}

async fn write(app: &App, event: Event) -> Result<(), StoreError> {
    app.store.append_audit(std::slice::from_ref(&event)).await?;
    event.announce();
    Ok(())
}

/// Why there was no session although the password was right. Whoever tries stolen passwords leaves a
/// trace of those that are right too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The user is banned.
    Banned,
    /// The user is disabled.
    Disabled,
    /// The user has as many sessions as are allowed.
    SessionCap,
    /// It was right for what was replaced while it was checked, and then once more.
    ChangedMeanwhile,
}

impl Obstacle {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Banned => "banned",
            Self::Disabled => "disabled",
            Self::SessionCap => "session_cap",
            Self::ChangedMeanwhile => "changed_meanwhile",
        }
    }

    /// What the audit trail gets.
    pub fn event(self, now: UnixSeconds, user: &User, context: &Context) -> Event {
        let actor = Actor::User(user.id);
        event(now, actor, Some(user), self.as_str(), context)
    }
}

fn event(
    now: UnixSeconds,
    actor: Actor,
    user: Option<&User>,
    reason: &str,
    context: &Context,
) -> Event {
    Event {
        user_id: user.map(|user| user.id),
        detail: Some(reason.to_owned()),
        ..Event::new(now, Action::LoginFailed, actor).from(context)
    }
}
