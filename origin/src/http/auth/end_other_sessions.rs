//! `DELETE /auth/sessions`: the caller signs out everywhere else.

use poem_openapi::OpenApi;
use portcullis_shared::problem::Code;

use crate::{
    domain::sessions,
    http::{
        answer::{InFeed, Revoked},
        bearer::Bearer,
        failure::Failure,
        origin::From,
        refused::{self, Declared, Refused},
        service::Shared,
    },
};

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[refused::BEARER, refused::COOKIE];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// End all my other sessions
    ///
    /// The session of this request's token goes on.
    #[oai(
        path = "/auth/sessions",
        method = "delete",
        operation_id = "endOtherSessions"
    )]
    async fn end_others(
        &self,
        service: Shared<'_>,
        caller: Bearer,
        from: From,
    ) -> Result<InFeed<Revoked>, Refused<Failures>> {
        let seq = sessions::end_others(&service.app, &caller.0, &from.0).await?;
        let seq = seq.ok_or_else(|| Failure::new(Code::InvalidToken))?;
        Ok(InFeed::at(Some(seq)))
    }
}
