//! Why we refuse what `jose` takes: each reason is told by looking at the token, not by our verdict.

mod members;

use base64ct::{Base64UrlUnpadded, Encoding};
use portcullis_shared::{
    time::UnixSeconds,
    token::{Policy, Refusal, TOKEN_LIMIT},
};
use serde_json::Value;

use super::Taken;

use members::Members;

/// A rule of ours that `jose` does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// Longer than [`TOKEN_LIMIT`].
    TooLong,
    /// Base64url in another form than the canonical one: padded, of the other alphabet, spaced,
    /// or with bits left over.
    Encoding,
    /// JSON that a strict reader does not read: half surrogate pairs, numbers out of range, deep
    /// nesting, a byte order mark.
    Json,
    /// A member that stands twice, at any depth.
    Repeated,
    /// A header member beside `alg`, `typ` and `kid`.
    HeaderMember,
    /// A `typ` with its `application/`, which RFC 7515 §4.1.9 lets one leave out and we do not
    /// write.
    LongType,
    /// A time that is no whole number of seconds between 1970 and 9999.
    Time,
    /// Times that are out of order: such a token would never be valid.
    Order,
    /// Longer valid than the issuer grants, whatever its age.
    Lifetime,
    /// A claim that names something, and is no text, empty, or has control characters in it.
    Name,
    /// An audience with a member that is no name.
    Audience,
    /// A scope that is not words one space apart (RFC 6749 §3.3).
    Scope,
    /// Roles that are no array of names.
    Roles,
}

impl Reason {
    pub(super) const ALL: [Self; 13] = [
        Self::TooLong,
        Self::Encoding,
        Self::Json,
        Self::Repeated,
        Self::HeaderMember,
        Self::LongType,
        Self::Time,
        Self::Order,
        Self::Lifetime,
        Self::Name,
        Self::Audience,
        Self::Scope,
        Self::Roles,
    ];

    /// The first rule that a token breaks which `jose` took.
    pub(super) fn find(text: &str, taken: &Taken, policy: &Policy<'_>) -> Option<Self> {
        if text.len() > TOKEN_LIMIT {
            return Some(Self::TooLong);
        }
        let decode = |part| Base64UrlUnpadded::decode_vec(part).ok();
        let Some(parts) = text.split('.').map(decode).collect::<Option<Vec<_>>>() else {
            return Some(Self::Encoding);
        };
        // What jose took has three parts.
        let (header, payload) = (&parts[0], &parts[1]);
        let (Some(members), Some(claims)) = (Members::of(header), Members::of(payload)) else {
            let beyond = is_beyond_strict_json(header) || is_beyond_strict_json(payload);
            return beyond.then_some(Self::Json);
        };
        if members.repeated || claims.repeated {
            return Some(Self::Repeated);
        }
        // Fractions and exponents are lost in what JavaScript reads.
        let claims: Value = serde_json::from_slice(payload).unwrap();
        Self::ALL
            .into_iter()
            .find(|reason| reason.is_broken_by(taken, &claims, policy))
    }

    fn is_broken_by(self, taken: &Taken, claims: &Value, policy: &Policy<'_>) -> bool {
        let time = |name: &str| claims.get(name).map(whole_seconds);
        let some_time = |name: &str| time(name).flatten();
        match self {
            Self::TooLong | Self::Encoding | Self::Json | Self::Repeated => false,
            Self::HeaderMember => taken
                .members
                .iter()
                .any(|name| !["alg", "typ", "kid"].contains(&name.as_str())),
            Self::LongType => taken.typ.contains('/'),
            Self::Time => ["iat", "nbf", "exp"]
                .iter()
                .any(|name| time(name) == Some(None)),
            Self::Order => [some_time("iat"), some_time("nbf")]
                .into_iter()
                .flatten()
                .any(|early| some_time("exp").is_some_and(|exp| early >= exp)),
            Self::Lifetime => some_time("exp")
                .zip(some_time("iat"))
                .is_some_and(|(exp, iat)| exp - iat > policy.max_lifetime),
            Self::Name => ["iss", "sub", "client_id", "jti", "sid"]
                .iter()
                .any(|name| claims.get(name).is_some_and(|value| !is_name(value))),
            Self::Audience => {
                let names = one_or_many(&claims["aud"]).map(|all| all.iter().all(is_name));
                names != Some(true)
            }
            Self::Scope => claims.get("scope").is_some_and(|scope| !is_scope(scope)),
            Self::Roles => claims.get("roles").is_some_and(|roles| {
                let names = roles.as_array().map(|all| all.iter().all(is_name));
                names != Some(true)
            }),
        }
    }

    /// Whether the verifier names this rule so.
    pub(super) fn shows_as(self, refusal: &Refusal) -> bool {
        match self {
            Self::TooLong => matches!(refusal, Refusal::TooLong),
            Self::Encoding => matches!(refusal, Refusal::Malformed),
            Self::Json | Self::Repeated => matches!(refusal, Refusal::Header | Refusal::Claims),
            Self::HeaderMember => matches!(refusal, Refusal::Header),
            Self::LongType => matches!(refusal, Refusal::Type),
            Self::Lifetime => matches!(refusal, Refusal::Lifetime | Refusal::Claims),
            Self::Time | Self::Order | Self::Name | Self::Audience | Self::Scope | Self::Roles => {
                matches!(refusal, Refusal::Claims)
            }
        }
    }
}

/// Whether JSON has something in it that only JavaScript reads.
fn is_beyond_strict_json(json: &[u8]) -> bool {
    let text = String::from_utf8_lossy(json).to_lowercase();
    let surrogate = [
        "\\ud8", "\\ud9", "\\uda", "\\udb", "\\udc", "\\udd", "\\ude", "\\udf",
    ];
    text.starts_with('\u{feff}')
        || surrogate.iter().any(|half| text.contains(half))
        || text.contains("1e999")
        || text.contains(&"[".repeat(120))
}

fn whole_seconds(value: &Value) -> Option<i64> {
    let seconds = value.as_i64()?;
    (0..=UnixSeconds::MAX.0)
        .contains(&seconds)
        .then_some(seconds)
}

fn is_name(value: &Value) -> bool {
    let fits = |name: &str| !name.is_empty() && !name.contains(char::is_control);
    value.as_str().is_some_and(fits)
}

fn is_scope(value: &Value) -> bool {
    let word = |word: &str| {
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        (1..=64).contains(&word.len()) && word.bytes().all(plain)
    };
    let words = |text: &str| text.is_empty() || text.split(' ').all(word);
    value.as_str().is_some_and(words)
}

fn one_or_many(value: &Value) -> Option<&[Value]> {
    let all = match value {
        Value::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    (!all.is_empty()).then_some(all)
}
