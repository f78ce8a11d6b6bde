//! JSON objects read without mercy: a member that stands twice is an error, also one that nobody
//! reads.
//!
//! Two parsers that resolve a repeated member differently see two different tokens (RFC 7515 §4
//! allows either behaviour); so there must be none. serde's derived structs refuse a repeated
//! member that they know; [`from_slice`] refuses the others.

use std::{collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error, IgnoredAny, MapAccess, Visitor},
};

/// The outer object's member names, each there once.
struct UniqueMembers;

impl<'de> Deserialize<'de> for UniqueMembers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = UniqueMembers;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UniqueMembers, A::Error> {
                let mut seen = HashSet::new();
                while let Some(name) = map.next_key::<String>()? {
                    map.next_value::<IgnoredAny>()?;
                    if !seen.insert(name) {
                        return Err(A::Error::custom("repeated member"));
                    }
                }
                Ok(UniqueMembers)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// Reads an object whose text is UTF-8 and whose members each stand once.
pub(crate) fn from_slice<T: DeserializeOwned>(json: &[u8]) -> Result<T, serde_json::Error> {
    // serde_json does not look into strings that it skips, so the encoding is checked as a whole.
    let text = std::str::from_utf8(json).map_err(serde_json::Error::custom)?;
    serde_json::from_str::<UniqueMembers>(text)?;
    serde_json::from_str(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Known {
        #[expect(dead_code, reason = "only its presence is of interest")]
        a: u8,
    }

    #[test]
    fn a_repeated_member_is_refused_known_or_not() {
        assert!(from_slice::<Known>(br#"{"a":1,"b":2}"#).is_ok());
        for json in [
            br#"{"a":1,"a":1}"#.as_slice(),
            br#"{"a":1,"b":2,"b":2}"#,
            br#"{"a":1,"b":2,"\u0062":2}"#,
            b"\xef\xbb\xbf{\"a\":1}",
            b"{\"a\":1,\"b\":\"\xff\"}",
            br#"{"a":1} x"#,
            br"[1]",
        ] {
            assert!(
                from_slice::<Known>(json).is_err(),
                "{}",
                String::from_utf8_lossy(json)
            );
        }
    }
}
