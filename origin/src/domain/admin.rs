//! Administration: users are created, listed, changed, banned, disabled, deleted and given setup
//! tokens.
//!
//! The endpoints call these with the [`caller::Admin`](crate::domain::caller::Admin) that they
//! have made sure of, the command line as the operator; the audit trail tells which. No
//! administrator can leave the service without one: what would take away the last is refused
//! ([`LastAdmin`]), but for the operator, who can make another.

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
    session::EndReason,
    store::{OtherAdmins, Seq, StoreError, UserChange, UserFilter},
    user::User,
};

pub use change::{ChangeError, Changes, EmailChange, change_user};
pub use create::{CreateError, Created, NewUser, create_user};
pub use delete::{DeleteError, delete_user};
pub use reason::{InvalidReason, REASON_LIMIT, Reason};
pub use setup_link::{IssueError, SetupLink, issue_setup};
pub use standing::{StandingError, ban, disable, enable, unban};

/// Who administrates, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Authority {
    /// For the audit trail.
    pub actor: Actor,
    /// For the audit trail.
    pub ip: Option<std::net::IpAddr>,
}

impl Authority {
    fn event(self, at: UnixSeconds, action: Action, user: UserId) -> Event {
        Event {
            user_id: Some(user),
            ip: self.ip,
            ..Event::new(at, action, self.actor)
        }
    }

    /// Makes sure that somebody can administrate when `before` no longer can.
    fn check_last(
        self,
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

/// A decision with an answer, from one that may be refused: what is refused writes nothing.
fn settled<E>(decided: Result<(UserChange, User), E>) -> (UserChange, Result<User, E>) {
    match decided {
        Ok((change, user)) => (change, Ok(user)),
        Err(error) => (UserChange::default(), Err(error)),
    }
}
