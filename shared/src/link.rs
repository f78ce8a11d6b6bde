//! Links: JWTs of the type `url+jwt` in a URL's parameter `portcullis_link`, signed with Ed25519, that
//! let whoever has them fetch what they name, and nothing else.
//!
//! A link is bound to host, path (or everything below one), the rest of the query, methods and
//! time. It is no access token, and no access token is a link: the types differ, and so do the
//! claims.
//!
//! A link goes through three types, as an access token does (see [`crate::token`]), and only the
//! last one lets its claims be read:
//!
//! ```compile_fail,E0599
//! fn read(link: &portcullis_shared::link::Unverified<'_>) -> String {
//!     link.claims().sub.clone()
//! }
//! ```
//!
//! ```compile_fail,E0599
//! fn read(link: &portcullis_shared::link::Authentic) -> String {
//!     link.claims().sub.clone()
//! }
//! ```
//!
//! ```compile_fail,E0423
//! use portcullis_shared::link::{Authentic, Verified};
//! fn skip(link: &Authentic) -> Verified<'_> {
//!     Verified(link)
//! }
//! ```
//!
//! ```
//! fn read(link: portcullis_shared::link::Verified<'_>) -> String {
//!     link.claims().sub.clone()
//! }
//! ```

mod claims;
mod headers;
mod path;
mod query;
#[cfg(feature = "sign")]
mod sign;

pub use claims::{LinkClaims, LinkMethod, LinkMethods, is_host};
pub use headers::{Attachment, HEADER_LIMIT, InvalidAttachment, ResponseHeaders};
pub use path::{InvalidPath, LinkPath, PATH_LIMIT};
pub use query::{Found, PARAMETER, QueryDigest, find, without_links};
#[cfg(feature = "sign")]
pub use sign::{SignError, Times, sign};

use crate::{
    ids::KeyId,
    jws::{JwsError, Sealed},
    keys::KeySet,
    path::is_ambiguous,
    revocation::{Digest, Kind},
    strict_json,
    time::{LEEWAY, UnixSeconds},
};

/// The largest link that is looked at, in bytes.
pub const LINK_LIMIT: usize = 2048;

/// `typ` of a link.
pub const LINK_TYPE: &str = "url+jwt";

/// The longest `exp - iat` of a link, in seconds: a week. So long a revocation may have to be
/// published, and a key after its last use.
pub const MAX_LINK_LIFETIME: i64 = 7 * 24 * 60 * 60;

/// Why a link is refused. For logs and counters; never to be told to who uses it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not a JWS of this type whose signature holds.
    #[error("not a signed link: {0}")]
    NotGenuine(#[from] NotGenuine),
    /// The key is not in the key set; it may be newer than the set.
    #[error("unknown signing key {0}")]
    UnknownKey(KeyId),
    /// A claim is missing, repeated, unknown, of another type or out of range.
    #[error("the claims are malformed")]
    Claims,
    /// Signed by somebody else.
    #[error("another issuer")]
    Issuer,
    /// `exp - iat` is more than any link has.
    #[error("a longer lifetime than any link has")]
    Lifetime,
    /// Past its `exp`.
    #[error("expired")]
    Expired,
    /// Before its `iat`.
    #[error("not valid yet")]
    NotYetValid,
    /// For another host.
    #[error("another host")]
    Host,
    /// For another path.
    #[error("another path")]
    Path,
    /// For another query.
    #[error("another query")]
    Query,
    /// For other methods.
    #[error("another method")]
    Method,
}

/// What is wrong with a link before its claims are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotGenuine {
    /// Over [`LINK_LIMIT`].
    #[error("too long")]
    TooLong,
    /// Not three parts of base64url.
    #[error("malformed")]
    Malformed,
    /// A header with other members than `alg`, `typ` and `kid`, or odd ones.
    #[error("an unacceptable header")]
    Header,
    /// An algorithm that no key of ours has.
    #[error("an unacceptable algorithm")]
    Algorithm,
    /// A token of another kind.
    #[error("another type")]
    Type,
    /// The signature does not match.
    #[error("the signature does not match")]
    Signature,
}

impl From<JwsError> for Refusal {
    fn from(error: JwsError) -> Self {
        Self::NotGenuine(match error {
            JwsError::UnknownKey(id) => return Self::UnknownKey(id),
            JwsError::TooLong => NotGenuine::TooLong,
            JwsError::Malformed => NotGenuine::Malformed,
            JwsError::Header => NotGenuine::Header,
            JwsError::Algorithm => NotGenuine::Algorithm,
            JwsError::Type => NotGenuine::Type,
            JwsError::Signature => NotGenuine::Signature,
        })
    }
}

/// A link whose form is right; who signed it is open.
#[derive(Debug)]
pub struct Unverified<'a>(Sealed<'a>);

impl<'a> Unverified<'a> {
    /// Takes a link apart, after a look at its size.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotGenuine`].
    pub fn parse(text: &'a str) -> Result<Self, Refusal> {
        Ok(Self(Sealed::parse(text, LINK_TYPE, LINK_LIMIT)?))
    }

    /// The key that the link says it was signed with.
    pub fn key_id(&self) -> &KeyId {
        self.0.key_id()
    }

    /// Checks the signature and the form of the claims.
    ///
    /// # Errors
    ///
    /// [`Refusal::UnknownKey`], [`Refusal::NotGenuine`] or [`Refusal::Claims`].
    pub fn authenticate(self, keys: &KeySet) -> Result<Authentic, Refusal> {
        let (key_id, payload) = self.0.open(keys)?;
        let claims: LinkClaims = strict_json::from_slice(&payload).map_err(|_| Refusal::Claims)?;
        if !claims.is_well_formed() {
            return Err(Refusal::Claims);
        }
        let digest = |kind, id: &str| (kind, Digest::of(&claims.iss, kind, id));
        let subjects = [
            digest(Kind::SigningKey, key_id.as_str()),
            digest(Kind::User, &claims.sub),
        ];
        Ok(Authentic {
            claims,
            key_id,
            subjects,
        })
    }
}

/// A link that a key of the issuer signed.
#[derive(Debug, Clone)]
pub struct Authentic {
    claims: LinkClaims,
    key_id: KeyId,
    subjects: [(Kind, Digest); 2],
}

/// The request that a link comes with.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// The host, without port.
    pub host: &'a str,
    /// The path as it stands in the URL.
    pub path: &'a str,
    /// The query as it stands in the URL, less the link ([`without_links`]).
    pub query: Option<&'a str>,
}

impl Authentic {
    /// The key that signed it. It may have left the key set since; see [`KeySet::get`].
    pub fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    /// Judges the link, which must be of `issuer`, for a request at the time `now`.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] from [`Refusal::Issuer`] on.
    pub fn verify(
        &self,
        issuer: &str,
        request: &Request<'_>,
        now: UnixSeconds,
    ) -> Result<Verified<'_>, Refusal> {
        let claims = &self.claims;
        if claims.iss != issuer {
            return Err(Refusal::Issuer);
        }
        if claims.exp.since(claims.iat) > MAX_LINK_LIFETIME {
            return Err(Refusal::Lifetime);
        }
        if now >= claims.exp.plus(LEEWAY) {
            return Err(Refusal::Expired);
        }
        if claims.iat > now.plus(LEEWAY) {
            return Err(Refusal::NotYetValid);
        }
        let host = request.host.strip_suffix('.').unwrap_or(request.host);
        if !host.eq_ignore_ascii_case(&claims.host) {
            return Err(Refusal::Host);
        }
        // Below a prefix there must be no way up.
        if !claims.path.matches(request.path) || is_ambiguous(request.path) {
            return Err(Refusal::Path);
        }
        // A question mark with nothing behind it is one more than was signed.
        if request.query == Some("") || QueryDigest::of(request.query) != claims.query {
            return Err(Refusal::Query);
        }
        if !claims.methods.allow(request.method) {
            return Err(Refusal::Method);
        }
        Ok(Verified(self))
    }
}

/// A link that is genuine, and for this request at this time. Whether it has been revoked is for
/// [`crate::revocation::Revocations::refuses_link`] to say.
#[derive(Debug, Clone, Copy)]
pub struct Verified<'a>(&'a Authentic);

impl<'a> Verified<'a> {
    /// What the link says.
    pub fn claims(self) -> &'a LinkClaims {
        &self.0.claims
    }

    /// The key that signed it.
    pub fn key_id(self) -> &'a KeyId {
        &self.0.key_id
    }

    /// What a revocation could name to end it.
    pub(crate) fn subjects(self) -> &'a [(Kind, Digest)] {
        &self.0.subjects
    }
}
