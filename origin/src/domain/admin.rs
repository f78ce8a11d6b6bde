//! Administration: users are created, listed, changed, banned, disabled, deleted and given setup
//! tokens and API keys.
//!
//! The endpoints call these with the [`caller::Admin`](crate::domain::caller::Admin) that they
//! have made sure of, the command line as the operator; the audit trail tells which. An
//! administrator is asked for again by the transaction that does it: whoever is banned or demoted
//! while a request is on its way has nothing done by it. No
//! administrator can leave the service without one: what would take away the last is refused
//! ([`LastAdmin`]), but for the operator, who can make another.

mod api_key;
mod change;
mod create;
mod delete;
mod reason;
mod setup_link;
mod standing;

use portcullis_shared::{
    ids::{SessionId, UserId},
    revocation::Record,
    time::UnixSeconds,
};

use crate::domain::{
    app::App,
    audit::{Action, Actor, Event},
    clock::UnixMillis,
    context::Context,
    session::EndReason,
    store::{By, OtherAdmins, Seq, Standing, StoreError, UserChange, UserFilter},
    transaction,
    user::User,
};

pub use api_key::{
    CreateKeyError, CreatedKey, InvalidOverlap, KEYS_LIMIT, NewKey, OVERLAP_LIMIT, Overlap,
    RevokeKeyError, RevokedKey, RotateKeyError, RotatedKey, TooManyKeys, create_api_key,
    list_api_keys, revoke_api_key, rotate_api_key,
};
pub use change::{ChangeError, Changes, EmailChange, change_user};
pub use create::{CreateError, Created, NewUser, create_user};
pub use delete::{DeleteError, delete_user};
pub use reason::{InvalidReason, REASON_LIMIT, Reason};
pub use setup_link::{IssueError, SetupLink, issue_setup};
pub use standing::{StandingError, ban, disable, enable, unban};

/// Who administrates, and from where.
#[derive(Debug, Clone)]
pub struct Authority {
    /// Who is asked for permission, and whom the audit trail tells.
    pub actor: Actor,
    /// For the audit trail.
    pub from: Context,
}

/// Whoever administrates may not do so, or not any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this needs an administrator")]
pub struct NotAdmin;

impl Authority {
    /// Somebody at the command line.
    pub const OPERATOR: Self = Self {
        actor: Actor::Operator,
        from: Context {
            ip: None,
            country: None,
            user_agent: None,
        },
    };

    /// Whose permission the store has to make sure of.
    ///
    /// # Errors
    ///
    /// [`NotAdmin`] where nobody could permit it.
    pub(crate) fn by(&self) -> Result<By, NotAdmin> {
        match self.actor {
            Actor::User(id) => Ok(By::Administrator(id)),
            Actor::Operator => Ok(By::Service),
            Actor::Bearer | Actor::Service => Err(NotAdmin),
        }
    }

    /// Decides over a user. All that is done to a user who exists is done by this: in the
    /// transaction that does it, the administrator must still be one. What is refused writes
    /// nothing. `None` when there is no such user.
    async fn decide<T, E>(
        self,
        app: &App,
        id: UserId,
        now: UnixMillis,
        decide: impl FnOnce(&Self, &Standing<'_>) -> Result<(UserChange, T), E> + Send + 'static,
    ) -> Result<Option<(T, Seq)>, E>
    where
        T: Send + 'static,
        E: From<NotAdmin> + From<StoreError> + Send + 'static,
    {
        let by = self.by()?;
        let decide = move |standing: &Standing<'_>| {
            let decided = if standing.is_permitted {
                decide(&self, standing)
            } else {
                Err(NotAdmin.into())
            };
            match decided {
                Ok((change, answer)) => (change, Ok(answer)),
                Err(error) => (UserChange::default(), Err(error)),
            }
        };
        let done = transaction::with_standing(app.store.as_ref(), id, by, now, decide);
        done.await?
            .map(|(answer, seq)| Ok((answer?, seq)))
            .transpose()
    }

    fn event(&self, at: UnixSeconds, action: Action, user: UserId) -> Event {
        Event {
            user_id: Some(user),
            ..Event::new(at, action, self.actor).from(&self.from)
        }
    }

    /// Makes sure that somebody can administrate when `before` no longer can.
    fn check_last(
        &self,
        before: &User,
        after: Option<&User>,
        others: OtherAdmins,
    ) -> Result<(), LastAdmin> {
        let stays = !before.can_administrate() || after.is_some_and(User::can_administrate);
        if stays || others == OtherAdmins::Exist || self.actor == Actor::Operator {
            Ok(())
        } else {
            Err(LastAdmin)
        }
    }
}

/// Nobody could administrate any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is the last administrator who can log in")]
pub struct LastAdmin;

/// Users in the order of their names.
///
/// # Errors
///
/// See [`StoreError`].
pub async fn list_users(app: &App, filter: &UserFilter) -> Result<Vec<User>, StoreError> {
    app.store.users(filter).await
}

/// What a user may do, for the audit trail.
fn grants(user: &User) -> String {
    let roles = user.role_names().join(" ");
    format!("roles [{roles}], scopes [{}]", user.scopes)
}

/// A user after a change, and the feed's `seq` with it.
#[derive(Debug, Clone)]
pub struct Changed {
    /// As stored.
    pub user: User,
    /// An edge that reports this `seq`, or a greater one, has the change in force.
    pub seq: Seq,
}

impl From<(User, Seq)> for Changed {
    fn from((user, seq): (User, Seq)) -> Self {
        Self { user, seq }
    }
}

/// A decision that leaves a user as it is.
fn unchanged(user: &User) -> (UserChange, User) {
    (UserChange::default(), user.clone())
}

/// A decision that makes `next` of a user.
fn changed(
    next: User,
    ended: Vec<(SessionId, EndReason)>,
    revocations: Vec<Record>,
    event: Event,
) -> (UserChange, User) {
    let change = UserChange {
        user: Some(next.clone()),
        ended,
        revocations,
        events: vec![event],
        ..UserChange::default()
    };
    (change, next)
}
