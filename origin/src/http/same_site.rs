//! Proof that a page of this site sent a request, against cross-site request forgery.
//!
//! A browser attaches cookies to whatever page asks; `Sec-Fetch-Site` and `Origin` it writes by
//! itself, and no page can change them. Whatever changes something on the strength of a cookie, or
//! sets one, needs the first to be `same-origin`, or in its absence the second to be the public
//! URL's. Pages of other origins that the settings name pass by their `Origin`. With neither header
//! nothing is proven.

use poem::{
    FromRequest, Request, RequestBody, Result,
    http::{HeaderMap, HeaderName, Method, header},
};
use portcullis_shared::problem::Code;

use super::{bearer::service, failure::Failure};
use crate::domain::web_origin::Trusted;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a method changes nothing (RFC 9110 §9.2.1), so that no proof is needed.
pub(crate) fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

/// Whether a request comes from a page of this site.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proof(bool);

impl Proof {
    /// What the headers of a request prove.
    pub(crate) fn of(headers: &HeaderMap, trusted: &Trusted) -> Self {
        // What is there twice was not written by a browser.
        let lone = |name: HeaderName| {
            let mut values = headers.get_all(&name).iter();
            match (values.next(), values.next()) {
                (None, _) => Ok(None),
                (Some(value), None) => value.to_str().map(Some).map_err(drop),
                (Some(_), Some(_)) => Err(()),
            }
        };
        let (Ok(site), Ok(origin)) = (lone(SEC_FETCH_SITE), lone(header::ORIGIN)) else {
            return Self(false);
        };
        let named = origin.is_some_and(|origin| trusted.names(origin));
        let proven = match site {
            Some("same-origin") => true,
            Some(_) => named,
            None => named || origin.is_some_and(|origin| trusted.is_own(origin)),
        };
        Self(proven)
    }

    /// # Errors
    ///
    /// 403 where nothing is proven.
    pub(crate) fn require(self) -> std::result::Result<(), Failure> {
        let refused = || {
            let detail = "a cookie needs Sec-Fetch-Site: same-origin, or the Origin of this site";
            Failure::new(Code::CrossSite).detail(detail)
        };
        self.0.then_some(()).ok_or_else(refused)
    }
}

impl<'a> FromRequest<'a> for Proof {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        Ok(Self::of(request.headers(), &service(request)?.origins))
    }
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;

    use super::*;

    fn proven(pairs: &[(&'static str, &str)]) -> bool {
        let own = "https://edge.example".parse().ok();
        let others = vec!["https://app.example".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.append(HeaderName::from_static(name), value);
        }
        Proof::of(&headers, &Trusted { own, others })
            .require()
            .is_ok()
    }

    #[test]
    fn a_page_of_this_site_is_told_from_all_others() {
        for pairs in [
            &[("sec-fetch-site", "same-origin")][..],
            &[
                ("sec-fetch-site", "same-origin"),
                ("origin", "https://edge.example"),
            ],
            &[("origin", "https://edge.example")],
            &[("origin", "https://app.example")],
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://app.example"),
            ],
        ] {
            assert!(proven(pairs), "{pairs:?}");
        }
        for pairs in [
            &[][..],
            &[("referer", "https://edge.example/")],
            &[("sec-fetch-site", "same-site")],
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://edge.example"),
            ],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "Same-Origin")],
            &[("sec-fetch-site", "same-origin, cross-site")],
            &[
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-site", "same-origin"),
            ],
            &[("sec-fetch-site", "")],
            &[("sec-fetch-site", "\u{e9}")],
            &[("origin", "null")],
            &[("origin", "https://edge.example/")],
            &[("origin", "https://edge.example:443")],
            &[("origin", "http://edge.example")],
            &[("origin", "https://edge.example.evil.example")],
            &[("origin", "https://evil.example")],
            &[
                ("origin", "https://edge.example"),
                ("origin", "https://edge.example"),
            ],
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://evil.example"),
            ],
        ] {
            assert!(!proven(pairs), "{pairs:?}");
        }
    }
}
