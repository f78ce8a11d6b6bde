//! Signing links, so that the same wish gives the same link for a while.
//!
//! A signature of Ed25519 depends on nothing but key and text (RFC 8032 §5.1.6), so it is the times
//! that have to be the same. They are those of the beginning of a period, which is a quarter of the
//! wished lifetime: whoever keeps a picture by its URL keeps it so long.

use super::{LINK_LIMIT, LINK_TYPE, LinkClaims};
use crate::{keys::SigningKey, time::UnixSeconds};

/// The longest period, in seconds.
const MAX_PERIOD: i64 = 24 * 60 * 60;

/// `iat` and `exp` of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// When it is taken to have been signed.
    pub iat: UnixSeconds,
    /// When it expires.
    pub exp: UnixSeconds,
}

impl Times {
    /// The times of a link for at most `lifetime` seconds, and at least three quarters of them, from
    /// `now` on, for a user whose tokens up to `not_before` are revoked.
    ///
    /// `iat` is rounded down, and yet always after `not_before`: what is signed after a revocation
    /// is not refused by it, and what was signed before is, since a revocation is at least as late
    /// as any `iat` before it.
    ///
    /// ```
    /// use portcullis_shared::{link::Times, time::UnixSeconds};
    /// let times = |now| Times::rounded(UnixSeconds(now), 3600, UnixSeconds(0));
    /// assert_eq!(times(36_000), times(36_899));
    /// assert_eq!(times(36_899).exp, UnixSeconds(39_600));
    /// assert_eq!(times(36_900).exp, UnixSeconds(40_500));
    /// ```
    pub fn rounded(now: UnixSeconds, lifetime: i64, not_before: UnixSeconds) -> Self {
        let period = (lifetime / 4).clamp(1, MAX_PERIOD);
        let start = now.plus(now.0.rem_euclid(period).saturating_neg());
        Self {
            iat: start.max(not_before.plus(1)),
            exp: start.plus(lifetime),
        }
    }
}

/// Why a link was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// No verifier would take such claims.
    #[error("no verifier would take such claims")]
    Claims,
    /// It would have more than [`LINK_LIMIT`] bytes.
    #[error("longer than verifiers take")]
    TooLong,
    /// The claims cannot be written as JSON, which does not happen.
    #[error(transparent)]
    Json(#[from] jwt_compact::CreationError),
}

/// Signs a link. The caller has made sure of what `claims` say.
///
/// # Errors
///
/// See [`SignError`].
pub fn sign(key: &SigningKey, claims: &LinkClaims) -> Result<String, SignError> {
    if !claims.is_well_formed() {
        return Err(SignError::Claims);
    }
    let link = crate::jws::sign::seal(key, LINK_TYPE, claims)?;
    if link.len() > LINK_LIMIT {
        return Err(SignError::TooLong);
    }
    Ok(link)
}
