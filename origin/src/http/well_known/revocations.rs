//! `GET /.well-known/revocations`: the signed document of what is revoked, which every edge
//! fetches about once a second.

use poem_openapi::{OpenApi, param::Query};

use crate::{
    domain::feed,
    http::{
        answer::{Document, Kind},
        refused::Refused,
        service::Shared,
    },
};

/// A revocation document, kept for a second.
pub(crate) struct Revocations;

impl Kind for Revocations {
    const MEDIA_TYPE: &'static str = "application/revocations+jwt";
    const MAX_AGE: u32 = 1;
    const DESCRIPTION: &'static str =
        "The revocations after `since`, and perhaps some before it, a signed document";
    const SCHEMA: &'static str = "string";
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// Revocations
    #[oai(
        path = "/.well-known/revocations",
        method = "get",
        operation_id = "revocations"
    )]
    async fn revocations(
        &self,
        service: Shared<'_>,
        /// The `seq` of the last document that was read; without it, everything is in the answer.
        #[oai(validator(minimum(value = "0")))]
        since: Query<Option<u64>>,
    ) -> Result<Document<Revocations>, Refused> {
        let answer = feed::document(&service.app, since.0.unwrap_or_default()).await?;
        Ok(Document::shared(answer.document).at(answer.seq))
    }
}
