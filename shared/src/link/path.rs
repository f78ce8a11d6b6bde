//! The path that a link is for.
//!
//! A link's path has only characters that no browser rewrites, and can be read in one way only, so
//! that what was signed is what arrives.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::path::is_ambiguous;

/// The longest path of a link, in bytes.
pub const PATH_LIMIT: usize = 512;

/// The text is no path that a link can be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a path for a link: it begins with `/`, has at most {PATH_LIMIT} characters as browsers \
     send them, percent-encoded where that is needed, and `*` as the whole last segment only"
)]
pub struct InvalidPath;

/// What a link is for: `/a/b` is that path alone, `/a/*` whatever begins with `/a/`.
///
/// ```
/// use portcullis_shared::link::LinkPath;
/// let album: LinkPath = "/images/7/*".parse()?;
/// assert!(album.matches("/images/7/cat.png") && album.matches("/images/7/small/cat.png"));
/// assert!(!album.matches("/images/7") && !album.matches("/images/70/cat.png"));
/// let one: LinkPath = "/images/7/cat.png".parse()?;
/// assert!(album.covers(&one) && !one.covers(&album));
/// # Ok::<(), portcullis_shared::link::InvalidPath>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkPath {
    /// The path, or what it begins with.
    literal: String,
    is_prefix: bool,
}

impl LinkPath {
    /// Whether a request for `path` is one that the link is for.
    pub fn matches(&self, path: &str) -> bool {
        if self.is_prefix {
            path.starts_with(&self.literal)
        } else {
            path == self.literal
        }
    }

    /// Whether this is for whatever `other` is for.
    pub fn covers(&self, other: &Self) -> bool {
        if self.is_prefix {
            other.literal.starts_with(&self.literal)
        } else {
            self == other
        }
    }

    /// Whether it is for more than one path.
    pub fn is_prefix(&self) -> bool {
        self.is_prefix
    }

    /// The path, or what all of them begin with.
    pub fn literal(&self) -> &str {
        &self.literal
    }
}

impl FromStr for LinkPath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        let (literal, is_prefix) = match text.strip_suffix('*') {
            Some(literal) if literal.ends_with('/') => (literal, true),
            Some(_) | None => (text, false),
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()+,=:@%/".contains(&byte);
        if text.len() > PATH_LIMIT || !literal.bytes().all(plain) || is_ambiguous(literal) {
            return Err(InvalidPath);
        }
        Ok(Self {
            literal: literal.to_owned(),
            is_prefix,
        })
    }
}

impl fmt::Display for LinkPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.literal)?;
        out.write_str(if self.is_prefix { "*" } else { "" })
    }
}

impl Serialize for LinkPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LinkPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_browsers_rewrite_or_servers_read_differently_is_no_path_of_a_link() {
        for text in [
            "",
            "a",
            "*",
            "/a*",
            "/*/a",
            "/a/**",
            "/a b",
            "/a\"b",
            "/a<b",
            "/a`b",
            "/a{b}",
            "/a|b",
            "/a^b",
            "/a[0]",
            "/ä",
            "/a?b",
            "/a#b",
            "/a;b",
            "/a\\b",
            "/a//b",
            "//*",
            "/../a",
            "/a/./b",
            "/a/..",
            "/a%2fb",
            "/a%2e",
            "/a%",
            "/a%zz",
            "/a\0",
            "/a\r\nb",
            "/a./*",
            &format!("/{}", "a".repeat(PATH_LIMIT)),
        ] {
            assert_eq!(text.parse::<LinkPath>(), Err(InvalidPath), "{text:?}");
        }
    }

    #[test]
    fn a_path_is_written_as_it_was_read() {
        for text in [
            "/",
            "/*",
            "/a",
            "/a/",
            "/a/*",
            "/a/b.c",
            "/caf%C3%A9/x",
            "/a(1),b=c@d:e+f",
        ] {
            assert_eq!(
                text.parse::<LinkPath>()
                    .map(|path| path.to_string())
                    .as_deref(),
                Ok(text)
            );
        }
    }

    #[test]
    fn a_prefix_ends_at_a_slash_and_is_compared_to_the_letter() {
        let path = |text: &str| text.parse::<LinkPath>().unwrap();
        assert!(path("/*").covers(&path("/a/*")) && path("/a/*").covers(&path("/a/b/*")));
        assert!(path("/a/*").covers(&path("/a/*")));
        for (one, other) in [
            ("/a/b/*", "/a/*"),
            ("/a", "/a/"),
            ("/a/*", "/a"),
            ("/a/*", "/A/b"),
        ] {
            assert!(!path(one).covers(&path(other)), "{one} {other}");
        }
        assert!(!path("/a").matches("/a/") && !path("/a/*").matches("/ab"));
    }
}
