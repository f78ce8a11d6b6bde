//! `POST /auth/token`: a refresh token becomes its successor and an access token (RFC 6749 §6).

use poem_openapi::{Object, OpenApi};
use portcullis_shared::{problem::Code, scope::ScopeSet};

use super::token_answer::Tokens;
use crate::{
    domain::refresh,
    http::{
        answer::Ok,
        failure::Failure,
        oauth::Error,
        oauth_client,
        origin::From,
        parameters::Parameters,
        refused::{Declared, Refused},
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
    /// The refresh token.
    #[oai(validator(min_length = 1))]
    refresh_token: String,
    /// What the access token shall be limited to, separated by spaces.
    scope: Option<String>,
    /// The client; `portcullis` where none is named.
    client_id: Option<String>,
    /// A confidential client's secret, where it is not in the `Authorization` header.
    client_secret: Option<String>,
}

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[];
    const OAUTH: &'static [Error] = &[
        Error::InvalidRequest,
        Error::InvalidClient,
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
        parameters: Parameters<Form>,
    ) -> Result<Ok<Tokens>, Refused<Failures>> {
        if parameters.require("grant_type")? != "refresh_token" {
            return Err(Failure::oauth(Error::UnsupportedGrantType).into());
        }
        let client = oauth_client::of(&service.app, &parameters)?;
        let scope = parameters
            .get("scope")
            .map(str::parse::<ScopeSet>)
            .transpose();
        let scope = scope.map_err(|_| Failure::oauth(Error::InvalidScope))?;
        let token = parameters.require("refresh_token")?;
        let request = refresh::Request {
            token,
            client,
            scope,
        };
        let tokens = refresh::refresh(&service.app, request, &from.0).await?;
        Result::Ok(Ok(tokens.into()))
    }
}
