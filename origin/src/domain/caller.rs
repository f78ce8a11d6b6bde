//! Who calls the origin's own endpoints, by access token.
//!
//! The token says who claims to call; session, user and roles are read from the database. Whoever
//! was banned or demoted a moment ago cannot act, whatever the token says.

use portcullis_shared::{api_key::ApiKeyId, claims::AccessClaims, ids::SessionId};

use crate::domain::{
    api_key::StoredApiKey,
    app::{ADMIN_CLIENT, App},
    session::Session,
    signing_keys::KeyError,
    store::StoreError,
    user::User,
};

/// Somebody with an active session.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The user, as the database has it.
    pub user: User,
    /// The session that the token belongs to.
    pub session: Session,
    claims: AccessClaims,
}

impl Caller {
    /// What the token says; of use where the token itself is asked about.
    pub fn claims(&self) -> &AccessClaims {
        &self.claims
    }
}

/// Somebody's API key, by an access token that it was exchanged for.
#[derive(Debug, Clone)]
pub struct KeyCaller {
    /// The owner, as the database has it.
    pub owner: User,
    /// The key, as the database has it.
    pub key: StoredApiKey,
    claims: AccessClaims,
}

impl KeyCaller {
    /// What the token says.
    pub fn claims(&self) -> &AccessClaims {
        &self.claims
    }
}

/// Whoever has an access token that is good.
#[derive(Debug, Clone)]
pub enum Bearer {
    /// Somebody who logged in.
    Session(Box<Caller>),
    /// An API key.
    ApiKey(Box<KeyCaller>),
}

/// An administrator. Having one is the permission to administrate.
#[derive(Debug, Clone)]
pub struct Admin(Caller);

impl Admin {
    /// Who it is.
    pub fn caller(&self) -> &Caller {
        &self.0
    }
}

/// Why nobody is known to call.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The token is not one of ours, has expired, or was revoked: all look alike.
    #[error("the access token is not valid")]
    InvalidToken,
    /// The token is good, and is an API key's; this needs a login.
    #[error("this needs a login; the access token is that of an API key")]
    NoSession,
    /// See [`KeyError`].
    #[error(transparent)]
    Key(#[from] KeyError),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The caller is no administrator, or the token is not the administration's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this needs an administrator's token of the client {ADMIN_CLIENT}")]
pub struct NotAdmin;

/// Finds out who calls, which must be somebody who logged in.
///
/// # Errors
///
/// See [`Error`].
pub async fn authenticate(app: &App, bearer: &str) -> Result<Caller, Error> {
    match identify(app, bearer).await? {
        Bearer::Session(caller) => Ok(*caller),
        Bearer::ApiKey(_) => Err(Error::NoSession),
    }
}

/// Finds out who calls, by login or by API key.
///
/// # Errors
///
/// See [`Error`]; never [`Error::NoSession`].
pub async fn identify(app: &App, bearer: &str) -> Result<Bearer, Error> {
    let keys = app.signing.verifying(app).await?;
    let authentic = app
        .authentic
        .authenticate(bearer, &keys)
        .map_err(|_| Error::InvalidToken)?;
    let config = &app.config;
    let verified = authentic
        .verify_for_issuer(&config.issuer, config.token_lifetime, app.clock.now())
        .map_err(|_| Error::InvalidToken)?;
    let claims = verified.claims();
    if let Some(sid) = &claims.sid {
        let caller = by_session(app, sid, claims).await?;
        Ok(Bearer::Session(Box::new(caller)))
    } else {
        let caller = by_api_key(app, claims).await?;
        Ok(Bearer::ApiKey(Box::new(caller)))
    }
}

async fn by_session(app: &App, sid: &str, claims: &AccessClaims) -> Result<Caller, Error> {
    let session: SessionId = sid.parse().map_err(|_| Error::InvalidToken)?;
    let (session, user) = app
        .store
        .session(session)
        .await?
        .ok_or(Error::InvalidToken)?;
    let in_force = session.is_active(app.clock.now())
        && user.is_active()
        && user.id.to_string() == claims.sub
        && session.client_id == claims.client_id
        && claims.iat > user.not_before;
    if !in_force {
        return Err(Error::InvalidToken);
    }
    Ok(Caller {
        user,
        session,
        claims: claims.clone(),
    })
}

async fn by_api_key(app: &App, claims: &AccessClaims) -> Result<KeyCaller, Error> {
    let id: ApiKeyId = claims.client_id.parse().map_err(|_| Error::InvalidToken)?;
    let found = app.store.api_key(id).await?;
    let (key, owner) = found.ok_or(Error::InvalidToken)?;
    let in_force = key.is_usable(app.clock.now())
        && owner.is_active()
        && owner.id.to_string() == claims.sub
        && claims.iat > owner.not_before;
    if !in_force {
        return Err(Error::InvalidToken);
    }
    Ok(KeyCaller {
        owner,
        key,
        claims: claims.clone(),
    })
}

/// Makes sure that the caller may administrate.
///
/// # Errors
///
/// [`NotAdmin`].
pub fn require_admin(app: &App, caller: Caller) -> Result<Admin, NotAdmin> {
    let is_admin = caller.user.is_admin();
    let for_us_alone = caller.claims.aud.is_only(&app.config.issuer);
    if is_admin && for_us_alone && caller.claims.client_id == ADMIN_CLIENT {
        Ok(Admin(caller))
    } else {
        Err(NotAdmin)
    }
}
