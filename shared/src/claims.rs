//! The claims of an access token (RFC 9068 §2.2, RFC 7519 §4.1).

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, SeqAccess, Visitor},
};

use crate::{scope::ScopeSet, strict_json::present, time::UnixSeconds};

/// `aud`: whom a token is for. One member is written as a string, several as an array
/// (RFC 7519 §4.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience(Vec<String>);

impl Audience {
    /// The audience of these members; none when the list is empty.
    pub fn new(members: Vec<String>) -> Option<Self> {
        (!members.is_empty()).then_some(Self(members))
    }

    /// Whether `member` is one of them, to the letter.
    pub fn contains(&self, member: &str) -> bool {
        self.0.iter().any(|own| own == member)
    }

    /// Whether `member` is the only one.
    pub fn is_only(&self, member: &str) -> bool {
        matches!(self.0.as_slice(), [only] if only == member)
    }

    /// The members, at least one.
    pub fn members(&self) -> &[String] {
        &self.0
    }
}

impl Serialize for Audience {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [only] => serializer.serialize_str(only),
            several => several.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;
        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Vec<String>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a string or an array of strings")
            }

            fn visit_str<E>(self, member: &str) -> Result<Vec<String>, E> {
                Ok(vec![member.to_owned()])
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = list.next_element()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        let members = deserializer.deserialize_any(OneOrMany)?;
        Self::new(members).ok_or_else(|| D::Error::custom("an empty audience"))
    }
}

/// What an access token says, checked in form but not yet against time, issuer and audience.
///
/// Readable only through [`crate::token::Verified`]; the origin, which mints them, makes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// Who minted the token: an URL, compared to the letter.
    pub iss: String,
    /// Whom it is for.
    pub aud: Audience,
    /// The user, unique within `iss`.
    pub sub: String,
    /// The client that the user logged in with (RFC 8693 §4.3).
    pub client_id: String,
    /// When it was minted.
    pub iat: UnixSeconds,
    /// Before when it is not to be taken, if at all.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub nbf: Option<UnixSeconds>,
    /// From when on it is not to be taken.
    pub exp: UnixSeconds,
    /// The token's own identifier.
    pub jti: String,
    /// The session that it belongs to; absent in tokens that stand for an API key.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub sid: Option<String>,
    /// What its bearer may do.
    #[serde(default)]
    pub scope: ScopeSet,
    /// The roles of the user (RFC 9068 §2.2.3.1).
    #[serde(default)]
    pub roles: Vec<String>,
}

impl AccessClaims {
    /// Whether the claims are within what any token may say: names that are not empty and hold no
    /// control characters, and times between 1970 and 9999 that are in order.
    pub(crate) fn is_well_formed(&self) -> bool {
        let own = [&self.client_id, &self.jti];
        own.iter().all(|name| !name.is_empty()) && self.is_well_formed_but_for_own_names()
    }

    /// The same, for claims of another issuer, which may have no `client_id` and no `jti`.
    pub(crate) fn is_well_formed_but_for_own_names(&self) -> bool {
        let own = [&self.client_id, &self.jti];
        let names = [&self.iss, &self.sub]
            .into_iter()
            .chain(own.into_iter().filter(|name| !name.is_empty()))
            .chain(&self.sid)
            .chain(self.aud.members())
            .chain(&self.roles);
        let range = UnixSeconds(0)..=UnixSeconds::MAX;
        let times = [Some(self.iat), self.nbf, Some(self.exp)];
        names
            .into_iter()
            .all(|name| !name.is_empty() && !name.contains(char::is_control))
            && times
                .into_iter()
                .flatten()
                .all(|time| range.contains(&time))
            && self.iat < self.exp
            && self.nbf.is_none_or(|nbf| nbf < self.exp)
    }
}
