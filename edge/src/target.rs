//! The URL of a request (RFC 3986), taken apart but never rewritten: the text that is judged is
//! the text that is forwarded.
//!
//! Invariant: a [`Target`] has a path that can be read in one way only. What upstreams are known
//! to read differently (encoded slashes and dots, empty and dot segments, backslashes, path
//! parameters, double encoding, control characters) is refused before a rule is chosen.

use std::borrow::Cow;

use portcullis_shared::{
    link::{self, Found},
    path::is_ambiguous,
};

/// The URL cannot be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetFault {
    /// Not an absolute `http` or `https` URL.
    #[error("not an absolute URL")]
    Url,
    /// The path can be read in more than one way.
    #[error("an ambiguous path")]
    Ambiguous,
}

/// An absolute URL in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Host and port as they stand in the URL.
    pub authority: &'a str,
    /// The host alone.
    pub host: &'a str,
    /// The path, from its first slash.
    pub path: &'a str,
    /// The path and whatever follows.
    pub path_and_query: &'a str,
}

impl<'a> Target<'a> {
    /// The query as it stands, without its question mark.
    pub fn query(&self) -> Option<&'a str> {
        self.path_and_query.split_once('?').map(|(_, query)| query)
    }

    /// Path and query without links, and otherwise as they stand.
    pub fn without_links(&self) -> Cow<'a, str> {
        match self.query() {
            Some(query) if link::find(query) != Found::Nothing => {
                match link::without_links(query) {
                    Some(rest) => Cow::Owned(format!("{}?{rest}", self.path)),
                    None => Cow::Borrowed(self.path),
                }
            }
            Some(_) | None => Cow::Borrowed(self.path_and_query),
        }
    }

    /// Takes an absolute URL apart.
    ///
    /// ```
    /// use portcullis_edge::target::{Target, TargetFault};
    /// let target = Target::parse("https://app.example:8443/notes/7?q=/../x").unwrap();
    /// assert_eq!((target.host, target.path), ("app.example", "/notes/7"));
    /// assert_eq!(target.path_and_query, "/notes/7?q=/../x");
    /// assert_eq!(Target::parse("https://app.example/a%2fb"), Err(TargetFault::Ambiguous));
    /// ```
    ///
    /// # Errors
    ///
    /// See [`TargetFault`].
    pub fn parse(url: &'a str) -> Result<Self, TargetFault> {
        let (scheme, rest) = url.split_once("://").ok_or(TargetFault::Url)?;
        if !matches!(scheme, "http" | "https") {
            return Err(TargetFault::Url);
        }
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, path_and_query) = rest.split_at_checked(end).ok_or(TargetFault::Url)?;
        if authority.is_empty() || authority.contains('@') {
            return Err(TargetFault::Url);
        }
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => host,
            _ => authority,
        };
        // One dot may end a name. With more of them it is another text to us, and may be the same
        // host to somebody else.
        let name = host.strip_suffix('.').unwrap_or(host);
        if name.split('.').any(str::is_empty) {
            return Err(TargetFault::Url);
        }
        let path = path_and_query
            .split_once('?')
            .map_or(path_and_query, |(path, _)| path);
        if path_and_query.contains('#') || is_ambiguous(path) {
            return Err(TargetFault::Ambiguous);
        }
        Ok(Self {
            scheme,
            authority,
            host,
            path,
            path_and_query,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(path: &str) -> Result<String, TargetFault> {
        let url = format!("http://a.example{path}");
        Target::parse(&url).map(|target| target.path.to_owned())
    }

    #[test]
    fn ambiguous_paths_are_refused() {
        for text in [
            "",
            "?q",
            "/a//b",
            "//",
            "/a//",
            "/./a",
            "/a/..",
            "/a/...",
            "/a.",
            "/a./b",
            "/a%20",
            "/a%20/b",
            "/a/../b",
            "/.",
            "/a%2Fb",
            "/a%2fb",
            "/a%5Cb",
            "/a%5c",
            "/%2e%2e/a",
            "/.%2E/a",
            "/%2E",
            "/a%41",
            "/%7Ea",
            "/%2d",
            "/%5f",
            "/a\\b",
            "\\a",
            "/a;b=c",
            "/a%3bb",
            "/a%00",
            "/a%0d%0ab",
            "/a%1f",
            "/a%7F",
            "/a b",
            "/a\tb",
            "/a\u{7f}",
            "/\u{e4}",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a%u002f",
            "/a%252fb",
            "/a%252e",
            "/a%3fb",
            "/a%23b",
            "/a#b",
            "/a%c0%af",
            "/a%ff",
            "/a%e2%82",
            "/a%C3",
        ] {
            assert!(path(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn usual_paths_pass_as_they_are() {
        for text in [
            "/",
            "/a",
            "/a/",
            "/a/b.c",
            "/a/.b",
            "/..a",
            "/a%20b",
            "/caf%C3%A9",
            "/a+b",
            "/a:b@c",
            "/a,b!c'(d)*$&=",
            "/100%25",
            "/100%25/x",
            "/a%5B0%5D",
            "/%E2%82%AC",
        ] {
            assert_eq!(path(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn queries_are_nobody_s_business() {
        let url = "http://a/x?y=/../%2f;//\\%zz?&z";
        let target = Target::parse(url).unwrap();
        assert_eq!(target.path, "/x");
        assert_eq!(target.path_and_query, "/x?y=/../%2f;//\\%zz?&z");
    }

    #[test]
    fn links_are_taken_out_and_nothing_else() {
        for (text, rest) in [
            ("/x", "/x"),
            ("/x?", "/x?"),
            ("/x?a=1&&b=%zz", "/x?a=1&&b=%zz"),
            ("/x?portcullis_link=l", "/x"),
            ("/x?a=1&portcullis_link=l&b", "/x?a=1&b"),
            ("/x?portcullis_link=l&portcullis_link=m&", "/x?"),
            ("/portcullis_link=l?a", "/portcullis_link=l?a"),
        ] {
            let url = format!("http://a{text}");
            assert_eq!(Target::parse(&url).unwrap().without_links(), rest);
        }
    }

    #[test]
    fn the_host_is_taken_without_its_port() {
        for (url, host) in [
            ("http://a.example/", "a.example"),
            ("https://a.example:8443/", "a.example"),
            ("http://[::1]:8787/", "[::1]"),
            ("http://[::1]/", "[::1]"),
        ] {
            assert_eq!(Target::parse(url).unwrap().host, host);
        }
        for url in [
            "http:///x",
            "http://u@a/",
            "/x",
            "ftp://a/",
            "http:/a/",
            "http://a",
            "http://a\\@b/",
            "http://a../",
            "http://.a/",
            "http://a..b/",
            "http://./",
        ] {
            assert!(Target::parse(url).is_err(), "{url}");
        }
    }

    proptest! {
        #[test]
        fn a_path_that_passes_reads_the_same_after_decoding_once_or_twice(text in "/[a-c/.%0-9A-F;\\\\?#]{0,16}") {
            let url = format!("http://a{text}");
            if let Ok(target) = Target::parse(&url) {
                let once = decode(target.path);
                prop_assert_eq!(once.matches('/').count(), target.path.matches('/').count());
                prop_assert_eq!(decode(&once), once.clone());
                prop_assert!(!once.split('/').any(|segment| segment == "." || segment == ".."));
            }
        }

        #[test]
        fn whatever_the_url_taking_it_apart_ends(text in ".{0,64}") {
            let _ = Target::parse(&text);
            let _ = path(&text);
        }
    }

    /// Percent-decoding as a lenient server does it.
    fn decode(text: &str) -> String {
        let bytes = text.as_bytes();
        let mut out = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let encoded = text
                .get(at + 1..at + 3)
                .and_then(|digits| u8::from_str_radix(digits, 16).ok());
            let encoded = encoded.filter(|_| bytes[at] == b'%');
            out.push(encoded.unwrap_or(bytes[at]));
            at += if encoded.is_some() { 3 } else { 1 };
        }
        String::from_utf8_lossy(&out).into_owned()
    }
}
