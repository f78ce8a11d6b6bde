//! Administration: create, list, read, change, ban and unban users.
//!
//! The endpoints call these with the [`caller::Admin`](crate::domain::caller::Admin) that they
//! have made sure of, the command line as the operator; the audit trail tells which.

use std::str::FromStr;

use portcullis_shared::{ids::UserId, scope::ScopeSet, time::UnixSeconds};

use crate::domain::{
    app::App,
    audit::{Action, Actor, Event},
    entropy::{self, EntropyError},
    hashing::HashingError,
    password::{Password, PasswordRule},
    session::{EndReason, Session},
    setup::{self, SetupToken},
    store::{CreateUserError, Seq, StoreError, UserChange, UserFilter},
    transaction,
    user::{Email, Role, Roles, TooManyGrants, User, UserStatus, Username, check_grants},
};

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
}

/// A user to be.
#[derive(Debug)]
pub struct NewUser {
    /// The name.
    pub username: Username,
    /// Where the user can be written to.
    pub email: Option<Email>,
    /// The password, from an operator alone; without one a setup token is made.
    pub password: Option<Password>,
    /// The roles.
    pub roles: Roles,
    /// The scopes.
    pub scopes: ScopeSet,
}

/// A user that was created.
#[derive(Debug)]
pub struct Created {
    /// As stored.
    pub user: User,
    /// With which the user chooses a password, where none was given.
    pub setup_token: Option<SetupToken>,
}

/// Why a user was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// Somebody has that name.
    #[error("the username is taken")]
    NameTaken,
    /// See [`TooManyGrants`].
    #[error(transparent)]
    TooManyGrants(#[from] TooManyGrants),
    /// See [`PasswordRule`].
    #[error(transparent)]
    Password(#[from] PasswordRule),
    /// See [`HashingError`].
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// See [`EntropyError`].
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Creates a user.
///
/// # Errors
///
/// See [`CreateError`].
pub async fn create_user(
    app: &App,
    authority: Authority,
    new: NewUser,
) -> Result<Created, CreateError> {
    check_grants(&new.roles, &new.scopes)?;
    let id = entropy::user_id(app.entropy.as_ref())?;
    let (password_hash, setup_token, setup) = if let Some(password) = new.password {
        password.check_new(&new.username)?;
        (
            Some(app.hasher.hash(password, app.entropy.as_ref()).await?),
            None,
            None,
        )
    } else {
        let (token, pending) = setup::issue(app, id)?;
        (None, Some(token), Some(pending))
    };
    let now = app.clock.now();
    let user = User {
        id,
        username: new.username,
        email: new.email,
        password_hash,
        status: UserStatus::Active,
        roles: new.roles,
        scopes: new.scopes,
        not_before: UnixSeconds(0),
        setup,
        created_at: now,
        updated_at: now,
    };
    let event = Event {
        detail: Some(grants(&user)),
        ..authority.event(now, Action::UserCreated, id)
    };
    match app.store.create_user(&user, &event).await {
        Ok(()) => {
            event.announce();
            Ok(Created { user, setup_token })
        }
        Err(CreateUserError::NameTaken) => Err(CreateError::NameTaken),
        Err(CreateUserError::Store(error)) => Err(error.into()),
    }
}

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
    let roles: Vec<&str> = user.roles.iter().map(Role::as_str).collect();
    format!("roles [{}], scopes [{}]", roles.join(" "), user.scopes)
}

/// What to change of a user; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// All roles from now on.
    pub roles: Option<Roles>,
    /// All scopes from now on.
    pub scopes: Option<ScopeSet>,
}

/// A user after a change, and the feed's `seq` with it.
#[derive(Debug, Clone)]
pub struct Changed {
    /// As stored.
    pub user: User,
    /// An edge that reports this `seq`, or a greater one, has the change in force.
    pub seq: Seq,
}

/// Why a user was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// See [`TooManyGrants`].
    #[error(transparent)]
    TooManyGrants(#[from] TooManyGrants),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Changes roles and scopes. Where something is taken away, all access tokens minted so far are
/// revoked; clients refresh and get what is left. `None` when there is no such user.
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
    let decide = move |user: &User, sessions: &[Session]| {
        let mut next = user.clone();
        next.roles = changes.roles.unwrap_or(next.roles);
        next.scopes = changes.scopes.unwrap_or(next.scopes);
        if next == *user {
            return unchanged(user);
        }
        next.updated_at = now.seconds();
        let keeps_all =
            next.roles.is_superset(&user.roles) && next.scopes.is_superset(&user.scopes);
        let revocations = if keeps_all {
            Vec::new()
        } else {
            vec![tokens.revoke_user(&mut next, sessions, now.seconds())]
        };
        let event = Event {
            detail: Some(grants(&next)),
            ..authority.event(now.seconds(), Action::UserChanged, user.id)
        };
        changed(next, Vec::new(), revocations, event)
    };
    Ok(apply(app, id, now, decide).await?)
}

/// The text is not a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reason has at most {REASON_LIMIT} characters, none of them for control")]
pub struct InvalidReason;

/// The longest reason, in characters.
pub const REASON_LIMIT: usize = 500;

/// Why a user is banned, for people; may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reason(String);

impl Reason {
    /// The text.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl FromStr for Reason {
    type Err = InvalidReason;

    fn from_str(text: &str) -> Result<Self, InvalidReason> {
        if text.chars().count() > REASON_LIMIT || text.chars().any(char::is_control) {
            return Err(InvalidReason);
        }
        Ok(Self(text.to_owned()))
    }
}

/// Bans a user: all sessions end, all access tokens are revoked, no login works. Banning again
/// changes the reason. `None` when there is no such user.
///
/// # Errors
///
/// See [`StoreError`].
pub async fn ban(
    app: &App,
    authority: Authority,
    id: UserId,
    reason: Reason,
) -> Result<Option<Changed>, StoreError> {
    let (now, tokens, Reason(reason)) = (app.now(), app.tokens(), reason);
    let decide = move |user: &User, sessions: &[Session]| {
        let mut next = User {
            status: UserStatus::Banned {
                reason: reason.clone(),
                at: now.seconds(),
            },
            updated_at: now.seconds(),
            ..user.clone()
        };
        let entry = tokens.revoke_user(&mut next, sessions, now.seconds());
        let ended = sessions
            .iter()
            .map(|session| (session.id, EndReason::Banned))
            .collect();
        let event = Event {
            detail: Some(reason),
            ..authority.event(now.seconds(), Action::UserBanned, user.id)
        };
        changed(next, ended, vec![entry], event)
    };
    apply(app, id, now, decide).await
}

/// Lifts a ban. Sessions that ended stay ended, tokens that were revoked stay revoked. `None` when
/// there is no such user.
///
/// # Errors
///
/// See [`StoreError`].
pub async fn unban(
    app: &App,
    authority: Authority,
    id: UserId,
) -> Result<Option<Changed>, StoreError> {
    let now = app.now();
    let decide = move |user: &User, _: &[Session]| {
        if !matches!(user.status, UserStatus::Banned { .. }) {
            return unchanged(user);
        }
        let next = User {
            status: UserStatus::Active,
            updated_at: now.seconds(),
            ..user.clone()
        };
        let event = authority.event(now.seconds(), Action::UserUnbanned, user.id);
        changed(next, Vec::new(), Vec::new(), event)
    };
    apply(app, id, now, decide).await
}

fn unchanged(user: &User) -> (UserChange, User) {
    (UserChange::default(), user.clone())
}

fn changed(
    next: User,
    ended: Vec<(portcullis_shared::ids::SessionId, EndReason)>,
    revocations: Vec<portcullis_shared::revocation::Record>,
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

async fn apply(
    app: &App,
    id: UserId,
    now: crate::domain::clock::UnixMillis,
    decide: impl FnOnce(&User, &[Session]) -> (UserChange, User) + Send + 'static,
) -> Result<Option<Changed>, StoreError> {
    let done = transaction::with_user(app.store.as_ref(), id, now, decide).await?;
    Ok(done.map(|(user, seq)| Changed { user, seq }))
}
