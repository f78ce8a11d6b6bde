//! `GET /.well-known/jwks.json`: the public keys (RFC 7517).

use poem_openapi::OpenApi;

use crate::http::{
    answer::{Document, Kind},
    failure::Failure,
    refused::Refused,
    service::Shared,
};

/// A key set, kept for a minute: new keys are published long before they sign.
pub(crate) struct KeySet;

impl Kind for KeySet {
    const MEDIA_TYPE: &'static str = "application/jwk-set+json";
    const MAX_AGE: u32 = 60;
    const DESCRIPTION: &'static str = "The public keys, a JWK set";
    const SCHEMA: &'static str = "object";
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// Public keys
    #[oai(path = "/.well-known/jwks.json", method = "get", operation_id = "keys")]
    async fn keys(&self, service: Shared<'_>) -> Result<Document<KeySet>, Refused> {
        let keys = service.app.signing.public(&service.app).await?;
        Ok(Document::new(
            serde_json::to_string(&*keys).map_err(Failure::fault)?,
        ))
    }
}
