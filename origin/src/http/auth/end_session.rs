//! `DELETE /auth/sessions/{id}`: the caller signs one device out.

use poem_openapi::{OpenApi, param::Path};
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
    const PROBLEMS: &'static [&'static [Code]] =
        &[refused::BEARER, refused::COOKIE, &[Code::NotFound]];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// End one of my sessions
    ///
    /// Another user's session is not found.
    #[oai(
        path = "/auth/sessions/:id",
        method = "delete",
        operation_id = "endSession"
    )]
    async fn end(
        &self,
        service: Shared<'_>,
        caller: Bearer,
        from: From,
        /// The session.
        id: Path<String>,
    ) -> Result<InFeed<Revoked>, Refused<Failures>> {
        let not_found = || Failure::new(Code::NotFound);
        let id = id.0.parse().map_err(|_| not_found())?;
        let seq = sessions::end(&service.app, &caller.0, id, &from.0).await?;
        Ok(InFeed::at(Some(seq.ok_or_else(not_found)?)))
    }
}
