//! `POST /auth/introspect`: what a token is worth at this moment (RFC 7662). For confidential
//! clients, and for administrators by their access token.

use poem_openapi::{Object, OpenApi};

use crate::{
    domain::{
        caller,
        introspect::{self, Active},
    },
    http::{
        answer::Ok,
        failure::Failure,
        mapping::{oauth_caller, oauth_not_admin},
        oauth::Error,
        oauth_client,
        parameters::Parameters,
        refused::{Declared, Refused},
        service::{Service, Shared},
    },
};

/// A token to look at.
#[derive(Object)]
#[oai(rename = "IntrospectionRequest")]
struct Form {
    /// A refresh token or an access token.
    #[oai(validator(min_length = 1))]
    token: String,
    /// Taken, and of no need.
    token_type_hint: Option<String>,
    /// A confidential client, where it is not in the `Authorization` header.
    client_id: Option<String>,
    /// Its secret.
    client_secret: Option<String>,
}

/// What is told of a token (RFC 7662 §2.2). Where `active` is false there is nothing more.
#[derive(Object, Default)]
#[oai(rename = "Introspection", skip_serializing_if_is_none)]
struct Answer {
    /// Whether it is good for anything.
    active: bool,
    /// `access_token` or `refresh_token`.
    token_type: Option<String>,
    /// What it may do, separated by spaces.
    scope: Option<String>,
    /// The client, or the API key, that it was given to.
    client_id: Option<String>,
    /// Its user's name.
    username: Option<String>,
    /// Its user.
    sub: Option<String>,
    /// Its session; absent where an API key gave it.
    sid: Option<String>,
    /// Who minted it.
    iss: Option<String>,
    /// Whom it is for.
    aud: Option<Vec<String>>,
    /// When it expires.
    exp: Option<i64>,
    /// When it was minted.
    iat: Option<i64>,
    /// Its own identifier.
    jti: Option<String>,
}

impl std::convert::From<Active> for Answer {
    fn from(token: Active) -> Self {
        Self {
            active: true,
            token_type: Some(token.kind.to_owned()),
            scope: Some(token.scope.to_string()),
            client_id: Some(token.client_id),
            username: Some(token.username),
            sub: Some(token.sub),
            sid: token.sid.map(|sid| sid.to_string()),
            iss: Some(token.iss),
            aud: token.aud.map(|audience| audience.members().to_vec()),
            exp: Some(token.exp.0),
            iat: Some(token.iat.0),
            jti: token.jti,
        }
    }
}

struct Failures;

impl Declared for Failures {
    const OAUTH: &'static [Error] = &[
        Error::InvalidRequest,
        Error::InvalidClient,
        Error::AccessDenied,
        Error::TooLarge,
        Error::UnsupportedMediaType,
        Error::Fault,
        Error::TemporarilyUnavailable,
    ];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// Introspect a token
    #[oai(
        path = "/auth/introspect",
        method = "post",
        operation_id = "introspect"
    )]
    async fn introspect(
        &self,
        service: Shared<'_>,
        parameters: Parameters<Form>,
    ) -> Result<Ok<Answer>, Refused<Failures>> {
        authorise(&service, &parameters).await?;
        let token = parameters.require("token")?;
        let found = introspect::introspect(&service.app, token)
            .await
            .map_err(oauth_caller)?;
        Result::Ok(Ok(found.map_or_else(Answer::default, Answer::from)))
    }
}

/// Nobody else learns what a token is worth, or tokens could be tried out here (RFC 7662 §4).
async fn authorise(service: &Service, parameters: &Parameters<Form>) -> Result<(), Failure> {
    let Some(token) = parameters.bearer() else {
        return oauth_client::confidential(&service.app, parameters).map(drop);
    };
    let caller = caller::authenticate(&service.app, token)
        .await
        .map_err(oauth_caller)?;
    caller::require_admin(&service.app, caller)
        .map(drop)
        .map_err(oauth_not_admin)
}
