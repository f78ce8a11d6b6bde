//! `POST /auth/token` with an API key: the request of RFC 8693 §2.1, as far as there is anything to
//! choose. Whom the token is for is the key's, and nobody acts for another.

use super::{
    token,
    token_answer::{ExchangedToken, Granted},
};
use crate::{
    domain::api_key::exchange::{self, Error},
    http::{
        failure::Failure, measure::Measures, oauth, oauth_client, parameters::Parameters,
        service::Service,
    },
};

/// The grant.
pub(crate) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// What an API key is called as a subject token.
const API_KEY: &str = "urn:portcullis:token-type:api-key";

/// What is given for it.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// Exchanges an API key.
///
/// # Errors
///
/// `invalid_grant` for whatever is wrong with the key, `invalid_scope`, `invalid_target`,
/// `invalid_request` for another kind of exchange; those of [`oauth_client::of`] where a client is
/// named.
pub(super) async fn exchange<T>(
    service: &Service,
    measures: &Measures,
    parameters: &Parameters<T>,
) -> Result<Granted, Failure> {
    let key = subject(parameters)?;
    let named = parameters.client()?;
    let client = (named.id.is_some() || named.secret.is_some())
        .then(|| oauth_client::of(&service.app, parameters))
        .transpose()?;
    let scope = token::scope(parameters)?;
    let request = exchange::Request { key, client, scope };
    let exchanged = exchange::exchange(&service.app, request).await;
    measures.exchanged(outcome(&exchanged));
    let exchanged = exchanged?;
    Ok(Granted::Exchanged(ExchangedToken {
        access_token: exchanged.access_token.as_str().to_owned(),
        issued_token_type: ACCESS_TOKEN.to_owned(),
        token_type: "Bearer".to_owned(),
        expires_in: exchanged.expires_in,
        scope: exchanged.scope.to_string(),
    }))
}

/// The key that is to be exchanged, where nothing else is asked for.
fn subject<T>(parameters: &Parameters<T>) -> Result<&str, Failure> {
    let off = |what: &str| Failure::oauth(oauth::Error::InvalidRequest).detail(what);
    let key = parameters.require("subject_token")?;
    if parameters.require("subject_token_type")? != API_KEY {
        return Err(off("the subject_token_type is not that of an API key"));
    }
    let requested = parameters.get("requested_token_type");
    if requested.is_some_and(|requested| requested != ACCESS_TOKEN) {
        return Err(off(
            "the requested_token_type is not that of an access token",
        ));
    }
    if parameters.get("actor_token").is_some() {
        return Err(off("nobody acts for the owner of an API key"));
    }
    if parameters.get("audience").is_some() || parameters.get("resource").is_some() {
        return Err(Failure::oauth(oauth::Error::InvalidTarget));
    }
    Ok(key)
}

/// What came of it, as it is counted.
fn outcome(exchanged: &Result<exchange::Exchanged, Error>) -> &'static str {
    match exchanged {
        Ok(_) => "granted",
        Err(Error::InvalidGrant(cause)) => cause.as_str(),
        Err(Error::InvalidScope) => "scope",
        Err(Error::Mint(_)) => "fault",
        Err(Error::Store(_)) => "store",
    }
}
