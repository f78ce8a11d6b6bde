//! One-time setup tokens for users who exist: who lost the password, or let the first token expire.
//! Nobody but the user chooses the password.

use portcullis_shared::ids::UserId;

use super::{Authority, NotAdmin, changed};
use crate::domain::{
    app::App,
    audit::Action,
    entropy::EntropyError,
    setup::{self, SetupToken},
    store::{Standing, StoreError},
    user::User,
};

/// A setup token that was given out.
#[derive(Debug)]
pub struct SetupLink {
    /// As stored; tells when the token expires.
    pub user: User,
    /// With which the user chooses a password.
    pub token: SetupToken,
}

/// Why no setup token was given out.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// See [`NotAdmin`].
    #[error(transparent)]
    NotAdmin(#[from] NotAdmin),
    /// See [`EntropyError`].
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Gives out a setup token in the place of any other. Until it is used, password and sessions stay
/// as they are; who is banned or disabled cannot use it. `None` when there is no such user.
///
/// # Errors
///
/// See [`IssueError`].
pub async fn issue_setup(
    app: &App,
    authority: Authority,
    id: UserId,
) -> Result<Option<SetupLink>, IssueError> {
    let (token, pending) = setup::issue(app, id)?;
    let now = app.now();
    let decide = move |authority: &Authority, &Standing { user, .. }: &Standing<'_>| {
        let next = User {
            setup: Some(pending),
            updated_at: now.seconds(),
            ..user.clone()
        };
        let event = authority.event(now.seconds(), Action::SetupIssued, user.id);
        Ok::<_, IssueError>(changed(next, Vec::new(), Vec::new(), event))
    };
    let done = authority.decide(app, id, now, decide).await?;
    Ok(done.map(|(user, _)| SetupLink { user, token }))
}
