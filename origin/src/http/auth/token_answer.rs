//! What a login and a refresh give (RFC 6749 §5.1).

use poem_openapi::Object;

use crate::domain::mint::TokenSet;

/// Tokens.
#[derive(Object)]
#[oai(rename = "Tokens")]
pub(crate) struct Tokens {
    /// For the API servers: `Authorization: Bearer …`.
    access_token: String,
    /// `Bearer`.
    token_type: String,
    /// Seconds until the access token expires.
    expires_in: i64,
    /// For `POST /auth/token`, once.
    refresh_token: String,
    /// What the access token may do, separated by spaces.
    scope: String,
}

impl From<TokenSet> for Tokens {
    fn from(set: TokenSet) -> Self {
        Self {
            access_token: set.access_token.as_str().to_owned(),
            token_type: "Bearer".to_owned(),
            expires_in: set.expires_in,
            refresh_token: set.refresh_token.expose().to_owned(),
            scope: set.scope.to_string(),
        }
    }
}
