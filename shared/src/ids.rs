//! Identifiers: 16 random bytes each, written as 22 characters of base64url without padding.
//!
//! They are parsed once, at the border; inside they are types, so that a session's id cannot be
//! taken for a user's. [`KeyId`] is the exception: it is the `kid` of a key (RFC 7517 §4.5), text
//! whose form other issuers choose.

use std::{fmt, str::FromStr};

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The text is not an identifier of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid identifier")]
pub struct InvalidId;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// Takes 16 random bytes as an identifier.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = InvalidId;

            fn try_from(bytes: &[u8]) -> Result<Self, InvalidId> {
                bytes.try_into().map(Self).map_err(|_| InvalidId)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let mut bytes = [0; 16];
                match Base64UrlUnpadded::decode(text, &mut bytes) {
                    Ok(decoded) if decoded.len() == 16 => Ok(Self(bytes)),
                    _ => Err(InvalidId),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&Base64UrlUnpadded::encode_string(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id! {
    /// A user; the `sub` of the tokens that Portcullis mints.
    ///
    /// ```
    /// use portcullis_shared::ids::UserId;
    /// let id = UserId::from_bytes([7; 16]);
    /// assert_eq!(id.to_string().len(), 22);
    /// assert_eq!(id.to_string().parse::<UserId>(), Ok(id));
    /// ```
    UserId
}
id! {
    /// A session: one login and the family of all refresh tokens that come of it; the `sid`.
    SessionId
}
id! {
    /// One access token; its `jti` (RFC 7519 §4.1.7).
    TokenId
}
id! {
    /// A plan of which sessions to end, stored until somebody carries it out.
    PlanId
}

/// The `kid` of a signing key: 1 to 128 characters of the base64url alphabet, `.`, `:` or `=`.
///
/// Portcullis names its own keys by their RFC 7638 thumbprint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct KeyId(String);

impl KeyId {
    /// The identifier as it stands in a header.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The `kid` of a key of another issuer, some of which write base64 with `+` and `/`.
    ///
    /// # Errors
    ///
    /// [`InvalidId`].
    pub(crate) fn foreign(text: &str) -> Result<Self, InvalidId> {
        Self::of_alphabet(text, b"-_.:=+/")
    }

    fn of_alphabet(text: &str, signs: &[u8]) -> Result<Self, InvalidId> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || signs.contains(&byte);
        if text.is_empty() || text.len() > 128 || !text.bytes().all(allowed) {
            return Err(InvalidId);
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for KeyId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::of_alphabet(text, b"-_.:=")
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_another_length_or_alphabet_is_refused() {
        for text in [
            "",
            "AAAA",
            &"A".repeat(21),
            &"A".repeat(23),
            "AAAAAAAAAAAAAAAAAAAAA+",
            "AAAAAAAAAAAAAAAAAAAAAB",
        ] {
            assert_eq!(text.parse::<UserId>(), Err(InvalidId), "{text}");
        }
    }

    #[test]
    fn a_key_id_is_short_and_plain() {
        assert!(
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
                .parse::<KeyId>()
                .is_ok()
        );
        for text in ["", "a b", "a/b", "../x", "é", "a\0", &"a".repeat(129)] {
            assert_eq!(text.parse::<KeyId>(), Err(InvalidId), "{text:?}");
        }
    }
}
