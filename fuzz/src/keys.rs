//! Key sets and API keys: what is read is what was written, and nothing else.

use portcullis_shared::{
    api_key::{ApiKey, ApiKeyId},
    ids::KeyId,
    keys::{KeySet, PublicKeySet},
};

use crate::setting::forge;

pub(crate) fn run_key_set(data: &[u8]) {
    let Ok(keys) = KeySet::parse(data) else {
        return;
    };
    let mut ids: Vec<&str> = keys.ids().map(KeyId::as_str).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert!(ids.len() == count, "no two keys have one id");
    for id in keys.ids() {
        let key = keys.get(id);
        assert!(key.is_some(), "a key is found by its id");
        let forged = key.is_some_and(|key| key.verify(b"nobody signed this", &[0; 64]));
        assert!(!forged, "an empty signature");
    }
}

pub(crate) fn key_set_seeds() -> Vec<Vec<u8>> {
    let own = forge().map(|(forge, _)| forge.key.public_jwk());
    let own = PublicKeySet {
        keys: own.into_iter().collect(),
    };
    let others = r#"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","alg":"RS256","kid":"r","use":"sig"},
{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},{"kty":"OKP","crv":"X25519","x":"AA","key_ops":["verify"]},
{"kty":"oct","k":"AA"},{},null]}"#;
    let own = serde_json::to_vec(&own).unwrap_or_default();
    vec![own, others.as_bytes().to_vec(), b"{\"keys\":[]}".to_vec()]
}

pub(crate) fn run_api_key(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(key) = ApiKey::parse(text) {
        assert!(
            key.expose().as_str() == text,
            "one key, one way to write it"
        );
        assert!(!format!("{key:?}").contains(text), "a secret is not shown");
    }
}

pub(crate) fn api_key_seeds() -> Vec<Vec<u8>> {
    let good = ApiKey::new(ApiKeyId::from_bytes([7; 16]), [9; 32]).expose();
    let bad = format!("pak_a4dqobyha4dqobyha4dqobyha4_{}", "a".repeat(56));
    vec![good.as_bytes().to_vec(), bad.into_bytes(), b"pak_".to_vec()]
}
