//! `GET /.well-known/oauth-authorization-server`: what clients need to know (RFC 8414).

use poem_openapi::OpenApi;
use serde_json::json;

use crate::http::{
    answer::{Document, Kind},
    auth::exchange::TOKEN_EXCHANGE,
    refused::Refused,
    service::Shared,
};

/// The metadata, kept for an hour: it changes with the settings alone.
pub(crate) struct Metadata;

impl Kind for Metadata {
    const MEDIA_TYPE: &'static str = "application/json";
    const MAX_AGE: u32 = 3600;
    const DESCRIPTION: &'static str = "The metadata of this authorization server";
    const SCHEMA: &'static str = "object";
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
#[expect(clippy::unused_async, reason = "the macro takes no other")]
impl Api {
    /// Metadata for clients
    #[oai(
        path = "/.well-known/oauth-authorization-server",
        method = "get",
        operation_id = "metadata"
    )]
    async fn metadata(&self, service: Shared<'_>) -> Result<Document<Metadata>, Refused> {
        let issuer = &service.app.config.issuer;
        let any_client = ["none", "client_secret_basic", "client_secret_post"];
        let document = json!({
            "issuer": issuer,
            "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
            "token_endpoint": format!("{issuer}/auth/token"),
            "token_endpoint_auth_methods_supported": any_client,
            "revocation_endpoint": format!("{issuer}/auth/revoke"),
            "revocation_endpoint_auth_methods_supported": any_client,
            "introspection_endpoint": format!("{issuer}/auth/introspect"),
            "introspection_endpoint_auth_methods_supported":
                ["client_secret_basic", "client_secret_post"],
            "grant_types_supported": ["refresh_token", TOKEN_EXCHANGE],
            // The member is required, and an empty list is forbidden: there is no authorization
            // endpoint, so nothing is what it returns.
            "response_types_supported": ["none"],
        });
        Ok(Document::new(document.to_string()))
    }
}
