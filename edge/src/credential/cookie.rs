//! The cookie in which a browser holds its access token, and the proof that a page of this site
//! makes use of it.
//!
//! A browser attaches cookies to whatever any page asks for. `Sec-Fetch-Site` and `Origin` it
//! writes by itself, and no page can change them; so what changes something on the strength of the
//! cookie alone needs one of them. A WebSocket is opened by a GET, and everything may follow it:
//! it needs the proof too.

use super::CredentialFault;

/// The cookie of the access token, as the origin sets it.
const ACCESS: &str = "__Host-portcullis";

/// The access token in a `Cookie` header; `None` when there is none.
///
/// Only `;` separates cookies, and only spaces and tabs surround them (RFC 6265 §5.4): a comma, or
/// white space of another kind, may stand in a cookie that a neighbouring host has set, and what a
/// browser takes for a part of that must not become ours here. Where the runtime has joined several
/// headers with commas, what stands behind one is nobody's; a comma in our own is of two headers.
pub(super) fn token(header: &str) -> Result<Option<&str>, CredentialFault> {
    let blank = [' ', '\t'];
    let mut found = header.split(';').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        (name.trim_matches(blank) == ACCESS).then(|| value.trim_matches(blank))
    });
    let (first, second) = (found.next(), found.next());
    // A page of a neighbouring host may have planted one: nobody can tell which is meant.
    let is_joined = first.is_some_and(|token| token.contains(','));
    if second.is_some() || is_joined {
        return Err(CredentialFault::Several);
    }
    let Some(token) = first else { return Ok(None) };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if token.is_empty() || !token.bytes().all(allowed) {
        return Err(CredentialFault::Malformed);
    }
    Ok(Some(token))
}

/// What a browser tells of the page that sends a request.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// `Sec-Fetch-Site` (Fetch Metadata), several joined with commas.
    pub fetch_site: Option<&'a str>,
    /// `Origin` (RFC 6454 §7).
    pub origin: Option<&'a str>,
}

impl Page<'_> {
    /// Whether the page is one of the site `scheme://authority`.
    ///
    /// ```
    /// use portcullis_edge::credential::Page;
    /// let page = Page { fetch_site: None, origin: Some("https://app.example") };
    /// assert!(page.is_of("https", "app.example") && !page.is_of("https", "api.example"));
    /// ```
    pub fn is_of(&self, scheme: &str, authority: &str) -> bool {
        if let Some(site) = self.fetch_site {
            return site == "same-origin";
        }
        let host = self.origin.and_then(|origin| origin.strip_prefix(scheme));
        host.and_then(|rest| rest.strip_prefix("://")) == Some(authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        for header in [
            "__Host-portcullis=a.b-c_d.e",
            "x=1; __Host-portcullis=a.b-c_d.e; y=2",
            "__Host-portcullis-refresh=z;__Host-portcullis=a.b-c_d.e",
            "\t__Host-portcullis = a.b-c_d.e ",
        ] {
            assert_eq!(token(header), Ok(Some("a.b-c_d.e")), "{header}");
        }
        for header in [
            "",
            "x=1",
            "__Host-portcullis-refresh=z",
            "__host-portcullis=a.b.c",
            "portcullis=a.b.c",
            "x=__Host-portcullis",
            // What a neighbouring host can set.
            "x=1, __Host-portcullis=a.b.c",
            "x=1,__Host-portcullis=a.b.c; y=2",
            "\u{2000}__Host-portcullis=a.b.c",
            "\u{a0}__Host-portcullis=a.b.c",
        ] {
            assert_eq!(token(header), Ok(None), "{header}");
        }
    }

    #[test]
    fn the_same_cookie_twice_is_a_contradiction_even_when_equal() {
        for header in [
            "__Host-portcullis=a; __Host-portcullis=a",
            "__Host-portcullis=a; x=1; __Host-portcullis=b",
            "__Host-portcullis=; __Host-portcullis=b",
            "__Host-portcullis=a, __Host-portcullis=a",
            "__Host-portcullis=a,x=1; y=2",
        ] {
            assert_eq!(token(header), Err(CredentialFault::Several), "{header}");
        }
    }

    #[test]
    fn what_cannot_be_a_token_is_not_looked_at() {
        for value in ["", "a b", "\"a\"", "ä", "a=b", "a%2e"] {
            let header = format!("__Host-portcullis={value}");
            assert_eq!(token(&header), Err(CredentialFault::Malformed), "{header}");
        }
    }

    #[test]
    fn a_page_of_this_site_is_told_from_all_others() {
        let is_own = |fetch_site, origin| Page { fetch_site, origin }.is_of("https", "a.example");
        for (site, origin) in [
            (Some("same-origin"), None),
            (Some("same-origin"), Some("https://a.example")),
            (None, Some("https://a.example")),
        ] {
            assert!(is_own(site, origin), "{site:?} {origin:?}");
        }
        for (site, origin) in [
            (None, None),
            (Some("same-site"), Some("https://a.example")),
            (Some("cross-site"), None),
            (Some("none"), None),
            (Some("Same-Origin"), None),
            (Some(""), Some("https://a.example")),
            (Some("same-origin, same-origin"), None),
            (None, Some("null")),
            (None, Some("http://a.example")),
            (None, Some("https://a.example/")),
            (None, Some("https://a.example:8443")),
            (None, Some("https://a.example.evil.example")),
            (None, Some("https://a.example, https://a.example")),
            (None, Some("httpsa.example")),
        ] {
            assert!(!is_own(site, origin), "{site:?} {origin:?}");
        }
    }
}
