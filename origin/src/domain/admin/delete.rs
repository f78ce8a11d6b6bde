//! A user is deleted, with all sessions and API keys. What the audit trail says of the user stays.

use portcullis_shared::ids::UserId;

use super::{Authority, LastAdmin, NotAdmin};
use crate::domain::{
    app::App,
    audit::{Action, Event},
    store::{Seq, Standing, StoreError, UserChange},
};

/// Why a user was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// See [`NotAdmin`].
    #[error(transparent)]
    NotAdmin(#[from] NotAdmin),
    /// See [`LastAdmin`].
    #[error(transparent)]
    LastAdmin(#[from] LastAdmin),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Deletes a user: row, sessions and API keys are gone, all access tokens are revoked in the same
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
    let decide = move |authority: &Authority, standing: &Standing<'_>| {
        let Standing {
            user,
            sessions,
            api_keys,
            ..
        } = *standing;
        authority.check_last(user, None, standing.others)?;
        let entry = tokens.revoke_user(&mut user.clone(), sessions, api_keys, now.seconds());
        let event = Event {
            detail: Some(format!(
                "{}, {} sessions, {} API keys",
                user.username,
                sessions.len(),
                api_keys.len()
            )),
            ..authority.event(now.seconds(), Action::UserDeleted, user.id)
        };
        let change = UserChange {
            deleted: true,
            revocations: vec![entry],
            events: vec![event],
            ..UserChange::default()
        };
        Ok::<_, DeleteError>((change, ()))
    };
    let done = authority.decide(app, id, now, decide).await?;
    Ok(done.map(|((), seq)| seq))
}
