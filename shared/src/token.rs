//! Access tokens: JWTs of the type `at+jwt` (RFC 9068), signed with Ed25519.
//!
//! A token goes through three types, and only the last one lets its claims be read:
//! [`Unverified`] (its form is right) → [`Authentic`] (its signature is a known key's; what a
//! cache may hold) → [`Verified`] (it is for us, now).
//!
//! An unverified token has no claims to read, and neither has one of which only the signature is
//! known to be right:
//!
//! ```compile_fail,E0599
//! fn read(token: &portcullis_shared::token::Unverified<'_>) -> String {
//!     token.claims().sub.clone()
//! }
//! ```
//!
//! ```compile_fail,E0599
//! fn read(token: &portcullis_shared::token::Authentic) -> String {
//!     token.claims().sub.clone()
//! }
//! ```
//!
//! ```compile_fail,E0616
//! fn read(token: &portcullis_shared::token::Authentic) -> String {
//!     token.claims.sub.clone()
//! }
//! ```
//!
//! Nor can a `Verified` be made without [`Authentic::verify`]:
//!
//! ```compile_fail,E0423
//! use portcullis_shared::token::{Authentic, Verified};
//! fn skip(token: &Authentic) -> Verified<'_> {
//!     Verified(token)
//! }
//! ```
//!
//! ```
//! fn read(token: portcullis_shared::token::Verified<'_>) -> String {
//!     token.claims().sub.clone()
//! }
//! ```
//!
//! Whoever refuses a token answers alike for every [`Refusal`]; the reasons are for logs.

use crate::{
    claims::AccessClaims,
    ids::KeyId,
    jws::{JwsError, Sealed},
    keys::KeySet,
    revocation::Subjects,
    scope::Scope,
    strict_json,
    time::{LEEWAY, UnixSeconds},
};

/// The largest access token that is looked at, in bytes.
pub const TOKEN_LIMIT: usize = 4096;

/// `typ` of an access token (RFC 9068 §2.1).
pub const TOKEN_TYPE: &str = "at+jwt";

/// Why a token is refused. For logs and counters; never to be told to the bearer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Over [`TOKEN_LIMIT`].
    #[error("the token is too long")]
    TooLong,
    /// Not three parts of base64url.
    #[error("the token is malformed")]
    Malformed,
    /// A header with other members than `alg`, `typ` and `kid`, or odd ones.
    #[error("the token's header is not acceptable")]
    Header,
    /// An algorithm that no key of ours has.
    #[error("the token's algorithm is not acceptable")]
    Algorithm,
    /// A token of another kind.
    #[error("not an access token")]
    Type,
    /// The key is not in the key set; it may be newer than the set.
    #[error("unknown signing key {0}")]
    UnknownKey(KeyId),
    /// The signature does not match.
    #[error("the signature does not match")]
    Signature,
    /// A claim is missing, repeated, of another type or out of range.
    #[error("the claims are malformed")]
    Claims,
    /// Minted by somebody else.
    #[error("another issuer")]
    Issuer,
    /// Not for this audience.
    #[error("another audience")]
    Audience,
    /// Past its `exp`.
    #[error("expired")]
    Expired,
    /// Before its `nbf` or its `iat`.
    #[error("not valid yet")]
    NotYetValid,
    /// `exp - iat` is more than the issuer ever grants.
    #[error("a longer lifetime than the issuer grants")]
    Lifetime,
}

impl From<JwsError> for Refusal {
    fn from(error: JwsError) -> Self {
        match error {
            JwsError::TooLong => Self::TooLong,
            JwsError::Malformed => Self::Malformed,
            JwsError::Header => Self::Header,
            JwsError::Algorithm => Self::Algorithm,
            JwsError::Type => Self::Type,
            JwsError::UnknownKey(id) => Self::UnknownKey(id),
            JwsError::Signature => Self::Signature,
        }
    }
}

/// A token whose form is right; who signed it is open.
#[derive(Debug)]
pub struct Unverified<'a>(Sealed<'a>);

impl<'a> Unverified<'a> {
    /// Takes a token apart, after a look at its size.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] up to and including [`Refusal::Type`].
    pub fn parse(text: &'a str) -> Result<Self, Refusal> {
        Ok(Self(Sealed::parse(text, TOKEN_TYPE, TOKEN_LIMIT)?))
    }

    /// The key that the token says it was signed with.
    pub fn key_id(&self) -> &KeyId {
        self.0.key_id()
    }

    /// Checks the signature and the form of the claims.
    ///
    /// # Errors
    ///
    /// [`Refusal::UnknownKey`], [`Refusal::Signature`] or [`Refusal::Claims`].
    pub fn authenticate(self, keys: &KeySet) -> Result<Authentic, Refusal> {
        let (key_id, payload) = self.0.open(keys)?;
        let claims: AccessClaims =
            strict_json::from_slice(&payload).map_err(|_| Refusal::Claims)?;
        if !claims.is_well_formed() {
            return Err(Refusal::Claims);
        }
        Ok(Authentic::of(claims, key_id))
    }
}

/// A token that a key of the issuer signed. It may be kept and judged again and again; its
/// signature need not be checked twice.
#[derive(Debug, Clone)]
pub struct Authentic {
    claims: AccessClaims,
    key_id: KeyId,
    subjects: Subjects,
}

/// What a token must satisfy besides its signature.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'a> {
    /// The only `iss` taken, to the letter.
    pub issuer: &'a str,
    /// The member that `aud` must have.
    pub audience: &'a str,
    /// The longest `exp - iat` that the issuer grants, in seconds.
    pub max_lifetime: i64,
}

impl Authentic {
    /// Of claims that are well formed, and that this key signed.
    pub(crate) fn of(claims: AccessClaims, key_id: KeyId) -> Self {
        let subjects = Subjects::of(&claims, &key_id);
        Self {
            claims,
            key_id,
            subjects,
        }
    }

    /// Whether it says to be of this issuer, as [`Self::verify`] will ask.
    pub fn is_of_issuer(&self, issuer: &str) -> bool {
        self.claims.iss == issuer
    }

    /// The key that signed it. It may have left the key set since; see [`KeySet::get`].
    pub fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    /// Whether both are of one session of one issuer, whatever their times.
    pub fn is_of_one_session_with(&self, other: &Self) -> bool {
        let (own, theirs) = (&self.claims, &other.claims);
        own.sid.is_some() && own.sid == theirs.sid && own.iss == theirs.iss
    }

    /// Whether both are of one user of one issuer, whatever their times and sessions.
    pub fn is_of_one_owner_with(&self, other: &Self) -> bool {
        let (own, theirs) = (&self.claims, &other.claims);
        own.sub == theirs.sub && own.iss == theirs.iss
    }

    /// About how many bytes of memory keeping this token takes.
    pub fn weight(&self) -> usize {
        let claims = &self.claims;
        let single = [&claims.iss, &claims.sub, &claims.client_id, &claims.jti];
        let strings = single
            .into_iter()
            .chain(&claims.sid)
            .chain(claims.aud.members())
            .chain(&claims.roles)
            .map(String::as_str)
            .chain(claims.scope.iter().map(Scope::as_str))
            .chain([self.key_id.as_str()]);
        // What a string costs besides its text: its place in a list or tree and in the heap.
        let text: usize = strings.map(|string| string.len() + 48).sum();
        size_of::<Self>() + text
    }

    /// Judges the token against `policy` at the time `now`.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] from [`Refusal::Issuer`] on.
    pub fn verify(&self, policy: &Policy<'_>, now: UnixSeconds) -> Result<Verified<'_>, Refusal> {
        let verified = self.verify_for_issuer(policy.issuer, policy.max_lifetime, now)?;
        if self.claims.aud.contains(policy.audience) {
            Ok(verified)
        } else {
            Err(Refusal::Audience)
        }
    }

    /// Judges the token as its issuer does, who may look at tokens for any audience.
    ///
    /// # Errors
    ///
    /// As [`Self::verify`], but for [`Refusal::Audience`].
    pub fn verify_for_issuer(
        &self,
        issuer: &str,
        max_lifetime: i64,
        now: UnixSeconds,
    ) -> Result<Verified<'_>, Refusal> {
        let claims = &self.claims;
        if claims.iss != issuer {
            return Err(Refusal::Issuer);
        }
        if claims.exp.since(claims.iat) > max_lifetime {
            return Err(Refusal::Lifetime);
        }
        if now >= claims.exp.plus(LEEWAY) {
            return Err(Refusal::Expired);
        }
        let latest = now.plus(LEEWAY);
        if claims.iat > latest || claims.nbf.is_some_and(|nbf| nbf > latest) {
            return Err(Refusal::NotYetValid);
        }
        Ok(Verified(self))
    }
}

/// A token that is genuine, for us, and valid now. Whether it has been revoked is for
/// [`crate::revocation::Revocations::refuses`] to say.
#[derive(Debug, Clone, Copy)]
pub struct Verified<'a>(&'a Authentic);

impl<'a> Verified<'a> {
    /// What the token says.
    pub fn claims(self) -> &'a AccessClaims {
        &self.0.claims
    }

    /// The key that signed it.
    pub fn key_id(self) -> &'a KeyId {
        &self.0.key_id
    }

    /// What a revocation could name to end it.
    pub fn subjects(self) -> &'a Subjects {
        &self.0.subjects
    }
}

/// Mints an access token. The caller has made sure of what `claims` say.
///
/// # Errors
///
/// When the claims cannot be written as JSON, which none that are well formed do.
#[cfg(feature = "sign")]
pub fn sign(
    key: &crate::keys::SigningKey,
    claims: &AccessClaims,
) -> Result<String, jwt_compact::CreationError> {
    crate::jws::sign::seal(key, TOKEN_TYPE, claims)
}
