//! Credentials: how a request says who sends it.
//!
//! Each kind has a room of its own; this one brings them together. Two that differ contradict each
//! other, and none of them counts. A cookie is the exception, because a browser sends it unasked:
//! beside a token in the header it counts for nothing, but has to be of the same session. An API key
//! has no session: beside one the cookie has to be of the key's owner. Beside a link it may be
//! anybody's, since links are made to be handed on.

mod api_key;
mod authorization;
mod cookie;

use portcullis_shared::{
    api_key::is_meant,
    link::{self, Found},
    routes::CredentialKind,
};

pub use api_key::PresentedKey;
pub use cookie::Page;

/// One credential.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    /// An access token in the `Authorization` header.
    Bearer(&'a str),
    /// An access token in the cookie.
    Cookie(&'a str),
    /// An API key, in either header.
    ApiKey(PresentedKey<'a>),
    /// A link in the URL.
    Link(&'a str),
}

impl std::fmt::Debug for Credential<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Bearer(_) => "Bearer(..)",
            Self::Cookie(_) => "Cookie(..)",
            Self::ApiKey(_) => "ApiKey(..)",
            Self::Link(_) => "Link(..)",
        })
    }
}

/// What a request shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presented<'a> {
    /// What counts.
    pub credential: Credential<'a>,
    /// The access token of a cookie that came along; it has to be of the same session, or of the
    /// key's owner.
    pub beside: Option<&'a str>,
}

/// Where credentials stand.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sources<'a> {
    /// `Authorization`, several joined with commas.
    pub authorization: Option<&'a str>,
    /// `Cookie`, several joined.
    pub cookie: Option<&'a str>,
    /// `X-API-Key`, several joined with commas.
    pub api_key: Option<&'a str>,
    /// The query of the URL.
    pub query: Option<&'a str>,
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
/// route that takes none is nobody's credential, and neither is `X-API-Key` on a route that takes no
/// keys; a token in `Authorization` is always meant as one.
///
/// ```
/// use portcullis_edge::credential::{Credential, Sources, find};
/// use portcullis_shared::routes::CredentialKind::Bearer;
/// let sources = Sources { authorization: Some("bearer a.b.c"), ..Sources::default() };
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
    let (mut bearer, mut key) = (None, None);
    match sources
        .authorization
        .map(authorization::token)
        .transpose()?
    {
        None => (),
        Some(Some(text)) if takes(CredentialKind::ApiKey) && is_meant(text) => {
            key = Some(PresentedKey::new(text)?);
        }
        Some(Some(token)) if takes(CredentialKind::Bearer) => bearer = Some(token),
        Some(_) => return Err(CredentialFault::Kind),
    }
    if let Some(header) = sources.api_key.filter(|_| takes(CredentialKind::ApiKey)) {
        let named = PresentedKey::alone(header)?;
        if bearer.is_some() || key.is_some_and(|key| key != named) {
            return Err(CredentialFault::Several);
        }
        key = Some(named);
    }
    let cookie = match sources.cookie {
        Some(header) if takes(CredentialKind::Cookie) => cookie::token(header)?,
        Some(_) | None => None,
    };
    let explicit = key
        .map(Credential::ApiKey)
        .or(bearer.map(Credential::Bearer));
    let link = match sources.query {
        Some(query) if takes(CredentialKind::SignedUrl) => link::find(query),
        Some(_) | None => Found::Nothing,
    };
    let alone = |credential| Presented {
        credential,
        beside: None,
    };
    match (link, explicit) {
        (Found::Nothing, _) => {}
        (Found::Link(link), None) => return Ok(Some(alone(Credential::Link(link)))),
        (Found::Link(_), Some(_)) | (Found::Several, _) => return Err(CredentialFault::Several),
    }
    Ok(match (explicit, cookie) {
        (Some(credential), beside) => Some(Presented { credential, beside }),
        (None, Some(token)) => Some(alone(Credential::Cookie(token))),
        (None, None) => None,
    })
}

/// Whether a header's value holds what looks like an API key, which no upstream may see.
pub fn holds_api_key(header: &str) -> bool {
    api_key::is_held_in(header)
}

/// Whether some server might find a bearer token in an `Authorization` header, however oddly it is
/// written.
pub fn holds_bearer(header: &str) -> bool {
    authorization::holds_bearer(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use CredentialKind::{ApiKey, Bearer, Cookie, SignedUrl};

    fn found<'a>(
        authorization: Option<&'a str>,
        cookie: Option<&'a str>,
        kinds: &[CredentialKind],
    ) -> Result<Option<Presented<'a>>, CredentialFault> {
        let sources = Sources {
            authorization,
            cookie,
            api_key: None,
            query: None,
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
    fn a_link_is_alone_and_counts_only_where_the_route_takes_one() {
        let (header, cookie) = (Some("Bearer a"), Some("__Host-portcullis=b"));
        let found = |authorization, cookie, query, kinds: &[CredentialKind]| {
            let sources = Sources {
                authorization,
                cookie,
                api_key: None,
                query: Some(query),
            };
            find(&sources, kinds).map(|found| found.map(|presented| presented.credential))
        };
        let all = [Bearer, Cookie, SignedUrl];
        let link = "w=1&portcullis_link=c";
        assert_eq!(
            found(None, None, link, &all),
            Ok(Some(Credential::Link("c")))
        );
        assert_eq!(found(None, None, link, &[Bearer, Cookie]), Ok(None));
        let bearer = Ok(Some(Credential::Bearer("a")));
        assert_eq!(found(header, None, link, &[Bearer]), bearer);
        // Whose cookie a browser sends along says nothing about a link that somebody handed on.
        assert_eq!(
            found(None, cookie, link, &all),
            Ok(Some(Credential::Link("c")))
        );
        let several = Err(CredentialFault::Several);
        assert_eq!(found(header, None, link, &all), several);
        let twice = "portcullis_link=c&portcullis_link=c";
        assert_eq!(found(None, None, twice, &all), several);
        assert_eq!(found(None, None, twice, &[Bearer]), Ok(None));
        let kind = Err(CredentialFault::Kind);
        assert_eq!(found(header, None, link, &[SignedUrl]), kind);
        assert_eq!(found(Some("Basic dTpw"), None, link, &all), kind);
    }

    #[test]
    fn a_key_counts_in_either_header_where_the_route_takes_keys() {
        let (key, other) = (key('a'), key('b'));
        let bearer = |text: &str| Some(format!("Bearer {text}"));
        let find = |authorization: Option<String>, api_key: Option<&str>, kinds: &[_]| {
            let sources = Sources {
                authorization: authorization.as_deref(),
                cookie: None,
                api_key,
                query: None,
            };
            find(&sources, kinds).map(|presented| match presented?.credential {
                Credential::ApiKey(key) => Some(key.reveal().to_owned()),
                Credential::Bearer(token) => Some(format!("as a token {token}")),
                Credential::Cookie(_) | Credential::Link(_) => panic!("there is none"),
            })
        };
        let (several, kind) = (Err(CredentialFault::Several), Err(CredentialFault::Kind));
        let counts = Ok(Some(key.clone()));
        for kinds in [[ApiKey].as_slice(), &[Bearer, ApiKey], &[Cookie, ApiKey]] {
            assert_eq!(find(bearer(&key), None, kinds), counts);
            assert_eq!(find(None, Some(&key), kinds), counts);
            assert_eq!(find(bearer(&key), Some(&key), kinds), counts, "the same");
            assert_eq!(find(bearer(&key), Some(&other), kinds), several);
            let twice = format!("{key}, {key}");
            assert_eq!(find(None, Some(&twice), kinds), several);
            assert_eq!(find(bearer(&twice), None, kinds), several);
            let malformed = Err(CredentialFault::Malformed);
            assert_eq!(find(None, Some("somebody-else-s"), kinds), malformed);
            assert_eq!(find(bearer("pak_"), None, kinds), malformed);
        }
        let token = || bearer("a.b.c");
        assert_eq!(find(token(), Some(&key), &[Bearer, ApiKey]), several);
        assert_eq!(find(token(), Some(&key), &[ApiKey]), kind);
        let as_token = Ok(Some("as a token a.b.c".to_owned()));
        assert_eq!(find(token(), Some(&key), &[Bearer]), as_token, "nobody's");
        let as_token = Ok(Some(format!("as a token {key}")));
        assert_eq!(find(bearer(&key), None, &[Bearer]), as_token, "and no good");
        assert_eq!(find(bearer(&key), None, &[Cookie]), kind);
        assert_eq!(find(None, Some(&key), &[Bearer, Cookie]), Ok(None));
    }

    #[test]
    fn a_cookie_stands_beside_a_key() {
        let key = key('a');
        let sources = Sources {
            authorization: None,
            cookie: Some("__Host-portcullis=b"),
            api_key: Some(&key),
            query: None,
        };
        let presented = find(&sources, &[Cookie, ApiKey]).unwrap().unwrap();
        assert!(matches!(presented.credential, Credential::ApiKey(_)));
        assert_eq!(presented.beside, Some("b"));
        let alone = find(&sources, &[ApiKey]).unwrap().unwrap();
        assert_eq!(alone.beside, None, "nobody's there");
    }

    #[test]
    fn debug_output_holds_no_credential() {
        let key = key('a');
        for credential in [
            Credential::Bearer(&key),
            Credential::Cookie(&key),
            Credential::Link(&key),
            Credential::ApiKey(PresentedKey::new(&key).unwrap()),
        ] {
            assert!(!format!("{credential:?}").contains("pak_"));
        }
    }

    /// In the form of a key; its checksum does not matter here.
    fn key(letter: char) -> String {
        format!("pak_{}_{}", "a".repeat(26), letter.to_string().repeat(56))
    }
}
