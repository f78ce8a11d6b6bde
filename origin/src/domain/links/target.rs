//! What a link is to lead to, as it is written in a wish: a path, perhaps with a query.

use std::{fmt, str::FromStr};

use portcullis_shared::link::{self, Found, InvalidPath, LinkPath};

/// The longest query, in bytes.
const QUERY_LIMIT: usize = 512;

/// The text is nothing that a link can lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// See [`InvalidPath`].
    #[error(transparent)]
    Path(#[from] InvalidPath),
    /// A query that browsers rewrite, that is empty or too long, or with a link in it.
    #[error(
        "the query must have 1 to {QUERY_LIMIT} characters as browsers send them, percent-encoded \
         where that is needed, and no link among them"
    )]
    Query,
}

/// A path, or all below one, with the query that every request has to have.
///
/// ```
/// use portcullis_origin::domain::links::Target;
/// let target: Target = "/images/cat.png?w=100".parse()?;
/// assert_eq!(target.query.as_deref(), Some("w=100"));
/// # Ok::<(), portcullis_origin::domain::links::InvalidTarget>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The path or paths.
    pub path: LinkPath,
    /// The query, less the link.
    pub query: Option<String>,
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        let Some((path, query)) = text.split_once('?') else {
            let path = text.parse()?;
            return Ok(Self { path, query: None });
        };
        let plain =
            |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&()*+,;=:@/?%[]".contains(&byte);
        let fits = (1..=QUERY_LIMIT).contains(&query.len()) && query.bytes().all(plain);
        if !fits || link::find(query) != Found::Nothing {
            return Err(InvalidTarget::Query);
        }
        Ok(Self {
            path: path.parse()?,
            query: Some(query.to_owned()),
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.query {
            Some(query) => write!(out, "{}?{query}", self.path),
            None => write!(out, "{}", self.path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_browsers_rewrite_is_not_signed() {
        for text in [
            "/a?",
            "/a?a b",
            "/a?\"",
            "/a?'",
            "/a?<",
            "/a?#b",
            "/a?ä",
            "/a?x=1\r\n",
            "/a?portcullis_link=x",
            "/a?b&portcullis_link",
            &format!("/a?{}", "b".repeat(QUERY_LIMIT + 1)),
        ] {
            assert_eq!(
                text.parse::<Target>(),
                Err(InvalidTarget::Query),
                "{text:?}"
            );
        }
        for text in ["", "a", "/a//b", "https://a.example/a", "/a%2fb?c"] {
            assert_eq!(
                text.parse::<Target>(),
                Err(InvalidTarget::Path(InvalidPath)),
                "{text:?}"
            );
        }
        for text in ["/a", "/a/*?w=100&filter[x]=y%20z", "/a?b?c/d"] {
            assert_eq!(
                text.parse::<Target>()
                    .map(|target| target.to_string())
                    .as_deref(),
                Ok(text)
            );
        }
    }
}
