//! `POST /auth/logout`: this session ends.

use poem_openapi::OpenApi;
use portcullis_shared::problem::Code;

use crate::{
    domain::sessions,
    http::{
        answer::{InFeed, Revoked},
        bearer::Bearer,
        origin::From,
        refused::{self, Declared, Refused},
        service::Shared,
    },
};

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[refused::BEARER];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// Log out
    ///
    /// The session of the access token ends.
    #[oai(path = "/auth/logout", method = "post", operation_id = "logout")]
    async fn logout(
        &self,
        service: Shared<'_>,
        caller: Bearer,
        from: From,
    ) -> Result<InFeed<Revoked>, Refused<Failures>> {
        Ok(InFeed::at(
            sessions::logout(&service.app, &caller.0, &from.0).await?,
        ))
    }
}
