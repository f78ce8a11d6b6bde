//! `POST /auth/revoke`: a client gives a token back, and its session ends (RFC 7009).

use poem_openapi::{Object, OpenApi};

use crate::{
    domain::revoke,
    http::{
        answer::{InFeed, Revoked},
        oauth::Error,
        oauth_client,
        origin::From,
        parameters::Parameters,
        refused::{Declared, Refused},
        service::Shared,
    },
};

/// A token to revoke.
#[derive(Object)]
#[oai(rename = "RevocationRequest")]
struct Form {
    /// A refresh token or an access token.
    #[oai(validator(min_length = 1))]
    token: String,
    /// Taken, and of no need.
    token_type_hint: Option<String>,
    /// The client; `portcullis` where none is named.
    client_id: Option<String>,
    /// A confidential client's secret, where it is not in the `Authorization` header.
    client_secret: Option<String>,
}

struct Failures;

impl Declared for Failures {
    const OAUTH: &'static [Error] = &[
        Error::InvalidRequest,
        Error::InvalidClient,
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
    /// Revoke a token
    ///
    /// Its session ends. A token that is not valid is no error (RFC 7009 §2.2).
    #[oai(path = "/auth/revoke", method = "post", operation_id = "revoke")]
    async fn revoke(
        &self,
        service: Shared<'_>,
        from: From,
        parameters: Parameters<Form>,
    ) -> Result<InFeed<Revoked>, Refused<Failures>> {
        let client = oauth_client::of(&service.app, &parameters)?;
        let token = parameters.require("token")?;
        let seq = revoke::revoke(&service.app, client, token, &from.0).await?;
        Ok(InFeed::at(seq))
    }
}
