//! Links of signed URLs: one that passes was signed for this request.

use portcullis_shared::{
    link::{LINK_TYPE, QueryDigest, Request, Unverified},
    time::LEEWAY,
};
use serde_json::{Value, json};

use crate::setting::{NOW, POLICY, claims_of, forge, texts};

const REQUEST: Request<'static> = Request {
    method: "GET",
    host: "app.example",
    path: "/images/a.png",
    query: Some("w=100"),
};

pub(crate) fn run(data: &[u8]) {
    for text in texts(data).unwrap_or_default() {
        if !accepts(&text) {
            continue;
        }
        let claims = claims_of(&text, LINK_TYPE);
        let word = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
        let exp = claims
            .get("exp")
            .and_then(Value::as_i64)
            .unwrap_or_default();
        assert!(word("iss") == POLICY.issuer, "the issuer");
        assert!(word("host") == REQUEST.host, "the host");
        let path = word("path");
        let below = path.strip_suffix('*');
        let named = path == REQUEST.path || below.is_some_and(|all| REQUEST.path.starts_with(all));
        assert!(named, "the path");
        assert!(exp + LEEWAY > NOW.0, "expired");
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let Some((forge, _)) = forge() else {
        return Vec::new();
    };
    let header = json!({ "alg": "EdDSA", "typ": LINK_TYPE, "kid": forge.key.id().as_str() });
    let claims = |path: &str| {
        json!({
            "iss": POLICY.issuer, "sub": "AQEBAQEBAQEBAQEBAQEBAQ", "iat": NOW.0 - 5,
            "exp": NOW.0 + 600, "host": REQUEST.host, "path": path, "methods": ["GET", "HEAD"],
            "query": QueryDigest::of(REQUEST.query),
        })
    };
    [REQUEST.path, "/images/*", "/other"]
        .map(|path| format!("{header}\n{}", claims(path)).into_bytes())
        .to_vec()
}

#[cfg(test)]
pub(crate) fn is_accepted(data: &[u8]) -> bool {
    texts(data)
        .unwrap_or_default()
        .iter()
        .any(|text| accepts(text))
}

fn accepts(text: &str) -> bool {
    let Some((_, keys)) = forge() else {
        return false;
    };
    let authentic = Unverified::parse(text).and_then(|link| link.authenticate(keys));
    authentic.is_ok_and(|link| link.verify(POLICY.issuer, &REQUEST, NOW).is_ok())
}
