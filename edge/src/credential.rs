//! Credentials: how a request says who sends it.
//!
//! Only `Authorization: Bearer` (RFC 6750 §2.1) is known yet. Session cookies, API keys and signed
//! URLs will be further variants of [`Credential`]; whichever comes, two that differ contradict
//! each other and none of them counts.

use portcullis_shared::routes::CredentialKind;

/// One credential.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    /// An access token in the `Authorization` header.
    Bearer(&'a str),
}

impl std::fmt::Debug for Credential<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bearer(_) => out.write_str("Bearer(..)"),
        }
    }
}

/// What came is not one credential of a kind that the route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialFault {
    /// More than one.
    #[error("more than one credential")]
    Several,
    /// A scheme that is not taken here.
    #[error("a credential of a kind that is not taken here")]
    Kind,
    /// The right scheme, but what follows cannot be a token.
    #[error("a malformed credential")]
    Malformed,
}

/// Finds the credential of a request, whose `Authorization` headers the runtime has joined with
/// commas.
///
/// ```
/// use portcullis_edge::credential::{Credential, find};
/// use portcullis_shared::routes::CredentialKind::Bearer;
/// assert_eq!(find(Some("bearer a.b.c"), &[Bearer]), Ok(Some(Credential::Bearer("a.b.c"))));
/// assert_eq!(find(None, &[Bearer]), Ok(None));
/// ```
///
/// # Errors
///
/// See [`CredentialFault`].
pub fn find<'a>(
    authorization: Option<&'a str>,
    kinds: &[CredentialKind],
) -> Result<Option<Credential<'a>>, CredentialFault> {
    let Some(value) = authorization else {
        return Ok(None);
    };
    match bearer(value) {
        Some(_) if value.contains(',') => Err(CredentialFault::Several),
        Some(token) if kinds.contains(&CredentialKind::Bearer) => {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
            if token.is_empty() || !token.bytes().all(allowed) {
                return Err(CredentialFault::Malformed);
            }
            Ok(Some(Credential::Bearer(token)))
        }
        // Some other scheme; if the value holds `Bearer` as well, there were two headers.
        None if value.split(',').any(|part| bearer(part).is_some()) => {
            Err(CredentialFault::Several)
        }
        _ => Err(CredentialFault::Kind),
    }
}

/// Whether some server might find a bearer token in an `Authorization` header, however oddly it is
/// written.
pub fn holds_bearer(authorization: &str) -> bool {
    authorization.to_ascii_lowercase().contains("bearer")
}

/// What follows the scheme `Bearer`, in any letter case (RFC 9110 §11.1).
fn bearer(value: &str) -> Option<&str> {
    let value = value.trim_matches([' ', '\t']);
    let (scheme, rest) = value.split_once([' ', '\t']).unwrap_or((value, ""));
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| rest.trim_matches([' ', '\t']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(value: &str) -> Result<Option<Credential<'_>>, CredentialFault> {
        find(Some(value), &[CredentialKind::Bearer])
    }

    #[test]
    fn the_scheme_is_case_insensitive_and_spaces_may_repeat() {
        for value in [
            "Bearer a.b.c",
            "BEARER a.b.c",
            "bEaReR   a.b.c",
            " Bearer a.b.c ",
        ] {
            assert_eq!(
                found(value),
                Ok(Some(Credential::Bearer("a.b.c"))),
                "{value:?}"
            );
        }
    }

    #[test]
    fn two_headers_are_a_contradiction_even_when_equal() {
        for value in [
            "Bearer a, Bearer a",
            "Bearer a, Bearer b",
            "Basic x, Bearer b",
            "Bearer a, Basic x",
            "Bearer a,",
        ] {
            assert_eq!(found(value), Err(CredentialFault::Several), "{value:?}");
        }
    }

    #[test]
    fn what_cannot_be_a_token_is_not_looked_at() {
        for value in [
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer \"a\"",
            "Bearer a\u{0}b",
            "Bearer ä",
        ] {
            assert_eq!(found(value), Err(CredentialFault::Malformed), "{value:?}");
        }
        for value in ["", "Basic dTpw", "Bearera.b.c", "DPoP a.b.c", "a.b.c"] {
            assert_eq!(found(value), Err(CredentialFault::Kind), "{value:?}");
        }
    }

    #[test]
    fn debug_output_holds_no_token() {
        assert_eq!(format!("{:?}", Credential::Bearer("secret")), "Bearer(..)");
    }
}
