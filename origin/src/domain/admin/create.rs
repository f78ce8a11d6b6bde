//! Users are created.

use portcullis_shared::{scope::ScopeSet, time::UnixSeconds};

use super::{Authority, NotAdmin, grants};
use crate::domain::{
    app::App,
    audit::{Action, Event},
    entropy::{self, EntropyError},
    hashing::HashingError,
    password::{Password, PasswordRule},
    setup::{self, SetupToken},
    store::{CreateUserError, StoreError},
    user::{Email, Roles, SignedLinks, TooManyGrants, User, UserStatus, Username, check_grants},
};

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
    /// See [`NotAdmin`].
    #[error(transparent)]
    NotAdmin(#[from] NotAdmin),
    /// Somebody has that name, or one that looks like it.
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
        password.check_new(&new.username, new.email.as_ref())?;
        (
            Some(app.hasher.hash(&[], password, app.entropy.as_ref()).await?),
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
        links: SignedLinks::default(),
        setup,
        created_at: now,
        updated_at: now,
    };
    let event = Event {
        detail: Some(grants(&user)),
        ..authority.event(now, Action::UserCreated, id)
    };
    match app.store.create_user(&user, &event, authority.by()?).await {
        Ok(()) => {
            event.announce();
            Ok(Created { user, setup_token })
        }
        Err(CreateUserError::NameTaken) => Err(CreateError::NameTaken),
        Err(CreateUserError::NotAdmin) => Err(NotAdmin.into()),
        Err(CreateUserError::Store(error)) => Err(error.into()),
    }
}
