//! Roles, scopes and the e-mail address of a user change.

use portcullis_shared::{ids::UserId, scope::ScopeSet};

use super::{Authority, Changed, LastAdmin, NotAdmin, changed, grants, unchanged};
use crate::domain::{
    app::App,
    audit::{Action, Event},
    clock::UnixMillis,
    ending::Tokens,
    store::{Standing, StoreError, UserChange},
    user::{Email, Roles, TooManyGrants, User, check_grants},
};

/// What to change of a user; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// All roles from now on.
    pub roles: Option<Roles>,
    /// All scopes from now on.
    pub scopes: Option<ScopeSet>,
    /// What becomes of the address.
    pub email: EmailChange,
}

/// What becomes of a user's address.
#[derive(Debug, Clone, Default)]
pub enum EmailChange {
    /// It stays.
    #[default]
    Keep,
    /// There is none from now on.
    Remove,
    /// This is it from now on.
    Set(Email),
}

/// Why a user was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// See [`NotAdmin`].
    #[error(transparent)]
    NotAdmin(#[from] NotAdmin),
    /// See [`TooManyGrants`].
    #[error(transparent)]
    TooManyGrants(#[from] TooManyGrants),
    /// See [`LastAdmin`].
    #[error(transparent)]
    LastAdmin(#[from] LastAdmin),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Changes roles, scopes and address. Where a role or scope is taken away, all access tokens minted
/// so far are revoked; clients refresh and get what is left. `None` when there is no such user.
///
/// # Errors
///
/// See [`ChangeError`].
pub async fn change_user(
    app: &App,
    authority: Authority,
    id: UserId,
    changes: Changes,
) -> Result<Option<Changed>, ChangeError> {
    let none = (Roles::new(), ScopeSet::default());
    let (roles, scopes) = (changes.roles.as_ref(), changes.scopes.as_ref());
    check_grants(roles.unwrap_or(&none.0), scopes.unwrap_or(&none.1))?;
    let (now, tokens) = (app.now(), app.tokens());
    let decide = move |authority: &Authority, standing: &Standing<'_>| {
        let decided = apply(authority, changes, standing, now, &tokens);
        decided.map_err(ChangeError::from)
    };
    let done = authority.decide(app, id, now, decide).await?;
    Ok(done.map(Changed::from))
}

fn apply(
    authority: &Authority,
    changes: Changes,
    standing: &Standing<'_>,
    now: UnixMillis,
    tokens: &Tokens,
) -> Result<(UserChange, User), LastAdmin> {
    let (now, user) = (now.seconds(), standing.user);
    let mut next = user.clone();
    next.roles = changes.roles.unwrap_or(next.roles);
    next.scopes = changes.scopes.unwrap_or(next.scopes);
    match changes.email {
        EmailChange::Keep => {}
        EmailChange::Remove => next.email = None,
        EmailChange::Set(email) => next.email = Some(email),
    }
    if next == *user {
        return Ok(unchanged(user));
    }
    authority.check_last(user, Some(&next), standing.others)?;
    next.updated_at = now;
    let keeps_all = next.roles.is_superset(&user.roles) && next.scopes.is_superset(&user.scopes);
    let revocations = if keeps_all {
        Vec::new()
    } else {
        vec![tokens.revoke_user(&mut next, standing.sessions, standing.api_keys, now)]
    };
    // The address itself is nobody's business who reads the trail.
    let address = if next.email == user.email {
        ""
    } else {
        ", e-mail changed"
    };
    let event = Event {
        detail: Some(grants(&next) + address),
        ..authority.event(now, Action::UserChanged, user.id)
    };
    Ok(changed(next, Vec::new(), revocations, event))
}
