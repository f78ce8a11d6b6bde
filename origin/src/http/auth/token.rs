//! `POST /auth/token`: a refresh token becomes its successor and an access token (RFC 6749 §6), an API
//! key an access token (RFC 8693; see [`exchange`]).

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::{Object, OpenApi};
use portcullis_shared::{problem::Code, scope::ScopeSet};
use zeroize::Zeroizing;

use super::{
    exchange::{self, TOKEN_EXCHANGE},
    token_answer::Granted,
};
use crate::{
    domain::{
        app::ADMIN_CLIENT,
        client::{Client, ClientKind},
        refresh,
    },
    http::{
        cookie,
        failure::Failure,
        measure::Measures,
        oauth::Error,
        oauth_client,
        origin::From,
        parameters::Parameters,
        refused::{self, Declared, Refused},
        same_site::Proof,
        service::Shared,
    },
};

/// A refresh token or an API key to exchange.
#[derive(Object)]
#[oai(rename = "TokenRequest")]
struct Form {
    /// `refresh_token`, or `urn:ietf:params:oauth:grant-type:token-exchange` for an API key.
    #[oai(validator(
        pattern = "^(refresh_token|urn:ietf:params:oauth:grant-type:token-exchange)$"
    ))]
    grant_type: String,
    /// The refresh token; a browser that logged in with cookies has it there, and leaves it out.
    #[oai(validator(min_length = 1))]
    refresh_token: Option<String>,
    /// The API key.
    #[oai(validator(min_length = 1))]
    subject_token: Option<String>,
    /// `urn:portcullis:token-type:api-key`, which an API key needs.
    #[oai(validator(pattern = "^urn:portcullis:token-type:api-key$"))]
    subject_token_type: Option<String>,
    /// `urn:ietf:params:oauth:token-type:access_token`, which an API key gives in any case.
    #[oai(validator(pattern = "^urn:ietf:params:oauth:token-type:access_token$"))]
    requested_token_type: Option<String>,
    /// What the access token shall be limited to, separated by spaces.
    scope: Option<String>,
    /// The client; for a refresh token `portcullis` where none is named, for an API key the key's.
    client_id: Option<String>,
    /// A confidential client's secret, where it is not in the `Authorization` header.
    client_secret: Option<String>,
}

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[refused::COOKIE];
    const OAUTH: &'static [Error] = &[
        Error::InvalidRequest,
        Error::InvalidClient,
        Error::UnauthorizedClient,
        Error::TooLarge,
        Error::UnsupportedMediaType,
        Error::SlowDown,
        Error::Fault,
        Error::TemporarilyUnavailable,
    ];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// Refresh, or exchange an API key
    ///
    /// The refresh token is spent and its successor is in the answer. When an answer is lost, the
    /// same request may be repeated. An API key is not spent, and its access token has no successor:
    /// the key is exchanged again. Whatever is wrong with a key, the answer is `invalid_grant`.
    #[oai(path = "/auth/token", method = "post", operation_id = "token")]
    async fn token(
        &self,
        service: Shared<'_>,
        from: From,
        cookies: cookie::Sent,
        proof: Proof,
        measures: Data<&Arc<Measures>>,
        parameters: Parameters<Form>,
    ) -> Result<Granted, Refused<Failures>> {
        match parameters.require("grant_type")? {
            "refresh_token" => {}
            TOKEN_EXCHANGE => {
                // In a box, as below.
                let exchanging = Box::pin(exchange::exchange(&service, &measures, &parameters));
                return Ok(exchanging.await?);
            }
            _ => return Err(Failure::oauth(Error::UnsupportedGrantType).into()),
        }
        let client = oauth_client::of(&service.app, &parameters)?;
        let scope = scope(&parameters)?;
        let cookie = match parameters.get("refresh_token") {
            Some(token) => contradicted(token, cookies)?,
            None => from_cookie(cookies, proof, client)?,
        };
        let token = match &cookie {
            Some(token) => token.as_str(),
            None => parameters.require("refresh_token")?,
        };
        let request = refresh::Request {
            token,
            client,
            scope,
        };
        // In a box: what is around it is moved several times on its way through the layers.
        let refreshing = Box::pin(refresh::refresh(&service.app, request, &from.0));
        let tokens = refreshing.await?;
        if cookie.is_some() {
            return Ok(Granted::in_cookies(&tokens)?);
        }
        Ok(Granted::in_body(&tokens))
    }
}

/// What the access token shall be limited to.
///
/// # Errors
///
/// `invalid_scope` for what is none.
pub(super) fn scope<T>(parameters: &Parameters<T>) -> Result<Option<ScopeSet>, Failure> {
    let scope = parameters.get("scope").map(str::parse).transpose();
    scope.map_err(|_| Failure::oauth(Error::InvalidScope))
}

/// Of two refresh tokens that differ none is taken: whose session was meant is not known.
fn contradicted(token: &str, cookies: cookie::Sent) -> Result<Option<Zeroizing<String>>, Failure> {
    match cookies.0.map(|cookies| cookies.refresh) {
        Ok(Some(other)) if other.as_str() != token => {
            let detail = "the refresh token of the body is not that of the cookie";
            Err(Failure::oauth(Error::InvalidRequest).detail(detail))
        }
        // It is of no use here, so neither is what is wrong with it.
        Ok(_) | Err(_) => Ok(None),
    }
}

/// The refresh token of a browser. No cookie is taken for a client that has a secret, nor for the
/// administration: neither ever gets one.
fn from_cookie(
    cookies: cookie::Sent,
    proof: Proof,
    client: &Client,
) -> Result<Option<Zeroizing<String>>, Failure> {
    let malformed =
        |error: cookie::Malformed| Failure::oauth(Error::InvalidRequest).detail(error.to_string());
    let Some(token) = cookies.0.map_err(malformed)?.refresh else {
        return Ok(None);
    };
    proof.require()?;
    match &client.kind {
        ClientKind::Public if client.id != ADMIN_CLIENT => Ok(Some(token)),
        ClientKind::Public | ClientKind::Confidential { .. } => {
            Err(Failure::oauth(Error::UnauthorizedClient))
        }
    }
}
