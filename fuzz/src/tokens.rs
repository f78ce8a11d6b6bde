//! Access tokens: what is accepted is what the policy asks for.

use portcullis_shared::{
    corpus,
    time::LEEWAY,
    token::{TOKEN_LIMIT, TOKEN_TYPE, Unverified},
};
use serde_json::{Map, Value};

use crate::setting::{NOW, POLICY, claims_of, forge, opened, texts};

pub(crate) fn run(data: &[u8]) {
    for token in texts(data).unwrap_or_default() {
        if accepts(&token) {
            check(&token, &claims_of(&token, TOKEN_TYPE));
        }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let Some((forge, _)) = forge() else {
        return Vec::new();
    };
    let cases = corpus::accepted(&forge);
    let cases = cases.into_iter().chain(corpus::refused(&forge));
    cases
        .map(|case| opened(&case.token).unwrap_or(case.token.into_bytes()))
        .collect()
}

#[cfg(test)]
pub(crate) fn is_accepted(data: &[u8]) -> bool {
    texts(data)
        .unwrap_or_default()
        .iter()
        .any(|token| accepts(token))
}

fn accepts(token: &str) -> bool {
    let Some((_, keys)) = forge() else {
        return false;
    };
    let authentic = Unverified::parse(token).and_then(|token| token.authenticate(keys));
    authentic.is_ok_and(|token| token.verify(&POLICY, NOW).is_ok())
}

fn check(token: &str, claims: &Map<String, Value>) {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let time = |name: &str| claims.get(name).and_then(Value::as_i64).unwrap_or_default();
    assert!(token.len() <= TOKEN_LIMIT, "the length");
    assert!(text("iss") == POLICY.issuer, "the issuer");
    assert!(!text("sub").is_empty(), "the subject");
    let audience = match claims.get("aud") {
        Some(Value::String(one)) => one == POLICY.audience,
        Some(Value::Array(many)) => many.iter().any(|one| one == POLICY.audience),
        _ => false,
    };
    assert!(audience, "the audience");
    let (issued, expires) = (time("iat"), time("exp"));
    assert!(expires - issued <= POLICY.max_lifetime, "the lifetime");
    assert!(expires + LEEWAY > NOW.0, "expired");
    assert!(issued <= NOW.0 + LEEWAY, "not yet valid");
}
