//! Origins of the web (RFC 6454): scheme, host and port, as a browser writes them.

use std::str::FromStr;

/// The text is not an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an http or https origin in lower case, without a path and a default port")]
pub struct InvalidOrigin;

/// An origin, in the one form that browsers send (RFC 6454 §6.2). Two are the same when their texts
/// are; `null` is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebOrigin(String);

impl WebOrigin {
    /// The origin of an http or https URL without user.
    pub fn of_url(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?.to_ascii_lowercase();
        let default = match scheme {
            "https" => ":443",
            "http" => ":80",
            _ => return None,
        };
        let authority = authority.strip_suffix(default).unwrap_or(&authority);
        format!("{scheme}://{authority}").parse().ok()
    }

    /// Whether an `Origin` header names this one.
    pub fn is(&self, header: &str) -> bool {
        self.0 == header
    }
}

/// Whose pages may send our cookies with requests that change something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trusted {
    /// The public URL's.
    pub own: Option<WebOrigin>,
    /// Others, by the settings.
    pub others: Vec<WebOrigin>,
}

impl Trusted {
    /// Whether an `Origin` header names the public URL's.
    pub fn is_own(&self, header: &str) -> bool {
        self.own.as_ref().is_some_and(|own| own.is(header))
    }

    /// Whether an `Origin` header names one of the others.
    pub fn names(&self, header: &str) -> bool {
        self.others.iter().any(|other| other.is(header))
    }
}

impl FromStr for WebOrigin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let (authority, default) = match text.split_once("://") {
            Some(("https", rest)) => (rest, ":443"),
            Some(("http", rest)) => (rest, ":80"),
            Some(_) | None => return Err(InvalidOrigin),
        };
        let plain = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_:[]".contains(&byte)
        };
        let fits = !authority.is_empty()
            && authority.bytes().all(plain)
            && !authority.ends_with(default)
            && !authority.starts_with(':');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidOrigin)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_one_form() {
        for (url, origin) in [
            ("https://edge.example", "https://edge.example"),
            ("https://Edge.Example:443/auth", "https://edge.example"),
            ("http://127.0.0.1:8787", "http://127.0.0.1:8787"),
            ("http://edge.example:80/", "http://edge.example"),
            ("https://[::1]:8443/x?y", "https://[::1]:8443"),
        ] {
            assert!(WebOrigin::of_url(url).unwrap().is(origin), "{url}");
            assert!(origin.parse::<WebOrigin>().unwrap().is(origin));
        }
        for text in [
            "",
            "null",
            "https://",
            "https://a/",
            "https://A",
            "https://a:443",
            "http://a:80",
            "ftp://a",
            "https://u@a",
            "https://a?b",
            "*",
            "https://*.a",
            "https://:1",
            "a.example",
        ] {
            assert_eq!(text.parse::<WebOrigin>(), Err(InvalidOrigin), "{text:?}");
        }
    }
}
