//! JSON objects read without mercy: a member that stands twice is an error, also one that nobody
//! reads.
//!
//! Two parsers that resolve a repeated member differently see two different tokens (RFC 7515 §4
//! allows either behaviour); so there must be none. serde's derived structs refuse a repeated
//! member that they know; [`from_slice`] refuses the others, at any depth, and whatever else
//! `serde_json` lets pass in a value that it skips.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// Reads an object whose text is UTF-8 and in which, at any depth, no member stands twice.
pub(crate) fn from_slice<T: DeserializeOwned>(json: &[u8]) -> Result<T, serde_json::Error> {
    read::<T, Value>(json)
}

/// As [`from_slice`], for a structure that denies unknown members and whose own values are no objects:
/// serde's derived code refuses what stands twice there, so the text need not be read twice.
pub(crate) fn closed_from_slice<T: DeserializeOwned>(json: &[u8]) -> Result<T, serde_json::Error> {
    let text = std::str::from_utf8(json).map_err(serde_json::Error::custom)?;
    // Derived code takes a list of the values for the structure too.
    if !text.trim_start().starts_with('{') {
        return Err(serde_json::Error::custom("not an object"));
    }
    serde_json::from_str(text)
}

/// As [`from_slice`], but without a look at the values of the members: they are to be read one by
/// one, so that a bad one does not spoil the others.
pub(crate) fn outer_from_slice<T: DeserializeOwned>(json: &[u8]) -> Result<T, serde_json::Error> {
    read::<T, IgnoredAny>(json)
}

/// For an optional member: if it is there, it is not `null`. Wants `default` beside it.
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn read<T: DeserializeOwned, V: DeserializeOwned>(json: &[u8]) -> Result<T, serde_json::Error> {
    // serde_json does not look into strings that it skips, so the encoding is checked as a whole.
    let text = std::str::from_utf8(json).map_err(serde_json::Error::custom)?;
    serde_json::from_str::<Object<V>>(text)?;
    serde_json::from_str(text)
}

/// An object whose members each stand once and have values of the type `V`.
struct Object<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Object<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self(PhantomData))
    }
}

impl<'de, V: Deserialize<'de>> Visitor<'de> for Object<V> {
    type Value = Self;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = map.next_key::<Name>()? {
            map.next_value::<V>()?;
            names.push(name.0);
        }
        names.sort_unstable();
        if names.array_windows().any(|[one, next]| one == next) {
            return Err(A::Error::custom("repeated member"));
        }
        Ok(self)
    }
}

/// A member's name, not copied where it stands in the text as it is.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Any value, the objects in it being [`Object`]s.
struct Value;

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = Self;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self, A::Error> {
        Object::<Self>(PhantomData).visit_map(map)?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Known {
        #[expect(dead_code, reason = "only its presence is of interest")]
        a: u8,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Closed {
        #[expect(dead_code, reason = "only its presence is of interest")]
        a: u8,
        #[expect(dead_code, reason = "only its presence is of interest")]
        b: String,
    }

    #[test]
    fn in_a_closed_structure_nothing_is_repeated_and_nothing_else_is_there() {
        assert!(closed_from_slice::<Closed>(br#"{"a":1,"b":"2"}"#).is_ok());
        for json in [
            br#"{"a":1,"b":"2","a":1}"#.as_slice(),
            br#"{"a":1,"b":"2","\u0061":1}"#,
            br#"{"a":1,"b":"2","c":3}"#,
            b"{\"a\":1,\"b\":\"\xff\"}",
            b"\xef\xbb\xbf{\"a\":1,\"b\":\"2\"}",
            br#"{"a":1,"b":"2"} x"#,
            br#"{"a":1}"#,
            br#"[1,"2"]"#,
        ] {
            let read = closed_from_slice::<Closed>(json);
            assert!(read.is_err(), "{}", String::from_utf8_lossy(json));
        }
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
            for read in [from_slice::<Known>, outer_from_slice] {
                assert!(read(json).is_err(), "{}", String::from_utf8_lossy(json));
            }
        }
    }

    #[test]
    fn what_nobody_reads_is_looked_at_unless_it_is_to_be_read_later() {
        for json in [
            br#"{"a":1,"b":{"c":1,"c":1}}"#.as_slice(),
            br#"{"a":1,"b":[{"c":1,"c":1}]}"#,
            br#"{"a":1,"b":"\ud800"}"#,
            br#"{"a":1,"b":1e999}"#,
            format!(r#"{{"a":1,"b":{}{}}}"#, "[".repeat(200), "]".repeat(200)).as_bytes(),
        ] {
            assert!(from_slice::<Known>(json).is_err());
            assert!(outer_from_slice::<Known>(json).is_ok());
        }
    }
}
