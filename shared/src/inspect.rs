//! Tokens and links looked at without being verified, so that people can be told why one is refused.
//!
//! Invariant: nothing in here makes a token or link count. What an [`Inspection`] tells is the text's
//! own word, which anybody can write; and a [`StandIn`] is signed with a key that everybody knows, so
//! it says only what would be decided if the signature were right. Neither opens the way to a
//! [`crate::token::Verified`] under keys that an issuer published. Behind the feature `inspect`, which
//! no verifier has.

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use crate::{
    claims::AccessClaims,
    foreign::{self, Issuer, PublicKeys},
    ids::KeyId,
    keys::{KeySet, VerifyingKey},
    link::{self, LinkClaims},
    strict_json, token,
};

/// What a token or a link says of itself. Nobody has looked whether it is true.
#[derive(Debug, Clone)]
pub struct Inspection<C> {
    key_id: KeyId,
    claims: C,
}

impl Inspection<AccessClaims> {
    /// Of an access token; `None` where it cannot be one, or its claims cannot be read.
    ///
    /// ```
    /// use portcullis_shared::inspect::Inspection;
    /// assert!(Inspection::of_token("a.b.c").is_none());
    /// ```
    pub fn of_token(text: &str) -> Option<Self> {
        let key_id = token::Unverified::parse(text).ok()?.key_id().clone();
        let claims = payload(text)?;
        Some(Self { key_id, claims })
    }

    /// Of a token of another issuer, read as that one is declared.
    pub fn of_foreign(text: &str, issuer: &Issuer) -> Option<Self> {
        let unverified = foreign::Unverified::parse(text, issuer).ok()?;
        let check = unverified.check(&foreign_stand_ins(text, issuer)?).ok()?;
        let (key_id, claims) = (check.key_id().clone(), check.unproven_claims().clone());
        Some(Self { key_id, claims })
    }
}

impl Inspection<LinkClaims> {
    /// Of a link; `None` where it cannot be one, or its claims cannot be read.
    pub fn of_link(text: &str) -> Option<Self> {
        let key_id = link::Unverified::parse(text).ok()?.key_id().clone();
        let claims = payload(text)?;
        Some(Self { key_id, claims })
    }
}

impl<C> Inspection<C> {
    /// The key that it says it was signed with.
    pub fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    /// What it says, for people to read. Anybody can have written it.
    pub fn unproven_claims(&self) -> &C {
        &self.claims
    }
}

fn payload<C: DeserializeOwned>(text: &str) -> Option<C> {
    let payload = text.split('.').nth(1)?;
    let json = Base64UrlUnpadded::decode_vec(payload).ok()?;
    strict_json::from_slice(&json).ok()
}

/// The secret half of the key for stand-ins: here for all to read.
const NOBODY_S_SEED: [u8; 32] = *b"everybody knows this signing key";

/// A token or link with the header and the claims of another, signed with a key that everybody knows:
/// whoever judges it under [`keys_of`] learns what is to be said of the other beside its signature.
#[derive(Debug)]
pub struct StandIn {
    text: String,
    key: VerifyingKey,
}

impl StandIn {
    /// For an access token; `None` where it cannot be one.
    pub fn of_token(text: &str) -> Option<Self> {
        Self::of(text, token::Unverified::parse(text).ok()?.key_id())
    }

    /// For a link; `None` where it cannot be one.
    pub fn of_link(text: &str) -> Option<Self> {
        Self::of(text, link::Unverified::parse(text).ok()?.key_id())
    }

    /// Under the same identifier of the key, which a revocation may name.
    fn of(text: &str, key_id: &KeyId) -> Option<Self> {
        let secret = SigningKey::from_bytes(&NOBODY_S_SEED);
        let key = VerifyingKey::new(key_id.clone(), secret.verifying_key().as_bytes())?;
        let (signed, _) = text.rsplit_once('.')?;
        let signature = secret.sign(signed.as_bytes()).to_bytes();
        let signature = Base64UrlUnpadded::encode_string(&signature);
        let text = format!("{signed}.{signature}");
        Some(Self { text, key })
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// The keys under which these stand-ins count, and nothing that an issuer signed; `None` without any.
pub fn keys_of(stand_ins: &[StandIn]) -> Option<KeySet> {
    let mut keys: Vec<VerifyingKey> = Vec::new();
    for StandIn { key, .. } in stand_ins {
        if keys.iter().all(|other| other.id() != key.id()) {
            keys.push(key.clone());
        }
    }
    KeySet::new(keys).ok()
}

/// A key set for where none of ours is asked: there is a stand-in's key in it, and none of an issuer.
pub fn nobody_s_keys() -> Option<KeySet> {
    let secret = SigningKey::from_bytes(&NOBODY_S_SEED);
    let key = VerifyingKey::new("nobody".parse().ok()?, secret.verifying_key().as_bytes())?;
    KeySet::new(vec![key]).ok()
}

/// Keys that nobody has, of the identifier and the algorithm that a token of another issuer names: so
/// that there is a signature to check, of which nobody can say here whether it holds.
pub fn foreign_stand_ins(text: &str, issuer: &Issuer) -> Option<PublicKeys> {
    #[derive(Deserialize)]
    struct Header {
        kid: String,
    }
    let header = Base64UrlUnpadded::decode_vec(text.split('.').next()?).ok()?;
    let Header { kid } = strict_json::from_slice(&header).ok()?;
    let number = |bytes: usize| Base64UrlUnpadded::encode_string(&vec![0xff; bytes]);
    let rsa = json!({"kty": "RSA", "kid": &kid, "n": number(256), "e": "AQAB"});
    let ec = json!({"kty": "EC", "crv": "P-256", "kid": &kid, "x": number(32), "y": number(32)});
    let of = |key| PublicKeys::parse(json!({"keys": [key]}).to_string().as_bytes(), issuer).ok();
    let fits = |keys: &PublicKeys| {
        let unverified = foreign::Unverified::parse(text, issuer);
        unverified.is_ok_and(|token| !matches!(token.check(keys), Err(token::Refusal::Algorithm)))
    };
    of(rsa).filter(fits).or_else(|| of(ec))
}
