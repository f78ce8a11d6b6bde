//! Clients (RFC 6749 §2): the applications that users log in with, declared in the settings.

use portcullis_shared::{claims::Audience, scope::ScopeSet};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::domain::app::App;

/// Whether a client can keep a secret (RFC 6749 §2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientKind {
    /// It cannot: an application in a browser or on somebody's device.
    Public,
    /// It can. SHA-256 of the secret, which must be random and long.
    Confidential {
        /// The digest.
        secret_sha256: [u8; 32],
    },
}

/// One client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its `client_id`.
    pub id: String,
    /// Whether it has a secret.
    pub kind: ClientKind,
    /// The `aud` of the tokens that it gets.
    pub audience: Audience,
    /// The most that its tokens may do; none sets no bound beside the user's own.
    pub scopes: Option<ScopeSet>,
}

impl Client {
    /// What its tokens for a user with these scopes may do.
    pub fn grant(&self, user: &ScopeSet) -> ScopeSet {
        self.scopes
            .as_ref()
            .map_or_else(|| user.clone(), |own| own.intersection(user))
    }
}

/// How a client names itself at an OAuth endpoint.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// `client_id`.
    pub id: &'a str,
    /// `client_secret`, by HTTP Basic or in the body.
    pub secret: Option<&'a str>,
}

impl std::fmt::Debug for Credentials<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Credentials")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The client is unknown, or its secret wrong, missing or superfluous: `invalid_client` of
/// RFC 6749 §5.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client is not known, or its secret is wrong")]
pub struct InvalidClient;

/// Finds the client and checks its secret.
///
/// # Errors
///
/// [`InvalidClient`], whatever the cause.
pub fn authenticate<'a>(
    app: &'a App,
    credentials: Credentials<'_>,
) -> Result<&'a Client, InvalidClient> {
    let client = app.config.client(credentials.id).ok_or(InvalidClient)?;
    match (&client.kind, credentials.secret) {
        (ClientKind::Public, None) => Ok(client),
        (ClientKind::Confidential { secret_sha256 }, Some(secret)) => {
            let digest: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
            if digest.ct_eq(secret_sha256).into() {
                Ok(client)
            } else {
                Err(InvalidClient)
            }
        }
        (ClientKind::Public, Some(_)) | (ClientKind::Confidential { .. }, None) => {
            Err(InvalidClient)
        }
    }
}
