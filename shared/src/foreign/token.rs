//! A foreign token on its way to being an [`Authentic`] one.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    claims::AccessClaims,
    ids::KeyId,
    strict_json::{self, present},
    token::{Authentic, Refusal, TOKEN_LIMIT},
};

use super::{Algorithm, Issuer, PublicKeys, claims};

/// Whose the token says it is, so that the right declaration can be looked for. It proves nothing, and
/// grants nothing: the signature decides, by the keys of that issuer alone.
pub fn claimed_issuer(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Claimed {
        iss: String,
    }
    if text.len() > TOKEN_LIMIT {
        return None;
    }
    let payload = text.split('.').nth(1)?;
    let payload = Base64UrlUnpadded::decode_vec(payload).ok()?;
    let claimed: Claimed = serde_json::from_slice(&payload).ok()?;
    Some(claimed.iss)
}

/// The only header that is taken. `typ` may be absent where the issuer's declaration says so.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: String,
    #[serde(default, deserialize_with = "present")]
    typ: Option<String>,
}

/// A token of which form, type and algorithm are as its issuer is declared; who signed it is open.
#[derive(Debug)]
pub struct Unverified<'a> {
    issuer: &'a Issuer,
    signed: &'a str,
    signature: Vec<u8>,
    payload: Vec<u8>,
    algorithm: Algorithm,
    key_id: KeyId,
}

impl<'a> Unverified<'a> {
    /// Takes a token apart, after a look at its size.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] up to and including [`Refusal::Type`].
    pub fn parse(text: &'a str, issuer: &'a Issuer) -> Result<Self, Refusal> {
        if text.len() > TOKEN_LIMIT {
            return Err(Refusal::TooLong);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Refusal::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Refusal::Malformed)?;
        let decode = |part| Base64UrlUnpadded::decode_vec(part).map_err(|_| Refusal::Malformed);
        let (header, payload) = (decode(header)?, decode(payload)?);
        let signature = decode(signature)?;
        let header: Header = strict_json::from_slice(&header).map_err(|_| Refusal::Header)?;
        let algorithm = issuer.algorithm(&header.alg).ok_or(Refusal::Algorithm)?;
        let key_id = KeyId::foreign(&header.kid).map_err(|_| Refusal::Header)?;
        if !issuer.takes_type(header.typ.as_deref()) {
            return Err(Refusal::Type);
        }
        Ok(Self {
            issuer,
            signed,
            signature,
            payload,
            algorithm,
            key_id,
        })
    }

    /// What remains to be checked: the signature, by that key of the issuer which the token names.
    ///
    /// # Errors
    ///
    /// [`Refusal::UnknownKey`]; [`Refusal::Algorithm`] where the key is of another one;
    /// [`Refusal::Signature`] where it is of a length that none has; and from [`Refusal::Claims`] on
    /// what no signature could mend. All look alike to the bearer.
    pub fn check(self, keys: &PublicKeys) -> Result<SignatureCheck, Refusal> {
        let Some(key) = keys.get(&self.key_id) else {
            return Err(Refusal::UnknownKey(self.key_id));
        };
        if key.algorithm() != self.algorithm {
            return Err(Refusal::Algorithm);
        }
        let fits = match self.algorithm {
            // R ‖ S of 32 bytes each (RFC 7518 §3.4).
            Algorithm::Es256 => self.signature.len() == 64,
            Algorithm::Rs256 => (256..=1024).contains(&self.signature.len()),
        };
        if !fits {
            return Err(Refusal::Signature);
        }
        let members: Map<String, Value> =
            strict_json::from_slice(&self.payload).map_err(|_| Refusal::Claims)?;
        let claims = claims::read(&members, self.issuer).ok_or(Refusal::Claims)?;
        if claims.iss != self.issuer.name() {
            return Err(Refusal::Issuer);
        }
        if !self.issuer.knows_any(&claims.aud) {
            return Err(Refusal::Audience);
        }
        Ok(SignatureCheck {
            algorithm: self.algorithm,
            jwk: key.jwk().to_owned(),
            signature: self.signature,
            signed: self.signed.as_bytes().to_vec(),
            key_id: self.key_id,
            claims,
        })
    }
}

/// A signature that is to be checked by whoever has the arithmetic for it. It holds all that this takes,
/// since the answer may be a while in coming.
#[derive(Debug, PartialEq, Eq)]
pub struct SignatureCheck {
    algorithm: Algorithm,
    jwk: String,
    signature: Vec<u8>,
    signed: Vec<u8>,
    key_id: KeyId,
    claims: AccessClaims,
}

impl SignatureCheck {
    /// The algorithm, which is the key's.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `kid` of the key.
    pub fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    /// The public key, a JWK.
    pub fn jwk(&self) -> &str {
        &self.jwk
    }

    /// The signature: for ES256 R ‖ S.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// What it is to be over (RFC 7515 §5.1).
    pub fn signed(&self) -> &[u8] {
        &self.signed
    }

    /// What the token says, for people to read. Nobody has checked its signature.
    #[cfg(feature = "inspect")]
    pub fn unproven_claims(&self) -> &AccessClaims {
        &self.claims
    }

    /// What comes of it, `holds` being whether the signature is the key's over these bytes.
    ///
    /// # Errors
    ///
    /// [`Refusal::Signature`] where it is not.
    pub fn concluded(self, holds: bool) -> Result<Authentic, Refusal> {
        if holds {
            Ok(Authentic::of(self.claims, self.key_id))
        } else {
            Err(Refusal::Signature)
        }
    }
}
