//! Tokens that must be refused, and tokens that must pass: material for tests, of this crate and
//! of whatever verifies tokens with it.
//!
//! [`refused()`] and [`accepted()`] build every token anew from a key, a policy and a time, so that
//! the same list can be put before a function, a handler, or a running server. Each [`Case`]
//! changes one thing about a token that is otherwise good, signs the result with the genuine key
//! wherever that is possible, and says which rule ought to catch it: a case that is refused for
//! another reason is a mistake in the list or in the verifier.
//!
//! ```
//! use portcullis_shared::{corpus::{self, Forge}, keys::SigningKey, time::UnixSeconds};
//! # use portcullis_shared::token::Policy;
//! let key = SigningKey::from_seed(&[7; 32]).ok_or("no key")?;
//! let policy = Policy { issuer: "https://edge.example", audience: "api", max_lifetime: 600 };
//! let forge = Forge { key: &key, policy, scope: "api:read", now: UnixSeconds(1_800_000_000) };
//! for case in corpus::refused(&forge).iter().filter(|case| case.is_sendable() && case.steady) {
//!     // Send `case.token` as a bearer token: the answer is 401.
//! }
//! # Ok::<(), &str>(())
//! ```

mod accepted;
mod claims;
mod encoding;
mod forge;
mod form;
mod header;
mod json;
mod signature;

pub use forge::Forge;

use crate::token::Refusal;

/// One token and what a verifier makes of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// What is particular about it; unique in its list.
    pub name: String,
    /// The token as it would stand after `Bearer `.
    pub token: String,
    /// The rule that it is about.
    pub why: &'static str,
    /// The verifier's outcome at [`Forge::now`].
    pub expected: Result<(), Refusal>,
    /// Whether the outcome is still the same a minute later.
    pub steady: bool,
}

impl Case {
    /// Whether the token can be sent in a header of an HTTP request as it is: short enough for
    /// common servers, and nothing but visible ASCII (RFC 9110 §5.5).
    pub fn is_sendable(&self) -> bool {
        let visible = self.token.bytes().all(|byte| byte.is_ascii_graphic());
        visible && !self.token.is_empty() && self.token.len() <= 6000
    }

    fn refused(
        name: impl Into<String>,
        why: &'static str,
        refusal: Refusal,
        token: String,
    ) -> Self {
        Self {
            name: name.into(),
            token,
            why,
            expected: Err(refusal),
            steady: true,
        }
    }

    /// The same, but only in the second that it is made for.
    fn momentary(self) -> Self {
        Self {
            steady: false,
            ..self
        }
    }
}

/// Every token that must be refused.
pub fn refused(forge: &Forge<'_>) -> Vec<Case> {
    let mut cases = form::cases(forge);
    cases.extend(encoding::cases(forge));
    cases.extend(json::cases(forge));
    cases.extend(header::cases(forge));
    cases.extend(signature::cases(forge));
    cases.extend(claims::cases(forge));
    cases
}

/// Every token that must pass.
pub fn accepted(forge: &Forge<'_>) -> Vec<Case> {
    accepted::cases(forge)
}
