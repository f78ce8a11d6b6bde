//! A user is deleted, with all sessions. What the audit trail says of the user stays.

use portcullis_shared::ids::UserId;

use super::{Authority, LastAdmin};
use crate::domain::{
    app::App,
    audit::{Action, Event},
    session::Session,
    store::{Seq, StoreError, UserChange},
    transaction,
    user::User,
};

/// Why a user was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// See [`LastAdmin`].
    #[error(transparent)]
    LastAdmin(#[from] LastAdmin),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Deletes a user: row and sessions are gone, all access tokens are revoked in the same
/// transaction. The name is free again, the identifier is not. `None` when there is no such user.
///
/// # Errors
///
/// See [`DeleteError`].
pub async fn delete_user(
    app: &App,
    authority: Authority,
    id: UserId,
) -> Result<Option<Seq>, DeleteError> {
    let (now, tokens) = (app.now(), app.tokens());
    let decide = move |user: &User, sessions: &[Session], others| {
        if let Err(error) = authority.check_last(user, None, others) {
            return (UserChange::default(), Err(error));
        }
        let entry = tokens.revoke_user(&mut user.clone(), sessions, now.seconds());
        let event = Event {
            detail: Some(format!("{}, {} sessions", user.username, sessions.len())),
            ..authority.event(now.seconds(), Action::UserDeleted, user.id)
        };
        let change = UserChange {
            deleted: true,
            revocations: vec![entry],
            events: vec![event],
            ..UserChange::default()
        };
        (change, Ok(()))
    };
    let done = transaction::with_standing(app.store.as_ref(), id, now, decide).await?;
    done.map(|(deleted, seq)| Ok(deleted.map(|()| seq)?))
        .transpose()
}
