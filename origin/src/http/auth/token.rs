//! `POST /auth/token`: a refresh token becomes its successor and an access token (RFC 6749 §6).

use poem_openapi::{Object, OpenApi};
use portcullis_shared::{problem::Code, scope::ScopeSet};
use zeroize::Zeroizing;

use super::token_answer::Granted;
use crate::{
    domain::{
        app::ADMIN_CLIENT,
        client::{Client, ClientKind},
        refresh,
    },
    http::{
        cookie,
        failure::Failure,
        oauth::Error,
        oauth_client,
        origin::From,
        parameters::Parameters,
        refused::{self, Declared, Refused},
        same_site::Proof,
        service::Shared,
    },
};

/// A refresh token to exchange.
#[derive(Object)]
#[oai(rename = "TokenRequest")]
struct Form {
    /// `refresh_token`.
    #[oai(validator(pattern = "^refresh_token$"))]
    grant_type: String,
    /// The refresh token; a browser that logged in with cookies has it there, and leaves it out.
    #[oai(validator(min_length = 1))]
    refresh_token: Option<String>,
    /// What the access token shall be limited to, separated by spaces.
    scope: Option<String>,
    /// The client; `portcullis` where none is named.
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
    /// Refresh
    ///
    /// The refresh token is spent and its successor is in the answer. When an answer is lost, the
    /// same request may be repeated.
    #[oai(path = "/auth/token", method = "post", operation_id = "token")]
    async fn token(
        &self,
        service: Shared<'_>,
        from: From,
        cookies: cookie::Sent,
        proof: Proof,
        parameters: Parameters<Form>,
    ) -> Result<Granted, Refused<Failures>> {
        if parameters.require("grant_type")? != "refresh_token" {
            return Err(Failure::oauth(Error::UnsupportedGrantType).into());
        }
        let client = oauth_client::of(&service.app, &parameters)?;
        let scope = parameters
            .get("scope")
            .map(str::parse::<ScopeSet>)
            .transpose();
        let scope = scope.map_err(|_| Failure::oauth(Error::InvalidScope))?;
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
