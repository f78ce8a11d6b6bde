//! Minting access tokens (RFC 9068), and what a client gets for a grant (RFC 6749 §5.1).

use portcullis_shared::{
    claims::AccessClaims,
    keys::SigningKey,
    scope::ScopeSet,
    time::UnixSeconds,
    token::{self, TOKEN_LIMIT},
};
use zeroize::Zeroizing;

use crate::domain::{
    app::App,
    client::Client,
    entropy::{self, EntropyError},
    refresh::IssuedToken,
    session::Session,
    signing_keys::KeyError,
    user::User,
};

/// Why no token was minted, although somebody may have one.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// There is no key to sign with.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// See [`EntropyError`].
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The claims could not be written, which those of a [`Mintable`] always can.
    #[error("the token could not be written")]
    Malformed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What a login or a refresh gives.
#[derive(Clone)]
pub struct TokenSet {
    /// The access token.
    pub access_token: Zeroizing<String>,
    /// Seconds until it expires.
    pub expires_in: i64,
    /// The refresh token that continues the session.
    pub refresh_token: IssuedToken,
    /// Seconds until the session is over unless it is used before.
    pub refresh_expires_in: i64,
    /// What the access token may do.
    pub scope: ScopeSet,
}

impl std::fmt::Debug for TokenSet {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("TokenSet")
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

/// What the transaction that authorised an access token fixed about it. The session's `last_iat`
/// has been written, so that a revocation of the user reaches the token.
#[derive(Debug, Clone)]
pub struct Mintable {
    user: User,
    session: Session,
    issued_at: UnixSeconds,
    expires_at: UnixSeconds,
}

impl Mintable {
    /// Authorises an access token at `now`: its `iat` is past any revocation of the user, and goes
    /// into the session's row, which the caller must write.
    pub fn authorise(
        session: &mut Session,
        user: &User,
        now: UnixSeconds,
        token_lifetime: i64,
    ) -> Self {
        let issued_at = user.next_iat(now);
        session.last_iat = session.last_iat.max(issued_at);
        let expires_at = issued_at.plus(token_lifetime);
        session.last_exp = session.last_exp.max(expires_at);
        Self {
            user: user.clone(),
            session: session.clone(),
            issued_at,
            expires_at,
        }
    }

    /// Makes it expire at `latest` at the latest.
    #[must_use]
    pub fn capped(mut self, latest: UnixSeconds) -> Self {
        // It must still be a token: a second is the least.
        self.expires_at = self.expires_at.min(latest).max(self.issued_at.plus(1));
        self
    }
}

/// Signs the access token, for `scope` or what the client and the user have where none is named,
/// and writes the refresh token.
///
/// # Errors
///
/// See [`MintError`].
pub async fn mint(
    app: &App,
    client: &Client,
    mintable: Mintable,
    scope: Option<ScopeSet>,
) -> Result<TokenSet, MintError> {
    let key = app.signing.active(app).await?;
    mint_with(app, &key, client, mintable, scope)
}

/// As [`mint`], with a key that is at hand.
///
/// # Errors
///
/// See [`MintError`].
pub fn mint_with(
    app: &App,
    key: &SigningKey,
    client: &Client,
    mintable: Mintable,
    scope: Option<ScopeSet>,
) -> Result<TokenSet, MintError> {
    let Mintable {
        user,
        session,
        issued_at,
        expires_at,
    } = mintable;
    let granted = client.grant(&user.scopes);
    let scope = scope.map_or_else(|| granted.clone(), |wanted| wanted.intersection(&granted));
    let claims = AccessClaims {
        iss: app.config.issuer.clone(),
        aud: client.audience.clone(),
        sub: user.id.to_string(),
        client_id: client.id.clone(),
        iat: issued_at,
        nbf: None,
        exp: expires_at,
        jti: entropy::token_id(app.entropy.as_ref())?.to_string(),
        sid: Some(session.id.to_string()),
        scope: scope.clone(),
        roles: user
            .roles
            .iter()
            .map(|role| role.as_str().to_owned())
            .collect(),
    };
    let access_token = sign(key, &claims)?;
    let refresh_token = crate::domain::refresh::RefreshToken {
        session: session.id,
        generation: session.generation,
    };
    let over = session.idle_expires_at.min(session.absolute_expires_at);
    Ok(TokenSet {
        refresh_expires_in: over.since(app.clock.now()).max(0),
        access_token,
        expires_in: expires_at.since(app.clock.now()).max(0),
        refresh_token: refresh_token.issue(&app.master),
        scope,
    })
}

/// Signs an access token.
///
/// # Errors
///
/// [`MintError::Malformed`].
pub(crate) fn sign(
    key: &SigningKey,
    claims: &AccessClaims,
) -> Result<Zeroizing<String>, MintError> {
    let signed = token::sign(key, claims).map_err(|error| MintError::Malformed(error.into()))?;
    let token = Zeroizing::new(signed);
    if token.len() > TOKEN_LIMIT {
        return Err(MintError::Malformed("longer than verifiers take".into()));
    }
    Ok(token)
}
