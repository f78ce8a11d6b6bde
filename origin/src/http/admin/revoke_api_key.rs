//! `POST /admin/api-keys/{id}/revoke`: a key is over, and so is whatever it gave, in seconds.

use poem_openapi::{Object, OpenApi, param::Path};
use portcullis_shared::problem::Code;

use super::{acting::Acting, api_key_answer::ApiKey, api_key_id, not_found};
use crate::{
    domain::admin,
    http::{
        answer::InFeed,
        refused::{self, Declared, Refused},
        service::Shared,
    },
};

/// An API key that was revoked.
#[derive(Object)]
struct RevokedApiKey {
    /// The key.
    api_key: ApiKey,
    /// An edge that reports this `seq` of the feed, or a greater one, refuses whatever the key gave.
    seq: u64,
}

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[refused::ADMIN, &[Code::NotFound]];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// Revoke an API key
    ///
    /// It gives nothing more, and the access tokens that it gave are refused. Revoking again changes
    /// nothing. Its successor, where it was rotated, is another key and goes on.
    #[oai(
        path = "/admin/api-keys/:id/revoke",
        method = "post",
        operation_id = "revokeApiKey"
    )]
    async fn revoke(
        &self,
        service: Shared<'_>,
        acting: Acting,
        /// The API key, by the first part of it.
        id: Path<String>,
    ) -> Result<InFeed<RevokedApiKey>, Refused<Failures>> {
        let (app, id) = (&service.app, api_key_id(&id.0)?);
        let revoked = admin::revoke_api_key(app, acting.authority(), id).await?;
        let revoked = revoked.ok_or_else(not_found)?;
        let body = RevokedApiKey {
            api_key: ApiKey::of(revoked.stored, &revoked.owner, app.clock.now()),
            seq: revoked.seq.0,
        };
        Ok(InFeed {
            body,
            seq: Some(revoked.seq),
        })
    }
}
