//! Tokens and key sets of another issuer: whatever gets as far as the check of its signature is what the
//! declaration asks for.

use std::sync::LazyLock;

use base64ct::{Base64UrlUnpadded, Encoding};
use portcullis_shared::{
    foreign::{PublicKeys, Unverified, claimed_issuer},
    routes::RouteTable,
    token::{Policy, TOKEN_LIMIT},
};
use serde_json::{Map, Value, json};

use crate::setting::NOW;

const NAME: &str = "https://tenant.example/";

const TABLE: &str = r#"
[[issuer]]
issuer = "https://tenant.example/"
jwks_uri = "https://tenant.example/keys"
algorithms = ["RS256", "ES256"]
audiences = { api = "https://api.example" }
types = ["at+jwt", "absent"]
claims = { token_use = "access" }
roles_claim = ["realm", "roles"]
"#;

static DECLARED: LazyLock<Option<RouteTable>> = LazyLock::new(|| RouteTable::parse(TABLE).ok());

/// The key set of [`keys_json`].
static KEYS: LazyLock<Option<PublicKeys>> =
    LazyLock::new(|| PublicKeys::parse(&keys_json(), DECLARED.as_ref()?.issuer(NAME)?).ok());

fn keys_json() -> Vec<u8> {
    let number = |length| Base64UrlUnpadded::encode_string(&vec![0xff; length]);
    let rsa = json!({"kty": "RSA", "kid": "rsa", "n": number(256), "e": "AQAB"});
    let ec = json!({"kty": "EC", "crv": "P-256", "kid": "ec/+=", "x": number(32), "y": number(32)});
    json!({ "keys": [rsa, ec] }).to_string().into_bytes()
}

/// The input as a key set, as a token, and where a line ends as a header and claims with a signature of
/// a right length.
pub(crate) fn run(data: &[u8]) {
    let Some(issuer) = DECLARED.as_ref().and_then(|table| table.issuer(NAME)) else {
        return;
    };
    let _ = PublicKeys::parse(data, issuer);
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    is_as_declared(text);
    for token in made_of(text) {
        is_as_declared(&token);
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let claims = json!({"iss": NAME, "sub": "auth0|7", "aud": ["https://api.example"],
        "iat": NOW, "exp": NOW.plus(600), "token_use": "access", "scope": "api:read",
        "azp": "spa", "realm": {"roles": ["admin"]}});
    let rsa = format!(
        "{}\n{claims}",
        json!({"alg": "RS256", "kid": "rsa", "typ": "at+jwt"})
    );
    let ec = format!("{}\n{claims}", json!({"alg": "ES256", "kid": "ec/+="}));
    let none = format!("{}\n{claims}", json!({"alg": "none", "kid": "rsa"}));
    let mut seeds: Vec<Vec<u8>> = [rsa, ec, none].map(String::into_bytes).into();
    seeds.push(keys_json());
    seeds
}

/// Tokens of the header and the claims that the two lines are.
fn made_of(text: &str) -> Vec<String> {
    let Some((header, claims)) = text.split_once('\n') else {
        return Vec::new();
    };
    let [header, claims] =
        [header, claims].map(|part| Base64UrlUnpadded::encode_string(part.as_bytes()));
    let with = |length: usize| {
        let signature = Base64UrlUnpadded::encode_string(&vec![7; length]);
        format!("{header}.{claims}.{signature}")
    };
    vec![with(64), with(256)]
}

/// Whether a token gets as far as its signature.
fn is_as_declared(token: &str) -> bool {
    let (Some(table), Some(keys)) = (DECLARED.as_ref(), KEYS.as_ref()) else {
        return false;
    };
    let Some(issuer) = table.issuer(NAME) else {
        return false;
    };
    let Ok(check) = Unverified::parse(token, issuer).and_then(|token| token.check(keys)) else {
        return false;
    };
    assert!(token.len() <= TOKEN_LIMIT, "the length");
    assert!(claimed_issuer(token).as_deref() == Some(NAME), "the issuer");
    let parts: Vec<&str> = token.split('.').collect();
    assert!(parts.len() == 3, "a signed text has three parts");
    let (header, claims) = (read(&parts, 0), read(&parts, 1));
    let text = |map: &Map<String, Value>, name: &str| map.get(name).cloned().unwrap_or_default();
    let key = keys.get(check.key_id());
    assert!(
        key.is_some_and(|key| text(&header, "alg") == key.algorithm().name()),
        "the key's algorithm"
    );
    assert!(
        key.is_some_and(|key| key.jwk() == check.jwk()),
        "the issuer's key"
    );
    assert!(
        header
            .keys()
            .all(|name| ["alg", "kid", "typ"].contains(&name.as_str())),
        "the header"
    );
    assert!(text(&claims, "token_use") == "access", "a pinned claim");
    let Ok(authentic) = check.concluded(true) else {
        return false;
    };
    let policy = Policy {
        issuer: issuer.name(),
        audience: "https://api.example",
        max_lifetime: issuer.max_lifetime(),
    };
    if authentic.verify(&policy, NOW).is_ok() {
        let time = |name: &str| claims.get(name).and_then(Value::as_i64).unwrap_or_default();
        assert!(
            time("exp") - time("iat") <= issuer.max_lifetime(),
            "the lifetime"
        );
        assert!(
            !text(&claims, "sub").as_str().unwrap_or_default().is_empty(),
            "the subject"
        );
    }
    true
}

fn read(parts: &[&str], index: usize) -> Map<String, Value> {
    let part = parts.get(index).copied().unwrap_or_default();
    let bytes = Base64UrlUnpadded::decode_vec(part).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

#[cfg(test)]
pub(crate) fn is_accepted(data: &[u8]) -> bool {
    let text = std::str::from_utf8(data).unwrap_or_default();
    made_of(text).iter().any(|token| is_as_declared(token))
}
