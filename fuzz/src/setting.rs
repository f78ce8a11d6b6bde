//! Key, policy and moment that all targets share.

use std::sync::LazyLock;

use base64ct::{Base64UrlUnpadded, Encoding};
use portcullis_shared::{
    corpus::Forge,
    keys::{KeySet, SigningKey},
    time::UnixSeconds,
    token::Policy,
};
use serde_json::{Map, Value};

pub(crate) const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

pub(crate) const POLICY: Policy<'static> = Policy {
    issuer: "https://edge.example",
    audience: "api",
    max_lifetime: 600,
};

static KEY: LazyLock<Option<SigningKey>> = LazyLock::new(|| SigningKey::from_seed(&[7; 32]));

static KEYS: LazyLock<Option<KeySet>> = LazyLock::new(|| {
    let key = KEY.as_ref()?.verifying_key()?;
    KeySet::new(vec![key]).ok()
});

/// What signs, and who knows its key.
pub(crate) fn forge() -> Option<(Forge<'static>, &'static KeySet)> {
    let forge = Forge {
        key: KEY.as_ref()?,
        policy: POLICY,
        scope: "api:read",
        now: NOW,
    };
    Some((forge, KEYS.as_ref()?))
}

/// The input as it is; and, where a line ends, as a header and claims that our key signs: the fuzzer
/// finds no signature, and would never get past it.
pub(crate) fn texts(data: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(data).ok()?;
    let mut texts = vec![text.to_owned()];
    if let Some((header, claims)) = text.split_once('\n') {
        texts.push(forge()?.0.token_of(header, claims));
    }
    Some(texts)
}

/// The input that stands for a signed text: its header and claims in clear.
pub(crate) fn opened(token: &str) -> Option<Vec<u8>> {
    let mut parts = token.split('.').map(Base64UrlUnpadded::decode_vec);
    let (header, claims) = (parts.next()?.ok()?, parts.next()?.ok()?);
    // A line in the header would be taken for its end.
    if header.contains(&b'\n') {
        return None;
    }
    Some([header, vec![b'\n'], claims].concat())
}

/// The claims of a signed text that was accepted, by a parser that is not the one under test.
///
/// # Panics
///
/// When they, or the header, are not what must have been there.
pub(crate) fn claims_of(token: &str, media_type: &str) -> Map<String, Value> {
    let parts: Vec<&str> = token.split('.').collect();
    let decoded = |index: usize| {
        let bytes = Base64UrlUnpadded::decode_vec(parts.get(index).copied().unwrap_or_default());
        bytes
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
    };
    assert!(parts.len() == 3, "a signed text has three parts");
    let header: Map<String, Value> = decoded(0).unwrap_or_default();
    let member = |name: &str| header.get(name).and_then(Value::as_str).unwrap_or_default();
    assert!(header.len() == 3, "alg, typ and kid, and nothing else");
    assert!(
        matches!(member("alg"), "EdDSA" | "Ed25519"),
        "the algorithm"
    );
    assert!(member("typ").eq_ignore_ascii_case(media_type), "the type");
    let kid = KEY.as_ref().map(|key| key.id().as_str());
    assert!(kid == Some(member("kid")), "the key");
    decoded(1).unwrap_or_default()
}
