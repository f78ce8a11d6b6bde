//! What a link says.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::{LinkPath, QueryDigest, ResponseHeaders};
use crate::{strict_json::present, time::UnixSeconds};

/// A method that a link can be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LinkMethod {
    /// `GET`, and `HEAD` with it.
    Get,
    /// `HEAD` alone.
    Head,
}

impl LinkMethod {
    /// The name of the method.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
        }
    }
}

/// The methods that a link is for, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkMethods(Vec<LinkMethod>);

impl LinkMethods {
    /// These methods, in one order whatever they came in; `None` where there are none.
    pub fn new(methods: &[LinkMethod]) -> Option<Self> {
        let all = [LinkMethod::Get, LinkMethod::Head].into_iter();
        let own: Vec<_> = all.filter(|method| methods.contains(method)).collect();
        (!own.is_empty()).then_some(Self(own))
    }

    /// Whether the link is for requests with `method`. `HEAD` asks for less than `GET`.
    pub fn allow(&self, method: &str) -> bool {
        let named = |name| self.0.iter().any(|own| own.as_str() == name);
        named(method) || (method == "HEAD" && named("GET"))
    }
}

impl Serialize for LinkMethods {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for LinkMethods {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let methods = Vec::deserialize(deserializer)?;
        Self::new(&methods)
            .filter(|own| own.0 == methods)
            .ok_or_else(|| D::Error::custom("not a list of methods in order"))
    }
}

/// What a link says, checked in form but not yet against a request and the time.
///
/// Unlike those of an access token, claims that are not known are refused: one that a newer origin
/// adds might say what the link is *not* for. There is no identifier of its own and no time of the
/// moment in it, so that the same wish gives the same link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkClaims {
    /// Who signed it: an URL, compared to the letter.
    pub iss: String,
    /// The user who had it signed, unique within `iss`.
    pub sub: String,
    /// When it was signed, or somewhat before; never at or before the user's last revocation.
    pub iat: UnixSeconds,
    /// From when on it is not to be taken.
    pub exp: UnixSeconds,
    /// The host, in lower case, without port and final dot.
    pub host: String,
    /// The path or paths.
    pub path: LinkPath,
    /// The methods.
    pub methods: LinkMethods,
    /// The rest of the query, whatever the path.
    pub query: QueryDigest,
    /// What the answer's headers shall say.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub headers: Option<ResponseHeaders>,
}

impl LinkClaims {
    /// Whether the claims are within what any link may say: names that are not empty and hold no
    /// control characters, a host as it is written, and times between 1970 and 9999 in order.
    pub(super) fn is_well_formed(&self) -> bool {
        let name = |name: &String| !name.is_empty() && !name.contains(char::is_control);
        let range = UnixSeconds(0)..=UnixSeconds::MAX;
        name(&self.iss)
            && name(&self.sub)
            && is_host(&self.host)
            && range.contains(&self.iat)
            && range.contains(&self.exp)
            && self.iat < self.exp
    }
}

/// Whether `text` can be the host of a link: a name or an address as URLs have it, in lower case.
pub fn is_host(text: &str) -> bool {
    let part = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
    let address = |byte: u8| matches!(byte, b'a'..=b'f' | b'0'..=b'9' | b'.' | b':');
    let bracketed = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match bracketed {
        Some(inner) => !inner.is_empty() && inner.bytes().all(address),
        None => {
            text.len() <= 253
                && text.bytes().all(part)
                && text.split('.').all(|label| !label.is_empty())
        }
    }
}
