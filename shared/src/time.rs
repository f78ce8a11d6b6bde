//! Time as tokens and the database write it: whole seconds since the Unix epoch, UTC
//! (`NumericDate` of RFC 7519 §2, without fractions).
//!
//! Arithmetic saturates, so that no time that anybody sends can overflow.

use serde::{Deserialize, Serialize};

/// Whole seconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixSeconds(pub i64);

impl UnixSeconds {
    /// The last second of the year 9999. Later times are refused wherever they are read.
    pub const MAX: Self = Self(253_402_300_799);

    /// This time moved by `seconds`, which may be negative.
    ///
    /// ```
    /// use portcullis_shared::time::UnixSeconds;
    /// assert_eq!(UnixSeconds(100).plus(-40), UnixSeconds(60));
    /// assert_eq!(UnixSeconds(i64::MAX).plus(1), UnixSeconds(i64::MAX));
    /// ```
    #[must_use]
    pub const fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to this time; negative when `earlier` is the later of the two.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// How long, in seconds, an access token is taken after its `exp`, and before its `iat` and `nbf`,
/// so that clocks may differ a little. Whoever computes until when a revocation must be published
/// adds it.
pub const LEEWAY: i64 = 5;
