//! A new user's first password, chosen with a one-time token; also changing a password from the
//! command line.
//!
//! A setup token is `pst_` and base64url of the user's id (16 bytes) ‖ a secret (32 bytes). The
//! database has SHA-256 of the secret.

use base64ct::{Base64UrlUnpadded, Encoding};
use portcullis_shared::{ids::UserId, time::UnixSeconds};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::domain::{
    app::App,
    audit::{Action, Actor, Event},
    context::Context,
    entropy::{self, EntropyError},
    hashing::HashingError,
    password::{Password, PasswordRule},
    session::{EndReason, Session},
    store::{Seq, StoreError, UserChange},
    transaction,
    user::{PendingSetup, User},
};

/// What every setup token starts with.
pub const PREFIX: &str = "pst_";

/// Why the password was not set.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Unknown, used or expired: all look alike.
    #[error("the setup token is not valid")]
    InvalidToken,
    /// See [`PasswordRule`]; the token is still good.
    #[error(transparent)]
    Password(#[from] PasswordRule),
    /// See [`HashingError`]; the token is still good.
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A setup token on its way to whoever shall choose the password.
pub type SetupToken = Zeroizing<String>;

/// Makes a setup token for a user, and what the database keeps of it.
///
/// # Errors
///
/// See [`EntropyError`].
pub fn issue(app: &App, user: UserId) -> Result<(SetupToken, PendingSetup), EntropyError> {
    let secret = Zeroizing::new(entropy::random::<32>(app.entropy.as_ref())?);
    let bytes = Zeroizing::new([user.as_bytes().as_slice(), secret.as_slice()].concat());
    let token = format!("{PREFIX}{}", Base64UrlUnpadded::encode_string(&bytes));
    let expires_at = app.clock.now().plus(app.config.setup_lifetime);
    let digest = Sha256::digest(secret.as_slice()).into();
    Ok((Zeroizing::new(token), PendingSetup { digest, expires_at }))
}

fn parse(token: &str) -> Option<(UserId, [u8; 32])> {
    let mut buffer = Zeroizing::new([0; 48]);
    let encoded = token.strip_prefix(PREFIX)?;
    let bytes = Base64UrlUnpadded::decode(encoded, buffer.as_mut_slice()).ok()?;
    let (user, secret) = bytes.split_first_chunk::<16>()?;
    (secret.len() == 32).then(|| (UserId::from_bytes(*user), Sha256::digest(secret).into()))
}

fn is_good(user: &User, digest: &[u8; 32], now: UnixSeconds) -> bool {
    user.is_active()
        && user
            .setup
            .as_ref()
            .is_some_and(|setup| bool::from(setup.digest.ct_eq(digest)) && now < setup.expires_at)
}

/// Sets the password of the user that `token` was made for. The token is spent.
///
/// # Errors
///
/// See [`Error`].
pub async fn complete(
    app: &App,
    token: &str,
    password: Password,
    context: &Context,
) -> Result<(), Error> {
    let (id, digest) = parse(token).ok_or(Error::InvalidToken)?;
    let user = app.store.user(id).await?;
    let user = user.filter(|user| is_good(user, &digest, app.clock.now()));
    let user = user.ok_or(Error::InvalidToken)?;
    password.check_new(&user.username)?;
    let hash = app.hasher.hash(password, app.entropy.as_ref()).await?;
    let (now, tokens, ip) = (app.now(), app.tokens(), context.ip);
    let decide = move |user: &User, sessions: &[Session]| {
        if !is_good(user, &digest, now.seconds()) {
            return (UserChange::default(), false);
        }
        let event = Event {
            ip,
            ..password_event(user, now.seconds(), Actor::Bearer)
        };
        (
            with_password(user, sessions, hash, &tokens, now.seconds(), event),
            true,
        )
    };
    match transaction::with_user(app.store.as_ref(), id, now, decide).await? {
        Some((true, _)) => Ok(()),
        _ => Err(Error::InvalidToken),
    }
}

/// Sets a user's password on an operator's word, and ends all of the user's sessions. `None` when
/// there is no such user.
///
/// # Errors
///
/// See [`Error`].
pub async fn set_password(
    app: &App,
    user: &User,
    password: Password,
    actor: Actor,
) -> Result<Option<Seq>, Error> {
    password.check_new(&user.username)?;
    let hash = app.hasher.hash(password, app.entropy.as_ref()).await?;
    let (now, tokens) = (app.now(), app.tokens());
    let decide = move |user: &User, sessions: &[Session]| {
        let event = password_event(user, now.seconds(), actor);
        (
            with_password(user, sessions, hash, &tokens, now.seconds(), event),
            (),
        )
    };
    let done = transaction::with_user(app.store.as_ref(), user.id, now, decide).await?;
    Ok(done.map(|((), seq)| seq))
}

fn password_event(user: &User, now: UnixSeconds, actor: Actor) -> Event {
    Event {
        user_id: Some(user.id),
        ..Event::new(now, Action::PasswordChanged, actor)
    }
}

/// The user with a new password: setup tokens are spent, sessions are over.
fn with_password(
    user: &User,
    sessions: &[Session],
    hash: String,
    tokens: &crate::domain::ending::Tokens,
    now: UnixSeconds,
    event: Event,
) -> UserChange {
    let mut user = User {
        password_hash: Some(hash),
        setup: None,
        updated_at: now,
        ..user.clone()
    };
    let (ended, revocations) =
        tokens.end_all(&mut user, sessions, None, EndReason::PasswordChanged, now);
    UserChange {
        user: Some(user),
        ended,
        revocations,
        events: vec![event],
        ..UserChange::default()
    }
}
