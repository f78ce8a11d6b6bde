//! The exchange of an API key for an access token (RFC 8693, with the key as the subject token).
//!
//! A text that is no key costs no database work; a key that is unknown, wrong, revoked, expired or
//! somebody's who may not log in costs one look and one hash, and all of these are answered alike.
//! What was decided by that look is decided again while owner and key are held, and the token's
//! `iat` and `exp` are written to the key there: whoever revokes the owner holds the owner, whoever
//! revokes the key holds both, so a token was either minted before, and is covered, or is not minted.
//!
//! A key never gives more than its owner may do at that moment, no roles, and no token of the
//! administration.

use portcullis_shared::{
    api_key::{ApiKey, NotAnApiKey},
    claims::AccessClaims,
    scope::ScopeSet,
    time::UnixSeconds,
};
use zeroize::Zeroizing;

use super::{KeyState, KeyedHash, StoredApiKey};
use crate::domain::{
    app::{ADMIN_CLIENT, App},
    client::Client,
    entropy,
    mint::{self, MintError},
    store::StoreError,
    transaction,
    user::User,
};

/// An exchange as asked for.
pub struct Request<'a> {
    /// The key, as it came.
    pub key: &'a str,
    /// The client that asks, authenticated, where one is named.
    pub client: Option<&'a Client>,
    /// What the access token shall be limited to.
    pub scope: Option<ScopeSet>,
}

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Request")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// What a key gives.
pub struct Exchanged {
    /// The access token.
    pub access_token: Zeroizing<String>,
    /// Seconds until it expires.
    pub expires_in: i64,
    /// What it may do.
    pub scope: ScopeSet,
}

impl std::fmt::Debug for Exchanged {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Exchanged")
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a key. For counters; never to be told to whoever shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It has not the form of one, or its checksum is wrong.
    Malformed,
    /// There is none of that id, or the secret is another.
    Unknown,
    /// It was revoked.
    Revoked,
    /// Its time is over.
    Expired,
    /// Its owner may not log in.
    Owner,
    /// Its client is not in the settings, or is not the one that asks.
    Client,
}

impl Cause {
    /// The name, as it is counted.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::Owner => "owner",
            Self::Client => "client",
        }
    }
}

/// Why no token was given.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key is not good, whatever the cause: all look alike.
    #[error("the API key is not valid")]
    InvalidGrant(Cause),
    /// More is asked for than the key may do.
    #[error("more scope is asked for than the key has")]
    InvalidScope,
    /// See [`MintError`].
    #[error(transparent)]
    Mint(#[from] MintError),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Exchanges a key.
///
/// # Errors
///
/// See [`Error`].
pub async fn exchange(app: &App, request: Request<'_>) -> Result<Exchanged, Error> {
    let key =
        ApiKey::parse(request.key).map_err(|NotAnApiKey| Error::InvalidGrant(Cause::Malformed))?;
    let found = app.store.api_key(key.id()).await?;
    let stored = found.as_ref().map(|(stored, _)| &stored.hash);
    let is_genuine = KeyedHash::is_of(stored, &key, &app.master);
    let unknown = Error::InvalidGrant(Cause::Unknown);
    let Some((stored, owner)) = found.filter(|_| is_genuine) else {
        return Err(unknown);
    };
    // A client is a setting, so this one stays what it is.
    let client = app.config.client(&stored.client_id).cloned();
    let client = client
        .filter(|client| client.id != ADMIN_CLIENT)
        .filter(|client| request.client.is_none_or(|asking| asking.id == client.id))
        .ok_or(Error::InvalidGrant(Cause::Client))?;
    let judge = Judge {
        rehashed: KeyedHash::of(&key, &app.master),
        client,
        scope: request.scope,
        now: app.clock.now(),
        lifetime: app.config.token_lifetime,
    };
    judge.judge(&stored, &owner)?;
    let signing = app.signing.active(app).await.map_err(MintError::from)?;
    let decide = move |stored: &StoredApiKey, owner: &User| match judge.judge(stored, owner) {
        Ok((next, token)) => (Some(next), Ok(token)),
        Err(error) => (None, Err(error)),
    };
    let decided = transaction::with_api_key(app.store.as_ref(), key.id(), decide).await?;
    let token = decided.ok_or(unknown)??;
    Ok(token.mint(app, &signing)?)
}

/// Whatever the decision depends on beside the rows.
struct Judge {
    rehashed: KeyedHash,
    client: Client,
    scope: Option<ScopeSet>,
    now: UnixSeconds,
    lifetime: i64,
}

impl Judge {
    /// The key after the exchange, and the token that it authorises. The key is known to be genuine.
    fn judge(&self, key: &StoredApiKey, owner: &User) -> Result<(StoredApiKey, Token), Error> {
        match key.state(self.now) {
            KeyState::Active | KeyState::Replaced => {}
            KeyState::Expired => return Err(Error::InvalidGrant(Cause::Expired)),
            KeyState::Revoked => return Err(Error::InvalidGrant(Cause::Revoked)),
        }
        if !owner.is_active() {
            return Err(Error::InvalidGrant(Cause::Owner));
        }
        let granted = self.client.grant(&owner.scopes).intersection(&key.scopes);
        let scope = match &self.scope {
            Some(wanted) if !granted.is_superset(wanted) => return Err(Error::InvalidScope),
            Some(wanted) => wanted.clone(),
            None => granted,
        };
        let issued_at = owner.next_iat(self.now);
        let latest = key.expires_at.unwrap_or(UnixSeconds::MAX);
        let expires_at = issued_at.plus(self.lifetime).min(latest);
        if expires_at <= issued_at {
            return Err(Error::InvalidGrant(Cause::Expired));
        }
        let next = StoredApiKey {
            hash: self.rehashed,
            last_used_at: key.last_used_at.max(Some(self.now)),
            last_iat: key.last_iat.max(issued_at),
            last_exp: key.last_exp.max(expires_at),
            ..key.clone()
        };
        let token = Token {
            client: self.client.clone(),
            key: key.id.to_string(),
            owner: owner.id.to_string(),
            scope,
            issued_at,
            expires_at,
        };
        Ok((next, token))
    }
}

/// What the transaction that authorised an access token fixed about it; the key's `last_iat` and
/// `last_exp` have been written.
struct Token {
    client: Client,
    key: String,
    owner: String,
    scope: ScopeSet,
    issued_at: UnixSeconds,
    expires_at: UnixSeconds,
}

impl Token {
    fn mint(
        self,
        app: &App,
        signing: &portcullis_shared::keys::SigningKey,
    ) -> Result<Exchanged, MintError> {
        let claims = AccessClaims {
            iss: app.config.issuer.clone(),
            aud: self.client.audience,
            sub: self.owner,
            client_id: self.key,
            iat: self.issued_at,
            nbf: None,
            exp: self.expires_at,
            jti: entropy::token_id(app.entropy.as_ref())?.to_string(),
            sid: None,
            scope: self.scope.clone(),
            roles: Vec::new(),
        };
        Ok(Exchanged {
            access_token: mint::sign(signing, &claims)?,
            expires_in: self.expires_at.since(app.clock.now()).max(0),
            scope: self.scope,
        })
    }
}
