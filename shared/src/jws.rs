//! JSON Web Signatures in the compact serialisation (RFC 7515 §3.1), Ed25519 only (RFC 8037,
//! RFC 9864), as both access tokens and the revocation document are.
//!
//! The key decides the algorithm: the header's `alg` must be one of the two names of the one
//! algorithm that our keys have. The header holds `alg`, `typ` and `kid` and nothing else, so that
//! whatever could point at another key (`jwk`, `jku`, `x5c`) or change the meaning (`crit`, `b64`,
//! `zip`) is refused without being understood.
//!
//! The algorithm is one of jwt-compact's kind, and signing is its work. Its `UntrustedToken` is not
//! used: it would decode everything once more after the header has been looked at strictly, and its
//! validation reads the claims before it has looked at the signature.

use std::{borrow::Cow, num::NonZeroUsize};

use base64ct::{Base64UrlUnpadded, Encoding};
use jwt_compact::{Algorithm, AlgorithmSignature};
use serde::Deserialize;

use crate::{
    ids::KeyId,
    keys::{KeySet, VerifyingKey},
    strict_json,
};

/// Why a JWS was not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JwsError {
    #[error("longer than allowed")]
    TooLong,
    #[error("not three parts of base64url")]
    Malformed,
    #[error("a header other than alg, typ and kid")]
    Header,
    #[error("another algorithm than the key's")]
    Algorithm,
    #[error("a token of another type")]
    Type,
    #[error("signed by a key that is not in the key set")]
    UnknownKey(KeyId),
    #[error("the signature does not match")]
    Signature,
}

/// The only header that is taken.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: KeyId,
}

/// A JWS whose form is right and whose signature has not been looked at.
#[derive(Debug)]
pub(crate) struct Sealed<'a> {
    /// What the signature is over (RFC 7515 §5.1): the text before the last dot.
    signed: &'a [u8],
    signature: Signature,
    algorithm: Ed25519,
    key_id: KeyId,
    payload: Vec<u8>,
}

impl<'a> Sealed<'a> {
    /// Takes `text` apart; its size is checked before anything is decoded.
    pub(crate) fn parse(text: &'a str, typ: &str, limit: usize) -> Result<Self, JwsError> {
        if text.len() > limit {
            return Err(JwsError::TooLong);
        }
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(JwsError::Malformed);
        };
        let (signed, _) = text.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let signature = Signature::decode(signature).ok_or(JwsError::Malformed)?;
        let header = Base64UrlUnpadded::decode_vec(header).map_err(|_| JwsError::Malformed)?;
        let payload = Base64UrlUnpadded::decode_vec(payload).map_err(|_| JwsError::Malformed)?;
        let header: Header =
            strict_json::closed_from_slice(&header).map_err(|_| JwsError::Header)?;
        let algorithm = Ed25519::named(&header.alg).ok_or(JwsError::Algorithm)?;
        // RFC 7515 §4.1.9: a media type, compared without regard to case.
        if !header.typ.eq_ignore_ascii_case(typ) {
            return Err(JwsError::Type);
        }
        Ok(Self {
            signed: signed.as_bytes(),
            signature,
            algorithm,
            key_id: header.kid,
            payload,
        })
    }

    /// The key that the header names.
    pub(crate) fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    /// Checks the signature; the key's id and the payload are given out only when it holds.
    pub(crate) fn open(self, keys: &KeySet) -> Result<(KeyId, Vec<u8>), JwsError> {
        let Some(key) = keys.get(&self.key_id) else {
            return Err(JwsError::UnknownKey(self.key_id));
        };
        if !self
            .algorithm
            .verify_signature(&self.signature, key, self.signed)
        {
            return Err(JwsError::Signature);
        }
        Ok((self.key_id, self.payload))
    }
}

/// Ed25519 with dalek's strict verification: S < L, no small-order or non-canonical points.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ed25519 {
    name: &'static str,
}

impl Ed25519 {
    /// The algorithm by the name in a header: `EdDSA` (RFC 8037) or `Ed25519` (RFC 9864).
    pub(crate) fn named(alg: &str) -> Option<Self> {
        ["EdDSA", "Ed25519"]
            .into_iter()
            .find(|name| *name == alg)
            .map(|name| Self { name })
    }
}

/// A signature's 64 bytes.
#[derive(Debug)]
pub(crate) struct Signature([u8; 64]);

impl Signature {
    /// 64 bytes are 86 characters; a larger one is not worth decoding.
    fn decode(text: &str) -> Option<Self> {
        let mut bytes = [0; 64];
        let decoded = Base64UrlUnpadded::decode(text, &mut bytes).ok()?;
        (decoded.len() == 64).then_some(Self(bytes))
    }
}

impl AlgorithmSignature for Signature {
    const LENGTH: Option<NonZeroUsize> = NonZeroUsize::new(64);

    fn try_from_slice(slice: &[u8]) -> anyhow::Result<Self> {
        Ok(Self(slice.try_into()?))
    }

    fn as_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0)
    }
}

impl Algorithm for Ed25519 {
    type SigningKey = ed25519_dalek::SigningKey;
    type VerifyingKey = VerifyingKey;
    type Signature = Signature;

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(self.name)
    }

    fn sign(&self, key: &Self::SigningKey, message: &[u8]) -> Signature {
        Signature(ed25519_dalek::Signer::sign(key, message).to_bytes())
    }

    fn verify_signature(&self, signature: &Signature, key: &VerifyingKey, message: &[u8]) -> bool {
        key.verify(message, &signature.0)
    }
}

/// Making a JWS: the origin's side.
#[cfg(feature = "sign")]
pub(crate) mod sign {
    use jwt_compact::{AlgorithmExt, Claims, Header};
    use serde::Serialize;

    use super::Ed25519;
    use crate::keys::SigningKey;

    /// Signs `claims` as a JWS of the type `typ`.
    pub(crate) fn seal(
        key: &SigningKey,
        typ: &str,
        claims: &impl Serialize,
    ) -> Result<String, jwt_compact::CreationError> {
        let header = Header::empty()
            .with_key_id(key.id().as_str())
            .with_token_type(typ);
        Ed25519 { name: "EdDSA" }.token(&header, &Claims::new(claims), key.secret())
    }
}
