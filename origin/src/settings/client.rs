//! `[[client]]`: who may ask for tokens (RFC 6749, section 2).
//!
//! Two clients are always there, `portcullis` for users and `portcullis-admin` for the
//! administration; one of the same id in the file takes the place of either.

use std::collections::BTreeSet;

use portcullis_shared::scope::ScopeSet;
use serde::{Deserialize, Serialize};

use super::{
    error::{Checked, invalid},
    issuer::Issuer,
};
use crate::domain::app::{ADMIN_CLIENT, DEFAULT_CLIENT};

/// A client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its `client_id`.
    pub id: String,
    /// Whether it can keep a secret.
    pub kind: Kind,
    /// SHA-256 of a confidential client's secret, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_sha256: Option<SecretDigest>,
    /// The `aud` of its tokens.
    pub audiences: Vec<String>,
    /// What its tokens may carry at most, separated by spaces; absent: whatever the user has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<String>,
}

/// Whether a client can keep a secret (RFC 6749, section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum Kind {
    /// It cannot: an application in a browser or on a phone.
    Public,
    /// It can: a server.
    Confidential,
}

impl TryFrom<String> for Kind {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match name.as_str() {
            "public" => Ok(Self::Public),
            "confidential" => Ok(Self::Confidential),
            _ => Err("must be `public` or `confidential`"),
        }
    }
}

/// The SHA-256 of a secret. A weak secret could be guessed from it, so it is not printed either.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct SecretDigest(String);

impl SecretDigest {
    /// The digest as it was written.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The 32 bytes, if it is the hexadecimal writing of so many.
    pub fn bytes(&self) -> Option<[u8; 32]> {
        let digits: Option<Vec<u8>> = self
            .0
            .chars()
            .map(|digit| {
                digit
                    .to_digit(16)
                    .and_then(|value| u8::try_from(value).ok())
            })
            .collect();
        let digits = digits.filter(|digits| digits.len() == 64)?;
        let bytes: Vec<u8> = digits
            .chunks_exact(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect();
        bytes.try_into().ok()
    }
}

impl std::fmt::Debug for SecretDigest {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(super::secret::REDACTED)
    }
}

impl Serialize for SecretDigest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(super::secret::REDACTED)
    }
}

/// The clients that are always there.
pub(super) fn built_in(issuer: &Issuer) -> Vec<Client> {
    let public = |id: &str, audiences: &[&str]| Client {
        id: id.to_owned(),
        kind: Kind::Public,
        secret_sha256: None,
        audiences: audiences
            .iter()
            .map(|&audience| audience.to_owned())
            .collect(),
        scopes: None,
    };
    vec![
        public(DEFAULT_CLIENT, &["api", "images"]),
        public(ADMIN_CLIENT, &[issuer.as_str()]),
    ]
}

/// Adds the built-in clients that the file does not name.
pub(super) fn add_built_in(clients: &mut Vec<Client>, issuer: &Issuer) {
    for client in built_in(issuer).into_iter().rev() {
        if !clients.iter().any(|other| other.id == client.id) {
            clients.insert(0, client);
        }
    }
}

pub(super) fn check(clients: &[Client], issuer: &Issuer) -> Checked {
    let mut ids = BTreeSet::new();
    for client in clients {
        let id = &client.id;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if id.is_empty() || id.len() > 64 || !id.bytes().all(plain) {
            let reason = format!("must have 1 to 64 letters, digits or - . _ ~, not {id:?}");
            return Err(invalid("client.id", reason));
        }
        if !ids.insert(id) {
            return Err(invalid("client.id", format!("`{id}` is there twice")));
        }
        client.check(issuer)?;
    }
    Ok(())
}

impl Client {
    fn check(&self, issuer: &Issuer) -> Checked {
        let refuse =
            |key: &str, reason: &str| Err(invalid(&format!("client `{}`: {key}", self.id), reason));
        match (self.kind, &self.secret_sha256) {
            (Kind::Public, Some(_)) => return refuse("secret_sha256", "a public client has none"),
            (Kind::Confidential, None) => {
                return refuse("secret_sha256", "a confidential client needs one");
            }
            (Kind::Confidential, Some(digest)) if digest.bytes().is_none() => {
                return refuse("secret_sha256", "must be 64 hexadecimal digits");
            }
            (Kind::Public, None) | (Kind::Confidential, Some(_)) => {}
        }
        let plain = |audience: &String| {
            !audience.is_empty()
                && audience.len() <= 256
                && audience.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if self.audiences.is_empty() || !self.audiences.iter().all(plain) {
            return refuse(
                "audiences",
                "must be one or more, each of 1 to 256 visible ASCII characters",
            );
        }
        // No upstream may ever hold a token that administrates.
        if self.id == ADMIN_CLIENT && self.audiences != [issuer.as_str()] {
            return refuse("audiences", "must be the issuer alone");
        }
        if self
            .scopes
            .as_deref()
            .is_some_and(|scopes| scopes.parse::<ScopeSet>().is_err())
        {
            return refuse("scopes", "must be scopes separated by spaces");
        }
        Ok(())
    }
}
