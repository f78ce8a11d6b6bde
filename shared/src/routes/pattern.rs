//! Host and path patterns.
//!
//! A path pattern holds only characters that no percent-encoding may stand for in a request (the
//! unreserved ones of RFC 3986 §2.3), so that a request either has them as they are or is refused
//! as ambiguous before any pattern is tried.

use std::fmt;

use super::Fault;

/// Which hosts a rule is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// `*`: all of them.
    Any,
    /// This one, in lower case, without a port.
    Exact(String),
}

impl HostPattern {
    pub(super) fn new(text: &str) -> Result<Self, Fault> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let allowed =
            |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'[' | b']');
        // An IPv6 address is written in brackets, and only there is a colon allowed.
        let body = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let address =
            body.is_some_and(|body| body.bytes().all(|b| b.is_ascii_hexdigit() || b == b':'));
        let labels = || text.split('.').all(|label| !label.is_empty());
        let name = body.is_none() && text.bytes().all(allowed) && labels();
        if address || name {
            Ok(Self::Exact(text.to_owned()))
        } else {
            Err(Fault::Host)
        }
    }

    pub(super) fn is_exact(&self) -> bool {
        matches!(self, Self::Exact(_))
    }

    pub(super) fn matches(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(own) => own.eq_ignore_ascii_case(host),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => out.write_str("*"),
            Self::Exact(host) => out.write_str(host),
        }
    }
}

/// Which paths a rule is for: `/a/b` is that path alone; `/a/*` is `/a` and everything below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern {
    text: String,
    /// What the path begins with, or is: `text` without `*` and without a slash at the end.
    stem: String,
    below: bool,
}

impl PathPattern {
    /// The pattern of one path that is known to be plain.
    pub(super) fn exact(path: &str) -> Self {
        Self {
            text: path.to_owned(),
            stem: path.to_owned(),
            below: false,
        }
    }

    pub(super) fn new(text: &str) -> Result<Self, Fault> {
        let (literal, below) = match text.strip_suffix("/*") {
            Some(stem) => (stem, true),
            None => (text, false),
        };
        let rest = match literal.strip_prefix('/') {
            Some("") if below => return Err(Fault::Path),
            Some(rest) => rest,
            None if below && literal.is_empty() => "",
            None => return Err(Fault::Path),
        };
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let segment =
            |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(unreserved);
        // Of an exact path the last segment may be empty: `/` and `/a/` are paths.
        let segments = if below {
            rest
        } else {
            rest.strip_suffix('/').unwrap_or(rest)
        };
        if (!segments.is_empty() || rest.ends_with('/')) && !segments.split('/').all(segment) {
            return Err(Fault::Path);
        }
        let stem = literal.strip_suffix('/').unwrap_or(literal).to_owned();
        Ok(Self {
            text: text.to_owned(),
            stem,
            below,
        })
    }

    /// Among patterns that cover a path, the one with the greatest value governs it.
    pub(super) fn specificity(&self) -> (usize, bool) {
        (self.stem.len(), !self.below)
    }

    /// Whether an upstream could read `path` as a path of this pattern: letter case and a final
    /// slash are ignored.
    pub(super) fn covers(&self, path: &str) -> bool {
        let path = path.strip_suffix('/').unwrap_or(path);
        let Some((head, tail)) = path.split_at_checked(self.stem.len()) else {
            return false;
        };
        head.eq_ignore_ascii_case(&self.stem)
            && (tail.is_empty() || (self.below && tail.starts_with('/')))
    }

    /// Whether `path`, which this pattern covers, is one of its paths to the letter.
    pub(super) fn matches(&self, path: &str) -> bool {
        if self.below {
            path.starts_with(&self.stem)
        } else {
            path == self.text
        }
    }

    /// Whether both cover the same paths.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.below == other.below && self.stem.eq_ignore_ascii_case(&other.stem)
    }

    /// Whether a path that is built in is, or is below, this pattern's stem, and nothing else is.
    pub(super) fn is_built_in(&self) -> bool {
        let stem = self.stem.to_ascii_lowercase();
        let below = format!("{stem}/");
        super::built_in::covers(&stem)
            || stem == super::built_in::EDGE_METRICS
            || below.starts_with(super::built_in::AUTH_PREFIX)
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}
