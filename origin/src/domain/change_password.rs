//! A user changes the password, with the old one.
//!
//! Invariant: the old password is right for the hash that the new one replaces. What was checked
//! outside of the transaction (a hash takes its time) is compared inside of it. The session in which
//! the password is changed goes on, all others end; a session that has ended meanwhile changes
//! nothing.
//!
//! Whoever holds a stolen access token must not find the password out here, nor keep the owner from
//! changing it: attempts are counted for the session, see [`confirmation`], and wrong passwords are in
//! the audit trail.

use crate::domain::{
    app::App,
    audit::Actor,
    caller::Caller,
    context::Context,
    failed_login,
    hashing::{HashingError, Place, Verdict},
    new_password::NewPassword,
    password::{Password, PasswordRule},
    session::Session,
    store::{Seq, StoreError, UserChange},
    throttle::{self, Throttled, confirmation, settlement::Settlement},
    transaction,
    user::User,
};

/// Both passwords, as they were typed.
#[derive(Debug, Clone)]
pub struct Passwords {
    /// The one that is in force.
    pub current: Password,
    /// The one that shall be.
    pub new: Password,
}

/// Why the password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The current password is another.
    #[error("the current password is wrong")]
    WrongPassword,
    /// The session has ended meanwhile, or its user is out.
    #[error("the session is over")]
    SessionOver,
    /// See [`PasswordRule`].
    #[error(transparent)]
    Password(#[from] PasswordRule),
    /// See [`Throttled`].
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// See [`HashingError`].
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<throttle::Error> for Error {
    fn from(error: throttle::Error) -> Self {
        match error {
            throttle::Error::Throttled(throttled) => Self::Throttled(throttled),
            throttle::Error::Store(error) => Self::Store(error),
        }
    }
}

/// Changes the caller's password, and ends the caller's other sessions.
///
/// # Errors
///
/// See [`Error`].
pub async fn change_password(
    app: &App,
    caller: &Caller,
    passwords: Passwords,
    context: &Context,
) -> Result<Seq, Error> {
    let Passwords { current, new } = passwords;
    let user = &caller.user;
    new.check_new(&user.username, user.email.as_ref())?;
    if !current.is_within_limit() {
        return Err(Error::WrongPassword);
    }
    let asked = confirmation::ask(app, caller, context)?;
    let place = app.hasher.enter(&asked.claims)?;
    let admitted = confirmation::admit(app, asked).await?;
    let change = Change {
        app,
        caller,
        context,
        place,
        settled: admitted.settle(app.config.throttle.known_for, app.clock.now()),
    };
    let changed = change.run(&current, &new).await;
    if let Err(Error::Hashing(_) | Error::Store(_)) = &changed {
        admitted.give_back(app).await;
    }
    changed
}

/// A change that was let through.
struct Change<'a> {
    app: &'a App,
    caller: &'a Caller,
    context: &'a Context,
    place: Place<'a>,
    settled: Vec<Settlement>,
}

impl Change<'_> {
    /// A login may have replaced the hash by one of the same password meanwhile (the parameters
    /// changed); the password is then checked against that.
    async fn run(&self, current: &Password, new: &Password) -> Result<Seq, Error> {
        let app = self.app;
        let mut checked = self.caller.user.clone();
        for _ in 0..2 {
            self.check(&checked, current).await?;
            let hash = self.place.hash(new.clone(), app.entropy.as_ref()).await?;
            let new = NewPassword {
                hash,
                keep: Some(self.caller.session.id),
                tokens: app.tokens(),
                now: app.clock.now(),
                actor: Actor::User(checked.id),
                from: self.context.clone(),
            };
            match replace(app, &checked, new, self.settled.clone()).await? {
                Replaced::Done(seq) => return Ok(seq),
                Replaced::Changed => checked = reload(app, &checked).await?,
            }
        }
        Err(Error::WrongPassword)
    }

    /// Makes sure that `current` is the user's password.
    async fn check(&self, user: &User, current: &Password) -> Result<(), Error> {
        let stored = user.password_hash.as_deref();
        match self.place.verify(current.clone(), stored).await? {
            Verdict::Right | Verdict::RightButOld => Ok(()),
            Verdict::Wrong => {
                failed_login::record_confirmation(self.app, self.caller, self.context).await?;
                Err(Error::WrongPassword)
            }
        }
    }
}

async fn reload(app: &App, user: &User) -> Result<User, Error> {
    let user = app.store.user(user.id).await?;
    user.ok_or(Error::SessionOver)
}

/// What became of a new password whose old one was right.
enum Replaced {
    /// It is in force.
    Done(Seq),
    /// The old one is no longer what it was.
    Changed,
}

async fn replace(
    app: &App,
    checked: &User,
    new: NewPassword,
    settled: Vec<Settlement>,
) -> Result<Replaced, Error> {
    let checked_hash = checked.password_hash.clone();
    let decide = move |user: &User, sessions: &[Session]| {
        let goes_on = user.is_active()
            && sessions
                .iter()
                .any(|session| Some(session.id) == new.keep && session.is_active(new.now));
        if !goes_on {
            return (UserChange::default(), Err(Error::SessionOver));
        }
        if user.password_hash != checked_hash {
            return (UserChange::default(), Ok(false));
        }
        let change = UserChange {
            settled,
            ..new.of(user, sessions)
        };
        (change, Ok(true))
    };
    let done = transaction::with_user(app.store.as_ref(), checked.id, app.now(), decide).await?;
    let (replaced, seq) = done.ok_or(Error::SessionOver)?;
    Ok(if replaced? {
        Replaced::Done(seq)
    } else {
        Replaced::Changed
    })
}
