//! The query of a URL (RFC 3986 §3.4) with a link in it.
//!
//! A link is bound to the rest of the query as it stands, byte for byte: nothing is decoded, sorted
//! or tidied. So what is taken out is the parameter and the `&` that joined it, and nothing else.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// The name of the parameter that holds a link.
pub const PARAMETER: &str = "portcullis_link";

/// How many links a query holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Found<'a> {
    /// None.
    Nothing,
    /// This one.
    Link(&'a str),
    /// More than one, be they equal.
    Several,
}

impl std::fmt::Debug for Found<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Link(_) => "Link(..)",
            Self::Several => "Several",
        })
    }
}

/// Looks for a link in a query, given without its question mark.
///
/// ```
/// use portcullis_shared::link::{Found, find};
/// assert_eq!(find("w=100&portcullis_link=a.b.c"), Found::Link("a.b.c"));
/// assert_eq!(find("portcullis_link=a&portcullis_link=a"), Found::Several);
/// assert_eq!(find("w=portcullis_link"), Found::Nothing);
/// ```
pub fn find(query: &str) -> Found<'_> {
    // Most queries have none, and most requests no query.
    if !query.contains(PARAMETER) {
        return Found::Nothing;
    }
    let mut links = query.split('&').filter_map(value);
    match (links.next(), links.next()) {
        (None, _) => Found::Nothing,
        (Some(link), None) => Found::Link(link),
        (Some(_), Some(_)) => Found::Several,
    }
}

/// The query without links; `None` when nothing else stood there, and the question mark goes too.
///
/// ```
/// use portcullis_shared::link::without_links;
/// assert_eq!(without_links("a=1&portcullis_link=x&&b").as_deref(), Some("a=1&&b"));
/// assert_eq!(without_links("portcullis_link=x"), None);
/// ```
pub fn without_links(query: &str) -> Option<String> {
    let others: Vec<&str> = query
        .split('&')
        .filter(|piece| value(piece).is_none())
        .collect();
    (!others.is_empty()).then(|| others.join("&"))
}

/// The link in one piece of a query.
fn value(piece: &str) -> Option<&str> {
    let rest = piece.strip_prefix(PARAMETER)?;
    if rest.is_empty() {
        Some("")
    } else {
        rest.strip_prefix('=')
    }
}

/// SHA-256 of the rest of a query; that of the empty text where there is no query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryDigest([u8; 32]);

impl QueryDigest {
    /// The digest of a query as it stands, without question mark and link.
    pub fn of(rest: Option<&str>) -> Self {
        Self(Sha256::digest(rest.unwrap_or_default().as_bytes()).into())
    }
}

impl Serialize for QueryDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Base64UrlUnpadded::encode_string(&self.0))
    }
}

impl<'de> Deserialize<'de> for QueryDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let mut bytes = [0; 32];
        match Base64UrlUnpadded::decode(&*text, &mut bytes) {
            Ok(decoded) if decoded.len() == 32 => Ok(Self(bytes)),
            _ => Err(serde::de::Error::custom("not a SHA-256 in base64url")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_very_name_is_a_link() {
        for query in [
            "",
            "portcullis_links=x",
            "Portcullis_link=x",
            "x=portcullis_link=y",
            "portcullis%5Flink=x",
        ] {
            assert_eq!(find(query), Found::Nothing, "{query}");
            assert_eq!(without_links(query).as_deref(), Some(query));
        }
        assert_eq!(find("portcullis_link"), Found::Link(""));
        assert_eq!(find("portcullis_link=a=b"), Found::Link("a=b"));
    }

    #[test]
    fn debug_output_holds_no_link() {
        assert_eq!(format!("{:?}", find("portcullis_link=secret")), "Link(..)");
    }

    proptest! {
        #[test]
        fn what_is_taken_out_is_what_was_put_in(before in "[a-c=&%]{0,8}", after in "[a-c=&%]{0,8}") {
            let query = format!("{before}&portcullis_link=x&{after}");
            prop_assert_eq!(find(&query), Found::Link("x"));
            prop_assert_eq!(without_links(&query), Some(format!("{before}&{after}")));
            prop_assert_eq!(without_links(&format!("{before}&portcullis_link=x")), Some(before));
        }
    }
}
