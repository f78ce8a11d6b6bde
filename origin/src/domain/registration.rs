//! People sign up by themselves, where the settings allow it.
//!
//! Who signed up has the scopes of the settings and no role; logging in is the next step. Whether a
//! name is free is told to whoever asks: a name that cannot be chosen twice cannot be kept secret. But
//! nobody asks, or signs up, oftener than the throttle allows.

pub mod reserved;

use portcullis_shared::time::UnixSeconds;

use crate::domain::{
    app::{App, Registration},
    audit::{Action, Actor, Event},
    context::Context,
    entropy::{self, EntropyError},
    hashing::HashingError,
    password::{Password, PasswordRule},
    store::{By, CreateUserError, StoreError},
    throttle::{self, Throttled, registration::admit_registration},
    user::{Email, Roles, SignedLinks, User, UserStatus, Username},
};

/// Who signs up.
#[derive(Debug)]
pub struct Request {
    /// The name.
    pub username: Username,
    /// Where the user can be written to.
    pub email: Option<Email>,
    /// The password.
    pub password: Password,
}

/// Why nobody signed up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings do not allow it.
    #[error("registration is closed")]
    Closed,
    /// Somebody has that name, or one that looks like it, or nobody signs up with it.
    #[error("the username is taken")]
    NameTaken,
    /// See [`PasswordRule`].
    #[error(transparent)]
    Password(#[from] PasswordRule),
    /// See [`Throttled`].
    #[error(transparent)]
    Throttled(#[from] Throttled),
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

impl From<throttle::Error> for Error {
    fn from(error: throttle::Error) -> Self {
        match error {
            throttle::Error::Throttled(throttled) => Self::Throttled(throttled),
            throttle::Error::Store(error) => Self::Store(error),
        }
    }
}

/// Makes sure that people may sign up.
///
/// # Errors
///
/// [`Error::Closed`].
pub fn require_open(app: &App) -> Result<(), Error> {
    match app.config.registration {
        Registration::Open { .. } => Ok(()),
        Registration::Closed => Err(Error::Closed),
    }
}

/// Signs somebody up.
///
/// # Errors
///
/// See [`Error`].
pub async fn register(app: &App, request: Request, context: &Context) -> Result<User, Error> {
    let Registration::Open { scopes, reserved } = &app.config.registration else {
        return Err(Error::Closed);
    };
    let Request {
        username,
        email,
        password,
    } = request;
    password.check_new(&username, email.as_ref())?;
    // In the order of a login: who finds no place costs the database nothing.
    let claims = throttle::newcomers_claims(app, context.ip);
    let place = match app.hasher.enter(&claims) {
        Ok(place) => place,
        Err(refused) => {
            app.pacing.wait(app.now()).await;
            return Err(refused.into());
        }
    };
    admit_registration(app, context).await?;
    // Not worth a hash; who else wants the name now, the insert decides.
    let is_taken = app.store.user_by_name(&username).await?.is_some();
    if is_taken || reserved.contains(&username) {
        return Err(Error::NameTaken);
    }
    let hash = place.hash(password, app.entropy.as_ref()).await?;
    drop(place);
    let (id, now) = (entropy::user_id(app.entropy.as_ref())?, app.clock.now());
    let user = User {
        id,
        username,
        email,
        password_hash: Some(hash),
        status: UserStatus::Active,
        roles: Roles::new(),
        scopes: scopes.clone(),
        not_before: UnixSeconds(0),
        links: SignedLinks::default(),
        setup: None,
        created_at: now,
        updated_at: now,
    };
    let event = Event {
        user_id: Some(id),
        detail: Some(format!("scopes [{}]", user.scopes)),
        ..Event::new(now, Action::UserRegistered, Actor::User(id)).from(context)
    };
    match app.store.create_user(&user, &event, By::Service).await {
        Ok(()) => {
            event.announce();
            Ok(user)
        }
        Err(CreateUserError::NameTaken) => Err(Error::NameTaken),
        // Nobody's permission was needed, so it is never that.
        Err(CreateUserError::NotAdmin) => Err(Error::Closed),
        Err(CreateUserError::Store(error)) => Err(error.into()),
    }
}
