//! Somebody who is logged in shows the password once more.
//!
//! Each session has a count of its own, so that whoever holds a stolen access token and guesses
//! keeps the owner, who has another session, from nothing. All sessions of the user together have a
//! looser one, apart from those of logins: sessions are no way to more guesses.

use portcullis_shared::ids::UserId;

use super::{
    Admitted, Error, Throttled, Whose, claims, count,
    key::{Name, Subject},
    limit,
    limit::Limit,
    look,
};
use crate::domain::{app::App, caller::Caller, context::Context, shares::Claim};

/// An attempt that nothing is remembered against, and that has not been counted.
#[derive(Debug)]
pub struct Asked<'a> {
    user: UserId,
    limits: Vec<Limit>,
    context: &'a Context,
    /// What it comes by to a place in the hashing pool.
    pub claims: Vec<Claim>,
}

/// Looks at what this process remembers; the database is not asked.
///
/// # Errors
///
/// [`Throttled`].
pub fn ask<'a>(app: &App, caller: &Caller, context: &'a Context) -> Result<Asked<'a>, Throttled> {
    let limits = limit::of_confirmation(app, caller.user.id, caller.session.id);
    let by = limit::may_be_remembered(&limits);
    if let Some(throttled) = app.refusals.find(by, app.clock.now()) {
        return Err(throttled);
    }
    let name = Name::typed(caller.user.username.as_str());
    let session = Subject::SessionConfirmation(caller.session.id).key(&app.master);
    let claims = claims::of_proven(app, context.ip, &name, Some(session));
    Ok(Asked {
        user: caller.user.id,
        limits,
        context,
        claims,
    })
}

/// Counts an attempt. Whoever calls this has a place in the hashing pool.
///
/// # Errors
///
/// See [`Error`].
pub async fn admit(app: &App, asked: Asked<'_>) -> Result<Admitted, Error> {
    let seen = look(app, asked.limits).await?;
    let counted = count(app, seen, Whose::User(asked.user), asked.context).await?;
    Ok(Admitted {
        counted,
        place: None,
    })
}
