//! A password that is chosen with a one-time token: a new user's first one, or the next one of
//! somebody who lost it; also changing a password from the command line.
//!
//! A user has one setup token at most: a new one takes the place of the last, any new password
//! spends it, and it expires.
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
    audit::Actor,
    context::Context,
    entropy::{self, EntropyError},
    hashing::HashingError,
    new_password::NewPassword,
    password::{Password, PasswordRule},
    session::Session,
    shares::Claim,
    store::{Seq, StoreError, UserChange},
    throttle, transaction,
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

/// Sets the password of the user that `token` was made for, and ends all of the user's sessions.
/// The token is spent.
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
    let claims = throttle::owners_claims(app, context.ip, &user.username);
    let new = prepare(app, &user, password, Actor::Bearer, context, &claims).await?;
    // Whoever floods the name with guesses does not keep out who has been let in by hand.
    let settled = throttle::recognise(app, &user.username, context.ip);
    let decide = move |user: &User, sessions: &[Session]| {
        if is_good(user, &digest, new.now) {
            let change = UserChange {
                settled,
                ..new.of(user, sessions)
            };
            (change, true)
        } else {
            (UserChange::default(), false)
        }
    };
    match transaction::with_user(app.store.as_ref(), id, app.now(), decide).await? {
        Some((true, _)) => Ok(()),
        Some((false, _)) | None => Err(Error::InvalidToken),
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
    let new = prepare(app, user, password, actor, &Context::default(), &[]).await?;
    let decide = move |user: &User, sessions: &[Session]| (new.of(user, sessions), ());
    let done = transaction::with_user(app.store.as_ref(), user.id, app.now(), decide).await?;
    Ok(done.map(|((), seq)| seq))
}

/// Checks and hashes a password.
async fn prepare(
    app: &App,
    user: &User,
    password: Password,
    actor: Actor,
    from: &Context,
    claims: &[Claim],
) -> Result<NewPassword, Error> {
    password.check_new(&user.username, user.email.as_ref())?;
    let entropy = app.entropy.as_ref();
    Ok(NewPassword {
        hash: app.hasher.hash(claims, password, entropy).await?,
        keep: None,
        tokens: app.tokens(),
        now: app.clock.now(),
        actor,
        from: from.clone(),
    })
}
