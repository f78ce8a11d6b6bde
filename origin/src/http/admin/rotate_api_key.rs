//! `POST /admin/api-keys/{id}/rotate`: a key gets a successor, and goes on beside it for a while.

use poem_openapi::{Object, OpenApi, param::Path};
use portcullis_shared::problem::Code;
use serde::Deserialize;

use super::{acting::Acting, api_key_answer::ApiKey, api_key_id, not_found};
use crate::{
    domain::admin::{self, Overlap},
    http::{
        answer::InFeed,
        body::Strict,
        failure::Failure,
        refused::{self, Declared, Refused},
        service::Shared,
    },
};

/// How an API key is rotated.
#[derive(Object, Deserialize)]
#[oai(rename = "ApiKeyRotation")]
#[serde(deny_unknown_fields)]
struct Body {
    /// For how many seconds the old key goes on. With 0 it is revoked; otherwise access tokens that
    /// it gave before may live on after its end, by less than their usual lifetime.
    #[oai(validator(minimum(value = "0"), maximum(value = "31622400")))]
    overlap_seconds: i64,
}

/// An API key that was rotated.
#[derive(Object)]
struct RotatedApiKey {
    /// The new key, without its secret.
    api_key: ApiKey,
    /// The new key, for its owner. It is not shown again.
    key: String,
    /// The old key, as it is now.
    old: ApiKey,
    /// Without an overlap: an edge that reports this `seq` of the feed, or a greater one, refuses
    /// whatever the old key gave.
    seq: u64,
}

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[
        refused::ADMIN,
        refused::BODY,
        &[Code::NotFound, Code::Conflict],
    ];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// Rotate an API key
    ///
    /// The new key has owner, name, client and scopes of the old one, and lives as long as the old
    /// one was meant to. A key that is over, or was rotated before, cannot be rotated.
    #[oai(
        path = "/admin/api-keys/:id/rotate",
        method = "post",
        operation_id = "rotateApiKey"
    )]
    async fn rotate(
        &self,
        service: Shared<'_>,
        acting: Acting,
        /// The API key, by the first part of it.
        id: Path<String>,
        body: Strict<Body>,
    ) -> Result<InFeed<RotatedApiKey>, Refused<Failures>> {
        let app = &service.app;
        let authority = acting.still(app).await?;
        let overlap = Overlap::new(body.0.overlap_seconds).map_err(Failure::from)?;
        let id = api_key_id(&id.0)?;
        let rotated = admin::rotate_api_key(app, authority, id, overlap).await?;
        let rotated = rotated.ok_or_else(not_found)?;
        let (created, now) = (rotated.created, app.clock.now());
        let body = RotatedApiKey {
            key: created.key.expose().as_str().to_owned(),
            api_key: ApiKey::of(created.stored, &created.owner, now),
            old: ApiKey::of(rotated.old, &created.owner, now),
            seq: rotated.seq.0,
        };
        Ok(InFeed {
            body,
            seq: Some(rotated.seq),
        })
    }
}
