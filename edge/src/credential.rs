//! Credentials: how a request says who sends it.
//!
//! Each kind has a room of its own; this one brings them together. Two that differ contradict each
//! other, and none of them counts. A cookie is the exception, because a browser sends it unasked:
//! beside a token in the header it counts for nothing, but has to be of the same session.

mod authorization;
mod cookie;

use portcullis_shared::routes::CredentialKind;

pub use cookie::Page;

/// One credential.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    /// An access token in the `Authorization` header.
    Bearer(&'a str),
    /// An access token in the cookie.
    Cookie(&'a str),
}

impl std::fmt::Debug for Credential<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Bearer(_) => "Bearer(..)",
            Self::Cookie(_) => "Cookie(..)",
        })
    }
}

/// What a request shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presented<'a> {
    /// What counts.
    pub credential: Credential<'a>,
    /// The access token of a cookie that came along; it has to be of the same session.
    pub beside: Option<&'a str>,
}

/// Where credentials stand.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sources<'a> {
    /// `Authorization`, several joined with commas.
    pub authorization: Option<&'a str>,
    /// `Cookie`, several joined.
    pub cookie: Option<&'a str>,
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
    /// The right kind, but what follows cannot be a token.
    #[error("a malformed credential")]
    Malformed,
}

/// Finds the credential of a request, of the kinds that the route takes. A cookie of ours on a
/// route that takes none is nobody's credential; a token in a header is always meant as one.
///
/// ```
/// use portcullis_edge::credential::{Credential, Sources, find};
/// use portcullis_shared::routes::CredentialKind::Bearer;
/// let sources = Sources { authorization: Some("bearer a.b.c"), cookie: None };
/// let presented = find(&sources, &[Bearer])?.unwrap();
/// assert_eq!(presented.credential, Credential::Bearer("a.b.c"));
/// assert_eq!(find(&Sources::default(), &[Bearer])?, None);
/// # Ok::<(), portcullis_edge::credential::CredentialFault>(())
/// ```
///
/// # Errors
///
/// See [`CredentialFault`].
pub fn find<'a>(
    sources: &Sources<'a>,
    kinds: &[CredentialKind],
) -> Result<Option<Presented<'a>>, CredentialFault> {
    let takes = |kind| kinds.contains(&kind);
    let bearer = match sources
        .authorization
        .map(authorization::token)
        .transpose()?
    {
        None => None,
        Some(Some(token)) if takes(CredentialKind::Bearer) => Some(token),
        Some(_) => return Err(CredentialFault::Kind),
    };
    let cookie = match sources.cookie {
        Some(header) if takes(CredentialKind::Cookie) => cookie::token(header)?,
        Some(_) | None => None,
    };
    let alone = |credential| Presented {
        credential,
        beside: None,
    };
    Ok(match (bearer, cookie) {
        (Some(token), beside) => Some(Presented {
            credential: Credential::Bearer(token),
            beside,
        }),
        (None, Some(token)) => Some(alone(Credential::Cookie(token))),
        (None, None) => None,
    })
}

/// Whether some server might find a bearer token in an `Authorization` header, however oddly it is
/// written.
pub fn holds_bearer(header: &str) -> bool {
    authorization::holds_bearer(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use CredentialKind::{Bearer, Cookie};

    fn found<'a>(
        authorization: Option<&'a str>,
        cookie: Option<&'a str>,
        kinds: &[CredentialKind],
    ) -> Result<Option<Presented<'a>>, CredentialFault> {
        let sources = Sources {
            authorization,
            cookie,
        };
        find(&sources, kinds)
    }

    #[test]
    fn only_what_the_route_takes_counts() {
        let (header, cookie) = (Some("Bearer a"), Some("__Host-portcullis=b"));
        let bearer = |beside| {
            let credential = Credential::Bearer("a");
            Ok(Some(Presented { credential, beside }))
        };
        assert_eq!(found(header, cookie, &[Bearer]), bearer(None));
        assert_eq!(found(header, cookie, &[Bearer, Cookie]), bearer(Some("b")));
        assert_eq!(found(None, cookie, &[Bearer]), Ok(None));
        let credential = Credential::Cookie("b");
        let alone = Presented {
            credential,
            beside: None,
        };
        assert_eq!(found(None, cookie, &[Bearer, Cookie]), Ok(Some(alone)));
        assert_eq!(
            found(header, cookie, &[Cookie]),
            Err(CredentialFault::Kind),
            "a token in the header is meant as one"
        );
        for scheme in ["Basic dTpw", ""] {
            let fault = found(Some(scheme), cookie, &[Bearer, Cookie]);
            assert_eq!(fault, Err(CredentialFault::Kind), "{scheme}");
        }
    }

    #[test]
    fn what_contradicts_itself_spoils_the_rest() {
        let twice = Some("__Host-portcullis=b; __Host-portcullis=c");
        let kinds = [Bearer, Cookie];
        let several = Err(CredentialFault::Several);
        assert_eq!(found(Some("Bearer a"), twice, &kinds), several);
        assert_eq!(found(None, twice, &kinds), several);
        assert_eq!(found(None, twice, &[Bearer]), Ok(None));
    }

    #[test]
    fn debug_output_holds_no_token() {
        for credential in [Credential::Bearer("secret"), Credential::Cookie("secret")] {
            assert!(!format!("{credential:?}").contains("secret"));
        }
    }
}
