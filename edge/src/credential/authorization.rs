//! The `Authorization` header with an access token: `Bearer` (RFC 6750 §2.1).

use super::CredentialFault;

/// The token of an `Authorization` header, several of which the runtime has joined with commas;
/// `None` where the header is of another scheme.
pub(super) fn token(value: &str) -> Result<Option<&str>, CredentialFault> {
    match bearer(value) {
        Some(_) if value.contains(',') => Err(CredentialFault::Several),
        Some(token) => {
            let allowed = |byte: u8| {
                byte.is_ascii_alphanumeric()
                    || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
            };
            if token.is_empty() || !token.bytes().all(allowed) {
                return Err(CredentialFault::Malformed);
            }
            Ok(Some(token))
        }
        // Some other scheme; if the value holds `Bearer` as well, there were two headers.
        None if value.split(',').any(|part| bearer(part).is_some()) => {
            Err(CredentialFault::Several)
        }
        None => Ok(None),
    }
}

/// Whether some server might find a bearer token in an `Authorization` header, however oddly it is
/// written.
pub(super) fn holds_bearer(authorization: &str) -> bool {
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

    #[test]
    fn the_scheme_is_case_insensitive_and_spaces_may_repeat() {
        for value in [
            "Bearer a.b.c",
            "BEARER a.b.c",
            "bEaReR   a.b.c",
            " Bearer a.b.c ",
        ] {
            assert_eq!(token(value), Ok(Some("a.b.c")), "{value:?}");
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
            assert_eq!(token(value), Err(CredentialFault::Several), "{value:?}");
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
            assert_eq!(token(value), Err(CredentialFault::Malformed), "{value:?}");
        }
        for value in ["", "Basic dTpw", "Bearera.b.c", "DPoP a.b.c", "a.b.c"] {
            assert_eq!(token(value), Ok(None), "{value:?}");
        }
    }
}
