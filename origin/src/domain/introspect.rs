//! Token introspection (RFC 7662): what a token is worth at this moment, by the database.

use portcullis_shared::{
    claims::{AccessClaims, Audience},
    ids::SessionId,
    scope::ScopeSet,
    time::UnixSeconds,
};

use crate::domain::{
    app::App,
    caller::{self, Bearer},
    refresh::RefreshToken,
    signing_keys::KeyError,
    store::StoreError,
    user::Username,
};

/// What is told of an active token (RFC 7662 §2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Active {
    /// The token's kind, in the names of RFC 7009 §2.1: `access_token` or `refresh_token`.
    pub kind: &'static str,
    /// What it may do.
    pub scope: ScopeSet,
    /// The client, or the API key, that it was given to.
    pub client_id: String,
    /// Its user's name.
    pub username: String,
    /// Its user.
    pub sub: String,
    /// Its session; the token of an API key has none.
    pub sid: Option<SessionId>,
    /// Who minted it.
    pub iss: String,
    /// Whom it is for.
    pub aud: Option<Audience>,
    /// From when on it is not taken.
    pub exp: UnixSeconds,
    /// When it was minted; for a refresh token, when it was issued.
    pub iat: UnixSeconds,
    /// Its own identifier; access tokens have one.
    pub jti: Option<String>,
}

/// Tells what a token is worth; `None` when it is worth nothing, whatever the cause.
///
/// # Errors
///
/// [`caller::Error::Key`] and [`caller::Error::Store`].
pub async fn introspect(app: &App, token: &str) -> Result<Option<Active>, caller::Error> {
    if let Ok(refresh) = RefreshToken::parse(token, &app.master) {
        return Ok(refresh_token(app, refresh).await?);
    }
    match caller::identify(app, token).await {
        Ok(Bearer::Session(caller)) => {
            let (username, sid) = (&caller.user.username, Some(caller.session.id));
            Ok(Some(access_token(caller.claims(), username, sid)))
        }
        Ok(Bearer::ApiKey(caller)) => {
            let username = &caller.owner.username;
            Ok(Some(access_token(caller.claims(), username, None)))
        }
        Err(caller::Error::InvalidToken | caller::Error::NoSession) => Ok(None),
        Err(error @ (caller::Error::Key(_) | caller::Error::Store(_))) => Err(error),
    }
}

fn access_token(claims: &AccessClaims, username: &Username, sid: Option<SessionId>) -> Active {
    let AccessClaims {
        iss,
        aud,
        sub,
        client_id,
        iat,
        exp,
        jti,
        scope,
        ..
    } = claims.clone();
    Active {
        kind: "access_token",
        scope,
        client_id,
        username: username.to_string(),
        sub,
        sid,
        iss,
        aud: Some(aud),
        exp,
        iat,
        jti: Some(jti),
    }
}

async fn refresh_token(app: &App, token: RefreshToken) -> Result<Option<Active>, StoreError> {
    let Some((session, user)) = app.store.session(token.session).await? else {
        return Ok(None);
    };
    let newest = token.generation == session.generation;
    let client = app.config.client(&session.client_id);
    let Some(client) = client.filter(|_| newest) else {
        return Ok(None);
    };
    if !session.is_active(app.clock.now()) || !user.is_active() {
        return Ok(None);
    }
    Ok(Some(Active {
        kind: "refresh_token",
        scope: client.grant(&user.scopes),
        client_id: session.client_id,
        username: user.username.to_string(),
        sub: user.id.to_string(),
        sid: Some(session.id),
        iss: app.config.issuer.clone(),
        aud: None,
        exp: session.idle_expires_at.min(session.absolute_expires_at),
        iat: session.rotated_at,
        jti: None,
    }))
}

/// The session of a genuine access token that has not expired, be it revoked or not: whoever shows
/// it may end the session (RFC 7009 §2.1).
///
/// # Errors
///
/// See [`KeyError`].
pub async fn session_of(app: &App, token: &str) -> Result<Option<SessionId>, KeyError> {
    let keys = app.signing.verifying(app).await?;
    let Ok(authentic) = app.authentic.authenticate(token, &keys) else {
        return Ok(None);
    };
    let (config, now) = (&app.config, app.clock.now());
    let verified = authentic.verify_for_issuer(&config.issuer, config.token_lifetime, now);
    Ok(verified
        .ok()
        .and_then(|token| token.claims().sid.as_deref()?.parse().ok()))
}
