//! Login: a password becomes a session and its first tokens.
//!
//! Known and unknown users, right and wrong passwords cost the same hash and get the same answer.
//! Only who has the right password learns that an account is banned.
//!
//! First comes what is remembered of refusals, then a place in the hashing pool, then the count of
//! the attempt, then the user, then the hash: who was refused a moment ago costs neither a place
//! nor a query; who finds no place has cost the database one small read at most, and most have cost
//! it none (`entry`); who is throttled has cost no hash; and no more logins ask the database for
//! anything at a time than there are places, and turns to ask for one. Of the places strangers have
//! a part at most, so that they keep out nobody who comes with a device, or from a network, that
//! logged in before ([`throttle::claims`]). Where refusals come by the hundred, they are held up
//! ([`pacing`](super::pacing)), so that answering them takes nobody else's time.

mod entry;
mod opening;

use std::sync::Arc;

use portcullis_shared::keys::SigningKey;

use crate::domain::{
    app::{App, DEFAULT_CLIENT},
    client::{Client, ClientKind},
    context::Context,
    entropy::{self, EntropyError},
    failed_login,
    hashing::{HashingError, Place, Verdict},
    mint::{MintError, Mintable, TokenSet, mint_with},
    password::Password,
    session::{Session, cap::Full},
    stand_in,
    store::StoreError,
    throttle::{self, Admitted, Guess, Throttled, device::DeviceToken},
    transaction,
    user::{User, Username},
};

use opening::{Changed, Opening};

/// The longest name of a device, in characters.
pub const DEVICE_LIMIT: usize = 100;

/// A login as asked for.
#[derive(Debug)]
pub struct Request {
    /// Whatever was typed as username.
    pub username: String,
    /// Whatever was typed as password.
    pub password: Password,
    /// The client; the default one where none is named.
    pub client_id: Option<String>,
    /// What the client calls the device.
    pub device: Option<String>,
    /// The device token that the last login from this device gave.
    pub device_token: Option<String>,
}

/// What a login gives.
#[derive(Debug)]
pub struct LoggedIn {
    /// The tokens of the session.
    pub tokens: TokenSet,
    /// What the device is known by when it logs in again.
    pub device_token: DeviceToken,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such user, no password set, or another one: all look alike.
    #[error("username or password is wrong")]
    InvalidCredentials,
    /// The password is right and the user banned.
    #[error("the account is banned")]
    Banned,
    /// The password is right and the user disabled.
    #[error("the account is disabled")]
    Disabled,
    /// No such client, or one that logs users in another way.
    #[error("the client is not known")]
    InvalidClient,
    /// The device's name is too long or has control characters.
    #[error("a device's name has 1 to {DEVICE_LIMIT} characters, none of them for control")]
    InvalidDevice,
    /// The password is right, and the user has as many sessions as are allowed.
    #[error(transparent)]
    Full(#[from] Full),
    /// See [`Throttled`].
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// See [`HashingError`].
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// See [`EntropyError`].
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// See [`MintError`].
    #[error(transparent)]
    Mint(#[from] MintError),
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

/// Logs somebody in.
///
/// # Errors
///
/// See [`Error`].
pub async fn login(app: &App, request: Request, context: &Context) -> Result<LoggedIn, Error> {
    let Request {
        username,
        password,
        client_id,
        device,
        device_token,
    } = request;
    let client = public_client(app, client_id.as_deref().unwrap_or(DEFAULT_CLIENT))?;
    if device.as_deref().is_some_and(|name| !is_device_name(name)) {
        return Err(Error::InvalidDevice);
    }
    // What nobody can have is not worth a hash, and tells nothing about anybody.
    if !password.is_within_limit() {
        return Err(Error::InvalidCredentials);
    }
    let guess = Guess {
        username: &username,
        device_token: device_token.as_deref(),
        context,
    };
    let (asked, place) = match entry::enter(app, guess).await {
        Ok(entered) => entered,
        Err(refused) => {
            app.pacing.wait(app.now()).await;
            return Err(refused);
        }
    };
    let attempt = Attempt {
        admitted: throttle::admit(app, asked).await?,
        place,
        username: &username,
        password,
        device,
        client,
        context,
    };
    let opened = attempt.open_twice(app).await;
    if let Err(error) = &opened
        && error.is_no_guess()
    {
        attempt.admitted.give_back(app).await;
    }
    let opened = opened?;
    attempt.admitted.remember(app);
    Ok(LoggedIn {
        tokens: mint_with(app, &opened.key, client, opened.mintable, None)?,
        device_token: throttle::device_token(app, &opened.username)?,
    })
}

/// A login whose form is right, and that was let through.
struct Attempt<'a> {
    admitted: Admitted,
    place: Place<'a>,
    username: &'a str,
    password: Password,
    device: Option<String>,
    client: &'a Client,
    context: &'a Context,
}

/// A session that was opened, and whatever its tokens are made of.
struct Opened {
    mintable: Mintable,
    username: Username,
    key: Arc<SigningKey>,
}

impl Attempt<'_> {
    /// Of several logins at once the first may have replaced the hash that the others were checked
    /// against; they are checked against the new one.
    async fn open_twice(&self, app: &App) -> Result<Opened, Error> {
        let opened = match self.open(app, false).await? {
            Err(Changed) => self.open(app, true).await?,
            opened => opened,
        };
        opened.map_err(|Changed| Error::InvalidCredentials)
    }

    /// Checks the password and opens a session.
    async fn open(&self, app: &App, is_last: bool) -> Result<Result<Opened, Changed>, Error> {
        // A session whose tokens nobody gets would take the place of another. Without a key nobody
        // learns whether the password is right either.
        let key = app.signing.active(app).await.map_err(MintError::from)?;
        let checked = self.authenticate(app).await?;
        let (user_id, username) = (checked.user.id, checked.user.username);
        let now = app.clock.now();
        let opening = Opening {
            id: entropy::session_id(app.entropy.as_ref())?,
            client_id: self.client.id.clone(),
            checked_hash: checked.user.password_hash,
            is_last,
            rehashed: checked.rehashed,
            settled: self.admitted.settle(app.config.throttle.known_for, now),
            device: self.device.clone(),
            context: self.context.clone(),
            now,
            tokens: app.tokens(),
            cap: app.config.session_cap,
            idle_lifetime: app.config.refresh.idle_lifetime,
            absolute_lifetime: app.config.absolute_lifetime,
        };
        let decide = move |user: &User, held: &[Session]| opening.decide(user, held);
        let store = app.store.as_ref();
        let decided = transaction::with_user(store, user_id, app.now(), decide).await?;
        let (opened, _) = decided.ok_or(Error::InvalidCredentials)?;
        // The key may have been withdrawn meanwhile; where that cannot be told, a token that may be
        // refused is better than a session of which nobody knows.
        let key = app.signing.active(app).await.unwrap_or(key);
        Ok(opened?.map(|mintable| Opened {
            mintable,
            username,
            key,
        }))
    }

    async fn authenticate(&self, app: &App) -> Result<Authenticated, Error> {
        let user = match self.username.parse::<Username>() {
            Ok(name) => app.store.user_by_name(&name).await?,
            Err(_) => None,
        };
        let stored = user.as_ref().and_then(|user| user.password_hash.as_deref());
        // Also for those who need none, as long as it takes.
        let stand_in = stand_in::hash(app, self.username).await?;
        let password = self.password.clone();
        let verdict = if stored.is_some() {
            self.place.verify(password, stored).await?
        } else {
            self.place.refuse(password, stand_in.as_deref()).await?;
            Verdict::Wrong
        };
        let rehashed = match verdict {
            Verdict::Wrong => {
                failed_login::record(app, user.as_ref(), self.context).await?;
                return Err(Error::InvalidCredentials);
            }
            Verdict::Right => None,
            Verdict::RightButOld => {
                let entropy = app.entropy.as_ref();
                Some(self.place.hash(self.password.clone(), entropy).await?)
            }
        };
        let user = user.ok_or(Error::InvalidCredentials)?;
        Ok(Authenticated { user, rehashed })
    }
}

impl Error {
    /// Whether whoever guesses has learned nothing by it: what failed has nothing to do with the
    /// password, or the password was right and may be of use once something else was done.
    fn is_no_guess(&self) -> bool {
        match self {
            Self::InvalidCredentials
            | Self::Banned
            | Self::Disabled
            | Self::InvalidClient
            | Self::InvalidDevice
            | Self::Throttled(_) => false,
            Self::Full(_)
            | Self::Hashing(_)
            | Self::Entropy(_)
            | Self::Mint(_)
            | Self::Store(_) => true,
        }
    }
}

fn public_client<'a>(app: &'a App, id: &str) -> Result<&'a Client, Error> {
    let client = app.config.client(id).ok_or(Error::InvalidClient)?;
    if client.kind == ClientKind::Public {
        Ok(client)
    } else {
        Err(Error::InvalidClient)
    }
}

fn is_device_name(name: &str) -> bool {
    (1..=DEVICE_LIMIT).contains(&name.chars().count()) && !name.chars().any(char::is_control)
}

/// A user whose password was right, and the new hash where the old one is out of date.
struct Authenticated {
    user: User,
    rehashed: Option<String>,
}
